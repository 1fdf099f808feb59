"""The words of a query text, each with the place where it stands."""

import re
from dataclasses import dataclass

from invivo.errors import Invalid
from invivo.search.attribute import STEP
from invivo.search.unit import is_unit

LONGEST_MESSAGE = 300
_SPACE = re.compile(r"\s*+")
_HEAD = re.compile(rf"({STEP}(?:\.{STEP})*+)\s*+(:(?:\s*+(?:<=|>=|!=|==|[<>=≤≥≠]))?|==|!=|<=|>=|[=<>≤≥≠])")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_WORD = re.compile(r'[^\s()"<>=:≤≥≠]++')
_BARE = re.compile(r'[^\s()"]++')
_BARE_IN_LIST = re.compile(r'[^\s()",]++')
_NUMBER = re.compile(r"[+-]?[0-9.]++(?:[eE][+-]?[0-9]++)?")
_ESCAPED = re.compile(r'\\(["\\])')
_OPERATORS = {"≤": "<=", "≥": ">=", "≠": "!=", "==": ":=", "=": ":"}
_CURLY = str.maketrans("“”„", '"""')


class BadQuery(Invalid):
    """A query text cannot be read.

    Attributes
    ----------
    start, end : int
        Where the fault stands in the text, in characters.
    """

    code = "search.syntax"

    def __init__(self, message: str, start: int = 0, end: int = 0, *, code: str | None = None, **facts: object) -> None:
        short = message if len(message) <= LONGEST_MESSAGE else f"{message[: LONGEST_MESSAGE - 1]}…"
        super().__init__(short, code=code, start=start, end=end, **facts)
        self.start = start
        self.end = end


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text.

    Attributes
    ----------
    kind : {"word", "phrase", "term", "minus", "(", ")", "end"}
        A ``term`` is the name and operator of a comparison; its values are read with `Scanner.values`.
    """

    kind: str
    text: str
    start: int
    end: int
    operator: str = ""


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a term; what stood in quotes is taken as text, never as ``none``."""

    text: str
    is_quoted: bool
    start: int
    end: int


