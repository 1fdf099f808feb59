"""Faults against the dictionary and the modules."""

import pydicom
import pytest

from invivo import dicom, errors


@pytest.fixture
def ct(real_file):
    return pydicom.dcmread(real_file("CT_small.dcm"))


def kinds(dataset):
    return {(fault.path, fault.kind) for fault in dicom.faults(dataset)}


def test_a_missing_attribute_of_type_1_is_a_fault(ct):
    assert ("Modality", "missing") not in kinds(ct)
    del ct.Modality
    assert ("Modality", "missing") in kinds(ct)


def test_an_empty_attribute_is_a_fault_of_type_1_only(ct):
    ct.Modality = ""
    ct.PatientBirthDate = ""
    assert ("Modality", "empty") in kinds(ct)
    assert ("PatientBirthDate", "missing") not in kinds(ct)
    assert ("PatientBirthDate", "empty") not in kinds(ct)


def test_a_fault_in_an_item_has_its_path(ct):
    item = pydicom.Dataset()
    item.ReferencedSOPClassUID = "1.2.3"
    ct.ReferencedStudySequence = [item]
    assert ("ReferencedStudySequence[0].ReferencedSOPInstanceUID", "missing") in kinds(ct)


def test_another_vr_than_that_of_the_dictionary_is_a_fault(ct):
    ct[0x00080060].VR = "LO"
    assert ("Modality", "vr") in kinds(ct)


@pytest.mark.parametrize(("count", "wrong"), [(2, True), (3, False), (4, True)])
def test_another_multiplicity_than_that_of_the_dictionary_is_a_fault(ct, count, wrong):
    ct.ImagePositionPatient = [1] * count
    assert (("ImagePositionPatient", "vm") in kinds(ct)) == wrong


def test_a_value_that_cannot_be_read_is_a_fault(ct):
    raw = ct.get_item(0x00280010)
    ct._dict[raw.tag] = pydicom.dataelem.RawDataElement(raw.tag, "US", 3, b"abc", 0, False, True)
    assert ("Rows", "unreadable") in kinds(ct)


def test_no_value_stands_in_a_fault(ct):
    ct.PatientID = "SECRET-7"
    ct.PatientSex = ["SECRET-8", "SECRET-9"]
    assert "SECRET" not in repr(dicom.faults(ct))


def test_reports_are_not_blamed_for_the_kinds_of_their_items(real_file):
    faults = dicom.faults(pydicom.dcmread(real_file("test-SR.dcm")))
    assert not [fault for fault in faults if "ContentSequence" in fault.path]


def test_every_real_file_can_be_checked(bundled_file):
    try:
        dataset = dicom.read_dataset(bundled_file, pixels=False)
    except errors.InvivoError:
        return
    assert len(dicom.faults(dataset)) <= 1000
