"""Objects as plain files: ``root/ab/cd/<sha256>``, written beside, fsynced, then renamed to their name."""

import errno
import hashlib
import os
import secrets
import shutil
import tempfile
import time
import zlib
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from invivo.errors import Busy
from invivo.storage.journal import Journal, replay, sync_all
from invivo.storage.store import Missing, Place, Spooled, Store, TooManyBytes

SMALL_BYTES = 1 << 20  # up to here an object is kept in memory and written by way of the journal
_LEAVING = "leaving-"  # before the digest of what is moved aside to be deleted
LEAVING_S = 60.0  # what came a shorter time ago stays
_SYNCED_ALONE = 8


class DiskFull(Busy):
    """There is no room for more; nothing of what was being received is kept."""

    code = "storage.full"


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_file(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _move(path: Path, target: Path) -> None:
    """Rename a synced file, or copy it durably where the target is on another file system."""
    try:
        path.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        part = target.with_name(f"{target.name}.{secrets.token_hex(6)}")
        shutil.copyfile(path, part)
        _sync_file(part)
        part.replace(target)
        path.unlink()


@cache
def _writers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(4, "writer")


def _need_at_most(size: int, limit: int) -> None:
    if size > limit:
        raise TooManyBytes(f"The object is larger than the limit of {limit} bytes (limits.object_bytes).")


class DiskStore:
    """A store in a folder.

    Parameters
    ----------
    root : Path
        Folder of the objects; temporary files are in ``root/spool``, on the same file system.
    reserve : int
        Nothing is spooled while the disk has fewer bytes free than this.
    """

    def __init__(self, root: Path, reserve: int = 0) -> None:
        self.root, self._root = root, str(root)
        self.reserve = reserve
        self._spool = root / "spool"
        self._spool.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._journal = Journal(root / "journal")

    def spool(self, chunks: Iterable[bytes], limit: int) -> Spooled:
        """Digest a stream while writing it to a temporary file; what is small stays in memory.

        Raises
        ------
        TooManyBytes
            The stream is longer than `limit`; nothing is left of it.
        DiskFull
            There is no room; nothing is left of it.
        """
        self.need_room()
        rest = iter(chunks)
        first: list[bytes] = []
        size = 0
        for chunk in rest:
            first.append(chunk)
            size += len(chunk)
            if size > SMALL_BYTES:
                return self._spool_file(chain(first, rest), limit)
        return self.spool_bytes(b"".join(first), limit)

    def spool_bytes(self, content: bytes, limit: int) -> Spooled:
        """Spool what is in memory; raises TooManyBytes."""
        _need_at_most(len(content), limit)
        digest = hashlib.sha256(content).hexdigest()
        return Spooled(self._spool / f"none-{digest}", digest, len(content), zlib.crc32(content), content)

    def _spool_file(self, chunks: Iterable[bytes], limit: int) -> Spooled:
        digest, crc, size = hashlib.sha256(), 0, 0
        handle, name = tempfile.mkstemp(dir=self._spool)
        path = Path(name)
        try:
            with os.fdopen(handle, "wb", buffering=0) as out:
                for chunk in chunks:
                    size += len(chunk)
                    _need_at_most(size, limit)
                    digest.update(chunk)
                    crc = zlib.crc32(chunk, crc)
                    view = memoryview(chunk)
                    while view:
                        view = view[out.write(view) :]
        except BaseException as error:
            path.unlink(missing_ok=True)
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFull("The archive's disk is full; try again later.") from error
            raise
        return Spooled(path, digest.hexdigest(), size, crc)

    def spool_file(self, source: Path, limit: int) -> Spooled:
        """Spool a file that somebody wrote into the spool folder: digested and linked, not copied.

        Raises
        ------
        TooManyBytes, DiskFull
        """
        self.need_room()
        _need_at_most(source.stat().st_size, limit)
        digest, crc, size = hashlib.sha256(), 0, 0
        with source.open("rb", buffering=0) as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
                crc = zlib.crc32(chunk, crc)
                size += len(chunk)
        path = self._spool / f"linked-{secrets.token_hex(12)}"
        try:
            os.link(source, path)
        except OSError:  # another file system, or one without links
            shutil.copyfile(source, path)
        return Spooled(path, digest.hexdigest(), size, crc)

    def keep(self, spooled: Sequence[Spooled]) -> None:
        """Make spooled objects durable under their digests: when this returns, a power cut does not lose them.

        Raises
        ------
        DiskFull
            There is no room; nothing may be acknowledged.
        """
        try:
            self._keep_files([one for one in spooled if one.content is None])
            small = {one.sha256: (one.content, one.crc32) for one in spooled if one.content is not None}
            new = [(digest, *kept) for digest, kept in small.items() if not self._stands(digest, len(kept[0]))]
            if new:
                self._keep_small(new)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFull("The archive's disk is full; try again later.") from error
            raise

    def _keep_small(self, new: Sequence[tuple[str, bytes, int]]) -> None:
        """Write objects to the journal, whose sync is waited for, and at the same time to files of their own.

        These get their names afterwards: a file that stands under its digest is durable.
        """
        writing = _writers().submit(self._write_drafts, new)
        try:
            segment = self._journal.append(new)
        except OSError:
            self._forget(writing)
            raise
        try:
            for (digest, _, _), draft in zip(new, writing.result(), strict=True):
                self._name_draft(draft, digest)
        finally:
            self._journal.release(segment)

    def _write_drafts(self, new: Sequence[tuple[str, bytes, int]]) -> list[str]:
        drafts: list[str] = []
        try:
            for _, content, _ in new:
                drafts.append(self._write_draft(content))
        except OSError:
            self._drop_drafts(drafts)
            raise
        return drafts

    def _forget(self, writing: "Future[list[str]]") -> None:
        with suppress(OSError):  # it has left nothing behind then
            self._drop_drafts(writing.result())

    @staticmethod
    def _drop_drafts(drafts: Sequence[str]) -> None:
        for draft in drafts:
            Path(draft).unlink(missing_ok=True)

    def _write_draft(self, content: bytes) -> str:
        """Write an object to a temporary file without waiting for the disk; return its path."""
        path = f"{self._root}/spool/draft-{secrets.token_hex(12)}"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(handle, view) :]
        except OSError:
            Path(path).unlink(missing_ok=True)
            raise
        finally:
            os.close(handle)
        return path

    def _name_draft(self, draft: str, digest: str) -> None:
        path = self._name(digest)
        try:
            os.rename(draft, path)  # noqa: PTH104 - asked for every object
        except FileNotFoundError:
            Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            Path(draft).rename(path)

    def _keep_files(self, spooled: Sequence[Spooled]) -> None:
        folders: set[Path] = set()
        for one in spooled:
            target = self._path(one.sha256)
            _sync_file(one.path)
            self._make_folder(target.parent)
            _move(one.path, target)
            folders.add(target.parent)
        for folder in folders:
            _sync_folder(folder)

    def _stands(self, digest: str, size: int) -> bool:
        """Whether the very object is kept already, durably or by a journal; its age begins anew, for `remove`."""
        path = self._name(digest)
        try:
            if os.stat(path).st_size != size:  # noqa: PTH116 - asked for every object
                return False
            os.utime(path)
        except FileNotFoundError:
            return False
        return True

    def _name(self, digest: str) -> str:
        return f"{self._root}/{digest[:2]}/{digest[2:4]}/{digest}"

    def _restore(self, digest: str, content: bytes) -> None:
        """Write an object of a journal again unless its file is whole."""
        if hashlib.sha256(content).hexdigest() != digest:
            return
        path = self._path(digest)
        if not path.exists() or path.read_bytes() != content:
            self._name_draft(self._write_draft(content), digest)
        _sync_file(path)
        _sync_folder(path.parent)

    def replay(self) -> int:
        """Make objects whole that a killed process or a power cut left in journals only; return how many journals."""
        return replay(self.root / "journal", self._restore)

    def settle(self) -> None:
        """Sync what the journal of this process holds, and empty it."""
        self._journal.settle()

    def adopt(self, digests: Sequence[str], other: Store) -> None:
        """Take over objects that another store holds, without copying where both are on one file system.

        When this returns, a power cut does not lose them here.
        """
        is_many = len(digests) > _SYNCED_ALONE  # then all is synced at once, new folders too
        found = (self._linked(digest, other, is_folder_synced=not is_many) for digest in digests)
        linked = [path for path in found if path is not None]
        if is_many:
            if linked:
                sync_all(self.root)
            return
        for path in linked:
            _sync_file(path)
        for folder in {path.parent for path in linked}:
            _sync_folder(folder)

    def _linked(self, digest: str, other: Store, *, is_folder_synced: bool) -> Path | None:
        """The path of an object of another store that was linked here just now."""
        target = self._path(digest)
        if target.exists():
            if not other.holds(digest) or target.stat().st_size == other.place(digest).length:
                return None
            target.unlink()  # half of one, which somebody was writing when his process was killed
        if is_folder_synced:
            self._make_folder(target.parent)
        else:
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        source = other.place(digest).path
        try:
            os.link(source, target)
        except FileExistsError:
            return None
        except OSError:
            with source.open("rb") as stream:
                copied = self.spool(iter(lambda: stream.read(1 << 20), b""), 1 << 62)
            self.keep([copied])
            return None
        return target

    def drop(self, spooled: Spooled) -> None:
        """Forget a spooled stream that is not to be kept."""
        if spooled.content is None:
            spooled.path.unlink(missing_ok=True)

    def place(self, digest: str) -> Place:
        """Return where an object lies.

        Raises
        ------
        Missing
            The store does not hold it.
        """
        path = self._path(digest)
        try:
            return Place(path, 0, path.stat().st_size)
        except FileNotFoundError:
            raise Missing(f"Object {digest[:12]} is missing from the storage; run `invivo verify`.") from None

    def open(self, digest: str) -> BinaryIO:
        """Open an object for reading; raises Missing."""
        return self.place(digest).path.open("rb")

    def holds(self, digest: str) -> bool:
        """Return whether the store holds an object."""
        return self._path(digest).exists()

    def remove(self, digest: str, age_s: float = LEAVING_S) -> bool:
        """Delete an object that nothing refers to, unless it came (again) less than `age_s` seconds ago.

        Somebody may receive the same bytes at this very moment: the file is moved aside first, and put back if it is
        young, so that what was just acknowledged is never deleted.

        Returns
        -------
        bool
            True if the store does not hold the object any more.
        """
        path, aside = self._path(digest), self._spool / f"{_LEAVING}{digest}"
        try:
            path.rename(aside)
        except FileNotFoundError:
            return True
        if age_s and time.time() - aside.stat().st_mtime < age_s:
            if path.exists():
                aside.unlink()
            else:
                aside.rename(path)
            return False
        aside.unlink()
        return True

    def sweep(self, older_than_s: float) -> int:
        """Delete temporary files that nobody finished; return how many. What was leaving when a process was killed leaves."""
        gone = 0
        for path in self._spool.iterdir():
            try:
                if path.name.startswith(_LEAVING):
                    gone += self._leave(path)
                elif time.time() - path.stat().st_mtime > older_than_s:
                    path.unlink()
                    gone += 1
            except FileNotFoundError:
                continue
        return gone

    def _leave(self, aside: Path) -> bool:
        """End a removal whose process was killed; what had come again meanwhile was acknowledged, and is put back."""
        found, path = aside.stat(), self._path(aside.name.removeprefix(_LEAVING))
        if time.time() - found.st_ctime < LEAVING_S:
            return False
        if found.st_ctime - found.st_mtime < LEAVING_S and not path.exists():
            aside.rename(path)
            return False
        aside.unlink()
        return True

    def _path(self, digest: str) -> Path:
        return self.root / digest[:2] / digest[2:4] / digest

    def need_room(self) -> None:
        """Raise DiskFull while the disk has less room than is to be left free."""
        if self.reserve and shutil.disk_usage(self.root).free < self.reserve:
            raise DiskFull("The archive's disk is nearly full; try again later.")

    def _make_folder(self, folder: Path) -> None:
        if folder.exists():
            return
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _sync_folder(folder.parent)
        _sync_folder(folder.parent.parent)
