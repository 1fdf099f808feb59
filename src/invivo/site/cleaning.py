"""What one process of a run does: look at headers, and clean, prove and write the objects of a patient."""

import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from invivo import deidentification
from invivo.errors import InvivoError
from invivo.site.gathering import Glances, glance
from invivo.site.ledger import Outcome


@dataclass(frozen=True, slots=True)
class Plan:
    """What is de-identified, by which rules, and where to.

    ``accepted`` are codes of doubts that do not hold an object here, because a person answers for them.
    ``is_dry``: everything is done, but nothing is written to the destination.
    """

    source: Path
    destination: Path
    profile: deidentification.Profile
    mapping: deidentification.Mapping
    accepted: frozenset[str] = frozenset()
    jobs: int = 1
    is_dry: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """The files of a series, or some that belong to none, and what identifies the patient in any of the patient's.

    ``mark`` is the keyed fingerprint of what is known.
    """

    paths: tuple[str, ...]
    known: tuple[deidentification.Trace, ...]
    mark: str
    are_objects: bool = True


@dataclass(slots=True)
class Cleaned:
    """What became of a batch, and what the maps learnt from it."""

    outcomes: list[Outcome] = field(default_factory=list)
    actions: dict[str, str] = field(default_factory=dict)
    uids: dict[str, str] = field(default_factory=dict)
    patients: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Worker:
    plan: Plan
    told_uids: int = 0
    digests: dict[tuple[deidentification.Action, ...], tuple[str, str]] = field(default_factory=dict)


_LARGEST_OTHER_BYTES = 1 << 30
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_worker: list[_Worker] = []  # one a process: the plan is sent once, and the engine remembers from batch to batch


def is_label(text: str) -> bool:
    """Tell whether a subject's label can stand in an object and as the name of a folder."""
    return _LABEL.fullmatch(text) is not None


def engage(plan: Plan) -> None:
    """Make this process work on a plan."""
    _worker[:] = [_Worker(plan)]


def look(paths: Sequence[str]) -> Glances:
    """Look at the headers of some files."""
    plan = _worker[0].plan
    return glance(plan.source, paths, plan.profile)


def clean(batch: Batch) -> Cleaned:
    """Clean a batch."""
    worker, done = _worker[0], Cleaned()
    attention = deidentification.Attention()
    for path in batch.paths:
        done.outcomes.append(_clean(worker, path, batch, attention, done))
    journal = worker.plan.mapping.journal or {}
    done.uids = dict(islice(journal.items(), worker.told_uids, None))
    worker.told_uids = len(journal)
    return done


def _clean(worker: _Worker, path: str, batch: Batch, attention: deidentification.Attention, done: Cleaned) -> Outcome:
    plan = worker.plan
    place = plan.source / path if path else plan.source
    stat = place.stat()
    about = (path, stat.st_size, stat.st_mtime_ns)
    if not batch.are_objects:
        return _clean_other(worker, path, place, about, batch, done)
    try:
        cleaned = deidentification.clean_file(place, plan.profile, plan.mapping, batch.known, attention)
    except InvivoError as error:
        return Outcome(*about, "held", error.kind)
    report = cleaned.report
    told = _told(worker, report.actions, report.doubts, report.leftovers, done)
    if cleaned.patient_id:
        done.patients[cleaned.patient_id] = report.subject_label
    reason = _reason(plan, report.doubts, report.leftovers)
    if reason:
        return Outcome(*about, "held", reason, subject=report.subject_label, told=told)
    target = "/".join((report.subject_label, report.study_uid, report.series_uid, f"{report.instance_uid}.dcm"))
    digest = hashlib.sha256(cleaned.output).hexdigest()
    if not plan.is_dry:
        _write(plan.destination / target, cleaned.output)
    named = (report.subject_label, report.study_uid, report.series_uid)
    return Outcome(*about, "cleaned", "", target, digest, *named, told, batch.mark)


def _clean_other(
    worker: _Worker, path: str, place: Path, about: tuple[str, int, int], batch: Batch, done: Cleaned
) -> Outcome:
    """A file that is not DICOM: headers of volumes, tables, pictures, texts."""
    plan = worker.plan
    if about[1] > _LARGEST_OTHER_BYTES:
        return Outcome(*about, "held", "deidentification.too-large")
    options = plan.profile.options
    try:
        cleaned = deidentification.clean_other(
            Path(path).name or place.name,
            place.read_bytes(),
            known=batch.known,
            mapping=plan.mapping,
            shift_days=None,
            keeps_dates="retain_full_dates" in options,
        )
    except InvivoError as error:
        return Outcome(*about, "held", error.kind)
    told = _told(worker, cleaned.actions, cleaned.doubts, cleaned.leftovers, done)
    reason = _reason(plan, cleaned.doubts, cleaned.leftovers)
    if reason:
        return Outcome(*about, "held", reason, told=told)
    target = f"files/{plan.mapping.pseudonym(path)[:6]}-{cleaned.name}"
    if not plan.is_dry:
        _write(plan.destination / target, cleaned.output)
    digest = hashlib.sha256(cleaned.output).hexdigest()
    return Outcome(*about, "cleaned", "", target, digest, told=told, known=batch.mark)


def _reason(plan: Plan, doubts: Sequence[deidentification.Doubt], leftovers: Sequence[str]) -> str:
    """Why a file is held; empty where it is not."""
    holds = [doubt.code for doubt in doubts if doubt.severity == "hold" and doubt.code not in plan.accepted]
    return "proof.leftover" if leftovers else holds[0] if holds else ""


def _told(
    worker: _Worker,
    actions: tuple[deidentification.Action, ...],
    doubts: Sequence[deidentification.Doubt],
    leftovers: Sequence[str],
    done: Cleaned,
) -> str:
    """The report's part on a file. Files of a series mostly share one set of actions, which is kept once."""
    known = worker.digests.get(actions)
    if known is None:
        text = json.dumps([[action.path, action.code, action.rule] for action in actions])
        known = hashlib.sha256(text.encode()).hexdigest()[:16], text
        worker.digests[actions] = known
        if len(worker.digests) > 1000:
            worker.digests.clear()
    done.actions[known[0]] = known[1]
    listed = [[doubt.code, doubt.severity, doubt.path] for doubt in doubts]
    return json.dumps({"actions": known[0], "doubts": listed, "leftovers": list(leftovers)})


def _write(target: Path, output: bytes) -> None:
    """Write a file under another name and rename it: it is whole or not there."""
    part = target.with_name(f".{target.name}.part")
    try:
        _written(part, output)
    except FileNotFoundError:
        target.parent.mkdir(parents=True, exist_ok=True)
        _written(part, output)
    try:
        part.replace(target)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _written(part: Path, output: bytes) -> None:
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as stream:
            left = memoryview(output)
            while left:
                left = left[stream.write(left) :]
    except OSError:
        part.unlink(missing_ok=True)
        raise
