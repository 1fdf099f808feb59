"""One frame decoded to an array; no other frame is touched, and nothing larger than the limit is made."""

import struct
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from invivo import errors
from invivo.dicom.codestream import Codestream, codestream_of
from invivo.dicom.frames import OpenPixels, opened_pixels, stored_bytes
from invivo.dicom.pixels import SUBSAMPLED, Picture
from invivo.dicom.source import Damaged, Limits, OverLimit

Array = NDArray[Any]

_RLE = "1.2.840.10008.1.2.5"
_RAW_ENCAPSULATED = "1.2.840.10008.1.2.1.98"
_DEFLATED_FRAME = "1.2.840.10008.1.2.8.1"
_JPEG = frozenset(f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 57, 70))
_JPEG_LS = frozenset({"1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"})
_JPEG_2000 = frozenset(f"1.2.840.10008.1.2.4.{number}" for number in (90, 91, 92, 93, 201, 202, 203))
_FLOATS: dict[int, np.dtype[Any]] = {0x7FE00008: np.dtype(np.float32), 0x7FE00009: np.dtype(np.float64)}
_YBR = frozenset({"YBR_FULL", *SUBSAMPLED})


class Undecodable(errors.Invalid):
    """The frame is compressed in a way that is not supported, or its bytes do not fit its description."""

    code = "dicom.undecodable"


def decode_frame(source: Path | BinaryIO, number: int, limits: Limits | None = None, *, rgb: bool = True) -> Array:
    """Decode one frame.

    Parameters
    ----------
    source : Path or seekable binary stream
    number : int
        From 1.
    rgb : bool
        Turn YBR colours into RGB.

    Returns
    -------
    ndarray, shape (rows, columns) or (rows, columns, samples)
        Stored values, in their signed or unsigned type of 8, 16, 32 or 64 bits; single bits as 0 and 1 of 8 bits;
        float pixels as they are. Bits above the stored ones are cleared or filled with the sign.

    Raises
    ------
    NotAnImage, NoSuchFrame, Undecodable, Damaged, NotDicom, OverLimit

    References
    ----------
    DICOM PS3.3 C.7.6.3; PS3.5 8 and Annex A.4.
    """
    limits = limits or Limits()
    with opened_pixels(source, limits) as found:
        return decoded(found, number, limits, rgb=rgb)


def decoded(found: OpenPixels, number: int, limits: Limits, *, rgb: bool = True) -> Array:
    """Decode one frame of an open object."""
    picture = found.picture
    dtype = stored_dtype(found)
    if not picture.rows or not picture.columns:
        raise Undecodable("The image has no rows or no columns.")
    if picture.rows * picture.columns * picture.samples * dtype.itemsize > limits.decoded_bytes:
        raise OverLimit("The frame is larger than may be decoded.")
    frame = stored_bytes(found, number, limits)
    if found.location.length != -1:
        array = _native(frame, found, dtype, number)
        colour = picture.photometric
    else:
        array, colour = _compressed(frame, found, dtype)
    if rgb and picture.samples == 3 and colour in _YBR and array.dtype == np.uint8:
        array = rgb_of_ybr(array, partial=colour == "YBR_PARTIAL_422")
    return array


def stored_dtype(found: OpenPixels) -> np.dtype[Any]:
    """The type of decoded values."""
    picture = found.picture
    if found.location.tag in _FLOATS:
        return _FLOATS[found.location.tag]
    bits = 8 if picture.bits_allocated == 1 else picture.bits_allocated
    if bits not in (8, 16, 32, 64):
        raise Undecodable(f"The image allocates {bits} bits a sample, which is not supported.")
    return np.dtype(f"{'i' if picture.signed and picture.bits_allocated > 1 else 'u'}{bits // 8}")


def _native(frame: bytes, found: OpenPixels, dtype: np.dtype[Any], number: int) -> Array:
    """Values stored one after another."""
    picture, contents = found.picture, found.contents
    if not contents.little and found.location.vr == "OW" and picture.bits_allocated == 8:
        frame = _swapped_words(found, number)
    if picture.bits_allocated == 1:
        return _bits(frame, picture)
    flat = np.frombuffer(frame, dtype if contents.little else dtype.newbyteorder(">")).astype(dtype, copy=False)
    if picture.samples == 3 and picture.photometric in SUBSAMPLED:
        return _fitted(_full_422(flat, picture), picture)
    return _fitted(_shaped(flat, picture, picture.planar), picture)


