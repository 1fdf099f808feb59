"""The files a DICOMDIR lists."""

from io import BytesIO

import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset

from invivo import dicom


def directory(*references):
    dataset = Dataset()
    dataset.DirectoryRecordSequence = []
    for reference in references:
        record = Dataset()
        record.DirectoryRecordType = "IMAGE"
        record.add_new(0x00041500, "CS", reference)
        dataset.DirectoryRecordSequence.append(record)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    buffer = BytesIO()
    pydicom.dcmwrite(buffer, dataset)
    return BytesIO(buffer.getvalue())


@pytest.mark.parametrize("name", ["DICOMDIR", "DICOMDIR-implicit", "DICOMDIR-bigEnd", "DICOMDIR-nooffset"])
def test_the_files_of_a_real_dicomdir_are_there(real_file, name):
    path = real_file(name)
    listed = dicom.read_dicomdir(path)
    assert len(listed) == 31
    assert all((path.parent / one).is_file() for one in listed)


@pytest.mark.parametrize(
    "reference", [["..", "A"], [".", "A"], ["A", "..", "B"], "/etc/passwd", "C:X", ["A/B"], ["A", ""], ["..."]]
)
def test_a_reference_out_of_the_folder_is_refused(reference):
    with pytest.raises(dicom.Damaged):
        dicom.read_dicomdir(directory("GOOD", reference))


def test_a_record_without_a_file_lists_none():
    assert [str(path) for path in dicom.read_dicomdir(directory("", ["A", "B"], ["A", "B"]))] == ["A/B"]


def test_an_image_is_no_dicomdir(real_file):
    with pytest.raises(dicom.Damaged):
        dicom.read_dicomdir(real_file("CT_small.dcm"))
