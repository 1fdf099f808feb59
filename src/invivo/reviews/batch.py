"""Batches: named sets of items that are worked off together, each by one person, with how far they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from invivo import accounts, audit, database
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, NotFound, Refused
from invivo.reviews.assignment import assign
from invivo.reviews.queue import EVERYTHING, Narrow, criteria_of, may_curate

LONGEST_NAME = 80
MOST_BATCHES = 500
LARGEST = 5000


class UnknownBatch(NotFound):
    """There is no such batch, or the actor may not see it."""

    code = "review.batch-unknown"


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch and how far it is; ``read_once`` are those that wait for a second person."""

    id: int
    collection_id: int
    collection: str
    name: str
    assigned_to: int | None
    assignee: str
    made_at: datetime
    total: int
    waiting: int
    deferred: int
    read_once: int

    @property
    def decided(self) -> int:
        return self.total - self.waiting - self.deferred


def make_batches(
    archive: Archive,
    actor: accounts.Actor,
    collection_id: int,
    *,
    name: str,
    size: int = 200,
    narrow: Narrow = EVERYTHING,
    people: Sequence[int] = (),
) -> list[int]:
    """Put what waits in a collection, and is in no batch yet, into batches; return their ids.

    A subject's series stay together where they fit. With several people the batches go round; without any they are nobody's.

    Parameters
    ----------
    name : str
        With several batches a number is put behind it.
    size : int
        Items a batch at most.
    people : sequence of int
        Persons who curate the collection.

    Raises
    ------
    Refused, Invalid
    Conflict
        Nothing is left to put into a batch, or a batch has that name.
    """
    if not actor.may_curate(collection_id):
        raise Refused("You do not curate this collection.", code="review.not-curator")
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise Invalid(f"A batch has a name of at most {LONGEST_NAME} characters.", code="review.batch-name")
    if not 1 <= size <= LARGEST:
        raise Invalid(f"A batch has between 1 and {LARGEST:,} items.", code="review.batch-size")
    with archive.database.transaction() as tx:
        parts = _parts(_free(tx, actor, collection_id, narrow), size)
        ids = [one for part in parts for one in part]
        if not parts:
            raise Conflict("Nothing of this is left to put into a batch.", code="review.batch-empty")
        if len(parts) > MOST_BATCHES:
            raise Invalid(
                f"That would be more than {MOST_BATCHES} batches; make them larger.", code="review.batch-size"
            )
        made = _insert(
            tx, actor, collection_id, [f"{name} {n}" if len(parts) > 1 else name for n in range(1, len(parts) + 1)]
        )
        tx.execute(
            "update reviews.item i set batch_id = p.batch_id from unnest(%s::bigint[], %s::bigint[]) as p (item_id, batch_id)"
            " where i.id = p.item_id",
            [ids, [batch for batch, part in zip(made, parts, strict=True) for _ in part]],
        )
        audit.note(
            tx, actor.name, "review.make-batches", f"collection:{collection_id}", batches=len(made), items=len(ids)
        )
    for place, batch in enumerate(made if people else ()):
        give_batch(archive, actor, batch, people[place % len(people)])
    return made


def _free(tx: database.Tx, actor: accounts.Actor, collection_id: int, narrow: Narrow) -> list[list[int]]:
    """Return what waits and is in no batch, subject by subject, locked."""
    criteria, values = criteria_of(actor, collection_id, ("open", "deferred"), narrow)
    found = tx.execute(
        "select i.id, s.subject_label, s.clean_study_uid from reviews.item i join quarantine.series s on s.id = i.series_id"  # noqa: S608
        f" where {criteria} and i.batch_id is null order by i.id for update of i",
        values,
    ).fetchall()
    rows = sorted(found, key=lambda row: (row.subject_label, row.clean_study_uid, row.id))
    return [[row.id for row in group] for _, group in groupby(rows, key=lambda row: row.subject_label)]


