"""A second pass over an object that is released: its UIDs, its subject and its dates stay what they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from invivo import deidentification, dicom
from invivo.submissions.difference import REMOVALS, differences
from invivo.submissions.value_rule import ValueRules, finish

_RETAIN_UIDS, _RETAIN_FULL_DATES = "113110", "113106"
_IDENTITY = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "PatientID")


@dataclass(frozen=True, slots=True)
class Passed:
    """What a second pass made of a released object; ``changes`` is empty where it may stay as it is."""

    output: bytes = field(repr=False)
    report: deidentification.FileReport = field(repr=False)
    changes: Mapping[str, str]

    @property
    def only_removes(self) -> bool:
        """Whether nothing but removing and emptying was done."""
        return set(self.changes.values()) <= REMOVALS


def second_profile(profile: deidentification.Profile) -> deidentification.Profile:
    """The profile as it runs over released objects: the UIDs in them are ours already."""
    return replace(profile, options=profile.options | {"retain_uids"})


def second_pass(
    source: Path,
    profile: deidentification.Profile,
    mapping: deidentification.Mapping,
    attention: deidentification.Attention | None = None,
    known: Sequence[deidentification.Trace] = (),
    *,
    values: ValueRules | None = None,
) -> Passed:
    """Clean a released object by other rules.

    Parameters
    ----------
    source : Path
        The released file.
    profile : Profile
        As it is in force for new objects.
    mapping : Mapping
        Must map everything to itself.
    known : sequence of Trace
        Identifiers that other objects of the subject have.
    values : ValueRules, optional
        What is cleaned everywhere in the collection.

    Raises
    ------
    CannotDeidentify
        The rules cannot be run on a released object: they would change whose object or which object it is, or want dates
        shifted that never were, or do not understand it. Its ``kind`` says which.
    """
    before = dicom.read_dataset(source)
    if "retain_modified_dates" in profile.options and _dates(before) == "UNMODIFIED":
        text = "The released object has its true dates; they can be shifted only from the original."
        raise deidentification.CannotDeidentify(text, code="rerun.dates-unshifted")
    cleaned = deidentification.clean_file(source, second_profile(profile), mapping, known, attention)
    finished, report = finish(cleaned.output, cleaned.report, values or ValueRules())
    after = dicom.read_dataset(BytesIO(finished))
    if any(str(before.get(name, "")) != str(after.get(name, "")) for name in _IDENTITY):
        text = "These rules would give a released object another subject or other UIDs."
        raise deidentification.CannotDeidentify(text, code="rerun.identity-changes")
    changes = differences(before, after)
    output = dicom.written(_with_true_record(before, after, profile)) if changes else b""
    return Passed(output, report, changes)


def _dates(dataset: Dataset) -> str:
    return str(dataset.get("LongitudinalTemporalInformationModified", "") or "").strip().upper()


def _with_true_record(before: Dataset, after: Dataset, profile: deidentification.Profile) -> Dataset:
    """Take out of the record what a second pass cannot know: dates and UIDs were mapped in the first."""
    declared = _codes(before)
    untrue = {_RETAIN_UIDS} if "retain_uids" not in profile.options else set()
    if _dates(before) in {"MODIFIED", "REMOVED"}:
        untrue.add(_RETAIN_FULL_DATES)
        if _dates(after) in {"MODIFIED", "UNMODIFIED"}:
            after.LongitudinalTemporalInformationModified = _dates(before)
    items = after.get("DeidentificationMethodCodeSequence") or []
    kept = [item for item in items if str(item.get("CodeValue", "")) not in untrue - declared]
    if len(kept) < len(items):
        after.DeidentificationMethodCodeSequence = Items(kept)
    return after


def _codes(dataset: Dataset) -> set[str]:
    return {str(item.get("CodeValue", "")) for item in dataset.get("DeidentificationMethodCodeSequence") or []}
