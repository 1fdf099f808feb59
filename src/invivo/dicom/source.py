"""Opening an object: its bytes, where its data set starts, how it is written. Every size is bounded here.

Errors of libraries are never chained to ours in this room: their messages quote values, and tracebacks end up in logs.
"""

import io
import mmap
import os
import re
import shutil
import stat
import struct
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from invivo import errors

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = frozenset({"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"})
BIG_ENDIAN = "1.2.840.10008.1.2.2"

_SMALL = 128 << 10  # read whole up to this; mapping costs more than copying below it
_PART = 1 << 20
_META_LONG = frozenset({b"OB", b"OW", b"OF", b"UN", b"UT", b"SQ", b"UC", b"UR", b"OD", b"OL", b"OV", b"SV", b"UV"})
_VR = re.compile(rb"[A-Z]{2}")

Buffer = bytes | mmap.mmap


class NotDicom(errors.Invalid):
    """The bytes are not a DICOM object."""

    code = "dicom.not-dicom"


class Damaged(errors.Invalid):
    """The bytes are meant to be a DICOM object, but it cannot be read or lacks an identity."""

    code = "dicom.damaged"


class MediaDirectory(Damaged):
    """The file is a DICOMDIR, which lists objects and is none itself."""

    code = "dicom.media-directory"


class OverLimit(errors.TooLarge):
    """A limit of reading is exceeded."""

    code = "dicom.over-limit"


