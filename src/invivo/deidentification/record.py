"""The object's own record of its de-identification, without a word on where it was done."""

from collections.abc import Mapping
from functools import lru_cache
from io import BytesIO

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomIO
from pydicom.filewriter import write_sequence
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag
from pydicom.uid import UID

from invivo import __version__
from invivo.deidentification import element as elements
from invivo.deidentification.profile import BASIC, OPTIONS, Profile
from invivo.deidentification.table import standard_vr, tag_number

IMPLEMENTATION_CLASS_UID = UID("2.25.244218353610411396412146018462330268937")
IMPLEMENTATION_VERSION_NAME = f"INVIVO_{__version__}"[:16]
_MEANINGS = dict([BASIC, *OPTIONS.values()])
_SOP_CLASS, _INSTANCE = BaseTag(0x00080016), BaseTag(0x00080018)
_META_VERSION = BaseTag(0x00020001)
_MEDIA_CLASS, _MEDIA_INSTANCE, _SYNTAX = BaseTag(0x00020002), BaseTag(0x00020003), BaseTag(0x00020010)
_IMPLEMENTATION, _VERSION_NAME = BaseTag(0x00020012), BaseTag(0x00020013)
_CODE_VALUE, _METHOD_CODES, _EQUIPMENT = BaseTag(0x00080100), BaseTag(0x00120064), BaseTag(0x0018A001)
_DEFAULT = ["iso8859"]


def write_file_meta(source: Dataset, copy: Dataset) -> None:
    """File meta information of our own and an empty preamble: only the transfer syntax comes from the source."""
    meta = FileMetaDataset()
    syntax = getattr(source, "file_meta", {}).get("TransferSyntaxUID")
    values = {_MEDIA_CLASS: _uid_at(copy, _SOP_CLASS), _MEDIA_INSTANCE: _uid_at(copy, _INSTANCE)}
    values |= {_SYNTAX: str(syntax or ""), _IMPLEMENTATION: IMPLEMENTATION_CLASS_UID}
    stored = elements.stored(meta)
    for tag, value in sorted(values.items()):
        if value:
            stored[tag] = _raw(tag, "UI", value.encode("ascii", "replace"), b"\0")
    stored[_META_VERSION] = _raw(_META_VERSION, "OB", b"\0\1", b"")
    stored[_VERSION_NAME] = _raw(_VERSION_NAME, "SH", IMPLEMENTATION_VERSION_NAME.encode("ascii"), b" ")
    copy.file_meta = meta
    copy.preamble = bytes(128)


def write_scripted(dataset: Dataset, profile: Profile) -> None:
    """Write the record of a foreign script: it claims no profile of the standard but what the script itself writes."""
    dataset.PatientIdentityRemoved = "YES"
    earlier = dataset.get("DeidentificationMethod")
    earlier = [str(one) for one in earlier] if isinstance(earlier, MultiValue) else [str(earlier)] if earlier else []
    dataset.DeidentificationMethod = [*earlier, f"invivo {__version__}, {profile.title}"[:64]]
    items = list(dataset.ContributingEquipmentSequence or []) if _EQUIPMENT in dataset else []
    dataset.ContributingEquipmentSequence = Sequence([*items, _ourselves()])


def _uid_at(dataset: Dataset, tag: BaseTag) -> str:
    element = elements.stored(dataset).get(tag)
    return "".join(elements.texts_of(element, "UI", ())) if element is not None else ""


def _raw(tag: BaseTag, vr: str, value: bytes, padding: bytes) -> RawDataElement:
    value += padding * (len(value) & 1)
    return RawDataElement(tag, vr, len(value), value, 0, False, True)


