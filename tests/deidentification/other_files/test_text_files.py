import json
from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from invivo.deidentification import CannotDeidentify, Mapping, Trace
from invivo.deidentification.other_files import CleanedOther, clean_other

Clean = Callable[..., CleanedOther]
UID = "1.2.826.0.1.3680043.8.499.7.1"
SIDECAR = {
    "PatientName": "Kowalczyk^Bronisława",
    "PatientID": "ZX9081726",
    "PatientBirthDate": "1943-08-17",
    "PatientAge": "093Y",
    "AcquisitionDateTime": "2020-03-01T10:15:30.5",
    "InstitutionName": "Szpital Wrzeszcz",
    "SeriesInstanceUID": UID,
    "SeriesDescription": "T1 head Kowalczyk",
    "RepetitionTime": 2.3,
    "EchoTime": 0.00298,
    "SliceTiming": [0, 1.2, 0.05],
    "ConversionSoftwareVersion": "v1.0.20220720",
    "Mrn": 123456789,
    "IsDerived": False,
    "nested": {"notes": [{"text": "spoke to Bronislawa Kowalczyk on 2020-03-02"}]},
}
AIM = f"""<?xml version="1.0" encoding="UTF-8"?>
<!-- Kowalczyk -->
<ImageAnnotation xmlns="gme://caCORE.caCORE/4.4/edu.northwestern.radiology.AIM" xmlns:rdf="http://www.w3.org/1999/rdf">
  <dateTime value="2020-03-01T10:00:00"/>
  <user><name value="Zwingli Ottokar"/><loginName value="zottokar"/></user>
  <person><name value="Kowalczyk^Bronis&#x142;awa"/><id value="ZX9081726"/><birthDate value="1943-08-17T00:00:00"/></person>
  <comment value="lesion of Kowalczyk, 12 mm"/>
  <name value="Lesion"/>
  <instanceUid root="{UID}"/>
  <rdf:x y="12.5">stable lesion &lt; 5 mm</rdf:x>
</ImageAnnotation>""".encode()


@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_a_sidecar_is_cleaned_by_its_keys(
    clean: Clean, mapping: Mapping, nothing_left: Callable[..., None], indent: int | str | None
) -> None:
    cleaned = clean(json.dumps(SIDECAR, indent=indent).encode(), "sidecar.json")
    nothing_left(cleaned.output, UID, "2020-03-0", "123456789")
    new = json.loads(cleaned.output)
    assert list(new) == list(SIDECAR)
    assert new["PatientID"] == mapping.subject_label("ZX9081726")
    assert new["SeriesInstanceUID"] == mapping.uid(UID)
    assert (new["PatientAge"], new["AcquisitionDateTime"]) == ("090Y", "2019-11-22T10:15:30.5")
    assert new["SeriesDescription"] == "T1 head"
    for key in ("RepetitionTime", "EchoTime", "SliceTiming", "ConversionSoftwareVersion", "IsDerived"):
        assert new[key] == SIDECAR[key]
    assert cleaned.leftovers == ()
    assert cleaned.name == "sidecar.json"


def test_the_dicom_model_in_json_is_refused(clean: Clean) -> None:
    with pytest.raises(CannotDeidentify):
        clean(b'{"00100010": {"vr": "PN", "Value": [{"Alphabetic": "Kowalczyk"}]}}')


def test_json_that_is_nested_without_end_is_refused(clean: Clean) -> None:
    for depth in (150, 100_000):
        with pytest.raises(CannotDeidentify):
            clean(b"[" * depth + b"]" * depth)


def test_annotations_are_cleaned_and_their_numbers_stay(
    clean: Clean, mapping: Mapping, nothing_left: Callable[..., None]
) -> None:
    cleaned = clean(AIM)
    nothing_left(cleaned.output, "Zwingli", "zottokar", "Ottokar", UID, "2020-03-01")
    tree = ElementTree.fromstring(cleaned.output)
    found = {child.tag.rsplit("}")[-1]: child for child in tree}
    assert found["instanceUid"].get("root") == mapping.uid(UID)
    assert found["dateTime"].get("value", "").startswith("2019-11-22")
    assert found["comment"].get("value") == "lesion of 12 mm"
    assert found["name"].get("value") == "Lesion"
    assert (found["x"].get("y"), found["x"].text) == ("12.5", "stable lesion < 5 mm")
    assert cleaned.leftovers == ()


@pytest.mark.parametrize(
    "content",
    [
        b'<!DOCTYPE a [<!ENTITY b "Kowalczyk">]><a>&b;</a>',
        b"<Kowalczyk>1</Kowalczyk>",
        b"<a><b></a>",
        b"<a>" * 5000 + b"</a>" * 5000,
    ],
)
def test_xml_that_is_not_plain_is_refused(clean: Clean, content: bytes) -> None:
    with pytest.raises(CannotDeidentify):
        clean(content)


def test_a_text_keeps_its_lines_and_its_medicine(clean: Clean, nothing_left: Callable[..., None]) -> None:
    text = "# Report\r\n\r\n- Bronisława Kowalczyk (ZX9081726)\r\n- Parkinson disease, no Baker cyst\r\n- seen 2020-03-01\r\n"
    cleaned = clean(text.encode())
    nothing_left(cleaned.output)
    new = cleaned.output.decode()
    assert new.count("\r\n") == text.count("\r\n")
    assert "- Parkinson disease, no Baker cyst" in new
    assert "2019-11-22" in new
    assert "# Report" in new


def test_a_text_of_nobody_known_is_held(mapping: Mapping) -> None:
    cleaned = clean_other("notes.txt", b"The lesion is stable.", known=(), mapping=mapping, shift_days=None)
    assert [doubt.severity for doubt in cleaned.doubts] == ["hold"]
    assert cleaned.output == b"The lesion is stable."


