"""Things for tests, with sane defaults: a test states only what it is about."""

import io
from datetime import date
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from invivo import accounts, collections, releases, reviews, submissions
from invivo.archive import Archive

SYSTEM = accounts.system()
PASSWORD = "a long enough password"


def make_person(archive: Archive, name: str = "ada", *roles: str) -> accounts.Person:
    return accounts.create_person(archive, SYSTEM, name, PASSWORD, site_roles=roles)


def actor_named(archive: Archive, name: str) -> accounts.Actor:
    return accounts.actor_of_person(archive, accounts.person_named(archive, name).id)


def make_collection(archive: Archive, short_name: str = "LUNG-1", **fields: Any) -> collections.Collection:
    return collections.create(archive, SYSTEM, collections.Draft(short_name, f"Title of {short_name}", **fields))


def make_submission(archive: Archive, collection: collections.Collection) -> submissions.Submission:
    return submissions.open_submission(archive, SYSTEM, collection.id, "A delivery")


def make_image(
    *,
    study: str | None = None,
    series: str | None = None,
    number: int = 1,
    patient: str = "P-1",
    size: int = 16,
    **attributes: Any,
) -> bytes:
    """Return a small CT image as a file; every call without UIDs makes a new study."""
    dataset = Dataset()
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = attributes.pop("SOPInstanceUID", generate_uid())
    dataset.StudyInstanceUID = study or generate_uid()
    dataset.SeriesInstanceUID = series or generate_uid()
    dataset.PatientID, dataset.PatientName = patient, "Doe^Jane"
    dataset.PatientBirthDate, dataset.PatientSex = "19700101", "F"
    dataset.StudyDate, dataset.StudyTime = date(2020, 1, 2).strftime("%Y%m%d"), "101112"
    dataset.AccessionNumber, dataset.ReferringPhysicianName, dataset.StudyID = "A1", "Roe^Richard", "1"
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = "CT", 2, number
    dataset.StudyDescription, dataset.SeriesDescription = "CHEST", "Axial 5 mm"
    dataset.Manufacturer, dataset.ManufacturerModelName = "ACME", "Scan 1"
    dataset.BodyPartExamined, dataset.SliceThickness, dataset.KVP = "CHEST", 5, 120
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [0, 0, 5 * number], [1, 0, 0, 0, 1, 0]
    dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator = "1.2.3.4", ""
    dataset.PixelSpacing, dataset.Rows, dataset.Columns = [1, 1], size, size
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.AcquisitionNumber = -1024, 1, 1
    dataset.PixelData = np.random.default_rng(number).integers(0, 4096, (size, size), np.uint16).tobytes()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def make_series(count: int = 3, **fields: Any) -> list[bytes]:
    study, series = fields.pop("study", generate_uid()), fields.pop("series", generate_uid())
    return [make_image(study=study, series=series, number=number, **fields) for number in range(1, count + 1)]


def deliver(
    archive: Archive, submission: submissions.Submission, files: list[bytes], door: str = "import"
) -> list[submissions.Receipt]:
    origin = submissions.Origin(door, SYSTEM, submission.id)
    return [submissions.receive(archive, origin, [content]) for content in files]


def advance_all(archive: Archive) -> None:
    """Do what the worker would do with everything that is held."""
    with archive.database.transaction() as tx:
        ids = [row.id for row in tx.execute("select id from quarantine.series order by id")]
    for series_id in ids:
        submissions.advance(archive, series_id)


def approve_all(archive: Archive) -> None:
    for item in reviews.queue(archive, SYSTEM, limit=1000).items:
        reviews.decide(archive, SYSTEM, [item.id], "approve", "looked at")


def publish(archive: Archive, collection: collections.Collection, files: list[bytes]) -> int:
    """Take files the whole way into a release of a collection; return its number."""
    deliver(archive, make_submission(archive, collection), files)
    advance_all(archive)
    approve_all(archive)
    return releases.publish(archive, SYSTEM, collection.id, "for a test")
