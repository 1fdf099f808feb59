"""All that a query found at one moment, as one item of a cart.

The item keeps the query in words and names the rows of the series it found. A row belongs to one revision of a series, so what the
item means never changes: what is added to the archive later is not in it, what is revised or withdrawn leaves it and is said.
"""

from dataclasses import dataclass
from datetime import datetime

import orjson

from invivo import accounts, database, releases, search
from invivo.archive import Archive
from invivo.carts import right
from invivo.carts.cart import CartFull, touch
from invivo.carts.group import Group, Part, as_seen, groups_of, less, packed
from invivo.carts.leaving import left_of, removed_since
from invivo.errors import InvivoError, NotFound

MOST_CHOICES = 50
MOST_SERIES = 2_000_000
PAGE = 1000


class UnknownChoice(NotFound):
    """The cart has no such item."""

    code = "cart.unknown-choice"


@dataclass(frozen=True, slots=True)
class Choice:
    """An item of a cart as the actor may see it now.

    Attributes
    ----------
    query : str
        As `search.write` words it; empty for everything.
    named_count : int
        Series that it named when it was pinned.
    parts : tuple of Part
        What is left of it and seen by the actor.
    left_count : int
        Series that were revised, withdrawn or deleted since.
    added_count : int or None
        Series that the query finds now and not when it was pinned; None where the query cannot be asked any more.
    releases : mapping of collection's short name to number
        The releases it was pinned to.
    """

    id: int
    query: str
    named_count: int
    pinned_at: datetime
    parts: tuple[Part, ...]
    left_count: int
    added_count: int | None
    releases: dict[str, int]

    @property
    def series_count(self) -> int:
        return sum(one.series_count for one in self.parts)

    @property
    def size_bytes(self) -> int:
        return sum(one.size_bytes for one in self.parts)

    @property
    def licences(self) -> tuple[str, ...]:
        return tuple(sorted({one.licence for one in self.parts}))


def pin(archive: Archive, actor: accounts.Actor, cart_id: str, query: search.Query) -> int:
    """Put all that a query finds now into a cart as one item; return how many series it names.

    Single series of the cart that the item names become part of it. The same query pinned again is another item only if it finds
    something else; otherwise nothing changes.

    Raises
    ------
    CartFull
        The query finds more than `MOST_SERIES`, or the cart has `MOST_CHOICES` items.
    """
    ids = _found_now(archive, actor, query)
    numbers = _releases_now(archive, actor)
    with archive.database.transaction() as tx:
        held = right.change(tx, actor, cart_id)
        touch(tx, held.id)
        if not ids:
            return 0
        known = tx.execute("select count(*) as n from carts.choice where cart_id = %s", [held.id]).fetchone()
        if known and known.n >= MOST_CHOICES:
            raise CartFull(f"A cart takes at most {MOST_CHOICES} queries; take one out or make another cart.")
        return _put(tx, held.id, search.write(query), ids, numbers)


def pin_anew(archive: Archive, actor: accounts.Actor, cart_id: str, choice_id: int) -> int:
    """Ask the query of an item again and let the item mean what it finds now; return how many series that are."""
    with archive.database.transaction() as tx:
        held = right.change(tx, actor, cart_id)
        text = _query_of(tx, held.id, choice_id)
    ids = _found_now(archive, actor, search.read(text))
    numbers = _releases_now(archive, actor)
    with archive.database.transaction() as tx:
        held = right.change(tx, actor, cart_id)
        _query_of(tx, held.id, choice_id)
        tx.execute("delete from carts.choice where id = %s", [choice_id])
        touch(tx, held.id)
        if ids:
            return _put(tx, held.id, text, ids, numbers)
        sum_up(tx, held.id)
        return 0


def remove_choice(archive: Archive, actor: accounts.Actor, cart_id: str, choice_id: int) -> None:
    """Take an item out of a cart."""
    with archive.database.transaction() as tx:
        held = right.change(tx, actor, cart_id)
        _query_of(tx, held.id, choice_id)
        tx.execute("delete from carts.choice where id = %s", [choice_id])
        touch(tx, held.id)
        sum_up(tx, held.id)


