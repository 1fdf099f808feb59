"""Attributes that the archive keeps in columns, and what a key says about such a column.

References
----------
DICOM PS3.4 C.6.1 and C.6.2 (keys of the models), C.2.2.2.5 (ranges).
"""

import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from invivo import images, search
from invivo.protocols.dimse.identifier import BadIdentifier, Json, Key

_DATE = re.compile(r"(\d{4})[.]?(\d{2})[.]?(\d{2})")
_TIME = re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?")


@dataclass(frozen=True, slots=True)
class Column:
    """Where the value of an attribute lies: a column of a row of `search.find`, or of an instance."""

    vr: str
    name: str
    of_instance: bool = False

    def entry(self, row: Any, one: images.Instance | None) -> Json:
        """Return the attribute as DICOM JSON; empty where there is no value."""
        value = getattr(one if self.of_instance else row, self.name, None) if self.name else None
        many = [each for each in (value if isinstance(value, list | tuple) else [value]) if each not in (None, "")]
        if self.vr == "DA":
            many = [each.strftime("%Y%m%d") if isinstance(each, date) else each for each in many]
        return {"vr": self.vr, "Value": many} if many else {"vr": self.vr}


PATIENT = {
    "00100010": Column("PN", "subject"),
    "00100020": Column("LO", "subject"),
    "00100040": Column("CS", "sex"),
    "00120020": Column("LO", "collection"),
}
PATIENT_TOTALS = {
    "00201200": Column("IS", "study_count"),
    "00201202": Column("IS", "series_count"),
    "00201204": Column("IS", "instance_count"),
}
STUDY = {
    "00080020": Column("DA", "study_date"),
    "00080030": Column("TM", "study_time"),
    "00080050": Column("SH", "accession_number"),
    "00080090": Column("PN", "referring_physician"),
    "00081030": Column("LO", "study_description"),
    "00101010": Column("AS", "patient_age"),
    "0020000D": Column("UI", "study_uid"),
    "00200010": Column("SH", "study_id"),
}
STUDY_TOTALS = {
    "00080061": Column("CS", "modalities"),
    "00080062": Column("UI", "sop_classes"),
    "00201206": Column("IS", "series_count"),
    "00201208": Column("IS", "instance_count"),
}
SERIES = {
    "00080021": Column("DA", "series_date"),
    "00080031": Column("TM", "series_time"),
    "00080060": Column("CS", "modality"),
    "00080070": Column("LO", "manufacturer"),
    "0008103E": Column("LO", "series_description"),
    "00081090": Column("LO", "model"),
    "00180015": Column("CS", "body_part"),
    "00181030": Column("LO", "protocol"),
    "0020000E": Column("UI", "series_uid"),
    "00200011": Column("IS", "series_number"),
    "00201209": Column("IS", "instance_count"),
}
IMAGE = {
    "00080016": Column("UI", "sop_class_uid", True),
    "00080018": Column("UI", "uid", True),
    "00083002": Column("UI", "transfer_syntax_uid", True),
    "00200013": Column("IS", "number", True),
    "00280010": Column("US", "rows", True),
    "00280011": Column("US", "columns", True),
    "00280100": Column("US", "bits_allocated", True),
}
ALWAYS = {
    "00080005": Column("CS", ""),
    "00080052": Column("CS", ""),
    "00080054": Column("AE", ""),
    "00080056": Column("CS", ""),
}
_COUNTS = {int(tag, 16) for tag in (*PATIENT_TOTALS, "00201206", "00201208", "00201209", "00080062")}


@cache
def of_level(level: str) -> dict[str, Column]:
    """Return the columns that rows of a level have, by tag."""
    found = {**ALWAYS, **PATIENT}
    if level == "PATIENT":
        return {**found, **PATIENT_TOTALS}
    if level == "STUDY":
        return {**found, **STUDY, **STUDY_TOTALS}
    return {**found, **STUDY, **SERIES, **(IMAGE if level == "IMAGE" else {})}


def is_count(tag: int) -> bool:
    """Tell whether an attribute is one of totals, which are given and never matched."""
    return tag in _COUNTS


def narrowed(entry: Json | None, key: Key) -> Json:
    """Return an attribute of a header as an answer has it: of a sequence what the key names, of bulk values nothing."""
    if entry is None or "BulkDataURI" in entry:
        return {"vr": key.vr}
    wanted = {f"{tag:08X}": inner for item in key.items for tag, inner in item.items()}
    if key.vr != "SQ" or not wanted:
        return entry
    items = [
        {name: narrowed(item.get(name), inner) for name, inner in wanted.items()} for item in entry.get("Value") or ()
    ]
    return {"vr": "SQ", "Value": items}


def days(found: search.Field, text: str) -> search.Compare:
    """Read a date or a range of dates; raises BadIdentifier."""
    low, dash, high = text.partition("-")
    if not dash:
        return search.Compare(found, "is", (_day(text),))
    if not (low.strip() or high.strip()):
        raise BadIdentifier("A range of dates has at least one end.")
    return search.Compare(found, "range", (_day(low), _day(high)))


def _day(text: str) -> str:
    match = _DATE.fullmatch(text.strip())
    if not text.strip():
        return ""
    try:
        if match is None:
            raise ValueError
        return date(*map(int, match.groups())).isoformat()
    except ValueError:
        raise BadIdentifier("A date was expected as a key, such as 20200131.") from None


def times(found: search.Field, text: str) -> search.Compare:
    """Read a range of times; its end takes in the whole of its last hour, minute or second. Raises BadIdentifier."""
    low, _, high = (one.strip().replace(":", "") for one in text.partition("-"))
    if (low and not _TIME.fullmatch(low)) or (high and not _TIME.fullmatch(high)) or not (low or high):
        raise BadIdentifier("A range of times was expected, such as 0830-1200.")
    return search.Compare(
        found, "range", (low, high and (high + "595959.999999"[len(high) :] if "." not in high else high))
    )
