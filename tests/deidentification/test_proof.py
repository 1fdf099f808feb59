from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from invivo.deidentification import leftovers, profile_named
from invivo.deidentification.proof import _printed

Make = Callable[..., Dataset]


def blank(ct: Make) -> Dataset:
    """An object of somebody else."""
    ds = ct()
    ds.PatientName = ds.PatientID = "LUNG-1"
    ds.ReferringPhysicianName = ds.AccessionNumber = ds.PatientBirthDate = None
    for number, keyword in enumerate(
        ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
    ):
        setattr(ds, keyword, f"2.25.1234567890{number}")
    return ds


@pytest.mark.parametrize(
    ("keyword", "value", "path"),
    [
        ("StudyDescription", "ct of kowalczyk", "PatientName"),
        ("StudyDescription", "BRONISLAVA", "PatientName"),
        ("StudyDescription", "no 9 ZX9081726b", "PatientID"),
        ("ImageComments", "17.08.1943", "PatientBirthDate"),
        ("PatientBirthDate", "19430817", "PatientBirthDate"),
        ("RequestingPhysician", "Zwingli", "ReferringPhysicianName"),
        ("FrameOfReferenceUID", "1.2.826.0.1.3680043.8.499.7.100", "(0020,0052)"),
        ("PixelData", b"\1\2xx Kowalczyk ", "PatientName"),
        ("EncapsulatedDocument", b"%PDF Kowalczyk ", "PatientName"),
    ],
)
def test_what_is_left_is_named_by_its_place(ct: Make, written: Make, keyword: str, value: Any, path: str) -> None:
    output = blank(ct)
    setattr(output, keyword, value)
    assert path in leftovers(ct(), written(output, preamble=b""))


@pytest.mark.parametrize("charset", ["ISO_IR 100", "ISO_IR 192"])
def test_a_name_is_found_in_another_character_set(ct: Make, written: Make, charset: str) -> None:
    original, output = ct(), blank(ct)
    original.SpecificCharacterSet, original.PatientName = "ISO_IR 100", "Müllerová^X"
    output.SpecificCharacterSet, output.StudyDescription = charset, "MÜLLEROVÁ"
    assert leftovers(original, written(output, preamble=b"")) == ("PatientName",)


def test_nothing_is_found_in_anothers_object(ct: Make, written: Make) -> None:
    assert leftovers(ct(), written(blank(ct), preamble=b"")) == ()


def test_common_words_and_small_numbers_are_no_leftovers(ct: Make, written: Make) -> None:
    original, output = ct(), blank(ct)
    original.PatientName, original.PatientID, original.InstitutionName = "Chest^Head", "120", "Hospital"
    output.StudyDescription, output.KVP = "chest head hospital", 120
    assert leftovers(original, written(output, preamble=b"")) == ()


def test_a_name_inside_a_longer_word_is_none(ct: Make, written: Make) -> None:
    original, output = ct(), blank(ct)
    original.PatientName = "Marconi"
    output.StudyDescription = "Marconigraph"
    assert leftovers(original, written(output, preamble=b"")) == ()


def test_identities_that_a_profile_keeps_are_no_leftovers(ct: Make, written: Make) -> None:
    original, output = ct(), blank(ct)
    original.StationName = output.StationName = "SCANNER0815"
    contents = written(output, preamble=b"")
    assert leftovers(original, contents) == ("StationName",)
    assert leftovers(original, contents, profile_named("tcia")) == ()


def test_no_value_is_in_the_answer(ct: Make, written: Make) -> None:
    found = leftovers(ct(), written(ct()))
    assert {"PatientName", "PatientID", "AccessionNumber"} <= set(found)
    assert "kowalczyk" not in str(found).lower()


def test_readable_stretches_of_pixels_are_seen_to_their_ends() -> None:
    assert _printed([b"\0\0KOWALCZYK\0\0short\0", bytes(100)]) == b"kowalczyk"
    assert _printed([b"KOWALCZYK"]) == b"kowalczyk"
    assert _printed([bytes(3)]) == b""


def test_the_fresh_decode_is_of_the_output(ct: Make, written: Make) -> None:
    output = blank(ct)
    output.StudyDescription = "KOWALCZYK"
    assert dcmread(BytesIO(written(output))).StudyDescription == "KOWALCZYK"
    assert "PatientName" in leftovers(ct(), written(output, "1.2.840.10008.1.2.1.99", preamble=b""))
