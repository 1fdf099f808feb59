"""What the standard demands of every element of an object, under each profile: the key, made without any engine.

Sources: PS3.15 Table E.1-1 with its columns `basic`, of the options, and `tcia_disposition`; Table E.3.10-1.
"""

from collections.abc import Iterator
from functools import cache

from pydicom.datadict import dictionary_has_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import UID

from bench.deidentification.answers import Demand
from bench.deidentification.people import Person, identifiers
from bench.deidentification.plantings import rows, safe_private
from bench.deidentification.study import Made

TYPE_2 = frozenset(
    "PatientName PatientID PatientBirthDate PatientSex StudyDate StudyTime AccessionNumber ReferringPhysicianName "
    "StudyID StudyInstanceUID SeriesInstanceUID SOPInstanceUID".split()
)
TYPE_1 = frozenset(
    "PatientName PatientID StudyInstanceUID SeriesInstanceUID SOPInstanceUID SOPClassUID Modality".split()
)
_TEXT = frozenset("LO SH ST LT UT UC AE PN CS DS IS AS".split())
_FREE = frozenset("LO SH ST LT UT UC".split())
_NUMBERS = frozenset("US SS UL SL FL FD SV UV AT".split())
_ALTERED = frozenset(
    "SpecificCharacterSet BurnedInAnnotation PatientIdentityRemoved DeidentificationMethod LossyImageCompression "
    "LossyImageCompressionRatio LossyImageCompressionMethod PhotometricInterpretation PatientAge PatientSize "
    "ContributingEquipmentSequence LongitudinalTemporalInformationModified ImageType CompletionFlag".split()
)
# An engine may keep text of these (their option says clean) or remove it (as TCIA does).
_OPTIONS_OF_TCIA = ("clean_descriptors", "rtn_patient_chars", "rtn_long_modified_dates", "rtn_device_id")


@cache
def _by_tag() -> dict[int, dict[str, str]]:
    plain = [row for row in rows() if "x" not in row["tag"] and "g" not in row["tag"]]
    return {int(row["tag"][1:5] + row["tag"][6:10], 16): row for row in plain}


@cache
def _safe() -> frozenset[tuple[int, str, int]]:
    return frozenset((int(row["group"], 16), row["creator"], int(row["element"][2:], 16)) for row in safe_private())


def row_of(tag: int) -> dict[str, str] | None:
    """The row of a tag, repeating groups included."""
    group = tag >> 16
    if 0x5000 <= group < 0x5100 or (0x6000 <= group < 0x6100):
        return {"basic": "X", "tcia_disposition": "remove", "keyword": "", "repeating": "yes"}
    return _by_tag().get(tag)


def demands(made: Made, person: Person, profile: str) -> tuple[Demand, ...]:
    """Every required action of an object under ``tcia`` or ``basic``."""
    known = [form for form in identifiers(person) if len(form) >= 3]
    key = _Key(made, profile, sorted(known, key=len, reverse=True))
    found = list(key.walk(made.dataset, "", True, ""))
    found.append(Demand("00100020", "patid_consistent", (str(made.dataset.PatientID),), True))
    return tuple(found)


