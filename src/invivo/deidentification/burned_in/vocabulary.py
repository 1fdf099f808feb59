"""The words of a device's screen, known again where they were misread, cut or run together."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache

from invivo.deidentification.table import text_of
from invivo.deidentification.text import common_words

# Letters and figures that are read for one another become one.
_ALIKE = str.maketrans(
    {"o": "0", "q": "0", "d": "0", "i": "1", "l": "1", "j": "1", "|": "1", "!": "1", "t": "1", "s": "5", "$": "5",
     "b": "8", "z": "2", "g": "9", "u": "v", "y": "v"}
)  # fmt: skip
_ROUGHLY = str.maketrans("ehf", "cn1")
_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("ii", "u"))
_WORD = re.compile(r"[^\W_]+")
_RUN = re.compile(r"[^\W\d_]+")
_LETTERS = str.maketrans("0158624", "oisbgza")
_CAPITALS = str.maketrans("01586249", "OISBGZAG")
_SMALL = str.maketrans("01586249", "olsbgzag")
_BESIDE_FIGURES = ((re.compile(r"(?<=[\d.])[Oo]|[Oo](?=\.?\d)"), "0"), (re.compile(r"(?<=[\d.])[Il|]|[Il|](?=\d)"), "1"),
                   (re.compile(r"(?<=[\d.])S|S(?=\d)"), "5"), (re.compile(r"(?<=[\d.])B|B(?=\d)"), "8"))  # fmt: skip
_UNIT = re.compile(r"(?<=\d)\s?([^\W\d_]{2,6})(?![^\W_])")
_UNITS = "mm cm cms cmh2o ml mmhg bpm hz khz mhz mgy mgycm gycm deg ms msec sec min kpa db".split()
_BREAST_VIEW = re.compile(r"[lr](?:x?cc|mlo?|lmo?|iso|sio|fb)(?:l|m|id|s|rl|rm|ri|rs|tan|av)?")
_ONE_FIGURE = re.compile(r"[^\W\d_]*[0158][^\W\d_]*")
_TWO_LETTERS = frozenset("rt lt ap pa rv lv la ra lr ax us tr mv av tv pv sv lk rk ut ov gb ao ch cc ii".split())
_SIMILAR, _MERGED, _CUT, _ONE_LESS, _ONE_OTHER = 4, 6, 6, 8, 8  # least letters of a word that is so mended
_LONG, _LONGEST = 6, 24
_MOST_REMEMBERED = 8192


def plain(text: str) -> str:
    """Text without cases and accents."""
    folded = unicodedata.normalize("NFKD", text.casefold().replace("ß", "ss").replace("ø", "o").replace("ł", "l"))
    return "".join(letter for letter in folded if not unicodedata.combining(letter))


def words_of(text: str) -> list[str]:
    """Words of a text without cases and accents."""
    return _WORD.findall(plain(text))


def alike(word: str) -> str:
    """A word in which letters and figures that look alike are one."""
    for pair, one in _PAIRS if len(word) >= _SIMILAR else ():
        word = word.replace(pair, one)
    return word.translate(_ALIKE)


def skeleton(text: str) -> str:
    """Letters and figures of a text with those alike made one; no blanks, marks, accents or cases."""
    return alike("".join(words_of(text)))


def roughly(word: str) -> str:
    """A word in which letters are one that are alike to a bad eye: ``alike``, and c and e, n and h, f and t."""
    return alike(word.translate(_ROUGHLY)).translate(_ROUGHLY)


def with_figures(text: str) -> str:
    """Text in which letters that stand beside figures are figures where they look so: 1O.3 becomes 10.3."""
    for _ in range(2):
        for letters, figure in _BESIDE_FIGURES:
            text = letters.sub(figure, text)
    return text


def with_letters(text: str) -> str:
    """Text in which figures among twice as many letters are letters: WAN6 becomes WANG, 8orn Born."""
    return _WORD.sub(_as_letters, text)


def _as_letters(found: re.Match[str]) -> str:
    word = found.group()
    figures = sum(letter.isdigit() for letter in word)
    if not figures or 2 * figures >= len(word):
        return word
    return word.translate(_CAPITALS if word.upper() == word or word[0].isdigit() else _SMALL)


@cache
def plain_words() -> frozenset[str]:
    """Words of medicine and of daily English that name nobody, in the form of ``words_of``."""
    return frozenset(plain(word) for word in common_words())


@cache
def screen_words() -> frozenset[str]:
    """Words, abbreviations, units and names of devices that stand on the screens of scanners."""
    return frozenset(plain(word) for word in text_of("screen_words.txt").split())


@cache
def common_names() -> frozenset[str]:
    """Names that many people bear, of three letters and more, and that are no words of a screen."""
    return frozenset(plain(word) for word in text_of("common_names.txt").split()) - screen_words()


@cache
def _similar() -> frozenset[str]:
    common = (word for word in plain_words() if len(word) > _SIMILAR)
    return frozenset(alike(word) for word in (*screen_words(), *common) if len(word) >= _SIMILAR)


@cache
def _roughly_similar() -> frozenset[str]:
    return frozenset(roughly(word) for word in screen_words() if len(word) > _SIMILAR)


@cache
def _unit_forms() -> frozenset[str]:
    return frozenset(alike(unit) for unit in _UNITS)


@cache
def _first_cut() -> frozenset[str]:
    return frozenset(word[1:] for word in screen_words() if len(word) >= _SIMILAR)


@cache
def _last_cut() -> frozenset[str]:
    return frozenset(word[:-1] for word in screen_words() if len(word) >= _SIMILAR)


@cache
def _cut() -> frozenset[str]:
    """Beginnings of long words, of five letters and more, and words without their first letter."""
    long = [word for word in screen_words() if len(word) >= _CUT]
    return frozenset([word[:end] for word in long for end in range(5, len(word))] + [word[1:] for word in long])


@cache
def _mutilated() -> frozenset[str]:
    """Long words, with each of their letters left out in turn, in the form of ``alike``."""
    long = [alike(word) for word in screen_words() if len(word) >= _ONE_LESS]
    return frozenset(short for word in long for short in _shorter(word))


def _shorter(word: str) -> Iterator[str]:
    return (word[:place] + word[place + 1 :] for place in range(len(word)))


def is_name(word: str) -> bool:
    """Tell whether a word is a name that many people bear."""
    return plain(word) in common_names()


def is_screen_word(word: str) -> bool:
    """Tell whether a word, as it stands, is one of a screen."""
    return plain(word) in screen_words()


@lru_cache(maxsize=_MOST_REMEMBERED)
def is_known(word: str) -> bool:
    """Tell whether a word, as it was read, names nobody: of a screen or of the language; marks of two letters too."""
    if len(word) > _LONGEST:
        return False
    low = plain(word)
    if low in common_names():
        return False
    if low in screen_words() or low in plain_words() or (len(low) < 3 and (low.isascii() or len(low) < 2)):
        return True
    if not low.isascii():
        return False
    if len(low) < _SIMILAR:
        return low.replace("l", "i") in screen_words() or low.replace("i", "l") in screen_words()
    is_plural = low[-1] in "sd" and low[:-1] in screen_words()
    return is_plural or _BREAST_VIEW.fullmatch(low) is not None or alike(low) in _similar() or _is_spoilt(low)


def _is_spoilt(low: str) -> bool:
    """Whether a word of a screen was misread in a letter or two, cut at an end, or run together with others."""
    if len(low) >= 5 and (low in _cut() or roughly(low) in _roughly_similar()):
        return True
    form = alike(low)
    if len(low) >= _ONE_LESS - 1 and form in _mutilated():
        return True
    if len(low) >= _ONE_OTHER and any(short in _mutilated() or short in _similar() for short in _shorter(form)):
        return True
    return _is_merged(low)


def _is_merged(low: str) -> bool:
    """Whether a word is two or three words of screens without the blanks; the first may be L or R, the last a letter."""
    if low[0] in "lr" and len(low) > _SIMILAR and low[1:] in screen_words():
        return True
    ends = {0: 0}
    for end in range(2, len(low) + 1):
        for start in [one for one, count in ends.items() if count < 3 and end - one >= 2]:
            if _may_be_merged(low[start:end]):
                ends[end] = min(ends.get(end, 9), ends[start] + 1)
    if len(low) in ends:
        return len(low) >= _MERGED or low[:2] in {"rt", "lt"}
    return len(low) >= _MERGED and ends.get(len(low) - 1) == 1 and low[:-1] in screen_words()


def _may_be_merged(part: str) -> bool:
    if len(part) > _LONG and part in plain_words():
        return True
    return part in screen_words() if len(part) > 2 else part in _TWO_LETTERS


def unknown_words(text: str) -> list[str]:
    """Words of a text that are known in no way; with figures for letters made letters again where that is likely."""
    found = _unknown(text)
    if found and any(figure.isdigit() for figure in text):
        return min(found, _unknown(_without_units(with_figures(text))), key=len)
    return found


def is_cut(word: str, text: str) -> bool:
    """Tell whether a word at the beginning or at the end of a text is one of a screen that lacks its outer letter."""
    words = words_of(text)
    low = plain(word)
    return len(words) > 1 and (
        (low == words[0] and low in _first_cut()) or (low == words[-1] and len(low) > 3 and low in _last_cut())
    )


def misread_words(text: str) -> list[str]:
    """Unknown words that had a figure among their letters: OL6A; not A4C, nor what ends in its number, as devices do."""
    found = []
    for token in _WORD.findall(text):
        if sum(letter.isdigit() for letter in token) == 1 and not token[-1].isdigit():
            word = with_letters(token)
            if is_name(word) or (len(word) > _SIMILAR and not _is_known_in_any_way(word) and not _was_a_word(token)):
                found.append(word)
    return found


def _without_units(text: str) -> str:
    """Text without the units behind its numbers, though m was read as rn."""

    def without(found: re.Match[str]) -> str:
        return " " if alike(plain(found.group(1)).replace("rn", "m")) in _unit_forms() else found.group()

    return _UNIT.sub(without, text)


def _unknown(text: str) -> list[str]:
    found = []
    for token in _WORD.findall(text):
        if not any(figure.isdigit() for figure in token):
            candidates = [token]
        elif _was_a_word(token):
            continue
        elif _may_be_a_word(token):
            candidates = [token.upper().translate(_CAPITALS) if token.upper() == token else token.translate(_LETTERS)]
            runs = [run for run in _RUN.findall(token) if len(run) > 1]
            if all(is_screen_word(run) for run in runs) and any(len(run) > 2 for run in runs):
                continue
        else:
            candidates = _RUN.findall(token)
        found += [word for word in candidates if not _is_known_in_any_way(word)]
    return found


def _was_a_word(token: str) -> bool:
    """Whether a token is a word of a screen with some letters read as figures: 5TRE5S."""
    figures = sum(figure.isdigit() for figure in token)
    return 0 < 2 * figures < len(token) and len(token) > 3 and _stands(token.translate(_LETTERS))


def _stands(word: str) -> bool:
    return is_screen_word(word) or (len(word) > _SIMILAR and plain(word) in plain_words())


def _may_be_a_word(token: str) -> bool:
    """Whether one figure among letters was a letter: SM1TH; not A4C."""
    letters = sum(1 for letter in token if not letter.isdigit())
    least = 3 if "0" in token or "1" in token else 4
    return letters >= least and _ONE_FIGURE.fullmatch(token) is not None


def _is_known_in_any_way(word: str) -> bool:
    """Also a word of two, of which the second begins with a capital: SonoCT, VividE."""
    if is_known(word):
        return True
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", word) if word.isascii() else []
    return len(parts) > 1 and all(_may_be_joined(part) for part in parts) and any(len(part) > 2 for part in parts)


def _may_be_joined(part: str) -> bool:
    if len(part) < 3:
        return (
            part.isupper()
            if len(part) == 1
            else part.lower() in _TWO_LETTERS or (part.isupper() and is_screen_word(part))
        )
    return is_known(part)
