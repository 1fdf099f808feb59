"""Counting downloads."""

from collections.abc import Mapping
from dataclasses import dataclass

from invivo.archive import Archive


@dataclass(frozen=True, slots=True)
class Figures:
    """Downloads so far; volume in bytes."""

    downloads: int
    size_bytes: int


def count_download(archive: Archive, door: str, by_collection: Mapping[int, tuple[int, int]]) -> None:
    """Count one download.

    Parameters
    ----------
    by_collection : mapping of collection id to (series, bytes)
    """
    with archive.database.transaction() as tx:
        for collection_id, (series, size_bytes) in by_collection.items():
            tx.execute(
                "insert into usage.download (door, collection_id, series_count, size_bytes) values (%s, %s, %s, %s)",
                [door, collection_id, series, size_bytes],
            )


def figures(archive: Archive, collection_id: int | None = None) -> Figures:
    """Return the downloads of the archive, or of one collection."""
    with archive.database.transaction() as tx:
        row = tx.execute(
            "select count(*), coalesce(sum(size_bytes), 0)::bigint from usage.download"
            " where %s::bigint is null or collection_id = %s",
            [collection_id, collection_id],
        ).fetchone()
    assert row is not None
    return Figures(*row)
