"""What was chosen and is not in the current release any more: it is listed with the reason, never dropped in silence."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from invivo import accounts, collections, database, releases
from invivo.archive import Archive
from invivo.carts import right
from invivo.carts.group import Group

REVISED = "Revised since; pin the query anew to have it as it is now."
ENDED = "It is no longer in the current release."
NOT_SHOWN = "Deleted from the archive, or no longer shown to you."


@dataclass(frozen=True, slots=True)
class Left:
    """A series that was chosen and left.

    Attributes
    ----------
    is_visible : bool
        The actor may know of it.
    is_revised : bool
        A later revision of the same series is current.
    group : Group
        The series by itself.
    """

    series_uid: str
    collection: str
    is_visible: bool
    is_revised: bool
    group: Group


@dataclass(frozen=True, slots=True)
class Gone:
    """A chosen series that is not to be had any more, with the reason.

    Attributes
    ----------
    series_uid : str
        Empty where it stands for several that are not named.
    """

    series_uid: str
    collection: str
    reason: str
    count: int = 1


# Few rows are not current. "is true" keeps the ids from being joined: they are read only if there is such a row at all.
_LEFT = """
select s.uid, c.short_name, ({visible}) as is_visible,
    exists (select from images.series n where n.key = s.key and upper_inf(n.releases)) as is_revised,
    s.collection_id, s.access, s.site, s.modality, s.licence, o.series_id is not null as is_elsewhere, 1 as series_count,
    s.instance_count, s.size_bytes
from images.series s join collections.collection c on c.id = s.collection_id
left join images.location o on o.series_id = s.id
where not upper_inf(s.releases) and (s.id in ({which})) is true order by s.id
"""
_CHOSEN = "select unnest(h.series_ids) from carts.choice h where h.cart_id = %(of)s"
_SINGLE = """
select distinct on (l.collection_id, l.series_uid) e.id
from carts.line l join images.series e on e.collection_id = l.collection_id and e.uid = l.series_uid
where l.cart_id = %(of)s and not exists (
    select from images.series n where n.collection_id = l.collection_id and n.uid = l.series_uid and upper_inf(n.releases))
order by l.collection_id, l.series_uid, e.revision desc
"""


def left_of(tx: database.Tx, actor: accounts.Actor, which: str, of: int | str) -> list[Left]:
    """Return which rows of series among some ids are not current.

    Parameters
    ----------
    which : str
        SQL of ours that gives the ids, with the place ``%(of)s``.
    """
    statement = database.join(_LEFT.replace("{which}", which), visible=collections.visible_to(actor))
    found = database.rows(tx, database.Statement(statement.text, {**statement.parameters, "of": of}))
    return [Left(*(*row[:4], Group(*row[4:]))) for row in found]


def removed_since(tx: database.Tx, pinned_at: datetime) -> bool:
    """Return whether rows of any series were deleted for good after a moment."""
    asked = "select exists (select from releases.tombstone where deleted_at >= %s) as is_so"
    row = tx.execute(asked, [pinned_at]).fetchone()
    return bool(row and row.is_so)


def left_of_choices(tx: database.Tx, actor: accounts.Actor, cart_id: str) -> list[Left]:
    """Return what the choices of a cart name that is not current, each row once."""
    return left_of(tx, actor, _CHOSEN, cart_id)


def gone_from(archive: Archive, actor: accounts.Actor, named: str) -> list[Gone]:
    """Return what a cart names and does not give any more, each with the reason; last how many cannot be named."""
    with archive.database.transaction() as tx:
        held = right.look(tx, actor, named)
        if held is None:
            return []
        left = [*left_of_choices(tx, actor, held.id), *left_of(tx, actor, _SINGLE, held.id)]
        unnamed = _unnamed(tx, actor, held.id)
    seen = [one for one in left if one.is_visible]
    reasons = _reasons(archive, actor, {one.group.collection_id for one in seen if not one.is_revised})
    gone = [
        Gone(one.series_uid, one.collection, REVISED if one.is_revised else reasons.get(_key(one), ENDED))
        for one in seen
    ]
    hidden = len(left) - len(seen) + unnamed
    return [*gone, Gone("", "", NOT_SHOWN, hidden)] if hidden else gone


def _key(one: Left) -> tuple[int, str]:
    return one.group.collection_id, one.series_uid


def _reasons(archive: Archive, actor: accounts.Actor, collection_ids: set[int]) -> dict[tuple[int, str], str]:
    told: dict[tuple[int, str], str] = {}
    for key in sorted(collection_ids):
        stones = releases.tombstones_of(archive, actor, key)
        for one in sorted(stones, key=lambda stone: stone.release_number):
            told[key, one.series_uid] = f"Withdrawn in release {one.release_number} ({one.reason_class}): {one.reason}"
    return told


_MISSING = """
select (select count(*) from carts.line l where l.cart_id = %(cart)s and not exists (
        select from images.series s where s.collection_id = l.collection_id and s.uid = l.series_uid)) as single,
    (select c.chosen_count from carts.cart c where c.id = %(cart)s) as chosen,
    (select min(h.pinned_at) from carts.choice h where h.cart_id = %(cart)s) as since
"""
_THERE = "select count(*) as n from images.series s where s.id in (select unnest(h.series_ids) from carts.choice h where h.cart_id = %s)"
_CLOSED = """
select count(*) as n from carts.line l join images.series s on s.collection_id = l.collection_id and s.uid = l.series_uid
where l.cart_id = %(cart)s and upper_inf(s.releases) and not ({visible})
"""


def _unnamed(tx: database.Tx, actor: accounts.Actor, cart_id: str) -> int:
    """Count what is current and not shown to the actor, and what has no row any more."""
    row: Any = tx.execute(_MISSING, {"cart": cart_id}).fetchone()
    statement = database.join(_CLOSED, visible=collections.visible_to(actor))
    closed = database.rows(tx, database.Statement(statement.text, {**statement.parameters, "cart": cart_id}))[0].n
    there = row.chosen
    if row.chosen and removed_since(tx, row.since):
        counted: Any = tx.execute(_THERE, [cart_id]).fetchone()
        there = counted.n
    return int(row.single + closed + row.chosen - there)
