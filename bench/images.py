"""Synthetic CT images: the same bytes for the same numbers, whenever and wherever they are written."""

import io
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

ROOT = "2.25.9"
PER_SERIES = 50


def _header(size: int) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = CTImageStorage
    dataset.PatientName, dataset.PatientBirthDate, dataset.PatientSex = "Doe^Jane", "19700101", "F"
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID = "20200102", "101112", "1"
    dataset.AccessionNumber, dataset.ReferringPhysicianName = "A1", "Roe^Richard"
    dataset.Modality, dataset.SeriesNumber, dataset.AcquisitionNumber = "CT", 2, 1
    dataset.StudyDescription, dataset.SeriesDescription = "CHEST", "Axial 5 mm"
    dataset.Manufacturer, dataset.ManufacturerModelName = "ACME", "Scan 1"
    dataset.BodyPartExamined, dataset.SliceThickness, dataset.KVP = "CHEST", 5, 120
    dataset.ImageType, dataset.ImageOrientationPatient = ["ORIGINAL", "PRIMARY", "AXIAL"], [1, 0, 0, 0, 1, 0]
    dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator = f"{ROOT}.9", ""
    dataset.PixelSpacing, dataset.Rows, dataset.Columns = [1, 1], size, size
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.RescaleIntercept, dataset.RescaleSlope = -1024, 1
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def write_images(
    folder: Path, load: int, count: int, *, size: int, shares: int = 1, per_series: int = PER_SERIES
) -> list[Path]:
    """Write the images of a load into `shares` folders, whole series into each; return the folders.

    Parameters
    ----------
    load : int
        Loads of different numbers share no UID and no patient.
    size : int
        Rows and columns, 16 bits a pixel.
    """
    dataset = _header(size)
    folders = [folder / f"{load}-{share}" for share in range(shares)]
    for one in folders:
        one.mkdir(parents=True)
    for number in range(count):
        series, place = divmod(number, per_series)
        chance = np.random.default_rng([load, number])
        dataset.PatientID = f"BENCH-{load}-{series}"
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"{ROOT}.{load}.{series}.1", f"{ROOT}.{load}.{series}.2"
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{ROOT}.{load}.{series}.3.{place}"
        dataset.InstanceNumber, dataset.ImagePositionPatient = place + 1, [0, 0, 5 * place]
        dataset.PixelData = chance.integers(0, 4096, (size, size), np.uint16).tobytes()
        out = io.BytesIO()
        dataset.save_as(out, enforce_file_format=True)
        (folders[series % shares] / f"{number:06d}.dcm").write_bytes(out.getvalue())
    return folders
