"""Filling: only the rectangles change, in every kind of pixels."""

import shutil
import subprocess
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames
from pydicom.uid import (
    JPEG2000,
    MPEG4HP41,
    DeflatedExplicitVRLittleEndian,
    HTJ2KLossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from invivo.deidentification.burned_in import CannotHide, clear_unused_bits, hide
from invivo.deidentification.burned_in.encoding import run_lengths
from invivo.deidentification.burned_in.fill import hide_by_frame
from tests.deidentification.burned_in import drawing

BUNDLED = [
    "CT_small.dcm", "MR_small.dcm", "MR_small_bigendian.dcm", "MR_small_RLE.dcm", "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm", "SC_rgb_rle_2frame.dcm", "SC_rgb_rle_16bit.dcm", "SC_rgb_small_odd.dcm",
    "ExplVR_BigEnd.dcm", "JPEGLSNearLossless_16.dcm", "JPEG2000.dcm", "SC_rgb_gdcm_KY.dcm", "image_dfl.dcm",
    "examples_palette.dcm", "parametric_map_float.dcm", "liver_1frame.dcm", "J2K_pixelrep_mismatch.dcm",
    "SC_rgb_jpeg_gdcm.dcm", "examples_overlay.dcm", "rtdose_rle_1frame.dcm", "emri_small_jpeg_2k_lossless.dcm",
]  # fmt: skip


def on_disk(name: str) -> Path:
    found = get_testdata_file(name, download=False)
    if found is None:
        pytest.skip(f"{name} is not on this disk")
    return Path(str(found))


def frames_of(dataset: Dataset) -> np.ndarray:
    """All frames by pydicom's own decoders, as frames, rows, columns, samples."""
    pixels = dataset.pixel_array
    colours = int(dataset.SamplesPerPixel)
    return pixels.reshape(-1, dataset.Rows, dataset.Columns, colours)


def outside(shape: tuple[int, int], *boxes: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.ones(shape, bool)
    for x, y, width, height in boxes:
        mask[max(y, 0) : y + height, max(x, 0) : x + width] = False
    return mask


@pytest.mark.parametrize("name", BUNDLED)
def test_only_the_rectangle_changes_and_it_becomes_flat(name: str) -> None:
    dataset = pydicom.dcmread(on_disk(name))
    try:
        before = frames_of(dataset)
    except RuntimeError:
        pytest.skip("no second decoder for this syntax")
    box = (dataset.Columns // 4, dataset.Rows // 4, dataset.Columns // 2, dataset.Rows // 2)
    after = frames_of(hide(dataset, [box]))
    mask = outside((dataset.Rows, dataset.Columns), box)
    assert np.array_equal(before[:, mask], after[:, mask])
    inside = after[:, ~mask]
    assert (inside == inside[:, :1]).all()
    assert np.array_equal(frames_of(dataset), before)


def lossy(level: int = 90, **options: object) -> tuple[Dataset, bytes]:
    rng = np.random.default_rng(5)
    picture = np.repeat(drawing.speckle(rng, 120, 168)[:, :, None], 3, 2)
    picture[:, :, 0] //= 2
    frame = bytes(imagecodecs.jpeg8_encode(picture, level=level, **options))
    dataset = drawing.dataset(picture[None], "YBR_FULL_422")
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.add_new(0x7FE00010, "OB", encapsulate([frame]))
    dataset["PixelData"].is_undefined_length = True
    dataset.LossyImageCompression = "01"
    return dataset, frame


@pytest.mark.parametrize("subsampling", ["444", "422", "420"])
@pytest.mark.parametrize("optimize", [False, True])
def test_blocks_of_jpeg_that_are_not_touched_decode_the_same(subsampling: str, optimize: bool) -> None:
    dataset, frame = lossy(subsampling=subsampling, optimize=optimize)
    filled = hide_by_frame(dataset, {0: [(40, 30, 50, 20)]})
    written = next(generate_frames(filled.dataset.PixelData, number_of_frames=1))
    before, after = imagecodecs.jpeg8_decode(frame), imagecodecs.jpeg8_decode(written)
    mask = outside(before.shape[:2], (40 - 18, 30 - 18, 50 + 36, 20 + 36))
    assert filled.recoded == 0
    assert np.array_equal(before[mask], after[mask])
    assert after[30:50, 40:90].max() < 8


def test_a_picture_of_grey_jpeg_stays_that_of_its_blocks() -> None:
    dataset = pydicom.dcmread(on_disk("JPGExtended.dcm"))
    before = next(generate_frames(dataset.PixelData, number_of_frames=1))
    hidden = hide(dataset, [(100, 100, 60, 40)])
    after = next(generate_frames(hidden.PixelData, number_of_frames=1))
    first, second = imagecodecs.jpeg8_decode(before), imagecodecs.jpeg8_decode(after)
    mask = outside(first.shape, (96, 96, 72, 48))
    assert dataset.file_meta.TransferSyntaxUID == JPEGExtended12Bit
    assert np.array_equal(first[mask], second[mask])
    assert second[100:140, 100:160].max() < 20


@pytest.mark.skipif(shutil.which("dcmdjpeg") is None, reason="dcmtk is not installed")
def test_dcmtk_decodes_a_filled_jpeg(tmp_path: Path) -> None:
    dataset, _ = lossy(subsampling="422")
    hide(dataset, [(40, 30, 50, 20)]).save_as(tmp_path / "a.dcm", enforce_file_format=True)
    run = subprocess.run(["dcmdjpeg", tmp_path / "a.dcm", tmp_path / "b.dcm"], capture_output=True, check=False)
    assert run.returncode == 0, run.stderr
    assert pydicom.dcmread(tmp_path / "b.dcm").pixel_array[30:50, 40:90].max() < 12


def compressed(syntax: str, frames: list[bytes], pixels: np.ndarray, *, extended: bool = False) -> Dataset:
    dataset = drawing.dataset(pixels, "MONOCHROME2")
    dataset.file_meta.TransferSyntaxUID = syntax
    if extended:
        value, dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = encapsulate_extended(frames)
    else:
        value = encapsulate(frames)
    dataset.add_new(0x7FE00010, "OB", value)
    dataset["PixelData"].is_undefined_length = True
    return dataset


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize(
    "syntax", [RLELossless, JPEGLosslessSV1, JPEGLSLossless, JPEGLSNearLossless, JPEG2000, HTJ2KLossless]
)
def test_frames_that_do_not_change_keep_their_bytes_and_tables_fit(syntax: str, extended: bool) -> None:
    rng = np.random.default_rng(8)
    pixels = rng.integers(0, 4096, (3, 40, 56), dtype=np.uint16)
    encode = {
        RLELossless: run_lengths,
        JPEGLosslessSV1: lambda one: imagecodecs.jpeg8_encode(one, lossless=True, predictor=1, bitspersample=12),
        JPEGLSLossless: imagecodecs.jpegls_encode,
        JPEGLSNearLossless: lambda one: imagecodecs.jpegls_encode(one, level=3),
        JPEG2000: lambda one: imagecodecs.jpeg2k_encode(one, level=40, codecformat="J2K", bitspersample=12),
        HTJ2KLossless: lambda one: imagecodecs.htj2k_encode(one, reversible=True),
    }[syntax]
    frames = [bytes(encode(one)) for one in pixels]
    frames = [frame + b"\0" * (len(frame) % 2) for frame in frames]
    dataset = compressed(syntax, frames, pixels, extended=extended)
    changed = hide(dataset, [(5, 6, 20, 10)], frames=[1])
    tables = (changed.ExtendedOffsetTable, changed.ExtendedOffsetTableLengths) if extended else None
    found = list(generate_frames(changed.PixelData, number_of_frames=3, extended_offsets=tables))
    assert [found[0], found[2]] == [frames[0], frames[2]]
    assert found[1] != frames[1]
    assert changed.file_meta.TransferSyntaxUID == syntax


def test_inverse_pictures_are_filled_with_their_dark_end() -> None:
    dataset = drawing.dataset(np.zeros((1, 20, 20), np.uint16), "MONOCHROME1")
    assert hide(dataset, [(0, 0, 5, 5)]).pixel_array[0, 0] == 4095


def test_signed_values_are_filled_with_the_padding_value() -> None:
    dataset = drawing.dataset(np.full((1, 20, 20), 40, np.int16))
    dataset.BitsStored, dataset.HighBit = 16, 15
    dataset.add_new(0x00280120, "SS", -2000)
    assert hide(dataset, [(2, 2, 5, 5)]).pixel_array[3, 3] == -2000


def test_a_rectangle_in_4_2_2_covers_whole_pairs() -> None:
    dataset = drawing.dataset(np.full((1, 8, 8, 3), 90, np.uint8), "YBR_FULL_422")
    dataset.PixelData = b"\x5a" * (8 * 8 * 2)
    pairs = np.frombuffer(hide(dataset, [(3, 2, 2, 1)]).PixelData, np.uint8).reshape(8, 4, 4)
    assert pairs[2, 1].tolist() == [0, 0, 128, 128]
    assert pairs[2, 2].tolist() == [0, 0, 128, 128]
    assert (pairs[2, 3] == 90).all()


def test_planes_are_filled_each() -> None:
    dataset = drawing.dataset(np.full((2, 6, 6, 3), 90, np.uint8), "RGB")
    dataset.PlanarConfiguration = 1
    after = hide(dataset, [(0, 0, 2, 2)], frames=[1]).pixel_array
    assert (after[1, :2, :2] == 0).all()
    assert (after == 0).sum() == 12


def test_filling_reaches_the_bits_above_the_stored_ones() -> None:
    dataset = drawing.dataset(np.full((1, 8, 8), 0xF123, np.uint16))
    values = np.frombuffer(hide(dataset, [(0, 0, 4, 4)]).PixelData, np.uint16).reshape(8, 8)
    assert values[0, 0] == 0
    assert values[7, 7] == 0xF123


@pytest.mark.parametrize("signed", [False, True])
def test_unused_bits_are_cleared_and_signs_kept(signed: bool) -> None:
    values = np.array([[[0x8123, 0x0FFF], [0x1800, 0xF001]]], np.uint16)
    dataset = drawing.dataset(values.view(np.int16) if signed else values)
    dataset.BitsStored, dataset.HighBit = 12, 11
    found = np.frombuffer(clear_unused_bits(dataset).PixelData, np.uint16)
    wanted = [0x0123, 0xFFFF, 0xF800, 0x0001] if signed else [0x0123, 0x0FFF, 0x0800, 0x0001]
    assert found.tolist() == wanted


def test_unused_bits_of_compressed_frames_are_cleared() -> None:
    pixels = np.full((1, 16, 16), 0x4123, np.uint16)
    dataset = compressed(RLELossless, [run_lengths(pixels[0])], pixels)
    assert (clear_unused_bits(dataset).pixel_array == 0x0123).all()


def test_video_and_damaged_frames_are_refused() -> None:
    video = compressed(MPEG4HP41, [b"\0" * 64], np.zeros((1, 16, 16), np.uint8))
    broken = compressed(JPEGLSLossless, [b"\xff\xd8\xff\xf7junk"], np.zeros((1, 16, 16), np.uint16))
    for dataset in (video, broken):
        with pytest.raises(CannotHide):
            hide(dataset, [(0, 0, 4, 4)])


def test_short_pixel_data_is_refused() -> None:
    dataset = drawing.dataset(np.zeros((1, 16, 16), np.uint16))
    dataset.PixelData = dataset.PixelData[:100]
    with pytest.raises(CannotHide):
        hide(dataset, [(0, 0, 4, 4)])


def test_a_deflated_object_is_filled_like_any_other() -> None:
    dataset = drawing.dataset(np.full((1, 16, 16), 9, np.uint8))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    assert hide(dataset, [(0, 0, 4, 4)]).pixel_array[0, 0] == 0
