"""Any attribute of DICOM as a field."""

import pytest
from pydicom import datadict, dcmread
from pydicom.data import get_testdata_file

from invivo.search import attribute, field
from invivo.search.attribute import attribute_at, segment_of, spelled


@pytest.mark.parametrize(
    ("name", "path", "kind", "unit"),
    [
        ("EchoTime", "EchoTime", "number", "ms"),
        ("echotime", "EchoTime", "number", "ms"),
        ("(0018,0081)", "EchoTime", "number", "ms"),
        ("(0018, 0081)", "EchoTime", "number", "ms"),
        ("00180081", "EchoTime", "number", "ms"),
        ("PatientAge", "PatientAge", "number", "y"),
        ("PatientSize", "PatientSize", "number", "m"),
        ("SmallestImagePixelValue", "SmallestImagePixelValue", "number", ""),
        ("AcquisitionDateTime", "AcquisitionDateTime", "date", ""),
        ("ContentTime", "ContentTime", "text", ""),
        ("OperatorsName", "OperatorsName", "name", ""),
        ("ImageType", "ImageType", "name", ""),
        ("ReferencedSOPInstanceUID", "ReferencedSOPInstanceUID", "uid", ""),
        ("FrameIncrementPointer", "FrameIncrementPointer", "text", ""),
        ("00180002", "00180002", "name", ""),
        ("60020010", "60020010", "number", ""),
        ("AnatomicRegionSequence", "AnatomicRegionSequence", "sequence", ""),
        ("AnatomicRegionSequence.CodeMeaning", "AnatomicRegionSequence.CodeMeaning", "name", ""),
        ("(0008,2218).00080104", "AnatomicRegionSequence.CodeMeaning", "name", ""),
        ('"GEMS_ACQU_01".0019xx04', "GEMS_ACQU_01|0019xx04", "number", ""),
        ('"GEMS_ACQU_01".(0019,xx02)', "GEMS_ACQU_01|0019xx02", "number", ""),
        ('"GEMS_ACQU_01"(0019,1002)', "GEMS_ACQU_01|0019xx02", "number", ""),
        ("GEMS_ACQU_01|0019xx02", "GEMS_ACQU_01|0019xx02", "number", ""),
        ("1.2.840.113681|0019xx10", "1.2.840.113681|0019xx10", "name", ""),
        ('"My maker, v1.0".0099xx0a', "My maker, v1.0|0099xx0A", "name", ""),
        (
            'SharedFunctionalGroupsSequence."My maker".0099xx0A.CodeValue',
            "SharedFunctionalGroupsSequence.My maker|0099xx0A.CodeValue",
            "name",
            "",
        ),
    ],
)
def test_an_attribute_is_found_however_it_is_named(name, path, kind, unit):
    found = attribute_at(name)
    assert (found.path, found.kind, found.unit) == (path, kind, unit)
    assert attribute_at(path).path == path
    assert attribute_at(spelled(path)).path == path


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("PixelData", "holds bytes"),
        ("RedPaletteColorLookupTableData", "holds bytes"),
        ("LUTData", "holds bytes"),
        ("FFFEE000", "holds bytes"),
        ("00191004", "with its creator"),
        ('"GEMS_ACQU_01".0018xx04', "is odd"),
        ("SeriesDescription.CodeMeaning", "not a sequence"),
        ("AnatomicRegionSequence.", "1 to 12 steps"),
        (".".join(["ContentSequence"] * 13), "1 to 12 steps"),
        ("", "1 to 12 steps"),
        ("Seriesdescriptoin", "no such attribute"),
        ("A.B", "no such attribute"),
        ("x" * 500, "too long"),
        ("EchoTime\x00", "no such attribute"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_reason(name, told):
    with pytest.raises(attribute.NotAskable, match=told):
        attribute_at(name)


def test_every_keyword_of_the_standard_is_a_field_or_is_refused():
    refused = {"NONE", "OB", "OB or OW", "OD", "OF", "OL", "OV", "OW", "UN", "US or OW", "US or SS or OW"}
    for keyword, tag in datadict.keyword_dict.items():
        if not keyword:
            continue
        try:
            found = attribute_at(keyword)
        except attribute.NotAskable:
            assert datadict.dictionary_VR(tag) in refused
        else:
            assert found.path == found.keyword == keyword == segment_of(tag)
            assert found.title


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small.dcm", "rtplan.dcm", "reportsi.dcm"])
def test_each_element_of_a_real_file_is_named_as_it_is_asked(name):
    path = get_testdata_file(name, download=False)
    if path is None:
        pytest.skip("this file of pydicom is not on the disk")
    dataset = dcmread(path, stop_before_pixels=True)
    asked = 0
    for element in dataset.iterall():
        if element.tag.is_private_creator or element.tag.element == 0:
            continue
        creator = element.private_creator if element.tag.is_private else ""
        if element.tag.is_private and not creator:
            continue
        segment = segment_of(element.tag, creator)
        try:
            assert attribute_at(segment).path == segment
            asked += 1
        except attribute.NotAskable as fault:
            assert "holds bytes" in fault.message
    assert asked > 20


def test_an_attribute_with_a_column_is_the_field_of_that_column():
    for name in ("Modality", "modality", "(0008,0060)", "00080060"):
        assert field.field_named(name) is field.field_named("modality")
    assert field.field_named("EchoTime").path == "EchoTime"
    assert not field.field_named("SliceThickness").path


def test_an_unknown_name_is_answered_with_near_ones_of_fields_first():
    with pytest.raises(field.UnknownField, match="Did you mean modality, ") as caught:
        field.field_named("Modalty")
    assert caught.value.facts["near"][0] == "modality"
    with pytest.raises(field.UnknownField, match="slice-thickness"):
        field.field_named("thickness")
    with pytest.raises(field.UnknownField, match="EchoTime"):
        field.field_named("EchoTmie")


def test_nothing_is_proposed_where_nothing_is_near():
    with pytest.raises(field.UnknownField) as caught:
        field.field_named("q" * 64)
    assert caught.value.facts["near"] == ()
