"""The scanner is held to pydicom on every real file, and to its own errors on every broken one."""

import struct
import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from invivo import dicom, errors
from invivo.dicom import scanner, values
from invivo.dicom.elements import Doubt
from invivo.dicom.source import opened

FEW = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
SMALL_FILES = (
    "CT_small.dcm",
    "rtplan.dcm",
    "test-SR.dcm",
    "nested_priv_SQ.dcm",
    "JPEG2000.dcm",
    "SC_rgb_rle_2frame.dcm",
    "MR_small_implicit.dcm",
    "image_dfl.dcm",
    "chrH32.dcm",
    "DICOMDIR",
    "MR_small_bigendian.dcm",
)


def fast_json(path):
    """JSON of the fast walk alone, also of objects without an identity; None where it is in doubt."""
    limits = dicom.Limits(inline_bytes=1 << 30, text_bytes=1 << 30)
    with opened(path, limits) as contents:
        walk = scanner._Walk(contents, limits)
        level = scanner._Level(values.DEFAULT_ENCODINGS, None)
        try:
            return walk.dataset(contents.start, contents.size, level, "", 0)[0] if contents.little else None
        except (Doubt, struct.error):
            return None


def reference_json(path):
    dataset = pydicom.dcmread(path, force=True)
    return {key: entry for key, entry in dataset.to_json_dict().items() if not key.startswith("0002")}


def comparable(json):
    """Even out what the JSON model leaves open: empty values, empty name groups, text or number."""
    out = {}
    for key, entry in json.items():
        if key.endswith("0000"):
            continue
        if entry["vr"] == "SQ":
            out[key] = ("SQ", [comparable(item) for item in entry.get("Value", [])])
        elif key in ("7FE00010", "7FE00008", "7FE00009"):
            out[key] = (entry["vr"], "pixels")
        elif "InlineBinary" in entry:
            out[key] = (entry["vr"], entry["InlineBinary"])
        else:
            found = [comparable_value(value) for value in entry.get("Value", [])]
            out[key] = (entry["vr"], found if any(value != "" for value in found) else [])
    return out


def comparable_value(value):
    if isinstance(value, dict):
        return {key: text for key, text in value.items() if text} or ""
    if isinstance(value, str):
        return value.strip(" \0")
    return "" if value is None else value


def check_against_pydicom(path):
    try:
        ours = fast_json(path)
    except errors.InvivoError:
        return
    if ours is None:
        return
    try:
        reference = reference_json(path)
    except Exception:  # because pydicom cannot write this object as JSON at all; then there is nothing to compare
        return
    assert comparable(ours) == comparable(reference)


def test_the_json_of_a_bundled_file_is_that_of_pydicom(bundled_file):
    check_against_pydicom(bundled_file)


def test_the_json_of_a_shared_file_is_that_of_pydicom(shared_file):
    check_against_pydicom(shared_file)


def test_most_real_files_are_scanned_without_handing_over(real_file):
    assert not any(dicom.scan(real_file(name)).by_pydicom for name in ("CT_small.dcm", "rtplan.dcm", "image_dfl.dcm"))


@pytest.mark.parametrize("name", ["MR_small_bigendian.dcm", "rtplan_truncated.dcm", "MR_truncated.dcm"])
def test_what_is_unusual_is_handed_over_to_pydicom(real_file, name):
    found = dicom.scan(real_file(name))
    assert found.by_pydicom
    assert found.header.sop_instance_uid == pydicom.dcmread(real_file(name)).SOPInstanceUID


def test_a_big_endian_object_gives_the_json_of_its_little_endian_twin(real_file):
    big, little = dicom.scan(real_file("MR_small_bigendian.dcm")).json, dicom.scan(real_file("MR_small.dcm")).json
    del little["FFFCFFFC"]  # only the little-endian file is padded
    assert comparable(big) == comparable(little)


