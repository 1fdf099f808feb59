"""Frames as they are stored: how many there are, and the bytes of one."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from pydicom.dataset import Dataset

from invivo import errors
from invivo.dicom.codestream import is_start
from invivo.dicom.elements import ITEM, SEQUENCE_END, UNDEFINED, Doubt, implicit_head
from invivo.dicom.location import locate_with_picture, picture_of
from invivo.dicom.pixels import Fragments, Picture, PixelLocation, fragments_of
from invivo.dicom.source import Contents, Damaged, Limits, opened


class NotAnImage(errors.Invalid):
    """The object has no pixel data."""

    code = "dicom.not-an-image"


class NoSuchFrame(errors.NotFound):
    """The image has fewer frames."""

    code = "dicom.no-such-frame"


@dataclass(frozen=True, slots=True)
class Frame:
    """The bytes of one frame as stored, and the transfer syntax they are in."""

    bytes: bytes
    transfer_syntax_uid: str


@dataclass(frozen=True, slots=True)
class OpenPixels:
    """An open object with pixels. The offsets of ``location`` point into ``contents.buffer``."""

    contents: Contents
    location: PixelLocation
    picture: Picture


def frame_count(dataset: Dataset) -> int:
    """Count the frames of a data set: 0 without Rows, 1 where Number of Frames is missing or nonsense."""
    picture = picture_of(dataset)
    return picture.frames if picture.rows else 0


def read_frame(
    source: Path | BinaryIO, number: int, pixels: PixelLocation | None = None, limits: Limits | None = None
) -> Frame:
    """Read one frame as stored, without decoding it.

    Parameters
    ----------
    source : Path or seekable binary stream
    number : int
        From 1.
    pixels : PixelLocation, optional
        As ``scan`` gave it; saves looking for the pixel data.

    Returns
    -------
    Frame
        Native frames of single bits are shifted so that each starts at a byte.

    Raises
    ------
    NotDicom, Damaged, NotAnImage, NoSuchFrame, OverLimit

    References
    ----------
    DICOM PS3.5 8 and A.4; PS3.18 8.7.3.3.
    """
    limits = limits or Limits()
    with opened(source, limits) as contents:
        if pixels is not None and pixels.frame_offsets and contents.in_file:
            if not 1 <= number <= len(pixels.frame_offsets):
                raise _no_such_frame()
            return Frame(_known_part(contents, pixels, number - 1), contents.syntax)
        found = _open(contents, limits)
        return Frame(stored_bytes(found, number, limits), contents.syntax)


@contextmanager
def opened_pixels(source: Path | BinaryIO, limits: Limits) -> Iterator[OpenPixels]:
    """Open an object and find its pixels.

    Raises
    ------
    NotAnImage, NotDicom, Damaged, OverLimit
    """
    with opened(source, limits) as contents:
        yield _open(contents, limits)


def _open(contents: Contents, limits: Limits) -> OpenPixels:
    location, picture = locate_with_picture(contents, limits)
    if location is None:
        raise NotAnImage("The object has no pixel data.")
    return OpenPixels(contents, location, picture)


def stored_bytes(found: OpenPixels, number: int, limits: Limits) -> bytes:
    """The bytes of a frame of an open object."""
    location, picture = found.location, found.picture
    if not 1 <= number <= picture.frames:
        raise _no_such_frame()
    if location.frame_offsets:
        return _known_part(found.contents, location, number - 1)
    if location.length == -1:
        return _grouped_part(found, number - 1, limits)
    return _bit_part(found, number - 1)


def _no_such_frame() -> NoSuchFrame:
    return NoSuchFrame("The image has no frame of this number; frames are counted from 1.")


def _known_part(contents: Contents, location: PixelLocation, index: int) -> bytes:
    offset, length = location.frame_offsets[index], location.frame_lengths[index]
    part = contents.buffer[offset : offset + length]
    if len(part) < length:
        raise Damaged("The frame runs past the end of the file.")
    return _joined(part) if location.length == -1 else part


def _joined(part: bytes) -> bytes:
    """The fragments of a frame without their item headers."""
    fragments: list[bytes] = []
    position = 0
    try:
        while position < len(part):
            tag, _, offset, length = implicit_head(part, position)
            if tag == SEQUENCE_END:
                break
            if tag != ITEM or length == UNDEFINED:
                raise Damaged("The fragments of the frame are damaged.")
            fragments.append(part[offset : offset + length])
            position = offset + length
    except struct.error:
        raise Damaged("The fragments of the frame are damaged.") from None
    return fragments[0] if len(fragments) == 1 else b"".join(fragments)


def _grouped_part(found: OpenPixels, index: int, limits: Limits) -> bytes:
    """A frame of several fragments without an offset table: a frame begins where a codestream does."""
    contents = found.contents
    try:
        fragments = fragments_of(contents.buffer, found.location.offset, contents.size, limits)
    except (Doubt, struct.error):
        raise Damaged("The fragments of the pixel data are damaged.") from None
    firsts = [number for number, start in enumerate(fragments.starts) if is_start(_beginning(contents, start))]
    if len(firsts) != found.picture.frames or not firsts or firsts[0] != 0:
        raise Damaged("The fragments of the pixel data cannot be told apart into frames.")
    return _joined(contents.buffer[slice(*_span(fragments, firsts, index))])


def _beginning(contents: Contents, start: int) -> bytes:
    return contents.buffer[start + 8 : start + 12]


def _span(fragments: Fragments, firsts: list[int], index: int) -> tuple[int, int]:
    last = firsts[index + 1] - 1 if index + 1 < len(firsts) else len(fragments.stops) - 1
    return fragments.starts[firsts[index]], fragments.stops[last]


def _bit_part(found: OpenPixels, index: int) -> bytes:
    """A native frame that may start within a byte."""
    contents, location, bits = found.contents, found.location, found.picture.frame_bits
    first = index * bits
    start, stop = location.offset + first // 8, location.offset + (first + bits + 7) // 8
    end = min(location.offset + location.length, contents.size)
    if bits <= 0 or stop > end:
        raise Damaged("The pixel data is shorter than its rows, columns and frames demand.")
    part = contents.buffer[start:stop]
    if first % 8 == 0 and bits % 8 == 0:
        return part
    unpacked = np.unpackbits(np.frombuffer(part, np.uint8), bitorder="little")
    return np.packbits(unpacked[first % 8 : first % 8 + bits], bitorder="little").tobytes()
