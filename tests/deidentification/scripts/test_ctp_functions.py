"""CTP functions: the test vectors of the facts, what absent elements give, and what is refused."""

from hashlib import md5

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from invivo.deidentification import CannotDeidentify
from invivo.deidentification.scripts import (
    Applied,
    Lookup,
    MemoryNumbers,
    ScriptRefused,
    apply,
    load_script,
    read_lookup,
)

HASHED = int.from_bytes(md5(b"[Bonn]A1b2").digest(), "big")
NOW = {"now": "2024-03-05T06:07:08"}


def script_of(rule: str, tag: str = "00100020", more: str = "") -> str:
    rule = rule.replace("&", "&amp;").replace("<", "&lt;")
    return f'<script>{more}<e en="T" t="{tag}" n="x">{rule}</e></script>'


def run(rule: str, dataset: Dataset, tag: str = "00100020", *, more: str = "", lookup: Lookup | None = None) -> Applied:
    script = load_script(script_of(rule, tag, more), lookup=lookup)
    return apply(script, dataset, numbers=MemoryNumbers(), variables=NOW)


def value(
    rule: str, tag: str = "00100020", *, more: str = "", lookup: Lookup | None = None, **values: object
) -> object:
    dataset = Dataset()
    for keyword, content in values.items():
        setattr(dataset, keyword, content)
    new = run(rule, dataset, tag, more=more, lookup=lookup).dataset
    number = int(tag, 16)
    if number not in new:
        return None
    content = new[number].value
    return list(content) if isinstance(content, list) or hasattr(content, "append") else str(content or "")


@pytest.mark.parametrize(
    ("rule", "tag", "values", "expected"),
    [
        ("@hash(PatientID)", "00100020", {"PatientID": "12345"}, "173447602773428053556316684567667297915"),
        ("@hash(PatientID,6)", "00100020", {"PatientID": "12345"}, "173447"),
        (
            "@hashuid(1.2.826,this)",
            "00080018",
            {"SOPInstanceUID": "1.2.3.4"},
            "1.2.826.133452017418128156145788163593446716929",
        ),
        ("@incrementdate(this,-10)", "00080020", {"StudyDate": "20200105"}, "20191226"),
        (
            "@incrementdate(this,-10)",
            "00080022",
            {"AcquisitionDate": ["20200105", "20200203"]},
            ["20191226", "20200124"],
        ),
        ("@incrementdate(this,1)", "0008002A", {"AcquisitionDateTime": "20200228101500.5"}, "20200229101500.5"),
        ("@modifydate(this,*,1,1)", "00100030", {"PatientBirthDate": "19610312"}, "19610101"),
        ("@round(this,5)", "00101010", {"PatientAge": "058Y"}, "060Y"),
        ("@initials(this)", "00100010", {"PatientName": "Doe^Jane^Q"}, "JQD"),
        ("@truncate(this,-4)", "00100020", {"PatientID": "ABC123456"}, "3456"),
        ('@contents(this,"[0-9]+","#")', "00100020", {"PatientID": "A12B3"}, "A#B#"),
        ('@if(PatientSex,equals,"m"){1}{2}', "00100020", {"PatientSex": "M", "PatientID": "x"}, "1"),
        ("@pathelement(this,-1)", "00100020", {"PatientID": "a/b/c"}, "c"),
    ],
)
def test_the_vectors_of_the_facts_hold(rule: str, tag: str, values: dict[str, object], expected: object) -> None:
    assert value(rule, tag, **values) == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("@empty()", ""),
        ("", ""),
        ("@value(StudyID,none)", "none"),
        ("@value(StudyID)", ""),
        ('@contents(this,"([A-Z])(\\d)","$2$1")', "1Ab2"),
        ("@contents(this)", "A1b2"),
        ("@lowercase(this)", "a1b2"),
        ("@uppercase(this)", "A1B2"),
        ("@pathelement(this,7)", "A1b2"),
        ("@truncate(this,2)", "A1"),
        ("@append(){new}", ["A1b2", "new"]),
        ("@require()", "A1b2"),
        ("x-@param(@SITE)-\\@", "x-Bonn-@"),
        ("@if(this,exists){yes}{no}", "yes"),
        ("@if(StudyID,isblank){yes}{no}", "yes"),
        ('@if(this,matches,"[A-Z]\\d"){yes}{no}', "no"),
        ("@if(this,contains,B2){@if(this,greaterthan,11){more}{less}}{no}", "more"),
        ("@select(){root}{item}", "root"),
        ("@date(-)", "2024-03-05"),
        ("@time(:)", "06:07:08"),
        ("@integer(this,pt,4)", "0001"),
        ("@initials(this,1)", "B"),
        ("@if(this,matches,[A-Z].*){@hashptid(@SITE,this,5)}{no}", str(HASHED)[:5]),
        ("@decrypt(PatientComments,secret)", "A1b2"),
    ],
)
def test_functions_give_what_they_say(rule: str, expected: object) -> None:
    comments = value("@encrypt(this,secret)", PatientID="A1b2")
    found = value(rule, PatientID="A1b2", PatientComments=comments, more='<p t="SITE">Bonn</p>')
    assert found == expected


