"""A journal beside the objects: many small ones are durable by one sync, and reach their own files without waiting.

An object is appended to a segment of the journal, which is synced before anybody is told that the object is kept. Its own
file is then written without a sync. Some seconds later everything is synced at once, and the segment goes. A segment that
outlives the system (the power went) is replayed: what is missing of its objects is written again. One that outlives only
its process (killed) needs a sync: the system has what was written.
"""

import ctypes
import errno
import os
import secrets
import struct
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

try:
    import fcntl
except ImportError:  # not on this system: a segment is then known by the process in its name only
    fcntl = None  # type: ignore[assignment]

_MAGIC = b"INVIVO-1"
_HEAD = struct.Struct("<8s32sQI")  # magic, SHA-256, length, CRC-32
_SEGMENT_BYTES = 128 << 20
_sync = getattr(os, "fdatasync", os.fsync)
_MOST_PARTS = 512
_OLDEST_S = 15.0  # shorter than the age below which nothing is removed, so that no journal holds what was removed


class Journal:
    """One process's journal; all its threads may append.

    Parameters
    ----------
    folder : Path
        On the file system of the objects.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._handle = -1
        self._path: Path | None = None
        self._size = 0
        self._began = 0.0
        self._settled = threading.Lock()
        self._waited_for: Counter[Path] = Counter()
        self._full: list[tuple[int, Path]] = []
        self._thread: threading.Thread | None = None

    def append(self, records: Sequence[tuple[str, bytes, int]]) -> Path:
        """Write objects, each with its digest and CRC-32; when this returns, a power cut does not lose them.

        Returns
        -------
        Path
            The segment. It is not settled before `release` was told that their own files stand.

        Raises
        ------
        OSError
            Nothing may be acknowledged.
        """
        parts: list[bytes] = []
        for digest, content, crc in records:
            parts += (_HEAD.pack(_MAGIC, bytes.fromhex(digest), len(content), crc), content)
        with self._lock:
            if self._handle < 0 or self._size > _SEGMENT_BYTES:
                self._open_next()
            assert self._path is not None
            path = self._path
            try:
                self._size += _write_all(self._handle, parts)
                _sync(self._handle)
            except OSError:
                self._give_up()
                raise
            with self._settled:
                self._waited_for[path] += 1
        return path

    def release(self, path: Path) -> None:
        """Know that the files of what was appended to a segment stand, or will never."""
        with self._settled:
            self._waited_for[path] -= 1

    def settle(self) -> None:
        """Sync everything now, and remove the segments whose objects stand in files of their own."""
        with self._lock:
            self._close_current()
        with self._settled:
            full = [one for one in self._full if not self._waited_for[one[1]]]
            self._full = [one for one in self._full if self._waited_for[one[1]]]
        try:
            if full:
                sync_all(self._folder)
        except OSError:
            with self._settled:
                self._full += full
            raise
        for handle, path in full:
            path.unlink(missing_ok=True)
            os.close(handle)
            with self._settled:
                del self._waited_for[path]

    def _open_next(self) -> None:
        self._close_current()
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{_boot()}-{secrets.token_hex(6)}.journal"
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        _claim(handle)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self._handle, self._path, self._size, self._began = handle, path, 0, time.monotonic()
        if self._thread is None:
            self._thread = threading.Thread(target=self._settle_by_and_by, daemon=True, name="journal")
            self._thread.start()

    def _close_current(self) -> None:
        if self._handle >= 0 and self._path is not None:
            with self._settled:
                self._full.append((self._handle, self._path))
        self._handle, self._path = -1, None

    def _give_up(self) -> None:
        """After a failed write nothing is known of the segment's end: it is kept for a replay, and another one begins."""
        self._handle, self._path = -1, None

    def _settle_by_and_by(self) -> None:
        while True:
            time.sleep(_OLDEST_S / 3)
            is_old = self._handle >= 0 and time.monotonic() - self._began > _OLDEST_S / 3
            if is_old or self._full:
                with suppress(OSError):  # the segments stay, and are tried again
                    self.settle()


def _write_all(handle: int, parts: list[bytes]) -> int:
    """Write parts one after the other, not copied together; return how many bytes."""
    left = [memoryview(part) for part in parts if part]
    while left:
        written = os.writev(handle, left[:_MOST_PARTS])
        if not written:
            raise OSError(errno.ENOSPC, "nothing was written")
        while left and written >= len(left[0]):
            written -= len(left.pop(0))
        if written:
            left[0] = left[0][written:]
    return sum(map(len, parts))


@cache
def _boot() -> str:
    """What tells this run of the system from the one before; empty where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip().replace("-", "")[:12]
    except OSError:
        return ""


def _claim(handle: int) -> bool:
    """Take a segment; False if a living process has it."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def sync_all(folder: Path) -> None:
    """Sync all of the file system that a folder is on."""
    syncfs = getattr(_LIBC, "syncfs", None)
    if syncfs is None:
        os.sync()
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        if syncfs(handle):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(handle)


def _library() -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(None, use_errno=True)
    except (OSError, TypeError):
        return None


_LIBC = _library()


def replay(folder: Path, restore: Callable[[str, bytes], None]) -> int:
    """Go through segments that no living process has; each goes when its objects stand in files of their own.

    The objects of segments from before the system's last start are handed to `restore`. Others were written, and are synced;
    some may have been removed since, and must not come back.

    Parameters
    ----------
    restore : callable
        Given digest and content; writes the object durably unless its file is whole.

    Returns
    -------
    int
        Segments removed.
    """
    gone = 0
    for path in sorted(folder.glob("*.journal")) if folder.is_dir() else ():
        try:
            handle = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            continue
        try:
            if not _claim(handle):
                continue
            if _boot() and path.name.startswith(f"{_boot()}-"):
                sync_all(folder)
            else:
                for digest, content in _records(handle):
                    restore(digest, content)
            path.unlink(missing_ok=True)
            gone += 1
        finally:
            os.close(handle)
    return gone


def _records(handle: int) -> Iterator[tuple[str, bytes]]:
    """The whole records of a segment; what was being written when its process ended was promised to nobody."""
    with os.fdopen(os.dup(handle), "rb") as stream:
        stream.seek(0)
        while len(head := stream.read(_HEAD.size)) == _HEAD.size:
            magic, digest, length, crc = _HEAD.unpack(head)
            content = stream.read(length) if magic == _MAGIC and length <= _SEGMENT_BYTES else b""
            if magic != _MAGIC or len(content) != length or zlib.crc32(content) != crc:
                return
            yield digest.hex(), content
