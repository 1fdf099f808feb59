"""Answers: rows, counts and facets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from invivo import accounts, collections, database
from invivo.archive import Archive
from invivo.errors import Invalid
from invivo.search.field import FACETS, field_named
from invivo.search.query import Query
from invivo.search.statement import FROM, condition_of

Found = Any  # a named tuple whose fields are the names after "as" below

_SERIES = """
s.id as place, s.uid as series_uid, s.key, s.revision, s.modality, s.number as series_number, s.description as series_description,
s.series_date, s.series_time, s.body_part, s.laterality, s.protocol, s.manufacturer, s.model, s.slice_thickness_mm, s.kvp,
s.pixel_spacing_mm, s.rows, s.columns, s.instance_count, s.frame_count, s.size_bytes, s.cover_instance_id, s.access as series_access,
lower(s.releases) as first_release, s.patient_position, s.frame_of_reference_uid, s.sop_classes, s.transfer_syntaxes,
t.uid as study_uid, t.study_date, t.study_time, t.study_id, t.accession_number, t.description as study_description,
t.referring_physician, t.patient_age, p.label as subject, p.sex, c.id as collection_id, c.short_name as collection,
c.title as collection_title, coalesce(s.licence, c.licence) as licence, c.access, c.is_derived as third_party,
s.quality,
(select i.uid from images.instance i where i.id = s.cover_instance_id) as cover_uid
"""
_STUDY = """
t.id as place, t.uid as study_uid, t.study_date, t.study_time, t.study_id, t.accession_number,
t.description as study_description, t.referring_physician, t.patient_age, p.label as subject, p.sex, c.id as collection_id,
c.short_name as collection, c.title as collection_title, c.licence, c.access, array_agg(distinct s.modality) as modalities,
array_agg(distinct sc.class) as sop_classes, count(distinct s.id) as series_count,
coalesce(sum(s.instance_count) filter (where sc.first), 0)::bigint as instance_count,
coalesce(sum(s.size_bytes) filter (where sc.first), 0)::bigint as size_bytes,
(array_agg(s.uid order by s.number nulls last, s.id) filter (where s.cover_instance_id is not null))[1] as cover_series_uid
"""
_SUBJECT = """
p.id as place, p.label as subject, p.sex, p.species, c.id as collection_id, c.short_name as collection,
c.title as collection_title, c.licence, c.access, array_agg(distinct s.modality) as modalities,
count(distinct t.id) as study_count, count(*) as series_count, sum(s.instance_count)::bigint as instance_count,
sum(s.size_bytes)::bigint as size_bytes, min(t.study_date) as first_date, max(t.study_date) as last_date,
(array_agg(s.uid order by t.study_date, s.number nulls last, s.id) filter (where s.cover_instance_id is not null))[1] as cover_series_uid
"""
_CLASSES = "cross join lateral unnest(s.sop_classes) with ordinality as u (class, n) cross join lateral (select u.class, u.n = 1 as first) as sc where upper"
_WHOLE = {
    "series": f"select {_SERIES} {FROM} and s.id > %(after)s order by s.id limit %(limit)s offset %(offset)s",
    "study": (
        f"select {_STUDY} {FROM.replace('where upper', _CLASSES, 1)} and t.id > %(after)s group by t.id, p.id, c.id"
        " order by t.id limit %(limit)s offset %(offset)s"
    ),
    "subject": (
        f"select {_SUBJECT} {FROM} and p.id > %(after)s group by p.id, c.id order by p.id limit %(limit)s offset %(offset)s"
    ),
}
LEVELS = tuple(_WHOLE)
_KEY = {"series": "s.id", "study": "t.id", "subject": "p.id"}


@dataclass(frozen=True, slots=True)
class FoundPage:
    """A page of an answer.

    Attributes
    ----------
    rows : tuple of named tuples
        See the column lists of this file.
    total : int
        Exact number of rows in the whole answer.
    after : int or None
        Ask the next page with this; None at the end.
    """

    rows: tuple[Found, ...]
    total: int
    after: int | None


@dataclass(frozen=True, slots=True)
class Facet:
    """A field with its most frequent values and how many series each has under the rest of the query."""

    name: str
    title: str
    values: tuple[tuple[str, int], ...]


def _conditions(actor: accounts.Actor, query: Query) -> dict[str, database.Condition]:
    return {"visible": collections.visible_to(actor), "query": condition_of(query)}


def _check_level(level: str) -> None:
    if level not in LEVELS:
        raise Invalid(f"A level is one of {', '.join(LEVELS)}.", code="search.level")


def find(
    archive: Archive,
    actor: accounts.Actor,
    query: Query,
    level: str = "series",
    *,
    after: int = 0,
    offset: int = 0,
    limit: int = 50,
) -> FoundPage:
    """Answer a query at a level, a page at a time.

    Parameters
    ----------
    level : {"series", "study", "subject"}
    after : int
        Key of the last row of the page before (keyset paging); the order is that of arrival.
    offset : int
        For protocols that page by counting rows.
    limit : int
        At most ``limits.page_rows``.
    """
    _check_level(level)
    page = {"after": after, "offset": offset, "limit": min(max(limit, 0), archive.settings.limits.page_rows) + 1}
    statement = database.join(_WHOLE[level], **_conditions(actor, query))
    with archive.database.transaction() as tx:
        found = database.rows(tx, database.Statement(statement.text, {**statement.parameters, **page}))
    shown = tuple(found[: page["limit"] - 1])
    is_whole = len(found) < page["limit"] and not after and not offset
    total = len(found) if is_whole else count(archive, actor, query, level)
    return FoundPage(shown, total, shown[-1].place if shown and len(found) == page["limit"] else None)


def count(archive: Archive, actor: accounts.Actor, query: Query, level: str = "series") -> int:
    """Return how many rows an answer has, exactly."""
    _check_level(level)
    statement = database.join(f"select count(distinct {_KEY[level]}) as n {FROM}", **_conditions(actor, query))
    with archive.database.transaction() as tx:
        return int(database.rows(tx, statement)[0].n)


def facets(
    archive: Archive,
    actor: accounts.Actor,
    parts: Sequence[tuple[str, Query]],
    names: Sequence[str] = FACETS,
    limit: int = 12,
) -> list[Facet]:
    """Count the values of some fields over the series that a query finds.

    Each facet is counted under all parts of the query but its own, so that its other values can be chosen too.

    Parameters
    ----------
    parts : sequence of (field name, Query)
        The query, part by part; all of them must hold.
    """
    found = []
    with archive.database.transaction() as tx:
        for name in names:
            field = field_named(name)
            others = [condition_of(part) for own, part in parts if own != name] or [database.everything()]
            statement = database.join(
                f"select {field.column}::text as value, count(*) as n {FROM} and {field.column} is not null"
                " group by 1 order by 2 desc, 1 limit %(limit)s",
                visible=collections.visible_to(actor),
                query=others,
            )
            values = database.rows(tx, database.Statement(statement.text, {**statement.parameters, "limit": limit}))
            found.append(Facet(name, field.title, tuple((row.value, int(row.n)) for row in values)))
    return found
