"""Loading and applying: kinds, versions, hostile text, real files."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.data import get_charset_files, get_testdata_file
from pydicom.dataset import Dataset

from invivo.deidentification import CannotDeidentify
from invivo.deidentification.scripts import (
    ScriptRefused,
    apply,
    load_filter,
    load_pixel_script,
    load_script,
    read_lookup,
)
from tests.deidentification.conftest import bytes_of, make_ct

CTP = """<script>
<p t="DATEINC">-1000</p>
<e en="T" t="00100010" n="PatientName">@always()anon</e>
<e en="T" t="00100020" n="PatientID">@hash(this,10)</e>
<e en="T" t="00100030" n="PatientBirthDate">@empty()</e>
<e en="T" t="00080020" n="StudyDate">@incrementdate(this,@DATEINC)</e>
<e en="T" t="00080018" n="SOPInstanceUID">@hashuid(1.2.3,this)</e>
<e en="T" t="00081155" n="RefSOPInstanceUID">@hashuid(1.2.3,this)</e>
<r en="T" t="privategroups"/><r en="T" t="curves"/><r en="T" t="overlays"/>
</script>"""
EDIT = 'version "6.3"\n- */(0010,0010)\n(0010,0020) := "x"\nhashUIDList[*/(0008,0018), */(0008,1155)]\nremoveAllPrivateTags\n'
NAMES = ["CT_small.dcm", "MR_small.dcm", "rtplan.dcm", "reportsi.dcm", "ExplVR_BigEnd.dcm", "MR_small_implicit.dcm",
         "nested_priv_SQ.dcm", "UN_sequence.dcm", "waveform_ecg.dcm", "JPEG2000.dcm", "test-SR.dcm", "liver_1frame.dcm",
         "priv_SQ.dcm", "no_meta.dcm", "image_dfl.dcm", "examples_overlay.dcm", "examples_ybr_color.dcm"]  # fmt: skip


def real_files() -> list[Path]:
    found = [get_testdata_file(name, download=False) for name in NAMES]
    charsets = [*get_charset_files("chrH*.dcm"), *get_charset_files("chrX*.dcm"), *get_charset_files("chrF*.dcm")]
    return [Path(str(path)) for path in (*found, *charsets) if path]


@pytest.mark.parametrize("text", [CTP, EDIT], ids=["ctp", "dicomedit"])
@pytest.mark.parametrize("path", real_files(), ids=lambda path: path.name)
def test_real_files_are_cleaned_and_can_be_written(text: str, path: Path) -> None:
    source = dcmread(path, force=True)
    before = source.to_json_dict() if "PixelData" not in source and "WaveformSequence" not in source else None
    new = apply(load_script(text), source).dataset
    meta = getattr(source, "file_meta", Dataset())
    new.setdefault("SOPClassUID", "1.2.840.10008.5.1.4.1.1.2")
    new.setdefault("SOPInstanceUID", "1.2.3")
    assert bytes_of(new, str(meta.get("TransferSyntaxUID", "1.2.840.10008.1.2")), preamble=b"")
    names = {str(element.value) for element in new.iterall() if element.tag == 0x00100010}
    assert names <= {"anon"}
    assert not any(element.tag.is_private for element in new.iterall())
    assert before is None or source.to_json_dict() == before


def test_japanese_names_are_read_and_written_in_their_own_character_set() -> None:
    source = dcmread(get_charset_files("chrH31.dcm")[0])
    script = load_script('<script><e en="T" t="00100010" n="n">@contents(this)</e></script>')
    assert str(apply(script, source).dataset.PatientName) == str(source.PatientName)


def test_the_kind_is_told_from_the_text() -> None:
    assert load_script(CTP).kind == "ctp"
    assert load_script("set.[0010,0010]N=@remove()").kind == "ctp"
    assert load_script(EDIT).kind == "dicomedit6"
    assert load_script("- (0010,0010)").kind == "dicomedit4"
    with pytest.raises(ScriptRefused):
        load_script(EDIT, kind="perl")


def test_the_version_is_the_digest_of_the_text() -> None:
    assert load_script(EDIT).digest == load_script(EDIT.encode()).digest != load_script(EDIT + "\n").digest
    assert load_script(EDIT).digest[:12] in load_script(EDIT).title


def test_a_script_that_keeps_identifiers_warns() -> None:
    text = '<script><e en="T" t="00100010" n="n">@keep()</e></script>'
    said = " ".join(warned.text for warned in load_script(text).warnings)
    assert "keeps PatientName" in said and "no rule for PatientID" in said and "stay as they are" in said


@pytest.mark.parametrize(
    "text",
    ["", b"\xff\xfe", "x" * 5_000_000, "<script>" + '<e en="T" t="00100010">x</e>' * 20_001 + "</script>", "a\0b",
     '<script><e en="T" t="00100010">' + "@if(this,exists){" * 500 + "</e></script>",
     'version "6.6"\n' + "(0010,0010) := " + "lowercase[" * 3000,
     'version "6.6"\n' + "if (true[]) {\n" * 3000],
    ids=["empty", "no text", "large", "many", "nul", "nested clauses", "nested calls", "nested blocks"],
)  # fmt: skip
def test_hostile_text_is_refused(text: str | bytes) -> None:
    with pytest.raises(ScriptRefused):
        load_script(text)


PIECES = st.lists(
    st.sampled_from(
        ["<script>", "</script>", '<e en="T" t="00100010">', "</e>", "@if(", "this", ",", ")", "{", "}", "@remove()", '"',
         "\\", "version ", '"6.6"', "\n", "(0010,0010)", ":=", "?", "- ", "*/", "[", "]", "if ", "lowercase", "{0}", "~",
         "set.[0010,0010]x=", "@lookup(", "|", "Modality", ".equals(", "(1,2,3,4)", "true", "!", "+", "&", "e", "0"]
    ),
    max_size=30,
).map("".join)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=60), PIECES))
def test_no_text_makes_a_loader_fail_otherwise_than_by_refusing(text: str) -> None:
    for kind in (None, "ctp", "dicomedit6", "dicomedit4"):
        try:
            load_script(text, kind=kind)
        except ScriptRefused as refused:
            assert refused.line >= 1 and refused.column >= 1
    for load in (load_filter, load_pixel_script, read_lookup):
        try:
            load(text)
        except ScriptRefused as refused:
            assert refused.line >= 1 and refused.column >= 1


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=120), PIECES)
def test_no_bytes_make_a_loader_fail_otherwise(raw: bytes, tail: str) -> None:
    for text in (
        raw,
        b'<?xml version="1.0" encoding="iso-8859-1"?>' + tail.encode(),
        b'version "6.6"\n' + tail.encode(),
    ):
        try:
            load_script(text)
        except ScriptRefused as refused:
            assert refused.line >= 1 and refused.column >= 1


def test_an_unknown_variable_of_the_host_stops_the_object() -> None:
    script = load_script('version "6.6"\n(0010,0010) := subject')
    with pytest.raises(CannotDeidentify) as caught:
        apply(script, make_ct())
    assert caught.value.kind == "deidentification.script-variable"
