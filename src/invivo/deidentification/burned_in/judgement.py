"""Whether a piece of read text identifies somebody, is clinical, or cannot be told."""

import re
from collections.abc import Callable, Sequence
from typing import Literal

from invivo.deidentification.burned_in.forms import is_generic, is_label
from invivo.deidentification.burned_in.reading import Found
from invivo.deidentification.burned_in.vocabulary import (
    is_cut,
    is_name,
    is_screen_word,
    misread_words,
    unknown_words,
    with_letters,
)

__all__ = ["Identifies", "Verdict", "is_generic", "is_label", "judge", "judge_all"]

Verdict = Literal["identifying", "clinical", "unclear"]
Identifies = Callable[[str], bool]

_NAME_MARK = re.compile(r"([^\W\d_]{2,})\s?([,^])\s?([^\W\d_]+)")
_NAME_AND_INITIAL = re.compile(r"[^\W\d_]{3,}\s?,\s?[A-Z]\.?")
_WORD = re.compile(r"[^\W\d_]+")
_IDEOGRAPHS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]{2,}")
# What ends in a number and its unit is measured, and what stands behind a maker is a device, though no word is known.
_MEASURED = re.compile(
    r"^[^,^]*\d ?(?:[cm]m[23²³]?(?:/s)?|m/s2?|ms|ml|cc|mmhg|bpm|[km]?hz|%|d[be]g?|m?gy|kpa|hu)\W*$", re.I
)
_MAKER = re.compile(
    r"^\W*(?:siemens|samsung|canon|toshiba|hitachi|mindray|fuji(?:film)?|esaote|hologic|olympus|sonosite|acuson)[ -]",
    re.I,
)
_CALLED_BY_NAME = re.compile(
    r"([^\W\d_]{3,})(?:['’]?s)? (?:cysts?|disease|syndrome|sign|tumou?r|lymphoma|sarcoma|fracture|lesion|lines?|space|pouch|nodes?"
    r"|valve|view|method|formula|classification|score|grade|procedure|shunt|catheter|drain|malformation|hernia|tear)(?![a-z])",
    re.I,
)
_MONTHS = frozenset("jan feb mar apr may jun jul aug sep oct nov dec mai okt dez".split())
_CONFIDENT = 0.5
_LONGEST = 400  # no line of a screen is longer
_LEAST_NAME = 4
_LEAST_SHORT_NAMES = 5  # letters of two short words, as in LEE AMY
_LEAST_HIDDEN = 5
_FRAGMENT = 6  # so short a piece that touches an identifying one is a part of it
_ON_LINE, _TOUCHING, _CLOSE = 6, 0.7, 1.5  # heights of letters


def judge(found: Found, identifies: Identifies, *, beside_identifying: bool = False) -> Verdict:
    """Judge one piece of text.

    Parameters
    ----------
    found : Found
    identifies : callable
        Whether a text holds something that the header knows, such as ``Known.finds``.
    beside_identifying : bool
        Whether identifying text stands on the same line, so that unknown words are its continuation.
    """
    text = found.text.strip()
    if not any(letter.isalnum() for letter in text):
        return "unclear"
    if len(text) > _LONGEST or _identifies_someone(text, identifies):
        return "identifying"
    unknown = [word for word in (*unknown_words(text), *misread_words(text)) if not _is_eponym(word, text)]
    if not unknown or _is_term(text, unknown):
        return "clinical"
    if beside_identifying or _looks_like_name(text, unknown, found.confidence):
        return "identifying"
    return "unclear"


def _identifies_someone(text: str, identifies: Identifies) -> bool:
    """Whether a text, as it was read or with figures made letters, is known, of an identifying form, or marked as a name."""
    return any(
        identifies(reading) or is_generic(reading) or _is_marked_as_name(reading)
        for reading in dict.fromkeys((text, with_letters(text)))
    )


