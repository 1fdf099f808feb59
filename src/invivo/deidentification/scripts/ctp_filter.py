"""CTP's filter language: comparisons of elements with texts, joined by ``!``, ``*`` and ``+``.

CTP takes any error for false. Here a text that is no filter is refused at load, and an object that cannot be read
raises, since either answer could let something pass.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from pydicom.dataset import Dataset

from invivo.deidentification.scripts.ctp_names import Name, find, parse_name
from invivo.deidentification.scripts.lookup import text_of
from invivo.deidentification.scripts.pattern import BadPattern, compile_pattern
from invivo.deidentification.scripts.refusal import DEEPEST_CALL, Passage, whole
from invivo.deidentification.scripts.value import Level

LARGEST_FILTER = 256 * 1024
_MOST_TERMS = 5000
_BLANK = re.compile(r"(?:\s++|//[^\n]*+)*+")
_COMPARISON = re.compile(
    r"(?P<name>(?:\[[^\]\"]*+\]|[^\"\s\[\]().!*+]++|\s*+::\s*+)++)\s*\.\s*(?P<method>\w+)\s*\(\s*"
    r'"(?P<text>(?:[^"\\]|\\.)*)"\s*\)',
    re.DOTALL,
)
_WORD = re.compile(r"true\b|false\b")
_DIGITS = re.compile(r"[^0-9.]")

Test = Callable[[str], bool]
# A term is a test of a data set; both operands of * and + are always evaluated, so an error never hides.
Term = Callable[[Level], bool]


def _number(text: str) -> float | None:
    try:
        return float(_DIGITS.sub("", text)[:400])
    except ValueError:
        return None


def _less(wanted: str, sign: int) -> Test:
    limit = _number(wanted)

    def test(text: str) -> bool:
        number = _number(text)
        return number is not None and limit is not None and (number - limit) * sign < 0

    return test


_METHODS: dict[str, Callable[[str], Test]] = {
    "equals": lambda wanted: lambda text: text == wanted,
    "equalsIgnoreCase": lambda wanted: lambda text: text.lower() == wanted.lower(),
    "contains": lambda wanted: lambda text: wanted in text,
    "containsIgnoreCase": lambda wanted: lambda text: wanted.lower() in text.lower(),
    "startsWith": lambda wanted: lambda text: text.startswith(wanted),
    "startsWithIgnoreCase": lambda wanted: lambda text: text.lower().startswith(wanted.lower()),
    "endsWith": lambda wanted: lambda text: text.endswith(wanted),
    "endsWithIgnoreCase": lambda wanted: lambda text: text.lower().endswith(wanted.lower()),
    "isLessThan": lambda wanted: _less(wanted, 1),
    "isGreaterThan": lambda wanted: _less(wanted, -1),
}


@dataclass(frozen=True, slots=True)
class Filter:
    """A compiled filter."""

    text: str
    _term: Term

    def matches(self, dataset: Dataset) -> bool:
        """Whether an object passes the filter.

        Raises
        ------
        CannotDeidentify
            An element cannot be read.
        """
        return self._term(Level(dataset))


def load_filter(text: str | bytes) -> Filter:
    """Compile a filter.

    Raises
    ------
    ScriptRefused
        It is no expression, names an unknown element or method, or is too large.
    """
    plain = text_of(text, LARGEST_FILTER)
    return parse_filter(whole(plain))


def parse_filter(passage: Passage) -> Filter:
    """Compile a filter that is part of a file."""
    parser = _Parser(passage)
    term = parser.either(0)
    parser.expect_end()
    return Filter(passage.text, term)


def _joined(terms: list[Term], join: Callable[[list[bool]], bool]) -> Term:
    def term(level: Level) -> bool:
        answers = [inner(level) for inner in terms]
        return join(answers)

    return term


class _Parser:
    def __init__(self, passage: Passage) -> None:
        self._passage, self._text = passage, passage.text
        self._place = 0
        self._terms = 0

    def _next(self) -> str:
        blank = _BLANK.match(self._text, self._place)
        self._place = blank.end() if blank else self._place
        return self._text[self._place : self._place + 1]

    def expect_end(self) -> None:
        if self._next():
            raise self._passage.refused(self._place, "the expression goes on after its end.")

    def either(self, depth: int) -> Term:
        terms = [self._all(depth)]
        while self._next() == "+":
            self._place += 1
            terms.append(self._all(depth))
        return terms[0] if len(terms) == 1 else _joined(terms, any)

    def _all(self, depth: int) -> Term:
        terms = [self._term(depth)]
        while self._next() == "*":
            self._place += 1
            terms.append(self._term(depth))
        return terms[0] if len(terms) == 1 else _joined(terms, all)

    def _term(self, depth: int) -> Term:
        letter = self._next()
        self._terms += 1
        if depth > DEEPEST_CALL or self._terms > _MOST_TERMS:
            raise self._passage.refused(self._place, "the expression is too long or nested too deep.")
        if letter == "!":
            self._place += 1
            negated = self._term(depth + 1)
            return lambda level: not negated(level)
        word = _WORD.match(self._text, self._place)
        if word:
            self._place = word.end()
            return (lambda _level: True) if word[0] == "true" else (lambda _level: False)
        found = _COMPARISON.match(self._text, self._place)
        if found:
            return self._comparison(found)
        if letter != "(":
            reason = "a comparison is expected here." if letter else "the expression ends too early."
            raise self._passage.refused(self._place, reason)
        self._place += 1
        inner = self.either(depth + 1)
        if self._next() != ")":
            raise self._passage.refused(self._place, "a parenthesis is not closed.")
        self._place += 1
        return inner

    def _comparison(self, found: re.Match[str]) -> Term:
        name = parse_name(found["name"], {})
        if name is None:
            raise self._passage.refused(found.start("name"), f"{found['name'].strip()} is no known element.")
        wanted = found["text"].replace('\\"', '"')
        if found["method"] == "matches":
            try:
                test: Test = compile_pattern(wanted).matches
            except BadPattern as error:
                raise self._passage.refused(found.start("text"), f"{error}.") from None
        elif found["method"] in _METHODS:
            test = _METHODS[found["method"]](wanted.replace("\\\\", "\\"))
        else:
            raise self._passage.refused(found.start("method"), f"unknown method {found['method']}.")
        self._place = found.end()
        return _tested(name, test)


def _tested(name: Name, test: Test) -> Term:
    def term(level: Level) -> bool:
        found = find(level, name, 0)
        return test(found[0].text(found[1]) if found is not None else "")

    return term
