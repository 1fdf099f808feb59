"""Files, folders, ZIPs and media with a DICOMDIR, each file of them received on its own."""

import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from psycopg.types.json import Jsonb

from invivo import accounts, audit, storage
from invivo.archive import Archive
from invivo.errors import Invalid, InvivoError, TooLarge
from invivo.settings import Limits
from invivo.submissions.receipt import Receipt, receive_spooled, spool
from invivo.submissions.sender import Origin

CHUNK = 1 << 20
BATCH = 50


class BadArchive(Invalid):
    """A ZIP that cannot be read, or that is made to do harm."""

    code = "submission.bad-archive"


class ArchiveTooLarge(TooLarge):
    """A ZIP with more files or bytes than the limits allow."""

    code = "submission.archive-too-large"


def receive_path(archive: Archive, origin: Origin, path: Path) -> Iterator[tuple[str, Receipt]]:
    """Receive a file, a folder (a CD's too) or a ZIP of the server's own disk.

    Symbolic links are not followed out of the folder, and special files are passed over.

    Yields
    ------
    (str, Receipt)
        Path below `path`, and what became of it.
    """
    files = [path] if path.is_file() else sorted(_files_below(path))
    batch: list[tuple[str, storage.Spooled]] = []
    for one in files:
        name = one.name if one == path else one.relative_to(path).as_posix()
        if zipfile.is_zipfile(one):
            yield from _receive_batch(archive, origin, batch)
            batch = []
            yield from _guarded(name, receive_zip(archive, origin, one))
            continue
        try:
            with one.open("rb") as stream:
                batch.append((name, spool(archive, iter(lambda: stream.read(CHUNK), b""))))  # noqa: B023 - used at once
        except TooLarge as error:
            yield name, Receipt("refused", code=error.kind, reason=error.message)
        if len(batch) >= BATCH:
            yield from _receive_batch(archive, origin, batch)
            batch = []
    yield from _receive_batch(archive, origin, batch)


def _guarded(name: str, receipts: Iterator[tuple[str, Receipt]]) -> Iterator[tuple[str, Receipt]]:
    try:
        for inside, receipt in receipts:
            yield f"{name}/{inside}", receipt
    except (BadArchive, ArchiveTooLarge) as error:
        yield name, Receipt("refused", code=error.kind, reason=error.message)


def _files_below(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder, followlinks=False):
        folders.sort()
        for name in names:
            path = Path(parent) / name
            if stat.S_ISREG(path.lstat().st_mode):
                yield path


def _receive_batch(
    archive: Archive, origin: Origin, batch: list[tuple[str, storage.Spooled]]
) -> Iterator[tuple[str, Receipt]]:
    if batch:
        receipts = receive_spooled(archive, origin, batch)
        yield from zip([name for name, _ in batch], receipts, strict=True)


def _check_entry(entry: zipfile.ZipInfo, limits: Limits) -> str | None:
    """Return why an entry is refused, None if it may be read."""
    pure = PurePosixPath(entry.filename.replace("\\", "/"))
    if pure.is_absolute() or ".." in pure.parts or ":" in entry.filename or "\x00" in entry.filename:
        return "The name leads out of the archive."
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "Links are not taken out of archives."
    if entry.flag_bits & 1:
        return "The entry is encrypted."
    if entry.file_size > CHUNK and entry.file_size > limits.archive_ratio * max(entry.compress_size, 1):
        return "The entry is compressed too strongly to be trusted (limits.archive_ratio)."
    return None


def _entry_chunks(opened: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Read an entry, never more than it claims to hold."""
    left = entry.file_size
    with opened.open(entry) as stream:
        while chunk := stream.read(min(CHUNK, left + 1)):
            left -= len(chunk)
            if left < 0:
                raise BadArchive("An entry of the archive is longer than it claims.")
            yield chunk


def receive_zip(archive: Archive, origin: Origin, path: Path) -> Iterator[tuple[str, Receipt]]:
    """Receive the files of a ZIP, each on its own; an archive inside it stays a file.

    Raises
    ------
    BadArchive
        The ZIP cannot be read.
    ArchiveTooLarge
        It has more entries, or would unpack to more bytes, than the limits allow; nothing of it was received.
    """
    limits = archive.settings.limits
    try:
        with zipfile.ZipFile(path) as opened:
            entries = [entry for entry in opened.infolist() if not entry.is_dir()]
            if (
                len(entries) > limits.archive_entries
                or sum(entry.file_size for entry in entries) > limits.archive_bytes
            ):
                raise ArchiveTooLarge(
                    f"The archive has more than {limits.archive_entries} files or {limits.archive_bytes} bytes"
                    " (limits.archive_entries, limits.archive_bytes)."
                )
            batch: list[tuple[str, storage.Spooled]] = []
            for entry in entries:
                why = _check_entry(entry, limits)
                if why:
                    yield _safe_name(entry), Receipt("refused", code="submission.bad-entry", reason=why)
                    continue
                try:
                    batch.append((_safe_name(entry), spool(archive, _entry_chunks(opened, entry))))
                except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, TooLarge, BadArchive) as error:
                    reason = error.message if isinstance(error, InvivoError) else "The entry is damaged."
                    yield _safe_name(entry), Receipt("refused", code="submission.bad-entry", reason=reason)
                if len(batch) >= BATCH:
                    yield from _receive_batch(archive, origin, batch)
                    batch = []
            yield from _receive_batch(archive, origin, batch)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise BadArchive("The ZIP is damaged or is none.") from None


def _safe_name(entry: zipfile.ZipInfo) -> str:
    parts = [part for part in PurePosixPath(entry.filename.replace("\\", "/")).parts if part not in ("/", "..", ".")]
    return "/".join(parts)[-300:] or "unnamed"


def unpack(archive: Archive, upload_id: str) -> None:
    """Take a finished ZIP upload apart and receive what is in it; run by the worker.

    Interrupted and run again, it receives the same files again, which is harmless.
    """
    with archive.database.transaction() as tx:
        row = tx.execute(
            "select id, submission_id, person_id, link_id from submissions.upload where id = %s and state = 'complete' and receipt is null",
            [upload_id],
        ).fetchone()
    if row is None:
        return
    path = archive.held.root / "uploads" / upload_id
    counts: dict[str, int] = {}
    reason = ""
    sender = f"link:{row.link_id}" if row.link_id else f"person:{row.person_id}" if row.person_id else "rule:unpack"
    may = replace(accounts.rule("unpack"), name=sender, person_id=row.person_id)  # they might when they sent it
    origin = Origin("upload", may, row.submission_id)
    try:
        for _, receipt in receive_zip(archive, origin, path):
            counts[receipt.outcome] = counts.get(receipt.outcome, 0) + 1
    except (BadArchive, ArchiveTooLarge) as error:
        reason = error.message
    with archive.database.transaction() as tx:
        receipt_json = Jsonb({"outcome": "refused" if reason else "unpacked", "counts": counts, "reason": reason})
        tx.execute("update submissions.upload set receipt = %s where id = %s", [receipt_json, upload_id])
        audit.note(tx, "system", "upload.unpack", f"submission:{row.submission_id}", counts=counts, reason=reason)
    path.unlink(missing_ok=True)
