"""Resumable uploads: a file that grows, then is received like anything else."""

import os
import secrets
import shutil
import zipfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg.types.json import Jsonb

from invivo import accounts, storage
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, NotFound, TooLarge
from invivo.submissions.receipt import Receipt, receive
from invivo.submissions.sender import Origin, submission_for
from invivo.submissions.upload_link import charge_link, link_id_of, refund_link


class UnknownUpload(NotFound):
    """There is no such upload, or it belongs to somebody else."""

    code = "upload.unknown"


class WrongOffset(Conflict):
    """The part does not begin where the upload ends; ask for its offset and go on from there."""

    code = "upload.offset"


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload; lengths in bytes; ``state`` is open, complete or refused."""

    id: str
    submission_id: int
    person_id: int | None
    name: str
    length: int
    received: int
    state: str
    receipt: Any
    created_at: datetime


_COLUMNS = ", ".join(field.name for field in fields(Upload))
CHUNK = 1 << 20


def _path(archive: Archive, upload_id: str) -> Path:
    folder = archive.held.root / "uploads"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / upload_id


def create_upload(archive: Archive, actor: accounts.Actor, submission_id: int | None, name: str, length: int) -> Upload:
    """Begin an upload of `length` bytes into a submission.

    Raises
    ------
    UnknownSender
        The actor may deliver for no open submission, or several and none was named.
    TooLarge, DiskFull
        The limits or the disk do not allow it.
    """
    limits = archive.settings.limits
    if not 0 < length <= limits.archive_bytes:
        raise TooLarge(f"An upload has 1 to {limits.archive_bytes} bytes (limits.archive_bytes).", code="upload.length")
    if shutil.disk_usage(archive.held.root).free < length + limits.free_bytes:
        raise storage.DiskFull("The archive's disk has no room for this upload; try again later.")
    if "\x00" in name or not name:
        raise Invalid("The upload needs a file name.", code="upload.name")
    with archive.database.transaction() as tx:
        submission_id = charge_link(tx, actor, submission_id, length)
        target = submission_for(tx, Origin("upload", actor, submission_id))
        waiting = tx.execute(
            "select count(*) as n from submissions.upload where state = 'open' and (person_id = %s or link_id = %s)",
            [actor.person_id, link_id_of(actor)],
        ).fetchone()
        if waiting and waiting.n >= limits.uploads_open:
            raise Conflict(
                "You have too many unfinished uploads; finish or abandon some (limits.uploads_open).",
                code="upload.too-many",
            )
        row = tx.execute(
            f"insert into submissions.upload (id, submission_id, person_id, name, length, link_id) values (%s, %s, %s, %s, %s, %s) returning {_COLUMNS}",  # noqa: S608
            [secrets.token_hex(16), target, actor.person_id, name[-300:], length, link_id_of(actor)],
        ).fetchone()
        assert row is not None
        _path(archive, row.id).touch(mode=0o600)
    return Upload(*row)


def find_upload(archive: Archive, actor: accounts.Actor, upload_id: str) -> Upload:
    """Return one's own upload; raises UnknownUpload. ``received`` is what is on disk for sure."""
    with archive.database.transaction() as tx:
        row = tx.execute(
            f"select {_COLUMNS} from submissions.upload where id = %s and person_id is not distinct from %s"  # noqa: S608
            " and link_id is not distinct from %s",
            [upload_id, actor.person_id, link_id_of(actor)],
        ).fetchone()
    if row is None:
        raise UnknownUpload("There is no such upload of yours; begin it again.")
    return Upload(*row)


def append_upload(
    archive: Archive, actor: accounts.Actor, upload_id: str, offset: int, chunks: Iterable[bytes]
) -> Upload:
    """Add bytes at the end of an upload; with the last byte the file is received.

    When this returns, what it counts is fsynced. If the stream of `chunks` breaks, what had come is kept and counted.

    Raises
    ------
    WrongOffset
        `offset` is not where the upload ends, or somebody else is writing.
    TooLarge
        More bytes than the announced length.
    """
    upload = find_upload(archive, actor, upload_id)
    if upload.state != "open" or offset != upload.received:
        raise WrongOffset(f"The upload stands at {upload.received} of {upload.length} bytes.")
    size = offset
    path = _path(archive, upload_id)
    if not path.exists():
        raise UnknownUpload("The bytes of this upload are gone; begin it again.")
    with path.open("r+b", buffering=0) as out:
        out.truncate(offset)
        out.seek(offset)
        try:
            for chunk in chunks:
                size += len(chunk)
                if size > upload.length:
                    size -= len(chunk)
                    raise TooLarge("More bytes came than the upload announced.", code="upload.overrun")
                view = memoryview(chunk)
                while view:
                    view = view[out.write(view) :]
        finally:
            os.fsync(out.fileno())
            with archive.database.transaction() as tx:
                grown = tx.execute(
                    "update submissions.upload set received = %s where id = %s and received = %s and state = 'open' returning id",
                    [size, upload_id, offset],
                ).fetchone()
    if grown is None:
        raise WrongOffset("Somebody else is writing to this upload.")
    return _finish(archive, actor, upload, path) if size == upload.length else find_upload(archive, actor, upload_id)


def _finish(archive: Archive, actor: accounts.Actor, upload: Upload, path: Path) -> Upload:
    """Receive a whole file; a ZIP is left to the worker."""
    if zipfile.is_zipfile(path):
        with archive.database.transaction() as tx:
            tx.execute("update submissions.upload set state = 'complete' where id = %s", [upload.id])
            tx.execute("select intake.unpack(%s)", [upload.id])
        return find_upload(archive, actor, upload.id)
    with path.open("rb") as stream:
        chunks = iter(lambda: stream.read(CHUNK), b"")
        receipt = receive(archive, Origin("upload", actor, upload.submission_id), chunks, upload.name)
    _settle(archive, upload, receipt)
    path.unlink(missing_ok=True)
    return find_upload(archive, actor, upload.id)


def _settle(archive: Archive, upload: Upload, receipt: Receipt) -> None:
    shown = {key: value for key, value in asdict(receipt).items() if key in ("outcome", "code", "reason")}
    with archive.database.transaction() as tx:
        tx.execute(
            "update submissions.upload set state = %s, receipt = %s where id = %s",
            ["complete" if receipt.is_durable else "refused", Jsonb(shown), upload.id],
        )


def abandon_upload(archive: Archive, actor: accounts.Actor, upload_id: str) -> None:
    """Throw an unfinished upload of one's own away."""
    upload = find_upload(archive, actor, upload_id)
    with archive.database.transaction() as tx:
        gone = tx.execute("delete from submissions.upload where id = %s and state = 'open' returning id", [upload.id])
        if gone.fetchone() is not None:
            refund_link(tx, actor, upload.length)
    if upload.state == "open":
        _path(archive, upload_id).unlink(missing_ok=True)
