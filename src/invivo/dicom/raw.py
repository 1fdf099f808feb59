"""A data set as pydicom's, read and written by its bytes: nothing is decoded that nobody asks for.

Cleaning an object changes few of its elements. Here the others are neither parsed nor encoded: an element of the data
set itself stays the bytes it was, a sequence too, until somebody enters it. What is unusual goes to pydicom, which is
also what the tests hold this to.
"""

import struct
from collections.abc import Iterable, Iterator
from functools import lru_cache
from io import BytesIO
from typing import TypeGuard, cast

from pydicom import charset
from pydicom.dataelem import DataElement, RawDataElement, empty_value_for_VR
from pydicom.dataset import Dataset
from pydicom.filebase import DicomIO
from pydicom.filewriter import dcmwrite, write_data_element
from pydicom.tag import BaseTag

from invivo.dicom.elements import (
    EXPLICIT,
    ITEM,
    NO_HEAD,
    PIXELS,
    SHORT,
    UNDEFINED,
    Count,
    Doubt,
    head_of,
    skip_fragments,
    skip_sequence,
)
from invivo.dicom.source import BIG_ENDIAN, DEFLATED, IMPLICIT, Contents, Limits, OverLimit

_CHARACTER_SET = 0x00080005
_LONG_VRS = frozenset("OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_SHORT_HEAD = struct.Struct("<HH2sH").pack
_LONG_HEAD = struct.Struct("<HH2sHI").pack
_IMPLICIT_HEAD = struct.Struct("<HHI").pack
_END_OF_SEQUENCE = b"\xfe\xff\xdd\xe0\0\0\0\0"
_DEFAULT = "iso8859"
_LONGEST_UID = 65
_EMPTY: dict[str | None, bytes | None] = {}


_TAGS: dict[int, BaseTag] = {}

Element = DataElement | RawDataElement


def raw_dataset(contents: Contents, limits: Limits, *, pixels: bool) -> Dataset:
    """Read a data set in little endian as raw elements.

    Raises
    ------
    Doubt, struct.error
        Something is unusual: pydicom is to read it.
    OverLimit
        Too many elements, or a value longer than may be read into memory.
    """
    buffer, size, position = contents.buffer, contents.size, contents.start
    head, count, implicit = head_of(contents.explicit), Count(limits.elements, limits.depth), not contents.explicit
    found: dict[BaseTag, Element] = {}
    last, new = 0, tuple.__new__  # the constructor of a named tuple costs three times as much
    while position < size:
        group, number, code, length = EXPLICIT(buffer, position) if contents.explicit else NO_HEAD
        vr = SHORT.get(code, "")
        if vr:  # most elements of most files, without a call
            tag, offset = group << 16 | number, position + 8
        else:
            tag, vr, offset, length = head(buffer, position)
        if tag <= last or tag >= ITEM:
            raise Doubt
        last = tag
        key = _TAGS.get(tag) or tag_of(tag)
        longest = limits.decoded_bytes if tag in PIXELS else limits.header_bytes
        if tag in PIXELS and not pixels:
            break
        if length != UNDEFINED:
            position = offset + length
            if position > size or length > longest:
                raise Doubt
            value = buffer[offset:position] if length else _empty(vr or None)
            found[key] = new(RawDataElement, (key, vr or None, length, value, offset, implicit, True, True, False))
            continue
        position = (
            skip_fragments(buffer, offset, count) if tag in PIXELS else _sequence_end(contents, tag, vr, offset, count)
        )
        if position > size or position - offset > longest:
            raise Doubt
        value = buffer[offset : position - 8]
        vr = vr or ("OW" if tag in PIXELS else "SQ")
        length = UNDEFINED if tag in PIXELS else len(value)
        found[key] = RawDataElement(key, vr, length, value, offset, implicit, True)
    if len(found) > limits.elements:
        raise OverLimit("The object has more data elements than allowed.")
    dataset = Dataset(found)
    stated = found.get(tag_of(_CHARACTER_SET))
    dataset.set_original_encoding(implicit, True, _encodings(stated.value if stated is not None else None))
    return dataset


def tag_of(number: int) -> BaseTag:
    """The tag of a number, as one object: looking one up in a data set by another object calls a comparison in Python."""
    known = _TAGS.get(number)
    if known is not None:
        return known
    tag = BaseTag(number)
    if len(_TAGS) < 20_000:
        _TAGS[number] = tag
    return tag


def _sequence_end(contents: Contents, tag: int, vr: str, offset: int, count: Count) -> int:
    if vr not in {"SQ", ""} or (tag >> 16) & 1:
        raise Doubt  # private sequences and UN of undefined length are pydicom's to judge
    return skip_sequence(contents.buffer, offset, contents.explicit, count)


def _empty(vr: str | None) -> bytes | None:
    if vr not in _EMPTY:
        _EMPTY[vr] = cast("bytes | None", empty_value_for_VR(vr, raw=True))
    return _EMPTY[vr]


@lru_cache(maxsize=256)
def _encodings(value: bytes | None) -> str | list[str]:
    if value is None:
        return _DEFAULT
    terms = [term.strip() for term in value.decode("latin-1").rstrip(" \0").split("\\")]
    try:
        return list(charset.convert_encodings(terms if len(terms) > 1 else terms[0]))
    except (LookupError, ValueError):
        raise Doubt from None


def written(dataset: Dataset) -> bytes:
    """Write an object with its file meta information, in the transfer syntax that this names.

    Parameters
    ----------
    dataset : Dataset
        With ``file_meta`` and ``preamble``. Raw elements are written as they are, group lengths are left out.

    References
    ----------
    DICOM PS3.10 7.1; PS3.5 7.1.
    """
    syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
    fits = dataset.original_encoding == (syntax == IMPLICIT, True)
    if not syntax or not fits or syntax in DEFLATED or syntax == BIG_ENDIAN:
        buffer = BytesIO()
        dcmwrite(buffer, dataset, enforce_file_format=True)
        return buffer.getvalue()
    meta = b"".join(_pieces(_without_length(dataset.file_meta), implicit=False, encodings=_DEFAULT))
    stored = dataset._dict
    stated = stored.get(tag_of(_CHARACTER_SET))
    encodings = _encodings_of(dataset, stated)
    body = _pieces((stored[tag] for tag in sorted(stored, key=int)), implicit=syntax == IMPLICIT, encodings=encodings)
    length = _SHORT_HEAD(2, 0, b"UL", 4) + struct.pack("<I", len(meta))
    return b"".join((bytes(128), b"DICM", length, meta, *body))


def _encodings_of(dataset: Dataset, stated: Element | None) -> str | list[str]:
    """The character sets of a data set. Asking pydicom would have the element decoded in its place."""
    if isinstance(stated, RawDataElement):
        try:
            return _encodings(stated.value)
        except Doubt:
            pass
    return dataset._character_set


def encoded_items(element: DataElement, *, implicit: bool, encodings: str | list[str]) -> RawDataElement:
    """A sequence as the bytes it has in a file."""
    pieces = _written_by_pydicom(element, implicit=implicit, encodings=encodings)
    skipped = 8 if implicit else 12
    value = pieces[skipped:]
    if pieces[skipped - 4 : skipped] == b"\xff\xff\xff\xff":
        value = value[:-8]
    return RawDataElement(element.tag, "SQ", len(value), value, 0, implicit, True)


def _without_length(meta: Dataset) -> Iterator[Element]:
    return (element for tag, element in sorted(meta._dict.items()) if tag != 0x00020000)


def _pieces(elements: Iterable[Element], *, implicit: bool, encodings: str | list[str]) -> list[bytes]:
    pieces: list[bytes] = []
    for element in elements:
        tag, vr = element.tag, element.VR or ""
        if not tag & 0xFFFF and tag > 0x0006FFFF:
            continue
        if not isinstance(element, RawDataElement) or (not implicit and len(vr) != 2):
            pieces.append(_written_by_pydicom(element, implicit=implicit, encodings=encodings))
            continue
        value = element.value or b""
        length = UNDEFINED if element.length == UNDEFINED else len(value)
        if implicit:
            pieces += (_IMPLICIT_HEAD(tag >> 16, tag & 0xFFFF, length), value)
        elif vr in _LONG_VRS or length > 0xFFFF:
            code = vr if vr in _LONG_VRS else "UN"  # PS3.5 6.2.2: what is too long for its VR
            pieces += (_LONG_HEAD(tag >> 16, tag & 0xFFFF, code.encode("ascii"), 0, length), value)
        else:
            pieces += (_SHORT_HEAD(tag >> 16, tag & 0xFFFF, vr.encode("ascii"), length), value)
        if length == UNDEFINED:
            pieces.append(_END_OF_SEQUENCE)
    return pieces


def _is_short(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and len(value) < _LONGEST_UID and value.isascii()


def _written_by_pydicom(element: Element, *, implicit: bool, encodings: str | list[str]) -> bytes:
    if not implicit and element.VR == "UI" and _is_short(element.value):
        value = element.value.encode("ascii") + b"\0" * (len(element.value) % 2)
        return _SHORT_HEAD(element.tag >> 16, element.tag & 0xFFFF, b"UI", len(value)) + value
    buffer = BytesIO()
    stream = DicomIO(buffer)
    stream.is_implicit_VR, stream.is_little_endian = implicit, True
    write_data_element(stream, element, encodings)
    return buffer.getvalue()
