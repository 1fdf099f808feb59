"""Identifiers and other small data sets: bytes to keys, and DICOM JSON to bytes.

References
----------
DICOM PS3.5 7.1 (elements), 6.1 (character sets); PS3.18 Annex F (the JSON that answers are made of).
"""

import base64
import binascii
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from pydicom.charset import convert_encodings, decode_bytes

from invivo import dicom
from invivo.errors import Invalid
from invivo.protocols.dimse.negotiation import BIG_ENDIAN, IMPLICIT

Json = Mapping[str, Any]
DEEPEST, MOST_ELEMENTS = 8, 1 << 16
LONGEST_TEXT, MOST_VALUES = 64_000, 1000  # of anything but UIDs, of which a list may be long
CHARACTER_SET = 0x00080005
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_NUMBERS = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
_BINARY = frozenset("OB OD OF OL OV OW UN".split())


class BadIdentifier(Invalid):
    """The identifier is not what its SOP class asks for (A900H)."""

    code = "dimse.bad-identifier"


@dataclass(frozen=True, slots=True)
class Key:
    """One attribute of an identifier; `text` has its values with backslashes between, as they were sent."""

    tag: int
    vr: str
    text: str = field(default="", repr=False)
    items: "tuple[dict[int, Key], ...]" = field(default=(), repr=False)

    @property
    def values(self) -> tuple[str, ...]:
        return tuple(one for one in (part.strip(" \0") for part in self.text.split("\\")) if one)

    @property
    def is_universal(self) -> bool:
        """It matches everything: empty, only stars, or a sequence of nothing else (PS3.4 C.2.2.2.3)."""
        if self.vr == "SQ":
            return all(key.is_universal for item in self.items for key in item.values())
        return not self.text.strip("* \0")


Keys = dict[int, Key]


@lru_cache(8192)
def vr_of(tag: int) -> str:
    """Return the VR that the dictionary has for a tag; the first of several, UN for an unknown one."""
    try:
        return dicom.attribute(f"{tag:08X}").vr[:2]
    except dicom.UnknownAttribute:
        return "UL" if not tag & 0xFFFF else "UN"


class _Reader:
    """One reading of one data set, in whatever byte order."""

    def __init__(self, content: bytes, syntax: str) -> None:
        self.content = content
        self.order = ">" if syntax == BIG_ENDIAN else "<"
        self.is_implicit = syntax == IMPLICIT
        self.left = MOST_ELEMENTS

    def head(self, at: int) -> tuple[int, str, int, int]:
        group, element = struct.unpack_from(f"{self.order}HH", self.content, at)
        tag = group << 16 | element
        if self.is_implicit or group == 0xFFFE:
            return tag, vr_of(tag), struct.unpack_from(f"{self.order}L", self.content, at + 4)[0], at + 8
        vr = self.content[at + 4 : at + 6]
        if vr in _LONG:
            return tag, vr.decode(), struct.unpack_from(f"{self.order}L", self.content, at + 8)[0], at + 12
        return tag, vr.decode("ascii"), struct.unpack_from(f"{self.order}H", self.content, at + 6)[0], at + 8

    def keys(self, at: int, end: int, encodings: list[str], depth: int = 0) -> tuple[Keys, int]:
        found: Keys = {}
        while at < end:
            tag, vr, length, at = self.head(at)
            if tag in (_ITEM_END, _SEQUENCE_END):
                return found, at
            self.left -= 1
            if self.left < 0 or depth > DEEPEST:
                raise BadIdentifier("The identifier has too many attributes, or too deeply nested ones.")
            if vr == "SQ" or length == _UNDEFINED:
                items, at = self.items(at, end if length == _UNDEFINED else at + length, encodings, depth + 1)
                found[tag] = Key(tag, "SQ", items=items)
                continue
            if length > end - at:
                raise BadIdentifier("The identifier is cut short.")
            raw = self.content[at : at + length]
            at += length
            text = self.text(vr, raw, encodings)
            if vr != "UI" and (len(text) > LONGEST_TEXT or text.count("\\") >= MOST_VALUES):
                raise BadIdentifier("A key of the identifier is longer or has more values than is looked for.")
            if tag == CHARACTER_SET:
                encodings = convert_encodings([one.strip() for one in text.split("\\")])
            found[tag] = Key(tag, vr, text)
        return found, at

    def items(self, at: int, end: int, encodings: list[str], depth: int) -> tuple[tuple[Keys, ...], int]:
        found: list[Keys] = []
        end = min(end, len(self.content))
        while at < end:
            tag, _, length, at = self.head(at)
            if tag != _ITEM:
                return tuple(found), at
            item, at = self.keys(at, end if length == _UNDEFINED else min(at + length, end), encodings, depth)
            found.append(item)
        return tuple(found), at

    def text(self, vr: str, raw: bytes, encodings: list[str]) -> str:
        if vr in _NUMBERS:
            code = _NUMBERS[vr]
            count = len(raw) // struct.calcsize(f"<{code}")
            return "\\".join(str(one) for one in struct.unpack_from(f"{self.order}{count}{code}", raw))
        if vr == "AT":
            pairs = struct.unpack_from(f"{self.order}{len(raw) // 4 * 2}H", raw)
            return "\\".join(
                f"{group:04X}{element:04X}" for group, element in zip(pairs[::2], pairs[1::2], strict=True)
            )
        if vr in _BINARY:
            return raw.decode("latin-1") if vr == "UN" and raw.isascii() else ""
        text = (
            raw.decode() if raw.isascii() and b"\x1b" not in raw else decode_bytes(raw, encodings, {0x5C, 0x5E, 0x3D})
        )
        return text.strip(" \0")