def test_a_truncated_object_says_so(real_file):
    assert dicom.scan(real_file("MR_truncated.dcm")).truncated
    assert not dicom.scan(real_file("MR_small.dcm")).truncated


def test_bulk_values_are_listed_with_their_place(real_file):
    path = real_file("CT_small.dcm")
    found = dicom.scan(path)
    pixels = next(bulk for bulk in found.bulk if bulk.path == "7FE00010")
    stored = path.read_bytes()[pixels.offset : pixels.offset + pixels.length]
    assert stored == pydicom.dcmread(path).PixelData
    assert found.json["7FE00010"] == {"vr": "OW"}


def test_nested_bulk_values_are_read_by_their_path(real_file):
    path = real_file("waveform_ecg.dcm")
    found = [bulk for bulk in dicom.scan(path).bulk if "/" in bulk.path]
    expected = pydicom.dcmread(path).WaveformSequence[0].WaveformData
    assert found[0].path == "54000100/0/54001010"
    assert dicom.read_bulk(path, found[0].path) == expected
    assert path.read_bytes()[found[0].offset :][: found[0].length] == expected


def test_a_path_without_a_value_is_not_found(real_file):
    with pytest.raises(dicom.NoSuchValue):
        dicom.read_bulk(real_file("CT_small.dcm"), "54000100/7/54001010")


def test_a_deflated_object_has_no_places_in_the_file(real_file):
    found = dicom.scan(real_file("image_dfl.dcm"))
    assert all(bulk.offset == -1 for bulk in found.bulk)
    assert found.pixels.offset == -1


@pytest.mark.parametrize("name", ["SC_rgb_rle_2frame.dcm", "emri_small.dcm", "emri_small_RLE.dcm"])
def test_frame_places_lead_to_the_frames(real_file, name):
    path = real_file(name)
    pixels = dicom.scan(path).pixels
    assert len(pixels.frame_offsets) == pydicom.dcmread(path).NumberOfFrames
    last = len(pixels.frame_offsets)
    assert dicom.read_frame(path, last, pixels) == dicom.read_frame(path, last)


def test_nulls_are_taken_out_of_text_and_reported(real_file):
    dataset = pydicom.dcmread(real_file("CT_small.dcm"))
    clean = dicom.scan(BytesIO(dicom.encoded(dataset)))
    dataset.StudyDescription = "a\0b"
    found = dicom.scan(BytesIO(dicom.encoded(dataset)))
    assert found.json["00081030"]["Value"] == ["ab"]
    assert (clean.nulls_removed, found.nulls_removed) == (False, True)


def test_numbers_that_json_lacks_become_strings(real_file):
    dataset = pydicom.dcmread(real_file("CT_small.dcm"))
    dataset.add_new(0x00189087, "FD", float("nan"))
    dataset.add_new(0x00280010, "US", 128)
    assert dicom.scan(BytesIO(dicom.encoded(dataset))).json["00189087"]["Value"] == ["NaN"]


@pytest.mark.parametrize("text", ["1_0", "nan", "inf", "0x10", "1,5", "1e999"])
def test_what_python_takes_for_a_number_and_dicom_does_not_stays_text(text):
    assert values.CONVERTERS["DS"](text.encode(), ("iso8859",)) == [text]


def nested(depth):
    dataset = Dataset()
    for _ in range(depth):
        outer = Dataset()
        outer.ContentSequence = Sequence([dataset])
        dataset = outer
    return dataset


@pytest.mark.parametrize("undefined", [True, False])
def test_sequences_nested_too_deep_are_refused(real_file, undefined):
    dataset = pydicom.dcmread(real_file("CT_small.dcm"))
    dataset.ContentSequence = nested(60).ContentSequence
    inner = dataset
    while "ContentSequence" in inner:
        inner["ContentSequence"].is_undefined_length = undefined
        inner = inner.ContentSequence[0]
        inner.is_undefined_length_sequence_item = undefined
    with pytest.raises(dicom.TooDeep):
        dicom.scan(BytesIO(dicom.encoded(dataset)))


