"""Names that look like a name: what "did you mean" proposes, in bounded time."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from difflib import SequenceMatcher
from heapq import nlargest

LONGEST_NAME = 64
LOOKED_AT = 12
_ALIKE = 0.62
_FAVOUR = 0.12


class Nearness:
    """Known names, prepared for being looked for by their pairs of letters."""

    def __init__(self, names: Iterable[str], favoured: int) -> None:
        """Take the names, of which so many first ones are proposed rather than the others."""
        different: dict[str, str] = {}
        for name in names:
            different.setdefault(_bare(name), name)
        self._names = tuple(different.values())
        self._favoured = favoured
        self._pairs = tuple(_pairs(_bare(name)) for name in self._names)
        self._places: dict[str, list[int]] = defaultdict(list)
        for place, pairs in enumerate(self._pairs):
            for pair in pairs:
                self._places[pair].append(place)

    def of(self, text: str, most: int = 3) -> tuple[str, ...]:
        """Return the names nearest to a text, best first; none where nothing is near.

        Case, hyphens and underscores do not matter. A name that holds the whole text counts as near.
        """
        asked = _bare(text[:LONGEST_NAME])
        pairs = _pairs(asked)
        shared = Counter(place for pair in pairs for place in self._places.get(pair, ()))
        total = len(pairs)

        def likeness(found: tuple[int, int]) -> tuple[float, int]:
            place, count = found
            return 2 * count / (total + len(self._pairs[place])) + self._favour(place), -place

        nearest = nlargest(LOOKED_AT, shared.items(), key=likeness)
        rated = [(_likeness(asked, _bare(self._names[place])), place) for place, _ in nearest]
        near = sorted((-rate - self._favour(place), place) for rate, place in rated if rate >= _ALIKE)
        return tuple(self._names[place] for _, place in near)[:most]

    def _favour(self, place: int) -> float:
        return _FAVOUR if place < self._favoured else 0.0


def _bare(text: str) -> str:
    return text.casefold().replace("-", "").replace("_", "").replace(" ", "")


def _pairs(text: str) -> frozenset[str]:
    framed = f"^{text}$"
    return frozenset(framed[place : place + 2] for place in range(len(framed) - 1))


def _likeness(asked: str, name: str) -> float:
    rate = SequenceMatcher(None, asked, name, autojunk=False).ratio()
    return max(rate, _ALIKE + rate / 10) if len(asked) > 3 and asked in name else rate
