"""Real files and broken ones: each is cleaned, or refused with a reason; none crashes."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom.data
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from invivo import deidentification, dicom
from invivo.deidentification import CannotDeidentify, Mapping, profile_named
from invivo.errors import InvivoError

Make = Callable[..., Dataset]
BUNDLED = Path(pydicom.data.__file__).parent
SHARED = Path(__file__).parents[3] / "shared" / "data" / "dicom"
LARGEST = 3_000_000
FOLDERS = [
    BUNDLED / "test_files",
    BUNDLED / "charset_files",
    SHARED / "misc",
    SHARED / "broken",
    SHARED / "rt",
    SHARED / "seg",
]
FOLDERS += [SHARED / "sr-tid1500", SHARED / "enhanced", SHARED / "charset", SHARED / "ultrasound", SHARED / "highdicom"]
FILES = sorted(
    path
    for folder in FOLDERS
    for path in folder.rglob("*")
    if path.is_file() and path.suffix not in {".py", ".txt", ".json", ".md"}
)
REAL = [path for path in FILES if path.stat().st_size < LARGEST]


@pytest.mark.parametrize("name", ["basic", "tcia", "verify"])
@pytest.mark.parametrize("part", range(8))
def test_real_files_are_cleaned_or_refused_with_a_reason(mapping: Mapping, name: str, part: int) -> None:
    profile = profile_named(name)
    cleaned = 0
    for path in REAL[part::8]:
        target = BytesIO()
        try:
            report = deidentification.deidentify_file(path, target, profile, mapping)
        except CannotDeidentify as error:
            assert error.kind.startswith("deidentification.") and target.getvalue() == b""
            continue
        fresh = dcmread(BytesIO(target.getvalue()))
        assert report.leftovers == () or any(doubt.severity == "hold" for doubt in report.doubts), path.name
        assert fresh.SOPInstanceUID == report.instance_uid
        cleaned += 1
    assert cleaned > 3


@pytest.mark.parametrize("name", ["basic", "tcia"])
@pytest.mark.parametrize(
    "file", ["CT_small.dcm", "MR_small.dcm", "rtplan.dcm", "rtstruct.dcm", "reportsi.dcm", "JPEG2000.dcm"]
)
def test_no_missing_attribute_is_added_to_real_files(mapping: Mapping, name: str, file: str) -> None:
    path, target = BUNDLED / "test_files" / file, BytesIO()
    if not path.exists():
        pytest.skip("not bundled here")
    deidentification.deidentify_file(path, target, profile_named(name), mapping)
    before, after = (
        {(fault.path, fault.kind) for fault in dicom.faults(dicom.read_dataset(source))}
        for source in (path, BytesIO(target.getvalue()))
    )
    assert after - before == set()


def test_pixel_data_and_transfer_syntax_stay(mapping: Mapping) -> None:
    for path in (
        BUNDLED / "test_files" / name for name in ("JPEG2000.dcm", "MR_small_RLE.dcm", "CT_small.dcm", "image_dfl.dcm")
    ):
        target = BytesIO()
        deidentification.deidentify_file(path, target, profile_named("basic"), mapping)
        before, after = dcmread(path), dcmread(BytesIO(target.getvalue()))
        assert after.PixelData == before.PixelData
        assert after.file_meta.TransferSyntaxUID == before.file_meta.TransferSyntaxUID


def test_a_path_gets_the_same_bytes_as_a_stream(mapping: Mapping, tmp_path: Path) -> None:
    source, stream, target = BUNDLED / "test_files" / "CT_small.dcm", BytesIO(), tmp_path / "new.dcm"
    for place in (stream, target):
        deidentification.deidentify_file(source, place, profile_named("tcia"), mapping)
    assert target.read_bytes() == stream.getvalue()


@pytest.mark.parametrize("contents", [b"", b"no DICOM " * 100, bytes(200), b"\0" * 128 + b"DICM"])
def test_what_is_no_object_is_refused(passage: Any, mapping: Mapping, contents: bytes) -> None:
    target = BytesIO()
    with pytest.raises(CannotDeidentify):
        deidentification.deidentify_file(passage.file(contents), target, profile_named("basic"), mapping)
    assert target.getvalue() == b""


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.95, 0.999])
def test_a_truncated_file_passes_nothing_of_the_patient(
    ct: Make, written: Make, passage: Any, mapping: Mapping, share: float
) -> None:
    ds = ct()
    ds.PixelData = bytes(2000)
    contents = written(ds)
    target = BytesIO()
    with pytest.raises(CannotDeidentify):
        deidentification.deidentify_file(
            passage.file(contents[: int(len(contents) * share)]), target, profile_named("basic"), mapping
        )
    assert target.getvalue() == b""


@pytest.mark.parametrize("seed", range(60))
def test_damaged_bytes_never_raise_anything_but_our_errors(
    ct: Make, written: Make, passage: Any, mapping: Mapping, seed: int
) -> None:
    contents = bytearray(written(ct()))
    for step in range(1, 6):
        contents[(seed * 7919 * step * step) % len(contents)] = (seed * 31 + step * 17) % 256
    try:
        deidentification.deidentify_file(passage.file(bytes(contents)), BytesIO(), profile_named("tcia"), mapping)
    except InvivoError as error:
        assert "kowalczyk" not in str(error).lower()
