"""What identifies a subject in the objects that are held: known until they are decided, and never shown."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from invivo import database

Identifier = tuple[str, str]
"""(kind, value)"""

LONGEST_VALUE = 500  # characters; what is longer is no name, and would not fit into an index


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is known of a subject, and the number of the newest of it (0 for nothing)."""

    identifiers: tuple[Identifier, ...]
    told_to: int


def remember(
    tx: database.Tx, series_id: int, collection_id: int, subject_label: str, identifiers: Iterable[Identifier]
) -> None:
    """Write down identifiers of a subject found in the originals of a held series.

    Those of one subject are written one transaction after the other, so that their numbers become visible in order. Of a
    value only its first 500 characters are kept, and nothing that the database cannot hold.
    """
    rows = {(kind, _storable(value)) for kind, value in identifiers}
    tx.execute("select pg_advisory_xact_lock(1003, hashtext(%s))", [f"{collection_id}:{subject_label}"])
    with tx.cursor() as cursor:
        cursor.executemany(
            "insert into quarantine.identifier (series_id, collection_id, subject_label, kind, value)"
            " values (%s, %s, %s, %s, %s) on conflict do nothing",
            [(series_id, collection_id, subject_label, kind, value) for kind, value in sorted(rows) if value],
        )


def _storable(value: str) -> str:
    text = value.encode("utf-8", "replace").decode("utf-8").replace("\0", " ")
    return text[:LONGEST_VALUE].strip()


def remembered(
    tx: database.Tx, collection_id: int, subject_label: str, limit: int = 1_000_000, told_to: int | None = None
) -> Remembered:
    """Return what is known of a subject of a collection; of more than a limit the oldest.

    Parameters
    ----------
    told_to : int, optional
        Only what had been told when this was the number of the newest.
    """
    rows = tx.execute(
        "select kind, value, min(told) as told from quarantine.identifier where collection_id = %s and subject_label = %s"
        " group by kind, value having %s::bigint is null or min(told) <= %s order by told limit %s",
        [collection_id, subject_label, told_to, told_to, limit],
    ).fetchall()
    return Remembered(tuple(sorted((row.kind, row.value) for row in rows)), rows[-1].told if rows else 0)


def remembered_of_all(tx: database.Tx, collection_id: int, limit: int = 100_000) -> list[Identifier]:
    """Return what is known of any subject of a collection, for files that may speak of several."""
    rows = tx.execute(
        "select distinct kind, value from quarantine.identifier where collection_id = %s order by 1, 2 limit %s",
        [collection_id, limit],
    )
    return [(row[0], row[1]) for row in rows]


def forget(tx: database.Tx, sparing: Collection[tuple[int, str]] = ()) -> None:
    """Delete the identifiers of series of which every object is released or discarded.

    Parameters
    ----------
    sparing : collection of (collection's id, subject's label)
        Subjects whose identifiers are still looked for.
    """
    tx.execute(
        "delete from quarantine.identifier i where not exists (select from quarantine.object o"
        " where o.series_id = i.series_id and o.state not in ('released', 'discarded'))"
        " and not exists (select from unnest(%s::bigint[], %s::text[]) as s (collection_id, subject_label)"
        " where s.collection_id = i.collection_id and s.subject_label = i.subject_label)",
        [[one for one, _ in sparing], [label for _, label in sparing]],
    )
