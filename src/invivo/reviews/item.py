"""Items: what a person decides on, one a held series."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from invivo import accounts, database
from invivo.archive import Archive
from invivo.errors import NotFound
from invivo.reviews.checklist import note_arrival
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
    approved_once_at: datetime | None
    approved_once_person: int | None
    assigned_to: int | None
    assignee: str
    batch_id: int | None
    batch: str
    is_settling: bool


LISTED = """
select i.id, i.collection_id, c.short_name as collection, i.submission_id, i.series_id, i.state, i.opened_at, i.approved_once_by,
       i.decided_at, i.decided_by, i.reason, s.kind, s.modality, s.subject_label, o.object_count, o.stuck_count,
       o.conflict_count,
       i.worst, o.cover_object_id, i.approved_once_at, i.approved_once_person, i.assigned_to,
       coalesce(nullif(p.display_name, ''), p.name, '') as assignee, i.batch_id, coalesce(b.name, '') as batch,
       i.is_settling
from reviews.item i
left join accounts.person p on p.id = i.assigned_to
left join reviews.batch b on b.id = i.batch_id
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
assert [field.name for field in fields(Item)][-1] == "is_settling"


def open_item(
    tx: database.Tx, collection_id: int, submission_id: int, series_id: int, findings: Sequence[Finding]
) -> int:
    """Open the item of a held series, or refresh the findings of the one that is open; return its id.

    If objects came that no check has seen yet, what one person approved waits for that person again, and steps of the
    checklist that were recorded before are stale.
    """
    seen = tx.execute(
        "select (select coalesce(max(id), 0) from quarantine.object where series_id = %(series)s"
        " and state not in ('discarded', 'released')) as newest,"
        " (select coalesce(max(newest_object_id), 0) from reviews.item where series_id = %(series)s) as known",
        {"series": series_id},
    ).fetchone()
    assert seen is not None
    grew = seen.newest > seen.known
    worst = min((one.severity for one in findings), key=("hold", "warning", "info").index, default="")
    row = tx.execute(
        "insert into reviews.item as i (collection_id, submission_id, series_id, worst, newest_object_id)"
        " values (%(collection)s, %(submission)s, %(series)s, %(worst)s, %(newest)s)"
        " on conflict (series_id) where state in ('open', 'deferred') do update set worst = excluded.worst,"
        " newest_object_id = greatest(i.newest_object_id, excluded.newest_object_id),"
        " approved_once_by = case when %(grew)s then null else i.approved_once_by end,"
        " approved_once_person = case when %(grew)s then null else i.approved_once_person end,"
        " approved_once_at = case when %(grew)s then null else i.approved_once_at end returning id",
        {"collection": collection_id, "submission": submission_id, "series": series_id, "worst": worst, "grew": grew}
        | {"newest": seen.newest},
    ).fetchone()
    assert row is not None
    tx.execute("delete from reviews.finding where item_id = %s", [row.id])
    tx.cursor().executemany(
        "insert into reviews.finding (item_id, object_id, severity, code, path, text) values (%s, %s, %s, %s, %s, %s)",
        [[row.id, one.object_id, one.severity, one.code, one.path, one.text] for one in findings],
    )
    if grew:
        note_arrival(tx, collection_id)
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


def item_named(archive: Archive, actor: accounts.Actor, item_id: int) -> Item:
    """Return an item of a collection that the actor curates; raises UnknownItem."""
    with archive.database.transaction() as tx:
        row = tx.execute(f"{LISTED} where i.id = %(id)s", {"id": item_id}).fetchone()
    if row is None or not actor.may_curate(row.collection_id):
        raise UnknownItem(f"There is no review item {item_id}, or you may not see it.")
    return Item(*row)


def label_of(tx: database.Tx, name: str) -> str:
    """Return who an actor's name stands for, for people to read."""
    kind, _, number = name.partition(":")
    if kind in ("person", "token") and number.isdecimal():
        source = (
            "accounts.person p" if kind == "person" else "accounts.token t join accounts.person p on p.id = t.person_id"
        )
        row = tx.execute(
            "select coalesce(nullif(p.display_name, ''), p.name) as label"  # noqa: S608 - our own text
            f" from {source} where {'p' if kind == 'person' else 't'}.id = %s",
            [int(number)],
        ).fetchone()
        return str(row.label) if row else "somebody whose account is gone"
    return {"rule": "a rule of the collection", "system": "the administrator at the command line"}.get(kind, "somebody")


def first_reader(archive: Archive, actor: accounts.Actor, item: Item) -> str:
    """Return who read an item first, for whoever may know: the reader, or all where the collection's owner says so."""
    if not item.approved_once_by:
        return ""
    is_own = item.approved_once_by == actor.name or (actor.person_id or -1) == item.approved_once_person
    with archive.database.transaction() as tx:
        told = tx.execute(
            "select 1 from reviews.curation where collection_id = %s and shows_first_reader", [item.collection_id]
        ).fetchone()
        return label_of(tx, item.approved_once_by) if told or is_own else ""


def decider(archive: Archive, item: Item) -> str:
    """Return who decided on an item, for people to read; nothing, if nobody has."""
    if not item.decided_by:
        return ""
    with archive.database.transaction() as tx:
        return label_of(tx, item.decided_by)


def findings_of(archive: Archive, item: Item) -> list[Finding]:
    """Return what the checks found for an item, gravest first."""
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select severity, code, path, text, object_id from reviews.finding where item_id = %s order by id",
            [item.id],
        )
        return [Finding(*row) for row in found]
