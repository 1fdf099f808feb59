"""Queries from the pairs of an address, and back."""

from collections.abc import Iterable, Sequence

from invivo.search.field import FIELDS, field_named
from invivo.search.language import read
from invivo.search.query import And, Compare, Or, Query, Text
from invivo.search.syntax import MOST_VALUES, BadValue, compare_of, exactly

_NAMES = frozenset(field.name for field in FIELDS)


def parse_pairs(pairs: Iterable[tuple[str, str]]) -> Query:
    """Read a query from the pairs of an address: values of one name are alternatives, different names must all hold.

    ``q`` is a text of the query language.

    Raises
    ------
    UnknownField, BadValue, BadQuery
        Naming what is wrong and what is allowed.
    """
    grouped: dict[str, list[Query]] = {}
    total = 0
    for name, value in pairs:
        total += 1
        if total > MOST_VALUES:
            raise BadValue(f"A query has at most {MOST_VALUES} values; use a manifest for a list of series.")
        if name == "q":
            if value.strip():
                grouped.setdefault("q", []).append(read(value))
            continue
        grouped.setdefault(name, []).append(compare_of(field_named(name), value))
    parts = [
        alternatives[0] if len(alternatives) == 1 else Or(tuple(alternatives)) for alternatives in grouped.values()
    ]
    return And(tuple(parts))


def pairs_of_query(query: Query) -> list[tuple[str, str]] | None:
    """Write a query as pairs that boxes can show; None where only the text says it.

    That is words and comparisons of fields that must all hold, each field once.
    """
    parts = query.parts if isinstance(query, And) else (query,)
    words: list[str] = []
    pairs: list[tuple[str, str]] = []
    for part in parts:
        if isinstance(part, Text) and not part.is_phrase:
            words.append(part.text)
            continue
        found = _pairs_of_part(part)
        if found is None or {name for name, _ in found} & {name for name, _ in pairs}:
            return None
        pairs += found
    return ([("q", " ".join(words))] if words else []) + pairs


def _pairs_of_part(part: Query) -> list[tuple[str, str]] | None:
    """Write a comparison, or the alternatives of one field."""
    among = part.parts if isinstance(part, Or) else (part,)
    found: list[tuple[str, str]] = []
    for one in among:
        if not isinstance(one, Compare) or one.field.name not in _NAMES or one.operator == "has":
            return None
        pairs = _pairs_of_compare(one)
        if not pairs:
            return None
        found += pairs
    return found if found and len({name for name, _ in found}) == 1 else None


def _pairs_of_compare(one: Compare) -> list[tuple[str, str]]:
    name = one.field.name
    if one.operator == "empty":
        return [(name, "")]
    if one.operator == "range":
        return [(name, f"{one.values[0]}..{one.values[1]}")]
    if one.operator == "like":  # a star behind "=" would be taken to the letter
        return [] if one.values[0].startswith("=") else [(name, one.values[0])]
    return [(name, exactly(value)) for value in one.values]


def pairs_of(params: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the pairs of an address that are part of the query (not paging or form)."""
    return [(name, value) for name, value in params if name in _NAMES or name == "q"]
