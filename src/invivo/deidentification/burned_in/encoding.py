"""One compressed frame, filled and compressed again in its own transfer syntax, and looked at whether it is right."""

import struct
from collections.abc import Callable, Sequence
from typing import Any

import imagecodecs
import numpy as np

from invivo.deidentification.burned_in.jpeg_blocks import NotEditable, blank, units_of
from invivo.deidentification.burned_in.picture import Array, CannotHide, Picture, Rectangle, decoded_alone

Change = Callable[[Array], Array]
Levels = tuple[float, ...]

_RLE = "1.2.840.10008.1.2.5"
_LOSSY_JPEG = frozenset({"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"})
_LOSSLESS_JPEG = frozenset({"1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"})
_JPEG_LS = frozenset({"1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"})
_JPEG_2000 = frozenset(f"1.2.840.10008.1.2.4.{number}" for number in (90, 91, 92, 93))
_HT = frozenset(f"1.2.840.10008.1.2.4.{number}" for number in (201, 202, 203))
_QUALITY = 98
_SAMPLING = {(1, 1): "444", (2, 1): "422", (2, 2): "420", (4, 1): "411", (1, 2): "440"}


def is_lossy_jpeg(picture: Picture) -> bool:
    """Whether frames are of the sequential DCT, whose blocks can be blanked one by one."""
    return picture.syntax in _LOSSY_JPEG


def encoded_anew(frame: bytes, picture: Picture, change: Change) -> bytes | None:
    """Decode a frame, change it and compress it again without loss; None where nothing changed.

    Every syntax but the lossy JPEG ones can also hold what is compressed without loss.

    Raises
    ------
    CannotHide
        There is no codec, or what was written does not decode to what was meant.
    """
    before = decoded_alone(frame, picture, rgb=False)
    after = change(before)
    if np.array_equal(before, after, equal_nan=before.dtype.kind == "f"):
        return None
    try:
        written = _encoded(after, frame, picture)
    except CannotHide:
        raise
    except Exception:  # because each codec has errors of its own, and none of them may let the frame pass
        raise CannotHide("A changed frame cannot be compressed again; hold the object.") from None
    if not np.array_equal(decoded_alone(written, picture, rgb=False), after):
        raise CannotHide("A changed frame does not decode to what was meant; hold the object.")
    return written


def _encoded(array: Array, frame: bytes, picture: Picture) -> bytes:
    if picture.syntax == _RLE:
        if picture.allocated == 1:
            array = np.packbits(array.ravel(), bitorder="little").reshape(1, -1)
        return run_lengths(array)
    bits, signed, mixed = _said(frame)
    colours: dict[str, Any] = {}
    unsigned = array.view(f"u{array.dtype.itemsize}")
    whole = array.dtype.itemsize * 8
    if picture.syntax in _JPEG_LS:
        return bytes(imagecodecs.jpegls_encode(unsigned))
    cut = unsigned & ((1 << bits) - 1) if bits < whole else unsigned
    if bits <= 8 and cut.dtype.itemsize > 1:
        cut = cut.astype(np.uint8)
    if picture.syntax in _LOSSLESS_JPEG:
        colours = {"colorspace": "rgb", "outcolorspace": "rgb"} if array.ndim == 3 else {}
        return bytes(imagecodecs.jpeg8_encode(cut, lossless=True, predictor=1, bitspersample=bits, **colours))
    values = array if signed and array.dtype.kind == "i" else cut
    if picture.syntax in _JPEG_2000:
        return bytes(
            imagecodecs.jpeg2k_encode(
                values, level=0, codecformat="J2K", reversible=True, bitspersample=bits, mct=mixed, planar=False
            )
        )
    if picture.syntax in _HT:
        colours = {"rgb": mixed} if array.ndim == 3 else {}
        return bytes(imagecodecs.htj2k_encode(values, reversible=True, **colours))
    raise CannotHide("Frames of this transfer syntax cannot be written; hold the object.")


def _said(frame: bytes) -> tuple[int, bool, bool]:
    """What a codestream says: bits of a sample, whether signed, whether its colours are mixed (RCT or ICT)."""
    if frame[4:8] == b"jP  ":
        frame = frame[frame.index(b"jp2c", 0, 1 << 16) + 4 :]
    if frame[:4] == b"\xff\x4f\xff\x51":
        depth, position, mixed = frame[42], 2, False
        while frame[position] == 0xFF and frame[position + 1] not in (0x90, 0xD9):
            if frame[position + 1] == 0x52:
                mixed = frame[position + 8] == 1
            position += 2 + int.from_bytes(frame[position + 2 : position + 4], "big")
        return (depth & 0x7F) + 1, depth > 0x7F, mixed
    position = 2
    while frame[position + 1] not in {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}:
        filler = frame[position + 1] == 0xFF
        position += 1 if filler else 2 + int.from_bytes(frame[position + 2 : position + 4], "big")
    return frame[position + 4], False, False


