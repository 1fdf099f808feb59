"""Decoded frames, held to pydicom where it can decode without further codecs."""

from io import BytesIO

import numpy as np
import pydicom
import pytest
from pydicom.pixels import pixel_array

from invivo import dicom, errors


def test_decoded_frames_are_those_of_pydicom(bundled_file):
    if bundled_file.stat().st_size > 3_000_000:
        pytest.skip("large")
    try:
        found = dicom.decode_frame(bundled_file, 1)
        expected = pixel_array(bundled_file, index=0)
    except Exception:  # because either may be unable to read a file that is broken on purpose
        pytest.skip("not readable by both")
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype.newbyteorder("=")
    assert np.array_equal(found, expected)


def test_the_same_pixels_in_four_syntaxes_decode_alike(shared_data):
    folder = shared_data("dicom/same-pixels")
    files = sorted(folder.glob("compressed*/001/*.dcm"))
    found = {}
    for path in files:
        header = dicom.read_header(path)
        found.setdefault(header.instance_number, {})[header.transfer_syntax_uid] = dicom.decode_frame(path, 1)
    assert len(found[1]) == 4
    for by_syntax in found.values():
        first, *others = by_syntax.values()
        assert all(np.array_equal(first, other) for other in others)


@pytest.mark.parametrize("name", ["HTJ2KLossless_08_RGB.dcm", "JPGExtended.dcm", "JPEG-LL.dcm"])
def test_syntaxes_beyond_pydicom_are_decoded(real_file, shared_data, name):
    path = real_file(name) if name.startswith("JP") else shared_data(f"dicom/pydicom-data/{name}")
    assert np.ptp(dicom.decode_frame(path, 1)) > 50


def test_a_codestream_of_another_size_is_not_decoded(real_file):
    dataset = pydicom.dcmread(real_file("JPEG2000.dcm"))
    dataset.Rows = 512
    with pytest.raises(dicom.Undecodable):
        dicom.decode_frame(BytesIO(dicom.encoded(dataset)), 1)


@pytest.mark.parametrize("name", ["2026-05-26-oob-monochrome-46341.dcm", "2026-05-26-oob-monochrome-65535.dcm"])
def test_an_image_that_claims_to_be_huge_is_refused(shared_data, name):
    with pytest.raises(errors.InvivoError):
        dicom.decode_frame(shared_data(f"dicom/broken/{name}"), 1)


def test_pixels_that_end_early_are_damaged(real_file):
    with pytest.raises(dicom.Damaged):
        dicom.decode_frame(real_file("MR_truncated.dcm"), 1)


@pytest.mark.parametrize("value", [b"", b"\xff\xd8\xff", b"\xff\x4f\xff\x51" + bytes(60), bytes(100)])
@pytest.mark.parametrize(
    "name", ["JPEG2000.dcm", "MR_small_RLE.dcm", "MR_small_jpeg_ls_lossless.dcm", "JPGExtended.dcm"]
)
def test_a_broken_codestream_is_undecodable(real_file, name, value):
    dataset = pydicom.dcmread(real_file(name))
    dataset.PixelData = pydicom.encaps.encapsulate([value or b"\0\0"])
    with pytest.raises(errors.Invalid):
        dicom.decode_frame(BytesIO(dicom.encoded(dataset)), 1)


def test_colours_stay_as_stored_where_asked(shared_data):
    path = shared_data("dicom/ultrasound/YBR_FULL-RLE.dcm")
    kept, turned = dicom.decode_frame(path, 1, rgb=False), dicom.decode_frame(path, 1)
    assert kept.shape == turned.shape
    assert not np.array_equal(kept, turned)
