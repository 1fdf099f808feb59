"""A query as groups and conditions that a form can show, and back to text.

The form is that of JSON: every node has a ``kind``.

=========  ==============================================================================================
``all``    ``parts``: all of them hold
``any``    ``parts``: some of them holds
``not``    ``part`` does not hold
``with``   ``level``: ``subject`` or ``study`` that has some series of which ``part`` holds; ``referring`` or
           ``referred``: such a series refers to this one, or is referred to
``field``  ``field``, ``operator``, ``values``; when read, ``title`` and ``unit`` too
``text``   ``text``, ``is_phrase``
=========  ==============================================================================================
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from invivo.search.attribute import spelled
from invivo.search.field import UnknownField, field_named
from invivo.search.language import LONGEST_TEXT, read
from invivo.search.meaning import REFERRED, REFERRING
from invivo.search.query import And, Compare, Having, Not, Or, Query, Text
from invivo.search.term import is_strict
from invivo.search.token import BadQuery
from invivo.search.wording import DEEPEST, quoted, write

OPERATORS = ("is", "is-not", "like", "<", "<=", ">", ">=", "between", "has", "empty")
_ORDERED = ("<", "<=", ">", ">=")
_WITH = {"subject": "subject with", "study": "study with", REFERRING: "has", REFERRED: "refers-to"}
MOST_NODES = 2000

Node = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a node: the way to it by numbers of parts, and what to do."""

    path: tuple[int, ...]
    message: str


def outline(query: Query) -> dict[str, Any]:
    """Return a query as groups and conditions; `text_of_outline` gives a text of the same meaning."""
    if isinstance(query, And | Or):
        parts = _opened(query.parts) if isinstance(query, And) else [outline(part) for part in query.parts]
        return {"kind": "all" if isinstance(query, And) else "any", "parts": parts}
    if isinstance(query, Not):
        part = query.part
        if isinstance(part, Compare) and part.operator == "is":
            return {**_condition(part, "is-not", part.values)}
        return {"kind": "not", "part": outline(part)}
    if isinstance(query, Having):
        return {"kind": "with", "level": query.level, "part": outline(query.part)}
    if isinstance(query, Text):
        return {"kind": "text", "text": query.text, "is_phrase": query.is_phrase}
    return _compared(query)


def _opened(parts: Sequence[Query]) -> list[dict[str, Any]]:
    """Outline parts that must all hold; a range without its end is two of them."""
    found: list[dict[str, Any]] = []
    place = 0
    while place < len(parts):
        span = parts[place]
        if is_strict(parts[place : place + 2]) and isinstance(span, Compare):
            low, high = span.values
            found.append(_condition(span, ">" if low else "<", (low or high,)))
            place += 2
        else:
            found.append(outline(span))
            place += 1
    return found


def _compared(query: Compare) -> dict[str, Any]:
    if query.operator == "range":
        low, high = query.values
        operator = "between" if low and high else ">=" if low else "<="
        return _condition(query, operator, [one for one in query.values if one])
    if query.operator in ("below", "above"):
        return _condition(query, "<" if query.operator == "below" else ">", query.values)
    return _condition(query, query.operator, query.values)


def _condition(query: Compare, operator: str, values: Sequence[str]) -> dict[str, Any]:
    field = query.field
    name = spelled(field.path) if field.path else field.name
    told = {"kind": "field", "field": name, "title": field.title, "unit": field.unit, "type": field.kind}
    return {**told, "operator": operator, "values": list(values)}


def text_of_outline(node: Any) -> tuple[str, list[Fault]]:
    """Return the text of an outline that somebody filled in, and what is wrong with it.

    Nodes that are not filled in yet say nothing and are left out; so are faulty ones, each with a `Fault`.

    Parameters
    ----------
    node : object
        As `outline` gives it, from outside: anything may be in it.

    Raises
    ------
    BadQuery
        It is no outline, or larger or deeper than a query may be.
    """
    writing = _Writing()
    text = writing.text(node, (), 0)
    if len(text) > LONGEST_TEXT:
        raise BadQuery(f"A query has at most {LONGEST_TEXT:,} characters.", code="search.too-long")
    return write(read(text)), writing.faults


class _Writing:
    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._nodes = 0

    def text(self, node: Any, path: tuple[int, ...], depth: int) -> str:
        self._nodes += 1
        if depth > DEEPEST or self._nodes > MOST_NODES:
            raise BadQuery(
                "A query has at most 60 groups inside each other and 2,000 conditions.", code="search.too-deep"
            )
        kind = node.get("kind") if isinstance(node, Mapping) else None
        if kind in ("all", "any"):
            return self._group(node, path, depth)
        if kind in ("not", "with"):
            return self._around(node, path, depth)
        if kind not in ("field", "text"):
            raise BadQuery("This is no outline of a query.", code="search.outline")
        text = _free(node) if kind == "text" else self._told(node, path)
        try:
            read(text)
        except BadQuery as fault:
            self.faults.append(Fault(path, fault.message))
            return ""
        return text

    def _group(self, node: Node, path: tuple[int, ...], depth: int) -> str:
        parts = node.get("parts")
        if not isinstance(parts, list):
            raise BadQuery("This is no outline of a query.", code="search.outline")
        told = [self.text(part, (*path, place), depth + 1) for place, part in enumerate(parts)]
        word = " and " if node["kind"] == "all" else " or "
        joined = word.join(f"({one})" for one in told if one)
        return joined if sum(map(bool, told)) != 1 else joined[1:-1]

    def _around(self, node: Node, path: tuple[int, ...], depth: int) -> str:
        level = _WITH.get(str(node.get("level"))) if node["kind"] == "with" else "not"
        if level is None:
            raise BadQuery("This is no outline of a query.", code="search.outline")
        inner = self.text(node.get("part"), (*path, 0), depth + 1)
        return f"{level} ({inner})" if inner else ""

    def _told(self, node: Node, path: tuple[int, ...]) -> str:
        name, operator = _string(node.get("field")).strip(), node.get("operator")
        given = node.get("values")
        values = [one for value in given if (one := _string(value).strip())] if isinstance(given, list) else []
        if not name or operator not in OPERATORS or (not values and operator not in ("has", "empty")):
            return ""
        try:
            field = field_named(name)
        except UnknownField as fault:
            self.faults.append(Fault(path, fault.message))
            return ""
        return _condition_text(spelled(field.path) if field.path else field.name, str(operator), values)


def _condition_text(name: str, operator: str, values: list[str]) -> str:
    if operator in ("has", "empty"):
        return f"{name}:{'*' if operator == 'has' else 'none'}"
    if operator in _ORDERED:
        return f"{name}{operator}{quoted(values[0])}"
    if operator == "between":
        return f"{name}:{quoted('..'.join(values[:2]) if len(values) > 1 else values[0])}"
    written = " or ".join(quoted(one) for one in values)
    return f"{name}{'!=' if operator == 'is-not' else ':'}({written})"


def _free(node: Node) -> str:
    text = _string(node.get("text")).strip()
    return quoted(text) if text and node.get("is_phrase") is True else text


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""
