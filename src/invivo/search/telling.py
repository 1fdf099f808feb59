"""Telling people what is new among what their saved queries find.

Series are numbered when they are released, and their numbers become visible out of order. So a number is noted down, and
counts as reached once every transaction of that moment has ended; what lies between two reached numbers is looked at once.
"""

from typing import Any

from invivo import accounts, database
from invivo.archive import Archive
from invivo.search.language import BadQuery, read
from invivo.search.meaning import bound
from invivo.search.query import Query
from invivo.search.statement import FROM, visible_and_asked

AT_MOST_EVERY = "20 hours"
A_BATCH = 5_000
NAMED = 5

_NEW = f"select count(*) as n, array_agg(distinct c.short_name) as names {FROM} and s.id = any (%(ids)s)"  # noqa: S608


def reached(tx: database.Tx) -> int:
    """Return the number up to which all series are known to be visible."""
    row = tx.execute(
        "select coalesce((select max(series_id) from search.mark where is_reached),"
        " (select max(id) from images.series), 0) as n"
    ).fetchone()
    return int(row.n) if row else 0


def advance_mark(archive: Archive) -> int:
    """Note down how far series are numbered, and take up what was noted once it counts; return the number that is reached."""
    with archive.database.transaction() as tx:
        tx.execute("select pg_advisory_xact_lock(hashtext('search.mark'))")
        tx.execute(
            "update search.mark set is_reached = true where not is_reached and xid < pg_snapshot_xmin(pg_current_snapshot())"
        )
        tx.execute(
            "delete from search.mark where is_reached and series_id < (select max(series_id) from search.mark where is_reached)"
        )
        tx.execute(
            "insert into search.mark (series_id) select coalesce(max(id), 0) from images.series"
            " where not exists (select from search.mark where not is_reached)"
            " having coalesce(max(id), 0) > coalesce((select max(series_id) from search.mark), -1)"
        )
        return reached(tx)


def tell_subscribers(archive: Archive) -> int:
    """Tell the owners of subscribed queries what is new since they were last told, at most once a day each; return to how many.

    A query that finds nothing new is moved on in silence, so that the next look is short.
    """
    until = advance_mark(archive)
    with archive.database.transaction() as tx:
        waiting = tx.execute(
            "select id from search.saved where is_subscribed and told_until < %s"
            " and (told_at is null or told_at < now() - %s::interval) order by id",
            [until, AT_MOST_EVERY],
        ).fetchall()
    return sum(_tell(archive, row.id, until) for row in waiting)


def _tell(archive: Archive, saved_id: int, until: int) -> bool:
    with archive.database.transaction() as tx:
        row = tx.execute(
            "select token, person_id, name, query, told_until from search.saved where id = %s and is_subscribed for update",
            [saved_id],
        ).fetchone()
        if row is None or row.told_until >= until:
            return False
        actor = accounts.actor_of_person(archive, row.person_id)
        count, names = 0, set[str]()
        try:
            query = bound(archive, actor, read(row.query))
        except BadQuery:  # a field of it is asked differently now, or its owner's account is closed
            query = None
        if query is not None and actor.person_id is not None:
            count, names = _new(tx, actor, query, row.told_until, until)
        tx.execute(
            "update search.saved set told_until = %s, told_at = case when %s then now() else told_at end where id = %s",
            [until, count > 0, saved_id],
        )
        if count:
            _post(tx, row, count, sorted(names))
    return count > 0


def _new(tx: database.Tx, actor: accounts.Actor, query: Query, begin: int, until: int) -> tuple[int, set[str]]:
    """Count what a query finds among the series of some numbers, and name their collections."""
    statement = database.join(_NEW, **visible_and_asked(actor, query))
    count, names, last = 0, set[str](), begin
    while True:
        ids = [
            one.id
            for one in tx.execute(
                "select id from images.series where id > %s and id <= %s and upper_inf(releases) order by id limit %s",
                [last, until, A_BATCH],
            )
        ]
        if not ids:
            return count, names
        found = database.rows(tx, database.Statement(statement.text, {**statement.parameters, "ids": ids}))[0]
        count += found.n
        names.update(found.names or ())
        last = ids[-1]


def _post(tx: database.Tx, row: Any, count: int, names: list[str]) -> None:
    told = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more collections" if len(names) > NAMED else "")
    what = "1 series is" if count == 1 else f"{count:,} series are"
    accounts.notify(
        tx,
        row.person_id,
        "search.new",
        f"New for your query {row.name}",
        f"{what} new, or new in a changed form, among what your saved query {row.name} finds: in {told}.\n\n"
        "You are told at most once a day. The page of your saved queries has a switch for it.",
        link=f"/searches/{row.token}",
    )
