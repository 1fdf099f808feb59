"""Where pixel data lies in an object, and where each of its frames."""

import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from invivo.dicom.elements import ITEM, SEQUENCE_END, UNDEFINED, Count, Doubt, Head, implicit_head
from invivo.dicom.source import Buffer, Limits


@dataclass(frozen=True, slots=True)
class PixelLocation:
    """The place of pixel data, and of its frames where cheaply known.

    Parameters
    ----------
    tag, vr : int, str
        Pixel Data, Float Pixel Data or Double Float Pixel Data.
    offset, length : int
        Bytes of the value from the beginning of the file; length -1 for encapsulated data. Offset -1 where the object
        is deflated, so that its pixels have no place in the file.
    frame_offsets, frame_lengths : tuple of int
        Bytes of each frame. Of encapsulated data each part covers the items of the frame with their item headers.
        Empty where unknown or where frames do not start at a byte.
    """

    tag: int
    vr: str
    offset: int
    length: int
    frame_offsets: tuple[int, ...] = ()
    frame_lengths: tuple[int, ...] = ()

    def nowhere(self) -> "PixelLocation":
        """The same pixels in a deflated object: they have no place in the file."""
        return replace(self, offset=-1, frame_offsets=(), frame_lengths=())


@dataclass(frozen=True, slots=True)
class Picture:
    """The image pixel description. Numbers that are absent or no numbers are 0; frames and samples are at least 1.

    References
    ----------
    DICOM PS3.3 C.7.6.3.
    """

    rows: int
    columns: int
    samples: int
    frames: int
    photometric: str
    planar: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool

    @property
    def frame_bits(self) -> int:
        """Size of a native frame; 4:2:2 colour stores two samples a pixel on average (PS3.3 C.7.6.3.1.2)."""
        per_pixel = 2 if self.samples == 3 and self.photometric in SUBSAMPLED else self.samples
        return self.rows * self.columns * per_pixel * self.bits_allocated


SUBSAMPLED = frozenset({"YBR_FULL_422", "YBR_PARTIAL_422"})
SHAPE_TAGS = frozenset(
    {
        0x00280002, 0x00280004, 0x00280006, 0x00280008, 0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280102,
        0x00280103,
    }
)  # fmt: skip
EXTENDED_TABLE = 0x7FE00001
_FORGET_EVERY = 512


def number_in(json: Mapping[str, Any], tag: int, default: int = 0) -> int:
    """The first value of an integer attribute of DICOM JSON."""
    value = (json.get(f"{tag:08X}", {}).get("Value") or [None])[0]
    return value if isinstance(value, int) else default


def picture_in(json: Mapping[str, Any]) -> Picture:
    """The image pixel description in DICOM JSON."""
    allocated = number_in(json, 0x00280100)
    stored = number_in(json, 0x00280101, allocated)
    photometric = (json.get("00280004", {}).get("Value") or [""])[0]
    return Picture(
        rows=number_in(json, 0x00280010),
        columns=number_in(json, 0x00280011),
        samples=max(number_in(json, 0x00280002, 1), 1),
        frames=max(number_in(json, 0x00280008, 1), 1),
        photometric=str(photometric or "").strip(),
        planar=number_in(json, 0x00280006),
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=number_in(json, 0x00280102, stored - 1),
        signed=number_in(json, 0x00280103) == 1,
    )


def place(
    buffer: Buffer, size: int, element: Head, picture: Picture, *, limits: Limits, extended: tuple[int, ...] = ()
) -> tuple[PixelLocation, int]:
    """Place pixel data and its frames, and tell where the pixel data ends.

    Parameters
    ----------
    element : Head
        The start of the pixel data element.
    extended : tuple of int
        The Extended Offset Table where there is one.

    Raises
    ------
    Doubt
    """
    tag, vr, offset, length = element
    if length == UNDEFINED:
        fragments = fragments_of(buffer, offset, size, limits)
        offsets, lengths = encapsulated_frames(fragments, picture.frames, extended)
        return PixelLocation(tag, vr or "OB", offset, -1, offsets, lengths), fragments.end
    offsets, lengths = native_frames(offset, min(length, size - offset), picture, limits)
    return PixelLocation(tag, vr, offset, length, offsets, lengths), offset + length