def _swapped_words(found: OpenPixels, number: int) -> bytes:
    """Bytes stored as big-endian words of 16 bits (PS3.5 8.1.1), for one frame that may start within a word."""
    size = found.picture.frame_bits // 8
    first = (number - 1) * size
    start = found.location.offset + first // 2 * 2
    part = found.contents.buffer[start : start + (size + first % 2 + 1) // 2 * 2]
    words = np.frombuffer(part[: len(part) // 2 * 2], np.uint16).byteswap().tobytes()
    return words[first % 2 : first % 2 + size]


def _bits(frame: bytes, picture: Picture) -> Array:
    count = picture.rows * picture.columns * picture.samples
    flat = np.unpackbits(np.frombuffer(frame, np.uint8), count=count, bitorder="little")
    return _shaped(flat, picture, picture.planar)


def _shaped(flat: Array, picture: Picture, planar: int) -> Array:
    """Samples as rows, columns, samples; whole planes one after another are interleaved."""
    rows, columns, samples = picture.rows, picture.columns, picture.samples
    if flat.size < rows * columns * samples:
        raise Damaged("The frame is shorter than its rows and columns demand.")
    flat = flat[: rows * columns * samples]
    if samples == 1:
        return flat.reshape(rows, columns)
    if planar == 1:
        return np.ascontiguousarray(flat.reshape(samples, rows, columns).transpose(1, 2, 0))
    return flat.reshape(rows, columns, samples)


def _full_422(flat: Array, picture: Picture) -> Array:
    """Two luminances share one pair of colour differences."""
    rows, columns = picture.rows, picture.columns
    if columns % 2 or flat.size < rows * columns * 2:
        raise Damaged("The frame is shorter than its rows and columns demand.")
    pairs = flat[: rows * columns * 2].reshape(rows, columns // 2, 4)
    full = np.empty((rows, columns, 3), flat.dtype)
    full[:, :, 0] = pairs[:, :, :2].reshape(rows, columns)
    full[:, :, 1] = np.repeat(pairs[:, :, 2], 2, axis=1)
    full[:, :, 2] = np.repeat(pairs[:, :, 3], 2, axis=1)
    return full


def _fitted(array: Array, picture: Picture, bits: int = 0) -> Array:
    """Shift the stored bits to the top and back, which clears what is above them or fills it with the sign."""
    if array.dtype.kind == "f":
        return array
    width = array.dtype.itemsize * 8
    stored = bits or picture.bits_stored
    above = width - stored if bits else width - 1 - picture.high_bit
    if not 0 < stored < width or not 0 <= above <= width - stored:
        return array
    if above == width - stored and not picture.signed and not np.any(array >> stored):
        return array
    return (array << above) >> (width - stored)


def _compressed(frame: bytes, found: OpenPixels, dtype: np.dtype[Any]) -> tuple[Array, str]:
    """Decode a compressed frame; also tell in which colours it now is."""
    picture, syntax = found.picture, found.contents.syntax
    if syntax == _RAW_ENCAPSULATED:
        return _native(frame, found, dtype, 1), picture.photometric
    if syntax == _DEFLATED_FRAME:
        return _native(_inflated(frame, picture), found, dtype, 1), picture.photometric
    try:
        if syntax == _RLE:
            return _fitted(_run_lengths(frame, picture, dtype), picture), picture.photometric
        return _by_codec(frame, picture, dtype, syntax)
    except errors.InvivoError:
        raise
    except Exception:  # because each codec has errors of its own, and a broken frame is never our fault
        raise Undecodable("The frame cannot be decoded; its bytes are damaged.") from None


def _inflated(frame: bytes, picture: Picture) -> bytes:
    size = (picture.frame_bits + 7) // 8
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(frame, size)
    except zlib.error:
        raise Undecodable("The frame cannot be inflated; its bytes are damaged.") from None


def _run_lengths(frame: bytes, picture: Picture, dtype: np.dtype[Any]) -> Array:
    """RLE stores one plane a byte of a sample (PS3.5 Annex G); the codec puts the bytes of a sample together."""
    _need_segments(frame, picture)
    found = imagecodecs.dicomrle_decode(frame, dtype.newbyteorder("<"))
    if picture.bits_allocated == 1:
        return _bits(bytes(found), picture)
    flat = np.frombuffer(found, dtype) if isinstance(found, bytes | bytearray) else np.asarray(found).ravel()
    return _shaped(flat.view(dtype), picture, 1)


def _need_segments(frame: bytes, picture: Picture) -> None:
    """Check the header of an RLE frame: the codec believes it, and reads wherever it says.

    References
    ----------
    DICOM PS3.5 G.3 to G.5.
    """
    header = struct.unpack("<16L", frame[:64]) if len(frame) >= 64 else (0,)
    count, starts = header[0], header[1 : header[0] + 1]
    expected = picture.samples * max(picture.bits_allocated // 8, 1)
    rises = all(a < b for a, b in pairwise((63, *starts, len(frame))))
    if count != expected or count > 15 or starts[0] != 64 or not rises:
        raise Undecodable("The segments of the frame are not where its header says.")


def _by_codec(frame: bytes, picture: Picture, dtype: np.dtype[Any], syntax: str) -> tuple[Array, str]:
    """JPEG and its kin. The codestream's own size must be that of the image before a decoder may allocate for it."""
    said = codestream_of(frame)
    if said is None:
        raise Undecodable("The frame is no codestream of its transfer syntax.")
    if (said.rows, said.columns, said.samples) != (picture.rows, picture.columns, picture.samples):
        raise Undecodable("The codestream of the frame has another size than the image.")
    colour = picture.photometric
    if syntax in _JPEG:
        array, colour = _jpeg(frame, said, picture)
    elif syntax in _JPEG_LS:
        array = _interleaved(imagecodecs.jpegls_decode(frame), picture)
    elif syntax in _JPEG_2000:
        array = _interleaved(imagecodecs.jpeg2k_decode(frame), picture)
    else:
        raise Undecodable(f"Transfer syntax {syntax} is not supported.")
    if array.dtype.itemsize > dtype.itemsize:
        raise Undecodable("The codestream of the frame has more bits than the image.")
    unsigned = array.view(f"u{array.dtype.itemsize}").astype(f"u{dtype.itemsize}", copy=False)
    return _fitted(unsigned.view(dtype), picture, said.bits), colour


def _interleaved(array: Array, picture: Picture) -> Array:
    """Some codestreams hold whole planes."""
    if picture.samples > 1 and array.shape == (picture.samples, picture.rows, picture.columns):
        return np.ascontiguousarray(array.transpose(1, 2, 0))
    if array.shape[:2] != (picture.rows, picture.columns):
        raise Undecodable("The decoded frame has another size than the image.")
    return array


def _jpeg(frame: bytes, said: Codestream, picture: Picture) -> tuple[Array, str]:
    """Decode JPEG of any process without colour conversion, and tell the real colours.

    What the codestream says of its colours goes before Photometric Interpretation, which is often left at RGB for
    what is YCbCr.
    """
    if said.samples != 3:
        return np.ascontiguousarray(imagecodecs.jpeg8_decode(frame)), picture.photometric
    array = np.ascontiguousarray(imagecodecs.jpeg8_decode(frame, colorspace="rgb", outcolorspace="rgb"))
    if said.colour:
        return array, "YBR_FULL" if said.colour == "ycbcr" else "RGB"
    return array, picture.photometric


def rgb_of_ybr(array: Array, *, partial: bool = False) -> Array:
    """Turn YBR_FULL of 8 bits into RGB; partial is the range 16 to 235 of video.

    References
    ----------
    DICOM PS3.3 C.7.6.3.1.2.
    """
    values = array.astype(np.float32)
    luminance, blue, red = values[..., 0], values[..., 1] - 128, values[..., 2] - 128
    if partial:
        luminance, blue, red = (luminance - 16) * (255 / 219), blue * (255 / 224), red * (255 / 224)
    out = np.empty_like(values)
    out[..., 0] = luminance + 1.402 * red
    out[..., 1] = luminance - 0.344136 * blue - 0.714136 * red
    out[..., 2] = luminance + 1.772 * blue
    return np.clip(np.rint(out), 0, 255).astype(np.uint8)
