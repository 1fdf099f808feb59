"""Names of people that are nearly as asked.

Both names are taken apart into words, without accents and case. Every word that is asked must be alike some word of the
name: its beginning, or nearly its spelling (one letter added, lost, changed or swapped from four letters on, two from
eight), or its sound (Soundex). A word with ``*`` or ``?`` is a wildcard of one word.

References
----------
DICOM PS3.4 C.2.2.2.1 (fuzzy semantic matching of names is the implementation's); PS3.18 8.3.4.2.
"""

import re
import unicodedata
from fnmatch import fnmatchcase
from functools import lru_cache

from invivo import accounts, collections, database
from invivo.archive import Archive
from invivo.errors import TooLarge
from invivo.search.field import Field
from invivo.search.statement import FROM

MOST_NAMES = 200_000
MOST_WORDS = 12
_WORD = re.compile(r"[\w*?]+")
_SOUNDS = {
    letter: str(code)
    for code, letters in enumerate(("bfpv", "cgjkqsxz", "dt", "l", "mn", "r"), 1)
    for letter in letters
}


class TooManyNames(TooLarge):
    """More names than a fuzzy question looks through."""

    code = "search.too-many-names"


def is_alike(asked: str, name: str) -> bool:
    """Tell whether a name is nearly as asked.

    Examples
    --------
    >>> is_alike("meier", "Meyer^Hans"), is_alike("hans mey", "Meyer^Hans"), is_alike("smith", "Meyer^Hans")
    (True, True, False)
    """
    words = _words(name)
    return all(any(_word_alike(one, word) for word in words) for one in _words(asked)[:MOST_WORDS])


def names_alike(archive: Archive, actor: accounts.Actor, field: Field, asked: str) -> tuple[str, ...]:
    """Return the values of a field, among what the actor may see, that are nearly as asked.

    Raises
    ------
    TooManyNames
    """
    statement = database.join(
        f"select distinct {field.column} as name {FROM} and {field.column} is not null limit %(most)s",
        visible=collections.visible_to(actor),
        query=database.everything(),
    )
    with archive.database.transaction() as tx:
        found = database.rows(tx, database.Statement(statement.text, {**statement.parameters, "most": MOST_NAMES + 1}))
    if len(found) > MOST_NAMES:
        raise TooManyNames("There are too many names to look through; ask without fuzzymatching.")
    return tuple(row.name for row in found if is_alike(asked, row.name))


@lru_cache(maxsize=4096)
def _words(text: str) -> tuple[str, ...]:
    plain = "".join(one for one in unicodedata.normalize("NFKD", text[:400]) if not unicodedata.combining(one))
    return tuple(_WORD.findall(plain.casefold().replace("_", " ")))


def _word_alike(asked: str, word: str) -> bool:
    if "*" in asked or "?" in asked:
        return fnmatchcase(word, asked)
    if word.startswith(asked):
        return True
    if len(asked) < 4 or len(word) < 4:
        return False
    return _distance_within(asked, word, 2 if len(asked) >= 8 else 1) or _soundex(asked) == _soundex(word)


def _distance_within(one: str, other: str, most: int) -> bool:
    """Tell whether so many changes of a letter, or swaps of two neighbours, make one word of the other."""
    if abs(len(one) - len(other)) > most or len(one) > 64:
        return False
    before, line = [0] * (len(other) + 1), list(range(len(other) + 1))
    for place, letter in enumerate(one, 1):
        new = [place]
        for there, against in enumerate(other, 1):
            cost = min(line[there] + 1, new[there - 1] + 1, line[there - 1] + (letter != against))
            if place > 1 and there > 1 and letter == other[there - 2] and one[place - 2] == against:
                cost = min(cost, before[there - 2] + 1)
            new.append(cost)
        before, line = line, new
    return line[-1] <= most


def _soundex(word: str) -> str:
    """Return the American Soundex code of a word, and the word itself where it is not of Latin letters."""
    if not re.fullmatch(r"[a-z]+", word):
        return word
    code, last = word[0], _SOUNDS.get(word[0], "")
    for letter in word[1:]:
        sound = _SOUNDS.get(letter, "")
        if sound and sound != last:
            code += sound
        if letter not in "hw":
            last = sound
    return code[:4].ljust(4, "0")
