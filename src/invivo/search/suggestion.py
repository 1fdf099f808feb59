"""What to ask next: attributes by a piece of their names, and values by a piece of them, with exact counts.

Only what the actor may see is proposed: an attribute that stands in hidden series only is as unknown as one that stands nowhere.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np

from invivo import accounts, database
from invivo.archive import Archive
from invivo.search.attribute import NotAskable, attribute_at, known_keywords, spelled
from invivo.search.column import Days, Numbers
from invivo.search.evaluation import Seen
from invivo.search.field import FIELDS, Field, field_named
from invivo.search.keeper import seen_by
from invivo.search.meaning import bound
from invivo.search.query import ALL, And, Compare, Query
from invivo.search.result import count
from invivo.search.statement import FROM, visible_and_asked
from invivo.search.term import NUMBERS
from invivo.search.wording import write

MOST = 50
MOST_TERMS = 60
MOST_PATHS = 200
LONGEST = 100

Thing = TypeVar("Thing")
Counted = list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Proposal:
    """An attribute that may be asked.

    Attributes
    ----------
    name : str
        As a query text has it.
    title : str
    kind : str
        Of the field: which widget asks it.
    unit : str
    choices : tuple of str
        All its values, where they are few and known.
    example : str
        A query text that asks it; of an attribute with a value that is there.
    """

    name: str
    title: str
    kind: str
    unit: str = ""
    choices: tuple[str, ...] = ()
    example: str = ""


def suggest_attributes(archive: Archive, actor: accounts.Actor, text: str, limit: int = 12) -> list[Proposal]:
    """Propose attributes whose name or title has a piece of text: those that begin so first, and fields before all others.

    Parameters
    ----------
    text : str
        At most 100 characters of it count; empty: the fields.
    limit : int
        At most 50.
    """
    asked, limit = _bare(text.replace("\0", "")), min(max(limit, 0), MOST)
    found: dict[str, Proposal] = {}
    for field in _best(FIELDS, asked, lambda one: (one.name, one.title, one.keyword))[:limit]:
        found[field.name] = Proposal(field.name, field.title, field.kind, field.unit, field.choices, _example(field))
    if len(found) < limit and asked:
        for path in _paths(archive, asked):
            if len(found) >= limit:
                break
            value = _some_value(archive, actor, path)
            field = field_named(path)
            if value is not None and field.path:
                found.setdefault(spelled(path), _proposal(field, value))
    if asked:
        for keyword in _best(known_keywords(), asked, lambda one: (one,)):
            if len(found) >= limit:
                break
            field = field_named(keyword)
            if field.path:
                found.setdefault(keyword, _proposal(field, None))
    return list(found.values())


def suggest_values(
    archive: Archive, actor: accounts.Actor, name: str, text: str = "", rest: Query = ALL, limit: int = 12
) -> Counted:
    """Propose values of a field or attribute: what begins with a piece of text first, then what holds it.

    Parameters
    ----------
    name : str
        As a query text has it.
    text : str
        At most 100 characters of it count; empty: the most frequent values.
    rest : Query
        The other parts of the query; a proposed value has so many series under them.
    limit : int
        At most 50.

    Returns
    -------
    list of (value, number of series)
        Exact: so many are found by the rest and this value.

    Raises
    ------
    UnknownField
    """
    field, limit, asked = (
        field_named(name),
        min(max(limit, 0), MOST),
        text.replace("\0", "")[:LONGEST].casefold().strip(),
    )
    rest = bound(archive, actor, rest)
    if field.choices:
        chosen = [value for value in field.choices if asked in value]
        return _kept(archive, actor, field, rest, chosen)
    if field.kind in ("referred", "count", "day", "mine", "site"):
        if field.kind != "referred":
            return []
        inner = suggest_values(archive, actor, field.column, text, ALL, limit)
        return _kept(archive, actor, field, rest, [value for value, _ in inner])
    if field.path or field.paths:
        return _of_terms(archive, actor, field, rest, asked, limit)
    seen = seen_by(archive, actor)
    told = _in_columns(seen, field, rest) if seen is not None else None
    if told is None:
        told = _in_database(archive, actor, field, rest, asked)
    return _ordered(((value, number) for value, number in told if asked in value.casefold()), asked)[:limit]


def _kept(archive: Archive, actor: accounts.Actor, field: Field, rest: Query, values: Sequence[str]) -> Counted:
    """Count each value by asking for it; those that nothing has are left out."""
    if field.kind == "mine" and actor.person_id is None:
        return []
    told = [(value, count(archive, actor, And((rest, Compare(field, "is", (value,)))))) for value in values]
    return [one for one in told if one[1]]


def _in_columns(seen: Seen, field: Field, rest: Query) -> Counted | None:
    column = seen.index.columns.get(field.name)
    if column is None:
        return None
    if isinstance(column, Numbers | Days):
        values = column.values[seen.find(rest)]
        known = values[~(np.isnan(values) if isinstance(column, Numbers) else np.isnat(values))]
        different, counted = np.unique(known, return_counts=True)
        order = np.argsort(-counted, kind="stable")
        return [(_number_text(different[one]), int(counted[one])) for one in order]
    told = seen.values(rest, field.name) or []
    return _folded(told) if field.kind == "name" else [(value, number) for value, number in told if value]


def _number_text(value: object) -> str:
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _folded(told: Iterable[tuple[str, int]]) -> Counted:
    """Add up what differs in case only, under the spelling that most have."""
    spelt: dict[str, str] = {}
    counted: dict[str, int] = {}
    for value, number in told:  # the most frequent first
        if value:
            spelt.setdefault(value.lower(), value)
            counted[value.lower()] = counted.get(value.lower(), 0) + number
    return [(spelt[folded], number) for folded, number in counted.items()]


def _in_database(archive: Archive, actor: accounts.Actor, field: Field, rest: Query, asked: str) -> Counted:
    name = database.fresh("asked")
    holding = database.Condition(f"position(%({name})s in lower(({field.column})::text)) > 0", {name: asked.lower()})
    conditions = visible_and_asked(actor, rest)
    statement = database.join(
        f"select ({field.column})::text as value, count(*) as n {FROM} and coalesce(({field.column})::text, '') <> ''"
        f' and {{holding}} group by 1 order by 2 desc, (({field.column})::text) collate "C"',
        **conditions,
        holding=holding if asked and field.kind not in NUMBERS else database.everything(),
    )
    with archive.database.transaction() as tx:
        rows = database.rows(tx, statement)
    told = [(_number_text(float(row.value)) if field.kind in NUMBERS else row.value, int(row.n)) for row in rows]
    return _folded(told) if field.kind == "name" else told


_TERMS = """
select c.value, c.n from (
    select v.value, (select count(*) {counting} and s.id in (
        select g.series_id from search.described g where g.terms && v.ids)) as n
    from (
        select min(d.value) as value, array_agg(d.id) as ids from search.term d
        where d.path_id in (select h.id from search.path h where h.path = any (%(paths)s::text[])) and d.value <> ''
            and (%(asked)s = '' or position(%(asked)s in lower(d.value)) > 0)
        group by {folded} order by min(position(%(asked)s in lower(d.value))), min(length(d.value)), 1 limit %(most)s
    ) v) c
