"""Cleaning of text: what identifies goes, the words of medicine stay.

Words are compared by a key that is blind to case, accents and to ``ue`` for ``ü``, so a name is found in every
spelling. A part of a name that is also a common word (White, Long) goes only beside another part of that name or
behind a title.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache

from invivo.deidentification import text_date, text_person
from invivo.deidentification.identifier import Trace
from invivo.deidentification.table import text_of

LONGEST_TEXT = 1 << 20
_REMEMBERED = 4096
_WORD = re.compile(r"[^\W\d_]+|\d+")
_GAP = re.compile(r"[\s,.^=_'’\-]{0,3}")
_PLAIN_BYTES = re.compile(rb"[\t\n\f\r -~]*\0?")
_ENCODINGS = (
    *("utf-8", "utf-16-le", "utf-16-be", "latin-1", "iso8859-2", "iso8859-5", "iso8859-6", "iso8859-7", "iso8859-8"),
    *("iso8859-9", "cp1251", "shift_jis", "euc_jp", "iso2022_jp", "euc_kr", "gb18030", "big5", "tis-620"),
)
_FIRST_IDEOGRAPH = "\u2e80"

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?|januar|februar|märz|mai|juni|juli|oktober|dezember)"
)
_CLOCK = r"(?:[ T,]{1,2}(?:at )?[0-2]?\d[:.][0-5]\d(?:[:.][0-5]\d(?:\.\d{1,6})?)?(?: ?[ap]\.?m\b\.?)?)?"
_DATES = (
    r"(?<!\d)(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[0-2]\d[0-5]\d(?:[0-5]\d(?:\.\d{1,6})?)?)?(?!\d)"
    + _CLOCK,
    r"(?<![\d.])(?:19|20)\d\d([-/.])(?:0?[1-9]|1[0-2])\1(?:[12]\d|3[01]|0?[1-9])(?![\d])" + _CLOCK,
    r"(?<![\d.])(?:[12]\d|3[01]|0?[1-9])([-/.])(?:[12]\d|3[01]|0?[1-9])\1(?:19|20)\d\d(?![\d])" + _CLOCK,
    r"(?<![\d./-])(?:[0-3]?\d)([/-])(?:[0-3]?\d)\1\d\d(?![\d./-])" + _CLOCK,
    r"(?<![\d.])[0-3]\d\.[01]\d\.\d\d(?![\d.])" + _CLOCK,
    rf"(?<![^\W_])(?:[0-3]?\d(?:st|nd|rd|th|\.)?[ -]?(?:of )?{_MONTH}\.?[ ,-]{{0,2}}(?:(?:19|20)\d\d|'?\d\d(?!\d)))"
    + _CLOCK,
    rf"(?<![^\W_]){_MONTH}\.? [0-3]?\d(?:st|nd|rd|th)?,? (?:19|20)\d\d(?!\d)" + _CLOCK,
    rf"(?<![^\W_]){_MONTH}\.?,? (?:19|20)\d\d(?!\d)",
    rf"(?<![^\W_])[0-3]?\d(?:st|nd|rd|th|\.)? ?{_MONTH}(?![^\W_])",
)
_REACHES = (
    r"[\w.+'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}",
    r"(?:https?|ftp|file)://[^\s\"'<>]{1,2000}",
    r"(?<![\w.])www\.[^\s\"'<>]{3,500}",
    r"(?:\\\\|//)[\w.-]{1,63}(?:[\\/][\w.$-]{1,63}){1,20}",
    r"(?<!\d)(?:\d{1,3}\.){3}\d{1,3}(?![\d.])",
    r"(?<![\d.])[0-2](?:\.(?:0|[1-9]\d{0,38})){5,30}(?![\d.])",
)
_NUMBERS = (
    r"(?<![^\W_])(?:tel|phone|telephone|ph|fax|mobile|cell|pager|call|ext)\b\.?:? ?[+(]?\d[\d ()./-]{2,20}",
    r"\+\d{1,3}(?:[ ./()-]{0,2}\d){6,13}(?!\d)",
    r"(?<!\d)\(\d{2,5}\) ?\d{3,4}[ .-]?\d{3,5}(?!\d)",
    r"(?<![\d.])\d{3}[-. ]\d{3}[-. ]\d{4}(?![\d.])",
    r"(?<![\d.-])\d{3}-\d{2}-\d{4}(?![\d-])",
    r"(?<![\d.-])\d{3}-\d{4}(?![\d-])",
    r"(?<![\d.])0\d{1,4}[/ -]\d{4,9}(?![\d.])",
    r"(?<![^\W_])(?:mrn|mr ?#|pid|pat(?:ient)? ?id|id|acc(?:ession)?|case|record|chart|ssn|dob|nhs|visit|order)"
    r"(?: ?(?:no|nr|num|number)\b\.?)? ?[#:=]{0,2} ?[A-Za-z]{0,4}-?\d[\w./-]{2,30}",
    r"(?<![\d.])\d{7,}(?![\d])",
    r"(?<![^\W_])(?=[A-Za-z-]{0,6}\d)[A-Za-z]{1,4}-?\d{6,20}(?![^\W_])",
    r"(?<![^\W_])\d{1,5} (?:[A-Z][\w'.-]{1,20} ){1,3}"
    r"(?:Street|St\b\.?|Road|Rd\b\.?|Avenue|Ave\b\.?|Lane|Ln\b\.?|Drive|Boulevard|Blvd\b\.?)",
    r"(?<![^\W_])[^\W\d_]{3,30}(?:stra(?:ß|ss)e|str\.) ?\d{1,4}[a-z]?(?![^\W_])",
)
_AGE = re.compile(r"(?<!\d)(9\d|1[0-4]\d)(?=[ -]{0,2}(?:years?|yrs?|yo|y/o|y\.o|Jahre|jähr))", re.I)
_NOUNS = re.compile(
    r"(?:['’]s?|s)?[ -](?:disease|syndrome|cysts?|lymphoma|tumou?rs?|sarcoma|sign|fractures?|lesion|gland|score"
    r"|classification|contracture|palsy|phenomenon|nodes?|nodules?|deformity|malformation|anomaly|ulcer|o?esophagus"
    r"|diverticulum|lines?|pouch|thyroiditis|dementia|neuroma|arteritis|granulomatosis|tremor|index|procedure"
    r"|operation)(?![^\W_])",
    re.I,
)
_POSSESSIVE = re.compile(r"(?:['’]s|s['’])(?![^\W_])", re.I)
_EPONYM_BEFORE = re.compile(r"(?:circle|vein|foramen|pouch|tetralogy|morbus|non)[ -](?:of )?$", re.I)

_GENERAL = tuple(re.compile(pattern, re.I) for pattern in ("|".join(_REACHES), *_NUMBERS))
_DATED = tuple(re.compile(pattern, re.I) for pattern in _DATES)
_CONTACTS = (re.compile("|".join(_REACHES[:4]), re.I),)

Span = tuple[int, int]


@cache
def common_words() -> frozenset[str]:
    """Words that name nobody: of medicine (meanings of DICOM's context groups), of the standard, of daily English."""
    return frozenset(text_of("common_words.txt").split())


@lru_cache(maxsize=16384)
def key_of(word: str) -> str:
    """What two spellings of a word have in common."""
    folded = unicodedata.normalize("NFKD", word.casefold())
    plain = "".join(letter for letter in folded if not unicodedata.combining(letter))
    plain = plain.replace("ø", "o").replace("ł", "l").replace("đ", "d").replace("æ", "a").replace("œ", "o")
    return plain.replace("ae", "a").replace("oe", "o").replace("ue", "u")


def words_of(text: str) -> list[str]:
    """Keys of the words and numbers of a text, in order."""
    return [key_of(found) for found in _WORD.findall(text)]


def spellings(text: str) -> Iterator[str]:
    """The text, and what it is when its bytes were written in UTF-8 but not declared so."""
    yield text
    if not text.isascii():
        try:
            yield text.encode("latin-1").decode("utf-8")
        except UnicodeError:
            return


class Cleaner:
    """Takes the identifiers of one object out of its texts; remembers what it has cleaned.

    Parameters
    ----------
    traces : iterable of Trace
        The identifying values of the object.
    keeps_dates : bool
        Whether dates in texts stay (full dates are retained).
    shift_days : int, days, optional
        By how much dates in texts are moved; without it they go. The patient's birth date always goes.
    """

    def __init__(self, traces: Iterable[Trace], *, keeps_dates: bool = False, shift_days: int | None = None) -> None:
        traces = tuple(traces)
        self._strong: set[str] = set()
        self._weak: set[str] = set()
        self._names: set[str] = set()
        self._phrases: dict[str, set[tuple[str, ...]]] = {}
        self._substrings: set[str] = set()
        self._keeps_dates = keeps_dates
        self._shift_days = shift_days
        self._births = {text_date.read(trace.text) for trace in traces if trace.kind == "date"}
        self._cleaned: dict[tuple[str, bool], str] = {}
        self._forms: tuple[bytes, ...] | None = None
        self._spelled = {part for trace in traces if trace.kind != "date" for part in _parts_of(trace)}
        for trace in traces:
            for text in spellings(trace.text):
                {"name": self._know_name, "id": self._know_id, "place": self._know_place, "date": self._know_id}[
                    trace.kind
                ](text)

    def clean(self, text: str) -> str:
        """Text without identifiers, dates, addresses and numbers that look like one's own."""
        return self._remembered(text, everything=True)

    def strip(self, text: str) -> str:
        """Technical text without the object's own identifiers; numbers and dates of versions stay."""
        return self._remembered(text, everything=False)

    def finds(self, text: str) -> bool:
        """Tell whether an identifier of the object stands in a text."""
        return any(True for _ in self._own(text))

    def is_name(self, text: str) -> bool:
        """Tell whether a text is nothing but a part of a name, a common word too (a patient called White)."""
        key = key_of(text.strip())
        return len(key) > 3 and key in self._names

    def stands_in_bytes(self, value: bytes) -> bool:
        """Tell whether a name or a number stands in bytes in any of the usual encodings, declared or not."""
        if _PLAIN_BYTES.fullmatch(value):
            return False
        if self._forms is None:
            self._forms = tuple({form for text in self._spelled for form in _forms_of(text)})
        folded = value.lower()
        return any(form in folded for form in self._forms)

    def _remembered(self, text: str, *, everything: bool) -> str:
        key = (text, everything)
        known = self._cleaned.get(key)
        if known is None:
            known = self._without(text, everything=everything)
            if len(self._cleaned) >= _REMEMBERED:
                self._cleaned.clear()
            if len(text) <= 1024:
                self._cleaned[key] = known
        return known

    def _without(self, text: str, *, everything: bool) -> str:
        if len(text) > LONGEST_TEXT:
            return ""
        spans = list(self._own(text))
        numbers = [
            found.span() for pattern in (_GENERAL if everything else _CONTACTS) for found in pattern.finditer(text)
        ]
        if not everything:
            return _cut(text, [*spans, *numbers]) if spans or numbers else text
        dates = {one.span(): one.group() for pattern in _DATED for one in pattern.finditer(text)}
        spans += [
            number for number in numbers if not any(date[0] <= number[0] and number[1] <= date[1] for date in dates)
        ]
        spans.extend(text_person.named_people(text, _is_known_word))
        moved = {} if self._keeps_dates else self._moved_dates(dates, spans)
        aged = _AGE.sub("90", text)
        if aged != text and not spans and not moved:
            return aged
        text = aged if len(aged) == len(text) else text
        return _cut(text, spans, moved) if spans or moved else text

    def _moved_dates(self, dates: Mapping[Span, str], spans: list[Span]) -> dict[Span, str]:
        """Dates that are moved and what they become; those that cannot be, or meet what goes, are added to the spans."""
        moved: dict[Span, str] = {}
        for span, date in sorted(dates.items(), key=lambda one: (one[0][0], -one[0][1])):
            if _meets(span, moved):
                continue  # a shorter writing inside a longer one
            new = None
            if self._shift_days is not None and text_date.read(date) not in self._births and not _meets(span, spans):
                new = text_date.moved(date, self._shift_days)
            if new is None:
                spans.append(span)
            else:
                moved[span] = new
        return moved

    def _own(self, text: str) -> Iterator[Span]:
        words = [(found.start(), found.end(), key_of(found.group())) for found in _WORD.finditer(text)]
        for number, (start, end, key) in enumerate(words):
            if (key in self._strong and not _is_eponym(text, start, end, key)) or (
                key in self._weak
                and (self._beside_a_part(text, words, number) or _is_possessive(text, start, end, key))
            ):
                yield start, end
            for phrase in self._phrases.get(key, ()):
                if tuple(word[2] for word in words[number : number + len(phrase)]) == phrase:
                    yield start, words[number + len(phrase) - 1][1]
        if self._substrings:
            folded = text.casefold()
            if len(folded) == len(text):
                for wanted in self._substrings:
                    yield from _places(folded, wanted)

    def _beside_a_part(self, text: str, words: list[tuple[int, int, str]], number: int) -> bool:
        """Whether the word before or after is a part of a name too; initials count only beside a longer part."""
        for other in (number - 1, number + 1):
            if not 0 <= other < len(words):
                continue
            first, second = words[min(number, other)], words[max(number, other)]
            key = words[other][2]
            if _GAP.fullmatch(text[first[1] : second[0]]) is None or key not in self._strong | self._weak:
                continue
            if len(key) > 1 or len(words[number][2]) > 2:
                return True
        return False

    def _know_name(self, text: str) -> None:
        for group in text.split("="):
            parts = [words_of(component) for component in group.split("^")]
            flat = [word for words in parts for word in words]
            # PANCREAS_0001 is the number of a case, and PANCREAS in it no name.
            self._names |= {word for words in parts if not any(word.isdigit() for word in words) for word in words}
            for word in flat:
                if word >= _FIRST_IDEOGRAPH:
                    continue
                (self._weak if len(word) < 3 or word in _common_keys() else self._strong).add(word)
            joined = (words_of(re.sub(r"['’`-]", "", component)) for component in re.split(r"[\^\s,]+", group))
            self._strong |= {word for words in joined for word in words if len(word) > 3 and word not in _common_keys()}
            family, given = "".join(parts[0]), "".join(parts[1]) if len(parts) > 1 else ""
            if given and family and len(family + given) > 5:
                self._strong |= {family + given, given + family}
            self._know_ideographs(group)

    def _know_ideographs(self, group: str) -> None:
        pieces = [piece for piece in re.split(r"[\^\s]+", group) if piece and max(piece) >= _FIRST_IDEOGRAPH]
        joined = [mark.join(pieces) for mark in ("", "^", " ", "\u3000", ",", "\u00b7")]
        for piece in (*pieces, *joined, unicodedata.normalize("NFKC", joined[0])):
            if len(piece) > 1:
                self._substrings.add(piece.casefold())

    def _know_id(self, text: str) -> None:
        compact = "".join(letter for letter in text if letter.isalnum())
        if len(compact) < 4 or compact.casefold() in common_words():
            return
        self._know_phrase(tuple(words_of(text)))
        self._know_phrase(tuple(words_of(compact)))
        if len(compact) > 5:
            self._substrings |= {text.casefold(), compact.casefold()}
            if compact.isdigit() and len(compact.lstrip("0")) > 4:
                self._substrings.add(compact.lstrip("0"))

    def _know_place(self, text: str) -> None:
        words = words_of(text)
        distinct = [word for word in words if len(word) > 3 and not word.isdigit() and word not in _common_keys()]
        self._strong.update(distinct)
        if distinct or (len(words) > 1 and any(word.isdigit() for word in words)):
            self._know_phrase(tuple(words))
        if max(text, default="") >= _FIRST_IDEOGRAPH and len(text) > 1:
            self._substrings.add(text.casefold())

    def _know_phrase(self, words: tuple[str, ...]) -> None:
        if words:
            self._phrases.setdefault(words[0], set()).add(words)


@cache
def _common_keys() -> frozenset[str]:
    return frozenset(key_of(word) for word in common_words())


@cache
def _eponym_keys() -> frozenset[str]:
    return frozenset(key_of(word) for word in text_of("eponyms.txt").split())


def _is_possessive(text: str, start: int, end: int, key: str) -> bool:
    """Whether a common word that is also a name is written as somebody's: Long's CT, but not Baker's cyst."""
    return (
        len(key) > 2
        and text[start:end][:1].isupper()
        and _POSSESSIVE.match(text, end) is not None
        and not _is_eponym(text, start, end, key)
    )


def _is_known_word(word: str) -> bool:
    """Whether a word names nobody by itself: of medicine, of daily English, or an eponym of medicine."""
    key = key_of(word)
    return key in _common_keys() or key in _eponym_keys()


def _is_eponym(text: str, start: int, end: int, key: str) -> bool:
    if key not in _eponym_keys():
        return False
    return _NOUNS.match(text, end) is not None or _EPONYM_BEFORE.search(text[max(0, start - 16) : start]) is not None


def _parts_of(trace: Trace) -> Iterator[str]:
    """The parts of a value that would tell who it is, wherever they stood in bytes."""
    parts = re.split(r"[\^=\s,]+", trace.text) if trace.kind == "name" else [trace.text]
    for part in parts:
        long_enough = len(part) >= (4 if part.isascii() else 2)
        if long_enough and part.casefold() not in common_words():
            yield part


def _forms_of(text: str) -> Iterator[bytes]:
    """The bytes of a text in the usual encodings; those of pure ASCII are the cleaning's own business."""
    for encoding in _ENCODINGS:
        for spelled in (text, text.upper(), text.title()):
            try:
                form = spelled.encode(encoding).lower()
            except UnicodeError:
                continue
            if len(form) > 2 and not _PLAIN_BYTES.fullmatch(form):
                yield form


def _places(text: str, wanted: str) -> Iterator[Span]:
    place = text.find(wanted)
    while place >= 0:
        yield place, place + len(wanted)
        place = text.find(wanted, place + len(wanted))


def _meets(span: Span, others: Iterable[Span]) -> bool:
    return any(start < span[1] and span[0] < end for start, end in others)


def _cut(text: str, spans: list[Span], instead: Mapping[Span, str] | None = None) -> str:
    """What remains, tidied: no double spaces, no punctuation without words. ``instead`` stands where it stood."""
    kept: list[str] = [""]
    place = 0
    changes = [(span, None) for span in spans] + list((instead or {}).items())
    for (start, end), new in sorted(changes, key=lambda change: change[0]):
        if start > place:
            kept[-1] += text[place:start]
        if new is None:
            kept.append("")
        else:
            kept[-1] += new
        place = max(place, end)
    kept[-1] += text[place:]
    if not spans:
        return kept[-1]
    joined = " ".join(piece.strip(" ^=,") for piece in kept if piece.strip(" ^=,.;:-_'’/()#\0"))
    return re.sub(r"[ \t]{2,}", " ", re.sub(r"\(\s*\)|\[\s*\]", "", joined)).strip(" ,;:-_^=")
