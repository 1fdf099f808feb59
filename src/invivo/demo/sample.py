"""Where the sample data come from: packages that ship real objects, and a developer's folder of more if it is there."""

import importlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from invivo import dicom
from invivo.errors import InvivoError

ROOT = "1.2.826.0.1.3680043.8.498."
MOST_FRAMES = 24  # a longer loop is read for text for longer than all the rest together


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample file and where it belongs."""

    path: Path
    modality: str
    study_uid: str
    series_uid: str
    sop_uid: str


def _folder(package: str, *inside: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(next(iter(spec.submodule_search_locations)), *inside)
    return folder if folder.is_dir() else None


def sources(shared: Path | None = None) -> list[Path]:
    """Return the folders that hold sample objects on this machine."""
    found = [
        _folder("pydicom", "data", "test_files"),
        _folder("data_store", "data"),
        _folder("nibabel", "nicom", "tests", "data"),
    ]
    if shared is not None and shared.is_dir():
        found += [
            shared / name for name in ("series", "enhanced", "ultrasound", "rt", "seg", "sr-tid1500", "highdicom")
        ]
    return [folder for folder in found if folder is not None and folder.is_dir()]


def samples(shared: Path | None = None) -> Iterator[Sample]:
    """Yield every readable sample, each SOP instance once."""
    seen: set[str] = set()
    for folder in sources(shared):
        for path in sorted(folder.rglob("*")):
            if not path.is_file() or path.stat().st_size > 32 << 20 or "expb" in path.name or "truncated" in path.name:
                continue
            try:
                header = dicom.read_header(path)
            except (InvivoError, OSError):
                continue
            if (header.frames or 0) > MOST_FRAMES:
                continue
            if header.sop_instance_uid not in seen:
                seen.add(header.sop_instance_uid)
                yield Sample(path, header.modality, header.study_uid, header.series_uid, header.sop_instance_uid)


def write_functional_series(folder: Path) -> list[Path]:
    """Write nibabel's sample of a functional MR (24 slices of 96 x 128) as a DICOM series with a subject of its own.

    The voxels are real; the header says what NIfTI says of them, and a made-up name and number for the demo to take out.
    """
    spec = _folder("nibabel", "tests", "data")
    if spec is None or not (spec / "example4d.nii.gz").exists():
        return []
    image: Any = importlib.import_module("nibabel").load(spec / "example4d.nii.gz")  # of the extra `demo`
    voxels = np.asarray(image.dataobj)[..., 0]
    spacing = [float(value) for value in image.header.get_zooms()[:3]]
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(voxels.shape[2]):
        dataset = _slice(np.ascontiguousarray(voxels[:, ::-1, number].T), number, spacing)
        path = folder / f"{number + 1:03d}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def _slice(pixels: "np.ndarray[tuple[int, ...], np.dtype[np.int16]]", number: int, spacing: list[float]) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = MRImageStorage, f"{ROOT}7.3.{number + 1}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = (
        ROOT + "7.1",
        ROOT + "7.2",
        ROOT + "7.9",
    )
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate, dataset.PatientSex = (
        "Sample^Sasha",
        "SAMPLE-4711",
        "19711231",
        "O",
    )
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID, dataset.AccessionNumber = (
        "20080317",
        "101500",
        "1",
        "ACC4711",
    )
    dataset.ReferringPhysicianName, dataset.Modality, dataset.Manufacturer = "Referrer^Robin", "MR", "SIEMENS"
    dataset.StudyDescription, dataset.SeriesDescription, dataset.BodyPartExamined = (
        "FUNCTIONAL BRAIN",
        "EPI resting state",
        "BRAIN",
    )
    dataset.SeriesNumber, dataset.InstanceNumber, dataset.ImageType = 5, number + 1, ["ORIGINAL", "PRIMARY", "M", "ND"]
    dataset.ScanningSequence, dataset.SequenceVariant, dataset.ScanOptions = "EP", "SK", ""
    dataset.MRAcquisitionType, dataset.EchoTime, dataset.EchoTrainLength, dataset.RepetitionTime = "2D", 30, 64, 2000
    dataset.SliceThickness, dataset.SpacingBetweenSlices, dataset.PixelSpacing = (
        spacing[2],
        spacing[2],
        [spacing[1], spacing[0]],
    )
    dataset.ImagePositionPatient = [
        -pixels.shape[1] * spacing[0] / 2,
        -pixels.shape[0] * spacing[1] / 2,
        number * spacing[2],
    ]
    dataset.ImageOrientationPatient, dataset.PositionReferenceIndicator, dataset.PatientPosition = (
        [1, 0, 0, 0, 1, 0],
        "",
        "HFS",
    )
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 1
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.WindowCenter, dataset.WindowWidth = 500, 1000
    dataset.PixelData = pixels.astype("<i2").tobytes()
    return dataset