def read(content: bytes, syntax: str) -> Keys:
    """Read a data set of a message.

    Raises
    ------
    BadIdentifier
        It cannot be read in the transfer syntax that was agreed.
    """
    try:
        return _Reader(content, syntax).keys(0, len(content), ["iso8859"])[0]
    except (struct.error, UnicodeError, ValueError, LookupError):
        raise BadIdentifier("The identifier cannot be read.") from None


# ---- writing -------------------------------------------------------------------------------------------------------


def _name(value: Any) -> str:
    if not isinstance(value, Mapping):
        return str(value)
    groups = [str(value.get(kind) or "") for kind in ("Alphabetic", "Ideographic", "Phonetic")]
    return "=".join(groups).rstrip("=")


def _text(value: Any) -> str:
    """Write one value as text; a decimal string has at most 16 characters (PS3.5 6.2)."""
    if not isinstance(value, float):
        return "" if value is None else str(value)
    text = str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return text if len(text) <= 16 else f"{value:.9g}"


def _plain(vr: str, entry: Json, order: str) -> bytes:
    """Write the values of an element that is no sequence, padded to an even length."""
    many = entry.get("Value") or []
    if "InlineBinary" in entry:
        try:
            raw = base64.b64decode(entry["InlineBinary"])
        except (binascii.Error, TypeError, ValueError):
            raw = b""
    elif vr in _NUMBERS:
        cast = float if vr in ("FL", "FD") else int
        raw = struct.pack(f"{order}{len(many)}{_NUMBERS[vr]}", *(cast(one) for one in many))
    elif vr == "AT":
        raw = b"".join(struct.pack(f"{order}HH", int(one[:4], 16), int(one[4:], 16)) for one in many)
    elif vr == "PN":
        raw = "\\".join(map(_name, many)).encode()
    else:
        raw = "\\".join(map(_text, many)).encode()
    return raw + (b"\0" if vr == "UI" or vr in _BINARY else b" ") * (len(raw) % 2)


def encode(json: Json, syntax: str) -> bytes:
    """Write a data set from DICOM JSON; what cannot be written as its VR is left empty. Text is UTF-8."""
    order = ">" if syntax == BIG_ENDIAN else "<"
    return b"".join(_element(int(tag, 16), json[tag], order, is_implicit=syntax == IMPLICIT) for tag in sorted(json))


def _element(tag: int, entry: Json, order: str, *, is_implicit: bool) -> bytes:
    vr = entry.get("vr", "UN")
    if vr == "SQ":
        value = b"".join(_item(item, order, is_implicit=is_implicit) for item in entry.get("Value") or ())
    else:
        try:
            value = _plain(vr, entry, order)
        except (struct.error, ValueError, TypeError, OverflowError):
            value = b""
    group, element = tag >> 16, tag & 0xFFFF
    if is_implicit:
        return struct.pack(f"{order}HHL", group, element, len(value)) + value
    code = vr.encode()
    if code in _LONG:
        return struct.pack(f"{order}HH2sHL", group, element, code, 0, len(value)) + value
    if len(value) > 0xFFFE:
        value = b""
    return struct.pack(f"{order}HH2sH", group, element, code, len(value)) + value


def _item(item: Json, order: str, *, is_implicit: bool) -> bytes:
    body = b"".join(_element(int(tag, 16), item[tag], order, is_implicit=is_implicit) for tag in sorted(item))
    return struct.pack(f"{order}HHL", 0xFFFE, 0xE000, len(body)) + body
