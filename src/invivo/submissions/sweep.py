"""Looking for forgotten work, on schedule: whatever a crash left between two steps goes on from here."""

from invivo import collections, database, images, jobs, quarantine, reviews
from invivo.archive import Archive
from invivo.submissions.hiding import forgotten_masks
from invivo.submissions.integrity import resolved_meanwhile
from invivo.submissions.later_identifier import forgotten_rechecks, rechecked_subjects
from invivo.submissions.proposal_file import remove_leaving
from invivo.submissions.rules_run import forgotten_runs


def sweep(archive: Archive) -> None:
    """Queue the held series that nobody took on, delete what is decided, and throw old leftovers away."""
    settings = archive.settings
    with archive.database.transaction() as tx:
        for series_id in quarantine.forgotten(tx, settings.work.sweep_s):
            jobs.enqueue(tx, "advance", series_id)
        for series_id in reviews.left_to_rule(tx, settings.work.sweep_s):
            jobs.enqueue(tx, "advance", series_id)
        for series_id in forgotten_masks(tx, settings.work.sweep_s):
            jobs.enqueue(tx, "mask", series_id)
        for run_id in forgotten_runs(tx, settings.work.sweep_s):
            jobs.enqueue(tx, "rerun", run_id)
        for recheck_id in forgotten_rechecks(tx, settings.work.sweep_s):
            jobs.enqueue(tx, "recheck", recheck_id)
        for collection_id in quarantine.collections_with_cleared(tx):
            if collections.policy_of(tx, collection_id).review_rule == "on-receipt":
                jobs.enqueue(tx, "publish", collection_id)
        _sweep_curating(tx)
        for collection_id in images.collections_with_arrived(tx):
            jobs.enqueue(tx, "enter", collection_id)
        stale = tx.execute(
            "delete from submissions.upload where state = 'open' and created_at < now() - make_interval(days => %s) returning id",
            [settings.work.upload_days],
        ).fetchall()
        waiting = tx.execute(
            "select id from submissions.upload where state = 'complete' and receipt is null and created_at < now() - interval '1 minute'"
        ).fetchall()
        for row in waiting:
            jobs.enqueue(tx, "unpack", row.id)
    for row in stale:
        (archive.held.root / "uploads" / row.id).unlink(missing_ok=True)
    remove_leaving(archive)
    while quarantine.bury(archive):
        continue
    with archive.database.transaction() as tx:
        quarantine.forget(tx, rechecked_subjects(tx))
    for store in (archive.held, archive.objects):
        store.sweep(86400)
        store.replay()


def _sweep_curating(tx: database.Tx) -> None:
    """Have large decisions carried over, changed values counted, and series that refer to what came since inspected anew."""
    for collection_id in reviews.collections_settling(tx):
        jobs.enqueue(tx, "settle", collection_id)
    for collection_id in quarantine.collections_with_stale(tx):
        jobs.enqueue(tx, "values", collection_id)
    for series_id in resolved_meanwhile(tx):
        jobs.enqueue(tx, "advance", series_id)
