"""Query trees in their normal form, and written as text."""

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate

from invivo.search.attribute import spelled
from invivo.search.field import Field
from invivo.search.meaning import REFERRED, REFERRING
from invivo.search.query import ALL, And, Compare, Having, Not, Or, Query, Text
from invivo.search.term import NUMBERS, code_of, is_strict, plain_pattern
from invivo.search.token import BadQuery
from invivo.search.unit import in_unit, written

KEYWORDS = frozenset({"and", "or", "not"})
LEVELS = {
    **dict.fromkeys(("subject", "subjects", "patient", "patients"), "subject"),
    **dict.fromkeys(("study", "studies"), "study"),
}
# A word before brackets, and what it asks of the series that refer to one, or that one refers to.
RELATIONS = {"has": REFERRING, "refers-to": REFERRED}
_RELATION_WORDS = {level: word for word, level in RELATIONS.items()}
WITH = frozenset({"with", "without", "has"})
_BEFORE_BRACKETS = WITH | RELATIONS.keys()
DEEPEST = 60
_DEEPEST_TREE = 4 * DEEPEST  # a bracket holds at most a group of or, of and, a not and a level
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_PLAIN_WORD = re.compile(r'(?:-|(?!-|\.\.)[^\s()"<>=:*≤≥≠“”„]++\*?)')
_PLAIN_VALUE = re.compile(r'(?![<>=!≤≥≠(])[^\s()",“”„]+')


def normalised(query: Query, depth: int = 0) -> Query:
    """Return the tree that reading the written query gives; it finds the same series.

    Groups inside groups of the same kind are opened, doubled negations fall away, alternatives of one field are one
    comparison, words side by side are one text, and numbers are written in one way.

    Raises
    ------
    BadQuery
        The tree is deeper than a text may be.
    """
    if depth > _DEEPEST_TREE:
        raise BadQuery(f"A query has at most {DEEPEST} groups inside each other.", 0, 0, code="search.too-deep")
    if isinstance(query, Compare):
        return _normal_compare(query)
    if isinstance(query, Text):
        parts = _joined([query])
        return parts[0] if len(parts) == 1 else And(tuple(parts))
    if isinstance(query, Not):
        part = normalised(query.part, depth + 1)
        return part.part if isinstance(part, Not) else Not(part)
    if isinstance(query, Having):
        return Having(query.level, normalised(query.part, depth + 1))
    kind = type(query)
    opened: list[Query] = []
    for part in query.parts:
        one = normalised(part, depth + 1)
        opened += one.parts if isinstance(one, And | Or) and isinstance(one, kind) else [one]
    parts = _joined(opened) if kind is And else _merged(opened)
    if len(parts) == 1:
        return parts[0]
    return kind(tuple(parts)) if parts or kind is And else Not(ALL)


def write(query: Query) -> str:
    """Write a query as text; ``read(write(query)) == normalised(query)``.

    Examples
    --------
    >>> from invivo.search.field import field_named
    >>> write(And((Text("chest"), Compare(field_named("slice-thickness"), "range", ("", "1.5")))))
    'chest slice-thickness<=1.5mm'
    """
    query = normalised(query)
    if query == ALL:
        return ""
    text = _written(query, True)
    return text if _depth_of(text) <= DEEPEST else _written(query, False)


def _normal_compare(query: Compare) -> Query:
    field, values = query.field, query.values
    if query.operator in ("empty", "has"):
        return Compare(field, query.operator)
    if query.operator == "range":
        low, high = (_normal_value(field, value) for value in values)
        return Compare(field, "range", (low, high)) if low or high else ALL
    if query.operator in ("below", "above"):
        return Compare(field, query.operator, (_normal_value(field, values[0]),))
    if query.operator == "like":
        pattern = plain_pattern(code_of(field, values[0]))
        if not pattern.strip("*"):
            return Compare(field, "has" if pattern else "empty")
        return Compare(field, "like" if "*" in pattern or "?" in pattern else "is", (pattern,))
    told = tuple(dict.fromkeys(_normal_value(field, value) for value in values if value))
    parts: list[Query] = [Compare(field, "is", told)] if told else []
    if "" in values:
        parts.append(Compare(field, "empty"))
    return parts[0] if len(parts) == 1 else Or(tuple(parts)) if parts else Not(ALL)


def _normal_value(field: Field, value: str) -> str:
    return in_unit(value, "") if field.kind in NUMBERS else value


def _merged(parts: Sequence[Query]) -> list[Query]:
    """Make the values that one field is asked for one comparison, at the place of the first."""
    merged: list[Query] = []
    places: dict[Field, int] = {}
    for part in parts:
        if isinstance(part, Compare) and part.operator == "is" and part.field in places:
            place = places[part.field]
            before = merged[place]
            assert isinstance(before, Compare)
            merged[place] = Compare(part.field, "is", tuple(dict.fromkeys((*before.values, *part.values))))
            continue
        if isinstance(part, Compare) and part.operator == "is":
            places[part.field] = len(merged)
        if part not in merged[-1:]:
            merged.append(part)
    return merged


def _joined(parts: Sequence[Query]) -> list[Query]:
    """Make words side by side one text; a word that would be read as something else becomes a phrase."""
    joined: list[Query] = []
    words: list[str] = []
    for piece in [one for part in parts for one in (_pieces(part) if isinstance(part, Text) else [part])]:
        if isinstance(piece, str):
            words.append(piece)
            continue
        if words:
            joined.append(Text(" ".join(words)))
            words = []
        joined.append(piece)
    return [*joined, Text(" ".join(words))] if words else joined


