"""Deleting the bytes of what is withdrawn everywhere: one person asks, another approves, and until a date it can be restored.

States of a deletion::

    asked -> approved -> removing -> deleted
      |         |
      v         v
   declined  restored (also while only asked)

The rows go first, in one transaction that writes down which files are to go; the files follow, and that can be repeated.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from invivo import accounts, audit, collections, database, images, jobs
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, NotFound, Refused
from invivo.releases.change import note_change
from invivo.releases.hold import held_among
from invivo.releases.publication import lock, need_curator, next_number, write_release

MOST_SERIES = 10_000
MOST_LISTED = 500
_MOST_WORDS = 2000


class UnknownDeletion(NotFound):
    """There is no such deletion."""

    code = "deletion.unknown"


class OnHold(Conflict):
    """A legal hold covers some of it."""

    code = "deletion.on-hold"


class SamePerson(Refused):
    """Who asked for a deletion cannot approve it, also not by a token."""

    code = "deletion.same-person"


class DeletionDecided(Conflict):
    """Somebody was first: it is approved, declined, restored or deleted already."""

    code = "deletion.decided"


class InTrash(Conflict):
    """Some of the series are marked for deletion already."""

    code = "deletion.in-trash"


class BackAlready(Conflict):
    """A series of the same UID is published again."""

    code = "deletion.published-again"


@dataclass(frozen=True, slots=True)
class Deletion:
    """Series marked for deletion together; sizes in bytes.

    Attributes
    ----------
    due_at : datetime
        Until then it can be restored; approved, it is deleted afterwards.
    asked_label, decided_label : str
        Who, for people.
    on_hold : int
        How many of its series a legal hold covers now.
    """

    id: int
    collection_id: int
    collection: str
    state: str
    reason: str
    series_count: int
    object_count: int
    size_bytes: int
    due_at: datetime
    asked_person: int | None
    asked_label: str
    asked_at: datetime
    decided_label: str
    decided_at: datetime | None
    remark: str
    ended_at: datetime | None
    on_hold: int

    @property
    def is_open(self) -> bool:
        return self.state in ("asked", "approved")


@dataclass(frozen=True, slots=True)
class Hidden:
    """A series that is withdrawn everywhere and lies neither in the trash nor is deleted."""

    series_uid: str
    subject: str
    modality: str
    reason_class: str
    withdrawn_at: datetime
    instance_count: int
    size_bytes: int


_JOINED = {
    "collection": "c.short_name",
    "on_hold": "(select count(*) from releases.deletion_series g where g.deletion_id = d.id and g.is_open and exists (select"
    " from releases.hold h where h.collection_id = d.collection_id and h.lifted_at is null"
    " and h.subject_label in ('', g.subject_label) and h.series_uid in ('', g.series_uid)))",
}
_COLUMNS = ", ".join(f"{_JOINED.get(field.name, 'd.' + field.name)} as {field.name}" for field in fields(Deletion))
_STONE = """
from releases.tombstone b
where b.collection_id = %(id)s and b.scope = 'everywhere' and b.restored_at is null and b.deleted_at is null
    and not exists (select from releases.deletion_series g where g.series_key = b.series_key and g.is_open)
