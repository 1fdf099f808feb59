"""What stands before and after an item in the queue."""

from collections.abc import Sequence

from invivo import accounts
from invivo.archive import Archive
from invivo.reviews.item import _LISTED, Item, _may_curate


def around(
    archive: Archive,
    actor: accounts.Actor,
    item_id: int,
    *,
    collection_id: int | None = None,
    states: Sequence[str] = ("open",),
    before: int = 2,
    after: int = 10,
) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    """Return the items next to one in the queue, which need not be in the queue itself any more.

    Parameters
    ----------
    collection_id, states
        Which queue: the same as for `queue`.
    before, after : int
        How many at most on each side.

    Returns
    -------
    (tuple of Item, tuple of Item)
        Both oldest first: the last of the first and the first of the second are the nearest.
    """
    wanted = {"mine": _may_curate(actor), "collection": collection_id, "states": list(states), "id": item_id}
    criteria = (
        "where (%(mine)s::bigint[] is null or i.collection_id = any (%(mine)s)) and i.state = any (%(states)s)"
        " and (%(collection)s::bigint is null or i.collection_id = %(collection)s)"
    )
    with archive.database.transaction() as tx:
        earlier = tx.execute(
            f"{_LISTED} {criteria} and i.id < %(id)s order by i.id desc limit %(limit)s",
            {**wanted, "limit": before},
        ).fetchall()
        later = tx.execute(
            f"{_LISTED} {criteria} and i.id > %(id)s order by i.id limit %(limit)s",
            {**wanted, "limit": after},
        ).fetchall()
    return tuple(Item(*row) for row in reversed(earlier)), tuple(Item(*row) for row in later)