def test_a_name_hashes_alike_however_it_is_written() -> None:
    first = value("@hashname(PatientName,6,2)", PatientName="O'Neil^Mary Ann^X", PatientID="1")
    assert first == value("@hashname(PatientName,6,2)", PatientName="ONEIL^MARYANN^Y", PatientID="1")


@pytest.mark.parametrize("rule", ["@hash(StudyID)", "@hashuid(1.2,StudyID)", "@hashdate(StudyDate,PatientID)"])
def test_a_hash_of_nothing_removes(rule: str) -> None:
    assert value(rule, PatientID="1") is None


def test_a_date_that_is_too_short_becomes_empty() -> None:
    assert value("@incrementdate(this,1)", "00080020", StudyDate="2020") == ""


def test_hashdate_goes_back_the_same_days_for_the_same_subject() -> None:
    first = value("@hashdate(this,PatientID)", "00080020", StudyDate="20200110", PatientID="7")
    second = value("@hashdate(this,PatientID)", "00080020", StudyDate="20200111", PatientID="7")
    assert isinstance(first, str) and isinstance(second, str)
    assert first < second < "20200111"


def test_always_creates_what_is_missing_and_nothing_else_does() -> None:
    more = '<e en="T" t="00120010">@always()Sponsor</e><e en="T" t="00120020">Protocol</e>'
    new = run("x", Dataset(), more=more).dataset
    assert new.ClinicalTrialSponsorName == "Sponsor"
    assert "ClinicalTrialProtocolID" not in new and "PatientID" not in new


def test_a_private_element_is_written_by_its_creator() -> None:
    more = '<e en="T" t="0013[CTP]10" n="Project">@always()LUNG</e><e en="T" t="00081030">@value(Project,none)</e>'
    dataset = Dataset()
    dataset.StudyDescription = "d"
    new = run("x", dataset, more=more).dataset
    assert (new[0x00130010].value, new[0x00131010].value) == ("CTP", "LUNG")
    assert new.StudyDescription == "none"


def test_a_lookup_follows_indirections_and_joins_keys() -> None:
    lookup = read_lookup("ptid/1234=@all/x\nall/x=SUBJ-01\nptid/a\\ b|c=SUBJ-02\n")
    assert value("@lookup(this,ptid)", lookup=lookup, PatientID="1234") == "SUBJ-01"
    found = value("@lookup(PatientID|StudyID,ptid)", lookup=lookup, PatientID="a b", StudyID="c")
    assert found == "SUBJ-02"


@pytest.mark.parametrize(
    ("action", "expected"),
    [("keep", "9"), ("remove", None), ("empty", ""), ("default,other", "other"), ('ignore,"[0-9]"', "9")],
)
def test_a_missing_key_does_what_the_action_says(action: str, expected: object) -> None:
    assert value(f"@lookup(this,ptid,{action})", lookup=Lookup(), PatientID="9") == expected


def test_a_missing_key_without_action_stops_the_object_without_telling_it() -> None:
    with pytest.raises(CannotDeidentify) as caught:
        value("@lookup(this,ptid)", lookup=Lookup(), PatientID="Zx81726")
    assert caught.value.kind == "deidentification.script-lookup"
    assert "Zx81726" not in str(caught.value)


