"""Columns of all current series, kept in memory: a number a row, and what the numbers stand for.

A column only grows: rows are added behind those that others read at the same time, and values keep their numbers. So an
older state of it stays readable for who holds it.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from invivo.search.query import Compare

Mask = NDArray[np.bool_]
Codes = NDArray[np.integer[Any]]
ABSENT = -1
FEW = 8  # so many comparisons cost less than looking each row up
_WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> list[str]:
    """Return the words of a text: runs of letters and digits, in small letters; ``images.words`` does the same in SQL."""
    return _WORD.findall(text.lower())


@dataclass(slots=True)
class Vocabulary:
    """The values that a column has met; each keeps its number.

    Attributes
    ----------
    folded : list of str
        The values in small letters.
    alike : mapping of a value in small letters to numbers of values
    words : mapping of word to numbers of values
        Of columns that full text looks into.
    """

    is_text: bool = False
    values: list[str] = field(default_factory=list)
    folded: list[str] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    alike: dict[str, list[int]] = field(default_factory=dict)
    words: dict[str, list[int]] = field(default_factory=dict)
    _searched: dict[bool, tuple[int, str, NDArray[np.int64]]] = field(default_factory=dict)
    _sorted: tuple[int, list[str]] = (0, [])

    def number(self, value: str) -> int:
        """Return the number of a value; a new one gets the next."""
        found = self.numbers.get(value)
        if found is None:
            found = self.numbers[value] = len(self.values)
            self.values.append(value)
            self.folded.append(value.lower())
            self.alike.setdefault(self.folded[-1], []).append(found)
            for word in set(words_of(value)) if self.is_text else ():
                self.words.setdefault(word, []).append(found)
        return found

    def numbers_like(self, pattern: str, *, is_folded: bool) -> list[int]:
        """Return the numbers of the values that meet a DICOM wildcard; its longest run of letters is looked for in one go."""
        values, fits = self.folded if is_folded else self.values, like(pattern)
        run = max(re.split(r"[*?]", pattern), key=len)
        among = self._holding(run, is_folded=is_folded) if run else range(len(values))
        return [number for number in among if fits(values[number])]

    def _holding(self, run: str, *, is_folded: bool) -> list[int]:
        size, whole, starts = self._searched.get(is_folded, (-1, "", np.empty(0, np.int64)))
        if size != len(self.values):
            values = (self.folded if is_folded else self.values)[: len(self.folded)]
            whole = "\0".join(values)  # which no value holds
            starts = np.cumsum([0, *(len(value) + 1 for value in values)])[:-1]
            self._searched[is_folded] = (len(values), whole, starts)
        places = np.array([found.start() for found in re.finditer(re.escape(run), whole)], np.int64)
        return np.unique(np.searchsorted(starts, places, side="right") - 1).tolist()  # type: ignore[no-any-return]

    def numbers_beginning(self, begin: str) -> list[int]:
        """Return the numbers of the values that have a word with a beginning."""
        size, words = self._sorted
        if size != len(self.words):
            words = list(self.words)  # at one blow: somebody may be adding to them
            words.sort()
            self._sorted = (len(words), words)
        first, last = bisect_left(words, begin), bisect_left(words, f"{begin}\U0010ffff")
        return list({number for word in words[first:last] for number in self.words[word]})


@dataclass(frozen=True, slots=True)
class Texts:
    """A column of texts, by their numbers in a vocabulary; no value is -1."""

    vocabulary: Vocabulary
    codes: Codes

    def mask(self, asked: Compare) -> Mask:
        known = self.vocabulary
        if asked.operator in ("empty", "has"):
            is_empty: Mask = self.codes == ABSENT
            if "" in known.numbers:
                is_empty |= self.codes == known.numbers[""]
            return is_empty if asked.operator == "empty" else ~is_empty
        values = known.folded if asked.field.kind == "name" else known.values
        wanted = [value.lower() for value in asked.values] if asked.field.kind == "name" else list(asked.values)
        if asked.operator == "is" and asked.field.kind != "name":
            found = [known.numbers[value] for value in wanted if value in known.numbers]
        elif asked.operator == "is":
            found = [number for value in wanted for number in known.alike.get(value, ())]
        elif asked.operator == "like":
            found = known.numbers_like(wanted[0], is_folded=asked.field.kind == "name")
        else:
            low, high = wanted
            found = [
                number
                for number, value in enumerate(values)
                if (not low or value >= low) and (not high or value <= high)
            ]
        return self.mask_of(found)

    def mask_of(self, numbers: Sequence[int]) -> Mask:
        """Return where one of the values stands."""
        if len(numbers) <= FEW:
            found: Mask = np.zeros(len(self.codes), bool)
            for number in numbers:
                found |= self.codes == number
            return found
        is_wanted = np.zeros(len(self.vocabulary.values) + 1, bool)  # the last place is that of -1
        is_wanted[list(numbers)] = True
        return is_wanted.take(self.codes, mode="wrap")

    def counts(self, rows: NDArray[np.int64] | None) -> list[tuple[str, int]]:
        """Return how often each value stands in some rows, the most frequent first; None: in all of them."""
        codes = self.codes if rows is None else self.codes.take(rows)
        counted = np.bincount(codes[codes >= 0], minlength=1)
        order = np.nonzero(counted)[0]
        values = self.vocabulary.values
        return sorted(((values[one], int(counted[one])) for one in order), key=lambda one: (-one[1], one[0]))


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column of numbers; no value is NaN."""

    values: NDArray[np.float64]

    def mask(self, asked: Compare) -> Mask:
        if asked.operator in ("empty", "has"):
            is_empty = np.isnan(self.values)
            return is_empty if asked.operator == "empty" else ~is_empty
        if asked.operator == "range":
            low, high = (float(end) if end else None for end in asked.values)
            return _between(self.values, low, high)
        return _one_of(self.values, [float(value) for value in asked.values if value])