where c.n > 0 order by 2 desc, 1
"""


def _of_terms(archive: Archive, actor: accounts.Actor, field: Field, rest: Query, asked: str, limit: int) -> Counted:
    folded = "d.value" if field.kind in ("text", "uid", "number", "date") else "lower(d.value)"
    template = _TERMS.replace("{counting}", FROM).replace("{folded}", folded)
    statement = database.join(template, **visible_and_asked(actor, rest))
    given = {"paths": list(field.paths or (field.path,)), "asked": asked.lower(), "most": MOST_TERMS}
    with archive.database.transaction() as tx:
        rows = database.rows(tx, database.Statement(statement.text, {**statement.parameters, **given}))
    told = [(row.value, int(row.n)) for row in rows]
    if field.paths:  # a label may stand in longer ones, which are found too
        told = _kept(archive, actor, field, rest, [value for value, _ in told[:limit]])
    return _ordered(told, asked)[:limit]


def _ordered(told: Iterable[tuple[str, int]], asked: str) -> Counted:
    """Put what begins with the text first, at a word's beginning next; among equals the most frequent."""

    def place(one: tuple[str, int]) -> tuple[int, int, str]:
        folded = one[0].casefold()
        far = 0 if folded.startswith(asked) else 1 if f" {asked}" in folded else 2
        return far, -one[1], one[0]

    return sorted(told, key=place)


