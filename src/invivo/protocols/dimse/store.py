"""C-STORE: an object's fragments into memory or a file, and the one committer of the process.

Nothing is acknowledged before it is fsynced and committed. One commit costs about the same for one object as for many, so
there is one at a time, and it takes whatever has become whole since the last began: of all associations together.

References
----------
DICOM PS3.4 Annex B; PS3.7 9.1.1; PS3.10 7.1 (the file meta information that is put before the data set).
"""

import asyncio
import contextlib
import hashlib
import queue
import struct
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass

import structlog

from invivo import storage, submissions
from invivo.archive import Archive
from invivo.errors import InvivoError
from invivo.protocols.dimse.layer import UpperLayer
from invivo.protocols.dimse.pdu import IMPLEMENTATION_UID, IMPLEMENTATION_VERSION
from invivo.protocols.dimse.status import (
    CANNOT_UNDERSTAND,
    MISMATCH,
    OUT_OF_RESOURCES,
    status_of,
    status_of_error,
)

MEMORY_BYTES = 1 << 20
PIECE_BYTES = 1 << 18
WAITING_BYTES = 4 << 20
MOST_OBJECTS, MOST_BYTES = 64, 64 << 20
PATIENCE, MOST_PATIENCE_S = 0.3, 0.004
SMALL_BYTES = 1 << 16

Outcome = submissions.Receipt | Exception
_log = structlog.get_logger()
_SHORT, _LONG = struct.Struct("<HH2sH"), struct.Struct("<HH2sHL")


class _Vanished(Exception):
    """The peer has gone in the middle of an object."""


def file_meta(class_uid: str, instance_uid: str, syntax: str) -> bytes:
    """Write a preamble and file meta information. The sender is not named, so that a repeat by another is the same file."""
    parts = [_LONG.pack(2, 1, b"OB", 0, 2), b"\0\1"]
    for element, uid in ((2, class_uid), (3, instance_uid), (0x10, syntax), (0x12, IMPLEMENTATION_UID)):
        value = uid.encode() + b"\0" * (len(uid) % 2)
        parts += [_SHORT.pack(2, element, b"UI", len(value)), value]
    version = IMPLEMENTATION_VERSION.encode()
    version += b" " * (len(version) % 2)
    body = b"".join([*parts, _SHORT.pack(2, 0x13, b"SH", len(version)), version])
    return bytes(128) + b"DICM" + _SHORT.pack(2, 0, b"UL", 4) + struct.pack("<L", len(body)) + body


class Feed:
    """A large object on its way through a thread that digests and writes it; its association waits if it falls behind."""

    def __init__(self, layer: UpperLayer, archive: Archive, threads: Executor) -> None:
        self._layer = layer
        self._pieces: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._given = self._taken = 0
        self._holds = False
        limit = archive.settings.limits.object_bytes
        self.spooled = layer.loop.run_in_executor(threads, archive.held.spool, self._chunks(), limit)
        self.spooled.add_done_callback(self._over)

    def put(self, piece: bytes) -> None:
        """Hand on a piece; one that nobody will write any more is forgotten."""
        if self.spooled.done():
            return
        self._given += len(piece)
        self._pieces.put(piece)
        if self._given - self._taken > WAITING_BYTES and not self._holds:
            self._holds = True
            self._layer.hold()

    def end(self, *, is_whole: bool) -> None:
        """Say that no more comes."""
        self._pieces.put(None if is_whole else b"")

    def _chunks(self) -> Iterator[bytes]:
        while (piece := self._pieces.get()) is not None:
            if not piece:
                raise _Vanished
            yield piece
            self._taken += len(piece)
            if self._holds and self._given - self._taken < WAITING_BYTES // 4:
                self._layer.loop.call_soon_threadsafe(self._go_on)

    def _go_on(self) -> None:
        if self._holds:
            self._holds = False
            self._layer.unhold()

    def _over(self, spooled: "asyncio.Future[storage.Spooled]") -> None:
        self._go_on()
        if not spooled.cancelled():
            spooled.exception()  # so that nobody misses it: an object whose peer has gone has no other reader


class Incoming:
    """One object being received: digested as it comes, in memory up to `MEMORY_BYTES`, then through a thread to a file."""

    def __init__(self, layer: UpperLayer, archive: Archive, threads: Executor, meta: bytes) -> None:
        self._layer, self._archive, self._threads = layer, archive, threads
        self._content = bytearray(meta)
        self._digest = hashlib.sha256(meta)
        self._crc = zlib.crc32(meta)
        self._feed: Feed | None = None

    def write(self, part: memoryview) -> None:
        content = self._content
        content += part
        if self._feed is not None:
            if len(content) >= PIECE_BYTES:
                self._pass_on()
        elif len(content) > MEMORY_BYTES:
            self._feed = Feed(self._layer, self._archive, self._threads)
            self._pass_on()
        else:
            self._digest.update(part)
            self._crc = zlib.crc32(part, self._crc)

    def _pass_on(self) -> None:
        assert self._feed is not None
        self._feed.put(bytes(self._content))
        self._content = bytearray()

    def finish(self) -> None:
        if self._feed is not None:
            if self._content:
                self._pass_on()
            self._feed.end(is_whole=True)

    def drop(self) -> None:
        if self._feed is not None:
            self._feed.end(is_whole=False)
        self._content = bytearray()

    def then(self, take: Callable[["storage.Spooled | Exception"], None]) -> None:
        """Call when the bytes are together, perhaps at once."""
        if self._feed is None:
            take(self._in_memory())
            return

        def done(spooled: "asyncio.Future[storage.Spooled]") -> None:
            error = spooled.exception()
            take(spooled.result() if error is None else error if isinstance(error, Exception) else OSError())

        self._feed.spooled.add_done_callback(done)

    def _in_memory(self) -> "storage.Spooled | Exception":
        content, limit = bytes(self._content), self._archive.settings.limits.object_bytes
        self._content = bytearray()
        if len(content) > limit:
            return storage.TooManyBytes("The object is larger than may be received (limits.object_bytes).")
        digest = self._digest.hexdigest()
        nowhere = self._archive.held.root / "spool" / f"none-{digest}"
        return storage.Spooled(nowhere, digest, len(content), self._crc, content)


