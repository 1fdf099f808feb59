"""An independent second look: does anything that identifies still stand in the bytes that were written?"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from io import BytesIO

import numpy as np
from pydicom.dataset import Dataset

from invivo import dicom
from invivo.deidentification import element as elements
from invivo.deidentification.identifier import DEEPEST, Trace, traces_of
from invivo.deidentification.profile import Profile, profile_named
from invivo.deidentification.table import standard_vr
from invivo.deidentification.text import common_words

SHORTEST_VALUE = 4
SHORTEST_NUMBER = 6
SHORTEST_IN_PIXELS = 8
_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_UIDS = (0x00080018, 0x0020000D, 0x0020000E, 0x00200052)
_TEXTS = frozenset({"LO", "SH", "ST", "LT", "UT", "UC", "AE", "PN", "CS", "UR", "DA", "DT", "TM", "UN", "OB", "UI"})
_LETTER = re.compile(rb"[A-Za-z]")


def leftovers(
    original: Dataset, output: bytes, profile: Profile | None = None, *, labels: Sequence[str] = ()
) -> tuple[str, ...]:
    """Paths of identifying values of an original that still occur in what was made of it.

    Parameters
    ----------
    original : Dataset
        The object before.
    output : bytes
        The file after.
    profile : Profile, optional
        Which identities it means to keep (institution, device, UIDs); Basic keeps none. Of a profile that only
        verifies nothing is expected to go.
    labels : sequence of str
        New labels of the subject, which are no leftovers.

    Returns
    -------
    tuple of str
        Places in the original, never values. Names, numbers and places of at least four characters that are no common
        words; numbers of at least six digits in the raw bytes; the birth date; the UIDs of study, series, object and
        frame of reference. They are looked for in the bytes, in all character sets of the object, and in a fresh
        decode.
    """
    profile = profile or profile_named("basic")
    if profile.verifies_only:
        return ()
    allowed = {label.casefold() for label in labels}
    needles = _needles(
        traces_of(original, profile), frozenset(allowed), tuple(elements.encodings_of(original, ["iso8859"]))
    )
    fresh = dicom.read_dataset(BytesIO(output))
    raw, pixels = _parts(output, fresh)
    found = [path for path, forms in needles.raw if any(_stands_in(raw, form) for form in forms)]
    printed = _printed(pixels)
    if printed:
        found += [
            path
            for path, forms in needles.raw
            if any(len(form) >= SHORTEST_IN_PIXELS and form in printed for form in forms)
        ]
    text = "\n".join(_texts(fresh, ["iso8859"], 0)).casefold()
    found += [path for path, pattern in needles.text if pattern.search(text)]
    if "retain_uids" not in profile.options:
        found += [path for path, uid in _uids(original) if _stands_in(raw, uid)]
    return tuple(dict.fromkeys(found))


class _Needles:
    """What is looked for: lower-case bytes in every character set, and patterns over decoded text."""

    __slots__ = ("raw", "text")

    def __init__(self, values: Sequence[tuple[str, str]], encodings: Sequence[str]) -> None:
        raw, text = [], []
        for path, value in values:
            if not value.isdigit() or len(value) >= SHORTEST_NUMBER:
                raw.append((path, _forms(value, encodings)))
            text.append((path, re.compile(_pattern(value))))
        self.raw, self.text = tuple(raw), tuple(text)


def _pattern(value: str) -> str:
    """A word or number is looked for on its own; a mixed number, and what has no words (ideographs), anywhere."""
    if value.isdigit():
        return rf"(?<![\d.]){value}(?![\d.])"
    mixed = any(letter.isdigit() for letter in value)
    return re.escape(value) if mixed or not value.isascii() else rf"(?<![^\W_]){re.escape(value)}(?![^\W_])"


@lru_cache(maxsize=64)
def _needles(traces: tuple[Trace, ...], allowed: frozenset[str], encodings: tuple[str, ...]) -> _Needles:
    values = {value: trace.path for trace in traces for value in _values(trace) if value not in allowed}
    return _Needles([(path, value) for value, path in values.items()], encodings)


def _values(trace: Trace) -> Iterator[str]:
    """The value and its parts that would tell who it is, in lower case."""
    whole = trace.text.casefold()
    if trace.kind == "date":
        if len(whole) == 8 and whole.isdigit():
            yield from (whole, f"{whole[:4]}-{whole[4:6]}-{whole[6:]}", f"{whole[6:]}.{whole[4:6]}.{whole[:4]}")
            yield f"{whole[4:6]}/{whole[6:]}/{whole[:4]}"
        return
    parts = re.split(r"[\^=\s]+", whole) if trace.kind == "name" else [whole]
    if trace.kind == "place":
        parts += [word for word in re.split(r"[^\w]+", whole) if not word.isdigit()]
    for part in dict.fromkeys([whole, *parts]):
        value = part.strip(" .,;-_()")
        long_enough = len(value) >= SHORTEST_VALUE or (len(value) > 1 and not value.isascii())
        if long_enough and not (value.isdigit() and len(value) < 5) and not _is_common(value):
            yield value


def _is_common(value: str) -> bool:
    words = re.findall(r"[^\W\d_]+", value)
    return (
        bool(words)
        and all(word in common_words() or len(word) < 3 for word in words)
        and not any(c.isdigit() for c in value)
    )


def _forms(value: str, encodings: Sequence[str]) -> tuple[bytes, ...]:
    found = {value.encode("utf-8", "replace")}
    for encoding in ("latin-1", "utf-16-le", *encodings):
        for spelled in (value, value.upper(), value.title()) if not value.isascii() else (value,):
            try:
                found.add(elements.encoded(spelled, [encoding]) if encoding in encodings else spelled.encode(encoding))
            except (UnicodeError, LookupError):
                continue
    return tuple(form.lower() for form in found if b"?" not in form and len(form) > 2)


def _stands_in(raw: bytes, form: bytes) -> bool:
    """Whether bytes stand there on their own: not inside a longer word or number."""
    place = raw.find(form)
    while place >= 0:
        before, after, beyond = (
            raw[place - 1 : place],
            raw[place + len(form) : place + len(form) + 1],
            raw[place + len(form) + 1 :][:1],
        )
        if form[:1].isdigit() and form.replace(b".", b"").isdigit():
            inside = before.isdigit() or after.isdigit() or b"." in {before, after}
        elif any(letter in form for letter in b"0123456789"):
            inside = False
        else:
            inside = bool(_LETTER.match(before) or (_LETTER.match(after) and beyond != b"\0"))
        if not inside:
            return True
        place = raw.find(form, place + 1)
    return False


def _parts(output: bytes, fresh: Dataset) -> tuple[bytes, list[bytes]]:
    """The file in lower case without the pixels of its root, and those pixels."""
    pixels = []
    rest = output
    for tag in _PIXELS:
        if tag in fresh:
            value = fresh.get_item(tag).value
            if isinstance(value, bytes) and len(value) > 64:
                pixels.append(value)
                place = _place_of(rest, value, fresh.get_item(tag))
                rest = rest[:place] + rest[place + len(value) :] if place >= 0 else rest
    return rest.lower(), pixels


def _place_of(rest: bytes, value: bytes, element: elements.Element) -> int:
    """Where pixels stand: where the reader found them, unless the file was deflated or other pixels were cut before."""
    told = getattr(element, "value_tell", None)
    if isinstance(told, int) and rest[told : told + len(value)] == value:
        return told
    return rest.rfind(value)


def _printed(parts: Sequence[bytes]) -> bytes:
    """What can be read in pixels: stretches of at least eight printable characters, in lower case."""
    found = []
    for part in parts:
        letters = np.frombuffer(part, dtype=np.uint8)
        printable = (letters - np.uint8(0x20)) < np.uint8(0x5F)
        for step in (1, 2, 4):
            printable = printable[:-step] & printable[step:]
        starts = np.flatnonzero(printable)
        if starts.size:
            ends = np.flatnonzero(np.diff(starts) > 1)
            firsts = starts[np.concatenate(([0], ends + 1))]
            lasts = starts[np.concatenate((ends, [starts.size - 1]))]
            found += [
                part[first : last + SHORTEST_IN_PIXELS]
                for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True)
            ]
    return b"\n".join(found).lower()


def _texts(dataset: Dataset, inherited: Sequence[str], depth: int) -> Iterator[str]:
    """Every text of a data set at every depth, private ones too."""
    if depth > DEEPEST:
        return
    encodings = elements.encodings_of(dataset, inherited)
    for tag in dataset.keys():  # noqa: SIM118 - tags, not elements
        if tag in _PIXELS:
            continue
        element = dataset.get_item(tag)
        vr = str(element.VR) if element.VR not in {None, "UN"} else standard_vr(tag) or "UN"
        if vr in {"SQ", "UN"}:
            for item in elements.items_of(dataset, element, vr) or []:
                yield from _texts(item, encodings, depth + 1)
        if vr in _TEXTS:
            yield from elements.texts_of(element, "LO" if vr in {"UN", "OB"} else vr, encodings)


def _uids(original: Dataset) -> Iterator[tuple[str, bytes]]:
    for tag in _UIDS:
        if tag in original:
            for uid in elements.texts_of(original.get_item(tag), "UI", ()):
                if len(uid) > 12 and not dicom.well_known(uid):
                    yield f"({tag >> 16:04X},{tag & 0xFFFF:04X})", uid.encode("ascii", "replace")
