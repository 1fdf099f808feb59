"""What consecutive objects have in common, read once: runs of elements that are the same byte for byte.

Of the elements of a slice nine in ten are those of the slice before. A pattern learns from two objects which they are; in
every later one such a run is compared as a whole and its JSON taken over. What differs is read as ever, so that a pattern
can make a reading faster but never another one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from invivo.dicom.source import Buffer, Limits

LONGEST_RUN, LONGEST_ELEMENT = 32, 1 << 12
MOST_PATTERNS = 64
PATIENCE = 20
_CHARACTER_SET = 0x00080005


@dataclass(frozen=True, slots=True)
class Run:
    """Elements that stand behind one another.

    Attributes
    ----------
    raw : bytes
    json : dict
        Their part of the JSON model. Whoever gets it may not change what is in it.
    last : int
        Tag of the last one.
    count : int
        How many, those within sequences too.
    """

    raw: bytes
    length: int
    json: dict[str, Any]
    last: int
    count: int


@dataclass(frozen=True, slots=True)
class Met:
    """An element of the outermost data set that a walk has read.

    Attributes
    ----------
    before : int
        Tag of the element in front of it; 0 at the beginning.
    count : int
        It and all within it.
    is_plain : bool
        It is read by nothing but its own bytes, and tells nothing of others.
    """

    before: int
    tag: int
    start: int
    stop: int
    count: int
    is_plain: bool


class Pattern:
    """What is known of objects of one kind.

    Attributes
    ----------
    learnt : (dict of int to Run, tuple of str)
        The runs by the tag of the element in front, and the character sets with which they were read.
    """

    __slots__ = ("_former", "_rest", "learnt")

    def __init__(self) -> None:
        self.learnt: tuple[dict[int, Run], tuple[str, ...]] = ({}, ())
        self._former: tuple[dict[int, bytes], tuple[str, ...]] | None = None
        self._rest = 0

    @property
    def is_learning(self) -> bool:
        """The next object is to be read in full, and shown to `learn`."""
        return self._rest <= 0

    def seen(self, missed: int) -> None:
        """Know that an object was read with the runs, of which so many did not fit; learn anew if too many."""
        if missed * 4 > len(self.learnt[0]):
            self._rest -= 1
        elif self._rest < PATIENCE:
            self._rest = PATIENCE

    def learn(self, buffer: Buffer, met: Sequence[Met], encodings: tuple[str, ...], json: dict[str, Any]) -> None:
        """Learn from an object that was read in full: from the second on, what it has in common with the one before.

        Parameters
        ----------
        json : dict
            How it was read.
        """
        plain = {one.tag: buffer[one.start : one.stop] for one in met if _is_short(one)}
        former, self._former = self._former, (plain, encodings)
        if former is None or former[1] != encodings:
            return
        steady = [one for one in met if one.tag in plain and plain[one.tag] == former[0].get(one.tag)]
        self.learnt = {run[0].before: _made(buffer, run, json) for run in _runs(steady)}, encodings
        self._former, self._rest = None, PATIENCE


def _is_short(one: Met) -> bool:
    return one.is_plain and one.tag > _CHARACTER_SET and one.stop - one.start <= LONGEST_ELEMENT


def _runs(steady: Iterable[Met]) -> list[list[Met]]:
    """Put together what stands together."""
    found: list[list[Met]] = []
    for one in steady:
        if not found or found[-1][-1].tag != one.before or len(found[-1]) == LONGEST_RUN:
            found.append([])
        found[-1].append(one)
    return [run for run in found if len(run) > 1]


def _made(buffer: Buffer, run: Sequence[Met], json: dict[str, Any]) -> Run:
    raw = buffer[run[0].start : run[-1].stop]
    taken = {key: json[key] for one in run if (key := f"{one.tag:08X}")}
    return Run(raw, len(raw), taken, run[-1].tag, sum(one.count for one in run))


_patterns: dict[tuple[str, Limits], Pattern] = {}


def pattern_of(sop_class: str, limits: Limits) -> Pattern:
    """Return the pattern of objects of a class."""
    key = (sop_class, limits)
    found = _patterns.get(key)
    if found is None:
        if len(_patterns) >= MOST_PATTERNS:
            _patterns.clear()
        found = _patterns[key] = Pattern()
    return found
