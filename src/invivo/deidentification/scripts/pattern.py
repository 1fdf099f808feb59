"""Regular expressions written for Java, as Python's: translated where they differ, refused where they cannot be told.

A pattern that could take exponential time is refused, and the text that a pattern may be tried on is bounded by how
many open repetitions it has.
"""

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import log2
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as sre_parser  # type: ignore[attr-defined]
from typing import Any

from invivo.deidentification.scripts.refusal import failed

LONGEST_PATTERN = 1000
_LONGEST = 1_000_000
_SHORTEST = 16
# Steps of the engine, as a power of two, that one value may cost: about a second.
_MOST_BITS = 26
_OPEN = 64
_POSIX = {
    "Lower": "a-z",
    "Upper": "A-Z",
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Alnum": "a-zA-Z0-9",
    "XDigit": "0-9a-fA-F",
    "Space": r"\s",
    "Blank": r" \t",
    "Punct": r"!-/:-@\[-`{-~",
    "ASCII": r"\x00-\x7f",
}
_PIECE = re.compile(
    r"\\Q(?P<quoted>.*?)(?:\\E|\Z)|\\p\{(?P<posix>\w+)\}|(?P<end>\\z)|\\k<(?P<back>\w+)>|\(\?<(?P<name>[A-Za-z]\w*)>"
    r"|(?P<never>\\[ZGRXhHvVepPN]|&&|\{,|\(\?P)|\\.|(?P<open>\[\^?\]?)|(?P<close>\])",
    re.DOTALL,
)
_GROUP = re.compile(r"\\(.)|\$(?:(\d)|\{(\w+)\})|(\$|\\)|([^$\\]+)", re.DOTALL)
_REPEATS = {sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT}


class BadPattern(ValueError):
    """A pattern that cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern and the longest texts it may be tried on, as a whole and for finding it."""

    compiled: re.Pattern[str]
    longest: int
    longest_search: int

    def _bounded(self, text: str, longest: int) -> str:
        if len(text) > longest:
            raise failed("pattern", "A value is too long for a regular expression of the script.")
        return text

    def matches(self, text: str) -> bool:
        """Whether the whole text matches."""
        return self.compiled.fullmatch(self._bounded(text, self.longest)) is not None

    def search(self, text: str) -> re.Match[str] | None:
        """The first place where it is found."""
        return self.compiled.search(self._bounded(text, self.longest_search))

    def replace(self, text: str, replacement: Callable[[re.Match[str]], str]) -> str:
        """The text with every match replaced."""
        return self.compiled.sub(replacement, self._bounded(text, self.longest_search))