def test_a_date_interval_counts_from_the_table() -> None:
    lookup = read_lookup("base/7=1/31/2020\ninc/7=-3")
    values = {"StudyDate": "20200205", "PatientID": "7"}
    assert value("@dateinterval(StudyDate,base,PatientID)", lookup=lookup, **values) == "5"
    assert value("@dateinterval(this,base,PatientID,20000101)", "00080020", lookup=lookup, **values) == "20000106"
    assert value("@incrementdate(this,PatientID,inc)", "00080020", lookup=lookup, **values) == "20200202"


def test_running_numbers_last_and_their_state_can_be_taken_along() -> None:
    script = load_script(script_of("@integer(this,pt,3)"))
    numbers, found = MemoryNumbers(), []
    for patient in ("b", "a", "b"):
        dataset = Dataset()
        dataset.PatientID = patient
        found.append(apply(script, dataset, numbers=numbers).dataset.PatientID)
        numbers = MemoryNumbers(numbers.state())
    assert found == ["001", "002", "001"]


def test_running_numbers_without_a_place_to_keep_them_stop_the_object() -> None:
    dataset = Dataset()
    dataset.PatientID = "1"
    with pytest.raises(CannotDeidentify):
        apply(load_script(script_of("@integer(this,pt,3)")), dataset)


def test_quarantine_stops_and_skip_is_told() -> None:
    with pytest.raises(CannotDeidentify) as caught:
        value("@quarantine()", PatientID="1")
    assert caught.value.kind == "deidentification.script-quarantine"
    dataset = Dataset()
    dataset.PatientID = "1"
    assert run("@if(PatientID,equals,1){@skip()}{x}", dataset).outcome == "skipped"


def test_a_value_of_the_object_is_never_taken_for_a_decision() -> None:
    """CTP reads the result of a rule as text, so an object could keep an element by its values."""
    dataset = Dataset()
    dataset.PatientID, dataset.StudyID = "secret", "@keep()"
    assert run("@value(StudyID)", dataset).dataset.PatientID == "@keep()"


def test_numbers_are_written_as_numbers_and_text_into_them_is_refused() -> None:
    dataset = Dataset()
    dataset.Rows = 7
    assert run("12", dataset, "00280010").dataset.Rows == 12
    with pytest.raises(CannotDeidentify):
        run("twelve", dataset, "00280010")


def test_method_codes_are_appended_and_reset() -> None:
    item = Dataset()
    item.CodeValue = "113109"
    dataset = Dataset()
    dataset.DeidentificationMethodCodeSequence = Sequence([item])
    codes = [each.CodeValue for each in run("113100/113105", dataset, "00120064").dataset[0x00120064].value]
    assert codes == ["113109", "113100", "113105"]
    codes = [each.CodeValue for each in run("reset/113100", dataset, "00120064").dataset[0x00120064].value]
    assert codes == ["113100"]


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("@foo()", "unknown function @foo"),
        ("@Remove()", "it is written @remove"),
        ("@remove", "starts no function"),
        ("@remove(", "no closing parenthesis"),
        ("@hash()", "takes 1 to 2 arguments"),
        ("@remove(1)", "takes 0 arguments"),
        ("@hash(PatientNamme)", "no known element"),
        ("@param(@NOPE)", "unknown parameter"),
        ("@incrementdate(this,@NOPE)", "unknown parameter"),
        ("@incrementdate(this,many)", "no whole number"),
        ('@contents(this,"(a+)+")', "repeats a repetition"),
        ('@contents(this,"a","$1")', "names a group"),
        ("@if(this,resembles,x){a}{b}", "unknown condition"),
        ("@if(this,exists)", "needs a clause"),
        ("@if(this,exists){a", "no closing brace"),
        ("@call(plugin,x)", "Java extension"),
        ("@lookup(this,ptid)", "no lookup table"),
        ("@hashuid(x,this)", "no root"),
        ("x@always()", "very beginning"),
        ("@process()", "only for sequences"),
        ("@lookup(this,ptid,guess)", "no lookup table"),
    ],
)
def test_what_is_not_understood_is_refused_at_load(rule: str, reason: str) -> None:
    with pytest.raises(ScriptRefused, match=r"Line 1, column \d+: ") as caught:
        load_script(script_of(rule))
    assert reason in caught.value.reason
    assert caught.value.code == "deidentification.script-refused"
