"""Rows of the published index that only headers tell: segments, measurements of reports, structures of radiotherapy, slides.

References
----------
DICOM PS3.3 C.8.20.2 (segments), C.17.3 (content of reports), C.8.8.5 and C.8.8.6 (structures), C.8.12.4 (slides); PS3.18 F.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MODALITIES = {
    "seg": ("SEG",),
    "sr": ("SR",),
    "rt": ("RTSTRUCT", "RTPLAN", "RTDOSE"),
    "sm": ("SM",),
}
MOST_ROWS, DEEPEST = 5000, 16
Header = Mapping[str, Any]


def rows_of(table: str, series_uid: str, modality: str, header: Header) -> Iterator[dict[str, Any]]:
    """Yield the rows of one series, read from the header of one of its objects (DICOM JSON)."""
    found = {"seg": _segments, "sr": _measured, "rt": _planned, "sm": _slide}[table](header, modality)
    for number, row in enumerate(found):
        if number >= MOST_ROWS:
            return
        yield {"series_uid": series_uid, **row}


def _all(header: Header, tag: str) -> Sequence[Any]:
    found = header.get(tag, {})
    told = found.get("Value") if isinstance(found, Mapping) else None
    return told if isinstance(told, list) else []


def _items(header: Header, tag: str) -> list[Header]:
    return [one for one in _all(header, tag) if isinstance(one, Mapping)]


def _text(header: Header, tag: str) -> str | None:
    told = _all(header, tag)
    return str(told[0])[:1000] if told and told[0] is not None else None


def _number(header: Header, tag: str) -> float | None:
    try:
        return float(_text(header, tag) or "")
    except ValueError:
        return None


def _whole(header: Header, tag: str) -> int | None:
    found = _number(header, tag)
    return int(found) if found is not None and abs(found) < 2**53 else None


def _coded(header: Header, tag: str) -> tuple[str | None, str | None]:
    """Return meaning, and scheme with value, of the first code of a sequence."""
    for one in _items(header, tag)[:1]:
        scheme, value = _text(one, "00080102"), _text(one, "00080100")
        return _text(one, "00080104"), f"{scheme}:{value}" if scheme and value else None
    return None, None


def _segments(header: Header, _modality: str) -> Iterator[dict[str, Any]]:
    for one in _items(header, "00620002"):
        category, category_code = _coded(one, "00620003")
        kind, kind_code = _coded(one, "0062000F")
        yield {
            "segment_number": _whole(one, "00620004"),
            "label": _text(one, "00620005"),
            "algorithm_type": _text(one, "00620008"),
            "algorithm_name": _text(one, "00620009"),
            "category": category,
            "category_code": category_code,
            "type": kind,
            "type_code": kind_code,
            "region": _coded(one, "00082218")[0],
        }


def _measured(header: Header, _modality: str) -> Iterator[dict[str, Any]]:
    report = {
        "title": _coded(header, "0040A043")[0],
        "template": next((_text(one, "0040DB00") for one in _items(header, "0040A504")), None),
        "completion": _text(header, "0040A491"),
        "verification": _text(header, "0040A493"),
    }
    is_empty = True
    for concept, code, value, unit in _numbers(header, 0):
        is_empty = False
        yield {**report, "concept": concept, "concept_code": code, "value": value, "unit": unit}
    if is_empty:
        yield report


def _numbers(item: Header, depth: int) -> Iterator[tuple[str | None, str | None, float | None, str | None]]:
    for one in _items(item, "0040A730"):
        if _text(one, "0040A040") == "NUM":
            concept, code = _coded(one, "0040A043")
            for measured in _items(one, "0040A300")[:1]:
                unit = next((_text(each, "00080100") for each in _items(measured, "004008EA")), None)
                yield concept, code, _number(measured, "0040A30A"), unit
        if depth < DEEPEST:
            yield from _numbers(one, depth + 1)


def _planned(header: Header, modality: str) -> Iterator[dict[str, Any]]:
    if modality == "RTSTRUCT":
        types = {_whole(one, "30060084"): _text(one, "300600A4") for one in _items(header, "30060080")}
        for one in _items(header, "30060020"):
            number = _whole(one, "30060022")
            named = {"name": _text(one, "30060026"), "algorithm": _text(one, "30060036")}
            yield {"kind": "structure", "number": number, "type": types.get(number), **named}
    elif modality == "RTPLAN":
        yield {"kind": "plan", "name": _text(header, "300A0002"), "type": _text(header, "300A000A")}
    else:
        yield {"kind": "dose", "name": _text(header, "30040006"), "type": _text(header, "3004000A")}


def _slide(header: Header, _modality: str) -> Iterator[dict[str, Any]]:
    specimens = _items(header, "00400560")
    stains = [
        meaning
        for one in specimens
        for step in _items(one, "00400610")
        for item in _items(step, "00400612")
        if (_coded(item, "0040A043")[0] or "").lower().startswith("using substance")
        and (meaning := _coded(item, "0040A168")[0])
    ]
    paths = _items(header, "00480105")
    yield {
        "specimen": next((_text(one, "00400600") for one in specimens), None),
        "staining": ", ".join(dict.fromkeys(stains)) or None,
        "objective_power": next((_number(one, "00480112") for one in paths), None),
        "total_columns": _whole(header, "00480006"),
        "total_rows": _whole(header, "00480007"),
        "width_mm": _number(header, "00480001"),
        "height_mm": _number(header, "00480002"),
        "optical_paths": [name for one in paths if (name := _text(one, "00480107") or _text(one, "00480106"))],
    }
