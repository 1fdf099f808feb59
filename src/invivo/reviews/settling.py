"""Carrying decisions over to the held objects: at once, or by the job ``settle`` where they are many."""

from collections.abc import Sequence
from typing import Any

from invivo import database, jobs, quarantine
from invivo.archive import Archive

# What a person waits for: some 20 microseconds an object on a small machine.
MOST_AT_ONCE = 20_000
IN_ONE_TRANSACTION = 200


def carry_over(tx: database.Tx, items: Sequence[Any], state: str) -> None:
    """Make the objects of items follow a decision: approved -> cleared, rejected -> discarded, open -> cleaned.

    With more than 20,000 objects the job does it; until then the items are settling, nothing of the collection is published,
    and another decision takes the place of this one.
    """
    if not items:
        return
    seen = {item.series_id: item.newest_object_id for item in items}
    if quarantine.weigh(tx, seen).objects <= MOST_AT_ONCE:
        _carry(tx, seen, state)
        tx.execute(
            "update reviews.item set is_settling = false where id = any (%s) and is_settling",
            [[one.id for one in items]],
        )
        return
    tx.execute("update reviews.item set is_settling = true where id = any (%s)", [[one.id for one in items]])
    for place in sorted({item.collection_id for item in items}):
        jobs.enqueue(tx, "settle", place)


def _carry(tx: database.Tx, seen: dict[int, int], state: str) -> None:
    if state == "approved":
        quarantine.clear(tx, seen)
    elif state == "rejected":
        quarantine.discard(tx, series_ids=list(seen))
    else:
        quarantine.unclear(tx, list(seen))


def settle(archive: Archive, collection_id: int) -> None:
    """Carry over what large decisions left, some series a transaction; what a crash interrupts goes on where it was.

    A series of which more came meanwhile is left to the item that was opened for it.
    """
    while True:
        with archive.database.transaction() as tx:
            found = tx.execute(
                "select i.id, i.series_id, i.state, i.newest_object_id, exists (select from reviews.item n"
                " where n.series_id = i.series_id and n.id > i.id) as is_old from reviews.item i"
                " where i.collection_id = %s and i.is_settling order by i.id limit %s for update of i",
                [collection_id, IN_ONE_TRANSACTION],
            ).fetchall()
            if not found:
                return
            for state in sorted({item.state for item in found}):
                fresh = [item for item in found if item.state == state and not item.is_old]
                _carry(tx, {item.series_id: item.newest_object_id for item in fresh}, state)
            tx.execute("update reviews.item set is_settling = false where id = any (%s)", [[item.id for item in found]])


def collections_settling(tx: database.Tx) -> list[int]:
    """Return the collections in which a decision is still to be carried over: their job may be lost."""
    return [row.id for row in tx.execute("select distinct collection_id as id from reviews.item where is_settling")]
