"""A folder of the site de-identified into another: two passes, many processes, and every step can be taken up again.

First all headers are looked at, so that what identifies a patient in one object is taken out of all of them. Then each
patient's objects are cleaned, proven, written under new names and renamed into place. A file of the destination is
whole or not there; what was interrupted is done again and gives the same bytes.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from invivo.errors import Conflict
from invivo.site.cleaning import Batch, Plan, clean, engage, look
from invivo.site.gathering import Glance, Glances, Patient, digest_of
from invivo.site.ledger import Ledger, Outcome

_GLANCED_AT_ONCE = 200
_MOST_TRACES = 100_000
_CLEANED_AT_ONCE = 50


class Overlapping(Conflict):
    """Source and destination lie in one another."""

    code = "site.overlapping"


Progress = Callable[[str, int, int], None]
"""Told the pass (``looking`` or ``cleaning``), how many files are done, and how many there are."""


def deidentify_folder(plan: Plan, ledger: Ledger, progress: Progress | None = None) -> Counter[str]:
    """De-identify every file of a folder that is not settled yet.

    Returns
    -------
    Counter
        Files by outcome, those of earlier runs included.

    What was held is tried again in each run: a table may know the patient now, a doubt may be accepted, a reader be there.

    Raises
    ------
    Overlapping
    OSError
        The destination cannot be written, a full disk for example: what is settled stays, a later run goes on.
    """
    keep_apart(plan.source, plan.destination)
    tell = progress or (lambda _stage, _done, _all: None)
    paths = list(_files(plan.source))
    with _crew(plan) as each:
        glances = Glances()
        for found in each(look, _parts(paths, _GLANCED_AT_ONCE)):
            glances.add(found)
            tell("looking", len(glances.files), len(paths))
        settled, waiting = _settled(plan, ledger, glances)
        before = {path: target for path, (_, _, _, target) in ledger.done().items() if target}
        ledger.add(settled, {}, {}, {})
        done = len(paths) - len(waiting)
        tell("cleaning", done, len(paths))
        for cleaned in each(clean, list(_batches(waiting, glances))):
            ledger.add(cleaned.outcomes, cleaned.actions, cleaned.uids, cleaned.patients)
            _take_back(plan, cleaned.outcomes, before)
            done += len(cleaned.outcomes)
            tell("cleaning", done, len(paths))
    return Counter(one.outcome for one in ledger.outcomes())


def _take_back(plan: Plan, outcomes: Iterable[Outcome], before: Mapping[str, str]) -> None:
    """Delete what an earlier run wrote of files that are held now, or stand elsewhere now."""
    for one in () if plan.is_dry else outcomes:
        target = before.get(one.path, "")
        if target and target != one.target:
            (plan.destination / target).unlink(missing_ok=True)


_Each = Callable[..., Iterator[Any]]
"""Runs a verb of the crew over tasks, in one process or several; what comes back keeps the order of the tasks."""


@contextmanager
def _crew(plan: Plan) -> Iterator[_Each]:
    if plan.jobs <= 1:
        engage(plan)
        yield map
        return
    pool = ProcessPoolExecutor(plan.jobs, get_context("spawn"), engage, (plan,))
    try:
        yield pool.map
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def keep_apart(*folders: Path) -> None:
    """Refuse folders of which one lies in another; raises Overlapping."""
    resolved = [folder.resolve() for folder in folders]
    for place, one in enumerate(resolved):
        for other in resolved[place + 1 :]:
            if one == other or one in other.parents or other in one.parents:
                raise Overlapping(
                    "Source, destination and ledger must not lie in one another; give another destination."
                )


def _files(source: Path) -> Iterator[str]:
    """Paths of all files relative to the source, in an order of their own; links are not followed."""
    if source.is_file():
        yield ""
        return
    for folder, folders, names in os.walk(source):
        folders.sort()
        for name in sorted(names):
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(source).as_posix()


def _parts(paths: Sequence[str], count: int) -> list[list[str]]:
    return [list(paths[start : start + count]) for start in range(0, len(paths), count)]


def _settled(plan: Plan, ledger: Ledger, glances: Glances) -> tuple[list[Outcome], list[Glance]]:
    """What needs no cleaning (any more): done before, copies of another file, or of the same UID but different.

    A series is cleaned whole or not at all: what its first objects show decides how closely the others are looked at,
    so a broken-off series begins anew and gives the same bytes.
    """
    done = {} if plan.is_dry else ledger.done()
    outcomes: list[Outcome] = []
    waiting: list[Glance] = []
    past: list[Glance] = []
    first: dict[str, str] = {}
    for one in sorted(glances.files, key=lambda found: found.path):
        place = plan.source / one.path
        stat = place.stat()
        size, mtime_ns, outcome, target = done.get(one.path, (-1, -1, "", ""))
        other = first.setdefault(one.instance, one.path) if one.instance else one.path
        if (size, mtime_ns) == (stat.st_size, stat.st_mtime_ns) and _stands(plan, outcome, target):
            past += [one] if other == one.path and one.series else []
        elif other == one.path:
            waiting.append(one)
        elif _same(place, plan.source / other):
            outcomes.append(Outcome(one.path, stat.st_size, stat.st_mtime_ns, "repeated", "site.same-file"))
        else:
            outcomes.append(Outcome(one.path, stat.st_size, stat.st_mtime_ns, "held", "site.same-uid"))
    begun = {(one.patient, one.series) for one in waiting if one.series}
    waiting += [one for one in past if (one.patient, one.series) in begun]
    return outcomes, sorted(waiting, key=lambda one: one.path)


def _stands(plan: Plan, outcome: str, target: str) -> bool:
    return outcome == "repeated" or (outcome == "cleaned" and (plan.destination / target).is_file())


def _same(one: Path, other: Path) -> bool:
    return one.stat().st_size == other.stat().st_size and digest_of(one) == digest_of(other)


def _batches(waiting: Iterable[Glance], glances: Glances) -> Iterator[Batch]:
    """A series, or some files that belong to none, at a time. Files that are not DICOM may speak of any patient."""
    together: dict[tuple[Patient, str], list[str]] = {}
    others: list[str] = []
    for one in waiting:
        if one.is_object:
            together.setdefault((one.patient, one.series), []).append(one.path)
        else:
            others.append(one.path)
    for (patient, series), paths in together.items():
        known = tuple(sorted(glances.traces.get(patient, ())))
        for part in [paths] if series else _parts(paths, _CLEANED_AT_ONCE):
            yield Batch(tuple(part), known)
    everybody = tuple(sorted(set().union(*glances.traces.values())))[:_MOST_TRACES] if others else ()
    for part in _parts(others, _CLEANED_AT_ONCE):
        yield Batch(tuple(part), everybody, are_objects=False)
