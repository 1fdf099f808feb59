"""Releases that are to be made: by the worker now, since they are large, or at a time, also at the end of an embargo.

One of a collection waits at once. It is *due* until it is *done* or *cancelled*; what blocks it when its time has come is
told to its people, and it stays due.
"""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta

import psycopg

from invivo import accounts, audit, collections, database, jobs
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, Refused
from invivo.releases.cleared import count_waiting
from invivo.releases.publication import Ended, lock_or_conflict, need_curator, publish

LARGE_SERIES = 200  # a release of more is made by the worker
LONGEST_DAYS = 3660
AT_WORK_S = 30


class Scheduled(Conflict):
    """A release of the collection is scheduled already."""

    code = "release.scheduled"


@dataclass(frozen=True, slots=True)
class Schedule:
    """A release that is to be made, or was.

    Attributes
    ----------
    is_embargo : bool
        What is cleared must not be published before.
    blocked : str
        Why it could not be made when it was due; it is tried again.
    series_total, series_done : int
        How far the worker is; it reports at least every some thousand objects.
    is_at_work : bool
        The worker has reported in the last half minute.
    number : int or None
        Of the release, once it is made.
    """

    id: int
    collection_id: int
    due_at: datetime
    is_embargo: bool
    notes: str
    asked_by: str
    person_id: int | None
    asked_at: datetime
    state: str
    blocked: str
    series_total: int
    series_done: int
    is_at_work: bool
    number: int | None
    ended_at: datetime | None
    ended_by: str


_NAMES = {
    "is_at_work": f"coalesce(worked_at > now() - interval '{AT_WORK_S} seconds', false) and state = 'due' as is_at_work"
}
_COLUMNS = ", ".join(_NAMES.get(field.name, field.name) for field in fields(Schedule))


def schedules_of(archive: Archive, actor: accounts.Actor, collection_id: int, most: int = 50) -> list[Schedule]:
    """Return what is and was scheduled of a collection, newest first; raises Refused for who does not curate it."""
    need_curator(actor, collection_id)
    with archive.database.transaction() as tx:
        found = tx.execute(
            f"select {_COLUMNS} from releases.schedule where collection_id = %s order by id desc limit %s",  # noqa: S608
            [collection_id, most],
        )
        return [Schedule(*row) for row in found]


def due_of(archive: Archive, actor: accounts.Actor, collection_id: int) -> Schedule | None:
    """Return the release of a collection that is to be made, None if there is none; raises Refused."""
    found = schedules_of(archive, actor, collection_id, 1)  # whatever ended is older than what is due
    return found[0] if found and found[0].state == "due" else None


def is_large(archive: Archive, actor: accounts.Actor, collection_id: int) -> bool:
    """Return whether the next release of a collection is one that the worker should make; raises Refused."""
    need_curator(actor, collection_id)
    with archive.database.transaction() as tx:
        return count_waiting(tx, collection_id, LARGE_SERIES + 1) > LARGE_SERIES


def _checked(archive: Archive, due_at: datetime | None) -> datetime:
    now = archive.clock()
    if due_at is None:
        return now
    if due_at.tzinfo is None or not now < due_at <= now + timedelta(days=LONGEST_DAYS):
        raise Invalid("A release is scheduled for a time in the future, within ten years.", code="release.due-at")
    return due_at


def schedule(
    archive: Archive,
    actor: accounts.Actor,
    collection_id: int,
    due_at: datetime | None = None,
    notes: str = "",
    *,
    is_embargo: bool = False,
) -> Schedule:
    """Have the next release of a collection made by the worker: at a time, or now.

    Parameters
    ----------
    due_at : datetime or None
        With a time zone, in the future; None: now.
    is_embargo : bool
        Until then nothing of the collection that is cleared is published; it must have a time.

    Raises
    ------
    Refused
    Invalid
    Scheduled
        There is one already; change or cancel it.
    """
    need_curator(actor, collection_id)
    if is_embargo and due_at is None:
        raise Invalid("An embargo needs the time at which it ends.", code="release.embargo-until")
    at = _checked(archive, due_at)
    try:
        with archive.database.transaction() as tx:
            made = tx.execute(
                "insert into releases.schedule (collection_id, due_at, is_embargo, notes, asked_by, person_id)"  # noqa: S608
                f" values (%s, %s, %s, %s, %s, %s) returning {_COLUMNS}",
                [collection_id, at, is_embargo, notes.strip()[:10_000], actor.name, actor.person_id],
            ).fetchone()
            assert made is not None
            audit.note(
                tx,
                actor.name,
                "release.schedule",
                f"collection:{collection_id}",
                due_at=at.isoformat(),
                embargo=is_embargo,
            )
            if due_at is None:
                jobs.enqueue(tx, "release", made.id)
            return Schedule(*made)
    except psycopg.errors.UniqueViolation:
        raise Scheduled("A release of this collection is scheduled already; change that one or cancel it.") from None


