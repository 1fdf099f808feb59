"""Names where nobody looks for them: in other character sets, as codes, in other objects of the patient."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from invivo import deidentification
from invivo.deidentification import Mapping, profile_named

TCIA = profile_named("tcia")
Make = Callable[..., Dataset]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "gb18030", "shift_jis", "iso8859-5", "euc_kr"])
def test_a_name_in_an_undeclared_character_set_is_found_in_free_text(
    ct: Make, written: Callable[..., bytes], mapping: Mapping, encoding: str
) -> None:
    names = {"iso8859-5": "Иванова", "gb18030": "诸葛", "shift_jis": "山田", "euc_kr": "남궁"}
    name = names.get(encoding, "Lefèvre")
    ds = ct()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName = f"{name}^Anna"
    ds.PatientComments = "x"
    value = name.encode(encoding)
    value += b" " * (len(value) % 2)
    plain = b"\x10\x00\x00\x40LT\x02\x00x "
    source = written(ds)
    assert plain in source
    source = source.replace(plain, plain[:6] + len(value).to_bytes(2, "little") + value)
    output = BytesIO()
    report = deidentification.deidentify_file(source, output, TCIA, mapping)
    assert report.leftovers == () and name.encode(encoding) not in output.getvalue()


def test_a_name_as_a_code_string_goes_even_if_it_is_a_common_word(ct: Make, passage: Any, mapping: Mapping) -> None:
    ds = ct()
    ds.PatientName, ds.ScanOptions = "White^Ann", "WHITE"
    _, fresh, _ = passage.through(ds, TCIA, mapping)
    assert "WHITE" not in str(fresh.get("ScanOptions", ""))


def test_a_word_in_the_number_of_a_case_is_no_name(ct: Make, passage: Any, mapping: Mapping) -> None:
    ds = ct()
    ds.PatientName, ds.BodyPartExamined = "PANCREAS_0001", "PANCREAS"
    _, fresh, _ = passage.through(ds, TCIA, mapping)
    assert fresh.BodyPartExamined == "PANCREAS"


def test_what_identifies_a_patient_in_another_object_goes_here_too(
    ct: Make, written: Callable[..., bytes], mapping: Mapping
) -> None:
    ds = ct()
    ds.SeriesDescription = "Chest of Zerbinetta"
    known = (deidentification.Trace("another object", "name", "Kowalczyk^Zerbinetta"),)
    output = BytesIO()
    report = deidentification.deidentify_file(written(ds), output, TCIA, mapping, known)
    assert dcmread(BytesIO(output.getvalue())).SeriesDescription == "Chest of"
    assert report.leftovers == ()


def test_an_issuer_that_stands_in_some_objects_only_makes_no_second_patient(
    ct: Make, passage: Any, mapping: Mapping
) -> None:
    with_issuer, without = ct(), ct()
    with_issuer.IssuerOfPatientID = "HOSP"
    labels = {passage.through(ds, TCIA, mapping)[1].PatientID for ds in (with_issuer, without)}
    assert len(labels) == 1
    strict = Mapping(b"a secret of 32 bytes for the tests", "T-", "p", by_issuer=True)
    assert strict.subject_label("1", "A") != strict.subject_label("1", "B")
