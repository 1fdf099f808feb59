"""Rectangles filled with background in the pixels of an object, whatever its colours, bits and compression."""

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended

from invivo.deidentification.burned_in.encoding import Levels, blanked, encoded_anew, is_lossy_jpeg
from invivo.deidentification.burned_in.picture import (
    PIXELS,
    SUBSAMPLED,
    Array,
    CannotHide,
    Picture,
    Rectangle,
    picture_of,
    stored_frames,
    stored_pixels,
)

_TABLE, _LENGTHS = 0x7FE00001, 0x7FE00002
_LARGEST_OFFSET = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Filled:
    """The object with filled rectangles; ``recoded`` counts frames that lost a little everywhere by it."""

    dataset: Dataset
    recoded: int = 0


def hide(dataset: Dataset, rectangles: Iterable[Rectangle], frames: Iterable[int] | None = None) -> Dataset:
    """Fill rectangles with what is displayed darkest, in all bits of each value.

    Frames that do not change keep their bytes. What is compressed stays in its transfer syntax. In lossy JPEG the
    filling reaches to the edges of the blocks of 8 or 16 pixels, and all others keep their bits where the picture is
    of one sequential scan.

    Parameters
    ----------
    rectangles : iterable of (x, y, width, height)
        Pixels from the top left; what lies outside of the picture is cut off.
    frames : iterable of int, optional
        Counted from 0; all where absent.

    Returns
    -------
    Dataset
        A shallow copy with pixel data of its own.

    Raises
    ------
    CannotHide

    References
    ----------
    DICOM PS3.5 8 and Annex A.4; PS3.3 C.7.6.3.
    """
    picture = picture_of(dataset)
    if picture is None:
        raise CannotHide("The object has no pixel data; nothing can be hidden in it.")
    chosen = range(picture.frames) if frames is None else frames
    wanted = tuple(rectangles)
    return hide_by_frame(dataset, dict.fromkeys(chosen, wanted)).dataset


def hide_by_frame(dataset: Dataset, wanted: Mapping[int, Sequence[Rectangle]]) -> Filled:
    """Fill other rectangles in each frame, counted from 0; see ``hide``.

    Raises
    ------
    CannotHide
    """
    picture = picture_of(dataset)
    if picture is None:
        raise CannotHide("The object has no pixel data; nothing can be hidden in it.")
    clipped = {
        index: inside(rectangles, picture) for index, rectangles in wanted.items() if 0 <= index < picture.frames
    }
    clipped = {index: rectangles for index, rectangles in clipped.items() if rectangles}
    if not clipped:
        return Filled(dataset)
    if picture.encapsulated:
        return _compressed(dataset, picture, clipped)
    return Filled(_with_pixels(dataset, picture, _native(dataset, picture, clipped)))


def inside(rectangles: Iterable[Rectangle], picture: Picture) -> tuple[Rectangle, ...]:
    """The parts of rectangles that lie in the picture, without doubles."""
    found = []
    for x, y, width, height in rectangles:
        left, top = max(x, 0), max(y, 0)
        right, bottom = min(x + width, picture.columns), min(y + height, picture.rows)
        if right > left and bottom > top:
            found.append((left, top, right - left, bottom - top))
    return tuple(dict.fromkeys(found))


def clear_unused_bits(dataset: Dataset) -> Dataset:
    """Clear the bits of each value beside the stored ones, in which old overlays lie (60xx,0102); signs are kept.

    Raises
    ------
    CannotHide
    """
    picture = picture_of(dataset)
    if picture is None or picture.tag != PIXELS[0] or picture.allocated in {1, picture.stored}:
        return dataset

    def cleared(array: Array) -> Array:
        return _only_stored_bits(array, picture)

    if not picture.encapsulated:
        values = np.frombuffer(stored_pixels(dataset, picture), picture.stored_dtype)
        return _with_pixels(dataset, picture, cleared(values).astype(values.dtype, copy=False).tobytes())
    if is_lossy_jpeg(picture):
        return dataset
    frames = stored_frames(dataset, picture)
    changed = [encoded_anew(frame, picture, cleared) for frame in frames]
    if not any(changed):
        return dataset
    return _with_frames(dataset, picture, [new or old for new, old in zip(changed, frames, strict=True)])