def reschedule(
    archive: Archive, actor: accounts.Actor, schedule_id: int, due_at: datetime, notes: str, *, is_embargo: bool
) -> Schedule:
    """Change the time and the notes of a release that is not made yet.

    Raises
    ------
    Refused
    Invalid
    Ended
        It is made or cancelled meanwhile.
    """
    at = _checked(archive, due_at)
    with archive.database.transaction() as tx:
        one = _lock_due(tx, actor, schedule_id)
        changed = tx.execute(
            "update releases.schedule set due_at = %s, notes = %s, is_embargo = %s, asked_by = %s, person_id = %s,"  # noqa: S608
            f" blocked = '' where id = %s returning {_COLUMNS}",
            [at, notes.strip()[:10_000], is_embargo, actor.name, actor.person_id, schedule_id],
        ).fetchone()
        thing = f"collection:{one.collection_id}"
        audit.note(tx, actor.name, "release.reschedule", thing, due_at=at.isoformat(), embargo=is_embargo)
        assert changed is not None
        return Schedule(*changed)


def cancel(archive: Archive, actor: accounts.Actor, schedule_id: int) -> None:
    """Cancel a release that is not made yet: due -> cancelled; raises Refused or Ended."""
    with archive.database.transaction() as tx:
        one = _lock_due(tx, actor, schedule_id)
        tx.execute(
            "update releases.schedule set state = 'cancelled', ended_at = now(), ended_by = %s where id = %s",
            [actor.name, schedule_id],
        )
        audit.note(tx, actor.name, "release.unschedule", f"collection:{one.collection_id}", schedule=schedule_id)


def _lock_due(tx: database.Tx, actor: accounts.Actor, schedule_id: int) -> Schedule:
    """Lock a release that is due; nobody makes it meanwhile."""
    found = tx.execute("select collection_id from releases.schedule where id = %s", [schedule_id]).fetchone()
    if found is None:
        raise Ended("There is no such scheduled release.")
    need_curator(actor, found.collection_id)
    lock_or_conflict(tx, found.collection_id)
    row = tx.execute(
        f"select {_COLUMNS} from releases.schedule where id = %s and state = 'due' for update",  # noqa: S608
        [schedule_id],
    ).fetchone()
    if row is None:
        raise Ended("This scheduled release was made or cancelled already.")
    return Schedule(*row)


def bring_forward(tx: database.Tx, collection_id: int) -> bool:
    """Make a scheduled release due now; return whether there is one."""
    row = tx.execute(
        "update releases.schedule set due_at = least(due_at, now()) where collection_id = %s and state = 'due' returning id",
        [collection_id],
    ).fetchone()
    if row is not None:
        jobs.enqueue(tx, "release", row.id)
    return row is not None


def make_due(archive: Archive) -> None:
    """Queue the releases whose time has come, also again those that were blocked."""
    with archive.database.transaction() as tx:
        found = tx.execute("select id from releases.schedule where state = 'due' and due_at <= now() order by id")
        jobs.enqueue_all(tx, "release", [row.id for row in found])


def run_scheduled(archive: Archive, key: str) -> None:
    """Make a scheduled release, as the one who asked for it may; the key is its number.

    What blocks it stands with it and is told once to the collection's people; it stays due.
    """
    schedule_id = int(key)
    with archive.database.transaction() as tx:
        row = tx.execute(
            f"select {_COLUMNS} from releases.schedule where id = %s and state = 'due' and due_at <= now()",  # noqa: S608
            [schedule_id],
        ).fetchone()
    if row is None:
        return
    asked = Schedule(*row)
    try:
        publish(
            archive,
            _asker(archive, asked),
            asked.collection_id,
            asked.notes,
            schedule_id=schedule_id,
            told=lambda done, total: _report(archive, schedule_id, done, total),
        )
    except Ended:
        return
    except (Conflict, Refused) as error:
        _note_blocked(archive, asked, error.message)


def _asker(archive: Archive, asked: Schedule) -> accounts.Actor:
    if asked.person_id is not None:
        return accounts.actor_of_person(archive, asked.person_id)
    return accounts.system() if asked.asked_by == "system" else accounts.ANONYMOUS


def _report(archive: Archive, schedule_id: int, done: int, total: int) -> None:
    """Write how far it is, outside the transaction that makes the release: people look at it meanwhile."""
    with archive.database.transaction() as tx:
        tx.execute(
            "update releases.schedule set series_done = %s, series_total = %s, worked_at = now() where id = %s",
            [done, total, schedule_id],
        )


def people_of(tx: database.Tx, collection_id: int, *roles: str) -> list[int]:
    """Return the people with one of some roles in a collection."""
    found = tx.execute(
        "select distinct person_id from collections.held_role where collection_id = %s and role = any (%s)",
        [collection_id, list(roles)],
    )
    return [row.person_id for row in found]


def _note_blocked(archive: Archive, asked: Schedule, why: str) -> None:
    with archive.database.transaction() as tx:
        changed = tx.execute(
            "update releases.schedule set blocked = %(why)s, worked_at = null, series_done = 0 where id = %(id)s"
            " and state = 'due' and blocked <> %(why)s returning id",
            {"why": why[:1000], "id": asked.id},
        ).fetchone()
        if changed is None:
            return
        policy = collections.policy_of(tx, asked.collection_id)
        accounts.notify(
            tx,
            people_of(tx, policy.id, "owner", "curator"),
            "release.blocked",
            f"{policy.short_name}: the scheduled release waits",
            f"The release of {policy.short_name} that is due cannot be made yet. {why} It is made as soon as nothing"
            " blocks it any more, or when you cancel it.",
            link=f"/releases/{policy.short_name}/schedule",
        )
        audit.note(tx, "system", "release.blocked", f"collection:{policy.id}", schedule=asked.id, why=why[:300])
