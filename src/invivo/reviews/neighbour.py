"""What stands before and after an item in the queue."""

from collections.abc import Sequence

from invivo import accounts
from invivo.archive import Archive
from invivo.reviews.item import LISTED, Item
from invivo.reviews.queue import EVERYTHING, Narrow, criteria_of


def around(
    archive: Archive,
    actor: accounts.Actor,
    item_id: int,
    *,
    collection_id: int | None = None,
    states: Sequence[str] = ("open",),
    narrow: Narrow = EVERYTHING,
    sides: tuple[int, int] = (2, 10),
) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    """Return the items next to one in the queue, which need not be in the queue itself any more.

    Parameters
    ----------
    collection_id, states, narrow
        Which queue: the same as for `queue`.
    sides : (int, int)
        How many at most before and after it.

    Returns
    -------
    (tuple of Item, tuple of Item)
        Both oldest first: the last of the first and the first of the second are the nearest.
    """
    criteria, values = criteria_of(actor, collection_id, states, narrow)
    with archive.database.transaction() as tx:
        earlier = tx.execute(
            f"{LISTED} where {criteria} and i.id < %(id)s order by i.id desc limit %(limit)s",
            values | {"id": item_id, "limit": sides[0]},
        ).fetchall()
        later = tx.execute(
            f"{LISTED} where {criteria} and i.id > %(id)s order by i.id limit %(limit)s",
            values | {"id": item_id, "limit": sides[1]},
        ).fetchall()
    return tuple(Item(*row) for row in reversed(earlier)), tuple(Item(*row) for row in later)