def test_gradients_of_a_diffusion_scan_stay_as_they_are(clean: Clean) -> None:
    content = b"0 1000 700 700 1000\n0.70710678 -0.5 .25 1e-07 0\n"
    assert clean(content).output == content


@pytest.mark.parametrize("text", ["Kowalczyk &amp; Bronis&#322;awa", "visit %4Bowalczyk", "\\u004bowalczyk came"])
def test_names_behind_codes_are_found(clean: Clean, text: str) -> None:
    new = clean(text.encode()).output.decode()
    assert "owalczyk" not in new
    assert "322" not in new


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"PK\x03\x04" + bytes(100), "archive"),
        (bytes(128) + b"DICM" + bytes(100), "is-dicom"),
        (b"%PDF-1.4\n/Info /JavaScript %%EOF %%EOF", "document"),
        (bytes(range(256)), "unknown-kind"),
        (b"RIFF\x10\0\0\0WAVE" + bytes(100), "unknown-kind"),
    ],
)
def test_what_is_not_understood_is_refused_with_a_reason(clean: Clean, content: bytes, code: str) -> None:
    with pytest.raises(CannotDeidentify) as refused:
        clean(content)
    assert refused.value.kind == f"deidentification.{code}"


def test_the_reason_for_a_pdf_names_what_is_in_it(clean: Clean) -> None:
    with pytest.raises(CannotDeidentify, match="metadata, scripts, earlier revisions"):
        clean(b"%PDF-1.4\n/Info /JavaScript %%EOF %%EOF")


@pytest.mark.parametrize(
    ("name", "is_kept"),
    [
        ("participants.tsv", True),
        ("dataset_description.json", True),
        ("sub-01_task-rest_bold.json", True),
        ("Kowalczyk.csv", False),
        ("kowalczykbronislawa_report.csv", False),
        ("zx9081726-report.csv", False),
        ("scan_2020-03-01.csv", False),
        ("scan_20200301.csv", False),
        ("Oberhuemer.csv", False),
        ("../../Kowalczyk/notes.csv", False),
        ("Kowalczyk", False),
        ("", False),
    ],
)
def test_a_name_stays_only_where_it_tells_of_nobody(clean: Clean, name: str, is_kept: bool) -> None:
    new = clean(b"a,b\n1,2\n", name).name
    assert (new == name) is is_kept
    assert "owalczyk" not in new.casefold()
    assert "/" not in new
    assert new
    assert not is_kept or new.rpartition(".")[2] == name.rpartition(".")[2]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.just(b""),
        st.sampled_from((b"\x1f\x8b\x08", b"\xff\xd8\xff", b"GIF89a", b"II*\0", b"BM", b"[", b"<a>", b"{")),
    ),
    st.one_of(st.binary(max_size=400), st.text(max_size=200).map(str.encode)),
)
def test_random_bytes_raise_nothing_but_refusals(clean: Clean, start: bytes, content: bytes) -> None:
    try:
        clean(start + content)
    except CannotDeidentify:
        return


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JSON, st.text(st.sampled_from("bcdfgklmnprstvwz"), min_size=6, max_size=12))
def test_a_name_planted_anywhere_in_json_is_gone_or_held(clean: Clean, tree: object, name: str) -> None:
    content = json.dumps({"a": tree, name: [f"x {name.upper()} y"], "k": {name.title(): name}}).encode()
    cleaned = clean(content, known=(Trace("PatientName", "name", name),))
    assert name.encode() not in cleaned.output.lower()
    assert cleaned.leftovers == ()


def test_labelled_lines_follow_their_rules_and_tell_names_for_the_rest(clean: Clean, mapping: Mapping) -> None:
    text = "Nachname: Oberhuemer\nMRN: QK778812\nGeburtsdatum: 3.4.1961\nDate: 2020-03-01\nPatient: stable\n\nsaw OBERHUEMER, QK778812\n"
    new = clean(text.encode()).output.decode()
    assert "oberhuemer" not in new.casefold()
    assert "QK778812" not in new
    assert "1961" not in new
    assert f"MRN: {mapping.subject_label('QK778812')}" in new
    assert "Date: 2019-11-22" in new
    assert "Patient: stable" in new


def test_markdown_that_begins_with_a_comment_is_a_text(clean: Clean, nothing_left: Callable[..., None]) -> None:
    cleaned = clean(b"<!-- of Kowalczyk -->\n# Notes & more\n")
    nothing_left(cleaned.output)
    assert cleaned.kind == "text"


@pytest.mark.parametrize(
    ("name", "part", "encoding"),
    [
        ("山田^太郎", "太郎", "shift_jis"),
        ("山田^太郎", "山田", "euc_jp"),
        ("김^희중", "희중", "euc_kr"),
        ("Иванов^Пётр", "ИВАНОВ", "cp1251"),
        ("O'Brien^Siobhan", "OBRIEN", "utf-8"),
        ("Łukasiewicz^Żaneta", "Żaneta", "iso8859-2"),
    ],
)
@pytest.mark.parametrize("form", ["report of {}\nstable\n", "roi,comment\n1,seen {} today\n", "{}"])
def test_a_name_in_undeclared_letters_is_gone_or_found_by_the_proof(
    clean: Clean, name: str, part: str, encoding: str, form: str
) -> None:
    cleaned = clean(form.format(part).encode(encoding), known=(Trace("PatientName", "name", name),))
    assert part.encode(encoding) not in cleaned.output or cleaned.leftovers
    assert part not in str(cleaned.leftovers)
