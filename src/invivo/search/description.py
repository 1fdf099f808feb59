"""Describing series: their headers are read once, and what they say is kept where questions find it.

That is terms, geometry and references.
"""

from collections.abc import Iterable

from invivo import database, images, jobs
from invivo.archive import Archive
from invivo.search.header_term import HeaderTerm, terms_of

MOST_FORGOTTEN = 500


def describe_series(archive: Archive, key: int) -> int:
    """Read all headers of a series' current revision and keep what they say; return how many terms that is.

    Raises
    ------
    UnknownSeries
    """
    with archive.database.transaction() as tx:
        row = tx.execute(
            "select id, growth from images.series where key = %s and upper_inf(releases)", [key]
        ).fetchone()
    if row is None:
        raise images.UnknownSeries("The series is not in the current release.")
    told: set[HeaderTerm] = set()
    measuring = images.Measuring()
    for packed in images.packed_headers_of(archive, key):
        header = images.unpack_header(packed)
        told.update(terms_of(header))
        measuring.add(header)
    with archive.database.transaction() as tx:
        ids = _ids_of(tx, sorted(told, key=lambda one: (one.path, one.value)))
        tx.execute(
            "insert into search.described (series_id, growth, terms) select id, %s, %s::integer[] from images.series"
            " where id = %s on conflict (series_id) do update set growth = excluded.growth, terms = excluded.terms"
            " where search.described.growth <= excluded.growth",
            [row.growth, ids, row.id],
        )
        measuring.keep(tx, row.id, row.growth)
    return len(ids)


def describe_forgotten(archive: Archive) -> int:
    """Queue the series that nobody has described as they are now, some at a time; return how many."""
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select s.key, s.revision from images.series s left join search.described d on d.series_id = s.id"
            " left join images.measured m on m.series_id = s.id"
            " where upper_inf(s.releases) and (least(d.growth, m.growth) < s.growth or d.growth is null or m.growth is null)"
            " and s.entered_at < now() - interval '1 minute'"
            " and exists (select from images.instance i where i.series_key = s.key) limit %s",
            [MOST_FORGOTTEN],
        ).fetchall()
        jobs.enqueue_all(tx, "derive", [f"{row.key}/{row.revision}" for row in found])
    return len(found)


def _ids_of(tx: database.Tx, told: Iterable[HeaderTerm]) -> list[int]:
    """Return the numbers of terms; new ones get theirs. All write them in one order, so that nobody waits in a circle."""
    terms = list({(one.path, one.value): one for one in told}.values())
    given = {
        "paths": [one.path for one in terms],
        "values": [one.value for one in terms],
        "numbers": [one.number for one in terms],
        "days": [one.day for one in terms],
    }
    tx.execute(
        "insert into search.path (path) select distinct path from unnest(%(paths)s::text[]) as g (path)"
        " where not exists (select from search.path h where h.path = g.path) order by path on conflict do nothing",
        given,
    )
    told_of = (
        "from unnest(%(paths)s::text[], %(values)s::text[], %(numbers)s::float8[], %(days)s::date[])"
        " as g (path, value, number, day) join search.path h on h.path = g.path"
    )
    tx.execute(
        f"insert into search.term (path_id, value, number, day) select h.id, g.value, g.number, g.day {told_of}"  # noqa: S608
        " where not exists (select from search.term t where t.path_id = h.id and t.value = g.value)"
        " order by h.id, g.value on conflict do nothing",
        given,
    )
    found = tx.execute(
        f"select t.id {told_of} join search.term t on t.path_id = h.id and t.value = g.value order by t.id",  # noqa: S608
        given,
    )
    return [int(row.id) for row in found]
