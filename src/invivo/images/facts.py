"""What the archive keeps in columns of one instance, read from its DICOM JSON (PS3.18 Annex F)."""

import math
import re
import struct
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson
import zstandard

_of_thread = threading.local()
_DATE = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})$")
_TIME = re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?$")


@dataclass(frozen=True, slots=True)
class Facts:
    """Columns of study, series and instance; text is Unicode, dates are ISO strings, lengths are in mm."""

    study_uid: str
    series_uid: str
    sop_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    modality: str
    patient_sex: str | None
    patient_age: str | None
    study_date: str | None
    study_time: str | None
    study_id: str | None
    accession_number: str | None
    study_description: str | None
    referring_physician: str | None
    series_number: int | None
    series_description: str | None
    series_date: str | None
    series_time: str | None
    body_part: str | None
    laterality: str | None
    protocol: str | None
    manufacturer: str | None
    model: str | None
    software: str | None
    contrast: str | None
    patient_position: str | None
    frame_of_reference_uid: str | None
    slice_thickness_mm: float | None
    spacing_between_slices_mm: float | None
    pixel_spacing_mm: float | None
    kvp: float | None
    instance_number: int | None
    rows: int | None
    columns: int | None
    bits_allocated: int | None
    frames: int
    species: str | None = None


def _first(json: Mapping[str, Any], tag: str) -> Any:
    values = json.get(tag, {}).get("Value") or [None]
    return values[0]


def _text(json: Mapping[str, Any], tag: str, longest: int = 400) -> str | None:
    value = _first(json, tag)
    if isinstance(value, Mapping):
        value = value.get("Alphabetic") or value.get("Ideographic") or value.get("Phonetic")
    text = str(value).replace("\x00", "").strip() if value is not None else ""
    return text[:longest] or None


def _number(json: Mapping[str, Any], tag: str) -> float | None:
    try:
        number = float(_first(json, tag))
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _integer(json: Mapping[str, Any], tag: str) -> int | None:
    number = _number(json, tag)
    return int(number) if number is not None and -(2**31) <= number < 2**31 else None


def date_at(json: Mapping[str, Any], tag: str) -> str | None:
    """The date of an attribute, ISO; None where it is none."""
    match = _DATE.match(_text(json, tag) or "")
    try:
        return date(*map(int, match.groups())).isoformat() if match else None
    except ValueError:
        return None


def _time(json: Mapping[str, Any], tag: str) -> str | None:
    text = _text(json, tag, 16)
    return text if text and _TIME.match(text) else None


def facts_of(json: Mapping[str, Any], transfer_syntax_uid: str) -> Facts:
    """Read the facts of an instance.

    Parameters
    ----------
    json : mapping
        DICOM JSON of the whole header, as `dicom.scan` gives it.
    transfer_syntax_uid : str
        Of the stored file; it is not part of the DICOM JSON.
    """
    spacing = _number(json, "00280030") or _number(json, "00181164")
    return Facts(
        study_uid=_text(json, "0020000D") or "",
        series_uid=_text(json, "0020000E") or "",
        sop_uid=_text(json, "00080018") or "",
        sop_class_uid=_text(json, "00080016") or "",
        transfer_syntax_uid=transfer_syntax_uid,
        modality=_text(json, "00080060", 16) or "OT",
        patient_sex=_text(json, "00100040", 16),
        patient_age=_text(json, "00101010", 4),
        study_date=date_at(json, "00080020"),
        study_time=_time(json, "00080030"),
        study_id=_text(json, "00200010"),
        accession_number=_text(json, "00080050"),
        study_description=_text(json, "00081030"),
        referring_physician=_text(json, "00080090"),
        series_number=_integer(json, "00200011"),
        series_description=_text(json, "0008103E"),
        series_date=date_at(json, "00080021"),
        series_time=_time(json, "00080031"),
        body_part=_text(json, "00180015"),
        laterality=_text(json, "00200060", 16) or _text(json, "00200062", 16),
        protocol=_text(json, "00181030"),
        manufacturer=_text(json, "00080070"),
        model=_text(json, "00081090"),
        software=_text(json, "00181020"),
        contrast=_text(json, "00180010"),
        patient_position=_text(json, "00185100", 16),
        frame_of_reference_uid=_text(json, "00200052", 64),
        slice_thickness_mm=_number(json, "00180050"),
        spacing_between_slices_mm=_number(json, "00180088"),
        pixel_spacing_mm=spacing,
        kvp=_number(json, "00180060"),
        instance_number=_integer(json, "00200013"),
        rows=_integer(json, "00280010"),
        columns=_integer(json, "00280011"),
        bits_allocated=_integer(json, "00280100"),
        frames=max(1, _integer(json, "00280008") or 1),
        species=_text(json, "00102201"),
    )


def packed_frames(offsets: Sequence[int], lengths: Sequence[int]) -> bytes | None:
    """Pairs (offset, length) of little-endian uint64 for each frame; None where there are none."""
    pairs = [number for pair in zip(offsets, lengths, strict=True) for number in pair]
    return struct.pack(f"<{len(pairs)}Q", *pairs) if pairs else None


def _compressor() -> zstandard.ZstdCompressor:
    """One for each thread: to make it costs as much as to use it."""
    found: zstandard.ZstdCompressor | None = getattr(_of_thread, "compressor", None)
    if found is None:
        found = _of_thread.compressor = zstandard.ZstdCompressor(level=3)
    return found


def pack_header(json: Mapping[str, Any]) -> bytes:
    """Compress a header's DICOM JSON for the database (zstd, level 3)."""
    return _compressor().compress(orjson.dumps(json))


def unpack_header(packed: bytes) -> dict[str, Any]:
    """Return the DICOM JSON of a packed header."""
    unpacked: dict[str, Any] = orjson.loads(json_bytes(packed))
    return unpacked


def json_bytes(packed: bytes) -> bytes:
    """Return a packed header as the text it is, DICOM JSON in UTF-8."""
    found: zstandard.ZstdDecompressor | None = getattr(_of_thread, "decompressor", None)
    if found is None:
        found = _of_thread.decompressor = zstandard.ZstdDecompressor()
    return found.decompress(packed)