def _paths(archive: Archive, asked: str) -> list[str]:
    with archive.database.transaction() as tx:
        rows = tx.execute(
            "select path from search.path where position(%s in lower(path)) > 0"
            " order by (lower(path) like %s) desc, length(path), path limit %s",
            [asked, f"{asked.replace('%', '').replace('_', '')}%", MOST_PATHS],
        ).fetchall()
    return [row.path for row in rows if _is_askable(row.path)]


def _is_askable(path: str) -> bool:
    try:
        return attribute_at(path).kind != "sequence"
    except NotAskable:
        return False


def _some_value(archive: Archive, actor: accounts.Actor, path: str) -> str | None:
    """Return a value of an attribute in some series that the actor may see; None where there is none."""
    statement = database.join(
        "select v.value from (select e.id, e.value from search.term e where e.path_id ="
        " (select h.id from search.path h where h.path = %(path)s) and e.value <> '' order by e.id limit 50) v"
        f" where exists (select 1 {FROM} and s.id in"
        " (select g.series_id from search.described g where g.terms && array[v.id])) limit 1",
        **visible_and_asked(actor, ALL),
    )
    with archive.database.transaction() as tx:
        rows = database.rows(tx, database.Statement(statement.text, {**statement.parameters, "path": path}))
    return str(rows[0].value) if rows else None


def _proposal(field: Field, value: str | None) -> Proposal:
    example = write(Compare(field, "is", (value,))) if value and field.kind in ("name", "text") else _example(field)
    return Proposal(spelled(field.path), field.title, field.kind, field.unit, (), example)


def _example(field: Field) -> str:
    """Return a query text that asks a field, as its kind is asked."""
    if field.choices:
        return f"{field.name}:{field.choices[0]}"
    name = spelled(field.path) if field.path else field.name
    if field.kind in NUMBERS:
        return f"{name}<={_EXAMPLES.get(field.unit, '10')}"
    return f"{name}:{'2005' if field.kind == 'date' else '*'}"


_EXAMPLES = {"mm": "1.5mm", "y": "60y", "bytes": "2GB", "kV": "120kV", "ms": "20ms", "days": "30days", "ml": "100ml"}


def _best(known: Sequence[Thing], asked: str, texts_of: Callable[[Thing], Sequence[str]]) -> list[Thing]:
    """Return what has the text in one of its names: at the beginning first, then at the beginning of a word."""
    ranked = [(_rank(asked, texts_of(one)), place) for place, one in enumerate(known)]
    return [known[place] for rank, place in sorted(ranked) if rank < _NOWHERE]


_NOWHERE = 3


def _rank(asked: str, texts: Sequence[str]) -> int:
    ranks = [_NOWHERE]
    for text in texts:
        place = _bare(text).find(asked)
        if place >= 0:
            is_word = any(_bare(word).startswith(asked) for word in text.replace("-", " ").split())
            ranks.append(0 if place == 0 else 1 if is_word else 2)
    return min(ranks)


@lru_cache(maxsize=20_000)
def _bare(text: str) -> str:
    """Return a name in small letters without what people may leave out."""
    return text[:LONGEST].casefold().strip().replace(" ", "").replace("-", "").replace("_", "")