def run_lengths(array: Array) -> bytes:
    """Compress by RLE: one plane a byte of a sample, the highest byte first, row by row.

    References
    ----------
    DICOM PS3.5 Annex G.
    """
    samples = array.reshape(*array.shape[:2], -1)
    size = array.dtype.itemsize
    raw = np.ascontiguousarray(samples).astype(array.dtype.newbyteorder(">")).view(np.uint8)
    planes = raw.reshape(*array.shape[:2], samples.shape[2] * size)
    parts = []
    for plane in range(planes.shape[2]):
        rows = [imagecodecs.packbits_encode(row.tobytes()) for row in np.ascontiguousarray(planes[:, :, plane])]
        packed = b"".join(bytes(row) for row in rows)
        parts.append(packed + b"\0" * (len(packed) % 2))
    if len(parts) > 15:
        raise CannotHide("The frame has more planes than RLE can hold; hold the object.")
    starts, offset = [], 64
    for part in parts:
        starts.append(offset)
        offset += len(part)
    return struct.pack("<16I", len(parts), *starts, *[0] * (15 - len(parts))) + b"".join(parts)


def blanked(frame: bytes, picture: Picture, rectangles: Sequence[Rectangle], levels: Levels) -> tuple[bytes, bool]:
    """A frame of lossy JPEG with its rectangles filled, and whether other blocks keep their bits.

    Parameters
    ----------
    levels : tuple of float
        The grey or the RGB of the filling.

    Raises
    ------
    CannotHide
    """
    if picture.signed:
        raise CannotHide("Signed values in lossy JPEG are not supported; hold the object.")
    is_ybr = picture.samples == 3 and _is_ybr(frame, picture)
    bits = _said(frame)[0]
    darkest = tuple(int(min(level, (1 << bits) - 1)) for level in levels)
    filling = (darkest[0], 1 << (bits - 1), 1 << (bits - 1)) if is_ybr else darkest
    try:
        written, exact = blank(frame, rectangles, filling), True
    except NotEditable:
        written, exact = _recompressed(frame, picture, rectangles, darkest, is_ybr=is_ybr), False
    before, after = (_samples(coded, picture) for coded in (frame, written))
    if not _is_filled(before, after, rectangles, filling, around=_around(frame) if exact else None):
        raise CannotHide("A filled frame does not decode to what was meant; hold the object.")
    return written, exact


def _samples(frame: bytes, picture: Picture) -> Array:
    return decoded_alone(frame, picture, rgb=False)


def _around(frame: bytes) -> tuple[int, int]:
    """Pixels beside a rectangle that may change: the rest of its units, and two by the smoothing of colours."""
    width, height = units_of(frame)
    return width + 2, height + 2


def _is_filled(
    before: Array,
    after: Array,
    rectangles: Sequence[Rectangle],
    filling: Sequence[int],
    *,
    around: tuple[int, int] | None,
) -> bool:
    untouched = np.ones(before.shape[:2], bool)
    top = 255 if before.dtype.itemsize == 1 else 4095
    for x, y, width, height in rectangles:
        part = after[y : y + height, x : x + width].astype(np.int64)
        if part.size and np.abs(part - np.array(filling if part.ndim == 3 else filling[0])).max() > top // 16:
            return False
        if around:
            across, down = around
            untouched[max(y - down, 0) : y + height + down, max(x - across, 0) : x + width + across] = False
    return around is None or bool(np.array_equal(before[untouched], after[untouched]))


def _is_ybr(frame: bytes, picture: Picture) -> bool:
    """What the codestream says of its colours goes before Photometric Interpretation."""
    position, adobe, jfif = 2, -1, False
    while frame[position + 1] not in {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}:
        if frame[position + 1] == 0xFF:
            position += 1
            continue
        length = int.from_bytes(frame[position + 2 : position + 4], "big")
        body = frame[position + 4 : position + 2 + length]
        if frame[position + 1] == 0xEE and body[:5] == b"Adobe" and len(body) > 11:
            adobe = body[11]
        jfif = jfif or (frame[position + 1] == 0xE0 and body[:4] == b"JFIF")
        position += 2 + length
    if frame[position + 10 : position + 19 : 3] == b"RGB":
        return False
    return adobe == 1 if adobe >= 0 else jfif or picture.photometric.startswith("YBR")


def _recompressed(
    frame: bytes, picture: Picture, rectangles: Sequence[Rectangle], levels: Sequence[int], *, is_ybr: bool
) -> bytes:
    """Decode, fill and compress the whole frame again, at a quality that hardly changes it."""
    options: dict[str, Any] = {}
    if picture.samples == 3:
        options = {"colorspace": "ycbcr" if is_ybr else "rgb", "outcolorspace": "rgb"}
    try:
        array = np.array(imagecodecs.jpeg8_decode(frame, **options))
        for x, y, width, height in rectangles:
            array[y : y + height, x : x + width] = levels if array.ndim == 3 else levels[0]
        if picture.samples == 3:
            options = {"colorspace": "rgb", "outcolorspace": "ycbcr" if is_ybr else "rgb"}
            options["subsampling"] = _sampling(frame) if is_ybr else "444"
        if array.dtype.itemsize > 1:
            options["bitspersample"] = 12
        return bytes(imagecodecs.jpeg8_encode(array, level=_QUALITY, **options))
    except Exception:  # because each codec has errors of its own, and none of them may let the frame pass
        raise CannotHide("A frame of lossy JPEG cannot be compressed again; hold the object.") from None


def _sampling(frame: bytes) -> str:
    position = 2
    while frame[position + 1] not in {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}:
        filler = frame[position + 1] == 0xFF
        position += 1 if filler else 2 + int.from_bytes(frame[position + 2 : position + 4], "big")
    factors = frame[position + 11]
    return _SAMPLING.get((factors >> 4, factors & 15), "444")