class Discarded:
    """A data set that is refused already, taken off the wire."""

    def write(self, part: memoryview) -> None:
        """Forget a part."""

    def finish(self) -> None:
        """Nothing is left to do."""

    def drop(self) -> None:
        """Nothing is left to do."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    parcel: submissions.Parcel
    tell: Callable[[Outcome], None]


class Committer:
    """The one that takes finished objects in, some at a time; made inside the event loop.

    Senders that wait for their answers send again as soon as they have them. So a commit that would begin with fewer objects
    than there were senders lately waits a moment for the others, for a fraction of what the last one took. Not so for large
    objects: of these one commit should write while the next are received.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._loop = asyncio.get_running_loop()
        self._batches: queue.SimpleQueue[list[_Waiting] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="commit", daemon=True)
        self._thread.start()
        self._waiting: deque[_Waiting] = deque()
        self._is_busy = False
        self._timer: asyncio.TimerHandle | None = None
        self._expected = 1
        self._patience_s = self._began = self._ended = 0.0

    def add(self, parcel: submissions.Parcel, tell: Callable[[Outcome], None]) -> None:
        """Take an object in with the next commit; `tell` is called in the event loop."""
        self._waiting.append(_Waiting(parcel, tell))
        if not self._is_busy:
            self._begin_soon()

    def close(self) -> None:
        """End the thread once its commit is done."""
        self._batches.put(None)
        self._thread.join()

    @property
    def is_idle(self) -> bool:
        return not self._is_busy and not self._waiting

    def _begin_soon(self) -> None:
        now = self._loop.time()
        if len(self._waiting) >= self._expected or now >= self._ended + self._patience_s:
            self._begin()
        elif self._timer is None:
            self._timer = self._loop.call_at(self._ended + self._patience_s, self._begin)

    def _begin(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._is_busy, self._began = True, self._loop.time()
        batch: list[_Waiting] = []
        size = 0
        while self._waiting and len(batch) < MOST_OBJECTS and size < MOST_BYTES:
            batch.append(self._waiting.popleft())
            size += batch[-1].parcel.spooled.size
        self._batches.put(batch)

    def _run(self) -> None:
        while (batch := self._batches.get()) is not None:
            outcomes = self._commit([one.parcel for one in batch])
            with contextlib.suppress(RuntimeError):  # the loop has ended, and with it all who could be told
                self._loop.call_soon_threadsafe(self._tell, batch, outcomes)

    def _tell(self, batch: list[_Waiting], outcomes: list[Outcome]) -> None:
        self._is_busy, self._ended = False, self._loop.time()
        is_small = sum(one.parcel.spooled.size for one in batch) < SMALL_BYTES * len(batch)
        self._patience_s = min((self._ended - self._began) * PATIENCE, MOST_PATIENCE_S) if is_small else 0.0
        self._expected = min(len(batch) + len(self._waiting), MOST_OBJECTS)
        for one, outcome in zip(batch, outcomes, strict=True):
            one.tell(outcome)
        if self._waiting and not self._is_busy:
            self._begin_soon()

    def _commit(self, parcels: list[submissions.Parcel]) -> list[Outcome]:
        try:
            return list(submissions.receive_many(self._archive, parcels))
        except (InvivoError, OSError) as error:
            return [error] * len(parcels)
        except Exception as error:  # because one bad object must not refuse the others, nor quote itself in a log
            if len(parcels) == 1:
                return [error]
        return [self._alone(parcel) for parcel in parcels]

    def _alone(self, parcel: submissions.Parcel) -> Outcome:
        if parcel.spooled.content is None:  # its file is gone with the attempt
            return OSError()
        return self._commit([parcel])[0]


def answer_of(outcome: Outcome, instance_uid: str) -> tuple[int, str]:
    """Return status and comment for what became of an object that was announced with a SOP Instance UID."""
    if isinstance(outcome, InvivoError):
        _log.warning("dimse.refused", code=outcome.kind)
        return status_of_error(outcome), outcome.message
    if isinstance(outcome, OSError):
        _log.error("dimse.failed", error=type(outcome).__name__)
        return OUT_OF_RESOURCES, "The archive cannot write now; try again later."
    if isinstance(outcome, Exception):
        _log.error("dimse.broken", error=type(outcome).__name__)
        return CANNOT_UNDERSTAND, "The object could not be processed."
    if outcome.is_durable and outcome.sop_uid and outcome.sop_uid != instance_uid:
        _log.warning("dimse.mismatch", object=outcome.object_id)
        return MISMATCH, "The data set has another SOP Instance UID; it is held."
    if not outcome.is_durable:
        _log.warning("dimse.refused", code=outcome.code)
    return status_of(outcome), outcome.reason
