"""Small made-up series for a collection with a history: heads of ellipses, in headers as a scanner at a hospital writes them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

ROOT = "1.2.826.0.1.3680043.8.498.12."
SIDE, SPACING_MM, THICKNESS_MM = 96, 2.4, 5.0
# Of each ellipse: centre and half axes in parts of the picture, how bright it is in T1 and FLAIR.
_ELLIPSES = (
    (0.00, 0.00, 0.76, 0.94, 620, 520),  # scalp
    (0.00, 0.00, 0.70, 0.88, 90, 70),  # skull
    (0.00, 0.02, 0.66, 0.83, 420, 560),  # grey matter
    (0.00, 0.02, 0.55, 0.72, 640, 430),  # white matter
    (-0.14, 0.06, 0.08, 0.26, 150, 60),  # ventricles
    (0.14, 0.06, 0.08, 0.26, 150, 60),
)


@dataclass(frozen=True, slots=True)
class Head:
    """A made-up patient at a site; ``number`` moves the shape a little, and all of the UIDs."""

    number: int
    name: str
    patient_id: str
    site: str


def write_series(folder: Path, head: Head, kind: str, places: range = range(5), *, word: str = "") -> list[Path]:
    """Write slices of one series of a head and return their files.

    Parameters
    ----------
    kind : {"T1", "FLAIR", "T1 smoothed"}
    places : range
        Which slices; the same series is continued by other ones.
    word : str
        What a technician wrote behind the name of the scanner: nothing that any rule knows, so people have to find it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for place in places:
        dataset = _described(head, kind, place, word)
        pixels = picture(head, kind, place)
        dataset.Rows, dataset.Columns = pixels.shape
        dataset.PixelData = pixels.tobytes()
        path = folder / f"{head.number}-{kind.replace(' ', '')}-{place:02d}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def picture(head: Head, kind: str, place: int) -> Any:
    """Draw one slice.

    Returns
    -------
    ndarray, shape (96, 96), uint16
    """
    random = np.random.default_rng(head.number * 100 + place)
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    shrink, lean = 1 - 0.05 * abs(place - 3), 0.02 * (head.number % 5 - 2)
    drawn: Any = np.zeros((SIDE, SIDE))
    for cx, cy, ax, ay, t1, flair in _ELLIPSES:
        inside = ((x - cx - lean * y) / (ax * shrink)) ** 2 + ((y - cy) / (ay * shrink)) ** 2 <= 1
        drawn[inside] = flair if kind == "FLAIR" else t1
    lesion = ((x - 0.32) / 0.09) ** 2 + ((y + 0.25 - 0.04 * (head.number % 4)) / 0.07) ** 2 <= 1
    drawn[lesion & (drawn > 200)] = 900 if kind == "FLAIR" else 260
    drawn = _smooth(drawn, 6 if kind == "T1 smoothed" else 1)
    return np.clip(drawn + random.normal(0, 3 if kind == "T1 smoothed" else 14, drawn.shape), 0, 4095).astype("<u2")


def _smooth(drawn: Any, times: int) -> Any:
    for _ in range(times):
        for axis in (0, 1):
            drawn = (np.roll(drawn, 1, axis) + 2 * drawn + np.roll(drawn, -1, axis)) / 4
    return drawn


def _described(head: Head, kind: str, place: int, word: str) -> Dataset:
    series = {"T1": 1, "FLAIR": 2, "T1 smoothed": 3}[kind]
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    study = f"{ROOT}{head.number}"
    dataset.SOPClassUID, dataset.SOPInstanceUID = MRImageStorage, f"{study}.{series}.{place + 1}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, f"{study}.{series}"
    dataset.FrameOfReferenceUID = f"{study}.9"
    dataset.PatientName, dataset.PatientID = head.name, head.patient_id
    dataset.PatientBirthDate, dataset.PatientSex = f"19{50 + head.number}0412", "FM"[head.number % 2]
    dataset.PatientAge, dataset.InstitutionName = f"{71 - head.number:03d}Y", head.site
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID = f"202403{10 + head.number}", "091500", str(head.number)
    dataset.AccessionNumber, dataset.ReferringPhysicianName = f"ACC{head.number:05d}", "Referrer^Robin"
    dataset.StudyDescription, dataset.BodyPartExamined = "MR HEAD", "HEAD"
    dataset.SeriesDescription = dataset.ProtocolName = kind
    dataset.Modality, dataset.Manufacturer = "MR", "Phantom Works"
    dataset.ManufacturerModelName = f"Ellipse 3T {word}".strip()
    dataset.MagneticFieldStrength, dataset.SeriesNumber, dataset.InstanceNumber = 3, series, place + 1
    kept = kind != "T1 smoothed"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"] if kept else ["DERIVED", "PRIMARY", "M", "FILTERED"]
    dataset.ScanningSequence, dataset.SequenceVariant, dataset.ScanOptions = "SE", "NONE", ""
    dataset.MRAcquisitionType, dataset.EchoTrainLength = "2D", 1
    dataset.EchoTime, dataset.RepetitionTime = (120, 9000) if kind == "FLAIR" else (12, 550)
    _place(dataset, place)
    return dataset


def _place(dataset: Dataset, place: int) -> None:
    """Say where a slice lies and how its pixels are kept."""
    half = SIDE * SPACING_MM / 2
    dataset.ImagePositionPatient = [-half, -half, place * THICKNESS_MM]
    dataset.ImageOrientationPatient, dataset.PatientPosition = [1, 0, 0, 0, 1, 0], "HFS"
    dataset.PositionReferenceIndicator, dataset.PixelSpacing = "", [SPACING_MM, SPACING_MM]
    dataset.SliceThickness = dataset.SpacingBetweenSlices = THICKNESS_MM
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.WindowCenter, dataset.WindowWidth = 450, 900