def write(dataset: Dataset, profile: Profile, subject_label: str) -> None:
    """Write the record into a cleaned data set: who the subject is now, and what was done by which rules.

    References
    ----------
    DICOM PS3.15 E.2; PS3.16 CID 7050; PS3.3 C.7.1.1 and C.12.1.1.5.
    """
    if "PatientID" not in dataset:
        dataset.PatientID = subject_label
    if "PatientName" not in dataset:
        dataset.PatientName = subject_label
    declared = declared_codes(dataset)
    codes = declared | {BASIC[0]} | {OPTIONS[option][0] for option in profile.options}
    earlier = list(dataset.ContributingEquipmentSequence or []) if _EQUIPMENT in dataset else []
    for element in _fixed(profile, frozenset(codes), *dataset.original_encoding):
        dataset[element.tag] = element
    if earlier:
        dataset[_EQUIPMENT] = elements.sequence_of(DataElement(_EQUIPMENT, "SQ", None), [*earlier, _ourselves()])


def write_texts(dataset: Dataset, texts: Mapping[str, str]) -> None:
    """Write texts that a lookup table gives, in place of what stood there."""
    encodings = elements.encodings_of(dataset, _DEFAULT)
    implicit, little = dataset.original_encoding
    for keyword, text in texts.items():
        tag = BaseTag(tag_number(keyword))
        vr = standard_vr(tag) or "LO"
        empty = RawDataElement(tag, vr, 0, b"", 0, bool(implicit), little is not False)
        dataset[tag] = elements.with_texts(empty, vr, [text], encodings)


def declared_codes(dataset: Dataset) -> set[str]:
    """Codes of CID 7050 that an object already claims."""
    if _METHOD_CODES not in dataset:
        return set()
    found: set[str] = set()
    for item in elements.items_of(dataset, dataset.get_item(_METHOD_CODES), "SQ") or []:
        if _CODE_VALUE in item:
            found |= _MEANINGS.keys() & set(elements.texts_of(item.get_item(_CODE_VALUE), "SH", _DEFAULT))
    return found


@lru_cache(maxsize=256)
def _fixed(
    profile: Profile, codes: frozenset[str], implicit: bool | None, little: bool | None
) -> tuple[DataElement | RawDataElement, ...]:
    """The record's elements, the same for every object of a series, encoded once."""
    record = Dataset()
    record.PatientIdentityRemoved = "YES"
    record.DeidentificationMethod = f"invivo {__version__}, PS3.15 Annex E, profile {profile.name} {profile.version}"[
        :64
    ]
    record.DeidentificationMethodCodeSequence = Sequence(_coded(code, _MEANINGS[code]) for code in sorted(codes))
    record.ContributingEquipmentSequence = Sequence([_ourselves()])
    record.LongitudinalTemporalInformationModified = _dates(profile)
    return tuple(_encoded(element, implicit, little) for element in record)


def _encoded(element: DataElement, implicit: bool | None, little: bool | None) -> DataElement | RawDataElement:
    """The element as it lies in a file of that encoding; as it is where the encoding is not known yet."""
    if implicit is None or little is None:
        return element
    if element.VR != "SQ":
        text = element.value.encode("ascii")
        text += b" " * (len(text) & 1)
        return RawDataElement(element.tag, element.VR, len(text), text, 0, implicit, little)
    buffer = BytesIO()
    stream = DicomIO(buffer)
    stream.is_implicit_VR, stream.is_little_endian = implicit, little
    write_sequence(stream, element, _DEFAULT)
    value = buffer.getvalue()
    return RawDataElement(element.tag, "SQ", len(value), value, 0, implicit, little)


def _dates(profile: Profile) -> str:
    if "retain_full_dates" in profile.options:
        return "UNMODIFIED"
    return "MODIFIED" if "retain_modified_dates" in profile.options else "REMOVED"


def _ourselves() -> Dataset:
    equipment = Dataset()
    equipment.PurposeOfReferenceCodeSequence = Sequence([_coded("109104", "De-identifying Equipment")])
    equipment.Manufacturer = "invivo"
    equipment.ManufacturerModelName = "invivo deidentification"
    equipment.SoftwareVersions = __version__
    return equipment


def coded(code: str) -> Dataset:
    """Item of a code of CID 7050."""
    return _coded(code, _MEANINGS[code])


def _coded(code: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue = code
    item.CodingSchemeDesignator = "DCM"
    item.CodeMeaning = meaning[:64]
    return item
