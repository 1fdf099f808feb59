"""Fixity: every released object is read again from time to time and compared with the digest it is kept under."""

import hashlib
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from invivo import accounts, audit, database, storage
from invivo.archive import Archive

AT_ONCE = 100
_BLOCK = 1 << 20
_LOCK = "select pg_try_advisory_xact_lock(1036, 0) as is_mine"
_NEXT = {
    "after_instance": "select id, digest from images.instance where id > %s order by id limit %s",
    "after_file": "select id, digest from attachments.attachment where id > %s order by id limit %s",
}


@dataclass(frozen=True, slots=True)
class Fixity:
    """What is known of the files.

    Attributes
    ----------
    objects, size_bytes : int
        Read in the round under way, or in the last one where none is.
    round_ended_at : datetime or None
        When all of them were read last.
    damaged : int
        Objects that are missing or changed now.
    """

    objects: int
    size_bytes: int
    round_ended_at: datetime | None
    damaged: int


@dataclass(frozen=True, slots=True)
class Damage:
    """An object that is not what it was: ``missing`` or ``changed``."""

    digest: str
    kind: str
    found_at: datetime


def check_some(archive: Archive, budget_s: float, *, now: bool = False) -> int:
    """Read the next released objects again, for some seconds; begin a new round when the last is old enough.

    What is not as it was is written down, and the administrators are told once; what is whole again is taken off the list.

    Parameters
    ----------
    now : bool
        Begin a new round although the last one is not old enough yet.

    Returns
    -------
    int
        How many objects were read; 0 when there is nothing to do now, or somebody else does it.
    """
    ends, read = time.monotonic() + budget_s, 0
    while True:
        some = _check_batch(archive, ends, now=now)
        read += some
        if not some or time.monotonic() >= ends:
            return read
        now = False


def _check_batch(archive: Archive, ends: float, *, now: bool) -> int:
    with archive.database.transaction() as tx:
        lock = tx.execute(_LOCK).fetchone()
        if lock is None or not lock.is_mine:
            return 0
        current = _round(archive, tx, now=now)
        if current is None:
            return 0
        for column, asked in _NEXT.items():
            found = tx.execute(asked.encode(), [getattr(current, column), AT_ONCE]).fetchall()
            if found:
                break
        else:
            tx.execute("update assessment.round set ended_at = %s where id = %s", [archive.clock(), current.id])
            return 0
        last, objects, size_bytes = 0, 0, 0
        for row in found:
            size_bytes += _check_one(archive, tx, str(row.digest))
            last, objects = row.id, objects + 1
            if time.monotonic() >= ends:
                break
        tx.execute(
            f"update assessment.round set objects = objects + %s, size_bytes = size_bytes + %s, {column} = %s where id = %s",  # noqa: S608 - our own name
            [objects, size_bytes, last, current.id],
        )
        return objects


def _round(archive: Archive, tx: database.Tx, *, now: bool) -> Any:
    """Return the round under way, or a new one where it is time for one."""
    current = tx.execute("select * from assessment.round where ended_at is null").fetchone()
    if current is not None:
        return current
    latest = tx.execute("select max(began_at) as began_at from assessment.round").fetchone()
    age = timedelta(days=archive.settings.work.fixity_days)
    if not now and latest is not None and latest.began_at is not None and archive.clock() - latest.began_at < age:
        return None
    return tx.execute("insert into assessment.round (began_at) values (%s) returning *", [archive.clock()]).fetchone()


def _check_one(archive: Archive, tx: database.Tx, digest: str) -> int:
    """Compare one object; return its size in bytes."""
    reading, size_bytes, kind = hashlib.sha256(), 0, ""
    try:
        with archive.objects.open(digest) as file:
            while block := file.read(_BLOCK):
                reading.update(block)
                size_bytes += len(block)
    except (storage.Missing, OSError):
        kind = "missing"
    if not kind and reading.hexdigest() != digest:
        kind = "changed"
    if kind:
        _note_damage(archive, tx, digest, kind)
    else:
        tx.execute(
            "update assessment.damage set mended_at = %s where digest = %s and mended_at is null",
            [archive.clock(), digest],
        )
    return size_bytes


def _note_damage(archive: Archive, tx: database.Tx, digest: str, kind: str) -> None:
    made = tx.execute(
        "insert into assessment.damage (digest, kind, found_at) values (%s, %s, %s) on conflict (digest) do update"
        " set kind = excluded.kind, found_at = excluded.found_at, mended_at = null"
        " where assessment.damage.mended_at is not null or assessment.damage.kind <> excluded.kind returning digest",
        [digest, kind, archive.clock()],
    ).fetchone()
    if made is None:
        return
    audit.note(tx, "system", "fixity.damage", f"object:{digest}", kind=kind)
    text = (
        f"Object {digest} is {kind}. Put its file back from a backup under objects/{digest[:2]}/{digest[2:4]}/{digest};"
        " the next check takes it off the list."
    )
    accounts.notify(tx, accounts.administrators(tx), "fixity.damage", "A stored object is damaged", text, link="/admin")


def fixity(archive: Archive) -> Fixity:
    """Return how far the check of files is and what it found."""
    with archive.database.transaction() as tx:
        newest = tx.execute("select objects, size_bytes from assessment.round order by id desc limit 1").fetchone()
        ended = tx.execute("select max(ended_at) as at from assessment.round").fetchone()
        damaged = tx.execute("select count(*) as n from assessment.damage where mended_at is null").fetchone()
    assert ended is not None
    assert damaged is not None
    objects, size_bytes = (int(newest.objects), int(newest.size_bytes)) if newest else (0, 0)
    return Fixity(objects, size_bytes, ended.at, int(damaged.n))


def damages(archive: Archive, limit: int = 100) -> list[Damage]:
    """Return the objects that are damaged now, newest first."""
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select digest, kind, found_at from assessment.damage where mended_at is null order by found_at desc limit %s",
            [limit],
        )
        return [Damage(*row) for row in found]
