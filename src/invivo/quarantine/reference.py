"""What held objects refer to: which series, and which objects that are not here. It is looked up when these come."""

from collections.abc import Collection, Sequence

from invivo import database


def note_references(
    tx: database.Tx, series_id: int, collection_id: int, series_uids: Collection[str], missing: Collection[str]
) -> None:
    """Write down the series that a held series refers to, and the objects among them that are not here."""
    tx.execute(
        "delete from quarantine.refers where series_id = %s and not series_uid = any (%s)",
        [series_id, sorted(series_uids)],
    )
    tx.execute(
        "insert into quarantine.refers (series_id, series_uid) select %s, unnest(%s::text[]) on conflict do nothing",
        [series_id, sorted(series_uids)],
    )
    tx.execute(
        "delete from quarantine.missing where series_id = %s and not sop_uid = any (%s)", [series_id, sorted(missing)]
    )
    tx.execute(
        "insert into quarantine.missing (series_id, collection_id, sop_uid) select %s, %s, unnest(%s::text[])"
        " on conflict do nothing",
        [series_id, collection_id, sorted(missing)],
    )


def waiting_for(tx: database.Tx, collection_id: int, sop_uids: Sequence[str], besides: int) -> list[int]:
    """Return the held series of a collection that miss one of these objects."""
    found = tx.execute(
        "select distinct series_id from quarantine.missing where sop_uid = any (%s) and collection_id = %s and series_id <> %s"
        " order by 1",
        [list(sop_uids), collection_id, besides],
    )
    return [int(row[0]) for row in found]


def held_among(tx: database.Tx, collection_ids: Sequence[int], sop_uids: Sequence[str]) -> set[str]:
    """Return those objects that are held, cleaned, in one of the collections, by their clean SOP Instance UIDs."""
    found = tx.execute(
        "select distinct clean_sop_uid from quarantine.object where clean_sop_uid = any (%s) and collection_id = any (%s)"
        " and state in ('cleaned', 'cleared')",
        [list(sop_uids), list(collection_ids)],
    )
    return {row[0] for row in found}


def referring_to(tx: database.Tx, collection_id: int, series_uids: Sequence[str]) -> list[int]:
    """Return the held series of a collection that refer to series, by the clean UIDs of these."""
    found = tx.execute(
        "select distinct r.series_id from quarantine.refers r join quarantine.series s on s.id = r.series_id"
        " where r.series_uid = any (%s) and s.collection_id = %s order by 1",
        [list(series_uids), collection_id],
    )
    return [int(row[0]) for row in found]