def choices(archive: Archive, actor: accounts.Actor, cart_id: str) -> list[Choice]:
    """Return the items of a cart, in the order in which they were pinned, with what changed since."""
    with archive.database.transaction() as tx:
        held = right.look(tx, actor, cart_id)
        if held is None:
            return []
        found = tx.execute(
            "select id, query, groups, releases, pinned_at, cardinality(series_ids) as n from carts.choice where cart_id = %s"
            " order by id",
            [held.id],
        ).fetchall()
        told = []
        for row in found:
            groups = [Group(*one) for one in row.groups]
            left = left_of(tx, actor, _OF_CHOICE, row.id)
            gone = len(left)
            if removed_since(tx, row.pinned_at):
                now = groups_of(tx, database.Condition(f"upper_inf(s.releases) and {_NAMED}", {"choice": row.id}))
                gone = row.n - sum(one.series_count for one in now)
            else:
                now = less(groups, [one.group for one in left])
            told.append((row, as_seen(tx, actor, now), gone))
    return [
        Choice(
            *(row.id, row.query, row.n, row.pinned_at, tuple(parts), gone),
            _added(archive, actor, row.query, sum(one.series_count for one in parts)),
            row.releases,
        )
        for row, parts, gone in told
    ]


_NAMED = "s.id in (select unnest(h.series_ids) from carts.choice h where h.id = %(choice)s)"
_OF_CHOICE = "select unnest(h.series_ids) from carts.choice h where h.id = %(of)s"


def sum_up(tx: database.Tx, cart_id: str) -> None:
    """Write down what the choices of a cart hold together, each series once."""
    found = tx.execute("select series_ids, groups from carts.choice where cart_id = %s", [cart_id]).fetchall()
    if len(found) <= 1:
        groups = [Group(*one) for row in found for one in row.groups]
        number = len(found[0].series_ids) if found else 0
    else:
        ids = sorted({one for row in found for one in row.series_ids})
        number, groups = len(ids), groups_of(tx, database.Condition("s.id = any(%(ids)s)", {"ids": ids}))
    tx.execute(
        "update carts.cart set chosen_count = %s, chosen_groups = %s::jsonb where id = %s",
        [number, packed(groups), cart_id],
    )


def _put(tx: database.Tx, cart_id: str, query: str, ids: list[int], numbers: dict[int, tuple[str, int]]) -> int:
    """Write an item; series that left while they were being found are not in it."""
    left = tx.execute(
        "select s.id from images.series s where not upper_inf(s.releases) and s.id = any(%s)", [ids]
    ).fetchall()
    if left:
        gone = {row.id for row in left}
        ids = [one for one in ids if one not in gone]
    groups = groups_of(tx, database.Condition("s.id = any(%(ids)s)", {"ids": ids}))
    seen = {one.collection_id for one in groups}
    told = {name: number for key, (name, number) in numbers.items() if key in seen}
    same = tx.execute(
        "select 1 from carts.choice where cart_id = %s and query = %s and series_ids = %s::bigint[]",
        [cart_id, query, ids],
    ).fetchone()
    if same is None and ids:
        tx.execute(
            "insert into carts.choice (cart_id, query, series_ids, groups, releases)"
            " values (%s, %s, %s, %s::jsonb, %s::jsonb)",
            [cart_id, query, ids, packed(groups), orjson.dumps(told).decode()],
        )
        tx.execute(
            "delete from carts.line l using images.series s where l.cart_id = %s and s.collection_id = l.collection_id"
            " and s.uid = l.series_uid and upper_inf(s.releases) and s.id = any(%s)",
            [cart_id, ids],
        )
    sum_up(tx, cart_id)
    return len(ids)


def _query_of(tx: database.Tx, cart_id: str, choice_id: int) -> str:
    row = tx.execute("select query from carts.choice where id = %s and cart_id = %s", [choice_id, cart_id]).fetchone()
    if row is None:
        raise UnknownChoice("The cart has no such item any more.")
    return str(row.query)


def _found_now(archive: Archive, actor: accounts.Actor, query: search.Query) -> list[int]:
    """Return the rows of all series that a query finds."""
    number = search.count(archive, actor, query)
    if number > MOST_SERIES:
        raise CartFull(f"One item names at most {MOST_SERIES} series and this would be {number}; narrow the query.")
    return search.keys(archive, actor, query)


def _releases_now(archive: Archive, actor: accounts.Actor) -> dict[int, tuple[str, int]]:
    """Return the newest release of each collection."""
    newest = releases.newest(archive, actor, limit=100_000)
    return {one.collection_id: (one.collection, one.number) for one in newest}


def _added(archive: Archive, actor: accounts.Actor, query: str, current: int) -> int | None:
    """Return how many more series a query finds now than are left of what it found."""
    try:
        return max(0, search.count(archive, actor, search.read(query)) - current)
    except InvivoError:  # because a field may have another name by now; what the item names stays as it is
        return None
