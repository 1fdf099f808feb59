"""Stored objects as the parts of one answer, read where they lie.

What is in the computer's memory already is read in the event loop: to ask a thread for it costs more than to copy it. The
first and the last byte of a block tell; what has to come from a disk is read by a thread.
"""

import errno
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio.to_thread
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from invivo import images
from invivo.archive import Archive
from invivo.protocols.dicomweb.syntax import DICOM
from invivo.protocols.wire import LARGE

BLOCK = 256 << 10  # larger ones leave the caches of a processor before they are copied on
OPEN_AT_ONCE = 16
_AT_ONCE = getattr(os, "RWF_NOWAIT", 0)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A file that is open, and what of it is the object."""

    handle: int
    offset: int
    length: int


def stored_response(
    archive: Archive, found: Sequence[images.StoredObject], boundary: str, status: int, headers: dict[str, str]
) -> Response:
    """Answer multipart/related with objects as they are stored, in memory that does not grow with their number.

    Parameters
    ----------
    boundary : str
        Must not occur in an object.
    """
    end = f"\r\n--{boundary}--\r\n".encode()
    total = sum(len(_head(one, boundary)) + one.size_bytes + 2 for one in found) - 2 + len(end)
    media_type = f'multipart/related; type="{DICOM}"; boundary={boundary}'
    return StreamingResponse(
        _pieces(archive, found, boundary, end), status, {**headers, "Content-Length": str(total)}, media_type
    )


class _Sent(StreamingResponse):
    """A few pieces, sent without a watch over the client: they are gone before it could be told to stop."""

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await self.stream_response(send)


def part_response(path: Path, where: tuple[int, int], media_type: str, headers: dict[str, str]) -> Response:
    """Answer with a part of a file, (offset, length), as it lies."""
    return _Sent(_part(path, where), 200, {**headers, "Content-Length": str(where[1])}, media_type)


def multipart_of_one(
    path: Path, where: tuple[int, int], content_type: str, boundary: str, headers: dict[str, str]
) -> Response:
    """Answer multipart/related with a part of a file, (offset, length), as the only part of the answer."""
    head, tail = part_head(content_type, where[1], boundary), f"\r\n--{boundary}--\r\n".encode()
    inner = content_type.partition(";")[0]
    media_type = f'multipart/related; type="{inner}"; boundary={boundary}'
    more = {**headers, "Content-Length": str(len(head) + where[1] + len(tail))}
    return _Sent(_part(path, where, head, tail), 200, more, media_type)


async def _part(path: Path, where: tuple[int, int], head: bytes = b"", tail: bytes = b"") -> AsyncIterator[bytes]:
    file = _Opened(os.open(path, os.O_RDONLY), *where)
    try:
        if head:
            yield head
        done = 0
        while done < file.length:
            block = await _block(file, done)
            yield block
            done += len(block)
        if tail:
            yield tail
    finally:
        os.close(file.handle)


def part_head(content_type: str, length: int, boundary: str) -> bytes:
    """Return what stands before a part of a multipart."""
    lines = f"--{boundary}", f"Content-Type: {content_type}", f"Content-Length: {length}"
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii", "replace")


def _head(one: images.StoredObject, boundary: str) -> bytes:
    return part_head(f"{DICOM}; transfer-syntax={one.transfer_syntax_uid}", one.size_bytes, boundary)


async def _pieces(
    archive: Archive, found: Sequence[images.StoredObject], boundary: str, end: bytes
) -> AsyncIterator[bytes]:
    between = b""
    for start in range(0, len(found), OPEN_AT_ONCE):
        some = found[start : start + OPEN_AT_ONCE]
        opened = await anyio.to_thread.run_sync(_open, archive, some)
        try:
            for one, file in zip(some, opened, strict=True):
                yield between + _head(one, boundary)
                done = 0
                while done < file.length:
                    block = await _block(file, done)
                    yield block
                    done += len(block)
                between = b"\r\n"
        finally:
            for file in opened:
                os.close(file.handle)
    yield end


def _open(archive: Archive, some: Sequence[images.StoredObject]) -> list[_Opened]:
    opened: list[_Opened] = []
    try:
        for one in some:
            place = archive.objects.place(one.digest)
            if place.length != one.size_bytes:
                raise OSError("a stored object is not as long as the database says")
            opened.append(_Opened(os.open(place.path, os.O_RDONLY), place.offset, place.length))
    except BaseException:
        for file in opened:
            os.close(file.handle)
        raise
    return opened


async def _block(file: _Opened, done: int) -> bytes:
    block = _read_at_once(file, done)
    return await anyio.to_thread.run_sync(_read, file, done, LARGE) if block is None else block


def _read_at_once(file: _Opened, done: int) -> bytes | None:
    """Read a block that is in memory; None where somebody would have to wait for it."""
    if not _AT_ONCE:
        return None
    left = file.length - done
    length = left if left <= BLOCK * 3 // 2 else BLOCK  # no crumb at the end: each block is a way of its own
    byte = bytearray(1)
    try:
        for place in (done, done + length - 1):
            os.preadv(file.handle, [byte], file.offset + place, _AT_ONCE)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EOPNOTSUPP):
            return None
        raise
    return _read(file, done, length)


def _read(file: _Opened, done: int, length: int) -> bytes:
    block = os.pread(file.handle, min(length, file.length - done), file.offset + done)
    if not block:
        raise OSError("a stored object is shorter than the database says")
    return block
