"""A query over the columns in memory: which rows it finds, how many of each level, which values they have.

What no column is kept of is asked of the database, all at once, and joined in.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from invivo import database
from invivo.search.column import ABSENT, Days, Mask, Numbers, Texts, Vocabulary, words_of
from invivo.search.field import TEXTS
from invivo.search.index import KEPT_NAMES, Index
from invivo.search.meaning import KINDS, REFERRED, REFERRING, meant
from invivo.search.query import And, Compare, Having, Not, Or, Query, Text
from invivo.search.statement import asked_words, phrase_in_headers, word_in_headers

Asking = Callable[[Query | database.Condition], Collection[int]]
Relating = Callable[[], tuple[NDArray[np.int64], NDArray[np.int64]]]
BLOCK = 1 << 16
_TEXT_NAMES = tuple(field.name for field in TEXTS)


@dataclass(frozen=True, slots=True)
class Seen:
    """An index as somebody may see it.

    Attributes
    ----------
    rows : ndarray of bool
        What the actor may see.
    whose : bytes
        The same for all who may see the same; answers are kept by it.
    ask : callable
        Gives the keys of the series that meet a condition which no column is kept for.
    relate : callable
        Gives which series refer to which, whoever may see them: two arrays of keys.
    """

    index: Index
    rows: Mask
    whose: bytes
    ask: Asking
    relate: Relating

    def find(self, query: Query) -> Mask:
        """Return the rows that a query finds among those that may be seen."""
        return self.index.kept.answer(
            ("found", self.whose, query), lambda: _mask(self, query) & self.rows, lambda found: int(found.nbytes)
        )

    def count(self, rows: Mask, level: str) -> int:
        """Return how many of a level some rows are."""
        return int(np.count_nonzero(rows if level == "series" else self.index.groups[level].groups(rows)))

    def keys(self, rows: Mask, level: str, *, after: int, offset: int, limit: int) -> NDArray[np.int64]:
        """Return the keys of a page of a level, in their order."""
        index = self.index
        keys = index.ids if level == "series" else index.groups[level].keys
        is_found = rows if level == "series" else index.groups[level].groups(rows)
        if index.made.answer(("in order", level), lambda: bool((keys[1:] >= keys[:-1]).all()), lambda _: 100):
            return _first_of(keys, is_found, after, offset + limit)[offset:]
        found = keys[is_found]
        return np.sort(found[found > after] if after else found, kind="stable")[offset : offset + limit]

    def series_of(self, rows: Mask, level: str, keys: NDArray[np.int64]) -> list[int]:
        """Return the keys of the series among some rows that belong to some of a level."""
        if level == "series":
            return keys.tolist()  # type: ignore[no-any-return]
        group = self.index.groups[level]
        return self.index.ids[rows & np.isin(group.keys, keys)[group.codes]].tolist()  # type: ignore[no-any-return]

    def values(self, query: Query, name: str) -> list[tuple[str, int]] | None:
        """Return how many rows have each value of a field, the most frequent first; None where that is not kept."""
        column = self.index.columns.get(name)
        if not isinstance(column, Texts):
            return None

        def counted() -> list[tuple[str, int]]:
            rows = self.find(query)
            return column.counts(None if rows.all() else np.nonzero(rows)[0])

        return self.index.kept.answer(("values", self.whose, query, name), counted, lambda told: 120 * len(told) + 200)


def _first_of(keys: NDArray[np.int64], is_found: Mask, after: int, number: int) -> NDArray[np.int64]:
    """Return the first keys that are found behind one, of keys in order, without going through all."""
    start, found, left = int(np.searchsorted(keys, after, "right")), [keys[:0]], number
    while left > 0 and start < len(keys):
        block = np.flatnonzero(is_found[start : start + BLOCK])[:left] + start
        found.append(keys[block])
        left -= len(block)
        start += BLOCK
    return np.concatenate(found)


def _mask(seen: Seen, query: Query) -> Mask:
    if isinstance(query, And | Or):
        return _joined(seen, query)
    if isinstance(query, Not):
        return ~_mask(seen, query.part)
    if isinstance(query, Having) and query.level in (REFERRING, REFERRED):
        return _related(seen, query)
    if isinstance(query, Having):
        return seen.index.groups[query.level].spread(_mask(seen, query.part) & seen.rows)
    return _text(seen, query) if isinstance(query, Text) else _compared(seen, query)


def _related(seen: Seen, query: Having) -> Mask:
    """Follow the references of what is found, or to it; what only a catalogue describes counts for its study."""
    index = seen.index
    found = _mask(seen, query.part) & seen.rows
    sources, targets = index.made.answer("references", seen.relate, lambda both: both[0].nbytes + both[1].nbytes)
    here, there = (sources, targets) if query.level == REFERRING else (targets, sources)
    related = np.zeros(index.size, bool)
    if len(here):
        related |= index.rows_of(there[np.isin(here, index.ids[found])])
    kind, files = index.columns["modality"], index.columns["files"]
    assert isinstance(kind, Texts)
    assert isinstance(files, Texts)
    is_named = kind.mask_of([kind.vocabulary.numbers[one] for one in KINDS if one in kind.vocabulary.numbers])
    is_away = is_named & files.mask_of([files.vocabulary.numbers.get("elsewhere", ABSENT)])
    first, last = (is_away, ~is_named) if query.level == REFERRING else (~is_named, is_away)
    return related | (index.groups["study"].spread(found & first) & last)


def _compared(seen: Seen, query: Compare) -> Mask:
    if query.field.kind in ("count", "day"):
        return (_count if query.field.kind == "count" else _day)(seen, query)
    if query.field.kind == "referred":
        return _mask(seen, meant(query))
    if query.field.name in KEPT_NAMES and not query.field.path:
        return seen.index.columns[query.field.name].mask(query)
    return seen.index.rows_of(seen.ask(query))


def _joined(seen: Seen, query: And | Or) -> Mask:
    """Join the parts; those that only the database can answer are asked there together."""
    here = [part for part in query.parts if _is_kept(part)]
    there = tuple(part for part in query.parts if not _is_kept(part))
    masks = [_mask(seen, part) for part in here]
    if len(there) == 1:
        masks.append(_mask(seen, there[0]))
    elif there:
        masks.append(seen.index.rows_of(seen.ask(type(query)(there))))
    if not masks:
        return np.full(seen.index.size, isinstance(query, And))
    return reduce(np.logical_and if isinstance(query, And) else np.logical_or, masks)


def _is_kept(query: Query) -> bool:
    """Return whether some part of a query can be answered from the columns."""
    if isinstance(query, And | Or):
        return any(_is_kept(part) for part in query.parts) or not query.parts
    if isinstance(query, Not):
        return _is_kept(query.part)
    if isinstance(query, Compare):
        return query.field.kind in ("count", "day", "referred") or (
            query.field.name in KEPT_NAMES and not query.field.path
        )
    return True


def _text(seen: Seen, query: Text) -> Mask:
    """Return where the words stand: in the columns, and in what the headers say beside them."""
    index, words = seen.index, asked_words(query)
    if query.is_phrase and len(words) > 1:
        told = index.rows_of(seen.ask(phrase_in_headers(words)))
        return _any_column(index, lambda known: _with_phrase(known, words)) | told
    masks = [
        _any_column(index, lambda known, word=word: _with_word(known, word))  # type: ignore[misc]
        | index.rows_of(seen.ask(word_in_headers(word)))
        for word in words
    ]
    return reduce(np.logical_and, masks) if masks else np.ones(index.size, bool)


def _any_column(index: Index, numbers_of: Callable[[Vocabulary], Sequence[int]]) -> Mask:
    found = np.zeros(index.size, bool)
    for name in _TEXT_NAMES:
        column = index.columns[name]
        assert isinstance(column, Texts)
        numbers = numbers_of(column.vocabulary)
        if len(numbers):
            found |= column.mask_of(numbers)
    return found


def _with_word(known: Vocabulary, word: str) -> Sequence[int]:
    if not word.endswith("*"):
        return known.words.get(word, ())
    return known.numbers_beginning(word[:-1])


def _with_phrase(known: Vocabulary, words: list[str]) -> Sequence[int]:
    among = [frozenset(_with_word(known, word)) for word in words]
    phrase = f" {' '.join(word.removesuffix('*') for word in words)}{'' if words[-1].endswith('*') else ' '}"
    both = frozenset.intersection(*among)
    return [number for number in both if phrase in f" {' '.join(words_of(known.values[number]))} "]


def _count(seen: Seen, query: Compare) -> Mask:
    """Compare how many days each subject has over all that may be seen of it."""
    days, group = seen.index.columns["study-date"], seen.index.groups["subject"]
    assert isinstance(days, Days)

    def counted() -> NDArray[np.float64]:
        told = _row_of_each_study(seen, days)
        pairs = group.codes[told].astype(np.int64) << 32 | (days.values[told].astype(np.int64) + (1 << 30))
        return np.bincount(np.unique(pairs) >> 32, minlength=len(group.keys)).astype(np.float64)

    found = seen.index.kept.answer(("days", seen.whose), counted, lambda one: int(one.nbytes))
    return _of_numbers(found, query)[group.codes]


def _row_of_each_study(seen: Seen, days: Days) -> NDArray[np.int64]:
    """Return a living row of each study that may be seen and has a date: all rows of a study have the same date and subject."""
    index, group = seen.index, seen.index.groups["study"]

    def chosen() -> NDArray[np.int64]:
        living = np.nonzero(index.alive)[0]
        rows = np.zeros(len(group.keys), np.int64)
        rows[group.codes[living]] = living
        return rows

    rows = index.made.answer("row of each study", chosen, lambda one: int(one.nbytes))[group.groups(seen.rows)]
    return rows[~np.isnat(days.values[rows])]


def _day(seen: Seen, query: Compare) -> Mask:
    """Compare how many days a study lies behind the first one that may be seen of its subject."""
    days, group = seen.index.columns["study-date"], seen.index.groups["subject"]
    assert isinstance(days, Days)

    def counted() -> NDArray[np.float64]:
        first = np.full(len(group.keys), np.iinfo(np.int64).max)
        studies = _row_of_each_study(seen, days)
        np.minimum.at(first, group.codes[studies], days.values[studies].astype(np.int64))
        told = np.nonzero(seen.rows & ~np.isnat(days.values))[0]
        found = np.full(seen.index.size, np.nan)
        found[told] = days.values[told].astype(np.int64) - first[group.codes[told]]
        return found

    return Numbers(seen.index.kept.answer(("day", seen.whose), counted, lambda one: int(one.nbytes))).mask(query)


def _of_numbers(counted: NDArray[np.float64], asked: Compare) -> Mask:
    if asked.operator == "range":
        low, high = asked.values
        return (counted >= float(low or "-inf")) & (counted <= float(high or "inf"))
    if asked.operator in ("has", "empty"):
        return np.full(len(counted), asked.operator == "has")
    return np.isin(counted, [float(value) for value in asked.values if value])
