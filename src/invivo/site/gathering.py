"""What is known of a patient before anything is cleaned: the identifiers that any of the patient's objects has."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from invivo import deidentification, dicom

Patient = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Glance:
    """A file at a glance. ``patient`` is empty where the header cannot be read: the cleaning refuses it then."""

    path: str
    is_object: bool
    patient: Patient = ("", "")
    series: str = ""
    instance: str = ""


@dataclass(slots=True)
class Glances:
    """Some files at a glance, and the identifiers that stand in them by patient."""

    files: list[Glance] = field(default_factory=list)
    traces: dict[Patient, set[deidentification.Trace]] = field(default_factory=dict)

    def add(self, other: "Glances") -> None:
        """Take in what was found elsewhere."""
        self.files += other.files
        for patient, traces in other.traces.items():
            self.traces.setdefault(patient, set()).update(traces)


def glance(source: Path, paths: Sequence[str], profile: deidentification.Profile) -> Glances:
    """Look at the headers of some files."""
    found = Glances()
    for path in paths:
        found.files.append(_glance(source / path, path, profile, found))
    return found


def _glance(place: Path, path: str, profile: deidentification.Profile, found: Glances) -> Glance:
    try:
        dataset = dicom.read_dataset(place, pixels=False)
        patient = deidentification.patient_of(dataset)
        traces = deidentification.traces_of(dataset, profile)
    except dicom.NotDicom:
        return Glance(path, False)
    except Exception:  # because hostile bytes break libraries in ways of their own; the cleaning says what is wrong
        return Glance(path, True)
    plain = {deidentification.Trace(trace.path.rpartition(".")[2], trace.kind, trace.text) for trace in traces}
    found.traces.setdefault(patient, set()).update(plain)
    instance = str(dataset.file_meta.get("MediaStorageSOPInstanceUID", ""))
    return Glance(path, True, patient, _uid(dataset.get("SeriesInstanceUID")), instance)


def _uid(value: object) -> str:
    return str(value) if isinstance(value, str) else ""


def digest_of(path: Path) -> bytes:
    """SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()
