"""The scanner and what else reads objects, held to errors of ours, to pydicom, and to each other."""

import random
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pydicom
import pydicom.data

from invivo import dicom, errors
from tests.fuzz import mutation

LIMITS = dicom.Limits(header_bytes=4 << 20, inflated_bytes=4 << 20, decoded_bytes=16 << 20)
LONGEST_SEED = 24_000
MOST_EXACT = 1e15  # longer integers stay text
INFLATED_BY_US = ("1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205")  # pydicom inflates one syntax only
BUNDLED = Path(pydicom.data.__file__).parent


def seeds() -> list[bytes]:
    """Return small real files, and larger ones cut behind their headers."""
    paths = sorted(path for folder in ("test_files", "charset_files") for path in (BUNDLED / folder).rglob("*"))
    files = [path.read_bytes() for path in paths if path.is_file() and path.suffix in (".dcm", "")]
    return [one if len(one) <= LONGEST_SEED else one[:6000] for one in files if one[128:132] == b"DICM"]


def mutated(content: bytes, rnd: random.Random) -> bytes:
    return mutation.mutated_object(content, rnd)


def check(content: bytes) -> None:
    """Read an object in every way there is."""
    try:
        header = dicom.read_header(BytesIO(content), LIMITS)
    except errors.InvivoError:
        header = None
    try:
        found = dicom.scan(BytesIO(content), LIMITS)
    except errors.InvivoError:
        found = None
    if header and found:
        ours, theirs = header, found.header
        if header.rows is None:
            theirs = replace(theirs, has_pixels=header.has_pixels)
        if (
            found.by_pydicom
        ):  # the walk ends at the pixels, or behind group 0028 without Rows: it misses what is out of order
            ours, theirs = (one.sop_instance_uid for one in (ours, theirs))
        assert ours == theirs, "the header is not that of the scan"
    if found is not None:
        _frames(content, found)
        if not found.by_pydicom and found.header.transfer_syntax_uid not in INFLATED_BY_US:
            _same_as_pydicom(content, found)
    for verb in (_dataset, dicom.read_dicomdir, dicom.thumbnail):
        try:
            verb(BytesIO(content))
        except errors.InvivoError:
            pass


def _dataset(source: BytesIO) -> None:
    dataset = dicom.read_dataset(source, LIMITS)
    dicom.faults(dataset)
    dicom.json_of(dicom.dataset_of(dicom.json_of(dataset)))


def _frame(content: bytes, number: int, pixels: dicom.PixelLocation | None) -> dicom.Frame | str:
    try:
        return dicom.read_frame(BytesIO(content), number, pixels, LIMITS)
    except errors.InvivoError as error:
        return type(error).__name__


def _frames(content: bytes, found: dicom.Scan) -> None:
    """A frame is the same with and without its place, and lies inside the object."""
    pixels = found.pixels
    for number in (0, 1, 2, found.header.frames or 1):
        known, sought = _frame(content, number, pixels), _frame(content, number, None)
        if pixels is not None and found.header.rows and isinstance(known, dicom.Frame):
            assert known == sought or (found.by_pydicom and sought == "NotAnImage"), "a frame by its place is another"
        try:
            dicom.decode_frame(BytesIO(content), number, limits=LIMITS)
        except errors.InvivoError:
            pass
    for bulk in found.bulk:
        assert bulk.offset == -1 or 0 <= bulk.offset <= len(content), "a value lies outside the object"


def _same_as_pydicom(content: bytes, found: dicom.Scan) -> None:
    """What the fast walk was sure of, pydicom reads the same, unless it cannot write it as JSON at all."""
    try:
        dataset = pydicom.dcmread(BytesIO(content), force=True)
        if str(dataset.file_meta.get("TransferSyntaxUID", "")) != found.header.transfer_syntax_uid:
            return  # it is not even agreed upon how the object is written
        reference = {key: one for key, one in dataset.to_json_dict().items() if not key.startswith("0002")}
    except Exception:  # because pydicom raises nearly any type on hostile bytes
        return
    bulky = {one.path for one in found.bulk} | set(_texts_for_numbers(found.json))
    ours, theirs = comparable(found.json, bulky), comparable(reference, bulky)
    if ours != theirs:
        key = next(key for key in sorted({*ours, *theirs}) if ours.get(key) != theirs.get(key))
        pair = ours.get(key), theirs.get(key)
        kinds = " and ".join(str(one and one[0]) for one in pair)
        raise AssertionError(
            f"the scan differs from pydicom in {kinds}: {key} {str(pair[0])[:200]} {str(pair[1])[:200]}"
        )


def _texts_for_numbers(json: dict, path: str = "") -> Iterator[str]:
    """Paths of integers that are none: pydicom cuts some off, we keep them as text."""
    for key, entry in json.items():
        if entry["vr"] == "IS" and any(isinstance(one, str) for one in entry.get("Value", [])):
            yield path + key
        elif entry["vr"] == "SQ":
            for number, one in enumerate(entry.get("Value", [])):
                yield from _texts_for_numbers(one, f"{path}{key}/{number}/")


def comparable(json: dict, bulky: set[str], path: str = "") -> dict:
    """Even out what the JSON model leaves open: empty values, empty name groups, text or number, bulk values."""
    out = {}
    for key, entry in json.items():
        if key.endswith("0000"):
            continue
        here = path + key
        if here in bulky:
            vr = "OW" if key == "7FE00010" and entry["vr"] == "OB" else entry["vr"]  # nobody says it in implicit VR
            out[key] = (str(vr), "bulk")
        elif entry["vr"] == "SQ":
            items = enumerate(entry.get("Value", []))
            out[key] = ("SQ", [comparable(one, bulky, f"{here}/{number}/") for number, one in items])
        elif "InlineBinary" in entry:
            out[key] = (entry["vr"], entry["InlineBinary"])
        else:
            found = [_value(value) for value in entry.get("Value", [])]
            out[key] = (entry["vr"], found if any(value != "" for value in found) else [])
    return out


def _is_endless(text: str) -> bool:
    """A number that JSON has no form for, or not every reader of JSON: it stays the text that it was."""
    try:
        return not abs(float(text)) < MOST_EXACT
    except ValueError:
        return False


def _value(value: object) -> object:
    if isinstance(value, dict):
        return {key: text.replace("\0", "") for key, text in value.items() if text.strip("\0 ")} or ""
    if isinstance(value, str):
        text = value.replace("\0", "").strip()
        return "" if _is_endless(text) else text
    if isinstance(value, float | int) and not abs(value) < MOST_EXACT:
        return ""
    return "" if value is None else value
