"""Reading the identity of an object."""

from io import BytesIO, RawIOBase

import pydicom
import pytest

from invivo import dicom, errors


class Watched(RawIOBase):
    """A stream that counts what is read of it."""

    def __init__(self, content):
        self.inner = BytesIO(content)
        self.taken = 0

    def read(self, count=-1):
        part = self.inner.read(count)
        self.taken += len(part)
        return part

    def seek(self, offset, whence=0):
        return self.inner.seek(offset, whence)


def changed(path, **attributes):
    dataset = pydicom.dcmread(path)
    for keyword, value in attributes.items():
        if value is None:
            del dataset[keyword]
        else:
            setattr(dataset, keyword, value)
    return BytesIO(dicom.encoded(dataset))


def test_the_header_is_that_of_pydicom(bundled_file):
    try:
        header = dicom.read_header(bundled_file)
    except errors.InvivoError:
        return
    dataset = pydicom.dcmread(bundled_file, force=True)
    if not dataset:
        return  # pydicom gives up a whole data set whose pixel data ends early
    assert header.sop_instance_uid == dataset.SOPInstanceUID
    assert header.series_uid == dataset.SeriesInstanceUID
    assert (header.rows, header.columns) == (dataset.get("Rows"), dataset.get("Columns"))
    assert header.patient_id == (dataset.get("PatientID") or "")
    assert header.instance_number == dataset.get("InstanceNumber")
    pixels = any(keyword in dataset for keyword in ("PixelData", "FloatPixelData", "DoubleFloatPixelData"))
    assert header.has_pixels == pixels


def test_the_header_is_that_of_the_scan(bundled_file):
    try:
        found = dicom.scan(bundled_file)
    except errors.InvivoError:
        return
    assert dicom.read_header(bundled_file) == found.header


def test_the_text_form_shows_no_patient(real_file):
    header = dicom.read_header(real_file("CT_small.dcm"))
    assert header.patient_id
    assert header.patient_id not in repr(header)


def test_a_patient_id_is_decoded_by_its_character_set(real_file):
    source = changed(real_file("CT_small.dcm"), SpecificCharacterSet="ISO_IR 144", PatientID="Люкceмбypг")
    assert dicom.read_header(source).patient_id == "Люкceмбypг"


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID"])
def test_an_object_without_an_identity_is_damaged_and_says_which(real_file, keyword):
    with pytest.raises(dicom.Damaged, match=keyword):
        dicom.read_header(changed(real_file("CT_small.dcm"), **{keyword: None}))


@pytest.mark.parametrize("uid", ["../../etc/passwd", "1.2.3/4", "1..2", "1." + "2" * 70, "1.2.a"])
def test_a_uid_that_is_none_is_refused_and_not_repeated(real_file, uid):
    with pytest.raises(dicom.Damaged, match="StudyInstanceUID") as caught:
        dicom.read_header(changed(real_file("CT_small.dcm"), StudyInstanceUID=uid))
    assert uid not in caught.value.message


def test_pixels_of_a_stream_are_not_read(real_file):
    dataset = pydicom.dcmread(real_file("CT_small.dcm"))
    dataset.PixelData = bytes(8 << 20)
    stream = Watched(dicom.encoded(dataset))
    assert dicom.read_header(stream).has_pixels
    assert stream.taken <= 256 << 10


def test_a_long_header_of_a_stream_is_read_in_growing_parts(real_file):
    dataset = pydicom.dcmread(real_file("CT_small.dcm"))
    dataset.add_new(0x00091001, "OB", bytes(1 << 20))
    assert dicom.read_header(Watched(dicom.encoded(dataset))).rows == 128


def test_a_dicomdir_is_told_apart_from_an_object(real_file):
    with pytest.raises(dicom.MediaDirectory):
        dicom.read_header(real_file("DICOMDIR"))


@pytest.mark.parametrize("content", [b"", b"\x08\x00", b"PK\x03\x04" + bytes(500), b"\x08\x00\x05\x00CS" + bytes(300)])
def test_other_bytes_are_not_dicom(content):
    with pytest.raises(dicom.NotDicom):
        dicom.read_header(BytesIO(content))


def test_an_object_without_preamble_is_read_if_it_has_sop_uids(real_file):
    with_preamble = real_file("CT_small.dcm")
    content = with_preamble.read_bytes()
    assert dicom.read_header(BytesIO(content[132:])) == dicom.read_header(with_preamble)


def test_an_empty_file_is_not_dicom(tmp_path):
    path = tmp_path / "empty"
    path.touch()
    with pytest.raises(dicom.NotDicom):
        dicom.read_header(path)


def test_an_error_never_names_a_value_of_the_patient(real_file):
    content = real_file("CT_small.dcm").read_bytes()
    patient = pydicom.dcmread(real_file("CT_small.dcm")).PatientID
    for cut in range(200, 3000, 97):
        try:
            dicom.scan(BytesIO(content[:cut]))
        except errors.InvivoError as error:
            assert patient not in error.message