def judge_all(found: Sequence[Found], identifies: Identifies) -> list[Verdict]:
    """Judge all pieces of text of a frame, each with regard to its line and to the lines next to it."""
    verdicts = [judge(one, identifies) for one in found]
    certain = [one for one, verdict in zip(found, verdicts, strict=True) if verdict == "identifying"]
    for place, one in enumerate(found):
        if verdicts[place] == "unclear" and any(
            _on_one_line(one, other, _ON_LINE) or _under_one_another(one, other) for other in certain
        ):
            verdicts[place] = judge(one, identifies, beside_identifying=True)
        elif verdicts[place] == "clinical" and _is_fragment(one, certain):
            verdicts[place] = "identifying"
    return verdicts


def _is_fragment(one: Found, certain: Sequence[Found]) -> bool:
    """Whether a piece belongs to an identifying one: it touches that, or is a daily word close by, as names are."""
    words = [word for word in _WORD.findall(one.text) if len(word) > 1]
    is_daily = any(len(word) > 2 and not is_screen_word(word) for word in words)
    is_whole = bool(words) and not is_daily and not any(word[:3].lower() in _MONTHS for word in words)
    if len(one.text) <= _FRAGMENT and not is_whole and any(_on_one_line(one, other, _TOUCHING) for other in certain):
        return True
    return is_daily and any(_on_one_line(one, other, _CLOSE) for other in certain)


def _on_one_line(one: Found, other: Found, letters: float) -> bool:
    """Whether two boxes stand side by side, no farther apart than so many letters are high."""
    middle = one.y + one.height / 2
    across = max(one.x - other.x - other.width, other.x - one.x - one.width)
    return other.y <= middle <= other.y + other.height and across < letters * max(one.height, other.height)


def _under_one_another(one: Found, other: Found) -> bool:
    """Whether two boxes of one size of letters begin at the same column, one line below the other."""
    letter = max(one.height, other.height)
    down = max(one.y - other.y - other.height, other.y - one.y - one.height)
    return min(one.height, other.height) > 0.6 * letter and abs(one.x - other.x) < letter and down < letter


def _is_marked_as_name(text: str) -> bool:
    """Whether a comma or a caret parts two words as in a name, of which one is no word of a screen."""
    if _NAME_AND_INITIAL.fullmatch(text):
        return True
    for before, mark, behind in _NAME_MARK.findall(text):
        if mark == "^" or not is_screen_word(before) or (len(behind) > 2 and not is_screen_word(behind)):
            return len(unknown_words(f"{before} {behind}")) > 0 or before[0].isupper()
    return False


def _is_term(text: str, unknown: list[str]) -> bool:
    """Whether the only unknown word is an abbreviation before a number with its unit (OFD 9.8 cm), or a maker's device."""
    one = unknown[0]
    if len(unknown) > 1 or is_name(one):
        return False
    return (len(one) <= _LEAST_NAME and _MEASURED.search(text) is not None) or _MAKER.match(text) is not None


def _is_eponym(word: str, text: str) -> bool:
    """Whether a name stands before what is called by it: BAKER CYST."""
    return any(found.lower() == word.lower() for found in _CALLED_BY_NAME.findall(text))


def _looks_like_name(text: str, unknown: list[str], confidence: float) -> bool:
    """Capitals or a foreign script; of what was badly read, anything long enough to have been a name."""
    if confidence < _CONFIDENT:
        return sum(len(word) for word in unknown) >= _LEAST_HIDDEN
    capital = [word for word in unknown if _is_capital(word) and not is_cut(word, text)]
    if _MEASURED.search(text) and not any(is_name(word) for word in unknown):
        return False
    if _IDEOGRAPHS.search(text) or any(len(word) >= _LEAST_NAME or is_name(word) for word in capital):
        return True
    short = [word for word in capital if len(word) > 1]
    return len(short) > 1 and sum(len(word) for word in short) >= _LEAST_SHORT_NAMES


def _is_capital(word: str) -> bool:
    return word.lower() != word or not word.isascii()
