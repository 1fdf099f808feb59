"""Our rows as DICOM JSON.

References
----------
DICOM PS3.18 Annex F; the attributes to return are those of 10.6.3.3 (tables 10.6.3-3 to 10.6.3-5).
"""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

from invivo import images, search

Json = dict[str, Any]
Column = tuple[str, str, str]

# (tag, VR, name of the column of search.find; empty where the archive keeps nothing, and the attribute is given empty)
STUDY: tuple[Column, ...] = (
    ("00080020", "DA", "study_date"),
    ("00080030", "TM", "study_time"),
    ("00080050", "SH", "accession_number"),
    ("00080061", "CS", "modalities"),
    ("00080062", "UI", "sop_classes"),
    ("00080090", "PN", "referring_physician"),
    ("00080201", "SH", ""),
    ("00081030", "LO", "study_description"),
    ("00100010", "PN", "subject"),
    ("00100020", "LO", "subject"),
    ("00100030", "DA", ""),
    ("00100040", "CS", "sex"),
    ("00101010", "AS", "patient_age"),
    ("00120020", "LO", "collection"),
    ("0020000D", "UI", "study_uid"),
    ("00200010", "SH", "study_id"),
    ("00201206", "IS", "series_count"),
    ("00201208", "IS", "instance_count"),
)
STUDY_IN_SERIES = tuple(
    one for one in STUDY if one[2] not in ("modalities", "sop_classes", "series_count", "instance_count")
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
    ("0020000D", "UI", "study_uid"),
    ("0020000E", "UI", "series_uid"),
    ("00200013", "IS", "number"),
    ("00280010", "US", "rows"),
    ("00280011", "US", "columns"),
    ("00280100", "US", "bits_allocated"),
    ("00083002", "UI", "transfer_syntax_uid"),
)
COLUMNS = {tag for table in (STUDY, SERIES, INSTANCE) for tag, _, _ in table}


def element(vr: str, value: Any = None) -> Json:
    """Write one attribute; nothing where there is no value."""
    many = [one for one in (value if isinstance(value, list | tuple) else [value]) if one not in (None, "")]
    if not many:
        return {"vr": vr}
    if vr == "PN":
        return {"vr": vr, "Value": [{"Alphabetic": str(one)} for one in many]}
    if vr == "DA":
        return {"vr": vr, "Value": [one.strftime("%Y%m%d") if isinstance(one, date) else str(one) for one in many]}
    if vr in ("IS", "US"):
        return {"vr": vr, "Value": [int(one) for one in many]}
    return {"vr": vr, "Value": many}


def _row(row: Any, table: tuple[Column, ...]) -> Json:
    return {tag: element(vr, getattr(row, column) if column else None) for tag, vr, column in table}


def _always(address: str) -> Json:
    return {
        "00080005": element("CS", "ISO_IR 192"),
        "00080056": element("CS", "ONLINE"),
        "00081190": element("UR", address),
    }


def study_json(row: search.Found, root: str) -> Json:
    """Write a study of `search.find`; `root` is the address of the service."""
    return _sorted({**_always(f"{root}/studies/{row.study_uid}"), **_row(row, STUDY)})


def series_json(row: search.Found, root: str) -> Json:
    """Write a series of `search.find`, with what it shares with its study."""
    address = f"{root}/studies/{row.study_uid}/series/{row.series_uid}"
    return _sorted({**_always(address), **_row(row, STUDY_IN_SERIES), **_row(row, SERIES)})


def instance_json(one: images.Instance, root: str, header: Json | None, included: frozenset[str]) -> Json:
    """Write an instance; of its header what was asked for by ``includefield``, without bulk values."""
    address = f"{root}/studies/{one.study_uid}/series/{one.series_uid}/instances/{one.uid}"
    json = {**_always(address), **_row(one, INSTANCE)}
    json["00280008"] = element("IS", one.frames if one.rows else None)
    for tag, value in (header or {}).items():
        if tag not in json and ("all" in included or tag in included) and "BulkDataURI" not in value:
            json[tag] = value
    return _sorted(json)


def _sorted(json: Json) -> Json:
    return dict(sorted(json.items()))


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


def json_array(written: Iterator[Json], dumps: Callable[[Any], bytes]) -> Iterator[bytes]:
    """Write an array of objects one by one."""
    start = b"["
    for one in written:
        yield start + dumps(one)
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
