"""What the header knows of the person and the place, found again in text that was misread here and there."""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from invivo.deidentification.text import common_words

# Letters and figures that are read for one another become one.
_ALIKE = str.maketrans(
    {"o": "0", "q": "0", "d": "0", "i": "1", "l": "1", "j": "1", "|": "1", "!": "1", "t": "1", "s": "5", "$": "5",
     "b": "8", "z": "2", "g": "9", "u": "v", "y": "v"}
)  # fmt: skip
_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("ii", "u"))
_WORD = re.compile(r"[^\W_]+")
_DATE = re.compile(r"(1[89]\d\d|20\d\d)[-./]?(\d\d)[-./]?(\d\d)")
_SHORTEST_LIKE, _ALLOWED = 5, 0.22
_LONGEST_TEXT, _LONGEST_TERM, _MOST_TERMS = 200, 64, 400
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()


def skeleton(text: str) -> str:
    """Letters and figures of a text with those alike made one; no blanks, marks, accents or cases."""
    return _alike("".join(_WORD.findall(_plain(text))))


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.casefold().replace("ß", "ss").replace("ø", "o").replace("ł", "l"))
    return "".join(letter for letter in folded if not unicodedata.combining(letter))


def _alike(word: str) -> str:
    for pair, one in _PAIRS:
        word = word.replace(pair, one)
    return word.translate(_ALIKE)


def words_of(text: str) -> list[str]:
    """Words of a text without cases and accents."""
    return _WORD.findall(_plain(text))


@cache
def plain_words() -> frozenset[str]:
    """Words that name nobody, in the form of ``words_of``."""
    return frozenset(_plain(word) for word in common_words())


def nearest(term: str, text: str) -> int:
    """The least edit distance between a term and any part of a text."""
    row = [0] * (len(text) + 1)
    for number, letter in enumerate(term, 1):
        before, row[0] = row[0], number
        for place, other in enumerate(text, 1):
            before, row[place] = row[place], min(before + (letter != other), row[place] + 1, row[place - 1] + 1)
    return min(row)


class Known:
    """Finds header strings in read text, whatever the reading made of them.

    Parameters
    ----------
    values : iterable of str
        Names, numbers, dates, institutions, physicians, as they stand in the header. Dates are ``YYYYMMDD``.
    """

    def __init__(self, values: Iterable[str]) -> None:
        self._like: set[str] = set()
        self._same: set[str] = set()
        self._beside: set[str] = set()
        for value in values:
            if len(self._like) < _MOST_TERMS:
                self._know(value.strip()[: 4 * _LONGEST_TERM])

    def __bool__(self) -> bool:
        return bool(self._like or self._same)

    def finds(self, text: str) -> bool:
        """Tell whether one of the strings, or most of one, stands in a text."""
        text = text[:_LONGEST_TEXT]
        words = words_of(text)
        if not words:
            return False
        if self._same.intersection(words) or len(self._beside.intersection(words)) > 1:
            return True
        whole = skeleton(text)
        if any(term in whole for term in self._like):
            return True
        if all(word in plain_words() for word in words):
            return False
        return any(nearest(term, whole) <= int(len(term) * _ALLOWED) for term in self._like)

    def _know(self, value: str) -> None:
        date = _DATE.fullmatch(value[:10])
        if date:
            self._know_date(*date.groups())
            return
        if any(letter.isdigit() for letter in value):
            self._know_number(value)
        for group in value.split("="):
            parts = [words_of(component) for component in group.split("^")]
            for word in (word for words in parts for word in words if not word.isdigit()):
                self._know_word(word)
            family, given = "".join(parts[0]), "".join(parts[1]) if len(parts) > 1 else ""
            if family and given:
                self._add(family + given)
                self._add(given + family)
            elif len(parts[0]) > 1:
                self._add(family)

    def _know_word(self, word: str) -> None:
        if word in plain_words():
            self._beside.add(word)
        elif len(word) >= _SHORTEST_LIKE:
            self._add(word)
            self._beside.add(word)
        elif len(word) >= 3:
            self._same.add(word)

    def _know_number(self, value: str) -> None:
        compact = "".join(_WORD.findall(_plain(value)))
        if len(compact) >= 6:
            self._add(compact)
        elif len(compact) >= 4:
            self._same.add(compact)

    def _know_date(self, year: str, month: str, day: str) -> None:
        short = year[2:]
        numbers = (year + month + day, day + month + year, month + day + year)
        shorter = (day + month + short, month + day + short, short + month + day)
        named: tuple[str, ...] = ()
        if 1 <= int(month) <= 12:
            name = _MONTHS[int(month) - 1]
            named = (day + name + year, name + day + year, year + name + day, day + name + short)
        self._same.update((*numbers, *shorter))
        self._like.update(skeleton(form) for form in (*numbers, *named))

    def _add(self, term: str) -> None:
        found = _alike(term)[:_LONGEST_TERM]
        if len(found) >= _SHORTEST_LIKE:
            self._like.add(found)