def _only_stored_bits(array: Array, picture: Picture) -> Array:
    width, low = picture.dtype.itemsize * 8, picture.high_bit + 1 - picture.stored
    above = width - 1 - picture.high_bit
    if picture.signed:
        shifted: Array = ((array << above) >> (above + low)) << low
        return shifted
    masked: Array = array & np.array(((1 << picture.stored) - 1) << low, array.dtype)
    return masked


def darkest(dataset: Dataset, picture: Picture) -> Levels | None:
    """The stored value of each sample that is displayed darkest; None where it is the least value of the frame.

    The least possible signed value would darken nothing but spoil the window of viewers that look at the range.
    """
    if picture.samples > 1:
        return _darkest_colour(picture)
    if picture.photometric == "PALETTE COLOR":
        return (_darkest_index(dataset),)
    if picture.tag != PIXELS[0]:
        return None
    most = (1 << picture.stored) - 1
    if picture.signed:
        padding = dataset.get("PixelPaddingValue")
        possible = isinstance(padding, int) and -(most // 2) - 1 <= padding <= most // 2
        return (int(padding),) if possible and picture.photometric == "MONOCHROME2" else None
    shift = picture.high_bit + 1 - picture.stored
    return ((most << shift) if picture.photometric == "MONOCHROME1" else 0,)


def _darkest_colour(picture: Picture) -> Levels:
    if picture.photometric not in {"YBR_FULL", *SUBSAMPLED}:
        return (0,) * picture.samples
    luminance = 16 << (picture.stored - 8) if picture.photometric == "YBR_PARTIAL_422" else 0
    return luminance, 1 << (picture.stored - 1), 1 << (picture.stored - 1)


def _darkest_index(dataset: Dataset) -> int:
    total: Array | None = None
    for colour in ("Red", "Green", "Blue"):
        described = dataset.get(f"{colour}PaletteColorLookupTableDescriptor")
        table = dataset.get(f"{colour}PaletteColorLookupTableData")
        if not described or not isinstance(table, bytes):
            return 0
        wide = int(described[2]) > 8 or len(table) >= 2 * (int(described[0]) or 65536)
        values = np.frombuffer(table[: len(table) // 2 * 2], "<u2" if wide else np.uint8).astype(np.int64)
        total = values if total is None or len(total) != len(values) else total + values
    first = int(dataset.RedPaletteColorLookupTableDescriptor[1])
    return int(np.argmin(total)) + first if total is not None and total.size else 0


def _painted(array: Array, rectangles: Sequence[Rectangle], levels: Levels | None, *, inverse: bool) -> Array:
    """Fill rectangles of an array of rows, columns and perhaps samples, in place."""
    if levels is None:
        levels = ((np.nanmax(array) if inverse else np.nanmin(array)).item(),)
    value: Any = levels if array.ndim == 3 else levels[0]
    for x, y, width, height in rectangles:
        array[y : y + height, x : x + width] = value
    return array


def _native(dataset: Dataset, picture: Picture, wanted: Mapping[int, Sequence[Rectangle]]) -> bytearray:
    if picture.frame_bits * picture.frames > len(stored_pixels(dataset, picture)) * 8:
        raise CannotHide("The pixel data is shorter than its description demands; hold the object.")
    buffer = bytearray(stored_pixels(dataset, picture))
    levels, inverse = darkest(dataset, picture), picture.photometric == "MONOCHROME1"
    if picture.allocated == 1:
        return _single_bits(buffer, picture, wanted, inverse=inverse)
    swapped = not picture.syntax.is_little_endian and picture.allocated == 8 and picture.vr == "OW"
    whole = np.frombuffer(buffer, np.uint8)
    if swapped:
        whole[: len(whole) // 2 * 2].view(np.uint16).byteswap(inplace=True)
    size = picture.frame_bits // 8
    for index, rectangles in wanted.items():
        frame = whole[index * size : (index + 1) * size].view(picture.stored_dtype)
        if picture.samples == 3 and picture.photometric in SUBSAMPLED:
            _paint_pairs(frame, picture, rectangles, levels or (0, 128, 128))
        elif picture.samples > 1 and picture.planar == 1:
            planes = frame.reshape(picture.samples, picture.rows, picture.columns)
            _painted(planes.transpose(1, 2, 0), rectangles, levels, inverse=inverse)
        else:
            shape = (picture.rows, picture.columns, *((picture.samples,) if picture.samples > 1 else ()))
            _painted(frame.reshape(shape), rectangles, levels, inverse=inverse)
    if swapped:
        whole[: len(whole) // 2 * 2].view(np.uint16).byteswap(inplace=True)
    return buffer


def _paint_pairs(frame: Array, picture: Picture, rectangles: Sequence[Rectangle], levels: Levels) -> None:
    """4:2:2: two luminances, then the colour differences of both."""
    if picture.columns % 2:
        raise CannotHide("Pairs of pixels do not fit into an odd number of columns; hold the object.")
    pairs = frame.reshape(picture.rows, picture.columns // 2, 4)
    for x, y, width, height in rectangles:
        pairs[y : y + height, x // 2 : (x + width + 1) // 2] = (levels[0], *levels)


def _single_bits(
    buffer: bytearray, picture: Picture, wanted: Mapping[int, Sequence[Rectangle]], *, inverse: bool
) -> bytearray:
    size = picture.rows * picture.columns * picture.samples
    raw = np.frombuffer(buffer, np.uint8)
    for index, rectangles in wanted.items():
        first, last = index * size // 8, ((index + 1) * size + 7) // 8
        bits = np.unpackbits(raw[first:last], bitorder="little")
        start = index * size - first * 8
        _painted(
            bits[start : start + size].reshape(picture.rows, picture.columns, -1),
            rectangles,
            (int(inverse),) * picture.samples,
            inverse=inverse,
        )
        raw[first:last] = np.packbits(bits, bitorder="little")
    return buffer


def _compressed(dataset: Dataset, picture: Picture, wanted: Mapping[int, Sequence[Rectangle]]) -> Filled:
    frames, recoded = stored_frames(dataset, picture), 0
    levels, inverse = darkest(dataset, picture), picture.photometric == "MONOCHROME1"
    for index, rectangles in wanted.items():
        if is_lossy_jpeg(picture):
            plain = (0, 0, 0) if picture.samples > 1 else levels or (0,)
            frames[index], exact = blanked(frames[index], picture, rectangles, plain)
            recoded += not exact
            continue

        def painted(array: Array, rectangles: Sequence[Rectangle] = rectangles) -> Array:
            return _painted(array.copy(), rectangles, levels, inverse=inverse)

        frames[index] = encoded_anew(frames[index], picture, painted) or frames[index]
    return Filled(_with_frames(dataset, picture, frames), recoded)


def _with_frames(dataset: Dataset, picture: Picture, frames: list[bytes]) -> Dataset:
    """The object with frames in items of their own, and offset tables of the kind it had."""
    size = sum(len(frame) + 9 for frame in frames)
    if _TABLE in dataset or size > _LARGEST_OFFSET:
        pixels, offsets, lengths = encapsulate_extended(frames)
        changed = _with_pixels(dataset, picture, pixels)
        changed.add_new(_TABLE, "OV", offsets)
        changed.add_new(_LENGTHS, "OV", lengths)
        return changed
    return _with_pixels(dataset, picture, encapsulate(frames, has_bot=len(frames) > 1 or _had_table(dataset, picture)))


def _had_table(dataset: Dataset, picture: Picture) -> bool:
    return stored_pixels(dataset, picture)[4:8] != b"\0\0\0\0"


def _with_pixels(dataset: Dataset, picture: Picture, pixels: bytes | bytearray) -> Dataset:
    changed = copy(dataset)
    changed.__dict__["_dict"] = dict(dataset.__dict__["_dict"])
    changed.add_new(picture.tag, "OB" if picture.encapsulated else picture.vr, bytes(pixels))
    if picture.encapsulated:
        changed[picture.tag].is_undefined_length = True
    return changed
