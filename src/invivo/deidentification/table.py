"""PS3.15 Table E.1-1 as a lookup: which attributes identify, and what each option of Annex E makes of them."""

import csv
import io
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword

from invivo.errors import Invalid

COLUMNS: dict[str, str] = {
    "rtn_safe_private": "retain_safe_private",
    "rtn_uids": "retain_uids",
    "rtn_device_id": "retain_device_identity",
    "rtn_institution_id": "retain_institution",
    "rtn_patient_chars": "retain_patient_characteristics",
    "rtn_long_full_dates": "retain_full_dates",
    "rtn_long_modified_dates": "retain_modified_dates",
    "clean_descriptors": "clean_descriptors",
    "clean_structured_content": "clean_structured_content",
    "clean_graphics": "clean_graphics",
}
CURVES, OVERLAY_DATA, OVERLAY_COMMENTS, PRIVATE = "(50xx,xxxx)", "(60xx,3000)", "(60xx,4000)", "(gggg,eeee)"


class UnknownAttribute(Invalid):
    """A tag or keyword that is neither in the dictionary nor a number."""

    code = "deidentification.unknown-attribute"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: code of the Basic profile, and what each option says instead (K keep, C clean)."""

    tag: str
    keyword: str
    vr: str
    basic: str
    options: tuple[tuple[str, str], ...]
    tcia: str


def text_of(name: str) -> str:
    """Text of a file of this room."""
    return (files("invivo.deidentification") / name).read_text(encoding="utf-8")


@cache
def rows() -> dict[str, Row]:
    """Every row by its tag as the standard writes it, wildcards included."""
    found: dict[str, Row] = {}
    for line in csv.DictReader(io.StringIO(text_of("table_e1.csv"))):
        options = tuple((option, line[column]) for column, option in COLUMNS.items() if line[column])
        tag = line["tag"]
        found[tag] = Row(tag, line["keyword"], line["vr"], line["basic"], options, line["tcia_disposition"])
    return found


@cache
def _by_number() -> dict[int, Row]:
    return {int(tag[1:5] + tag[6:10], 16): row for tag, row in rows().items() if "x" not in tag and "g" not in tag}


def row_of(tag: int) -> Row | None:
    """The row that speaks of a tag, repeating groups included; None when the table is silent."""
    row = _by_number().get(tag)
    if row is not None:
        return row
    group = tag >> 16
    if group & 1:
        return rows()[PRIVATE]
    if group & 0xFF00 == 0x5000:
        return rows()[CURVES]
    if group & 0xFF00 == 0x6000:
        return rows()[OVERLAY_COMMENTS if tag & 0xFFFF == 0x4000 else OVERLAY_DATA]
    return None


def tag_number(attribute: int | str) -> int:
    """Number of a tag given as a number, a keyword, ``(0010,0020)`` or ``00100020``.

    Raises
    ------
    UnknownAttribute
        The text is none of these.
    """
    if isinstance(attribute, int):
        return int(attribute)
    number = tag_for_keyword(attribute)
    if number is not None:
        return int(number)
    digits = attribute.strip("()").replace(",", "")
    try:
        if len(digits) == 8:
            return int(digits, 16)
    except ValueError:
        pass
    raise UnknownAttribute("That is neither a keyword of the dictionary nor a tag; write it like (0010,0020).")


@lru_cache(maxsize=20_000)
def name_of(tag: int) -> str:
    """Keyword of a tag, or the tag itself where the dictionary has none: never anything taken from an object."""
    return keyword_for_tag(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def standard_vr(tag: int) -> str | None:
    """VR of a standard attribute; None for private ones and those the dictionary does not know."""
    if (tag >> 16) & 1:
        return None
    try:
        return str(dictionary_VR(tag))
    except KeyError:
        row = _by_number().get(tag)
        return row.vr or None if row else None
