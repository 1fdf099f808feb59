"""Objects whose elements stand out of order, or that are written otherwise than they say."""

from io import BytesIO
from pathlib import Path

import pytest

from invivo import dicom

CORPUS = Path(__file__).parents[1] / "fuzz" / "corpus" / "objects"


@pytest.mark.parametrize(
    "name", ["sop-class-out-of-order", "empty-pixels-behind-disorder", "implicit-in-explicit-with-pixels"]
)
def test_header_and_scan_say_the_same(name: str) -> None:
    content = (CORPUS / f"{name}.bin").read_bytes()
    assert dicom.read_header(BytesIO(content)) == dicom.scan(BytesIO(content)).header


def test_an_empty_pixel_data_element_is_no_pixels() -> None:
    found = dicom.scan(BytesIO((CORPUS / "empty-pixels-behind-disorder.bin").read_bytes()))
    assert (found.pixels, found.header.has_pixels) == (None, False)


def test_a_value_of_64_bits_in_the_file_meta_has_a_long_length() -> None:
    content = (CORPUS / "meta-value-of-64-bits.bin").read_bytes()
    try:
        found = dicom.scan(BytesIO(content))
    except dicom.Damaged:
        return
    assert found.by_pydicom or found.header.sop_instance_uid == "1.2.3"
