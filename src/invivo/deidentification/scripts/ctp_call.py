"""The language of a CTP rule: literal text mixed with calls ``@name(arguments)``, some followed by ``{clauses}``."""

import re
from dataclasses import dataclass

from invivo.deidentification.scripts.refusal import DEEPEST_CALL, Passage

_CALL = re.compile(r"@([A-Za-z_]\w*)\(", re.ASCII)
CLAUSED = {"append": (1, 1), "if": (1, 2), "select": (2, 2)}


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument, trimmed, and where it begins."""

    text: str
    offset: int

    @property
    def plain(self) -> str:
        """The argument without enclosing quotes."""
        if len(self.text) >= 2 and self.text[0] == self.text[-1] == '"':
            return self.text[1:-1].replace('\\"', '"')
        return self.text


@dataclass(frozen=True, slots=True)
class Call:
    """A call with its arguments and clauses."""

    name: str
    offset: int
    arguments: tuple[Argument, ...]
    clauses: tuple[Passage, ...]


def parse(passage: Passage) -> list[str | Call]:
    """Text and calls of a rule, in order.

    Raises
    ------
    ScriptRefused
        An ``@`` that starts no call, or a call, string or clause that does not end.
    """
    text = passage.text
    found: list[str | Call] = []
    literal: list[str] = []
    place = 0
    while place < len(text):
        if text[place] == "\\":
            if place + 1 == len(text):
                raise passage.refused(place, "the rule ends after a backslash.")
            literal.append(text[place + 1])
            place += 2
        elif text[place] == "@":
            if literal:
                found.append("".join(literal))
                literal = []
            call, place = _call(passage, place)
            found.append(call)
        else:
            literal.append(text[place])
            place += 1
    if literal:
        found.append("".join(literal))
    return found


def _call(passage: Passage, start: int) -> tuple[Call, int]:
    head = _CALL.match(passage.text, start)
    if head is None:
        raise passage.refused(start, "an @ that starts no function; write \\@ for the character.")
    arguments, place = _arguments(passage, start, head.end())
    clauses: list[Passage] = []
    least, most = CLAUSED.get(head[1], (0, 0))
    while len(clauses) < most:
        opening = place + len(passage.text[place:]) - len(passage.text[place:].lstrip())
        if passage.text[opening : opening + 1] != "{":
            break
        place = _clause_end(passage, opening)
        clauses.append(passage.part(opening + 1, place - 1))
    if len(clauses) < least:
        raise passage.refused(place, f"@{head[1]} needs a clause in braces.")
    return Call(head[1], start, tuple(arguments), tuple(clauses)), place


def _arguments(passage: Passage, start: int, place: int) -> tuple[list[Argument], int]:
    text, begin = passage.text, place
    found: list[Argument] = []
    stack: list[str] = []
    while place < len(text):
        letter = text[place]
        if stack and stack[-1] == '"':
            if letter == "\\":
                place += 1
            elif letter == '"':
                stack.pop()
        elif letter == '"' or (letter in "([" and (not stack or stack[-1] != "]")):
            stack.append({'"': '"', "(": ")", "[": "]"}[letter])
        elif stack:
            if letter == stack[-1]:
                stack.pop()
        elif letter in ",)":
            if letter == "," or found or text[begin:place].strip():
                found.append(_argument(text, begin, place))
            if letter == ")":
                return found, place + 1
            begin = place + 1
        if len(stack) > DEEPEST_CALL:
            raise passage.refused(place, "parentheses are nested too deep.")
        place += 1
    raise passage.refused(start, "a call has no closing parenthesis.")


def _argument(text: str, begin: int, end: int) -> Argument:
    raw = text[begin:end]
    return Argument(raw.strip(), begin + len(raw) - len(raw.lstrip()))


def _clause_end(passage: Passage, opening: int) -> int:
    depth, place, text = 0, opening, passage.text
    while place < len(text):
        if text[place] == "\\":
            place += 1
        elif text[place] == "{":
            depth += 1
        elif text[place] == "}":
            depth -= 1
            if depth == 0:
                return place + 1
        place += 1
    raise passage.refused(opening, "a clause has no closing brace.")
