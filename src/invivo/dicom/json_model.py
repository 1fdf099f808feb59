"""Between pydicom data sets and the DICOM JSON model.

References
----------
DICOM PS3.18 Annex F.
"""

import struct
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydicom import config
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag
from pydicom.valuerep import PersonName

from invivo import errors
from invivo.dicom import values
from invivo.dicom.elements import PIXELS
from invivo.dicom.handover import stored_element
from invivo.dicom.source import Limits, TooDeep

Json = dict[str, Any]
BulkUri = Callable[[str], str | None]


class BadJson(errors.Invalid):
    """The JSON is not of the DICOM JSON model."""

    code = "dicom.bad-json"


@dataclass(frozen=True, slots=True)
class Bulky:
    """A value too large for JSON: path as ``54000100/0/54001010``, VR, and its length in bytes."""

    path: str
    vr: str
    length: int


def json_of(dataset: Dataset, bulk_uri: BulkUri | None = None, limits: Limits | None = None) -> Json:
    """Write a data set as DICOM JSON.

    Parameters
    ----------
    dataset : Dataset
    bulk_uri : callable, optional
        Gives the address of a bulk value by its path (tags and item numbers from 0, such as ``54000100/0/54001010``),
        or None. Bulk are pixel data, binary values over ``limits.inline_bytes`` and texts over ``limits.text_bytes``.
    limits : Limits, optional

    Returns
    -------
    dict
        A bulk value without an address is left out. A value that cannot be read as its VR becomes text, or is left
        out if it is no text either; no value makes this fail.

    Raises
    ------
    TooDeep
    """
    writer = _Writer(limits or Limits(), lambda bulky: bulk_uri(bulky.path) if bulk_uri else None, keep=False)
    return writer.dataset(dataset, "", 0)


def json_with_bulk(dataset: Dataset, note: Callable[[Bulky], None], limits: Limits) -> tuple[Json, bool]:
    """Write a data set as DICOM JSON, where a bulk value has its ``vr`` only; tell whether nulls were taken out."""
    writer = _Writer(limits, note, keep=True)
    return writer.dataset(dataset, "", 0), writer.nulls


class _Writer:
    """One writing of one data set."""

    def __init__(self, limits: Limits, bulk: Callable[[Bulky], str | None], *, keep: bool) -> None:
        self.limits = limits
        self.bulk = bulk
        self.keep = keep
        self.nulls = False

    def dataset(self, dataset: Dataset, path: str, depth: int) -> Json:
        if depth > self.limits.depth:
            raise TooDeep("The sequences of the object are nested deeper than allowed.")
        json: Json = {}
        for tag in sorted(dataset.keys()):
            if tag.element == 0 or tag.group == 2:
                continue
            key = f"{tag:08X}"
            element = _element(dataset, tag)
            if isinstance(element, RawDataElement):
                entry = self.unread(element, path + key)
            else:
                entry = self.element(element, path + key, depth)
            if entry is not None:
                json[key] = entry
        return json

    def element(self, element: DataElement, path: str, depth: int) -> Json | None:
        vr, value = _single_vr(str(element.VR)), element.value
        if vr == "SQ" or isinstance(value, Sequence):  # hostile bytes make others of sequences, and sequences of others
            members = value if isinstance(value, Sequence) else ()
            items = [self.dataset(item, f"{path}/{number}/", depth + 1) for number, item in enumerate(members)]
            return {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}
        if isinstance(value, bytes | bytearray):
            return self.binary(int(element.tag), vr, bytes(value), path)
        if vr in values.BINARY:
            return {"vr": vr} if value is None or value == "" else None
        found = _json_values(vr, value)
        if found is None:
            return {"vr": vr}
        if isinstance(value, str) and len(value) > self.limits.text_bytes:
            return self.bulky(Bulky(path, vr, len(value)))
        found, nulls = values.without_nulls(found)
        self.nulls = self.nulls or nulls
        return {"vr": vr, "Value": found}

    def unread(self, element: RawDataElement, path: str) -> Json | None:
        """An element whose value pydicom cannot read: its text if its VR is text, its bytes if they are binary."""
        vr = _single_vr(element.VR or values.known_vr(int(element.tag)) or "UN")
        if vr == "SQ" or vr in values.NUMERIC or not isinstance(element.value, bytes):
            return None
        return self.binary(int(element.tag), vr, element.value, path)

    def binary(self, tag: int, vr: str, raw: bytes, path: str) -> Json | None:
        if not raw:
            return {"vr": vr}
        if tag in PIXELS or len(raw) > self.limits.inline_bytes:
            return self.bulky(Bulky(path, vr, len(raw)))
        if vr in values.BINARY:
            return {"vr": vr, "InlineBinary": values.inline(raw)}
        try:
            found = values.CONVERTERS[vr](raw, values.DEFAULT_ENCODINGS)
        except (struct.error, KeyError):
            return None
        if found is None:
            return {"vr": vr}
        found, nulls = values.without_nulls(found)
        self.nulls = self.nulls or nulls
        return {"vr": vr, "Value": found}

    def bulky(self, bulky: Bulky) -> Json | None:
        address = self.bulk(bulky)
        if address is not None:
            return {"vr": bulky.vr, "BulkDataURI": address}
        return {"vr": bulky.vr} if self.keep else None


def _element(dataset: Dataset, tag: BaseTag) -> DataElement | RawDataElement:
    """An element, or the raw element where its value cannot be read."""
    try:
        element: DataElement = dataset[tag]
        return element
    except RecursionError:
        raise TooDeep("The sequences of the object are nested deeper than allowed.") from None
    except Exception:  # because pydicom raises nearly any type on a value it cannot read; its bytes are used instead
        return stored_element(dataset, tag)


