"""Frames as stored."""

from io import BytesIO

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames

from invivo import dicom


def test_a_native_frame_is_its_bytes(real_file):
    path = real_file("emri_small.dcm")
    frame = dicom.read_frame(path, 3)
    assert frame.bytes == pydicom.dcmread(path).PixelData[2 * 8192 : 3 * 8192]
    assert frame.transfer_syntax_uid == "1.2.840.10008.1.2.1"


@pytest.mark.parametrize("name", ["emri_small_RLE.dcm", "emri_small_jpeg_2k_lossless.dcm", "SC_rgb_rle_2frame.dcm"])
def test_encapsulated_frames_are_those_of_pydicom(real_file, name):
    dataset = pydicom.dcmread(real_file(name))
    expected = list(generate_frames(dataset.PixelData, number_of_frames=int(dataset.NumberOfFrames)))
    assert [dicom.read_frame(real_file(name), number + 1).bytes for number in range(len(expected))] == expected


@pytest.mark.parametrize("fragments", [1, 3])
@pytest.mark.parametrize("table", ["none", "basic", "extended"])
def test_frames_in_fragments_are_put_together(real_file, fragments, table):
    dataset = pydicom.dcmread(real_file("emri_small_jpeg_2k_lossless.dcm"))
    frames = list(generate_frames(dataset.PixelData, number_of_frames=10))
    dataset.PixelData = encapsulate(frames, fragments_per_frame=fragments, has_bot=table == "basic")
    if table == "extended":
        dataset.PixelData, dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = encapsulate_extended(
            frames
        )
    source = BytesIO(dicom.encoded(dataset))
    found = [dicom.read_frame(source, number + 1).bytes.rstrip(b"\0") for number in range(10)]
    assert found == [frame.rstrip(b"\0") for frame in frames]


def test_an_offset_table_that_lies_is_not_believed(real_file):
    dataset = pydicom.dcmread(real_file("emri_small_jpeg_2k_lossless.dcm"))
    frames = list(generate_frames(dataset.PixelData, number_of_frames=10))
    dataset.PixelData = encapsulate(frames, has_bot=True)
    content = bytearray(dicom.encoded(dataset))
    place = content.index(b"\xe0\x7f\x10\x00") + 12
    content[place + 8 + 4] ^= 2
    assert dicom.read_frame(BytesIO(content), 2) == dicom.read_frame(real_file("emri_small_jpeg_2k_lossless.dcm"), 2)


def test_frames_of_single_bits_start_at_a_byte(real_file):
    path = real_file("liver.dcm")
    dataset = pydicom.dcmread(path)
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = 3, 3, 4
    bits = np.array([n % 5 == 0 for n in range(36)], np.uint8)
    dataset.PixelData = np.packbits(bits, bitorder="little").tobytes() + b"\0"
    source = BytesIO(dicom.encoded(dataset))
    for number in range(4):
        expected = np.packbits(bits[number * 9 : number * 9 + 9], bitorder="little").tobytes()
        assert dicom.read_frame(source, number + 1).bytes == expected
        assert dicom.decode_frame(source, number + 1).ravel().tolist() == bits[number * 9 : number * 9 + 9].tolist()


@pytest.mark.parametrize("number", [0, -1, 11])
def test_a_frame_that_is_not_there_is_not_found(real_file, number):
    path = real_file("emri_small.dcm")
    for pixels in (None, dicom.scan(path).pixels):
        with pytest.raises(dicom.NoSuchFrame):
            dicom.read_frame(path, number, pixels)


def test_an_object_without_pixels_is_no_image(real_file):
    with pytest.raises(dicom.NotAnImage):
        dicom.read_frame(real_file("rtplan.dcm"), 1)


def test_frames_are_counted(real_file):
    counts = [
        dicom.frame_count(pydicom.dcmread(real_file(n))) for n in ("emri_small.dcm", "CT_small.dcm", "rtplan.dcm")
    ]
    assert counts == [10, 1, 0]