def test_more_elements_than_allowed_are_refused(real_file):
    with pytest.raises(dicom.OverLimit):
        dicom.scan(real_file("CT_small.dcm"), dicom.Limits(elements=20))


def test_a_deflated_bomb_is_refused(real_file):
    with pytest.raises(dicom.OverLimit):
        dicom.scan(real_file("image_dfl.dcm"), dicom.Limits(inflated_bytes=10_000))


def test_a_stream_larger_than_allowed_is_refused(real_file):
    class Stream(BytesIO.__base__):
        inner = BytesIO(real_file("CT_small.dcm").read_bytes())
        read, seek = inner.read, inner.seek

    assert dicom.scan(Stream()).header.rows == 128
    with pytest.raises(dicom.OverLimit):
        dicom.scan(Stream(), dicom.Limits(file_bytes=1000))


def test_an_open_file_is_scanned_like_its_path(real_file):
    path = real_file("CT_small.dcm")
    with path.open("rb") as stream:
        stream.seek(77)
        assert dicom.scan(stream) == dicom.scan(path) == dicom.scan(stream)


def test_a_claim_of_gigabytes_costs_nothing(shared_data):
    started = time.perf_counter()
    try:
        dicom.scan(shared_data("dicom/broken/3gb-bulk-data-truncated"))
    except errors.InvivoError:
        pass
    assert time.perf_counter() - started < 2


def there_and_back(source):
    dataset = dicom.read_dataset(source)
    dicom.faults(dataset)
    dicom.json_of(dicom.dataset_of(dicom.json_of(dataset)))


def only_our_errors(content):
    started = time.perf_counter()
    for verb in (dicom.read_header, dicom.scan, dicom.read_dicomdir, dicom.thumbnail, there_and_back):
        try:
            verb(BytesIO(content))
        except errors.InvivoError as error:
            assert error.message
    assert time.perf_counter() - started < 10


@FEW
@given(content=st.binary(max_size=400), start=st.sampled_from([b"", b"\0" * 128 + b"DICM", b"\x08\0\x16\0UI"]))
def test_random_bytes_raise_only_our_errors(content, start):
    only_our_errors(start + content)


@FEW
@given(data=st.data())
def test_damaged_real_files_raise_only_our_errors(real_file, data):
    content = bytearray(real_file(data.draw(st.sampled_from(SMALL_FILES))).read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, min(len(content), 6000) - 1))
        content[place] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFE, 0xFF, 0x5C, 0x20]))
    cut = data.draw(st.integers(0, len(content)))
    only_our_errors(bytes(content[: cut or None]))


@FEW
@given(data=st.data())
def test_spliced_real_files_raise_only_our_errors(real_file, data):
    one, other = (real_file(data.draw(st.sampled_from(SMALL_FILES))).read_bytes() for _ in range(2))
    at, source = data.draw(st.integers(132, 4000)), data.draw(st.integers(132, 4000))
    only_our_errors(one[:at] + other[source : source + data.draw(st.integers(1, 500))] + one[at:])


def test_every_shared_file_is_read_or_refused_by_name(shared_file):
    for verb in (dicom.read_header, dicom.scan):
        try:
            verb(shared_file)
        except errors.InvivoError as error:
            assert str(shared_file) not in error.message


def test_a_file_of_text_is_not_dicom(shared_data):
    with pytest.raises(dicom.NotDicom):
        dicom.scan(shared_data("text/2017-06-27-XSSInjection.txt"))


def test_scans_in_many_threads_agree(real_file):
    paths = [real_file(name) for name in ("CT_small.dcm", "MR_small_bigendian.dcm", "test-SR.dcm")] * 20
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(dicom.scan, paths))
    assert all(one == found[number % 3] for number, one in enumerate(found))