@dataclass(frozen=True, slots=True)
class Days:
    """A column of dates; no value is NaT."""

    values: NDArray[np.datetime64]

    def mask(self, asked: Compare) -> Mask:
        if asked.operator in ("empty", "has"):
            is_empty = np.isnat(self.values)
            return is_empty if asked.operator == "empty" else ~is_empty
        if asked.operator == "range":
            low, high = (np.datetime64(end, "D") if end else None for end in asked.values)
            return _between(self.values, low, high)
        return _one_of(self.values, [np.datetime64(value, "D") for value in asked.values if value])


Column = Texts | Numbers | Days


def _between(values: NDArray[Any], low: Any, high: Any) -> Mask:
    """Compare with both ends, as far as there are any: NaN and NaT meet no end, and everything meets none."""
    found = np.ones(len(values), bool) if low is None else values >= low
    return found if high is None else found & (values <= high)


def _one_of(values: NDArray[Any], wanted: Sequence[Any]) -> Mask:
    found = np.zeros(len(values), bool)
    for one in wanted:
        found |= values == one
    return found


def like(pattern: str) -> Callable[[str], bool]:
    """Return whether a text meets a DICOM wildcard (PS3.4 C.2.2.2.4), in a time that grows with the text only.

    Each run between two stars is found at its first place and never looked for again.
    """
    pieces = pattern.split("*")
    if len(pieces) == 1 and "?" not in pattern:
        return pattern.__eq__
    if "?" not in pattern and len(pieces) == 3 and not pieces[0] and not pieces[2]:
        inner = pieces[1]
        return lambda text: inner in text
    written = [re.escape(piece).replace(r"\?", ".") for piece in pieces]
    middle = "".join(f"(?>.*?{piece})" for piece in written[1:-1] if piece)
    whole = written[0] if len(written) == 1 else f"{written[0]}{middle}.*{written[-1]}"
    return re.compile(whole, re.DOTALL).fullmatch  # type: ignore[return-value]


def grown(old: NDArray[Any], more: Iterable[Any]) -> NDArray[Any]:
    """Return an array with more behind it; in the room that is left behind the old one, where there is some.

    Who holds the old array goes on seeing it as it was: only what lies behind it is written. Only one may grow at a time.
    """
    added = np.asarray(list(more) if not isinstance(more, np.ndarray) else more, dtype=old.dtype)
    room, size = old.base, len(old) + len(added)
    if not isinstance(room, np.ndarray) or room.ndim != 1 or room.dtype != old.dtype or len(room) < size:
        room = np.empty(max(64, size + size // 2), old.dtype)
        room[: len(old)] = old
    room[len(old) : size] = added
    return room[:size]
