"""Pages of a sorted answer from the columns in memory."""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from invivo.search.column import ABSENT, Days, Mask, Numbers, Texts
from invivo.search.evaluation import Seen
from invivo.search.field import field_named
from invivo.search.index import KEPT_NAMES
from invivo.search.order import COUNTS, SUMS, Order, Place, Sorted

Values = NDArray[np.float64]
_BELOW = {"study-count": "study", "subject-count": "subject"}


@dataclass(frozen=True, slots=True)
class Ranks:
    """The values of a column of texts in their order: the rank of each number of its vocabulary, and the text of each rank."""

    of_number: Values
    texts: list[str]


def is_ranked(order: Order, level: str) -> bool:
    """Tell whether an order can be given from the columns."""
    return order.name in KEPT_NAMES or order.name in COUNTS.get(level, {})


def ranked(
    seen: Seen, rows: Mask, level: str, order: Order, place: Place | None, offset: int, limit: int
) -> list[tuple[int, Sorted]]:
    """Return keys of a level with what they are sorted by: a page, in order."""
    values, keys = _values(seen, rows, level, order)
    sign = -1.0 if order.is_descending else 1.0
    if place is not None:
        last = np.inf if place.value is None else sign * _number_of(seen, order, place.value)
        is_behind = (values > last) | ((values == last) & (keys > place.key))
        values, keys = values[is_behind], keys[is_behind]
    chosen = _least(values, keys, offset + limit)[offset:]
    return [(int(keys[one]), _told(seen, order, sign * float(values[one]))) for one in chosen]


def _values(seen: Seen, rows: Mask, level: str, order: Order) -> tuple[Values, NDArray[np.int64]]:
    """Return what is compared, always going up, infinite where there is none; and the keys."""
    sign = -1.0 if order.is_descending else 1.0
    chosen = np.nonzero(rows)[0]
    if level == "series":
        return _signed(seen, order, sign, chosen), seen.index.ids[chosen]
    group = seen.index.groups[level]
    codes = group.codes[chosen].astype(np.int64)
    size = len(group.keys)
    is_there = np.bincount(codes, minlength=size) > 0
    if order.name == "series-count":
        found = sign * np.bincount(codes, minlength=size).astype(np.float64)
    elif order.name in COUNTS.get(level, {}):
        below = seen.index.groups[_BELOW[order.name]]
        pairs = np.unique(codes << 32 | below.codes[chosen].astype(np.int64))
        found = sign * np.bincount(pairs >> 32, minlength=size).astype(np.float64)
    elif order.name in SUMS:
        column = seen.index.columns[order.name]
        assert isinstance(column, Numbers)
        found = sign * np.bincount(codes, np.nan_to_num(column.values[chosen]), minlength=size).astype(np.float64)
    else:
        found = np.full(size, np.inf)
        np.minimum.at(found, codes, _signed(seen, order, sign, chosen))
    return found[is_there], group.keys[is_there]


def _signed(seen: Seen, order: Order, sign: float, chosen: NDArray[np.int64]) -> Values:
    column = seen.index.columns[order.name]
    if isinstance(column, Numbers):
        found = sign * column.values[chosen]
    elif isinstance(column, Days):
        days = column.values[chosen]
        found = np.where(np.isnat(days), np.nan, sign * days.astype(np.int64))
    else:
        codes = column.codes[chosen]
        found = (
            sign * np.append(_ranks(seen, order.name).of_number, np.nan)[codes]
        )  # the last place is that of no value
    return np.where(np.isnan(found), np.inf, found)


def _ranks(seen: Seen, name: str) -> Ranks:
    column = seen.index.columns[name]
    assert isinstance(column, Texts)
    assert ABSENT == -1
    known = column.vocabulary
    is_folded = field_named(name).kind == "name"

    def ranked_texts() -> Ranks:
        told = (known.folded if is_folded else known.values)[: len(known.folded)]
        texts = sorted(set(told) - {""})
        rank = {text: float(number) for number, text in enumerate(texts)}
        return Ranks(np.array([rank.get(text, np.nan) for text in told]), texts)

    size = len(known.values)
    return seen.index.made.answer(("ranks", name, size), ranked_texts, lambda one: 60 * len(one.texts) + 200)


def _number_of(seen: Seen, order: Order, value: float | str) -> float:
    """Return where a value stands; one that is not known any more between its neighbours."""
    if not isinstance(value, str):
        return float(value)
    if order.is_date:
        return float((date.fromisoformat(value) - date(1970, 1, 1)).days)
    texts = _ranks(seen, order.name).texts
    found = bisect_left(texts, value)
    return float(found) if texts[found : found + 1] == [value] else found - 0.5


def _told(seen: Seen, order: Order, value: float) -> Sorted:
    if np.isinf(value):
        return None
    if order.is_date:
        return str(np.datetime64(int(value), "D"))
    return _ranks(seen, order.name).texts[int(value)] if order.is_text else value


def _least(values: Values, keys: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return the places of the least values, of equal ones those of the least keys, in order."""
    count = min(count, len(values))
    if not count:
        return np.empty(0, np.int64)
    bound = np.partition(values, count - 1)[count - 1]
    below = np.nonzero(values < bound)[0]
    equal = np.nonzero(values == bound)[0]
    rest = count - len(below)
    if rest < len(equal):
        equal = equal[np.argpartition(keys[equal], rest - 1)[:rest]]
    chosen = np.concatenate([below, equal])
    return chosen[np.lexsort((keys[chosen], values[chosen]))]
