"""The words by which a series is found hold the name and the title of its collection; of a large one they follow by and by."""

from invivo.archive import Archive

AT_ONCE = 2000


def retell(archive: Archive, collection_id: int, at_once: int = AT_ONCE) -> int:
    """Rewrite the words of all series of a collection that was renamed, some in each transaction; return in how many.

    Done twice it is as done once; a job that was killed in between begins anew.
    """
    after: int | None = 0
    transactions = -1
    while after is not None:
        with archive.database.transaction() as tx:
            row = tx.execute(
                "select images.retell_some(%s, %s, %s) as last", [collection_id, after, at_once]
            ).fetchone()
            after = row.last if row else None
        transactions += 1
    return transactions
