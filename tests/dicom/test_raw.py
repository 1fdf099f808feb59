"""Reading and writing by bytes is held to pydicom, file by file."""

import io
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from tests.dicom.conftest import bundled_files

from invivo import dicom
from invivo.dicom.elements import Doubt
from invivo.dicom.raw import raw_dataset
from invivo.dicom.source import Limits, opened

LARGEST_BYTES = 3_000_000


def told(dataset: Dataset) -> dict[str, object]:
    """The data set as pydicom writes it in JSON, without group lengths, which are not kept."""
    told = dicom.json_of(dataset)
    return {tag: value for tag, value in told.items() if not tag.endswith("0000")}


def written_again(path: Path) -> None:
    if path.stat().st_size > LARGEST_BYTES:
        pytest.skip("large")
    try:
        with opened(path, Limits()) as contents:
            raw_dataset(contents, Limits(), pixels=True)
        dataset = dicom.read_dataset(path)
        expected = told(pydicom.dcmread(path, force=True))
    except Exception:  # because what cannot be read is the business of other tests
        pytest.skip("left to pydicom, or not readable by both")
    dataset.preamble = bytes(128)
    again = pydicom.dcmread(io.BytesIO(dicom.written(dataset)))
    assert told(again) == expected


def test_what_is_written_by_bytes_is_what_pydicom_reads(bundled_file: Path) -> None:
    written_again(bundled_file)


def test_so_it_is_for_the_shared_files(shared_file: Path) -> None:
    written_again(shared_file)


def test_most_objects_are_read_without_pydicom() -> None:
    fast = slow = 0
    for path in bundled_files():
        try:
            with opened(path, Limits()) as contents:
                if contents.little:
                    raw_dataset(contents, Limits(), pixels=True)
                    fast += 1
        except Doubt:
            slow += 1
        except Exception:  # because what cannot be read is the business of other tests
            continue
    assert fast > 5 * slow


def test_an_element_that_nobody_changed_keeps_its_bytes() -> None:
    path = pydicom.data.get_testdata_file("CT_small.dcm", download=False)
    assert isinstance(path, str)
    before = Path(path).read_bytes()
    dataset = dicom.read_dataset(Path(path))
    dataset.preamble = bytes(128)
    after = dicom.written(dataset)
    start = before.index(b"ISO_IR 100")
    assert after[after.index(b"ISO_IR 100") :] == before[start:]
