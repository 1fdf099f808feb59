"""Stored bytes of one value, little endian, to values of the DICOM JSON model.

References
----------
DICOM PS3.5 6.2; PS3.18 F.2.3 to F.2.5.
"""

import math
import re
import struct
from base64 import b64encode
from collections.abc import Callable, Iterable
from functools import cache

from pydicom import charset, datadict

from invivo.dicom.elements import Head
from invivo.dicom.source import Buffer

JsonValue = str | int | float | dict[str, object] | None
Converted = list[JsonValue] | None

NUMERIC = frozenset({"US", "SS", "UL", "SL", "FL", "FD", "SV", "UV", "AT"})
BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
DEFAULT_ENCODINGS = ("iso8859",)

_INTEGER = re.compile(r"[+-]?[0-9]{1,15}")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[Ee][+-]?[0-9]+)?")
_DELIMITERS = {0x0D, 0x0A, 0x09, 0x0C}
_NAME_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


def decoded(raw: bytes, encodings: tuple[str, ...]) -> str:
    """Decode text by its character sets; bytes that fit none become U+FFFD."""
    if b"\x1b" not in raw:
        try:
            return raw.decode("ascii" if raw.isascii() else encodings[0])
        except UnicodeError:
            return raw.decode(encodings[0], "replace")
    try:
        return charset.decode_bytes(raw, encodings, _DELIMITERS)
    except (UnicodeError, LookupError, ValueError):
        return raw.decode("ascii", "replace")


def encodings_of(names: Iterable[str]) -> tuple[str, ...]:
    """Python's names of the character sets in (0008,0005); the default repertoire for unknown ones."""
    kept = [name if _known(name) else _mended(name) for name in tuple(names)[:16]]
    if not kept:
        return DEFAULT_ENCODINGS
    return tuple(charset.convert_encodings(kept)) or DEFAULT_ENCODINGS


@cache
def _known(name: str) -> bool:
    return name in charset.python_encoding


def _mended(name: str) -> str:
    """A defined term for common misspellings such as ``ISO-IR 100`` or ``ISO_IR_192``; else the default repertoire."""
    mended = re.sub(r"^ISO.IR.", "ISO_IR ", name.strip().upper())
    mended = re.sub(r"^ISO.2022.IR.", "ISO 2022 IR ", mended)
    return mended if _known(mended) else ""


def listed(text: str) -> Converted:
    """Split text at backslashes; empty values become None."""
    if not text:
        return None
    if "\\" not in text:
        return [text]
    values: list[JsonValue] = [value.rstrip("\0 ") or None for value in text.split("\\")]
    return values


def _plain(raw: bytes, _encodings: tuple[str, ...]) -> Converted:
    """Text of the default repertoire. Bytes outside it are kept as Latin-1, as pydicom does."""
    return listed(raw.decode("latin-1").rstrip("\0 "))


def _text(raw: bytes, encodings: tuple[str, ...]) -> Converted:
    return listed(decoded(raw, encodings).rstrip("\0 "))


def _paragraph(raw: bytes, encodings: tuple[str, ...]) -> Converted:
    text = decoded(raw, encodings).rstrip("\0 ")
    return [text] if text else None


def _name(raw: bytes, encodings: tuple[str, ...]) -> Converted:
    values = listed(decoded(raw, encodings).rstrip("\0 "))
    return None if values is None else [name_of_text(value) for value in values]


def name_of_text(value: object) -> JsonValue:
    """Turn a person name with its three groups into the object of the JSON model, leaving out empty groups."""
    if not isinstance(value, str) or not value:
        return None
    groups: dict[str, object] = {
        key: text.rstrip("\0 ") for key, text in zip(_NAME_GROUPS, value.split("="), strict=False) if text.rstrip("\0 ")
    }
    return groups or None


def integer(text: str) -> JsonValue:
    """Turn an integer string into a number, or leave it as text where it is none."""
    text = text.strip("\0 ")
    if _INTEGER.fullmatch(text):
        return int(text)
    return text or None


def decimal(text: str) -> JsonValue:
    """Turn a decimal string into a number, or leave it as text where it is none."""
    text = text.strip("\0 ")
    if _DECIMAL.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text or None


