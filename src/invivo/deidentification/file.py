"""De-identification of one file: read within limits, cleaned, written whole or not at all, and proven."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from invivo import dicom
from invivo.deidentification.burned_in import Attention
from invivo.deidentification.dataset import deidentify, patient_of
from invivo.deidentification.element import stored, texts_of
from invivo.deidentification.identifier import Trace, traces_with
from invivo.deidentification.mapping import Mapping
from invivo.deidentification.picture import with_clean_pixels
from invivo.deidentification.profile import Profile, profile_named
from invivo.deidentification.proof import leftovers
from invivo.deidentification.report import Action, CannotDeidentify, Cleaned, Doubt
from invivo.deidentification.script_profile import ScriptProfile
from invivo.errors import InvivoError, TooLarge

LARGEST_FILE_BYTES = 2 << 30
_UNDEFINED = 0xFFFFFFFF
_STUDY, _SERIES, _INSTANCE = 0x0020000D, 0x0020000E, 0x00080018


class FileTooLarge(TooLarge):
    """The file is larger than what is cleaned in memory."""

    code = "deidentification.too-large"


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of a file. ``leftovers`` must be empty before anything is passed on; the UIDs are the new ones."""

    actions: tuple[Action, ...]
    doubts: tuple[Doubt, ...]
    leftovers: tuple[str, ...]
    subject_label: str
    study_uid: str
    series_uid: str
    instance_uid: str


@dataclass(frozen=True, slots=True, repr=False)
class CleanedFile:
    """A cleaned file in memory. ``patient_id`` is the one it came with: for the site's own map only."""

    output: bytes
    report: FileReport
    patient_id: str

    def __repr__(self) -> str:
        return "CleanedFile(...)"


def deidentify_file(
    source: Path | bytes, target: BinaryIO | Path, profile: Profile, mapping: Mapping, known: Sequence[Trace] = ()
) -> FileReport:
    """Clean a DICOM file into another, in the same transfer syntax, and prove it.

    Parameters
    ----------
    source : Path or bytes
        The file, or what is in it.
    target : binary stream or Path
        Gets the whole new file in one write, after the proof. A path must not be one that others look at: rename it.
    profile : Profile
    mapping : Mapping
    known : sequence of Trace
        Identifiers that the patient's other objects have.

    Returns
    -------
    FileReport
        An object with ``leftovers`` or a doubt of severity ``hold`` is written, and must be held.

    Raises
    ------
    CannotDeidentify
        Damaged, truncated, not DICOM, or not understood: nothing was written. Its ``kind`` says which.
    FileTooLarge, NotInLookup
        Nothing was written.
    """
    cleaned = clean_file(source, profile, mapping, known)
    if isinstance(target, Path):
        target.write_bytes(cleaned.output)
    else:
        target.write(cleaned.output)
    return cleaned.report


def clean_file(
    source: Path | bytes,
    profile: Profile,
    mapping: Mapping,
    known: Sequence[Trace] = (),
    attention: Attention | None = None,
) -> CleanedFile:
    """Clean a DICOM file and prove it, like ``deidentify_file``, and give what would be written.

    ``attention`` is that of the object's series; it says how many of its pictures are read, and learns from this one.
    """
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    if size > LARGEST_FILE_BYTES:
        raise FileTooLarge("The file is larger than what can be cleaned at once.")
    original = _read(source)
    try:
        traces = _wanted_traces(original, profile, known)
        cleaned = deidentify(original, profile, mapping, known, traces)
        cleaned = with_clean_pixels(original, cleaned, profile, traces, attention)
        output = dicom.written(cleaned.dataset)
        patient_id = patient_of(original)[0]
        labels = (cleaned.subject_label, *mapping.attributes_of(patient_id).values())
        found = leftovers(original, output, profile, labels=labels, known=known, traces=traces)
    except InvivoError:
        raise
    except RecursionError:
        raise CannotDeidentify("Sequences are nested too deep.", code="deidentification.too-deep") from None
    except (
        Exception
    ) as error:  # because whatever is not understood must not pass, and no library error may show a value
        raise CannotDeidentify(f"The object could not be cleaned ({type(error).__name__}).") from None
    report = _report(cleaned, found)
    _journal(original, report, mapping)
    return CleanedFile(output, report, patient_id)


def _wanted_traces(original: Dataset, profile: Profile, known: Sequence[Trace]) -> tuple[Trace, ...]:
    """What is looked for in pixels: a foreign script keeps nothing there on purpose."""
    return traces_with(original, profile_named("basic") if isinstance(profile, ScriptProfile) else profile, known)


def _journal(original: Dataset, report: FileReport, mapping: Mapping) -> None:
    """Enter the object's own UIDs in the journal, whoever mapped them."""
    if mapping.journal is not None:
        new = (report.study_uid, report.series_uid, report.instance_uid)
        for tag, uid in zip((_STUDY, _SERIES, _INSTANCE), new, strict=True):
            mapping.journal.setdefault(_uid(original, tag), uid)


def _read(source: Path | bytes) -> Dataset:
    try:
        dataset = dicom.read_dataset(BytesIO(source) if isinstance(source, bytes) else source)
    except InvivoError as error:
        raise CannotDeidentify(error.message, code="deidentification.unreadable") from None
    except (OSError, ValueError) as error:
        raise CannotDeidentify(
            f"The file cannot be read ({type(error).__name__}).", code="deidentification.unreadable"
        ) from None
    for element in stored(dataset).values():
        if isinstance(element, RawDataElement) and element.length not in {_UNDEFINED, len(element.value or b"")}:
            raise CannotDeidentify("The file ends inside an element.", code="deidentification.truncated")
    if _INSTANCE not in dataset:
        raise CannotDeidentify("The object has no UID.", code="deidentification.no-uid")
    return dataset


def _report(cleaned: Cleaned, found: tuple[str, ...]) -> FileReport:
    uids = [_uid(cleaned.dataset, tag) for tag in (_STUDY, _SERIES, _INSTANCE)]
    return FileReport(cleaned.actions, cleaned.doubts, found, cleaned.subject_label, *uids)


def _uid(dataset: Dataset, tag: int) -> str:
    element = stored(dataset).get(BaseTag(tag))
    return "".join(texts_of(element, "UI", ())) if element is not None else ""
