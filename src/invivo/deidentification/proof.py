"""An independent second look: does anything that identifies still stand in the bytes that were written?"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO

import numpy as np
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from invivo import dicom
from invivo.deidentification import element as elements
from invivo.deidentification.identifier import DEEPEST, Trace, traces_with
from invivo.deidentification.profile import Profile, profile_named
from invivo.deidentification.script_profile import ScriptProfile, traces_meant_to_go
from invivo.deidentification.table import standard_vr
from invivo.deidentification.text import common_words

SHORTEST_VALUE = 4
SHORTEST_NUMBER = 6
SHORTEST_IN_PIXELS = 8
_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_UIDS = (0x00080018, 0x0020000D, 0x0020000E, 0x00200052)
_TEXTS = frozenset({"LO", "SH", "ST", "LT", "UT", "UC", "AE", "PN", "CS", "UR", "DA", "DT", "TM", "UN", "OB", "UI"})
_BETWEEN = b"\0\xff\xfe\0"
_MOST_CLEAR, _LONGEST_CLEAR = 8192, 1 << 14
_LETTER = re.compile(rb"[A-Za-z]")


def leftovers(
    original: Dataset,
    output: bytes,
    profile: Profile | None = None,
    *,
    labels: Sequence[str] = (),
    known: Sequence[Trace] = (),
    traces: tuple[Trace, ...] | None = None,
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
    known : sequence of Trace
        Identifiers that the patient's other objects have.
    traces : tuple of Trace, optional
        All of them with those of the original, where they were gathered already.

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
    encodings = tuple(elements.encodings_of(original, ["iso8859"]))
    fresh = dicom.read_dataset(BytesIO(output))
    if isinstance(profile, ScriptProfile):
        traces = traces_meant_to_go(original, fresh, known)
    elif traces is None:
        traces = traces_with(original, profile, known)
    needles = _needles(traces, frozenset(allowed), encodings)
    written = _written(output, fresh)
    found = needles.search(fresh, written)
    printed = _printed(written.pixels)
    if printed:
        found += [
            path
            for path, forms in needles.raw
            if any(len(form) >= SHORTEST_IN_PIXELS and form in printed for form in forms)
        ]
    if "retain_uids" not in profile.options:
        found += [path for path, uid in _uids(original) if any(_stands_in(part, uid) for part in written.rest)]
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class _Written:
    """The bytes of a file: ``pieces`` by the root's elements (all of it under None where that is not sure), the
    pixels of the root, and ``rest``, everything but these pixels."""

    pieces: tuple[tuple[BaseTag | None, bytes], ...]
    pixels: tuple[bytes, ...]
    rest: tuple[bytes, ...]


def _written(output: bytes, fresh: Dataset) -> _Written:
    """Cut a file into the pieces of its elements. Every byte is in a piece or in the pixels, whatever the reader said."""
    pieces: list[tuple[BaseTag | None, bytes]] = []
    pixels: list[bytes] = []
    rest: list[bytes] = []
    place = begun = 0
    for tag, element in elements.stored(fresh).items():
        value = element.value or b""
        start = int(getattr(element, "value_tell", None) or -1)
        if not isinstance(value, bytes) or start < place or output[start : start + len(value)] != value:
            pixels = [value for value in _pixels_of(fresh) if value not in output]
            return _Written(((None, output),), tuple(pixels), (output,))
        end = start + len(value)
        if tag in _PIXELS and len(value) > 64:
            pixels.append(value)
            pieces.append((None, output[place:start]))
            rest.append(output[begun:start])
            begun = end
        else:
            pieces.append((tag, output[place:end]))
        place = end
    pieces.append((None, output[place:]))
    rest.append(output[begun:])
    return _Written(tuple(pieces), tuple(pixels), tuple(rest))


def _pixels_of(fresh: Dataset) -> list[bytes]:
    values = [element.value for tag, element in elements.stored(fresh).items() if tag in _PIXELS]
    return [value for value in values if isinstance(value, bytes)]


class _Needles:
    """What is looked for: lower-case bytes in every character set, and patterns over decoded text.

    Pieces in which nothing was found are remembered: the objects of a series have most of them in common.
    """

    __slots__ = ("_clear", "raw", "text")

    def __init__(self, values: Sequence[tuple[str, str]], encodings: Sequence[str]) -> None:
        raw, text = [], []
        for path, value in values:
            if not value.isdigit() or len(value) >= SHORTEST_NUMBER:
                raw.append((path, _forms(value, encodings)))
            text.append((path, re.compile(_pattern(value))))
        self.raw, self.text = tuple(raw), tuple(text)
        self._clear: set[tuple[tuple[str, ...], bytes]] = set()

    def search(self, fresh: Dataset, written: _Written) -> list[str]:
        """Paths of what stands in a file, by its bytes and by its decoded text."""
        encodings = tuple(elements.encodings_of(fresh, ["iso8859"]))
        open_ = [(tag, piece) for tag, piece in written.pieces if (encodings, piece) not in self._clear]
        raw = _BETWEEN.join(piece for _, piece in open_).lower()
        found = [path for path, forms in self.raw if any(_stands_in(raw, form) for form in forms)]
        tags = [tag for tag, _ in open_ if tag is not None]
        is_whole = len(written.pieces) == 1
        text = "\n".join(_texts(fresh, ["iso8859"], 0, None if is_whole else tags)).casefold()
        found += [path for path, pattern in self.text if pattern.search(text)]
        if not found:
            if len(self._clear) > _MOST_CLEAR:
                self._clear.clear()
            self._clear.update((encodings, piece) for _, piece in open_ if len(piece) < _LONGEST_CLEAR)
        return found


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
        and all(word in common_words() or (len(word) < 3 and word.isascii()) for word in words)
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


def _printed(parts: Sequence[bytes]) -> bytes:
    """What can be read in pixels: stretches of at least eight printable characters, in lower case."""
    found = []
    for part in parts:
        if _has_no_pairs(part):
            continue
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


def _has_no_pairs(part: bytes) -> bool:
    """Whether no two bytes of a 16-bit word are both printable, as in nearly every CT and MR: then nothing is to be read."""
    if len(part) % 2:
        return False
    words = np.frombuffer(part, dtype="<u2")
    return not bool(((words - np.uint16(0x2000)) < np.uint16(0x5F00)).any())


def _texts(
    dataset: Dataset, inherited: Sequence[str], depth: int, tags: Sequence[BaseTag] | None = None
) -> Iterator[str]:
    """Every text of a data set, or of some of its elements, at every depth, private ones too."""
    if depth > DEEPEST:
        return
    encodings = elements.encodings_of(dataset, inherited)
    stored = elements.stored(dataset)
    for tag in stored if tags is None else tags:
        if tag in _PIXELS:
            continue
        element = stored[tag]
        vr = str(element.VR) if element.VR not in {None, "UN"} else standard_vr(tag) or "UN"
        if vr in {"SQ", "UN"}:
            for item in elements.items_of(dataset, element, vr) or []:
                yield from _texts(item, encodings, depth + 1)
        if vr in _TEXTS:
            yield from elements.texts_of(element, "LO" if vr in {"UN", "OB"} else vr, encodings)


def _uids(original: Dataset) -> Iterator[tuple[str, bytes]]:
    for tag in _UIDS:
        element = elements.stored(original).get(BaseTag(tag))
        if element is not None:
            for uid in elements.texts_of(element, "UI", ()):
                if len(uid) > 12 and not dicom.well_known(uid):
                    yield f"({tag >> 16:04X},{tag & 0xFFFF:04X})", uid.encode("ascii", "replace")
