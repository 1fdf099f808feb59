"""What is known of a patient before anything is cleaned: the identifiers that any of the patient's objects has."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from invivo import deidentification, dicom

Patient = tuple[str, str]
MOST_IN_OBJECT = 2_000
MOST_OF_PATIENT = 20_000
MOST_OF_ALL = 100_000
TOO_MANY = "site.too-many-identifiers"


@dataclass(frozen=True, slots=True)
class Glance:
    """A file at a glance. ``patient`` is empty where the header cannot be read: the cleaning refuses it then.

    ``refused`` says why it is held without being cleaned; nothing is learnt from it then.
    """

    path: str
    is_object: bool
    patient: Patient = ("", "")
    series: str = ""
    instance: str = ""
    refused: str = ""


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

    def known_of(self, patient: Patient) -> tuple[deidentification.Trace, ...]:
        """What identifies a patient, in an order that is always the same."""
        return tuple(sorted(self.traces.get(patient, ())))

    def known_of_all(self) -> tuple[deidentification.Trace, ...]:
        """What identifies any patient: a table or a text may speak of several."""
        return tuple(sorted(set().union(*self.traces.values())))[:MOST_OF_ALL]


def mark_of(known: Sequence[deidentification.Trace], secret: bytes) -> str:
    """Keyed fingerprint of identifiers: two runs tell by it whether they know the same, and nobody tells what."""
    marked = hmac.new(secret, b"invivo identifiers\0", hashlib.sha256)
    for kind, text in sorted({(trace.kind, trace.text) for trace in known}):
        word = f"{kind}\0{text}".encode("utf-8", "surrogatepass")
        marked.update(len(word).to_bytes(8, "big") + word)
    return marked.hexdigest()[:32]


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
    if len(plain) > MOST_IN_OBJECT:
        return Glance(path, True, patient, refused=TOO_MANY)
    found.traces.setdefault(patient, set()).update(plain)
    instance = str(dataset.file_meta.get("MediaStorageSOPInstanceUID", ""))
    return Glance(path, True, patient, _uid(dataset.get("SeriesInstanceUID")), instance)


def _uid(value: object) -> str:
    return str(value) if isinstance(value, str) else ""


def digest_of(path: Path) -> bytes:
    """SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()
