"""A compiled CTP rule: its pieces, what they may answer, and the one decision that comes of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from invivo.deidentification.scripts.ctp_names import Name, Private, find
from invivo.deidentification.scripts.lookup import Lookup, Numbers
from invivo.deidentification.scripts.refusal import Warned, failed
from invivo.deidentification.scripts.value import Level


class Control(Enum):
    """What a rule may do besides writing text. No text of an object can be mistaken for one."""

    KEEP = "keep"
    REMOVE = "remove"
    EMPTY = "empty"
    PROCESS = "process"


class Blanks(str):
    """Text that is meant to be blank, hence not trimmed."""

    __slots__ = ()


class Skipped(Exception):
    """A rule said that the object is not the script's business."""


Result = Control | str
SPELLED = {f"@{control.value}()": control for control in Control}


def spelled(text: str) -> Result:
    """Text that the script's author wrote: a decision when it spells one."""
    return SPELLED.get(text.strip(), text)


@dataclass(slots=True)
class Context:
    """One element of one object while its rule runs."""

    level: Level
    script: "Rules"
    numbers: Numbers | None
    now: datetime
    tag: int = 0
    depth: int = 0

    def text(self, name: Name) -> str:
        """The text that a name leads to; empty without it."""
        found = find(self.level, name, self.tag)
        return found[0].text(found[1]) if found is not None else ""

    def present(self, name: Name) -> bool:
        """Whether a name leads to an element."""
        found = find(self.level, name, self.tag)
        return found is not None and found[0].element(found[1]) is not None


Piece = Callable[[Context], Result]


@dataclass(frozen=True, slots=True)
class Rule:
    """What a script does with one element."""

    line: int
    pieces: tuple[Piece | Result, ...]
    is_always: bool = False
    creates_sequence: bool = False
    is_codes: bool = False

    def constant(self) -> Result | None:
        """The decision when it is the same for every object."""
        if len(self.pieces) == 1 and not callable(self.pieces[0]):
            only = self.pieces[0]
            return only if isinstance(only, Control | Blanks) else only.strip()
        return "" if not self.pieces else None

    def run(self, context: Context) -> Result:
        """Decide about an element.

        Raises
        ------
        CannotDeidentify
            A function fails, or the pieces make no sense together.
        Skipped
            The rule says so.
        """
        if len(self.pieces) == 1 and isinstance(self.pieces[0], Control):
            return self.pieces[0]
        results = [piece(context) if callable(piece) else piece for piece in self.pieces]
        controls = {result for result in results if isinstance(result, Control)}
        if Control.REMOVE in controls:
            return Control.REMOVE
        texts = [result for result in results if isinstance(result, str) and result]
        if not controls:
            return texts[0] if len(texts) == 1 and isinstance(texts[0], Blanks) else "".join(texts).strip()
        if len(controls) > 1 or "".join(texts).strip():
            raise failed("mixed", "A rule of the script both decides and writes text.")
        return controls.pop()


@dataclass(frozen=True, slots=True)
class Rules:
    """A compiled script."""

    public: Mapping[int, Rule]
    private: Mapping[Private, Rule]
    removals: frozenset[str]
    kept_groups: frozenset[int]
    keeps_safe_private: bool
    lookup: Lookup | None = field(repr=False, default=None)
    warnings: tuple[Warned, ...] = ()

    def rule_of(self, level: Level, tag: int) -> Rule | None:
        """The rule for an element: by its tag, or by its creator when it is private."""
        rule = self.public.get(tag)
        if rule is not None or not tag & 0x10000 or not self.private:
            return rule
        if 0x10 <= tag & 0xFFFF <= 0xFF:
            return self.private.get(Private(tag >> 16, level.text(tag).strip().upper(), None))
        return self.private.get(Private(tag >> 16, level.creator_of(tag), tag & 0xFF))