def _parts(subjects: Sequence[list[int]], size: int) -> list[list[int]]:
    """Fill batches with whole subjects; only one that is larger than a batch is divided."""
    parts: list[list[int]] = []
    for subject in subjects:
        if not parts or len(parts[-1]) + len(subject) > size:
            parts.append([])
        for one in subject:
            if len(parts[-1]) == size:
                parts.append([])
            parts[-1].append(one)
    return parts


def _insert(tx: database.Tx, actor: accounts.Actor, collection_id: int, names: Sequence[str]) -> list[int]:
    found = tx.execute(
        "insert into reviews.batch (collection_id, name, made_by) select %s, name, %s"
        " from unnest(%s::text[]) with ordinality as n (name, place) order by place on conflict do nothing returning id",
        [collection_id, actor.name, list(names)],
    ).fetchall()
    if len(found) < len(names):
        raise Conflict("The collection has a batch of this name already.", code="review.batch-name")
    return [row.id for row in found]


_LISTED = """
select b.id, b.collection_id, c.short_name as collection, b.name, b.assigned_to,
       coalesce(nullif(p.display_name, ''), p.name, '') as assignee, b.made_at, count(i.id) as total,
       count(i.id) filter (where i.state = 'open') as waiting, count(i.id) filter (where i.state = 'deferred') as deferred,
       count(i.id) filter (where i.state = 'open' and i.approved_once_by is not null) as read_once
from reviews.batch b
join collections.collection c on c.id = b.collection_id
left join accounts.person p on p.id = b.assigned_to
left join reviews.item i on i.batch_id = b.id
"""


def batches_of(archive: Archive, actor: accounts.Actor, collection_id: int | None = None) -> list[Batch]:
    """Return the batches of a collection, or of all that the actor curates: those with something left first; at most 500."""
    with archive.database.transaction() as tx:
        found = tx.execute(
            f"{_LISTED} where (%(mine)s::bigint[] is null or b.collection_id = any (%(mine)s))"
            " and (%(collection)s::bigint is null or b.collection_id = %(collection)s)"
            " group by b.id, c.short_name, p.display_name, p.name"
            " order by count(i.id) filter (where i.state in ('open', 'deferred')) = 0, b.id limit 500",
            {"mine": may_curate(actor), "collection": collection_id},
        )
        return [Batch(*row) for row in found]


def give_batch(archive: Archive, actor: accounts.Actor, batch_id: int, person_id: int | None) -> int:
    """Give a batch, and what waits in it, to a curator or to nobody; return how many items.

    Raises
    ------
    Refused, Invalid, TakenByOther
        See `assign`.
    """
    with archive.database.transaction() as tx:
        _locked(tx, actor, batch_id)
        ids = [
            row.id
            for row in tx.execute(
                "select id from reviews.item where batch_id = %s and state in ('open', 'deferred') order by id",
                [batch_id],
            )
        ]
    given = assign(archive, actor, ids, person_id)
    with archive.database.transaction() as tx:
        tx.execute("update reviews.batch set assigned_to = %s where id = %s", [person_id, batch_id])
    return given


def dissolve_batch(archive: Archive, actor: accounts.Actor, batch_id: int) -> None:
    """Take a batch apart; its items stay where they are and with whom they are."""
    with archive.database.transaction() as tx:
        batch = _locked(tx, actor, batch_id)
        tx.execute("delete from reviews.batch where id = %s", [batch_id])
        audit.note(tx, actor.name, "review.dissolve-batch", f"collection:{batch.collection_id}", batch=batch_id)


def _locked(tx: database.Tx, actor: accounts.Actor, batch_id: int) -> Any:
    row = tx.execute("select * from reviews.batch where id = %s for update", [batch_id]).fetchone()
    if row is None or not actor.may_curate(row.collection_id):
        raise UnknownBatch(f"There is no batch {batch_id}, or you may not see it.")
    return row
