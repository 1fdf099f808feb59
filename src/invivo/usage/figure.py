"""The figures of usage, summed over what the asker may know of."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from invivo import accounts, collections, database, releases
from invivo.archive import Archive


@dataclass(frozen=True, slots=True)
class Figures:
    """Downloads and looks so far; volume in bytes; works that cite it, each once."""

    downloads: int
    size_bytes: int
    views: int
    citations: int


@dataclass(frozen=True, slots=True)
class Month:
    """One month.

    Attributes
    ----------
    month : datetime.date
        Its first day.
    downloads, by_machine, views, series : int
        ``by_machine`` of the downloads were made by programs.
    size_bytes : int
    visitors, registered, countries : int
        Each visitor of the month once; ``countries`` is zero where they are not counted.
    """

    month: date
    downloads: int
    by_machine: int
    views: int
    series: int
    size_bytes: int
    visitors: int
    registered: int
    countries: int


_SUMS = """
select coalesce(sum(d.events) filter (where d.kind = 'download'), 0)::bigint as downloads,
    coalesce(sum(d.size_bytes), 0)::bigint as size_bytes,
    coalesce(sum(d.events) filter (where d.kind = 'view'), 0)::bigint as views
from usage.day d join collections.collection c on c.id = d.collection_id
where {visible} and (%(collection)s::bigint is null or c.id = %(collection)s)
"""

_MONTHS = """
with days as (
    select date_trunc('month', d.day)::date as month,
        coalesce(sum(d.events) filter (where d.kind = 'download'), 0)::bigint as downloads,
        coalesce(sum(d.events) filter (where d.kind = 'download' and d.is_machine), 0)::bigint as by_machine,
        coalesce(sum(d.events) filter (where d.kind = 'view'), 0)::bigint as views,
        coalesce(sum(d.series_count), 0)::bigint as series, coalesce(sum(d.size_bytes), 0)::bigint as size_bytes
    from usage.day d join collections.collection c on c.id = d.collection_id
    where {visible} and (%(collection)s::bigint is null or c.id = %(collection)s) group by 1
), people as (
    select month, visitors, registered, countries from usage.month where collection_id = coalesce(%(collection)s, 0)
    union all
    select month, count(*), count(*) filter (where is_registered), count(distinct nullif(country, ''))
    from usage.visitor where collection_id = coalesce(%(collection)s, 0) group by month
)
select d.month, d.downloads, d.by_machine, d.views, d.series, d.size_bytes,
    coalesce(p.visitors, 0)::bigint as visitors, coalesce(p.registered, 0)::bigint as registered,
    coalesce(p.countries, 0)::bigint as countries
from days d left join people p using (month) order by d.month
"""

_KNOWN = """
select c.id from collections.collection c where {visible} and (%(collection)s::bigint is null or c.id = %(collection)s)
"""

_BY_COLLECTION = """
select c.id, c.short_name, c.title, coalesce(sum(d.events) filter (where d.kind = 'download'), 0)::bigint as downloads,
    coalesce(sum(d.size_bytes), 0)::bigint as size_bytes,
    coalesce(sum(d.events) filter (where d.kind = 'view'), 0)::bigint as views
from collections.collection c left join usage.day d on d.collection_id = c.id
where {visible} and (d.collection_id is not null or c.id = any (%(cited)s)) group by c.id order by 4 desc, c.short_name limit 100
"""


@dataclass(frozen=True, slots=True)
class OfCollection:
    """What was taken of one collection so far, bytes; and how many works cite it."""

    short_name: str
    title: str
    downloads: int
    size_bytes: int
    views: int
    citations: int


def _read(archive: Archive, actor: accounts.Actor, text: str, **given: Any) -> list[Any]:
    statement = database.join(text, visible=collections.collections_visible_to(actor))
    with archive.database.transaction() as tx:
        return database.rows(tx, database.Statement(statement.text, {**statement.parameters, **given}))


def figures(archive: Archive, actor: accounts.Actor, collection_id: int | None = None) -> Figures:
    """Return the usage of the archive, or of one collection, as far as the actor may know of it."""
    cited = _cited(archive, actor, collection_id)
    works = frozenset[str]().union(*cited.values())
    sums = _read(archive, actor, _SUMS, collection=collection_id)[0]
    return Figures(sums.downloads, sums.size_bytes, sums.views, len(works))


def _cited(archive: Archive, actor: accounts.Actor, collection_id: int | None = None) -> dict[int, frozenset[str]]:
    found = _read(archive, actor, _KNOWN, collection=collection_id)
    with archive.database.transaction() as tx:
        return releases.works_citing(tx, [row.id for row in found])


def months(archive: Archive, actor: accounts.Actor, collection_id: int | None = None) -> list[Month]:
    """Return the usage month by month, oldest first; months without any are left out."""
    return [Month(*row) for row in _read(archive, actor, _MONTHS, collection=collection_id)]


def by_collection(archive: Archive, actor: accounts.Actor) -> list[OfCollection]:
    """Return the usage of each collection that the actor may know of, most downloads first; at most a hundred."""
    cited = _cited(archive, actor)
    found = _read(archive, actor, _BY_COLLECTION, cited=list(cited))
    return [
        OfCollection(one.short_name, one.title, one.downloads, one.size_bytes, one.views, len(cited.get(one.id, ())))
        for one in found
    ]