class _Key:
    """The walk that writes the key of one object."""

    def __init__(self, made: Made, profile: str, known: list[str]) -> None:
        self._made, self._profile, self._known = made, profile, known

    def walk(self, dataset: Dataset, prefix: str, stays: bool, inside: str) -> Iterator[Demand]:
        """Demands of every element; ``stays`` tells whether what stands around must be there afterwards."""
        creators = {}
        for element in dataset:
            tag = int(element.tag)
            if element.tag.is_private_creator:
                creators[(tag >> 16, tag & 0xFF)] = str(element.value)
                continue
            if not tag & 0xFFFF:
                continue
            if element.tag.is_private:
                creator = creators.get((tag >> 16, tag >> 8 & 0xFF), "")
                yield from self._private(element, prefix, stays, creator)
            else:
                path = f"{prefix}{tag:08X}"
                yield from (
                    self._sequence(element, path, stays, inside)
                    if element.VR == "SQ"
                    else self._element(element, path, stays, inside)
                )

    def _private(self, element: DataElement, prefix: str, stays: bool, creator: str) -> Iterator[Demand]:
        tag = int(element.tag)
        path = f"{prefix}{tag >> 16:04X}{{{creator}}}{tag & 0xFF:02X}"
        if (tag >> 16, creator, tag & 0xFF) in _safe() and self._profile == "tcia":
            if stays:
                yield Demand(path, "tag_retained", (), True)
                yield Demand(path, "text_retained", (str(element.value),), True)
        elif self._profile == "basic":
            yield Demand(path, "text_removed", ("absent",))
        elif element.VR in _TEXT:
            went = self._identifying(str(element.value))
            if went:
                yield Demand(path, "text_removed", went)
        elif element.VR == "DA":
            yield Demand(path, "date_shifted", (str(element.value),))

    def _sequence(self, element: DataElement, path: str, stays: bool, inside: str) -> Iterator[Demand]:
        row = row_of(int(element.tag))
        if row is not None:
            goes = (
                row["basic"] != "D" if self._profile == "basic" else row["tcia_disposition"] not in {"recurse", "keep"}
            )
            stays = stays and not goes
            if self._profile == "basic" and row["basic"] == "D":
                inside = "dummies"
        elif element.keyword in _ALTERED:
            stays = False
        if stays and inside != "dummies":
            yield Demand(path, "tag_retained", (), True)
        for number, item in enumerate(element.value or ()):
            yield from self.walk(item, f"{path}[{number}]/", stays, inside)

    def _element(self, element: DataElement, path: str, stays: bool, inside: str) -> Iterator[Demand]:
        vr, keyword, tag = element.VR, element.keyword, int(element.tag)
        at_root = "/" not in path
        if at_root and keyword in TYPE_2:
            yield Demand(path, "tag_retained", (), True)
            if keyword in TYPE_1:
                yield Demand(path, "text_notnull", (), True)
        if (
            element.is_empty
            or tag in {0x7FE00010, 0xFFFCFFFC}
            or keyword in _ALTERED
            or (tag == 0x00100020 and at_root)
        ):
            return
        if vr == "UI":
            yield from self._uid(element, path, stays)
        elif vr in {"DA", "DT", "TM"}:
            yield from self._date(element, path, stays)
        elif vr in _TEXT | _NUMBERS:
            yield from self._text(element, path, stays and inside != "dummies")
        elif row_of(tag) is not None and (tag, self._profile) != (0x04000310, "tcia"):
            yield Demand(path, "text_removed", ("bytes",))

    def _uid(self, element: DataElement, path: str, stays: bool) -> Iterator[Demand]:
        uids = [str(one) for one in (element.value if element.VM > 1 else [element.value])]
        row = row_of(int(element.tag))
        own = tuple(uid for uid in uids if not _registered(uid))
        if row is not None and row.get("rtn_device_id") and self._profile == "tcia":
            return
        if not own:
            if stays and row is None:
                yield Demand(path, "text_retained", tuple(uids), True)
            return
        keeps = stays and row is not None and row["basic"] == "U" and row["tcia_disposition"] in {"uid_hash", ""}
        yield Demand(path, "uid_changed", own, keeps)
        yield Demand(path, "uid_consistent", own)

    def _date(self, element: DataElement, path: str, stays: bool) -> Iterator[Demand]:
        values = tuple(str(one) for one in (element.value if element.VM > 1 else [element.value]))
        row = row_of(int(element.tag))
        if element.VR == "TM":
            tcia = row["tcia_disposition"] if row else "keep"
            if self._profile == "tcia" and tcia == "keep" and stays:
                yield Demand(path, "text_retained", values, True)
            elif self._profile == "basic" and row is not None:
                yield Demand(path, "text_removed", values)
            return
        if element.keyword == "PatientBirthDate" or (
            self._profile == "tcia" and row and row["tcia_disposition"] == "remove"
        ):
            yield Demand(path, "text_removed", values)
            return
        strict = self._profile == "tcia" and stays and row is not None and row["tcia_disposition"] == "date_shift"
        if row is not None or self._profile == "tcia":
            yield Demand(path, "date_shifted", values, strict)

    def _text(self, element: DataElement, path: str, stays: bool) -> Iterator[Demand]:
        values = [str(one) for one in (element.value if element.VM > 1 else [element.value])]
        whole, row = "\\".join(values), row_of(int(element.tag))
        phrases = [self._made.phrases[value] for value in values if value in self._made.phrases]
        disposition = row["tcia_disposition"] if row else "keep"
        device = row is not None and bool(row.get("rtn_device_id"))
        if element.VR == "PN":
            yield Demand(path, "text_removed", self._identifying(whole) or (whole,))
        elif phrases:
            went = tuple(sorted({word for one in phrases for word in one.go} | set(self._identifying(whole))))
            gone = self._profile == "basic" and row is not None
            yield from _removed(path, (*went, *values) if gone else went)
            stayed = tuple(word for one in phrases for word in one.stay)
            if (
                stays
                and stayed
                and disposition == "keep"
                and not gone
                and (self._profile == "tcia" or element.VR not in {"ST", "LT", "UT", "UC"})
            ):
                yield Demand(path, "text_retained", stayed, True)
        elif row is not None and (self._profile == "basic" or disposition in {"remove", "empty", "lookup", ""}):
            if not (device and self._profile == "tcia"):
                yield from _removed(path, tuple(value for value in values if len(value) > 2))
        elif self._identifying(whole):
            yield from _removed(path, self._identifying(whole))
        elif self._profile == "basic" and row is None and element.VR in _FREE and "/" in path:
            return  # an allow-list may empty free text that no row speaks of
        elif stays and dictionary_has_tag(element.tag):
            yield Demand(path, "text_retained", tuple(values), True)

    def _identifying(self, text: str) -> tuple[str, ...]:
        return tuple(form for form in self._known if form in text or form.upper() in text)


def _removed(path: str, values: tuple[str, ...]) -> Iterator[Demand]:
    if values:
        yield Demand(path, "text_removed", values)


def _registered(uid: str) -> bool:
    return uid.startswith("1.2.840.10008.") or UID(uid).name != uid
