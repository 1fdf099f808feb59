"""The identity of an object, read from its first bytes."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from pydicom.dataset import Dataset

from invivo.dicom import uids
from invivo.dicom.elements import PIXELS, Count, Doubt, top_level
from invivo.dicom.handover import elements_by_pydicom, stored_element
from invivo.dicom.json_model import json_of
from invivo.dicom.location import pixel_head
from invivo.dicom.pixels import number_in
from invivo.dicom.source import Contents, Damaged, Limits, MediaDirectory, NotDicom, contents_of, first_bytes, opened
from invivo.dicom.values import mini_json

_DIRECTORY = "1.2.840.10008.1.3.10"
_WANTED = frozenset(
    {
        0x00080005, 0x00080016, 0x00080018, 0x00080060, 0x00100020, 0x00100021, 0x0020000D, 0x0020000E, 0x00200013,
        0x00280008, 0x00280010, 0x00280011,
    }
)  # fmt: skip
_IDENTITY = ("00080016", "00080018", "0020000D", "0020000E")
_PREFIXES = (256 << 10, 4 << 20)

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Header:
    """What an archive must know of an object before it keeps it. Its text form shows nothing of the patient.

    Parameters
    ----------
    transfer_syntax_uid : str
        As the file says, or as found out where it does not.
    rows, columns, frames, instance_number : int or None
        None where absent or no number; frames is 1 for an image that does not say.
    has_pixels : bool
        There is non-empty pixel data.
    character_sets : tuple of str
        Values of (0008,0005).
    """

    sop_class_uid: str
    sop_instance_uid: str
    study_uid: str
    series_uid: str
    transfer_syntax_uid: str
    modality: str
    patient_id: str = field(repr=False)
    issuer_of_patient_id: str = field(repr=False)
    rows: int | None
    columns: int | None
    frames: int | None
    instance_number: int | None
    has_pixels: bool
    character_sets: tuple[str, ...]


def read_header(source: Path | BinaryIO, limits: Limits | None = None) -> Header:
    """Read the identity of an object without its pixels.

    Parameters
    ----------
    source : Path or seekable binary stream
        A stream is read from its beginning, no further than needed.
    limits : Limits, optional

    Raises
    ------
    NotDicom
        The bytes are not DICOM.
    Damaged
        They cannot be read, or a UID is missing or malformed; the message names the attribute.
    MediaDirectory
        A DICOMDIR.
    OverLimit, TooDeep
        A limit is exceeded.

    References
    ----------
    DICOM PS3.10 7; PS3.5 7 and 9.1.
    """
    limits = limits or Limits()
    if not isinstance(source, Path | BytesIO):
        return _of_stream(source, limits)
    with opened(source, limits) as contents:
        return _fast(contents, limits) or _slow(contents, limits)


def _of_stream(source: BinaryIO, limits: Limits) -> Header:
    """Try growing prefixes of a stream with the fast walk; only the longest is handed to pydicom."""
    for size in (*(size for size in _PREFIXES if size < limits.header_bytes), limits.header_bytes):
        prefix = first_bytes(source, size)
        whole = len(prefix) < size or size == limits.header_bytes
        try:
            contents = contents_of(prefix, len(prefix), limits)
        except Damaged:
            if whole:
                raise
            continue
        header = _fast(contents, limits)
        if header is not None:
            return header
        if whole:
            break
    return _slow(contents, limits)


def _fast(contents: Contents, limits: Limits) -> Header | None:
    """The header by the walk over bytes, or None where it is in doubt."""
    if not contents.little:
        return None
    buffer, count = contents.buffer, Count(limits.elements, limits.depth)
    try:
        found = top_level(
            buffer, contents.size, contents.start, explicit=contents.explicit, wanted=_WANTED, count=count
        )
        json = mini_json(buffer, found)
    except (Doubt, struct.error):
        return None
    if contents.media_class != _DIRECTORY and not all(key in json for key in _IDENTITY):
        return None  # the walk may have ended early in tags that do not rise
    has_pixels = any(tag in PIXELS and head[3] > 0 for tag, head in found.items())
    return header_of(json, contents, has_pixels=has_pixels)


def _slow(contents: Contents, limits: Limits) -> Header:
    handed = elements_by_pydicom(contents, limits)
    few = Dataset({tag: stored_element(handed.dataset, tag) for tag in tuple(handed.dataset.keys()) if tag in _WANTED})
    json = json_of(few)
    return header_of(json, contents, has_pixels=_has_pixels(contents, handed.pixel_start))


def _has_pixels(contents: Contents, start: int) -> bool:
    """Tell whether the pixel data element in front of which pydicom stopped, if it did, has a value."""
    try:
        return start >= 0 and pixel_head(contents, start)[3] > 0
    except (Doubt, struct.error):
        return False


def header_of(json: Json, contents: Contents, *, has_pixels: bool) -> Header:
    """Make a header of DICOM JSON and check its UIDs.

    Raises
    ------
    NotDicom, Damaged, MediaDirectory
    """
    if contents.media_class == _DIRECTORY:
        raise MediaDirectory("The file is a DICOMDIR; import the objects it lists.")
    if not contents.preamble and not (_text(json, "00080016") and _text(json, "00080018")):
        raise NotDicom("The file has no DICOM preamble and no SOP UIDs.")
    rows, columns = _number(json, 0x00280010), _number(json, 0x00280011)
    return Header(
        sop_class_uid=_uid(json, "00080016", "SOPClassUID"),
        sop_instance_uid=_uid(json, "00080018", "SOPInstanceUID"),
        study_uid=_uid(json, "0020000D", "StudyInstanceUID"),
        series_uid=_uid(json, "0020000E", "SeriesInstanceUID"),
        transfer_syntax_uid=contents.syntax,
        modality=_text(json, "00080060"),
        patient_id=_text(json, "00100020"),
        issuer_of_patient_id=_text(json, "00100021"),
        rows=rows,
        columns=columns,
        frames=_number(json, 0x00280008) or (1 if rows is not None and columns is not None else None),
        instance_number=_number(json, 0x00200013),
        has_pixels=has_pixels,
        character_sets=tuple(str(name or "") for name in json.get("00080005", {}).get("Value", ())),
    )


def _text(json: Json, key: str) -> str:
    value = (json.get(key, {}).get("Value") or [None])[0]
    return "" if value is None else str(value)


def _number(json: Json, tag: int) -> int | None:
    number = number_in(json, tag, -(1 << 62))
    return None if number == -(1 << 62) else number


def _uid(json: Json, key: str, keyword: str) -> str:
    uid = _text(json, key)
    if not uid:
        raise Damaged(f"The object has no {keyword}; it cannot be kept without one.", attribute=keyword)
    if not uids.is_valid(uid):
        raise Damaged(f"The {keyword} of the object is no UID; it cannot be kept.", attribute=keyword)
    return uid
