"""Frames as pictures."""

import io

import numpy as np
import pydicom
import pytest
from PIL import Image

from invivo import dicom, errors


def shown(content):
    return np.asarray(Image.open(io.BytesIO(content)))


def encoded_with(path, **attributes):
    dataset = pydicom.dcmread(path)
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return io.BytesIO(dicom.encoded(dataset))


def test_a_window_of_the_caller_is_applied_to_rescaled_values(real_file):
    path = real_file("CT_small.dcm")
    window = dicom.Window(40, 400)
    units = pydicom.dcmread(path).pixel_array.astype(float) - 1024
    expected = np.clip(((units - 39.5) / 399 + 0.5) * 255, 0, 255).astype(np.uint8)
    assert np.array_equal(shown(dicom.render(path, window=window, media="image/png")), expected)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_the_center_of_a_window_is_middle_grey(real_file, function):
    path = real_file("CT_small.dcm")
    units = pydicom.dcmread(path).pixel_array.astype(float) - 1024
    picture = shown(dicom.render(path, window=dicom.Window(0, 400, function), media="image/png"))
    middle = picture[np.abs(units) < 2]
    assert middle.size
    assert np.all(np.abs(middle.astype(int) - 127) <= 2)


def test_monochrome1_is_inverted(real_file):
    path = real_file("CT_small.dcm")
    plain = shown(dicom.render(path, media="image/png"))
    turned = shown(dicom.render(encoded_with(path, PhotometricInterpretation="MONOCHROME1"), media="image/png"))
    assert np.array_equal(turned, 255 - plain)


def test_a_voi_lut_goes_before_the_range_of_values(real_file):
    path = real_file("CT_small.dcm")
    item = pydicom.Dataset()
    item.LUTDescriptor = [2, 0, 8]
    item.add_new(0x00283006, "OW", bytes([0, 0, 255, 0]))
    source = encoded_with(path, VOILUTSequence=[item])
    assert set(np.unique(shown(dicom.render(source, media="image/png")))) <= {0, 255}


def test_palette_colours_are_applied(real_file):
    path = real_file("examples_palette.dcm")
    dataset = pydicom.dcmread(path)
    expected = pydicom.pixels.apply_color_lut(dataset.pixel_array[0] if dataset.pixel_array.ndim > 2 else
                                              dataset.pixel_array, dataset)  # fmt: skip
    picture = shown(dicom.render(path, media="image/png"))
    scale = 257 if expected.dtype == np.uint16 else 1
    assert np.max(np.abs(picture.astype(int) - expected // scale)) <= 1


def test_ybr_is_shown_as_rgb(real_file):
    picture = shown(dicom.render(real_file("SC_ybr_full_422_uncompressed.dcm"), media="image/png"))
    expected = shown(dicom.render(real_file("SC_rgb_small_odd.dcm"), media="image/png"))
    assert picture.shape == (100, 100, 3)
    assert np.abs(picture[5, 50].astype(int) - [255, 0, 0]).max() < 5
    assert expected.ndim == 3


def test_a_segmentation_is_black_and_white(real_file):
    assert set(np.unique(shown(dicom.render(real_file("liver.dcm"), 2, media="image/png")))) == {0, 255}


def test_float_pixels_are_shown(shared_data):
    found = [path for path in shared_data("dicom").rglob("*") if path.is_file() and b"\xe0\x7f\x08\x00OF" in
             path.read_bytes()]  # fmt: skip
    assert found
    assert shown(dicom.thumbnail(found[0])).ndim == 2


def test_pixels_that_are_not_square_are_stretched(real_file):
    source = encoded_with(real_file("CT_small.dcm"), PixelSpacing=[2.0, 1.0])
    assert Image.open(io.BytesIO(dicom.render(source))).size == (128, 256)
    assert Image.open(io.BytesIO(dicom.render(source, size=(100, 100)))).size == (50, 100)


def test_a_region_is_cut_out(real_file):
    path = real_file("CT_small.dcm")
    whole = shown(dicom.render(path, media="image/png", window=dicom.Window(0, 1000)))
    part = dicom.render(path, media="image/png", window=dicom.Window(0, 1000), region=(10, 20, 30, 40))
    assert np.array_equal(shown(part), whole[20:60, 10:40])


@pytest.mark.parametrize(
    "wrong",
    [
        {"region": (0, 0, 129, 1)},
        {"region": (-1, 0, 2, 2)},
        {"size": (0, 5)},
        {"size": (5, 100_000)},
        {"quality": 0},
        {"media": "image/gif"},
        {"window": dicom.Window(0, 0)},
        {"window": dicom.Window(float("nan"), 10)},
    ],
)
def test_a_nonsensical_request_is_refused(real_file, wrong):
    with pytest.raises(dicom.BadRendering):
        dicom.render(real_file("CT_small.dcm"), **wrong)


def test_every_real_image_has_a_thumbnail(bundled_file):
    if bundled_file.stat().st_size > 1_500_000:
        pytest.skip("large")
    try:
        content = dicom.thumbnail(bundled_file, 64)
    except errors.InvivoError:
        return
    assert max(Image.open(io.BytesIO(content)).size) <= 64


def test_an_object_without_pixels_has_no_thumbnail(real_file):
    with pytest.raises(dicom.NotAnImage):
        dicom.thumbnail(real_file("rtplan.dcm"))


def test_a_thumbnail_never_enlarges(real_file):
    assert Image.open(io.BytesIO(dicom.thumbnail(real_file("CT_small.dcm"), 512))).size == (128, 128)


@pytest.mark.parametrize(
    "hostile",
    [
        {"WindowCenter": "x", "WindowWidth": "y"},
        {"RescaleSlope": "0", "RescaleIntercept": "0"},
        {"PixelSpacing": ["0", "0"]},
        {"PixelSpacing": ["1e30", "1e-30"]},
        {"WindowCenter": ["1e308"], "WindowWidth": ["1e308"]},
    ],
)
def test_hostile_display_attributes_do_not_keep_the_picture_from_being_shown(real_file, hostile):
    dataset = pydicom.dcmread(real_file("CT_small.dcm"))
    for keyword, value in hostile.items():
        tag = pydicom.datadict.tag_for_keyword(keyword)
        text = "\\".join(value) if isinstance(value, list) else value
        raw = (text + " " * (len(text) % 2)).encode()
        dataset._dict[pydicom.tag.Tag(tag)] = pydicom.dataelem.RawDataElement(
            pydicom.tag.Tag(tag), "DS", len(raw), raw, 0, False, True
        )
    assert dicom.thumbnail(io.BytesIO(dicom.encoded(dataset)))
