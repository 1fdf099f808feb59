"""What some fields mean: questions about other series, and about who asks.

``has-segmentation:yes`` asks for a series that refers to this one, ``segmented:lung`` for what that one holds; ``downloaded:no``
means something only for somebody.
"""

from collections.abc import Callable
from dataclasses import replace

from invivo import accounts, database
from invivo.archive import Archive
from invivo.search.column import like
from invivo.search.field import Field, field_named
from invivo.search.query import ALL, And, Compare, Having, Not, Or, Query
from invivo.search.token import BadQuery

REFERRING = "referring"
REFERRED = "referred"
# What refers to pictures. Of one that only a catalogue describes it is not known to which: it counts for all of its study.
_COLLECTION = Field("key", "Key", "c.id", "key")
KINDS = ("SEG", "RTSTRUCT", "SR", "PR", "KO", "ANN")


def meant(query: Compare) -> Query:
    """Return what a comparison of a field of the kind ``referred`` asks of the series that refer."""
    field = query.field
    if field.choices:
        has = Having(REFERRING, Compare(field_named("modality"), "is", (field.column,)))
        return _either(query, has)
    inner = field_named(field.column)
    if query.operator == "empty":
        return Not(Having(REFERRING, Compare(inner, "has")))
    return Having(REFERRING, Compare(inner, query.operator, query.values))


def _either(query: Compare, truth: Query) -> Query:
    """Return the question that a comparison with yes and no asks."""
    wanted = {value for value in ("yes", "no") if _holds(query, value)}
    if len(wanted) == 2:
        return ALL
    return Not(ALL) if not wanted else truth if "yes" in wanted else Not(truth)


def _holds(query: Compare, value: str) -> bool:
    if query.operator in ("has", "empty"):
        return query.operator == "has"
    asked = [one.casefold() for one in query.values]
    return value in asked if query.operator == "is" else any(like(one)(value) for one in asked)


def is_mine(query: Query) -> bool:
    """Tell whether a query asks something about who asks."""
    if isinstance(query, And | Or):
        return any(is_mine(part) for part in query.parts)
    if isinstance(query, Not | Having):
        return is_mine(query.part)
    return isinstance(query, Compare) and query.field.kind == "mine" and not query.field.column


def bound(archive: Archive, actor: accounts.Actor, query: Query) -> Query:
    """Return a query in which what depends on the asking person names them, how far their journal had come, and their collections.

    Raises
    ------
    BadQuery
        Nobody is signed in; it names the field.
    """
    query = _with_sites(query, actor)
    if not is_mine(query):
        return query
    if actor.person_id is None:
        name = _first_mine(query)
        raise BadQuery(
            f"{name} asks what you have downloaded: sign in first, or leave it out.",
            code="search.sign-in",
            field=name,
        )
    with archive.database.transaction() as tx:
        row = tx.execute(
            "select coalesce(extract(epoch from max(at)), 0)::text as at, count(*) as n from search.taken"
            " where person_id = %s",
            [actor.person_id],
        ).fetchone()
    assert row is not None
    return _bound(query, f"{actor.person_id}:{row.at}:{row.n}")


def _bound(query: Query, whose: str) -> Query:
    def named(one: Compare) -> Query:
        return _either(one, Compare(replace(one.field, column=whose), "is", ("yes",)))

    return _each(query, "mine", named)


def _with_sites(query: Query, actor: accounts.Actor) -> Query:
    """Let what asks for sites look where the actor is curator or owner; anywhere else no site is known."""

    def seen(one: Compare) -> Query:
        asked = Compare(replace(one.field, column="s.site", kind="name"), one.operator, one.values)
        if actor.may_curate(0):
            return asked
        ids = actor.collections_with("curator", "owner") if actor.has_scope("curate") else []
        return And((asked, Compare(_COLLECTION, "is", tuple(map(str, sorted(ids)))))) if ids else Not(ALL)

    return _each(query, "site", seen)


def _each(query: Query, kind: str, put: Callable[[Compare], Query]) -> Query:
    """Return a query with something else put for each comparison of a field of a kind."""
    if isinstance(query, And | Or):
        return type(query)(tuple(_each(part, kind, put) for part in query.parts))
    if isinstance(query, Not):
        return Not(_each(query.part, kind, put))
    if isinstance(query, Having):
        return Having(query.level, _each(query.part, kind, put))
    is_meant = isinstance(query, Compare) and query.field.kind == kind and not query.field.column
    return put(query) if is_meant and isinstance(query, Compare) else query


def _first_mine(query: Query) -> str:
    parts = query.parts if isinstance(query, And | Or) else (query.part,) if isinstance(query, Not | Having) else ()
    if isinstance(query, Compare):
        return query.field.name
    return next(_first_mine(part) for part in parts if is_mine(part))


def taken_by(field: Field) -> database.Condition:
    """Return the condition on series that the person has taken, or that are new to them."""
    name = database.fresh("person")
    given = {name: int(field.column.partition(":")[0])}
    if field.name == "downloaded":
        return database.Condition(
            f"s.key in (select k.series_key from search.taken k where k.person_id = %({name})s)", given
        )
    return database.Condition(
        "s.id in (select n.id from images.series n join (select k.collection_id, max(k.at) as at from search.taken k"
        f" where k.person_id = %({name})s group by 1) k on k.collection_id = n.collection_id"
        " where upper_inf(n.releases) and n.entered_at > k.at)",
        given,
    )
