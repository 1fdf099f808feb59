"""Closing a month: visitors become a number, and what could tell them apart is thrown away."""

from invivo.archive import Archive


def close_months(archive: Archive) -> int:
    """Count the visitors of months that are over, then delete their digests and the month's salt; return how many months.

    A day's grace lets every process write what it counted before midnight.
    """
    first = (archive.clock().date()).replace(day=1)
    if archive.clock().day < 2:
        return 0
    with archive.database.transaction() as tx:
        tx.execute("select pg_advisory_xact_lock(1034, 1)")
        tx.execute(
            "insert into usage.month (month, collection_id, visitors, registered, countries)"
            " select month, collection_id, count(*), count(*) filter (where is_registered),"
            " count(distinct nullif(country, '')) from usage.visitor where month < %s group by month, collection_id"
            " on conflict (month, collection_id) do update set visitors = usage.month.visitors + excluded.visitors,"
            " registered = usage.month.registered + excluded.registered",
            [first],
        )
        tx.execute("delete from usage.visitor where month < %s", [first])
        gone = tx.execute("delete from usage.salt where month < %s", [first])
    return gone.rowcount
