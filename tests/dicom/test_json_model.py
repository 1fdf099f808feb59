"""Between data sets and the DICOM JSON model."""

import json

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from invivo import dicom, errors


def test_json_leads_back_to_the_same_json(bundled_file):
    try:
        first = dicom.json_of(dicom.read_dataset(bundled_file, pixels=False))
    except errors.InvivoError:
        return
    text = json.dumps(first, allow_nan=False)
    assert dicom.json_of(dicom.dataset_of(json.loads(text))) == first


def test_the_json_of_a_data_set_is_that_of_the_scan(real_file):
    path = real_file("rtplan.dcm")
    assert dicom.json_of(dicom.read_dataset(path)) == dicom.scan(path).json


def test_a_bulk_value_has_the_address_that_the_caller_gives(real_file):
    found = dicom.json_of(dicom.read_dataset(real_file("CT_small.dcm")), lambda path: f"bulk/{path}")
    assert found["7FE00010"] == {"vr": "OW", "BulkDataURI": "bulk/7FE00010"}


def test_a_bulk_value_without_an_address_is_left_out(real_file):
    assert "7FE00010" not in dicom.json_of(dicom.read_dataset(real_file("CT_small.dcm")))


def test_names_keep_their_three_groups(real_file):
    found = dicom.json_of(dicom.read_dataset(real_file("chrH31.dcm")))
    assert found["00100010"]["Value"] == [
        {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}
    ]


def test_a_value_that_fits_not_its_vr_becomes_text(real_file):
    found = dicom.json_of(dicom.read_dataset(real_file("badVR.dcm"), pixels=False))
    assert "1A" in str(found)


def test_the_value_at_an_address_is_fetched():
    json_form = {"7FE00010": {"vr": "OW", "BulkDataURI": "x"}}
    assert dicom.dataset_of(json_form, lambda uri: uri.encode() * 2).PixelData == b"xx"


@pytest.mark.parametrize(
    "json_form",
    [
        [],
        {"0010": {}},
        {"ZZ100010": {"vr": "LO"}},
        {"00100010": []},
        {"00100010": {"vr": "QQ", "Value": ["x"]}},
        {"00280010": {"vr": "US", "Value": ["x"]}},
        {"00280010": {"vr": "US", "Value": "x"}},
        {"7FE00010": {"vr": "OW", "InlineBinary": "?"}},
        {"00081140": {"vr": "SQ", "Value": ["x"]}},
        {"00100010": {"vr": "PN", "Value": [5]}},
    ],
)
def test_other_json_is_refused(json_form):
    with pytest.raises(dicom.BadJson):
        dicom.dataset_of(json_form)


def test_json_nested_too_deep_is_refused():
    json_form = {}
    for _ in range(100):
        json_form = {"0040A730": {"vr": "SQ", "Value": [json_form]}}
    with pytest.raises(dicom.TooDeep):
        dicom.dataset_of(json_form)


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(vr=st.sampled_from(["US", "PN", "SQ", "DS", "AT", "OB", "LO", "UI", "FD"]), value=VALUES)
def test_hostile_json_raises_only_our_errors(vr, value):
    try:
        found = dicom.dataset_of({"00090010": {"vr": vr, "Value": value}})
    except errors.InvivoError:
        return
    dicom.json_of(found)


def test_decimal_numbers_are_cut_to_what_the_vr_allows():
    found = dicom.dataset_of({"00180050": {"vr": "DS", "Value": [1 / 3]}})
    assert len(found["SliceThickness"].value.original_string) <= 16


def test_group_lengths_are_no_part_of_json():
    dataset = Dataset()
    dataset.add_new(0x00100000, "UL", 4)
    assert dicom.json_of(dataset) == {}


def test_small_binary_values_stand_in_the_json():
    dataset = pydicom.Dataset()
    dataset.add_new(0x00091001, "OB", b"ab")
    assert dicom.json_of(dataset)["00091001"] == {"vr": "OB", "InlineBinary": "YWI="}
