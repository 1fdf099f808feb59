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
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from invivo import deidentification
from invivo.errors import Conflict
from invivo.site.cleaning import Batch, Plan, clean, engage, look
from invivo.site.gathering import MOST_OF_PATIENT, TOO_MANY, Glance, Glances, Patient, digest_of, mark_of
from invivo.site.ledger import Ledger, Outcome, Settled

_GLANCED_AT_ONCE = 200
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
    What was cleaned is cleaned again where the patient's objects tell of other identifiers than they did then.

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
        marks = _Marks(plan, glances)
        settled, waiting = _settled(plan, ledger, glances, marks)
        before = {path: one.target for path, one in ledger.done().items() if one.target}
        ledger.add(settled, {}, {}, {})
        _take_back(plan, [one for one in settled if one.reason == TOO_MANY], before)
        done = len(paths) - len(waiting)
        tell("cleaning", done, len(paths))
        for cleaned in each(clean, list(_batches(waiting, marks))):
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


@dataclass(slots=True)
class _Marks:
    """What is known of whom, and the fingerprints of it."""

    plan: Plan
    glances: Glances
    _of: dict[Patient | None, tuple[tuple[deidentification.Trace, ...], str]] = field(default_factory=dict)

    def known(self, one: Glance) -> tuple[tuple[deidentification.Trace, ...], str]:
        """What a file is cleaned with: what identifies its patient, and of a file that is not DICOM what identifies any."""
        whose = one.patient if one.is_object else None
        if whose not in self._of:
            known = self.glances.known_of_all() if whose is None else self.glances.known_of(whose)
            self._of[whose] = known, mark_of(known, self.plan.mapping.secret)
        return self._of[whose]


def _settled(plan: Plan, ledger: Ledger, glances: Glances, marks: _Marks) -> tuple[list[Outcome], list[Glance]]:
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
        earlier = done.get(one.path)
        about = (one.path, stat.st_size, stat.st_mtime_ns)
        refused = one.refused or _excess(one, marks)
        if refused:
            outcomes.append(Outcome(*about, "held", refused))
            continue
        other = first.setdefault(one.instance, one.path) if one.instance else one.path
        if earlier and (earlier.size, earlier.mtime_ns) == about[1:] and _stands(plan, earlier, one, marks):
            past += [one] if other == one.path and one.series else []
        elif other == one.path:
            waiting.append(one)
        elif _same(place, plan.source / other):
            outcomes.append(Outcome(*about, "repeated", "site.same-file"))
        else:
            outcomes.append(Outcome(*about, "held", "site.same-uid"))
    begun = {(one.patient, one.series) for one in waiting if one.series}
    waiting += [one for one in past if (one.patient, one.series) in begun]
    return outcomes, sorted(waiting, key=lambda one: one.path)


def _stands(plan: Plan, earlier: Settled, one: Glance, marks: _Marks) -> bool:
    """Whether what an earlier run made of a file is what this one would make of it."""
    if earlier.outcome == "repeated":
        return True
    is_known = earlier.outcome == "cleaned" and earlier.known == marks.known(one)[1]
    return is_known and (plan.destination / earlier.target).is_file()


def _excess(one: Glance, marks: _Marks) -> str:
    """Why a file is held whose patient has more identifiers than can be looked for."""
    return TOO_MANY if one.is_object and len(marks.known(one)[0]) > MOST_OF_PATIENT else ""


def _same(one: Path, other: Path) -> bool:
    return one.stat().st_size == other.stat().st_size and digest_of(one) == digest_of(other)


def _batches(waiting: Iterable[Glance], marks: _Marks) -> Iterator[Batch]:
    """A series, or some files that belong to none, at a time. Files that are not DICOM may speak of any patient."""
    together: dict[tuple[Patient, str], list[Glance]] = {}
    others: list[Glance] = []
    for one in waiting:
        if one.is_object:
            together.setdefault((one.patient, one.series), []).append(one)
        else:
            others.append(one)
    for (_, series), files in together.items():
        paths = [one.path for one in files]
        for part in [paths] if series else _parts(paths, _CLEANED_AT_ONCE):
            yield Batch(tuple(part), *marks.known(files[0]))
    for part in _parts([one.path for one in others], _CLEANED_AT_ONCE):
        yield Batch(tuple(part), *marks.known(others[0]), are_objects=False)