@lru_cache(maxsize=4096)
def compile_pattern(text: str) -> Pattern:
    """Compile a Java pattern.

    Raises
    ------
    BadPattern
        It is too long, means something else in Python, cannot be compiled, or may take exponential time.
    """
    if len(text) > LONGEST_PATTERN:
        raise BadPattern(f"a regular expression is longer than {LONGEST_PATTERN} characters")
    translated = _translated(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            compiled = re.compile(translated, re.ASCII)
            tree = sre_parser.parse(translated, re.ASCII)
            opens, bits = _cost(tree, inside=False)
    except (re.error, Warning, OverflowError, RecursionError, ValueError) as error:
        if isinstance(error, BadPattern):
            raise
        raise BadPattern("a regular expression cannot be compiled") from error
    longest, longest_search = _longest(opens, bits), _longest(opens + 1 if opens else 0, bits)
    if min(longest, longest_search) < _SHORTEST:
        raise BadPattern("a regular expression has too many open repetitions")
    return Pattern(compiled, longest, longest_search)


def _longest(opens: float, bits: float) -> int:
    """The longest text for which a pattern takes at most some 2 ** 26 steps."""
    if bits > _MOST_BITS:
        return 0
    return _LONGEST if not opens else int(min(_LONGEST, 2 ** min((_MOST_BITS - bits) / opens, 30)))


def _translated(text: str) -> str:
    found: list[str] = []
    place, in_class = 0, False
    for piece in _PIECE.finditer(text):
        found.append(text[place : piece.start()])
        place = piece.end()
        if piece["open"]:
            if in_class:
                raise BadPattern("a regular expression has a character class in another one")
            in_class = True
        elif piece["close"]:
            in_class = False
        if piece["never"] and not (in_class and piece["never"] in {"{,", "(?P"}):
            raise BadPattern("a regular expression uses what only Java has")
        found.append(_piece(piece, in_class))
    return "".join(found) + text[place:]


def _piece(piece: re.Match[str], in_class: bool) -> str:
    if piece["quoted"] is not None:
        return re.escape(piece["quoted"])
    if piece["posix"]:
        if piece["posix"] not in _POSIX:
            raise BadPattern("a regular expression names a class that is not known")
        inner = _POSIX[piece["posix"]]
        return inner if in_class else f"[{inner}]"
    if piece["name"] and not in_class:
        return f"(?P<{piece['name']}>"
    if piece["back"]:
        return f"(?P={piece['back']})"
    return r"\Z" if piece["end"] else piece[0]


def _cost(tree: Any, *, inside: bool) -> tuple[float, float]:
    """How many open repetitions stand in a parsed pattern, and how many binary choices besides; ``inside`` of an open
    repetition nothing may be left to choice, since the ways to match would double with each character."""
    opens = bits = 0.0
    for operator, argument in tree:
        if operator in _REPEATS:
            least, most, body = argument
            is_open = most is sre.MAXREPEAT or most > _OPEN
            if inside and most != least:
                raise BadPattern("a regular expression repeats a repetition")
            inner_opens, inner_bits = _cost(body, inside=inside or is_open)
            times = 1 if is_open else most
            opens += inner_opens * times + is_open
            bits += inner_bits * times + (0 if is_open else log2(most - least + 1))
        elif operator is sre.BRANCH:
            if _is_ambiguous(argument[1]):
                if inside:
                    raise BadPattern("a regular expression repeats alternatives that begin alike")
                bits += log2(len(argument[1]))
            opens, bits = _added((opens, bits), [_cost(branch, inside=inside) for branch in argument[1]])
        else:
            inner = _inner(operator, argument)
            opens, bits = _added((opens, bits), [_cost(part, inside=inside) for part in inner])
    return opens, bits


def _added(first: tuple[float, float], others: list[tuple[float, float]]) -> tuple[float, float]:
    return first[0] + sum(other[0] for other in others), first[1] + sum(other[1] for other in others)


def _inner(operator: Any, argument: Any) -> list[Any]:
    """The patterns inside one that is no repetition and no choice."""
    if operator is sre.SUBPATTERN:
        return [argument[-1]]
    if operator is sre.ATOMIC_GROUP:
        return [argument]
    if operator in {sre.ASSERT, sre.ASSERT_NOT}:
        return [argument[1]]
    if operator is sre.GROUPREF_EXISTS:
        return [branch for branch in argument[1:] if branch is not None]
    return []


def _is_ambiguous(branches: Any) -> bool:
    """Whether two alternatives could begin with the same character."""
    firsts = [branch[0] for branch in branches if len(branch)]
    if len(firsts) < len(branches) or any(first[0] is not sre.LITERAL for first in firsts):
        return True
    return len({chr(first[1]).casefold() for first in firsts}) < len(firsts)


def replacement_of(text: str, pattern: Pattern) -> Callable[[re.Match[str]], str]:
    """A Java replacement (``$1``, ``${name}``, a backslash before what is meant literally) as a function.

    Raises
    ------
    BadPattern
        It names a group that the pattern does not have, or ends in the middle.
    """
    parts: list[str | int] = []
    for piece in _GROUP.finditer(text):
        literal, number, name, stray, plain = piece.groups()
        if stray is not None:
            raise BadPattern("a replacement ends in the middle or has a $ without a group")
        if number is not None or name is not None:
            group = int(number) if number is not None else pattern.compiled.groupindex.get(name, -1)
            if not 0 <= group <= pattern.compiled.groups:
                raise BadPattern("a replacement names a group that its regular expression does not have")
            parts.append(group)
        else:
            parts.append(literal if literal is not None else plain)

    def replaced(match: re.Match[str]) -> str:
        return "".join(part if isinstance(part, str) else match[part] or "" for part in parts)

    return replaced
