"""What identifies a subject in the objects that are held: known until they are decided, and never shown."""

from collections.abc import Iterable

from invivo import database

Identifier = tuple[str, str]
"""(kind, value)"""


def remember(
    tx: database.Tx, series_id: int, collection_id: int, subject_label: str, identifiers: Iterable[Identifier]
) -> None:
    """Write down identifiers of a subject found in the originals of a held series."""
    rows = [(series_id, collection_id, subject_label, kind, value) for kind, value in sorted(set(identifiers))]
    with tx.cursor() as cursor:
        cursor.executemany(
            "insert into quarantine.identifier (series_id, collection_id, subject_label, kind, value)"
            " values (%s, %s, %s, %s, %s) on conflict do nothing",
            rows,
        )


def remembered(tx: database.Tx, collection_id: int, subject_label: str) -> list[Identifier]:
    """Return what is known of a subject of a collection."""
    rows = tx.execute(
        "select distinct kind, value from quarantine.identifier where collection_id = %s and subject_label = %s order by 1, 2",
        [collection_id, subject_label],
    )
    return [(row[0], row[1]) for row in rows]


def remembered_of_all(tx: database.Tx, collection_id: int, limit: int = 100_000) -> list[Identifier]:
    """Return what is known of any subject of a collection, for files that may speak of several."""
    rows = tx.execute(
        "select distinct kind, value from quarantine.identifier where collection_id = %s order by 1, 2 limit %s",
        [collection_id, limit],
    )
    return [(row[0], row[1]) for row in rows]


def forget(tx: database.Tx) -> None:
    """Delete the identifiers of series of which every object is released or discarded."""
    tx.execute(
        "delete from quarantine.identifier i where not exists (select from quarantine.object o"
        " where o.series_id = i.series_id and o.state not in ('released', 'discarded'))"
    )