def native_frames(
    offset: int, length: int, picture: Picture, limits: Limits
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Places of native frames, for whole frames of whole bytes that lie inside the value."""
    size, rest = divmod(picture.frame_bits, 8)
    if rest or size == 0 or picture.frames > limits.fragments or size * picture.frames > length:
        return (), ()
    return tuple(range(offset, offset + size * picture.frames, size)), (size,) * picture.frames


@dataclass(frozen=True, slots=True)
class Fragments:
    """The items of encapsulated pixel data: where their headers start and their values stop, the basic offset table,
    and where the data ends: behind the end of the file where it is cut off."""

    starts: tuple[int, ...]
    stops: tuple[int, ...]
    table: tuple[int, ...]
    end: int


def fragments_of(buffer: Buffer, position: int, size: int, limits: Limits) -> Fragments:
    """Walk the item headers of encapsulated pixel data; the fragments themselves are not read.

    Raises
    ------
    Doubt
        There is something else than items.

    References
    ----------
    DICOM PS3.5 A.4.
    """
    starts: list[int] = []
    stops: list[int] = []
    table: tuple[int, ...] | None = None
    count = Count(limits.fragments + 2, limits.depth)
    while True:
        count.take()
        if position + 8 > size:
            return Fragments(tuple(starts), tuple(stops), table or (), size + 1)
        tag, _, offset, length = implicit_head(buffer, position)
        if tag == SEQUENCE_END:
            return Fragments(tuple(starts), tuple(stops), table or (), offset)
        if tag != ITEM or length == UNDEFINED:
            raise Doubt
        if offset + length > size:
            return Fragments(tuple(starts), tuple(stops), table or (), size + 1)
        if table is None:
            words = min(length // 4, limits.fragments)
            table = struct.unpack(f"<{words}I", buffer[offset : offset + words * 4])
        else:
            starts.append(position)
            stops.append(offset + length)
            if not len(starts) % _FORGET_EVERY:
                _forget_pages(buffer)
        position = offset + length


def _forget_pages(buffer: Buffer) -> None:
    """Give back what was mapped to look at headers: with each, the kernel maps 64 kB around it."""
    if isinstance(buffer, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        buffer.madvise(mmap.MADV_DONTNEED)


def encapsulated_frames(
    fragments: Fragments, frames: int, extended: tuple[int, ...] = ()
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Places of encapsulated frames: by an offset table, or one fragment a frame, or one frame of all fragments.

    Parameters
    ----------
    extended : tuple of int
        The Extended Offset Table where there is one; it goes before the basic one.
    """
    starts, stops = fragments.starts, fragments.stops
    if not starts:
        return (), ()
    if frames == 1:
        return (starts[0],), (stops[-1] - starts[0],)
    for table in (extended, fragments.table):
        if len(table) == frames and (firsts := _by_table(table, starts)):
            ends = (*firsts[1:], stops[-1])
            return firsts, tuple(end - first for first, end in zip(firsts, ends, strict=True))
    if len(starts) == frames:
        return starts, tuple(stop - start for start, stop in zip(starts, stops, strict=True))
    return (), ()


def _by_table(table: tuple[int, ...], starts: tuple[int, ...]) -> tuple[int, ...]:
    """Offsets of an offset table as places in the file; nothing where one of them is no start of a fragment."""
    firsts = tuple(starts[0] + offset for offset in table)
    known = set(starts)
    rising = all(a < b for a, b in pairwise(firsts))
    return firsts if rising and firsts[0] == starts[0] and known.issuperset(firsts) else ()
