"""The release of a house's own collection, which grows with what arrives, until another release is published."""

from datetime import timedelta

from invivo import audit, collections, database, images, jobs
from invivo.archive import Archive
from invivo.releases.change import note_growth
from invivo.releases.publication import lock, next_number, write_release

RULE = "rule:direct"
QUIET_S = 3.0  # metadata are written when a series has not grown for so long


def grow(archive: Archive, collection_id: int) -> int:
    """Enter all waiting objects of a collection into its growing release; return how many there are more.

    Some thousand objects a transaction: they are found as soon as it ends, and a crash loses none.
    """
    entered, is_last_look = 0, False
    while True:
        grown = _enter_some(archive, collection_id)
        if grown is not None:
            entered, is_last_look = entered + grown.entered, False
        elif is_last_look:
            return entered
        else:
            with archive.database.transaction() as tx:
                images.await_staging(tx, collection_id)
            is_last_look = True


def has_grown(pool: database.Database) -> bool:
    """Tell whether a collection ever kept objects as they came."""
    with pool.transaction() as tx:
        return (
            tx.execute("select 1 from releases.release where published_by = %s limit 1", [RULE]).fetchone() is not None
        )


def _enter_some(archive: Archive, collection_id: int) -> images.Grown | None:
    with archive.database.transaction() as tx:
        lock(tx, collection_id)
        if collection_id not in images.collections_with_arrived(tx):
            return None
        number = _growing(tx, collection_id)
        grown = images.enter_arrived(tx, collection_id, number)
        if grown is None:
            return None
        _count(tx, collection_id, number, grown)
        note_growth(tx, collection_id, number, grown.series)
        at = archive.clock() + timedelta(seconds=QUIET_S)
        for key in grown.series:
            jobs.enqueue_later(tx, "derive", f"{key}/0", at)
        audit.note(tx, RULE, "release.grow", f"collection:{collection_id}", number=number, objects=grown.entered)
        return grown


def _growing(tx: database.Tx, collection_id: int) -> int:
    """The number of the release that grows; a new one where the newest is finished."""
    row = tx.execute(
        "select number from releases.release where collection_id = %s and is_growing", [collection_id]
    ).fetchone()
    if row is not None:
        return int(row.number)
    number = next_number(tx, collection_id)
    policy = collections.policy_of(tx, collection_id)
    write_release(tx, RULE, policy, number, "Grows with what arrives.", (0, 0, 0))
    tx.execute(
        "update releases.release set is_growing = true where collection_id = %s and number = %s",
        [collection_id, number],
    )
    return number


def _count(tx: database.Tx, collection_id: int, number: int, grown: images.Grown) -> None:
    added = sum(grown.series.values())
    tx.execute(
        "update releases.release set instance_count = instance_count + %s, size_bytes = size_bytes + %s,"
        " series_added = series_added + %s where collection_id = %s and number = %s",
        [grown.entered, grown.size_bytes, added, collection_id, number],
    )
