"""An independent look at what was written: does a known identifier still stand in the bytes?"""

import re
from collections.abc import Iterator, Sequence

from invivo.deidentification.identifier import Trace
from invivo.deidentification.text import common_words, key_of

SHORTEST_VALUE, SHORTEST_NUMBER, SHORTEST_IN_NUMBERS = 4, 6, 8
_ENCODINGS = ("utf-8", "latin-1", "utf-16-le", "utf-16-be", "cp1252")
_FOREIGN = (
    *("iso8859-2", "iso8859-5", "iso8859-7", "cp1250", "cp1251", "koi8-r", "shift_jis", "euc_jp", "iso2022_jp"),
    *("euc_kr", "gb18030", "big5"),
)
_TOKEN = re.compile(r"[^\s,;|\"'()<>\[\]{}=:]+")
_MARKS = ".-_/\\"
_LETTER = re.compile(rb"[A-Za-z]")


def leftovers_in(
    output: bytes,
    traces: Sequence[Trace],
    *,
    own: Sequence[Trace],
    opaque: Sequence[tuple[int, int]],
    text: str,
    allowed: frozenset[str],
) -> tuple[str, ...]:
    """Kinds of identifiers that still stand in a written file, and where; never their values.

    Parameters
    ----------
    output : bytes
        The file, decompressed.
    traces : sequence of Trace
        What must be gone from the bytes, in any letters.
    own : sequence of Trace
        What the file itself told and must be gone from its text; there may be many.
    opaque : sequence of (int, int)
        Spans of coded numbers: there only what has eight bytes or more can be told from chance.
    text : str
        What a reader of the file gets to see.
    allowed : frozenset of str
        New labels, in lower case.
    """
    readable, coded = _parts(output, opaque)
    seen = text.casefold()
    found = []
    for trace in traces:
        for value in values_of(trace):
            if value in allowed or (value.isdigit() and len(value) < SHORTEST_NUMBER):
                continue
            forms = set(_forms(value))
            if any(_stands_in(readable, form) for form in forms):
                found.append(f"{trace.kind} in the bytes")
            if any(len(form) >= SHORTEST_IN_NUMBERS and form in coded for form in forms):
                found.append(f"{trace.kind} in the coded numbers")
            if seen and value in seen and _stands_alone(value, seen):
                found.append(f"{trace.kind} in the text")
    if own:
        found += _own_in(seen, own, allowed)
    return tuple(dict.fromkeys(found))


def _own_in(text: str, own: Sequence[Trace], allowed: frozenset[str]) -> Iterator[str]:
    """Whether words or numbers that the file told stand in its text, by one pass over its words."""
    spoken = set(re.findall(r"[^\W\d_]+", text)) | {word.strip(_MARKS) for word in _TOKEN.findall(text)}
    spoken |= {part for word in list(spoken) for part in re.split(r"[-_/\\.]", word)}
    for trace in own:
        for value in values_of(trace):
            if value in spoken and value not in allowed and not (value.isdigit() and len(value) < SHORTEST_NUMBER):
                yield f"{trace.kind} of {trace.path} in the text"


def values_of(trace: Trace) -> Iterator[str]:
    """A value and its parts that would tell who it is, in lower case."""
    whole = trace.text.strip().casefold()
    if trace.kind == "date":
        digits = re.sub(r"\D", "", whole)
        if len(digits) == 8:
            year, month, day = digits[:4], digits[4:6], digits[6:]
            yield from (digits, f"{year}-{month}-{day}", f"{day}.{month}.{year}", f"{month}/{day}/{year}")
        return
    parts = re.split(r"[\^=\s,]+", whole) if trace.kind == "name" else [whole]
    if trace.kind == "place":
        parts += [word for word in re.split(r"\W+", whole) if not word.isdigit()]
    for part in dict.fromkeys([whole, *parts]):
        value = part.strip(" .,;-_()")
        is_long = len(value) >= SHORTEST_VALUE or (len(value) > 1 and not value.isascii())
        if is_long and not (value.isdigit() and len(value) < SHORTEST_NUMBER) and not _is_common(value):
            yield value


def _is_common(value: str) -> bool:
    words = re.findall(r"[^\W\d_]+", value)
    has_digits = any(letter.isdigit() for letter in value)
    return (
        bool(words)
        and not has_digits
        and all(word in common_words() or (len(word) < 3 and word.isascii()) for word in words)
    )


def _forms(value: str) -> Iterator[bytes]:
    spelled = {value}
    if not value.isascii():
        spelled |= {value.upper(), value.title(), key_of(value)}
    for encoding in (*_ENCODINGS, *(() if value.isascii() else _FOREIGN)):
        for one in spelled:
            try:
                form = one.encode(encoding).lower()
            except UnicodeError:
                continue
            if len(form) > 2:
                yield form


def _parts(output: bytes, opaque: Sequence[tuple[int, int]]) -> tuple[bytes, bytes]:
    readable, coded, place = [], [], 0
    for start, end in opaque:
        readable.append(output[place:start])
        coded.append(output[start:end])
        place = end
    readable.append(output[place:])
    return b"\0\xff\0".join(readable).lower(), b"\0\xff\0".join(coded).lower()


def _stands_in(raw: bytes, form: bytes) -> bool:
    """Whether bytes stand there on their own: not inside a longer word or number."""
    place = raw.find(form)
    while place >= 0:
        before, after = raw[max(0, place - 1) : place], raw[place + len(form) : place + len(form) + 1]
        beyond = raw[place + len(form) + 1 : place + len(form) + 2]
        if form.isdigit():
            is_inside = before.isdigit() or after.isdigit() or b"." in {before, after}
        elif any(letter in form for letter in b"0123456789"):
            is_inside = False
        else:
            is_inside = bool(_LETTER.match(before) or (_LETTER.match(after) and beyond != b"\0"))
        if not is_inside:
            return True
        place = raw.find(form, place + 1)
    return False


def _stands_alone(value: str, text: str) -> bool:
    if any(letter.isdigit() for letter in value) and not value.isdigit():
        return True
    if not value.isascii() and max(value) >= "\u2e80":
        return True
    edge = r"[\d.]" if value.isdigit() else r"[^\W\d_]"
    return re.search(rf"(?<!{edge}){re.escape(value)}(?!{edge})", text) is not None
