"""Noting in the journal who took what is not open."""

from collections.abc import Mapping

from invivo import accounts, audit
from invivo.archive import Archive


def note_download(
    archive: Archive, actor: accounts.Actor, door: str, by_collection: Mapping[int, tuple[int, int]]
) -> None:
    """Note a download of collections that are not open now, or that have series which are not; nothing else is noted.

    Parameters
    ----------
    door : str
        By which way: ``web``, ``dicomweb``, ``dimse``, ``rest``.
    by_collection : mapping of collection id to (series, bytes)
    """
    if not by_collection:
        return
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select c.id from collections.collection c where c.id = any (%s) and (not (c.access = 'open' or"
            " (c.access = 'embargoed' and c.embargo_until <= current_date and c.access_after = 'open')) or exists (select 1 from images.series s"
            " where s.collection_id = c.id and s.access <> 'open'))",
            [list(by_collection)],
        ).fetchall()
        for row in found:
            series, size_bytes = by_collection[row.id]
            thing = f"collection:{row.id}"
            audit.note(tx, actor.name, "download.begin", thing, door=door, series=series, bytes=size_bytes)
