"""The queue: items that wait for a decision."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from invivo import accounts, database
from invivo.archive import Archive
from invivo.errors import NotFound, Refused
from invivo.reviews.finding import Finding


class UnknownItem(NotFound):
    """There is no such review item, or the actor may not see it."""

    code = "review.unknown"


@dataclass(frozen=True, slots=True)
class Item:
    """An item of the queue with what is needed to list it."""

    id: int
    collection_id: int
    collection: str
    submission_id: int
    series_id: int
    state: str
    opened_at: datetime
    approved_once_by: str | None
    decided_at: datetime | None
    decided_by: str | None
    reason: str
    kind: str
    modality: str
    subject_label: str
    object_count: int
    stuck_count: int
    conflict_count: int
    worst: str
    cover_object_id: int | None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the queue; ``after`` is the id to ask the next one with, None at the end."""

    items: tuple[Item, ...]
    total: int
    after: int | None


_LISTED = """
select i.id, i.collection_id, c.short_name as collection, i.submission_id, i.series_id, i.state, i.opened_at, i.approved_once_by,
       i.decided_at, i.decided_by, i.reason, s.kind, s.modality, s.subject_label, o.object_count, o.stuck_count,
       o.conflict_count,
       coalesce((select f.severity from reviews.finding f where f.item_id = i.id
                 order by array_position(array['hold', 'warning', 'info'], f.severity) limit 1), '') as worst,
       o.cover_object_id
from reviews.item i
join collections.collection c on c.id = i.collection_id
join quarantine.series s on s.id = i.series_id
cross join lateral (
    select count(*) as object_count, count(*) filter (where state = 'stuck') as stuck_count,
           count(*) filter (where state = 'conflict') as conflict_count,
           (array_agg(id order by (facts->'facts'->>'instance_number')::int nulls last, id)
                filter (where facts->'facts'->>'rows' is not null))[
                    1 + count(*) filter (where facts->'facts'->>'rows' is not null) / 2] as cover_object_id
    from quarantine.object where series_id = i.series_id and state not in ('discarded', 'released')) o
"""
assert [field.name for field in fields(Item)][-1] == "cover_object_id"


def open_item(
    tx: database.Tx, collection_id: int, submission_id: int, series_id: int, findings: Sequence[Finding]
) -> int:
    """Open the item of a held series, or refresh the findings of the one that is open; return its id."""
    row = tx.execute(
        "insert into reviews.item (collection_id, submission_id, series_id) values (%s, %s, %s)"
        " on conflict (series_id) where state in ('open', 'deferred') do update set series_id = excluded.series_id returning id",
        [collection_id, submission_id, series_id],
    ).fetchone()
    assert row is not None
    tx.execute("delete from reviews.finding where item_id = %s", [row.id])
    tx.cursor().executemany(
        "insert into reviews.finding (item_id, object_id, severity, code, path, text) values (%s, %s, %s, %s, %s, %s)",
        [[row.id, one.object_id, one.severity, one.code, one.path, one.text] for one in findings],
    )
    return int(row.id)


def close_item(tx: database.Tx, series_id: int) -> None:
    """Close the open item of a held series whose objects were all settled one by one: nothing is left to decide."""
    tx.execute(
        "update reviews.item set state = 'rejected', decided_at = now(), decided_by = 'system',"
        " reason = 'every object of it was settled one by one' where series_id = %s and state in ('open', 'deferred')",
        [series_id],
    )


def left_to_rule(tx: database.Tx, older_than_s: float) -> list[int]:
    """Return the held series that their collection's rule should have decided on, and that a crash left open."""
    found = tx.execute(
        "select i.series_id from reviews.item i join collections.collection c on c.id = i.collection_id"
        " where i.state = 'open' and c.review_rule = 'on-receipt' and i.opened_at < now() - make_interval(secs => %s)"
        " and not exists (select 1 from reviews.finding f where f.item_id = i.id and f.severity = 'hold')",
        [older_than_s],
    )
    return [int(row[0]) for row in found]


def unsettled(tx: database.Tx, collection_id: int) -> int:
    """Return how many items of a collection have no decision and are not deferred."""
    row = tx.execute(
        "select count(*) as n from reviews.item where collection_id = %s and state = 'open'", [collection_id]
    ).fetchone()
    assert row is not None
    return int(row.n)


def _may_curate(actor: accounts.Actor) -> list[int] | None:
    """Return the collections whose queue the actor may see; None for all."""
    if not actor.has_scope("curate"):
        return []
    return None if actor.site_roles or actor.name == "system" else actor.collections_with("curator", "owner")


def queue(
    archive: Archive,
    actor: accounts.Actor,
    *,
    collection_id: int | None = None,
    states: Sequence[str] = ("open", "deferred"),
    after: int = 0,
    limit: int = 50,
) -> Page:
    """Return a page of the queue, oldest first, of the collections that the actor curates.

    Raises
    ------
    Refused
        The actor curates nothing.
    """
    if not actor.is_curator:
        raise Refused("Only curators may see the review queue.", code="review.not-curator")
    wanted = {
        "mine": _may_curate(actor),
        "collection": collection_id,
        "states": list(states),
        "after": after,
        "limit": limit + 1,
    }
    criteria = (
        "where (%(mine)s::bigint[] is null or i.collection_id = any (%(mine)s)) and i.state = any (%(states)s)"
        " and (%(collection)s::bigint is null or i.collection_id = %(collection)s)"
    )
    with archive.database.transaction() as tx:
        total = tx.execute(f"select count(*) as n from reviews.item i {criteria}", wanted).fetchone()  # noqa: S608 - our own text
        found = tx.execute(
            f"{_LISTED} {criteria} and i.id > %(after)s order by i.id limit %(limit)s", wanted
        ).fetchall()
    items = tuple(Item(*row) for row in found[:limit])
    return Page(items, int(total.n) if total else 0, items[-1].id if len(found) > limit else None)


def counts(archive: Archive, actor: accounts.Actor) -> dict[int, dict[str, int]]:
    """Return, for each collection the actor curates, how many items are in each state."""
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select collection_id, state, count(*) as n from reviews.item"
            " where %(mine)s::bigint[] is null or collection_id = any (%(mine)s) group by collection_id, state",
            {"mine": _may_curate(actor)},
        ).fetchall()
    counted: dict[int, dict[str, int]] = {}
    for row in found:
        counted.setdefault(row.collection_id, {})[row.state] = row.n
    return counted


def item_named(archive: Archive, actor: accounts.Actor, item_id: int) -> Item:
    """Return an item of a collection that the actor curates; raises UnknownItem."""
    with archive.database.transaction() as tx:
        row = tx.execute(f"{_LISTED} where i.id = %(id)s", {"id": item_id}).fetchone()
    if row is None or not actor.may_curate(row.collection_id):
        raise UnknownItem(f"There is no review item {item_id}, or you may not see it.")
    return Item(*row)


def findings_of(archive: Archive, item: Item) -> list[Finding]:
    """Return what the checks found for an item, gravest first."""
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select severity, code, path, text, object_id from reviews.finding where item_id = %s order by id",
            [item.id],
        )
        return [Finding(*row) for row in found]
