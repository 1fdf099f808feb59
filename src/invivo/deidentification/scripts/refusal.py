"""Why a script is refused, where it says so, and how its pieces remember their places in the file."""

from bisect import bisect_right
from dataclasses import dataclass

from invivo.deidentification.report import CannotDeidentify
from invivo.errors import Invalid

LARGEST_SCRIPT = 4 * 1024 * 1024
MOST_RULES = 20_000
DEEPEST_CALL = 40
_LONGEST_REASON = 200


class ScriptRefused(Invalid):
    """A foreign script that is not understood wholly: nothing may be done with any part of it."""

    code = "deidentification.script-refused"

    def __init__(self, reason: str, *, line: int = 1, column: int = 1) -> None:
        reason = reason if len(reason) <= _LONGEST_REASON else reason[:_LONGEST_REASON] + " ..."
        super().__init__(f"Line {line}, column {column}: {reason}", line=line, column=column)
        self.line, self.column, self.reason = line, column, reason


@dataclass(frozen=True, slots=True)
class Warned:
    """Something legal in a script that a curator should know before using it."""

    line: int
    column: int
    text: str


@dataclass(frozen=True, slots=True)
class Passage:
    """Text of a script and where it stands: ``marks`` are (offset, line, column) of its unbroken runs."""

    text: str
    marks: tuple[tuple[int, int, int], ...]

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column, from 1, of a character."""
        at = bisect_right(self.marks, (offset, 1 << 60, 0)) - 1
        start, line, column = self.marks[max(at, 0)]
        return line, column + offset - start

    def part(self, start: int, end: int) -> "Passage":
        """A piece of the passage, which still knows its places."""
        return Passage(self.text[start:end], tuple((at - start, line, column) for at, line, column in self.marks))

    def refused(self, offset: int, reason: str) -> ScriptRefused:
        """The error for something at a character."""
        line, column = self.place(offset)
        return ScriptRefused(reason, line=line, column=column)

    def warned(self, offset: int, text: str) -> Warned:
        """The warning for something at a character."""
        line, column = self.place(offset)
        return Warned(line, column, text)


def whole(text: str) -> Passage:
    """A file as a passage."""
    marks = [(0, 1, 1)]
    offset = text.find("\n")
    while offset >= 0:
        marks.append((offset + 1, len(marks) + 1, 1))
        offset = text.find("\n", offset + 1)
    return Passage(text, tuple(marks))


def failed(reason: str, text: str) -> CannotDeidentify:
    """What stops an object while a script runs; ``text`` never holds a value of it."""
    return CannotDeidentify(text, code=f"deidentification.script-{reason}")
