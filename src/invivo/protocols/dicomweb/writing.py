"""Our rows as DICOM JSON.

References
----------
DICOM PS3.18 Annex F; the attributes to return are those of 10.6.3.3 (tables 10.6.3-3 to 10.6.3-5).
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from operator import attrgetter
from typing import Any

from invivo import search
from invivo.protocols.dicomweb.levels import belongs
from invivo.protocols.dicomweb.matching import Path, picked
from invivo.protocols.dicomweb.reading import ALL

Json = dict[str, Any]
Column = tuple[str, str, str]

# (tag, VR, name of the column of search.matches; empty where the archive keeps nothing, and the attribute is given empty)
STUDY: tuple[Column, ...] = (
    ("00080020", "DA", "study_date"),
    ("00080030", "TM", "study_time"),
    ("00080050", "SH", "accession_number"),
    ("00080090", "PN", "referring_physician"),
    ("00080201", "SH", ""),
    ("00081030", "LO", "study_description"),
    ("00100010", "PN", "patient_name"),
    ("00100020", "LO", "subject"),
    ("00100030", "DA", "birth_date"),
    ("00100040", "CS", "sex"),
    ("00101010", "AS", "patient_age"),
    ("00120020", "LO", "collection"),
    ("0020000D", "UI", "study_uid"),
    ("00200010", "SH", "study_id"),
)
TOTALS: tuple[Column, ...] = (
    ("00080061", "CS", "modalities"),
    ("00080062", "UI", "sop_classes"),
    ("00201206", "IS", "series_count"),
    ("00201208", "IS", "instance_count"),
)
SERIES: tuple[Column, ...] = (
    ("00080021", "DA", "series_date"),
    ("00080031", "TM", "series_time"),
    ("00080060", "CS", "modality"),
    ("00080070", "LO", "manufacturer"),
    ("0008103E", "LO", "series_description"),
    ("00081090", "LO", "model"),
    ("00180015", "CS", "body_part"),
    ("00180050", "DS", "slice_thickness_mm"),
    ("00180060", "DS", "kvp"),
    ("00181030", "LO", "protocol"),
    ("00185100", "CS", "patient_position"),
    ("0020000E", "UI", "series_uid"),
    ("00200011", "IS", "series_number"),
    ("00200052", "UI", "frame_of_reference_uid"),
    ("00200060", "CS", "laterality"),
    ("00201209", "IS", "instance_count"),
    ("00400244", "DA", ""),
    ("00400245", "TM", ""),
    ("00400275", "SQ", ""),
)
INSTANCE: tuple[Column, ...] = (
    ("00080016", "UI", "sop_class_uid"),
    ("00080018", "UI", "uid"),
    ("00200013", "IS", "number"),
    ("00280010", "US", "rows"),
    ("00280011", "US", "columns"),
    ("00280100", "US", "bits_allocated"),
    ("00083002", "UI", "transfer_syntax_uid"),
)


def element(vr: str, value: Any = None) -> Json:
    """Write one attribute; nothing where there is no value."""
    many = [one for one in (value if isinstance(value, list | tuple) else [value]) if one not in (None, "")]
    return {"vr": vr, "Value": [_VALUES.get(vr, _as_is)(one) for one in many]} if many else {"vr": vr}


def _as_is(value: Any) -> Any:
    return value


def _day(value: Any) -> str:
    return f"{value.year:04}{value.month:02}{value.day:02}" if isinstance(value, date) else str(value)


_VALUES: dict[str, Callable[[Any], Any]] = {
    "PN": lambda value: {"Alphabetic": str(value)},
    "DA": _day,
    "IS": int,
    "US": int,
}


class _Table:
    """A writer of rows: what it reads of them, and how each value is written, in the order of tags."""

    def __init__(self, *tables: tuple[Column, ...]) -> None:
        columns = [one for table in tables for one in table]
        kept = [one for one in columns if one[2]]
        self._empty = {tag: {"vr": vr} for tag, vr, name in columns if not name}
        self._read = attrgetter(*(name for _, _, name in kept))
        self._kept = [(tag, vr, _VALUES.get(vr), {"vr": vr}) for tag, vr, _ in kept]
        self.tags = frozenset(tag for tag, _, _ in columns)

    def __call__(self, row: search.Found) -> Json:
        json: Json = dict(self._empty)
        for (tag, vr, write, empty), value in zip(self._kept, self._read(row), strict=True):
            if value is None or value == "":
                json[tag] = empty
            elif isinstance(value, list):
                json[tag] = {"vr": vr, "Value": sorted({one for one in value if one})}
            else:
                json[tag] = {"vr": vr, "Value": [write(value) if write else value]}
        return json


_TABLES = {
    "study": _Table(STUDY, TOTALS),
    "series": _Table(STUDY, SERIES),
    "instance": _Table(STUDY, SERIES, INSTANCE),
}
_ALONE = {"series": _Table(STUDY, SERIES), "instance": _Table(INSTANCE)}
_SET: Json = {"vr": "CS", "Value": ["ISO_IR 192"]}
_ONLINE: Json = {"vr": "CS", "Value": ["ONLINE"]}
MODALITY = "00080060"


def row_json(level: str, row: search.Found, root: str, *, is_relational: bool) -> Json:
    """Write a row of `search.matches`.

    Parameters
    ----------
    root : str
        Address of the service.
    is_relational : bool
        Whether the address named nothing above, so that an instance is given with what it shares (PS3.18 10.6.1.2.3).
    """
    address = f"{root}/studies/{row.study_uid}"
    if level != "study":
        address += f"/series/{row.series_uid}"
    table = _TABLES[level]
    if level == "instance":
        address += f"/instances/{row.uid}"
        table = table if is_relational else _ALONE[level]
    json = table(row)
    if level == "instance":
        json["0020000D"], json["0020000E"] = element("UI", row.study_uid), element("UI", row.series_uid)
        json["00280008"] = element("IS", row.frames if row.rows else None)
    json["00080005"], json["00080056"], json["00081190"] = _SET, _ONLINE, {"vr": "UR", "Value": [address]}
    return json


def is_given(level: str, path: Path, *, is_relational: bool) -> bool:
    """Tell whether an attribute is given without looking into a header."""
    table = _ALONE[level] if level == "instance" and not is_relational else _TABLES[level]
    return len(path) == 1 and (path[0] in table.tags or (level == "study" and path[0] == MODALITY))


def with_included(json: Json, level: str, row: search.Found, header: Json | None, included: Iterable[Path]) -> Json:
    """Add to a row what ``includefield`` asks of a header, without bulk values, and put the tags in order."""
    wanted = set(included)
    if level == "study" and (MODALITY,) in wanted:
        json[MODALITY] = element("CS", min(row.modalities, default=None))
    if ALL in wanted:
        wanted |= {(tag,) for tag in header or () if belongs(tag, level)}
    for path in sorted(wanted - {ALL}):
        known = json.get(path[0], {})
        found = picked(header or {}, path) if len(path) > 1 or "Value" not in known else None
        if found is not None:
            json[path[0]] = _joined(known, found) if "Value" in known else found
    return dict(sorted(json.items()))


def _joined(one: Json, other: Json) -> Json:
    """Put what two paths pick of the same sequence together, item by item."""
    items, more = one.get("Value") or [], other.get("Value") or []
    if len(items) != len(more):
        return other if len(more) > len(items) else one
    return {"vr": "SQ", "Value": [_merged(left, right) for left, right in zip(items, more, strict=True)]}


def _merged(left: Json, right: Json) -> Json:
    both = {
        tag: _joined(left[tag], right[tag]) if left[tag].get("vr") == "SQ" else left[tag]
        for tag in left
        if tag in right
    }
    return dict(sorted({**left, **right, **both}.items()))


def with_addresses(header: Json, base: str) -> Json:
    """Write a header with absolute addresses of its bulk values; `base` is the address of its series.

    References
    ----------
    DICOM PS3.18 F.2.6.
    """
    return {tag: _with_address(entry, base) for tag, entry in header.items()}


def _with_address(entry: Json, base: str) -> Json:
    if "BulkDataURI" in entry:
        return {**entry, "BulkDataURI": f"{base}/{entry['BulkDataURI']}"}
    if entry.get("vr") == "SQ" and entry.get("Value"):
        return {"vr": "SQ", "Value": [with_addresses(item, base) for item in entry["Value"]]}
    return entry


def json_array(written: Iterable[bytes]) -> Iterator[bytes]:
    """Write an array of objects, each of them text already, one by one."""
    start = b"["
    for one in written:
        yield start
        yield one
        start = b","
    yield b"[]" if start == b"[" else b"]"


# ---- STOW-RS -------------------------------------------------------------------------------------------------------

PROCESSING_FAILURE, NO_RESOURCES, WRONG_DATA_SET, NOT_UNDERSTOOD, COERCED = 0x0110, 0xA700, 0xA900, 0xC000, 0xB000
REASONS = {
    "dicom.not-dicom": NOT_UNDERSTOOD,
    "dicom.damaged": NOT_UNDERSTOOD,
    "dicom.media-directory": NOT_UNDERSTOOD,
    "object.empty": NOT_UNDERSTOOD,
    "dicom.over-limit": NO_RESOURCES,
    "dicom.too-deep": NOT_UNDERSTOOD,
    "storage.too-large": NO_RESOURCES,
    "stow.media-type": NOT_UNDERSTOOD,
    "stow.other-study": WRONG_DATA_SET,
    "stow.bad-metadata": NOT_UNDERSTOOD,
    "dicom.bad-json": NOT_UNDERSTOOD,
}


def stored_json(class_uid: str, uid: str, warning: int | None) -> Json:
    """Write an item of Referenced SOP Sequence; what is held for review has no address yet (PS3.18 10.5.3.2)."""
    item = {"00081150": element("UI", class_uid), "00081155": element("UI", uid), "00081190": element("UR")}
    return {**item, **({"00081196": element("US", warning)} if warning is not None else {})}


def failed_json(class_uid: str, uid: str, code: str) -> Json:
    """Write an item of Failed SOP Sequence."""
    reason = REASONS.get(code, PROCESSING_FAILURE)
    return {
        "00081150": element("UI", class_uid),
        "00081155": element("UI", uid),
        "00081197": element("US", reason),
    }


def response_json(stored: list[Json], failed: list[Json]) -> Json:
    """Write the answer to a store request."""
    json: Json = {"00081190": element("UR")}
    if failed:
        json["00081198"] = {"vr": "SQ", "Value": failed}
    if stored:
        json["00081199"] = {"vr": "SQ", "Value": stored}
    return json
