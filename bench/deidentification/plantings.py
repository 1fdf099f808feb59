"""Identifiers put where engines forget to look: any row of the table, sequences, private elements, overlays, wrong VRs."""

import csv
from functools import cache
from importlib.resources import files

import numpy as np
from pydicom.datadict import dictionary_VM, dictionary_VR, keyword_dict, private_dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from bench.deidentification.phrases import Phrase
from bench.deidentification.study import Made, Study, code, reference, sequence

_LONGEST = {"SH": 16, "LO": 64, "ST": 1024, "LT": 10240, "UT": 10240, "UC": 10240}
_PLAIN = {"SH", "LO", "ST", "LT", "UT", "UC", "PN", "DA", "DT", "TM", "UI", "AE"}
# Where a value would change what the object is, or is set elsewhere.
_LEFT = {"PatientName", "PatientID", "ContentDate", "ROIName", "ContrastBolusAgent", "TimezoneOffsetFromUTC"}
_TREE = {"TextValue", "PersonName", "UID", "DateTime", "Date", "Time", "ReferencedSOPInstanceUID", "PatientAge"}


@cache
def rows() -> list[dict[str, str]]:
    """PS3.15 Table E.1-1."""
    text = (files("invivo.deidentification") / "table_e1.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def safe_private() -> list[dict[str, str]]:
    """PS3.15 Table E.3.10-1."""
    text = (files("invivo.deidentification") / "safe_private.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def _candidates() -> tuple[str, ...]:
    return tuple(
        row["keyword"]
        for row in rows()
        if row["keyword"] in keyword_dict
        and not row["tag"].startswith(("(0000", "(0002", "(0004", "(0072", "(FFF", "(4008"))
        and dictionary_VR(row["keyword"]) in _PLAIN
        and row["keyword"] not in _LEFT | _TREE
    )


def attributes(study: Study, made: Made, count: int) -> None:
    """Add attributes of the table that are not there yet, filled with what belongs in them and what does not."""
    dataset = made.dataset
    for keyword in study.chance.sample(_candidates(), count):
        if keyword not in dataset:
            setattr(dataset, keyword, _value(study, made, keyword))


def _value(study: Study, made: Made, keyword: str) -> object:  # noqa: PLR0911 - a table of VRs
    vr, one = dictionary_VR(tag_for_keyword(keyword)), study.person
    if vr == "PN":
        return study.chance.choice((one.name, one.physician, one.operator, f"{one.mother}^Eva"))
    if vr == "DA":
        return study.day(study.chance.randrange(0, 300))
    if vr == "DT":
        return study.day(study.chance.randrange(0, 300)) + study.time()
    if vr == "TM":
        return study.time()
    if vr == "UI":
        return study.uid()
    if vr == "AE":
        return one.station[:16]
    if "Telephone" in keyword or "Phone" in keyword:
        return one.phone
    if "Address" in keyword:
        return one.address
    if keyword.endswith(("ID", "IDs", "Number", "Identifier")) or vr == "SH":
        return study.chance.choice((one.other_id, one.accession))
    if not _describes(keyword):
        ward = f"{one.department.split()[1]} Ward {study.chance.randrange(2, 9)}"
        return study.chance.choice((one.department, one.institution, ward))
    text = study.text(made, made.dataset.Modality, _LONGEST[vr])
    return [text, one.other_id] if dictionary_VM(tag_for_keyword(keyword)) == "1-n" and vr == "LO" else text


@cache
def _describes(keyword: str) -> bool:
    """Whether an attribute is a descriptor, in which people write sentences."""
    return any(row["clean_descriptors"] for row in rows() if row["keyword"] == keyword)


def visit(study: Study, made: Made) -> None:
    """What every hospital fills in: patient module, request, identification sequences with people in them."""
    one, dataset = study.person, made.dataset
    dataset.OtherPatientIDs, dataset.PatientAddress, dataset.PatientTelephoneNumbers = (
        one.other_id,
        one.address,
        one.phone,
    )
    dataset.PatientMotherBirthName, dataset.PatientComments = one.mother, study.text(made, dataset.Modality, 1024)
    dataset.AdditionalPatientHistory, dataset.EthnicGroup = study.text(made, dataset.Modality, 1024), "C"
    dataset.PerformedProcedureStepStartDate, dataset.PerformedProcedureStepStartTime = study.day(), study.time()
    dataset.PerformedProcedureStepID, dataset.PerformedProcedureStepDescription = (
        one.accession,
        study.text(made, dataset.Modality),
    )
    who, request, scheduled = Dataset(), Dataset(), Dataset()
    who.PersonIdentificationCodeSequence = sequence(code("P-17", "99STAFF", " ".join(one.physician.split("^")[:2])))
    who.InstitutionName, who.PersonTelephoneNumbers, who.PersonAddress = one.institution, one.phone, one.address
    dataset.ReferringPhysicianIdentificationSequence = sequence(who)
    scheduled.CodeValue, scheduled.CodingSchemeDesignator = "CTCHE", "99LOCAL"
    scheduled.CodeMeaning = study.text(made, dataset.Modality)
    request.RequestedProcedureID, request.ScheduledProcedureStepID = one.accession, one.study_id
    request.RequestedProcedureDescription, request.AccessionNumber = study.text(made, dataset.Modality), one.accession
    request.ScheduledProtocolCodeSequence = sequence(scheduled)
    dataset.RequestAttributesSequence, dataset.ProcedureCodeSequence = sequence(request), sequence(scheduled)


def nested(study: Study, made: Made) -> None:
    """Original attributes, referenced instances, purpose codes with text, several levels deep."""
    one, dataset = study.person, made.dataset
    past, changed, deeper = Dataset(), Dataset(), Dataset()
    changed.PatientName, changed.PatientID, changed.StudyDate = one.name, one.patient_id, study.day(3)
    deeper.CodeValue, deeper.CodingSchemeDesignator, deeper.CodeMeaning = (
        "X1",
        "99DEEP",
        study.text(made, dataset.Modality),
    )
    changed.ProcedureCodeSequence = sequence(deeper)
    past.ModifiedAttributesSequence, past.AttributeModificationDateTime = sequence(changed), study.day(1) + study.time()
    past.ModifyingSystem, past.SourceOfPreviousValues, past.ReasonForTheAttributeModification = (
        one.station,
        one.institution,
        "CORRECT",
    )
    dataset.OriginalAttributesSequence = sequence(past)
    former = reference(dataset)
    former.ReferencedSOPInstanceUID = study.uid()
    former.PurposeOfReferenceCodeSequence = sequence(code("LOC1", "99LOCAL", study.text(made, dataset.Modality)))
    dataset.ReferencedInstanceSequence = sequence(former)
    performed = Dataset()
    performed.ReferencedSOPClassUID, performed.ReferencedSOPInstanceUID = "1.2.840.10008.3.1.2.3.3", study.uid()
    dataset.ReferencedPerformedProcedureStepSequence = sequence(performed)
    device = Dataset()
    device.Manufacturer, device.InstitutionName, device.StationName = "ACME Imaging", one.institution, one.station
    device.ContributionDateTime, device.OperatorsName = study.day(2) + study.time(), one.operator
    device.ContributionDescription, device.DeviceSerialNumber = study.text(made, dataset.Modality, 1024), one.serial
    device.PurposeOfReferenceCodeSequence = sequence(code("109103", "DCM", "Modifying Equipment"))
    dataset.ContributingEquipmentSequence = sequence(device)


@cache
def _writable() -> list[dict[str, str]]:
    """Safe elements of one number that mean the same to who reads them without a stated VR."""
    found = []
    for row in safe_private():
        offset, creator = int(row["element"][2:], 16), row["creator"]
        try:
            known = private_dictionary_VR((int(row["group"], 16) << 16) + 0x1000 + offset, creator)
        except KeyError:
            continue
        if row["vr"] == known and known in {"DS", "IS", "FD", "FL", "US"} and row["vm"] == "1":
            found.append(row)
    return found


def private(study: Study, made: Made) -> None:
    """Safe private elements with fit values, unsafe ones with names, private sequences, bytes as UN."""
    one, dataset = study.person, made.dataset
    safe = study.chance.sample(_writable(), 3)
    for row in safe:
        block = dataset.private_block(int(row["group"], 16), row["creator"], create=True)
        vr = row["vr"]
        number = study.chance.randrange(1, 900)
        value = {"DS": f"{number / 10}", "IS": str(number), "US": number}.get(vr, number / 4)
        offset = int(row["element"][2:], 16)
        if offset not in block:
            block.add_new(offset, vr, value)
    block = dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x10, "OB", f"...PatientName\0{one.name}\0PatientID\0{one.patient_id}\0...".encode())
    block = dataset.private_block(0x0099, f"ACME {one.institution.split()[0]}"[:60], create=True)
    block.add_new(0x01, "LO", one.patient_id)
    block.add_new(0x02, "PN", one.name)
    block.add_new(0x03, "DA", study.day())
    block.add_new(0x04, "UI", study.uid())
    block.add_new(0x05, "LT", study.text(made, dataset.Modality, 1024))
    item, inner = Dataset(), Dataset()
    inner.PatientID, inner.InstitutionName, inner.PatientBirthDate = (
        one.patient_id,
        one.institution,
        one.birth.strftime("%Y%m%d"),
    )
    item.add_new(0x00990010, "LO", "ACME DEEP")
    item.add_new(0x00991001, "PN", one.name)
    item.RequestAttributesSequence = sequence(inner)
    block.add_new(0x06, "SQ", [item])
    block.add_new(0x07, "UN", one.patient_id.encode() + b"\0" * (len(one.patient_id) % 2))
    block.add_new(0x08, "UN", _implicit_items(one.patient_id, one.family))


def _implicit_items(patient_id: str, family: str) -> bytes:
    def element(group: int, number: int, value: bytes) -> bytes:
        value += b" " * (len(value) % 2)
        return group.to_bytes(2, "little") + number.to_bytes(2, "little") + len(value).to_bytes(4, "little") + value

    body = element(0x0010, 0x0010, family.encode("utf-8")) + element(0x0010, 0x0020, patient_id.encode())
    return element(0xFFFE, 0xE000, body)


def graphics(study: Study, made: Made) -> None:
    """An overlay with its comments, a curve, and an icon."""
    one, dataset = study.person, made.dataset
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    dataset.add_new(0x60000010, "US", rows)
    dataset.add_new(0x60000011, "US", columns)
    dataset.add_new(0x60000040, "CS", "G")
    dataset.add_new(0x60000050, "SS", [1, 1])
    dataset.add_new(0x60000100, "US", 1)
    dataset.add_new(0x60000102, "US", 0)
    dataset.add_new(0x60000022, "LO", one.patient_id)
    dataset.add_new(0x60001500, "LO", one.other_id)
    bits = np.packbits(study.numbers().integers(0, 2, rows * columns).astype(np.uint8), bitorder="little").tobytes()
    dataset.add_new(0x60003000, "OW", bits + b"\0" * (len(bits) % 2))
    dataset.add_new(0x60004000, "LT", study.text(made, dataset.Modality, 1024))
    dataset.add_new(0x50000005, "US", 2)
    dataset.add_new(0x50000020, "CS", "POLY")
    dataset.add_new(0x50002500, "LO", one.patient_id)
    dataset.add_new(0x50003000, "OW", (one.other_id + one.other_id).encode())


def icon(study: Study, made: Made) -> None:
    """A small picture of the picture."""
    item = Dataset()
    item.SamplesPerPixel, item.PhotometricInterpretation, item.Rows, item.Columns = 1, "MONOCHROME2", 32, 32
    item.BitsAllocated, item.BitsStored, item.HighBit, item.PixelRepresentation = 8, 8, 7, 0
    item.PixelData = study.numbers().integers(0, 255, 1024).astype(np.uint8).tobytes()
    item["PixelData"].VR = "OB"
    made.dataset.IconImageSequence = sequence(item)


def signature(study: Study, made: Made) -> None:
    """A digital signature with a certificate of a person."""
    item, mac = Dataset(), Dataset()
    mac.MACIDNumber, mac.MACCalculationTransferSyntaxUID = 1, ExplicitVRLittleEndian
    mac.MACAlgorithm, mac.DataElementsSigned = "SHA1", [0x00080018]
    item.MACIDNumber, item.DigitalSignatureUID, item.DigitalSignatureDateTime = (
        1,
        study.uid(),
        study.day() + study.time(),
    )
    item.CertificateType, item.Signature = "X509_1993_SIG", b"\1\2\3\4"
    item.CertificateOfSigner = b"CN=" + study.person.physician.split("^")[0].encode().ljust(20, b" ") + b"\0"
    made.dataset.MACParametersSequence, made.dataset.DigitalSignaturesSequence = sequence(mac), sequence(item)


def wrong_places(study: Study, made: Made) -> None:
    """A name in a code string, an id in an integer string, bytes of another character set than is declared."""
    one, dataset = study.person, made.dataset
    kind = study.chance.randrange(3)
    if kind == 0 and one.family.isascii() and "ScanOptions" not in dataset:
        dataset.ScanOptions = one.family.upper()[:16]
        made.phrases[dataset.ScanOptions] = Phrase(dataset.ScanOptions, (one.family,), ())
    elif kind == 1 and "AcquisitionNumber" in dataset:
        dataset.SeriesNumber = one.study_id
    elif one.script in {"latin", "utf8"}:
        raw = one.family.encode("utf-8" if one.script == "latin" else "utf-16-le")
        marker = "~" * (len(raw) + len(raw) % 2)
        dataset.PatientComments = marker
        made.patches.append((marker.encode(), raw.ljust(len(marker))))


def implicit(made: Made) -> None:
    """Write the object in Implicit VR."""
    made.dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