def _pieces(text: Text) -> Iterator[str | Text]:
    if text.is_phrase:
        if phrase := " ".join(text.text.split()):
            yield Text(phrase, is_phrase=True)
        return
    for word in text.text.split():
        if _PLAIN_WORD.fullmatch(word) and word.casefold() not in KEYWORDS:
            yield word
        elif word.strip("*"):
            yield Text(word, is_phrase=True)


def _written(query: Query, is_roomy: bool) -> str:
    """Write a query; roomy, with brackets around an ``and`` inside an ``or``, that only people need."""
    if isinstance(query, Having):
        head = _RELATION_WORDS.get(query.level) or f"{query.level} with"
        return f"{head} ({_written(query.part, is_roomy)})"
    if isinstance(query, Not):
        return _negated(query.part, is_roomy)
    if isinstance(query, Or):
        write_one = {True: _bracketed, False: _written}
        pieces = [write_one[is_roomy and isinstance(part, And)](part, is_roomy) for part in query.parts]
        return _values_of_one(query) or " or ".join(pieces)
    if isinstance(query, And):
        return _together(query.parts, is_roomy)
    return _compare(query) if isinstance(query, Compare) else _free(query)


def _free(text: Text) -> str:
    return quoted(text.text) if text.is_phrase else text.text


def _negated(part: Query, is_roomy: bool) -> str:
    if isinstance(part, Compare) and part.operator == "is" and not _is_literal(part):
        return f"{_name(part.field)}!={_list(_values(part))}"
    return f"not {_bracketed(part, is_roomy)}"


def _together(parts: Sequence[Query], is_roomy: bool) -> str:
    """Write parts side by side; with ``and`` where one is a group, so that its end is seen."""
    pieces: list[str] = []
    is_spoken = False
    place = 0
    while place < len(parts):
        part = parts[place]
        if is_strict(parts[place : place + 2]):
            pieces.append(_strict(part))
            place += 2
            continue
        piece = _bracketed(part, is_roomy) if isinstance(part, Or) else _written(part, is_roomy)
        is_with = isinstance(part, Text | Not) and piece.rpartition(" ")[2].casefold() in _BEFORE_BRACKETS
        is_spoken = is_spoken or piece.endswith(")") or is_with
        pieces.append(piece)
        place += 1
    return (" and " if is_spoken else " ").join(pieces) or "*"


def _bracketed(query: Query, is_roomy: bool) -> str:
    text = _written(query, is_roomy)
    if isinstance(query, Or):
        is_one = bool(_values_of_one(query))
    elif isinstance(query, And):
        is_one = not query.parts or is_strict(query.parts)
    else:
        is_one = not isinstance(query, Text) or query.is_phrase or " " not in query.text
    return text if is_one else f"({text})"


def _depth_of(text: str) -> int:
    """Return how many brackets of a written text stand inside each other; those in quotes are none."""
    steps = {"(": 1, ")": -1}
    return max(accumulate((steps.get(letter, 0) for letter in _QUOTED.sub("", text)), initial=0))


def _strict(query: Query) -> str:
    assert isinstance(query, Compare)
    low, high = query.values
    end = f">{written(low, query.field.unit)}" if low else f"<{written(high, query.field.unit)}"
    return f"{_name(query.field)}{end}"


def _values_of_one(query: Or) -> str:
    """Write alternatives of one field as a list; empty where they are not."""
    compares = [part for part in query.parts if isinstance(part, Compare) and part.operator in ("is", "like", "range")]
    is_list = len(compares) == len(query.parts) and len({compare.field for compare in compares}) == 1
    if not is_list or any(_is_literal(compare) for compare in compares):
        return ""
    return f"{_name(compares[0].field)}:{_list([value for compare in compares for value in _values(compare)])}"


def _compare(query: Compare) -> str:
    name, unit = _name(query.field), query.field.unit
    if query.operator == "range" and "" in query.values:
        low, high = query.values
        is_day = query.field.kind == "date"
        return f"{name}{'>=' if low else '<='}{low or high if is_day else written(low or high, unit)}"
    if query.operator in ("below", "above"):
        return f"{name}{'<' if query.operator == 'below' else '>'}{written(query.values[0], unit)}"
    if query.operator in ("empty", "has"):
        return f"{name}:{'none' if query.operator == 'empty' else '*'}"
    return f"{name}:{'=' if _is_literal(query) else ''}{_list(_values(query))}"


def _name(field: Field) -> str:
    return spelled(field.path) if field.path else field.name


def _is_literal(query: Compare) -> bool:
    """Tell whether a value would be read as another one: a wildcard, or a code in small letters."""
    if query.operator != "is" or query.field.kind in (*NUMBERS, "date"):
        return False
    return any("*" in value or "?" in value or code_of(query.field, value) != value for value in query.values)


def _values(query: Compare) -> list[str]:
    field = query.field
    if field.kind in NUMBERS:
        told = [written(value, field.unit) if value else "" for value in query.values]
        if query.operator == "range" and field.unit != "bytes" and all(told):
            told[0] = query.values[0]  # the unit behind the upper end holds for both
    elif field.kind == "date":
        told = list(query.values)
    else:
        return [_value(value) for value in query.values]
    return ["..".join(told)] if query.operator == "range" else told


def _value(text: str) -> str:
    is_plain = _PLAIN_VALUE.fullmatch(text) and text.casefold() not in (*KEYWORDS, "none")
    return text if is_plain else quoted(text)


def _list(values: Sequence[str]) -> str:
    return values[0] if len(values) == 1 else f"({' or '.join(values)})"


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
