"""Attributes and their types in classes."""

import pytest

from invivo import dicom

CT = "1.2.840.10008.5.1.4.1.1.2"


@pytest.mark.parametrize("name", ["PatientID", "patientid", "00100020", "(0010,0020)", " 0010,0020 "])
def test_an_attribute_is_found_by_keyword_and_by_tag(name):
    assert dicom.attribute(name) == dicom.Attribute(0x00100020, "PatientID", "LO", "Patient ID")


def test_a_misspelt_keyword_gets_a_proposal():
    with pytest.raises(dicom.UnknownAttribute, match="SliceThickness"):
        dicom.attribute("SliceThicknes")


@pytest.mark.parametrize("name", ["", "12345678901234567890", "FFFFFFFF", "x" * 10_000, "<script>"])
def test_nonsense_is_unknown_and_not_repeated(name):
    with pytest.raises(dicom.UnknownAttribute) as caught:
        dicom.attribute(name)
    assert not name or name not in caught.value.message


def test_a_private_attribute_is_found_by_its_creator():
    assert dicom.private_attribute("GEMS_ACQU_01", 0x00191024).vr == "DS"
    with pytest.raises(dicom.UnknownAttribute):
        dicom.private_attribute("NOBODY", 0x00191024)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("SOPInstanceUID",), "1"),
        (("PatientID",), "2"),
        (("KVP",), "2"),
        (("PatientAge",), "3"),
        (("ReferencedStudySequence", "ReferencedSOPClassUID"), "1"),
        (("GantryPitch",), None),
        (("PatientID", "PatientID"), None),
    ],
)
def test_the_type_of_an_attribute_is_that_of_the_standard(path, expected):
    assert dicom.attribute_type(CT, path) == expected


def test_an_unknown_class_has_no_types():
    assert dicom.attribute_type("1.2.3", ("PatientID",)) is None
