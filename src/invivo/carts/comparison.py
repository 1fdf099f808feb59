"""Two carts side by side, and one put into another."""

from dataclasses import dataclass

from invivo import accounts, collections, database
from invivo.archive import Archive
from invivo.carts import right
from invivo.carts.cart import CartFull, touch
from invivo.carts.choice import MOST_CHOICES, sum_up
from invivo.errors import Invalid

LISTED = 100


@dataclass(frozen=True, slots=True)
class Side:
    """What two carts share, or what only one of them has: current series that the actor may see.

    Attributes
    ----------
    listed : tuple of (series UID, collection, modality)
        The first of them.
    """

    series_count: int
    size_bytes: int
    listed: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two carts."""

    only_here: Side
    only_there: Side
    both: Side


_OF = """
select unnest(h.series_ids) as id from carts.choice h where h.cart_id = %({name})s
union select s.id from carts.line l join images.series s on s.collection_id = l.collection_id and s.uid = l.series_uid
where l.cart_id = %({name})s and upper_inf(s.releases)
"""
_COMPARED = f"""
with here as ({_OF.format(name="here")}), there as ({_OF.format(name="there")}),
side as materialized (
    select coalesce(h.id, t.id) as id, case when t.id is null then 'here' when h.id is null then 'there' else 'both' end as side
    from here h full join there t on t.id = h.id),
seen as (
    select d.side, s.id, s.size_bytes from side d join images.series s on s.id = d.id
    where upper_inf(s.releases) and {{visible}})
select side, count(*) as n, sum(size_bytes)::bigint as size_bytes, (array_agg(id order by id))[1:%(listed)s] as ids
from seen group by side
"""
_LISTED = """
select s.id, s.uid, c.short_name, s.modality from images.series s join collections.collection c on c.id = s.collection_id
where s.id = any (%s)
"""


def compare_carts(archive: Archive, actor: accounts.Actor, here: str, there: str) -> Comparison:
    """Compare two carts that the actor may look at.

    Raises
    ------
    right.UnknownCart
    """
    statement = database.join(_COMPARED, visible=collections.visible_to(actor))
    with archive.database.transaction() as tx:
        one, other = right.look(tx, actor, here), right.look(tx, actor, there)
        if one is None or other is None:
            raise right.UnknownCart("There is no such cart for you; its link may have ended.")
        given = {**statement.parameters, "here": one.id, "there": other.id, "listed": LISTED}
        found = {row.side: row for row in database.rows(tx, database.Statement(statement.text, given))}
        told = {row.id: row[1:] for row in tx.execute(_LISTED, [[one for row in found.values() for one in row.ids]])}
    sides = [
        Side(found[name].n, found[name].size_bytes, tuple(told[one] for one in found[name].ids if one in told))
        if name in found
        else Side(0, 0, ())
        for name in ("here", "there", "both")
    ]
    return Comparison(*sides)


def merge_cart(archive: Archive, actor: accounts.Actor, source: str, target: str) -> None:
    """Put all that one cart holds into another; the first stays as it is.

    Raises
    ------
    right.UnknownCart, right.OnlyLooking
    CartFull
    """
    most = archive.settings.limits.cart_series
    with archive.database.transaction() as tx:
        given = right.look(tx, actor, source)
        if given is None:
            raise right.UnknownCart("There is no such cart for you; its link may have ended.")
        held = right.change(tx, actor, target)
        if given.id == held.id:
            raise Invalid("A cart cannot be put into itself.", code="cart.itself")
        names = {"source": given.id, "target": held.id}
        tx.execute(_CHOICES, names)
        tx.execute(_LINES, names)
        row = tx.execute(
            "select (select count(*) from carts.line where cart_id = %(target)s) as single,"
            " (select count(*) from carts.choice where cart_id = %(target)s) as chosen",
            names,
        ).fetchone()
        if row and (row.single > most or row.chosen > MOST_CHOICES):
            raise CartFull(f"A cart takes at most {most} single series and {MOST_CHOICES} queries; these are more.")
        sum_up(tx, held.id)
        touch(tx, held.id)


_CHOICES = """
insert into carts.choice (cart_id, query, series_ids, groups, releases, pinned_at)
select %(target)s, h.query, h.series_ids, h.groups, h.releases, h.pinned_at from carts.choice h
where h.cart_id = %(source)s and not exists (
    select from carts.choice k where k.cart_id = %(target)s and k.query = h.query and k.series_ids = h.series_ids)
order by h.id
"""
_LINES = """
with named as (select unnest(h.series_ids) as id from carts.choice h where h.cart_id = %(target)s),
old as (delete from carts.line l using images.series s, named n where l.cart_id = %(target)s
    and s.collection_id = l.collection_id and s.uid = l.series_uid and upper_inf(s.releases) and s.id = n.id)
insert into carts.line (cart_id, collection_id, series_uid, added_at)
select %(target)s, l.collection_id, l.series_uid, l.added_at from carts.line l
where l.cart_id = %(source)s and not exists (
    select from images.series s join named n on n.id = s.id
    where s.collection_id = l.collection_id and s.uid = l.series_uid and upper_inf(s.releases))
on conflict do nothing
"""
