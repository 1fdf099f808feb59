"""Where known devices burn text into their pictures: conditions and rectangles, as data (from the CTP project)."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from pydicom.dataset import Dataset

from invivo import dicom
from invivo.deidentification import element as elements
from invivo.deidentification.table import tag_number, text_of
from invivo.errors import Broken

_TOKEN = re.compile(
    r"\s*(?:(?P<join>AND|OR|\(|\))(?![\w.])|(?P<name>[0-9A-Fa-f]{4},[0-9A-Fa-f]{4}|\w+)\s*"
    r"(?P<test>has-i|has|==|\.containsIgnoreCase)\s*\(?\s*['\"](?P<value>[^'\"]*)['\"]\s*(?P<close>\))?)"
)
_ROWS, _COLUMNS, _IMPLEMENTATION = 0x00280010, 0x00280011, 0x00020013

Rectangle = tuple[int, int, int, int]
Test = Callable[[str, str], bool]
_TESTS: dict[str, Test] = {
    "has-i": lambda text, value: value.casefold() in text.casefold(),
    ".containsIgnoreCase": lambda text, value: value.casefold() in text.casefold(),
    "has": lambda text, value: value in text,
    "==": lambda text, value: value == text,
}


class UnreadableCondition(Broken):
    """A condition of the shipped list of regions cannot be read."""

    code = "deidentification.unreadable-condition"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison of an attribute with a text."""

    tag: int
    test: str
    value: str


# An OR of ANDs, each a comparison or another such.
Condition = tuple[tuple["Comparison | Condition", ...], ...]


@dataclass(frozen=True, slots=True)
class Known:
    """A device's regions: x, y, width, height in pixels, negative from the far edge."""

    number: int
    condition: Condition
    rectangles: tuple[Rectangle, ...]


@cache
def known() -> tuple[Known, ...]:
    """The shipped list."""
    found = []
    for line in csv.DictReader(io.StringIO(text_of("pixel_regions.csv"))):
        rectangles = []
        for part in line["regions_x_y_w_h"].split(";"):
            x, y, width, height = (int(number) for number in part.split(","))
            rectangles.append((x, y, width, height))
        found.append(Known(int(line["n"]), parse_condition(line["when"]), tuple(rectangles)))
    return tuple(found)


def parse_condition(text: str) -> Condition:
    """Read a condition such as ``Manufacturer has-i 'GE' AND ( Rows == '512' OR Rows == '1024' )``.

    Raises
    ------
    UnreadableCondition
    """
    tokens = _tokens(text)
    condition, rest = _either(tokens)
    if rest:
        raise UnreadableCondition("A condition of the list of regions goes on after its end.")
    return condition


def _tokens(text: str) -> list[str | Comparison]:
    found: list[str | Comparison] = []
    place = 0
    while text[place:].strip():
        token = _TOKEN.match(text, place)
        if token is None:
            raise UnreadableCondition("A condition of the list of regions cannot be read.")
        if token["join"]:
            found.append(token["join"])
            place = token.end()
        else:
            found.append(Comparison(tag_number(token["name"]), token["test"], token["value"]))
            called = token["test"].startswith(".")
            place = token.end() if called or not token["close"] else token.start("close")
    return found


def _either(tokens: list[str | Comparison]) -> tuple[Condition, list[str | Comparison]]:
    alternatives = []
    part, tokens = _all(tokens)
    alternatives.append(part)
    while tokens and tokens[0] == "OR":
        part, tokens = _all(tokens[1:])
        alternatives.append(part)
    return tuple(alternatives), tokens


def _all(tokens: list[str | Comparison]) -> tuple[tuple["Comparison | Condition", ...], list[str | Comparison]]:
    terms: list[Comparison | Condition] = []
    term, tokens = _term(tokens)
    terms.append(term)
    while tokens and tokens[0] == "AND":
        term, tokens = _term(tokens[1:])
        terms.append(term)
    return tuple(terms), tokens


def _term(tokens: list[str | Comparison]) -> tuple["Comparison | Condition", list[str | Comparison]]:
    if not tokens:
        raise UnreadableCondition("A condition of the list of regions ends too early.")
    first, rest = tokens[0], tokens[1:]
    if isinstance(first, Comparison):
        return first, rest
    if first != "(":
        raise UnreadableCondition("A condition of the list of regions has a word at the wrong place.")
    inner, rest = _either(rest)
    if not rest or rest[0] != ")":
        raise UnreadableCondition("A parenthesis in the list of regions is not closed.")
    return inner, rest[1:]


def holds(condition: Condition, text_of_tag: Callable[[int], str]) -> bool:
    """Tell whether a condition is true of an object whose texts ``text_of_tag`` gives."""
    return any(all(_is_true(term, text_of_tag) for term in terms) for terms in condition)


def _is_true(term: "Comparison | Condition", text_of_tag: Callable[[int], str]) -> bool:
    if isinstance(term, Comparison):
        return _TESTS[term.test](text_of_tag(term.tag), term.value)
    return holds(term, text_of_tag)


def text_at(dataset: Dataset, tag: int, encodings: Sequence[str] | None = None) -> str:
    """All values of an attribute of the root or the file meta information, joined by backslashes; empty without it."""
    holder = getattr(dataset, "file_meta", None) if tag >> 16 == 2 else dataset
    element = elements.stored(holder).get(dicom.tag_of(tag)) if holder is not None else None
    if element is None:
        return ""
    if encodings is None:
        encodings = elements.encodings_of(dataset, ["iso8859"])
    if tag in {_ROWS, _COLUMNS} and isinstance(element.value, bytes):
        little = getattr(element, "is_little_endian", True)
        return str(int.from_bytes(element.value[:2], "little" if little else "big"))
    return "\\".join(elements.texts_of(element, "LO", encodings))


def regions_of(dataset: Dataset) -> tuple[Rectangle, ...]:
    """Rectangles inside the picture in which the object's device is known to write."""
    encodings = elements.encodings_of(dataset, ["iso8859"])
    return _regions_by(tuple(text_at(dataset, tag, encodings) for tag in _asked_tags()))


@cache
def _asked_tags() -> tuple[int, ...]:
    """Tags of which the list's conditions speak, and the size of the picture."""
    return (
        *sorted({tag for entry in known() for tag in _tags_of(entry.condition)} - {_ROWS, _COLUMNS}),
        _ROWS,
        _COLUMNS,
    )


def _tags_of(condition: Condition) -> Iterator[int]:
    for terms in condition:
        for term in terms:
            if isinstance(term, Comparison):
                yield term.tag
            else:
                yield from _tags_of(term)


@lru_cache(maxsize=256)
def _regions_by(texts: tuple[str, ...]) -> tuple[Rectangle, ...]:
    by_tag = dict(zip(_asked_tags(), texts, strict=True))
    rows, columns = texts[-2:]
    if not (columns.isdigit() and rows.isdigit()):
        return ()
    return tuple(
        _inside(rectangle, int(columns), int(rows))
        for entry in known()
        if holds(entry.condition, by_tag.__getitem__)
        for rectangle in entry.rectangles
    )


def _inside(rectangle: Rectangle, columns: int, rows: int) -> Rectangle:
    x, y, width, height = rectangle
    x, y = (x + columns if x < 0 else x), (y + rows if y < 0 else y)
    x, y = min(max(x, 0), columns), min(max(y, 0), rows)
    return x, y, min(width, columns - x), min(height, rows - y)