class Scanner:
    """Reads a text from left to right. Every character is looked at a fixed number of times."""

    def __init__(self, text: str) -> None:
        # A telephone writes curly quotation marks. Beside straight ones they are part of what is quoted.
        self.text = text if '"' in text else text.translate(_CURLY)
        self._place = 0
        self._next: Token | None = None

    def peek(self) -> Token:
        """Return the next token and stay before it."""
        if self._next is None:
            self._next = self._token(self._skip(self._place))
        return self._next

    def take(self) -> Token:
        """Return the next token and go on behind it."""
        token = self.peek()
        self._place, self._next = token.end, None
        return token

    def go_back(self, token: Token) -> None:
        """Stand before a token again."""
        self._place, self._next = token.start, token

    def values(self, head: Token, joins: str) -> list[Value]:
        """Read the value of a term, or its list in brackets.

        Parameters
        ----------
        head : Token
            The term, just taken.
        joins : {"", "ranges", "units"}
            What may stand behind spaces and is still the same value: ``1 .. 2`` of a number or date, ``1 mm .. 2 mm`` of a
            number with a unit.
        """
        place = self._skip(self._place)
        if not self.text.startswith("(", place):
            value = self._value(head, place, joins, in_list=False)
            self._place = value.end
            return [value]
        if head.operator not in (":", ":=", "!="):
            raise BadQuery(f"{head.operator} wants one number or date, not a list.", place, place + 1)
        return self._list(head, place, joins)

    def _list(self, head: Token, opening: int, joins: str) -> list[Value]:
        place, found = self._skip(opening + 1), []
        while True:
            value = self._value(head, place, joins, in_list=True)
            if not value.is_quoted and value.text.casefold() in ("or", "and", "not"):
                raise BadQuery("A list holds values with or between them, such as (CT or MR).", value.start, value.end)
            found.append(value)
            place = self._skip(value.end)
            if self.text.startswith(")", place):
                self._place = place + 1
                return found
            if place >= len(self.text):
                raise BadQuery("This bracket is not closed.", opening, opening + 1)
            word = _BARE_IN_LIST.match(self.text, place)
            if self.text[place] == ",":
                place = self._skip(place + 1)
            elif word and word.group().casefold() == "or":
                place = self._skip(word.end())
            else:
                message = "Write or between values, and quotes around a value with spaces."
                raise BadQuery(message, place, word.end() if word else place + 1)

    def _value(self, head: Token, place: int, joins: str, in_list: bool) -> Value:
        if self.text.startswith('"', place):
            inner, end = self._quoted(place)
            return Value(inner, True, place, end)
        found = (_BARE_IN_LIST if in_list else _BARE).match(self.text, place)
        if not found:
            at = (place, place + 1) if in_list and place < len(self.text) else (head.start, head.end)
            raise BadQuery('A value is expected here, such as CT, 1..2.5, "lower leg", * for any or none.', *at)
        end = found.end()
        if self.text[end : end + 1] in ('"', "("):
            raise BadQuery("Put quotes around a value that has spaces, brackets or quotes.", place, end + 1)
        if not in_list and "," in found.group():
            raise BadQuery(
                'Several values are written (CT or MR), a decimal point is a dot; quote a value with a comma: "a, b".',
                place,
                end,
            )
        if joins:
            end = self._joined(place, end, joins)
        return Value(self.text[place:end], False, place, end)

    def _joined(self, place: int, end: int, joins: str) -> int:
        """Return where a value ends whose unit, or whose other end of a range, stands behind a space."""
        while end - place <= 100:
            so_far = self.text[place:end]
            further = _BARE_IN_LIST.match(self.text, self._skip(end))
            if not further or further.start() == end:
                break
            word = further.group()
            if so_far.endswith(".."):
                is_more = word[0] in "+-." or word[0].isdigit()
            elif word.startswith(".."):
                is_more = True
            else:
                is_number = _NUMBER.fullmatch(so_far.rpartition("..")[2].strip())
                is_more = joins == "units" and is_number is not None and is_unit(word.partition("..")[0])
            if not is_more:
                break
            end = further.end()
        return end

    def _token(self, place: int) -> Token:
        text = self.text
        if place >= len(text):
            return Token("end", "", len(text), len(text))
        if head := _HEAD.match(text, place):
            bare = head.group(2).removeprefix(":").strip()
            operator = ":" if not bare else _OPERATORS.get(bare, bare)
            if head.group(2)[0] == ":" and bare in ("=", "=="):
                operator = ":="
            return Token("term", head.group(1), place, head.end(), operator)
        first = text[place]
        if first in "()":
            return Token(first, first, place, place + 1)
        if first == '"':
            inner, end = self._quoted(place)
            return Token("phrase", inner, place, end)
        if first == "-" and text[place + 1 : place + 2].strip().strip(")"):
            return Token("minus", first, place, place + 1)
        word = _WORD.match(text, place)
        if not word:
            message = (
                f'{first} stands behind the name of a field, as in slice-thickness<=1.5mm; put other text in "quotes".'
            )
            raise BadQuery(message, place, place + 1)
        return Token("word", word.group(), place, word.end())

    def _quoted(self, place: int) -> tuple[str, int]:
        found = _QUOTED.match(self.text, place)
        if not found:
            raise BadQuery("This quotation mark is not closed.", place, place + 1)
        if self.text[found.end() : found.end() + 1] not in ("", "(", ")", ",") and not self.text[found.end()].isspace():
            raise BadQuery(
                'Put a space behind a closing quotation mark; a mark inside is written \\".', place, found.end()
            )
        return _ESCAPED.sub(r"\1", found.group(1)), found.end()

    def _skip(self, place: int) -> int:
        found = _SPACE.match(self.text, place)
        return found.end() if found else place
