"""A header as rows of a table: DICOM JSON, nested as deep as it is, bounded in rows and in the length of values."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pydicom.datadict import keyword_for_tag

from invivo import dicom

MOST_ROWS = 4000
LONGEST_VALUE = 400


@dataclass(frozen=True, slots=True)
class TagRow:
    """An attribute as the tag table shows it; ``depth`` counts the sequences around it."""

    tag: str
    keyword: str
    vr: str
    value: str
    depth: int = 0


def tag_rows(header: dict[str, Any]) -> tuple[list[TagRow], bool]:
    """Flatten DICOM JSON (PS3.18 Annex F) into rows, and tell whether rows were left out at the end."""
    found = list(islice(_rows(header, 0), MOST_ROWS + 1))
    return found[:MOST_ROWS], len(found) > MOST_ROWS


def _rows(dataset: dict[str, Any], depth: int) -> Iterator[TagRow]:
    creators = {tag: _text(element) for tag, element in dataset.items() if tag[4:6] == "00" and int(tag[:4], 16) % 2}
    for tag, element in dataset.items():
        vr = str(element.get("vr", ""))
        written = f"({tag[:4]},{tag[4:]})"
        if vr != "SQ":
            yield TagRow(written, _keyword(tag, creators), vr, _text(element), depth)
            continue
        items = element.get("Value") or []
        counted = "1 item" if len(items) == 1 else f"{len(items):,} items"
        yield TagRow(written, _keyword(tag, creators), vr, counted, depth)
        for number, item in enumerate(items, 1):
            if len(items) > 1:
                yield TagRow("", f"item {number}", "", "", depth + 1)
            yield from _rows(item, depth + 1)


def _keyword(tag: str, creators: dict[str, str]) -> str:
    """Name an attribute: by its keyword, or a private one by its creator's dictionary.

    The keyword comes from pydicom: `dicom.attribute` looks for similar names of one that it does not know, which a
    header of thousands of unknown attributes must not be paid with.
    """
    if int(tag[:4], 16) % 2 == 0:
        return str(keyword_for_tag(int(tag, 16)))
    if tag[4:6] == "00":
        return "PrivateCreator"
    creator = creators.get(f"{tag[:4]}00{tag[4:6]}", "")
    try:
        return f"{dicom.private_attribute(creator, int(tag, 16)).name} ({creator})"
    except dicom.UnknownAttribute:
        return f"private, {creator}" if creator else "private"


def _text(element: dict[str, Any]) -> str:
    if "BulkDataURI" in element:
        return "bulk data, not shown here"
    if "InlineBinary" in element:
        return f"binary, {len(element['InlineBinary']) * 3 // 4:,} bytes"
    values = element.get("Value") or []
    text = "\\".join(_one(value) for value in values[:200])
    if element.get("vr") == "UI" and len(values) == 1 and (name := dicom.name_of(text)):
        return f"{text}  {name}"
    return text if len(text) <= LONGEST_VALUE and len(values) <= 200 else f"{text[:LONGEST_VALUE]} …"


def _one(value: Any) -> str:
    if isinstance(value, dict):
        return "=".join(str(value[key]) for key in ("Alphabetic", "Ideographic", "Phonetic") if value.get(key))
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def references_of(header: dict[str, Any]) -> Iterator[str]:
    """Yield the series that an object points at, each once: Series Instance UIDs inside its sequences."""
    seen: set[str] = set()
    for element in islice(header.values(), 2000):
        for item in (element.get("Value") or []) if element.get("vr") == "SQ" else []:
            for uid in _series_in(item):
                if uid not in seen:
                    seen.add(uid)
                    yield uid


def _series_in(dataset: dict[str, Any]) -> Iterator[str]:
    for tag, element in dataset.items():
        if tag == "0020000E":
            yield from (str(uid) for uid in element.get("Value") or [])
        elif element.get("vr") == "SQ":
            for item in element.get("Value") or []:
                yield from _series_in(item)