def _integers(raw: bytes, _encodings: tuple[str, ...]) -> Converted:
    text = raw.decode("latin-1").strip("\0 ")
    return [integer(part) for part in text.split("\\")] if text else None


def _decimals(raw: bytes, _encodings: tuple[str, ...]) -> Converted:
    text = raw.decode("latin-1").strip("\0 ")
    return [decimal(part) for part in text.split("\\")] if text else None


def finite(number: float) -> JsonValue:
    """JSON has no NaN and no infinity: they are written as strings."""
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def _numbers(code: str) -> Callable[[bytes, tuple[str, ...]], Converted]:
    width = struct.calcsize(f"<{code}")
    floating = code in "fd"

    def convert(raw: bytes, _encodings: tuple[str, ...]) -> Converted:
        """Raises struct.error where the length is no multiple of the width."""
        values = struct.unpack(f"<{len(raw) // width}{code}", raw)
        if floating:
            return [finite(value) for value in values] or None
        return list(values) or None

    return convert


def _tags(raw: bytes, _encodings: tuple[str, ...]) -> Converted:
    words = struct.unpack(f"<{len(raw) // 4 * 2}H", raw)
    return [f"{words[i]:04X}{words[i + 1]:04X}" for i in range(0, len(words), 2)] or None


CONVERTERS: dict[str, Callable[[bytes, tuple[str, ...]], Converted]] = {
    **dict.fromkeys(("AE", "AS", "CS", "DA", "DT", "TM", "UI"), _plain),
    **dict.fromkeys(("LO", "SH", "UC"), _text),
    **dict.fromkeys(("LT", "ST", "UT"), _paragraph),
    "UR": lambda raw, _encodings: [text] if (text := raw.decode("latin-1").rstrip("\0 ")) else None,
    "PN": _name,
    "IS": _integers,
    "DS": _decimals,
    "AT": _tags,
    **{
        vr: _numbers(code)
        for vr, code in {
            "US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "SV": "q", "UV": "Q"
        }.items()
    },
}  # fmt: skip


def inline(raw: bytes) -> str:
    """Base64 of a binary value; its padding to even length is kept, since its true length is unknown."""
    return b64encode(raw).decode("ascii")


def without_nulls(values: list[JsonValue]) -> tuple[list[JsonValue], bool]:
    """Take U+0000 out of texts, which neither PostgreSQL's text nor its JSON can hold; tell whether there was any."""
    found = False
    kept: list[JsonValue] = []
    for value in values:
        clean: JsonValue = value
        if isinstance(value, str) and "\0" in value:
            clean, found = value.replace("\0", ""), True
        elif isinstance(value, dict) and any("\0" in str(text) for text in value.values()):
            clean, found = {key: str(text).replace("\0", "") for key, text in value.items()}, True
        kept.append(clean)
    return kept, found


@cache
def known_vr(tag: int) -> str | None:
    """VR of a standard tag by the dictionary, perhaps ambiguous such as ``US or SS``; None for an unknown tag."""
    try:
        return str(datadict.dictionary_VR(tag))
    except KeyError:
        return None


def private_vr(tag: int, creator: str) -> str | None:
    """VR of a private tag whose creator is known to pydicom's private dictionary."""
    try:
        return str(datadict.private_dictionary_VR(tag, creator))
    except KeyError:
        return None


def mini_json(buffer: Buffer, found: dict[int, Head]) -> dict[str, dict[str, object]]:
    """DICOM JSON of the few standard elements that a walk has found; text is decoded by their character sets.

    Raises
    ------
    struct.error
        A number has the wrong length.
    """
    json: dict[str, dict[str, object]] = {}
    encodings: tuple[str, ...] = DEFAULT_ENCODINGS
    for tag, (_, written, offset, length) in found.items():
        vr = written if written not in ("", "UN") else known_vr(tag) or "UN"
        convert = CONVERTERS.get(vr)
        if convert is None or length > 4096:
            continue
        values = convert(buffer[offset : offset + length], encodings)
        if values is None:
            continue
        values = without_nulls(values)[0]
        if tag == 0x00080005:
            encodings = encodings_of(str(name or "") for name in values)
        json[f"{tag:08X}"] = {"vr": vr, "Value": values}
    return json
