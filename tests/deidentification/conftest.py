"""Objects with planted identifiers, and one way to send them through a file and back."""

import itertools
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from invivo import deidentification
from invivo.deidentification import FileReport, Mapping, Profile
from invivo.deidentification.burned_in import reading

CT = "1.2.840.10008.5.1.4.1.1.2"


def make_ct() -> Dataset:
    """A valid CT image of four pixels, whose header identifies nobody but by UIDs and a patient id."""
    ds = Dataset()
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.SOPClassUID = CT
    ds.SOPInstanceUID = "1.2.826.0.1.3680043.8.499.7.1001"
    ds.StudyDate, ds.SeriesDate, ds.AcquisitionDate, ds.ContentDate = "20200131", "20200201", "20200201", "20200301"
    ds.StudyTime, ds.SeriesTime, ds.ContentTime = "101530", "101600", "102000.5"
    ds.AccessionNumber = "ACC7781234"
    ds.Modality = "CT"
    ds.Manufacturer = "ACME"
    ds.ReferringPhysicianName = "Zwingli^Ottokar"
    ds.PatientName = "Kowalczyk^Bronislava"
    ds.PatientID = "ZX9081726"
    ds.PatientBirthDate = "19430817"
    ds.PatientSex = "F"
    ds.StudyInstanceUID = "1.2.826.0.1.3680043.8.499.7.1"
    ds.SeriesInstanceUID = "1.2.826.0.1.3680043.8.499.7.10"
    ds.StudyID = "1"
    ds.SeriesNumber = ds.InstanceNumber = ds.AcquisitionNumber = 1
    ds.FrameOfReferenceUID = "1.2.826.0.1.3680043.8.499.7.100"
    ds.PositionReferenceIndicator = ""
    ds.ImagePositionPatient = [0, 0, 0]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing = [1, 1]
    ds.SliceThickness = ds.KVP = None
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows = ds.Columns = 2
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit = 15
    ds.PixelRepresentation = 0
    ds.RescaleIntercept, ds.RescaleSlope = "-1024", "1"
    ds.PixelData = bytes(8)
    ds["PixelData"].VR = "OW"
    return ds


def make_item(**values: object) -> Dataset:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def bytes_of(
    dataset: Dataset, syntax: str = ExplicitVRLittleEndian, *, preamble: bytes = b"KOWALCZYK BRONISLAVA"
) -> bytes:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    dataset.file_meta = meta
    dataset.preamble = preamble.ljust(128, b"\1")
    buffer = BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


class Passage:
    """Sends objects through files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count()

    def file(self, contents: bytes) -> Path:
        path = self._folder / f"{next(self._numbers)}.dcm"
        path.write_bytes(contents)
        return path

    def through(
        self, dataset: Dataset, profile: Profile, mapping: Mapping, syntax: str = ExplicitVRLittleEndian
    ) -> tuple[bytes, Dataset, FileReport]:
        path, target = self.file(bytes_of(dataset, syntax)), BytesIO()
        report = deidentification.deidentify_file(path, target, profile, mapping)
        path.unlink()
        return target.getvalue(), dcmread(BytesIO(target.getvalue())), report


@pytest.fixture(autouse=True)
def quick_reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read in pixels here, which takes seconds a picture; tests/deidentification/burned_in reads."""
    if "burned_in" not in request.node.path.parts:
        monkeypatch.setattr(reading, "reader", lambda: lambda _frame: [])
        monkeypatch.setattr(reading, "glance", lambda _frame: [])
        monkeypatch.setattr(reading, "may_have_text", lambda _frame: False)
        monkeypatch.setattr(reading, "may_have_text_at", lambda _frame, _places: False)


@pytest.fixture(scope="session")
def mapping() -> Mapping:
    return Mapping(b"a secret of 32 bytes for the tests", "LUNG-", "lung")


@pytest.fixture(scope="session")
def ct() -> Callable[[], Dataset]:
    return make_ct


@pytest.fixture(scope="session")
def item() -> Callable[..., Dataset]:
    return make_item


@pytest.fixture(scope="session")
def written() -> Callable[..., bytes]:
    return bytes_of


@pytest.fixture(scope="session")
def passage(tmp_path_factory: pytest.TempPathFactory) -> Passage:
    return Passage(tmp_path_factory.mktemp("objects"))


@pytest.fixture(scope="session")
def nested(item: Callable[..., Dataset]) -> Callable[[Dataset, int], Dataset]:
    """Puts an item into sequences in sequences, ``depth`` deep, under an attribute that every profile keeps."""

    def nest(inner: Dataset, depth: int) -> Dataset:
        for _ in range(depth):
            inner = item(ReferencedSeriesSequence=Sequence([inner]))
        return inner

    return nest