"""


def ask_deletion(
    archive: Archive, actor: accounts.Actor, collection_id: int, series_uids: Sequence[str], reason: str
) -> int:
    """Mark series that are withdrawn everywhere for deletion; they lie in the trash. Return the deletion's number.

    Raises
    ------
    Refused
        The actor does not curate the collection, or is no person.
    OnHold, InTrash
    Invalid
        A series is not withdrawn everywhere, or no reason is given.
    """
    need_curator(actor, collection_id)
    _need_person(actor)
    if not reason.strip():
        raise Invalid("Say why it is to be deleted.", code="deletion.reason")
    if not 0 < len(series_uids) <= MOST_SERIES:
        raise Invalid(f"Choose at least one series, and at most {MOST_SERIES:,}.", code="deletion.series")
    with archive.database.transaction() as tx:
        lock(tx, collection_id)
        keys = _markable(tx, collection_id, series_uids)
        _need_free(tx, keys)
        due_at = archive.clock() + timedelta(days=archive.settings.releases.trash_days)
        row = tx.execute(
            "insert into releases.deletion (collection_id, reason, series_count, object_count, size_bytes, due_at, asked_by,"
            " asked_person, asked_label) select %s, %s, %s, count(*), coalesce(sum(i.size_bytes), 0), %s, %s, %s, %s"
            " from images.instance i where i.series_key = any (%s) returning id",
            [
                *(collection_id, reason.strip()[:_MOST_WORDS], len(keys), due_at),
                *(actor.name, actor.person_id, actor.label, keys),
            ],
        ).fetchone()
        assert row is not None
        tx.execute(
            "insert into releases.deletion_series (deletion_id, series_key, series_uid, subject_label)"
            " select distinct on (b.series_key) %s, b.series_key, b.series_uid, b.subject_label from releases.tombstone b"
            " where b.series_key = any (%s) order by b.series_key, b.id desc",
            [row.id, keys],
        )
        audit.note(
            tx,
            actor.name,
            "deletion.ask",
            f"deletion:{row.id}",
            collection=collection_id,
            series=sorted(series_uids)[:100],
        )
        _tell_deciders(tx, actor, collection_id, len(keys))
    return int(row.id)


def _need_person(actor: accounts.Actor) -> None:
    if actor.person_id is None:
        raise Refused("Deleting takes two people with accounts; sign in.", code="deletion.no-person")


def _markable(tx: database.Tx, collection_id: int, series_uids: Sequence[str]) -> list[int]:
    given = {"id": collection_id, "uids": list(series_uids)}
    found = tx.execute(
        f"select b.series_key as key {_STONE} and b.series_uid = any (%(uids)s)".encode(), given
    ).fetchall()
    if len(found) == len(set(series_uids)):
        return sorted(int(row.key) for row in found)
    waiting = tx.execute(
        "select count(*) as n from releases.deletion_series g join releases.deletion d on d.id = g.deletion_id"
        " where d.collection_id = %(id)s and g.is_open and g.series_uid = any (%(uids)s)",
        given,
    ).fetchone()
    if waiting is not None and waiting.n:
        raise InTrash(f"{waiting.n} of these series are in the trash already.")
    raise Invalid("Only series that are withdrawn everywhere can be deleted.", code="deletion.not-withdrawn")


def _need_free(tx: database.Tx, keys: Sequence[int]) -> None:
    held = held_among(tx, keys)
    if held:
        raise OnHold(
            f"A legal hold covers {held} of {len(keys)} series; nothing of it can be deleted until it is lifted."
        )


def _tell_deciders(tx: database.Tx, actor: accounts.Actor, collection_id: int, count: int) -> None:
    policy = collections.policy_of(tx, collection_id)
    owners = tx.execute(
        "select person_id from collections.member where collection_id = %s and role = 'owner'", [collection_id]
    )
    told = ({row.person_id for row in owners} | set(accounts.administrators(tx))) - {actor.person_id}
    text = f"{actor.label} asks to delete {count:,} series of {policy.short_name}. Another person has to approve it."
    link = f"/releases/{policy.short_name}/trash"
    accounts.notify(tx, sorted(told), "deletion.asked", f"{policy.short_name}: deletion to approve", text, link=link)


def decide_deletion(
    archive: Archive, actor: accounts.Actor, deletion_id: int, *, approve: bool, remark: str = ""
) -> None:
    """Approve or decline a deletion, as another person than who asked for it.

    Raises
    ------
    Refused
        The actor neither owns the collection nor administers the archive.
    SamePerson, DeletionDecided, OnHold
    """
    _need_person(actor)
    with archive.database.transaction() as tx:
        row = _locked(tx, deletion_id)
        if not actor.may_own(row.collection_id):
            raise Refused(
                "Only an owner of the collection or an administrator may decide this.", code="deletion.not-owner"
            )
        if row.state != "asked":
            raise DeletionDecided(f"This deletion is {row.state} already, by {row.decided_label or row.asked_label}.")
        if actor.person_id == row.asked_person:
            raise SamePerson("You asked for this deletion yourself; another person has to decide it.")
        if approve:
            _need_free(tx, _keys(tx, deletion_id))
        _decide(tx, actor, row, "approved" if approve else "declined", remark)
        words = "approved: it is deleted after its date" if approve else "declined: it stays, withdrawn"
        accounts.notify(
            tx,
            row.asked_person,
            "deletion.decided",
            "Your deletion was decided",
            f"The deletion of {row.series_count:,} series that you asked for was {words}.",
            link=f"/releases/{collections.policy_of(tx, row.collection_id).short_name}/trash",
        )


def _decide(tx: database.Tx, actor: accounts.Actor, row: Any, state: str, remark: str) -> None:
    is_end = state != "approved"
    tx.execute(
        "update releases.deletion set state = %s, decided_by = %s, decided_person = %s, decided_label = %s, decided_at = now(),"
        " remark = %s, ended_at = case when %s then now() end where id = %s",
        [state, actor.name, actor.person_id, actor.label, remark.strip()[:_MOST_WORDS], is_end, row.id],
    )
    if is_end:
        tx.execute("update releases.deletion_series set is_open = false where deletion_id = %s", [row.id])
    audit.note(tx, actor.name, f"deletion.{state}", f"deletion:{row.id}", collection=row.collection_id)


def _locked(tx: database.Tx, deletion_id: int) -> Any:
    row = tx.execute("select * from releases.deletion where id = %s for update", [deletion_id]).fetchone()
    if row is None:
        raise UnknownDeletion("There is no such deletion.")
    return row


def _keys(tx: database.Tx, deletion_id: int) -> list[int]:
    found = tx.execute("select series_key from releases.deletion_series where deletion_id = %s", [deletion_id])
    return sorted(int(row.series_key) for row in found)


def restore(
    archive: Archive, actor: accounts.Actor, deletion_id: int, *, publish: bool = False, remark: str = ""
) -> int | None:
    """Take a deletion back before it is carried out.

    Parameters
    ----------
    publish : bool
        Publish the series again, as they were, as a new release; older releases show them again too. Otherwise they stay
        withdrawn everywhere, out of the trash.

    Returns
    -------
    int or None
        Number of the new release.

    Raises
    ------
    Refused
        The actor does not curate the collection.
    DeletionDecided
        It is declined, restored or deleted already.
    BackAlready
    """
    with archive.database.transaction() as tx:
        collection_id = _collection_of(tx, deletion_id)
        need_curator(actor, collection_id)
        lock(tx, collection_id)
        row = _locked(tx, deletion_id)
        if row.state not in ("asked", "approved"):
            raise DeletionDecided(f"This deletion is {row.state} already; it cannot be taken back.")
        number = _publish_again(tx, actor, collection_id, _keys(tx, deletion_id)) if publish else None
        _decide(tx, actor, row, "restored", remark)
    return number


def _collection_of(tx: database.Tx, deletion_id: int) -> int:
    row = tx.execute("select collection_id from releases.deletion where id = %s", [deletion_id]).fetchone()
    if row is None:
        raise UnknownDeletion("There is no such deletion.")
    return int(row.collection_id)


def _publish_again(tx: database.Tx, actor: accounts.Actor, collection_id: int, keys: list[int]) -> int:
    twin = tx.execute(
        "select 1 from images.series s join images.series n on n.collection_id = s.collection_id and n.uid = s.uid"
        " and upper_inf(n.releases) where s.key = any (%s) limit 1",
        [keys],
    ).fetchone()
    if twin is not None:
        raise BackAlready("A series of the same UID was published again meanwhile; withdraw that one first.")
    number = next_number(tx, collection_id)
    images.show_again(tx, keys)
    made = images.put_back(tx, number, keys)
    uids = tx.execute(
        "update releases.tombstone set restored_at = now(), restored_in = %s where series_key = any (%s)"
        " and restored_at is null returning series_uid",
        [number, keys],
    ).fetchall()
    policy = collections.policy_of(tx, collection_id)
    words = "one series" if len(keys) == 1 else f"{len(keys):,} series"
    write_release(tx, actor.name, policy, number, f"Restored: {words}.", (len(made), 0, 0), is_restoring=True)
    jobs.enqueue_all(tx, "derive", [f"{key}/{revision}" for key, revision in made])
    note_change(tx, collection_id, "created", number, [row.series_uid for row in uids])
    note_change(tx, collection_id, "released", number)
    return number


def trash_of(archive: Archive, actor: accounts.Actor, collection_id: int | None = None) -> list[Deletion]:
    """Return the deletions of a collection, or of all that the actor curates: what waits first, then the newest."""
    if collection_id is not None:
        need_curator(actor, collection_id)
    with archive.database.transaction() as tx:
        found = tx.execute(
            f"select {_COLUMNS} from releases.deletion d join collections.collection c on c.id = d.collection_id"  # noqa: S608
            " where (%(one)s::bigint is null or c.id = %(one)s) and (%(every)s or c.id = any (%(own)s))"
            " order by d.state not in ('asked', 'approved', 'removing'), d.id desc limit %(most)s",
            {
                "one": collection_id,
                "every": (bool(actor.site_roles) and actor.has_scope("curate")) or collection_id is not None,
                "own": actor.collections_with("owner", "curator") if actor.has_scope("curate") else [],
                "most": MOST_LISTED,
            },
        )
        return [Deletion(*row) for row in found]


def hidden_series(archive: Archive, actor: accounts.Actor, collection_id: int) -> list[Hidden]:
    """Return what is withdrawn everywhere and could be marked for deletion, newest first."""
    need_curator(actor, collection_id)
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select b.series_uid, b.subject_label, b.modality, b.reason_class, b.withdrawn_at, s.instance_count, s.size_bytes"  # noqa: S608
            f" from (select b.* {_STONE}) b join lateral (select instance_count, size_bytes from images.series"
            " where key = b.series_key order by revision desc limit 1) s on true order by b.id desc limit %(most)s",
            {"id": collection_id, "most": MOST_LISTED},
        )
        return [Hidden(*row) for row in found]
