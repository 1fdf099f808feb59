"""Objects that come as metadata and bulk values, put together into DICOM files.

A body holds metadata first: one part of ``application/dicom+json`` (an array of data sets), or parts of
``application/dicom+xml`` (a data set each). The bulk values that they name by ``BulkDataURI`` follow as parts with that
address as Content-Location; of compressed pixels each frame is a part, several with one address in their order.

References
----------
DICOM PS3.18 10.5.1.2 and 10.5.2; PS3.10 7.1.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from invivo import dicom, errors
from invivo.protocols.dicomweb.multipart import BodyPart
from invivo.protocols.dicomweb.native_model import XML, json_of_xml
from invivo.protocols.dicomweb.syntax import EXPLICIT, NATIVE
from invivo.protocols.negotiation import media_ranges

Json = dict[str, Any]
JSON = "application/dicom+json"
LARGEST_METADATA = 16 << 20
LARGEST_BULK = 512 << 20
MOST_DATA_SETS = 5000
_PIXELS = frozenset({"7FE00008", "7FE00009", "7FE00010"})


class BadMetadata(errors.Invalid):
    """The metadata of a store request cannot be read."""

    code = "stow.bad-metadata"


class TooLargeParts(errors.TooLarge):
    """The metadata or the bulk values of one request are larger than are put together at once."""

    code = "stow.parts-too-large"


@dataclass(frozen=True, slots=True)
class Made:
    """What became of one data set: its file, or the code of what is wrong with it."""

    class_uid: str
    uid: str
    content: bytes = b""
    code: str = ""
    study_uid: str = ""


@dataclass
class Assembly:
    """The parts of one request, gathered until all of them are there."""

    data_sets: list[Json] = field(default_factory=list)
    bulk: dict[str, list[bytes]] = field(default_factory=dict)
    syntaxes: dict[str, str] = field(default_factory=dict)
    metadata_bytes: int = 0
    bulk_bytes: int = 0

    def take(self, part: BodyPart, *, is_metadata_json: bool) -> None:
        """Take in one part.

        Raises
        ------
        BadMetadata, BadXml, TooLargeParts
        """
        ranges = media_ranges(part.headers.get("content-type", ""))
        media_type = ranges[0].type if ranges else ""
        if media_type in (JSON, "application/json") or (is_metadata_json and not media_type and not self.data_sets):
            self._take_json(self._metadata(part.chunks))
        elif media_type == XML:
            self.data_sets.append(json_of_xml(self._metadata(part.chunks)))
        else:
            self._take_bulk(part, ranges[0].transfer_syntax if ranges else "")
        if len(self.data_sets) > MOST_DATA_SETS:
            raise TooLargeParts(f"A request has at most {MOST_DATA_SETS} data sets.")

    def _metadata(self, chunks: Iterator[bytes]) -> bytes:
        gathered = []
        for chunk in chunks:
            self.metadata_bytes += len(chunk)
            if self.metadata_bytes > LARGEST_METADATA:
                raise TooLargeParts(f"The metadata of a request has at most {LARGEST_METADATA} bytes.")
            gathered.append(chunk)
        return b"".join(gathered)

    def _take_json(self, content: bytes) -> None:
        try:
            read = orjson.loads(content)
        except orjson.JSONDecodeError:
            raise BadMetadata("The metadata is no JSON.") from None
        found = read if isinstance(read, list) else [read]
        if not all(isinstance(one, dict) for one in found):
            raise BadMetadata("The metadata is no array of data sets in the DICOM JSON model.")
        self.data_sets += found

    def _take_bulk(self, part: BodyPart, syntax: str) -> None:
        address = part.headers.get("content-location", "")
        if not address:
            raise BadMetadata("A part with a bulk value has no Content-Location, so nothing can refer to it.")
        gathered = []
        for chunk in part.chunks:
            self.bulk_bytes += len(chunk)
            if self.bulk_bytes > LARGEST_BULK:
                raise TooLargeParts(f"Bulk values of a request have at most {LARGEST_BULK} bytes; send DICOM files.")
            gathered.append(chunk)
        self.bulk.setdefault(address, []).append(b"".join(gathered))
        if syntax and dicom.is_valid(syntax):
            self.syntaxes.setdefault(address, syntax)

    def objects(self) -> Iterator[Made]:
        """Yield the file of each data set, or what is wrong with it; one file at a time is in memory."""
        for json in self.data_sets:
            class_uid, uid, study_uid = (_text(json, tag) for tag in ("00080016", "00080018", "0020000D"))
            try:
                content = self._file(json)
            except (errors.Invalid, errors.TooLarge) as error:
                yield Made(class_uid, uid, code=error.kind)
            else:
                yield Made(class_uid, uid, content, study_uid=study_uid)

    def _file(self, json: Json) -> bytes:
        syntax = self._syntax(json)
        dataset = dicom.dataset_of({tag: entry for tag, entry in json.items() if _is_kept(tag)}, self._value)
        if syntax not in NATIVE and "PixelData" in dataset:
            frames = self.bulk.get(str(json.get("7FE00010", {}).get("BulkDataURI", "")), [])
            if not frames:
                raise BadMetadata("Compressed pixels come as parts of the request, one a frame.")
            dataset.PixelData = encapsulate(frames)
            dataset["PixelData"].VR = "OB"
            dataset["PixelData"].is_undefined_length = True
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = UID(_text(json, "00080016"))
        meta.MediaStorageSOPInstanceUID = UID(_text(json, "00080018"))
        meta.TransferSyntaxUID = UID(syntax)
        dataset.file_meta = meta
        dataset.SpecificCharacterSet = "ISO_IR 192"  # that of JSON and XML
        return dicom.encoded(dataset)

    def _syntax(self, json: Json) -> str:
        """Return the transfer syntax of the file: that of its pixels, as their part or the metadata says it."""
        addresses = [str(json[tag]["BulkDataURI"]) for tag in _PIXELS if "BulkDataURI" in json.get(tag, {})]
        said = [self.syntaxes[one] for one in addresses if one in self.syntaxes]
        found = [*said, _text(json, "00020010"), _text(json, "00083002")] if addresses else []
        syntax = next((one for one in found if one), EXPLICIT)
        return EXPLICIT if syntax in NATIVE else syntax

    def _value(self, address: str) -> bytes:
        found = self.bulk.get(address)
        if found is None:
            raise BadMetadata("The metadata names a bulk value that is no part of the request.")
        value = found[0] if len(found) == 1 else b"".join(found)
        return value + b"\0" * (len(value) % 2)


def _is_kept(tag: str) -> bool:
    """File meta information is made anew, and a group length or an availability is no attribute of an object."""
    return not tag.startswith("0002") and not tag.endswith("0000") and tag.upper() != "00083002"


def _text(json: Mapping[str, Any], tag: str) -> str:
    entry = json.get(tag)
    values = entry.get("Value") if isinstance(entry, dict) else None
    return str(values[0]).strip("\0 ") if isinstance(values, list) and values and isinstance(values[0], str) else ""
