"""What the checks see in the cleaned objects of one held series. Texts hold counts and names of attributes, no values."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a check saw.

    Attributes
    ----------
    severity : {"info", "warning", "hold"}
        With ``hold`` no rule may clear the series, only a person.
    code : str
    path : str
        Attribute path, where there is one.
    text : str
        A sentence for the curator.
    object_id : int or None
        The first held object it concerns.
    """

    severity: str
    code: str
    path: str
    text: str
    object_id: int | None = None


@dataclass(frozen=True, slots=True)
class Inspected:
    """A cleaned object as the checks see it; ``facts`` is what `quarantine` keeps of it."""

    object_id: int
    state: str
    reason: str
    facts: Mapping[str, Any]


def inspect(objects: Sequence[Inspected], subject_labels: Sequence[str], kind: str) -> list[Finding]:
    """Check the objects of one held series.

    Parameters
    ----------
    objects : sequence of Inspected
        All that are held of the series.
    subject_labels : sequence of str
        The subjects under whom the study is held.
    kind : {"images", "files", "damaged"}

    Returns
    -------
    list of Finding
        Gravest first.
    """
    findings = [*_states(objects), *_from_objects(objects)]
    if kind == "files":
        findings.append(
            Finding("hold", "file.not-dicom", "", "Files that are not DICOM are not de-identified: open and read them.")
        )
    if len(subject_labels) > 1:
        text = f"The study holds images of {len(subject_labels)} subjects; it must have one."
        findings.append(Finding("hold", "study.mixed-subjects", "PatientID", text))
    cleaned = [one for one in objects if one.facts.get("facts")]
    findings += _numbers(cleaned)
    findings += _geometry(cleaned)
    rank = {"hold": 0, "warning": 1, "info": 2}
    return sorted(findings, key=lambda finding: (rank[finding.severity], finding.code, finding.path))


def _states(objects: Sequence[Inspected]) -> Iterator[Finding]:
    stuck = [one for one in objects if one.state == "stuck"]
    for reason, count in Counter(one.reason for one in stuck).items():
        first = next(one.object_id for one in stuck if one.reason == reason)
        yield Finding("hold", "object.stuck", "", f"{_objects(count)} could not be processed: {reason}", first)
    conflicts = [one for one in objects if one.state == "conflict"]
    if conflicts:
        text = f"{_objects(len(conflicts))} with a SOP Instance UID that is here already with other content: choose which stays."
        yield Finding("hold", "object.conflict", "SOPInstanceUID", text, conflicts[0].object_id)


def _from_objects(objects: Sequence[Inspected]) -> Iterator[Finding]:
    seen: dict[tuple[str, str, str, str], list[int]] = defaultdict(list)
    for one in objects:
        for severity, code, path, text in one.facts.get("doubts", []):
            seen[severity, code, path, text].append(one.object_id)
    for (severity, code, path, text), ids in seen.items():
        often = f" ({_objects(len(ids))})" if len(ids) > 1 else ""
        yield Finding(severity, code, path, text + often, ids[0])


def _numbers(objects: Sequence[Inspected]) -> Iterator[Finding]:
    numbers = Counter(one.facts["facts"]["instance_number"] for one in objects)
    missing = numbers.pop(None, 0)
    doubled = sum(1 for count in numbers.values() if count > 1)
    if missing and numbers:
        yield Finding(
            "info", "series.number-missing", "InstanceNumber", f"{_objects(missing)} without an instance number."
        )
    if doubled:
        yield Finding(
            "info", "series.number-double", "InstanceNumber", f"{doubled} instance numbers occur more than once."
        )
    digests = Counter(one.facts.get("pixel_digest") for one in objects)
    digests.pop(None, None)
    twins = sum(count - 1 for count in digests.values())
    if twins:
        first = next(one.object_id for one in objects if digests.get(one.facts.get("pixel_digest"), 0) > 1)
        text = f"{_objects(twins)} with the same pixels as another one."
        yield Finding("warning", "series.same-pixels", "PixelData", text, first)
    for key, name in (("modality", "Modality"), ("rows", "Rows"), ("columns", "Columns")):
        kinds = Counter(one.facts["facts"][key] for one in objects if one.facts["facts"][key] is not None)
        if len(kinds) > 1:
            severity, usual = "warning" if key == "modality" else "info", kinds.most_common(1)[0][0]
            other = next(one.object_id for one in objects if one.facts["facts"][key] not in (usual, None))
            text = f"{name} has {len(kinds)} different values in the series."
            yield Finding(severity, f"series.mixed-{key}", name, text, other)


def _geometry(objects: Sequence[Inspected]) -> Iterator[Finding]:
    """Look for gaps in a stack of parallel slices (PS3.3 C.7.6.2.1.1)."""
    planes = [
        (one.facts["position"], one.facts["orientation"], one.object_id)
        for one in objects
        if len(one.facts.get("position") or ()) == 3 and len(one.facts.get("orientation") or ()) == 6
    ]
    if len(planes) < 4:
        return
    row_x, row_y, row_z, column_x, column_y, column_z = planes[0][1]
    normal = (
        row_y * column_z - row_z * column_y,
        row_z * column_x - row_x * column_z,
        row_x * column_y - row_y * column_x,
    )
    askew = [one for _, orientation, one in planes if math.dist(planes[0][1], orientation) > 1e-3]
    if askew:
        text = "The slices are not all parallel."
        yield Finding("info", "geometry.not-parallel", "ImageOrientationPatient", text, askew[0])
        return
    at = {round(sum(n * p for n, p in zip(normal, position, strict=True)), 3): one for position, _, one in planes}
    places = sorted(at)
    steps = [after - before for before, after in zip(places, places[1:], strict=False)]
    if not steps:
        return
    usual = sorted(steps)[len(steps) // 2]
    gaps = [(step, before) for step, before in zip(steps, places, strict=False) if usual > 0 and step > 1.5 * usual]
    if gaps:
        lost = sum(round(step / usual) - 1 for step, _ in gaps)
        text = f"The stack has {len(gaps)} gaps: about {lost} slices of {usual:.2f} mm seem to be missing."
        text = text.replace("1 gaps", "1 gap").replace("1 slices", "1 slice")
        yield Finding("warning", "geometry.gap", "ImagePositionPatient", text, at[gaps[0][1]])


def _objects(count: int) -> str:
    return "1 object" if count == 1 else f"{count} objects"