class TooDeep(OverLimit):
    """Sequences are nested deeper than allowed."""

    code = "dicom.too-deep"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of an object is read before it is refused.

    Parameters
    ----------
    header_bytes : int
        Bytes of a stream that are read for a header, and the longest single value handed to pydicom.
    file_bytes : int
        Bytes of a stream that are copied in order to be scanned. A path is mapped, never copied.
    inflated_bytes : int
        Bytes a deflated data set may grow to.
    depth, elements : int
        Nesting of sequences, and elements in all.
    inline_bytes : int
        Longest binary value that stands in the JSON; longer ones are bulk values.
    text_bytes : int
        Longest text that stands in the JSON; longer ones are bulk values.
    fragments : int
        Fragments or frames whose places are kept.
    decoded_bytes : int
        Bytes that decoded pixels may take.
    """

    header_bytes: int = 64 << 20
    file_bytes: int = 64 << 30
    inflated_bytes: int = 512 << 20
    depth: int = 32
    elements: int = 2_000_000
    inline_bytes: int = 1024
    text_bytes: int = 1 << 20
    fragments: int = 1_000_000
    decoded_bytes: int = 1 << 30


@dataclass(frozen=True, slots=True)
class Contents:
    """An open object. ``in_file`` is False where offsets do not point into the file: its data set was deflated."""

    buffer: Buffer
    size: int
    start: int
    syntax: str
    explicit: bool
    little: bool
    media_class: str
    preamble: bool
    in_file: bool = True


@contextmanager
def opened(source: Path | BinaryIO, limits: Limits) -> Iterator[Contents]:
    """Open an object for reading at any place; a stream is read from its beginning.

    Raises
    ------
    NotDicom, Damaged, OverLimit
    """
    if isinstance(source, Path):
        descriptor = os.open(source, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            yield from _mapped(descriptor, limits)
        finally:
            os.close(descriptor)
    elif isinstance(source, BytesIO):
        buffer = source.getvalue()
        yield contents_of(buffer, len(buffer), limits)
    elif _is_file(source):
        yield from _mapped(source.fileno(), limits)
    else:
        with tempfile.TemporaryFile() as copy:
            source.seek(0)
            shutil.copyfileobj(_Bounded(source, limits.file_bytes), copy, _PART)
            copy.flush()
            yield from _mapped(copy.fileno(), limits)


def _is_file(source: BinaryIO) -> bool:
    """Tell whether a stream is a file opened for reading, whose bytes can be mapped."""
    return isinstance(source, io.BufferedReader | io.FileIO) and stat.S_ISREG(os.fstat(source.fileno()).st_mode)


def first_bytes(stream: BinaryIO, count: int) -> bytes:
    """Read the first bytes of a stream, fewer where it ends before."""
    stream.seek(0)
    parts: list[bytes] = []
    while count > 0 and (part := stream.read(min(count, _PART))):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


class _Bounded:
    """A stream that refuses to give more than so many bytes."""

    def __init__(self, stream: BinaryIO, remaining: int) -> None:
        self.stream = stream
        self.remaining = remaining

    def read(self, count: int = -1) -> bytes:
        part = self.stream.read(min(count, _PART) if count > 0 else _PART)
        self.remaining -= len(part)
        if self.remaining < 0:
            raise OverLimit("The object is larger than a stream may be; store it as a file and read that.")
        return part


def _mapped(descriptor: int, limits: Limits) -> Iterator[Contents]:
    size = os.fstat(descriptor).st_size
    if size <= _SMALL:
        with open(descriptor, "rb", closefd=False) as file:  # by its descriptor: it has no path
            buffer = first_bytes(file, size)
        yield contents_of(buffer, len(buffer), limits)
        return
    with mmap.mmap(descriptor, size, access=mmap.ACCESS_READ) as mapped:
        yield contents_of(mapped, size, limits)


def contents_of(buffer: Buffer, size: int, limits: Limits) -> Contents:
    """Read the file meta group and find out how the data set is written.

    References
    ----------
    DICOM PS3.10 7.1; PS3.5 Annex A.
    """
    preamble = buffer[128:132] == b"DICM"
    start = 132 if preamble else 0
    if not preamble and buffer[0:2] not in (b"\x02\x00", b"\x08\x00", b"\x00\x08"):
        raise NotDicom("The file has no DICOM preamble and does not start like a data set.")
    meta, start = _meta(buffer, size, start)
    syntax = meta.get(0x00020010, "")
    explicit, little = _writing(syntax, buffer[start : start + 6])
    syntax = syntax or (EXPLICIT if explicit and little else BIG_ENDIAN if explicit else IMPLICIT)
    contents = Contents(buffer, size, start, syntax, explicit, little, meta.get(0x00020002, ""), preamble)
    return _inflated(contents, limits) if syntax in DEFLATED else contents


def _meta(buffer: Buffer, size: int, position: int) -> tuple[dict[int, str], int]:
    """The short values of group 0002, and where the data set starts. The group length is not trusted."""
    found: dict[int, str] = {}
    for _ in range(64):
        if position + 12 > size or buffer[position : position + 2] != b"\x02\x00":
            break
        element, vr, length = struct.unpack_from("<H2sH", buffer, position + 2)
        offset = position + 8
        if vr in _META_LONG:
            offset, length = position + 12, struct.unpack_from("<I", buffer, position + 8)[0]
        elif not _VR.fullmatch(vr):
            length = struct.unpack_from("<I", buffer, position + 4)[0]
        if offset + length > size:
            raise Damaged("The file meta information runs past the end of the file.")
        if length <= 128:
            found[0x00020000 | element] = buffer[offset : offset + length].decode("ascii", "replace").strip("\0 ")
        position = offset + length
    return found, position


def _writing(syntax: str, first: bytes) -> tuple[bool, bool]:
    """(explicit, little endian), by the transfer syntax or else by the first element."""
    if syntax:
        return syntax != IMPLICIT, syntax != BIG_ENDIAN
    explicit = len(first) == 6 and _VR.fullmatch(first[4:6]) is not None
    return explicit, not (explicit and first[0:1] == b"\x00")


def _inflated(contents: Contents, limits: Limits) -> Contents:
    """Undo deflation, but no further than the limit."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    parts: list[bytes] = []
    total = 0
    position = contents.start
    try:
        while position < contents.size and not inflater.eof:
            pending = contents.buffer[position : position + _PART]
            position += _PART
            while pending and not inflater.eof:
                part = inflater.decompress(pending, _PART)
                total += len(part)
                if total > limits.inflated_bytes:
                    raise OverLimit("The deflated data set grows beyond the limit; it is refused.")
                parts.append(part)
                pending = inflater.unconsumed_tail
    except zlib.error:
        raise Damaged("The deflated data set cannot be inflated; the file is damaged.") from None
    body = b"".join(parts)
    return replace(contents, buffer=body, size=len(body), start=0, in_file=False)
