"""Legal holds: what they cover may be withdrawn, but nothing of it is deleted until an administrator lifts them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from invivo import accounts, audit, database
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, NotFound, Refused
from invivo.releases.publication import lock, need_curator

_MOST_WORDS = 2000


class UnknownHold(NotFound):
    """There is no such hold."""

    code = "hold.unknown"


class HoldLifted(Conflict):
    """Somebody else lifted the hold first."""

    code = "hold.lifted"


class HoldStands(Conflict):
    """The same is on hold already."""

    code = "hold.stands"


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold on a whole collection, or on one subject or series of it.

    Attributes
    ----------
    set_label, lifted_label : str
        Who did it, for people.
    """

    id: int
    collection_id: int
    subject_label: str
    series_uid: str
    reason: str
    set_label: str
    set_at: datetime
    lifted_label: str
    lifted_at: datetime | None
    lift_reason: str

    @property
    def stands(self) -> bool:
        return self.lifted_at is None


_COLUMNS = ", ".join(field.name for field in fields(Hold))


def set_hold(
    archive: Archive,
    actor: accounts.Actor,
    collection_id: int,
    reason: str,
    *,
    subject_label: str = "",
    series_uid: str = "",
) -> int:
    """Put a collection, or a subject or series of it, on legal hold; return the hold's number.

    Raises
    ------
    Refused
        The actor neither owns the collection nor administers the archive.
    HoldStands
    """
    if not actor.may_own(collection_id):
        raise Refused("Only the collection's owner or an administrator may set a legal hold.", code="hold.not-owner")
    if not reason.strip():
        raise Invalid("Say why it is put on hold.", code="hold.reason")
    if subject_label and series_uid:
        raise Invalid("A hold is on a subject or on a series, not on both.", code="hold.both")
    with archive.database.transaction() as tx:
        lock(tx, collection_id)  # what is just being deleted is either gone before, and unknown, or kept
        _need_known(tx, collection_id, subject_label, series_uid)
        row = tx.execute(
            "insert into releases.hold (collection_id, subject_label, series_uid, reason, set_by, set_label)"
            " values (%s, %s, %s, %s, %s, %s) on conflict do nothing returning id",
            [collection_id, subject_label, series_uid, reason.strip()[:_MOST_WORDS], actor.name, actor.label],
        ).fetchone()
        if row is None:
            raise HoldStands("This is on hold already.")
        whole = "collection" if not (subject_label or series_uid) else "subject" if subject_label else "series"
        audit.note(tx, actor.name, "hold.set", f"hold:{row.id}", collection=collection_id, of=whole, series=series_uid)
    return int(row.id)


def _need_known(tx: database.Tx, collection_id: int, subject_label: str, series_uid: str) -> None:
    """What is put on hold must be there, or have been: a misspelt name would protect nothing."""
    row = tx.execute(
        "select (%(subject)s = '' or exists (select from subjects.subject where collection_id = %(id)s and label = %(subject)s))"
        " and (%(series)s = '' or exists (select from images.series where collection_id = %(id)s and uid = %(series)s)) as is_known",
        {"id": collection_id, "subject": subject_label, "series": series_uid},
    ).fetchone()
    if row is None or not row.is_known:
        raise Invalid("The collection has no such subject or series.", code="hold.unknown-thing")


def lift_hold(archive: Archive, actor: accounts.Actor, hold_id: int, reason: str) -> None:
    """Lift a hold.

    Raises
    ------
    Refused
        The actor is no administrator.
    HoldLifted
    """
    if not actor.is_administrator and actor.name != "system":
        raise Refused("Only an administrator may lift a legal hold.", code="hold.not-administrator")
    if not reason.strip():
        raise Invalid("Say why the hold is lifted.", code="hold.reason")
    with archive.database.transaction() as tx:
        row = tx.execute(
            "select lifted_at, lifted_label from releases.hold where id = %s for update", [hold_id]
        ).fetchone()
        if row is None:
            raise UnknownHold("There is no such hold.")
        if row.lifted_at is not None:
            raise HoldLifted(f"{row.lifted_label} lifted this hold already.")
        tx.execute(
            "update releases.hold set lifted_by = %s, lifted_label = %s, lifted_at = now(), lift_reason = %s where id = %s",
            [actor.name, actor.label, reason.strip()[:_MOST_WORDS], hold_id],
        )
        audit.note(tx, actor.name, "hold.lift", f"hold:{hold_id}")


def holds_of(archive: Archive, actor: accounts.Actor, collection_id: int) -> list[Hold]:
    """Return the holds of a collection, those that stand first."""
    need_curator(actor, collection_id)
    with archive.database.transaction() as tx:
        found = tx.execute(
            f"select {_COLUMNS} from releases.hold where collection_id = %s order by lifted_at is not null, id desc",  # noqa: S608
            [collection_id],
        )
        return [Hold(*row) for row in found]


def on_hold_since(
    archive: Archive, actor: accounts.Actor, collection_id: int, subject_label: str, series_uid: str
) -> datetime | None:
    """Return since when a series is on hold, for those who curate its collection; None for everybody else."""
    if not actor.may_curate(collection_id):
        return None
    with archive.database.transaction() as tx:
        row = tx.execute(
            "select min(set_at) as since from releases.hold where collection_id = %s and lifted_at is null"
            " and subject_label in ('', %s) and series_uid in ('', %s)",
            [collection_id, subject_label, series_uid],
        ).fetchone()
    return row.since if row else None


def held_among(tx: database.Tx, keys: Sequence[int]) -> int:
    """Return how many of some series, by key, a hold covers now."""
    row = tx.execute(
        "select count(distinct s.key) as n from images.series s join subjects.subject p on p.id = s.subject_id"
        " join releases.hold h on h.collection_id = s.collection_id and h.lifted_at is null"
        " and h.subject_label in ('', p.label) and h.series_uid in ('', s.uid) where s.key = any (%s)",
        [list(keys)],
    ).fetchone()
    assert row is not None
    return int(row.n)