def _single_vr(vr: str) -> str:
    """A VR of the standard: of pydicom's ambiguous ones that of the widest meaning, for nonsense UN."""
    if " or " in vr:
        return "OW" if "OW" in vr else "US"
    return vr if vr in values.CONVERTERS or vr in values.BINARY or vr == "SQ" else "UN"


def _json_values(vr: str, value: Any) -> list[values.JsonValue] | None:
    """The Value array of anything but binary values and sequences; None for an empty value."""
    if value is None or (isinstance(value, str) and not value):
        return None
    many = list(value) if isinstance(value, MultiValue | list | tuple) else [value]
    found = [_json_value(vr, one) for one in many]
    return found if any(one is not None for one in found) or len(found) > 1 else None


def _json_value(vr: str, value: Any) -> values.JsonValue:
    if value is None or (isinstance(value, str) and not value):
        return None
    if vr == "PN" or isinstance(value, PersonName):
        return values.name_of_text(str(value))
    if vr == "AT":
        return f"{int(value):08X}" if isinstance(value, int) else str(value)
    if vr in ("DS", "IS"):
        text = str(getattr(value, "original_string", value))
        return values.decimal(text) if vr == "DS" else values.integer(text)
    if isinstance(value, float):
        return values.finite(value)
    return value if isinstance(value, int) else str(value).rstrip("\0 ") or None


def dataset_of(json: Mapping[str, Any], bulk: Callable[[str], bytes] | None = None) -> Dataset:
    """Read DICOM JSON as a data set.

    Parameters
    ----------
    json : mapping
        One object of the DICOM JSON model.
    bulk : callable, optional
        Gives the bytes at a BulkDataURI; without it such values stay empty.

    Raises
    ------
    BadJson
        The message names the tag, never its value.
    TooDeep
    """
    return _read_dataset(json, bulk, 0)


def _read_dataset(json: Any, bulk: Callable[[str], bytes] | None, depth: int) -> Dataset:
    if depth > Limits().depth:
        raise TooDeep("The sequences of the JSON are nested deeper than allowed.")
    if not isinstance(json, Mapping):
        raise BadJson("A data set of the JSON is no object.")
    dataset = Dataset()
    for key, entry in json.items():
        tag = _tag(key)
        try:
            element = _read_element(tag, entry, bulk, depth)
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError, Base64Error):
            raise BadJson(f"The JSON of attribute {tag:08X} cannot be read as its VR.", tag=f"{tag:08X}") from None
        if isinstance(element, RawDataElement):
            dataset._dict[BaseTag(tag)] = element  # set otherwise, a private one would be decoded
        else:
            dataset[BaseTag(tag)] = element
    return dataset


def _tag(key: object) -> int:
    if not isinstance(key, str) or len(key) != 8:
        raise BadJson("A name in the JSON is no tag of eight hexadecimal digits.")
    try:
        return int(key, 16)
    except ValueError:
        raise BadJson("A name in the JSON is no tag of eight hexadecimal digits.") from None


def _read_element(
    tag: int, entry: Mapping[str, Any], bulk: Callable[[str], bytes] | None, depth: int
) -> DataElement | RawDataElement:
    vr = str(entry.get("vr") or values.known_vr(tag) or "UN")
    if vr not in values.CONVERTERS and vr not in values.BINARY and vr != "SQ":
        raise ValueError
    if "InlineBinary" in entry:
        value: Any = b64decode(entry["InlineBinary"], validate=True)
    elif "BulkDataURI" in entry:
        value = bulk(str(entry["BulkDataURI"])) if bulk else b""
        if vr not in values.BINARY and not value:
            value = None
    else:
        value = _read_values(vr, entry.get("Value") or (), bulk, depth)
    if vr in ("IS", "DS") and value is not None:
        # pydicom refuses to make numbers of other text; raw, it is kept as it is read from a file.
        raw = (value if isinstance(value, str) else "\\".join(value)).encode()
        return RawDataElement(BaseTag(tag), vr, len(raw), raw, 0, False, True)
    return DataElement(tag, vr, value, validation_mode=config.IGNORE)


def _read_values(vr: str, found: Iterable[Any], bulk: Callable[[str], bytes] | None, depth: int) -> Any:
    if isinstance(found, str | bytes | Mapping):
        raise TypeError
    if vr == "SQ":
        return [_read_dataset(item or {}, bulk, depth + 1) for item in found]
    if vr in values.BINARY:
        return b""
    many = [_read_value(vr, one) for one in found]
    if vr in values.NUMERIC:
        many = [one for one in many if one != ""]
    if not many:
        return None
    return many[0] if len(many) == 1 else many


def _read_value(vr: str, value: Any) -> Any:
    if value is None:
        return ""
    if vr == "PN":
        groups = [str(value.get(name, "")) for name in ("Alphabetic", "Ideographic", "Phonetic")]
        return "=".join(groups).rstrip("=")
    if vr == "AT":
        return _tag(value)
    if vr in values.NUMERIC:
        return float(value) if vr in ("FL", "FD") else int(value)
    if vr in ("IS", "DS"):
        return _number_text(vr, value)
    return str(value)


def _number_text(vr: str, value: Any) -> str:
    """A number as the string of at most 16 (DS) characters that the VR allows."""
    text = str(value)
    if vr == "DS" and isinstance(value, float) and len(text) > 16:
        return next(short for digits in range(16, 0, -1) if len(short := f"{value:.{digits}g}") <= 16)
    return text
