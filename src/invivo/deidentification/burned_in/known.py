"""What the header knows of the person and the place, found again in text that was misread here and there."""

import re
from collections.abc import Iterable

from invivo.deidentification.burned_in.vocabulary import (
    alike,
    plain,
    plain_words,
    screen_words,
    skeleton,
    unknown_words,
    words_of,
)

_WORD = re.compile(r"[^\W_]+")
_DATE = re.compile(r"(1[89]\d\d|20\d\d)[-./]?(\d\d)[-./]?(\d\d)")
_SHORTEST_LIKE, _ALLOWED, _ALLOWED_IN_NUMBERS = 5, 0.22, 0.15
_SHORTEST_SAME = 2
_LEAST_PART, _PART = 4, 0.5  # of a term that was cut off, so much
_LONGEST_TEXT, _LONGEST_TERM, _MOST_TERMS = 200, 64, 400
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()


def nearest(term: str, text: str) -> int:
    """The least edit distance between a term and any part of a text."""
    row = [0] * (len(text) + 1)
    for number, letter in enumerate(term, 1):
        before, row[0] = row[0], number
        for place, other in enumerate(text, 1):
            before, row[place] = row[place], min(before + (letter != other), row[place] + 1, row[place - 1] + 1)
    return min(row)


def stands_nearly(term: str, text: str, allowed: int) -> bool:
    """Tell whether a term stands in a text with so many edits at most."""
    if term in text:
        return True
    if allowed < 1 or len(text) < len(term) - allowed:
        return False
    # Of so many parts and one more, one is without an edit.
    edges = [len(term) * number // (allowed + 1) for number in range(allowed + 2)]
    if not any(term[start:end] in text for start, end in zip(edges, edges[1:], strict=False)):
        return False
    return nearest(term, text) <= allowed


def _key(word: str) -> str:
    """What a word has in common with its misreadings; a number is no misread word."""
    return word if word.isdigit() else "~" + alike(word)


class Known:
    """Finds header strings in read text, whatever the reading made of them.

    Parameters
    ----------
    values : iterable of str
        Names, numbers, dates, institutions, physicians, as they stand in the header. Dates are ``YYYYMMDD``.
    """

    def __init__(self, values: Iterable[str]) -> None:
        self._like: set[str] = set()
        self._numbers: set[str] = set()
        self._same: set[str] = set()
        self._beside: set[str] = set()
        self._initials: set[tuple[str, str]] = set()
        for value in values:
            if len(self._like) + len(self._numbers) < _MOST_TERMS:
                self._know(value.strip()[: 4 * _LONGEST_TERM])

    def __bool__(self) -> bool:
        return bool(self._like or self._numbers or self._same or self._beside)

    def finds(self, text: str) -> bool:
        """Tell whether one of the strings, or most of one, stands in a text.

        In a text of nothing but words of medicine and of screens only whole words count: TRANS is no misread name.
        """
        text = text[:_LONGEST_TEXT]
        words = words_of(text)
        if not words:
            return False
        keys = [_key(word) for word in words]
        if self._same.intersection(keys) or len(self._beside.intersection(keys)) > 1 or self._has_initial(keys):
            return True
        whole = skeleton(text)
        if any(stands_nearly(term, whole, int(len(term) * _ALLOWED_IN_NUMBERS)) for term in self._numbers):
            return True
        if unknown_words(text):
            return any(stands_nearly(term, whole, int(len(term) * _ALLOWED)) for term in self._like) or self._has_part(
                whole, self._like
            )
        if self._like.intersection(alike(word) for word in words) or whole in self._like:
            return True
        return len(words) == 1 and words[0].isdigit() and self._has_part(whole, self._numbers)

    def _has_part(self, whole: str, terms: set[str]) -> bool:
        """Whether the text is only a part of a term, of which the rest was not read."""
        return len(whole) >= _LEAST_PART and any(whole in term and len(whole) >= _PART * len(term) for term in terms)

    def _has_initial(self, keys: list[str]) -> bool:
        """Whether a name that is also a common word stands beside the initial of the other."""
        pairs = zip(keys, keys[1:], strict=False)
        return any((one, other) in self._initials or (other, one) in self._initials for one, other in pairs)

    def _know(self, value: str) -> None:
        date = _DATE.fullmatch(value[:10])
        if date:
            self._know_date(*date.groups())
            return
        if any(letter.isdigit() for letter in value):
            self._know_number(value)
        is_person = any(mark in value for mark in "^=,")
        for group in value.split("="):
            parts = [words_of(component) for component in re.split(r"[\^,]" if is_person else r"\^", group)]
            for word in (word for words in parts for word in words if not word.isdigit()):
                self._know_word(word, is_person=is_person)
            family, given = "".join(parts[0]), "".join(parts[1]) if len(parts) > 1 else ""
            if family and given:
                self._add(family + given)
                self._add(given + family)
                self._initials.add((_key(family), _key(given[0])))
            elif len(parts[0]) > 1:
                self._add(family)

    def _know_word(self, word: str, *, is_person: bool) -> None:
        key = _key(word)
        if len(word) > 1 and not word.isascii():
            self._same.add(key)
        if word in screen_words() or len(word) < 3 or (word in plain_words() and not is_person):
            self._beside.add(key)
        elif word in plain_words():
            self._beside.add(key)
            self._same.add(key)
        elif len(word) >= _SHORTEST_LIKE:
            self._add(word)
            self._beside.add(key)
        else:
            self._same.add(key)

    def _know_number(self, value: str) -> None:
        compact = "".join(_WORD.findall(plain(value)))
        if len(compact) >= 6:
            self._numbers.add(alike(compact)[:_LONGEST_TERM])
        elif len(compact) >= 4:
            self._same.add(_key(compact))

    def _know_date(self, year: str, month: str, day: str) -> None:
        short = year[2:]
        numbers = (year + month + day, day + month + year, month + day + year)
        shorter = (day + month + short, month + day + short, short + month + day)
        named: tuple[str, ...] = ()
        if 1 <= int(month) <= 12:
            name = _MONTHS[int(month) - 1]
            named = (day + name + year, name + day + year, year + name + day, day + name + short)
        self._same.update((*numbers, *shorter))
        self._numbers.update(skeleton(form) for form in (*numbers, *named))

    def _add(self, term: str) -> None:
        found = alike(term)[:_LONGEST_TERM]
        if len(found) >= _SHORTEST_LIKE:
            self._like.add(found)
        elif len(term) > _SHORTEST_SAME:
            self._same.add(_key(term))
