"""What goes in identified comes out clean, valid, consistent and the same each time."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import date
from io import BytesIO
from struct import pack
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from invivo import deidentification, dicom
from invivo.deidentification import CannotDeidentify, Mapping, Profile, Rule, profile_named

BASIC, TCIA = profile_named("basic"), profile_named("tcia")
BOTH = pytest.mark.parametrize("profile", [BASIC, TCIA], ids=["basic", "tcia"])
SECRETS = (b"kowalczyk", b"bronislava", b"zx9081726", b"acc7781234", b"zwingli", b"ottokar", b"19430817")
SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]

Make = Callable[..., Dataset]


def secrets_in(output: bytes, words: tuple[bytes, ...] = SECRETS) -> list[bytes]:
    fresh = dcmread(BytesIO(output))
    seen = output.lower() + str(fresh).lower().encode()
    return [word for word in words if word in seen]


@BOTH
@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
def test_the_identity_of_a_plain_object_goes(
    ct: Make, passage: Any, mapping: Mapping, profile: Profile, syntax: str
) -> None:
    output, fresh, report = passage.through(ct(), profile, mapping, syntax)
    assert secrets_in(output) == []
    assert report.leftovers == ()
    assert fresh.file_meta.TransferSyntaxUID == syntax
    assert fresh.preamble == bytes(128)
    assert fresh.PatientID == fresh.PatientName == report.subject_label == mapping.subject_label("ZX9081726")
    assert fresh.PixelData == bytes(8)


PLACES = [
    ("PatientComments", "Kowalczyk Bronislava, ZX9081726, born 17.08.1943, liver"),
    ("ImageComments", "BRONISLAVA KOWALCZYK seen by Zwingli"),
    ("StudyDescription", "CT Kowalczyk^Bronislava abdomen"),
    ("SeriesDescription", "zx9081726 thin"),
    ("ProtocolName", "KOWALCZYK"),
    ("Manufacturer", "ACME for Kowalczyk"),
    ("OperatorsName", "Zwingli^Ottokar"),
    ("EvaluatorName", "Kowalczyk^Bronislava"),
    ("DeviceSerialNumber", "ZX9081726"),
    ("StationName", "Kowalczyk"),
    ("InstitutionName", "Klinik Zwingli"),
    ("TrackingID", "Kowalczyk"),
    ("BodyPartExamined", "KOWALCZYK"),
    ("SoftwareVersions", "V1 KOWALCZYK"),
    ("AcquisitionTime", "ZX9081726"),
    ("AcquisitionDate", "KOWALCZY"),
    ("RetrieveURL", "http://kowalczyk.example/"),
    ("StudyID", "ZX9081726"),
    ("SpecificCharacterSet", "KOWALCZYK"),
    ("ConvolutionKernel", "KOWALCZYK"),
    ("EncapsulatedDocument", b"%PDF KOWALCZYK "),
    ("MakerNote", b"KOWALCZYK "),
    ("Signature", b"KOWALCZYK "),
]


@BOTH
@pytest.mark.parametrize("depth", [0, 1, 5])
@pytest.mark.parametrize(("keyword", "value"), PLACES, ids=[keyword for keyword, _ in PLACES])
def test_a_planted_identifier_goes_from_anywhere(
    ct: Make,
    item: Make,
    nested: Make,
    passage: Any,
    mapping: Mapping,
    profile: Profile,
    depth: int,
    keyword: str,
    value: Any,
) -> None:
    ds = ct()
    inner = nested(item(**{keyword: value}), depth)
    ds.update(inner)
    output, _, report = passage.through(ds, profile, mapping)
    assert secrets_in(output) == []
    assert report.leftovers == ()


@BOTH
@pytest.mark.parametrize(
    ("keyword", "value", "patched"), [("KVP", "123456789", b"KOWALCZYK"), ("PatientAge", "042Y", b"ZX90")]
)
def test_a_value_that_is_not_what_its_vr_says_goes(
    ct: Make, written: Make, passage: Any, mapping: Mapping, profile: Profile, keyword: str, value: str, patched: bytes
) -> None:
    ds = ct()
    setattr(ds, keyword, value)
    target = BytesIO()
    contents = written(ds).replace(value.encode(), patched)
    report = deidentification.deidentify_file(passage.file(contents), target, profile, mapping)
    assert patched not in target.getvalue() and report.leftovers == ()


def test_a_patient_id_as_the_number_of_a_series_goes(ct: Make, passage: Any, mapping: Mapping) -> None:
    ds = ct()
    ds.PatientID, ds.SeriesNumber, ds.InstanceNumber = "8123456", 8123456, 81
    _, fresh, report = passage.through(ds, TCIA, mapping)
    assert (fresh.SeriesNumber, fresh.InstanceNumber, report.leftovers) == (None, 81, ())


def private_item(creator: str, vr: str, value: Any) -> Dataset:
    made = Dataset()
    made.private_block(0x0019, creator, create=True).add_new(0x23, vr, value)
    return made


@BOTH
@pytest.mark.parametrize("depth", [0, 3])
@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian], ids=["implicit", "explicit"])
@pytest.mark.parametrize(
    ("creator", "vr", "value"),
    [
        ("GEMS_ACQU_01", "LO", "Kowalczyk"),
        ("GEMS_ACQU_01", "DS", "19430817"),
        ("GEMS_ACQU_01", "PN", "Kowalczyk^Bronislava"),
        ("GEMS_ACQU_01", "UN", b"Kowalczyk "),
        ("GEMS_ACQU_01", "OB", b"K\0o\0w\0a\0l\0c\0z\0y\0k\0"),
        ("KOWALCZYK", "LO", "Kowalczyk"),
        ("KOWALCZYK", "DS", "1"),
    ],
)
def test_private_elements_tell_nothing(
    ct: Make,
    nested: Make,
    passage: Any,
    mapping: Mapping,
    profile: Profile,
    depth: int,
    creator: str,
    vr: str,
    value: Any,
    syntax: str,
) -> None:
    ds = ct()
    ds.update(nested(private_item(creator, vr, value), depth))
    output, _, _ = passage.through(ds, profile, mapping, syntax)
    words = (*(word for word in SECRETS if word != b"19430817" or vr != "DS"), b"k\0o\0w\0a")
    assert secrets_in(output, words) == []


def test_a_safe_private_element_stays_with_its_reservation(ct: Make, passage: Any, mapping: Mapping) -> None:
    ds = ct()
    ds.update(private_item("GEMS_ACQU_01", "DS", "5.0"))
    _, fresh, _ = passage.through(ds, TCIA, mapping)
    assert fresh.private_block(0x0019, "GEMS_ACQU_01")[0x23].value == 5
    _, fresh, _ = passage.through(ds, BASIC, mapping)
    assert not any(element.tag.is_private for element in fresh)


@BOTH
def test_private_sequences_and_sequences_disguised_as_un_are_entered_or_removed(
    ct: Make, item: Make, written: Make, passage: Any, mapping: Mapping, profile: Profile
) -> None:
    ds = ct()
    block = ds.private_block(0x0019, "GEMS_ACQU_01", create=True)
    block.add_new(0x24, "SQ", Sequence([item(PatientName="Kowalczyk^Bronislava")]))
    uid = b"1.2.3.4.5.6.7.8.90"
    name = b"\x10\0\x10\0" + pack("<I", 20) + b"Kowalczyk^Bronislava"
    inside = b"\x08\0\x55\x11" + pack("<I", len(uid)) + uid + name
    value = b"\xfe\xff\x00\xe0" + pack("<I", len(inside)) + inside
    disguised = b"\x08\0\x40\x11UN\0\0" + pack("<I", len(value)) + value
    place = (contents := written(ds)).index(b"\x10\0\x10\0PN")
    target = BytesIO()
    source = passage.file(contents[:place] + disguised + contents[place:])
    report = deidentification.deidentify_file(source, target, profile, mapping)
    fresh = dcmread(BytesIO(target.getvalue()))
    assert secrets_in(target.getvalue()) == [] and report.leftovers == ()
    assert fresh.ReferencedImageSequence[0].ReferencedSOPInstanceUID == mapping.uid(uid.decode())


CHARSETS = [
    ("ISO_IR 100", "Müller^Jörg", "Mueller"),
    ("ISO_IR 192", "Łukaszewicz^Żaneta", "Lukaszewicz"),
    ("ISO_IR 144", "Люкceмбypг^Мария", "Мария"),
    ("ISO_IR 126", "Διονυσιος^Νικος", "ΔΙΟΝΥΣΙΟΣ"),
    ("GB18030", "Wangxiao^Dong=王^小东", "王小东"),
    (["", "ISO 2022 IR 87"], "Yamadaya^Tarouji=山田^太郎=やまだ^たろう", "山田太郎"),
    (["", "ISO 2022 IR 149"], "Honggil^Gildongi=洪^吉洞=홍^길동", "길동"),
    ("ISO_IR 13", "ﾔﾏﾀﾞﾔ^ﾀﾛｳｼﾞ", "ﾔﾏﾀﾞﾔ"),
]


@BOTH
@pytest.mark.parametrize("depth", [0, 2])
@pytest.mark.parametrize(("charset", "name", "spelled"), CHARSETS, ids=[str(case[0]) for case in CHARSETS])
def test_names_go_in_every_character_set(
    ct: Make,
    item: Make,
    nested: Make,
    passage: Any,
    mapping: Mapping,
    profile: Profile,
    depth: int,
    charset: Any,
    name: str,
    spelled: str,
) -> None:
    ds = ct()
    ds.SpecificCharacterSet = charset
    ds.PatientName = name
    ds.update(nested(item(ImageComments=f"liver {spelled} spleen", StudyDescription=name), depth))
    _, fresh, report = passage.through(ds, profile, mapping)
    text = str(fresh)
    for part in (*name.replace("=", "^").split("^"), spelled):
        assert part.casefold() not in text.casefold()
    assert report.leftovers == ()


@pytest.mark.parametrize(
    ("charset", "name", "text"),
    [
        ("ISO_IR 100", "Müller^Jörg", "Nähe, Ödem"),
        ("ISO_IR 192", "山田^太郎", "肝臓 Ödem"),
        (["", "ISO 2022 IR 87"], "Yamadaya^A=山田^太郎", "肝臓 liver"),
    ],
    ids=str,
)
def test_other_words_stay_readable_in_their_character_set(
    ct: Make, passage: Any, mapping: Mapping, charset: Any, name: str, text: str
) -> None:
    ds = ct()
    ds.SpecificCharacterSet = charset
    ds.PatientName = name
    ds.StudyDescription = text
    ds.ImageComments = f"{text} {name.rsplit('=', maxsplit=1)[-1].replace('^', '')}"
    _, fresh, _ = passage.through(ds, TCIA, mapping)
    assert fresh.StudyDescription == text
    assert fresh.ImageComments.startswith(text)
    assert "山田" not in str(fresh) and "Müller" not in str(fresh)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(planted=st.data())
def test_whatever_name_is_planted_wherever_none_is_left(
    planted: st.DataObject, ct: Make, item: Make, nested: Make, passage: Any, mapping: Mapping
) -> None:
    letters = st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=7, max_size=12)
    family, number = (
        "XQ" + planted.draw(letters),
        "Q" + planted.draw(st.text(alphabet="0123456789", min_size=7, max_size=9)),
    )
    keywords = planted.draw(
        st.lists(
            st.sampled_from([keyword for keyword, value in PLACES if isinstance(value, str)]),
            min_size=1,
            max_size=5,
            unique=True,
        )
    )
    ds = ct()
    ds.PatientName, ds.PatientID = f"{family}^Bronislava", number
    for keyword in keywords:
        value = planted.draw(st.sampled_from([family, number, family.title()]))
        ds.update(nested(item(**{keyword: value}), planted.draw(st.integers(0, 3))))
    profile = planted.draw(st.sampled_from([BASIC, TCIA]))
    output, _, report = passage.through(ds, profile, mapping)
    assert secrets_in(output, (family.lower().encode(), number.lower().encode())) == []
    assert report.leftovers == ()


def test_references_lead_to_the_new_objects(ct: Make, item: Make, passage: Any, mapping: Mapping) -> None:
    first, second = ct(), ct()
    second.SOPInstanceUID = "1.2.826.0.1.3680043.8.499.7.1002"
    reference = item(ReferencedSOPClassUID=first.SOPClassUID, ReferencedSOPInstanceUID=first.SOPInstanceUID)
    second.SourceImageSequence = [reference]
    second.ReferencedSeriesSequence = [
        item(SeriesInstanceUID=first.SeriesInstanceUID, ReferencedInstanceSequence=[deepcopy(reference)])
    ]
    (_, one, _), (_, two, report) = (passage.through(ds, TCIA, mapping) for ds in (first, second))
    assert (
        two.SourceImageSequence[0].ReferencedSOPInstanceUID
        == one.SOPInstanceUID
        == one.file_meta.MediaStorageSOPInstanceUID
    )
    inside = two.ReferencedSeriesSequence[0]
    assert inside.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID == one.SOPInstanceUID
    assert inside.SeriesInstanceUID == one.SeriesInstanceUID == two.SeriesInstanceUID
    assert two.StudyInstanceUID == one.StudyInstanceUID == report.study_uid
    assert two.SOPInstanceUID == report.instance_uid != one.SOPInstanceUID
    assert one.SOPClassUID == first.SOPClassUID


def test_intervals_between_dates_hold_and_times_stay(ct: Make, item: Make, passage: Any, mapping: Mapping) -> None:
    ds = ct()
    ds.AcquisitionDateTime = "20200201101530.25+0100"
    ds.RadiopharmaceuticalInformationSequence = [item(RadiopharmaceuticalStartDateTime="20200201091530")]
    _, fresh, _ = passage.through(ds, TCIA, mapping)
    days = mapping.date_offset_days("ZX9081726")

    def day(text: str) -> date:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8]))

    for keyword in ("StudyDate", "SeriesDate", "ContentDate", "AcquisitionDateTime"):
        assert (day(str(fresh[keyword].value)) - day(str(ds[keyword].value))).days == days
    start = fresh.RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartDateTime
    assert start[8:] == "091530" and start[:8] == fresh.AcquisitionDateTime[:8]
    assert fresh.AcquisitionDateTime.endswith("101530.25+0100")
    assert fresh.StudyTime == ds.StudyTime
    assert fresh.PatientBirthDate == ""


def test_the_basic_profile_leaves_no_date(ct: Make, passage: Any, mapping: Mapping) -> None:
    output, fresh, _ = passage.through(ct(), BASIC, mapping)
    assert fresh.StudyDate == "" and "SeriesDate" not in fresh
    assert b"2020" not in output[:1200].replace(fresh.SOPInstanceUID.encode(), b"")


@pytest.mark.parametrize(("age", "new"), [("095Y", "090Y"), ("042Y", "042Y")])
def test_ages_over_89_are_one(ct: Make, passage: Any, mapping: Mapping, age: str, new: str) -> None:
    ds = ct()
    ds.PatientAge = age
    assert passage.through(ds, TCIA, mapping)[1].PatientAge == new
    assert "PatientAge" not in passage.through(ds, BASIC, mapping)[1]


@BOTH
def test_the_record_says_what_was_done(ct: Make, passage: Any, mapping: Mapping, profile: Profile) -> None:
    _, fresh, _ = passage.through(ct(), profile, mapping)
    codes = {code.CodeValue for code in fresh.DeidentificationMethodCodeSequence}
    assert fresh.PatientIdentityRemoved == "YES"
    assert codes == {"113100"} | {deidentification.OPTIONS[option][0] for option in profile.options}
    assert all(code.CodingSchemeDesignator == "DCM" for code in fresh.DeidentificationMethodCodeSequence)
    assert fresh.LongitudinalTemporalInformationModified == ("REMOVED" if profile is BASIC else "MODIFIED")
    assert fresh.ContributingEquipmentSequence[-1].PurposeOfReferenceCodeSequence[0].CodeValue == "109104"
    assert fresh.file_meta.ImplementationVersionName.startswith("INVIVO")


@BOTH
@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
def test_no_fault_is_added_to_a_valid_object(
    ct: Make, passage: Any, mapping: Mapping, profile: Profile, syntax: str
) -> None:
    before = {(fault.path, fault.kind) for fault in dicom.faults(ct())}
    after = {(fault.path, fault.kind) for fault in dicom.faults(passage.through(ct(), profile, mapping, syntax)[1])}
    assert after <= before


@BOTH
def test_the_same_input_gives_the_same_bytes_and_is_not_changed(
    ct: Make, passage: Any, mapping: Mapping, profile: Profile
) -> None:
    ds = ct()
    copy = deepcopy(ds)
    first = passage.through(ds, profile, mapping)[0]
    same = Mapping(b"a secret of 32 bytes for the tests", "LUNG-", "lung")
    assert passage.through(copy, profile, same)[0] == first
    cleaned = deidentification.deidentify(ds, profile, mapping)
    assert ds == copy
    assert cleaned.dataset.PatientID == cleaned.subject_label


def test_overlays_curves_icons_signatures_and_former_values_go(
    ct: Make, item: Make, passage: Any, mapping: Mapping
) -> None:
    ds = ct()
    ds.add_new(0x60000010, "US", 1)
    ds.add_new(0x60000022, "LO", "Kowalczyk")
    ds.add_new(0x60003000, "OW", b"\1\0")
    ds.add_new(0x60004000, "LT", "Kowalczyk")
    ds.add_new(0x50000010, "US", 1)
    ds.add_new(0x50003000, "OW", b"\1\0")
    ds.IconImageSequence = [item(Rows=1, Columns=1)]
    ds.DigitalSignaturesSequence = [item(Signature=b"KOWALCZYK ")]
    ds.OriginalAttributesSequence = [item(ModifiedAttributesSequence=[item(PatientName="Kowalczyk^B")])]
    ds.DataSetTrailingPadding = b"KOWALCZYK "
    for profile in (BASIC, TCIA):
        _, fresh, _ = passage.through(ds, profile, mapping)
        groups = {element.tag.group for element in fresh}
        assert not groups & {0x6000, 0x5000, 0xFFFA, 0xFFFC}
        assert "IconImageSequence" not in fresh and "OriginalAttributesSequence" not in fresh


def test_graphics_that_are_kept_are_held(ct: Make, passage: Any, mapping: Mapping) -> None:
    ds = ct()
    ds.add_new(0x60003000, "OW", b"\1\0")
    profile = Profile("graphics", "1", "", frozenset({"clean_graphics"}))
    _, fresh, report = passage.through(ds, profile, mapping)
    assert fresh[0x60003000].value == b"\1\0"
    assert [doubt.severity for doubt in report.doubts if doubt.code == "graphics.kept"] == ["hold"]


def sr(item: Make, ct: Make) -> Dataset:
    ds = ct()
    for keyword in ("PixelData", "Rows", "Columns", "ImageType"):
        delattr(ds, keyword)
    ds.SOPClassUID, ds.Modality = "1.2.840.10008.5.1.4.1.1.88.22", "SR"
    name = item(CodeValue="121071", CodingSchemeDesignator="DCM", CodeMeaning="Finding")
    local = item(CodeValue="K1", CodingSchemeDesignator="99KLINIK", CodeMeaning="Kowalczyk liver 12.04.2011")
    text = item(
        RelationshipType="CONTAINS",
        ValueType="TEXT",
        ConceptNameCodeSequence=[name],
        TextValue="Liver of Kowalczyk, Parkinson disease",
    )
    code = item(
        RelationshipType="CONTAINS",
        ValueType="CODE",
        ConceptNameCodeSequence=[deepcopy(name)],
        ConceptCodeSequence=[local],
    )
    person = item(
        RelationshipType="HAS OBS CONTEXT",
        ValueType="PNAME",
        ConceptNameCodeSequence=[deepcopy(name)],
        PersonName="Zwingli^Ottokar",
    )
    ds.ValueType, ds.ConceptNameCodeSequence = "CONTAINER", [deepcopy(name)]
    ds.ContentSequence = [
        item(RelationshipType="CONTAINS", ValueType="CONTAINER", ContentSequence=[text, code, person])
    ]
    return ds


def test_a_reports_words_stay_in_tcia_and_its_frame_stays_in_basic(
    ct: Make, item: Make, passage: Any, mapping: Mapping
) -> None:
    for profile, text, meaning in (
        (TCIA, "Liver of, Parkinson disease", "liver "),
        (BASIC, "ANONYMIZED", "ANONYMIZED"),
    ):
        output, fresh, report = passage.through(sr(item, ct), profile, mapping)
        content = fresh.ContentSequence[0].ContentSequence
        assert content[0].TextValue.replace("of Parkinson", "of, Parkinson") == text
        assert content[0].ConceptNameCodeSequence[0].CodeMeaning == "Finding"
        assert content[1].ConceptCodeSequence[0].CodeMeaning.startswith(meaning)
        assert secrets_in(output) == [] and report.leftovers == ()


def test_a_collections_own_rules_are_followed(ct: Make, passage: Any, mapping: Mapping) -> None:
    ds = ct()
    ds.StudyDescription, ds.SeriesDescription = "old", "kept"
    profile = replace(
        BASIC, rules=(Rule("StudyDescription", "D", "new"), Rule("SeriesDescription", "K"), Rule("PatientSex", "K"))
    )
    _, fresh, _ = passage.through(ds, profile, mapping)
    assert (fresh.StudyDescription, fresh.SeriesDescription, fresh.PatientSex) == ("new", "kept", "F")


def test_two_nameless_patients_do_not_become_one(ct: Make, mapping: Mapping) -> None:
    one, two = ct(), ct()
    one.PatientID = two.PatientID = ""
    two.PatientName = "Someone^Else"
    first, second = (deidentification.deidentify(ds, BASIC, mapping) for ds in (one, two))
    assert first.subject_label != second.subject_label
    assert "subject.without-id" in {doubt.code for doubt in first.doubts}


def test_nothing_of_a_value_is_in_actions_and_doubts(ct: Make, passage: Any, mapping: Mapping) -> None:
    ds = ct()
    ds.update(private_item("KOWALCZYK", "LO", "Kowalczyk"))
    ds.SpecificCharacterSet = "KOWALCZYK"
    report = passage.through(ds, TCIA, mapping)[2]
    said = f"{report.actions}{report.doubts}{report.leftovers}".lower().encode()
    assert [word for word in SECRETS if word in said] == []
    assert {action.code for action in report.actions} <= set("DZXKCU")


def test_sequences_nested_too_deep_are_refused(ct: Make, item: Make, nested: Make, mapping: Mapping) -> None:
    ds = ct()
    ds.update(nested(item(Modality="CT"), 40))
    with pytest.raises(CannotDeidentify) as caught:
        deidentification.deidentify(ds, BASIC, mapping)
    assert caught.value.kind == "deidentification.too-deep"


def test_an_object_without_a_class_is_refused(ct: Make, mapping: Mapping) -> None:
    ds = ct()
    del ds.SOPClassUID
    with pytest.raises(CannotDeidentify):
        deidentification.deidentify(ds, BASIC, mapping)
