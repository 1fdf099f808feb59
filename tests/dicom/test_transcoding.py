"""Objects with their pixels uncompressed."""

from io import BytesIO

import numpy as np
import pydicom
import pytest

from invivo import dicom, errors


def test_every_real_object_is_written_anew_with_the_same_pixels(bundled_file):
    if bundled_file.stat().st_size > 600_000:
        pytest.skip("large")
    try:
        expected = dicom.decode_frame(bundled_file, 1)
        content = dicom.encoded(dicom.as_uncompressed(bundled_file))
    except errors.InvivoError:
        return
    assert np.array_equal(dicom.decode_frame(BytesIO(content), 1), expected)


@pytest.mark.parametrize("name", ["JPEG2000.dcm", "MR_small_bigendian.dcm", "MR_small_implicit.dcm", "image_dfl.dcm"])
def test_the_object_is_explicit_little_endian(real_file, name):
    content = dicom.encoded(dicom.as_uncompressed(real_file(name)))
    header = dicom.read_header(BytesIO(content))
    assert header.transfer_syntax_uid == "1.2.840.10008.1.2.1"
    assert not dicom.scan(BytesIO(content)).by_pydicom


def test_all_frames_are_decoded(real_file):
    found = dicom.as_uncompressed(real_file("emri_small_jpeg_2k_lossless.dcm"))
    assert found.PixelData == pydicom.dcmread(real_file("emri_small.dcm")).PixelData


def test_colours_are_rgb_afterwards(real_file):
    found = dicom.as_uncompressed(real_file("SC_rgb_jpeg_dcmtk.dcm"))
    assert (found.PhotometricInterpretation, found.PlanarConfiguration) == ("RGB", 0)


def test_an_object_without_pixels_is_kept(real_file):
    assert dicom.as_uncompressed(real_file("rtplan.dcm")).BeamSequence


def test_frames_that_are_together_too_large_are_refused(real_file):
    with pytest.raises(dicom.OverLimit):
        dicom.as_uncompressed(real_file("emri_small_RLE.dcm"), dicom.Limits(decoded_bytes=20_000))
