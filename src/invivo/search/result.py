"""Answers: rows, counts and facets."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from invivo import accounts, database
from invivo.archive import Archive
from invivo.errors import Invalid
from invivo.search.column import Mask
from invivo.search.evaluation import Seen
from invivo.search.field import FACETS, Field, field_named
from invivo.search.gathered import found_collections
from invivo.search.keeper import Moment, moment_of
from invivo.search.meaning import bound
from invivo.search.order import Order, Place, Sorted, behind, place_at, read_order, token_of
from invivo.search.query import And, Compare, Query
from invivo.search.ranking import is_ranked, ranked
from invivo.search.statement import FROM, visible_and_asked

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
_COLLECTION = (
    f"select q.place from (select distinct c.id as place {FROM}) q where q.place > %(after)s"
    " order by q.place limit %(limit)s offset %(offset)s"
)
_SORTED = (
    "select q.place, q.sorted from (select {key} as place, {value} as sorted "
    + FROM.replace("{", "{{").replace("}", "}}")
    + " {group}) q where {{behind}} order by q.sorted {direction} nulls last, q.place limit %(limit)s offset %(offset)s"
)
LEVELS = (*_WHOLE, "collection")
_KEYS = Field("key", "Key", "s.id", "key")
_KEY = {"series": "s.id", "study": "t.id", "subject": "p.id", "collection": "c.id"}
_ASKED = ("referred", "mine", "site", "words", "count", "day")
_OF_LEVEL = {level: Field("key", "Key", column, "key") for level, column in _KEY.items()}


@dataclass(frozen=True, slots=True)
class FoundPage:
    """A page of an answer.

    Attributes
    ----------
    rows : tuple of named tuples, or of FoundCollection
        See the column lists of this file.
    total : int
        Exact number of rows in the whole answer.
    after : int or None
        In the order of arrival: ask the next page with this; None at the end.
    token : str
        In any order: ask the next page with this; empty at the end.
    """

    rows: tuple[Found, ...]
    total: int
    after: int | None
    token: str = ""


@dataclass(frozen=True, slots=True)
class Facet:
    """A field with its most frequent values and how many series each has under the rest of the query."""

    name: str
    title: str
    values: tuple[tuple[str, int], ...]


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
    order: str = "",
    token: str = "",
    moment: Moment | None = None,
) -> FoundPage:
    """Answer a query at a level, a page at a time.

    Parameters
    ----------
    level : {"series", "study", "subject", "collection"}
    after : int
        Key of the last row of the page before (keyset paging), in the order of arrival only.
    offset : int
        For protocols that page by counting rows.
    limit : int
        At most ``limits.page_rows``.
    order : str
        Name of a column, see `orders`; ``-size`` is descending. Empty: the order of arrival.
    token : str
        Of the page before, in any order.
    moment : Moment, optional
        Of this actor, so that several answers agree; by default it is now.

    Raises
    ------
    Invalid
        ``search.level``, ``search.order``, ``search.token``, ``search.other-question``.
    BadQuery
        ``search.sign-in``: it asks what the actor has downloaded, and there is none.
    """
    _check_level(level)
    limit = min(max(limit, 0), archive.settings.limits.page_rows)
    asked = _Asked(query, level, order, read_order(order, level), token, after, offset, limit)
    query = bound(archive, actor, query)
    seen = (moment or moment_of(archive, actor)).seen
    if level == "collection" or asked.order is not None:
        return _sorted_page(archive, actor, seen, query, asked)
    after = asked.place.key if asked.place is not None else after
    if seen is not None:
        page = _found_in(archive, actor, seen, query, level, after=after, offset=offset, limit=limit)
    else:
        found = _rows(archive, actor, query, level, {"after": after, "offset": offset, "limit": limit + 1})
        shown = tuple(found[:limit])
        is_whole = len(found) <= limit and not after and not offset
        total = len(found) if is_whole else count(archive, actor, query, level, Moment(None))
        page = FoundPage(shown, total, shown[-1].place if shown and len(found) > limit else None)
    return replace(page, token=asked.token_at(None, page.after)) if page.after is not None else page


def _rows(archive: Archive, actor: accounts.Actor, query: Query, level: str, page: dict[str, int]) -> list[Found]:
    statement = database.join(_WHOLE[level], **visible_and_asked(actor, query))
    with archive.database.transaction() as tx:
        return database.rows(tx, database.Statement(statement.text, {**statement.parameters, **page}))


def _found_in(
    archive: Archive,
    actor: accounts.Actor,
    seen: Seen,
    query: Query,
    level: str,
    *,
    after: int,
    offset: int,
    limit: int,
) -> FoundPage:
    """Find the keys of a page in memory, and read its rows as the actor may see them."""
    rows = seen.find(query)
    keys = seen.keys(rows, level, after=after, offset=offset, limit=limit + 1)
    chosen = Compare(_KEYS, "is", tuple(str(key) for key in seen.series_of(rows, level, keys[:limit])))
    shown = _rows(archive, actor, chosen, level, {"after": 0, "offset": 0, "limit": limit}) if chosen.values else []
    has_more = len(keys) > limit
    return FoundPage(tuple(shown), seen.count(rows, level), int(keys[limit - 1]) if has_more and limit else None)


@dataclass(frozen=True, slots=True)
class _Asked:
    """How an answer is wanted."""

    query: Query
    level: str
    written: str
    order: Order | None
    token: str
    after: int
    offset: int
    limit: int

    @property
    def place(self) -> Place | None:
        if self.token:
            return place_at(self.token, self.query, self.level, self.written)
        if self.after and self.order is not None:
            raise Invalid("A sorted answer is paged by its token, not by a key.", code="search.token")
        return Place(None, self.after) if self.after else None

    def token_at(self, value: Sorted, key: int) -> str:
        return token_of(self.query, self.level, self.written, Place(value, key))


def _sorted_page(archive: Archive, actor: accounts.Actor, seen: Seen | None, query: Query, asked: _Asked) -> FoundPage:
    """Find the keys of a page in its order first, and then their rows."""
    level, rows = asked.level, seen.find(query) if seen is not None else None
    if seen is not None and rows is not None and (asked.order is None or is_ranked(asked.order, level)):
        found = _keys_in(seen, rows, asked)
        total = seen.count(rows, level)
    else:
        found = _keys_of(archive, actor, query, asked)
        total = count(archive, actor, query, level, Moment(seen))
    chosen = [key for key, _ in found[: asked.limit]]
    if level == "collection":
        shown = tuple(found_collections(archive, actor, seen, rows, query, chosen)) if chosen else ()
    else:
        shown = _rows_of(archive, actor, seen, rows, query, level, chosen)
    if len(found) <= asked.limit or not chosen:
        return FoundPage(shown, total, None)
    key, value = found[asked.limit - 1]
    return FoundPage(shown, total, key if asked.order is None else None, asked.token_at(value, key))


def _keys_in(seen: Seen, rows: Mask, asked: _Asked) -> list[tuple[int, Sorted]]:
    place, limit = asked.place, asked.limit + 1
    if asked.order is not None:
        return ranked(seen, rows, asked.level, asked.order, place, asked.offset, limit)
    keys = seen.keys(rows, asked.level, after=place.key if place else 0, offset=asked.offset, limit=limit)
    return [(int(key), None) for key in keys]


def _keys_of(archive: Archive, actor: accounts.Actor, query: Query, asked: _Asked) -> list[tuple[int, Sorted]]:
    order, level, place = asked.order, asked.level, asked.place
    conditions = visible_and_asked(actor, query)
    given: dict[str, Any] = {"limit": asked.limit + 1, "offset": asked.offset}
    if order is None:
        statement = database.join(_COLLECTION, **conditions)
        given["after"] = place.key if place else 0
    else:
        template = _SORTED.format(
            key=_KEY[level],
            value=order.expression(level),
            group="" if level == "series" else "group by 1",
            direction="desc" if order.is_descending else "asc",
        )
        statement = database.join(template, **conditions, behind=behind(order, place))
    with archive.database.transaction() as tx:
        found = database.rows(tx, database.Statement(statement.text, {**statement.parameters, **given}))
    return [(int(row.place), _plain(row.sorted) if order is not None else None) for row in found]


def _plain(value: Any) -> Sorted:
    if value is None or isinstance(value, str):
        return value
    return value.isoformat() if isinstance(value, date) else float(value)


def _rows_of(
    archive: Archive,
    actor: accounts.Actor,
    seen: Seen | None,
    rows: Mask | None,
    query: Query,
    level: str,
    keys: list[int],
) -> tuple[Found, ...]:
    """Return some rows of an answer, in the order of their keys here."""
    if not keys:
        return ()
    chosen: Query = And((query, Compare(_OF_LEVEL[level], "is", tuple(map(str, keys)))))
    if seen is not None and rows is not None:
        series = seen.series_of(rows, level, np.array(keys, np.int64))
        chosen = Compare(_KEYS, "is", tuple(map(str, series)))
    found = _rows(archive, actor, chosen, level, {"after": 0, "offset": 0, "limit": len(keys)})
    place = {key: number for number, key in enumerate(keys)}
    return tuple(sorted(found, key=lambda row: place[row.place]))


def keys(archive: Archive, actor: accounts.Actor, query: Query) -> list[int]:
    """Return the keys of all series that a query finds, in the order of arrival."""
    query = bound(archive, actor, query)
    seen = moment_of(archive, actor).seen
    if seen is not None:
        found: list[int] = np.sort(seen.index.ids[seen.find(query)]).tolist()
        return found
    statement = database.join(f"select s.id {FROM} order by s.id", **visible_and_asked(actor, query))
    with archive.database.transaction() as tx:
        return [row.id for row in database.rows(tx, statement)]


def count(
    archive: Archive, actor: accounts.Actor, query: Query, level: str = "series", moment: Moment | None = None
) -> int:
    """Return how many rows an answer has, exactly."""
    _check_level(level)
    query = bound(archive, actor, query)
    seen = (moment or moment_of(archive, actor)).seen
    if seen is not None:
        return seen.count(seen.find(query), level)
    statement = database.join(f"select count(distinct {_KEY[level]}) as n {FROM}", **visible_and_asked(actor, query))
    with archive.database.transaction() as tx:
        return int(database.rows(tx, statement)[0].n)


def facets(
    archive: Archive,
    actor: accounts.Actor,
    parts: Sequence[tuple[str, Query]],
    names: Sequence[str] = FACETS,
    limit: int = 12,
    moment: Moment | None = None,
) -> list[Facet]:
    """Count the values of some fields over the series that a query finds.

    Each facet is counted under all parts of the query but its own, so that its other values can be chosen too.

    Parameters
    ----------
    parts : sequence of (field name, Query)
        The query, part by part; all of them must hold.
    """
    moment, found = moment or moment_of(archive, actor), []
    seen = moment.seen
    parts = [(own, bound(archive, actor, part)) for own, part in parts]
    for name in names:
        field = field_named(name)
        rest = And(tuple(part for own, part in parts if own != name))
        values = seen.values(rest, name) if seen is not None else None
        if values is None and field.kind in _ASKED:
            values = _asked_values(archive, actor, field, rest, moment)
        elif values is None:
            values = _values(archive, actor, field, rest, limit)
        found.append(Facet(name, field.title, tuple(values[:limit])))
    return found


def _asked_values(
    archive: Archive, actor: accounts.Actor, field: Field, query: Query, moment: Moment
) -> list[tuple[str, int]]:
    """Count the choices of a field that no column answers, by asking each; none of what only a person can be asked."""
    if field.kind == "mine" and actor.person_id is None:
        return []
    asked = [(one, And((query, Compare(field, "is", (one,))))) for one in field.choices]
    told = [(one, count(archive, actor, chosen, moment=moment)) for one, chosen in asked]
    return sorted((one for one in told if one[1]), key=lambda one: (-one[1], one[0]))


def _values(archive: Archive, actor: accounts.Actor, field: Field, query: Query, limit: int) -> list[tuple[str, int]]:
    statement = database.join(
        f"select {field.column}::text as value, count(*) as n {FROM} and {field.column} is not null"
        f' group by 1 order by 2 desc, ({field.column}::text) collate "C" limit %(limit)s',
        **visible_and_asked(actor, query),
    )
    with archive.database.transaction() as tx:
        rows = database.rows(tx, database.Statement(statement.text, {**statement.parameters, "limit": limit}))
    return [(row.value, int(row.n)) for row in rows]
