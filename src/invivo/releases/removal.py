"""Carrying out what two people decided: first the rows go, with a list of the files; then the files, however often it breaks."""

from invivo import audit, database, images
from invivo.archive import Archive
from invivo.releases.hold import held_among
from invivo.releases.publication import lock

AT_ONCE = 200
_DUE = "select id, collection_id from releases.deletion where state = 'approved' and due_at <= %s order by id limit 20"
_WAITING = """
select r.id, r.kind, r.value from releases.removal r join releases.deletion d on d.id = r.deletion_id
where r.id > %s and not exists (select from releases.hold h where h.collection_id = d.collection_id and h.lifted_at is null
        and h.subject_label = '' and h.series_uid = '')
    and not (r.kind = 'object' and exists (select from quarantine.object o
        where o.clean_digest = r.value and o.state not in ('discarded', 'released')))
order by r.id limit %s for update of r skip locked
"""


def remove_due(archive: Archive) -> int:
    """Delete what was approved and whose date has passed, unless a legal hold covers it; return how many files are gone.

    Files that something published still has stay. What a held object refers to waits until that is decided.
    """
    with archive.database.transaction() as tx:
        due = tx.execute(_DUE, [archive.clock()]).fetchall()
    for row in due:
        with archive.database.transaction() as tx:
            _begin(tx, row.id, row.collection_id)
    removed, after = 0, 0
    while True:
        with archive.database.transaction() as tx:
            some = tx.execute(_WAITING, [after, AT_ONCE]).fetchall()
            gone = [row.id for row in some if _remove(archive, tx, row.kind, row.value)]
            tx.execute("delete from releases.removal where id = any (%s)", [gone])
        removed += len(gone)
        if not some:
            break
        after = some[-1].id
    with archive.database.transaction() as tx:
        _end(tx)
    return removed


def _begin(tx: database.Tx, deletion_id: int, collection_id: int) -> None:
    """approved -> removing: the rows go, and what has to go with them is written down."""
    lock(tx, collection_id)
    row = tx.execute("select state from releases.deletion where id = %s for update", [deletion_id]).fetchone()
    found = tx.execute("select series_key as key from releases.deletion_series where deletion_id = %s", [deletion_id])
    keys = [int(one.key) for one in found]
    if row is None or row.state != "approved" or held_among(tx, keys):
        return
    digests = images.purge(tx, keys)
    tx.execute(
        "insert into releases.removal (deletion_id, kind, value) select %(id)s, 'object', unnest(%(digests)s::text[])"
        " union all select %(id)s, 'series', unnest(%(keys)s::text[])",
        {"id": deletion_id, "digests": digests, "keys": [str(key) for key in keys]},
    )
    tx.execute("update releases.deletion set state = 'removing' where id = %s", [deletion_id])
    tx.execute("update releases.tombstone set deleted_at = now() where series_key = any (%s)", [keys])
    audit.note(
        tx, "rule:deletion", "deletion.remove", f"deletion:{deletion_id}", series=len(keys), objects=len(digests)
    )


def _remove(archive: Archive, tx: database.Tx, kind: str, value: str) -> bool:
    """Remove what a line names; return whether the line is done with."""
    if kind == "series":
        images.drop_derived(archive, int(value))
        return True
    if images.is_released(tx, value):
        return True
    images.drop_pictures(archive, value)
    return archive.objects.remove(value)


def _end(tx: database.Tx) -> None:
    """removing -> deleted, where no file is left."""
    ended = tx.execute(
        "update releases.deletion d set state = 'deleted', ended_at = now() where d.state = 'removing'"
        " and not exists (select from releases.removal r where r.deletion_id = d.id) returning d.id"
    ).fetchall()
    tx.execute(
        "update releases.deletion_series set is_open = false where deletion_id = any (%s)", [[row.id for row in ended]]
    )
    for row in ended:
        audit.note(tx, "rule:deletion", "deletion.deleted", f"deletion:{row.id}")
