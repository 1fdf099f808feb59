"""DicomEdit scripts: the language, the functions of the facts, and what is refused."""

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from invivo.deidentification import CannotDeidentify
from invivo.deidentification.scripts import (
    Applied,
    Fill,
    Lookup,
    MemoryNumbers,
    ScriptRefused,
    apply,
    load_script,
    read_lookup,
)
from tests.deidentification.conftest import make_ct, make_item

HOST = {"project": "LUNG", "subject": "SUBJ-1", "session": "SESS-1"}


def run(body: str, dataset: Dataset | None = None, *, lookup: Lookup | None = None, **variables: str) -> Applied:
    script = load_script(f'version "6.6"\n{body}', lookup=lookup)
    source = make_ct() if dataset is None else dataset
    return apply(script, source, variables={**HOST, **variables}, numbers=MemoryNumbers())


def value(expression: str, **more: str) -> str:
    return str(run(f"(0008,103E) := {expression}", **more).dataset.SeriesDescription or "")


def deep() -> Dataset:
    dataset = make_ct()
    inner = make_item(PatientName="A", StudyInstanceUID="1.2.3")
    dataset.ReferencedSeriesSequence = Sequence(
        [make_item(PatientName="B", ReferencedStudySequence=Sequence([inner])), make_item(SeriesInstanceUID="1.9")]
    )
    return dataset


def test_the_routing_labels_are_written() -> None:
    new = run("(0008,1030) := project\n( 0010 , 0010 ) := subject // who\n\n(0010,0020) := session").dataset
    assert (new.StudyDescription, str(new.PatientName), new.PatientID) == ("LUNG", "SUBJ-1", "SESS-1")


def test_hash_uid_holds_its_vector_and_keeps_references() -> None:
    assert value('hashUID["1.2.3"]') == "2.25.148370922854076938159295778886134140470"
    new = run("hashUIDList[*/(0020,000D), */(0008,0018)]", deep()).dataset
    inner = new.ReferencedSeriesSequence[0].ReferencedStudySequence[0]
    assert inner.StudyInstanceUID == "2.25.148370922854076938159295778886134140470"
    assert new.StudyInstanceUID.startswith("2.25.") and new.SeriesInstanceUID == make_ct().SeriesInstanceUID


def test_one_offset_from_a_lookup_moves_the_dates() -> None:
    lookup = read_lookup("shift/ZX9081726 = -31\n", form="dicomedit")
    body = 'shift := lookup["shift", (0010,0020)]\n(0008,0020) := shiftDateByIncrement[(0008,0020), shift]'
    assert run(body, lookup=lookup).dataset.StudyDate == "20191231"
    with pytest.raises(CannotDeidentify):
        run(body, lookup=Lookup())
    with pytest.raises(ScriptRefused, match="no lookup table"):
        run(body)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('concatenate["a", 1, {"b", "c"}]', "a1bc"),
        ('format["it {0}s {1}", "x", -2]', "it xs -2"),
        ('format["{1}-{0}", "x", 2.5]', "2.5-x"),
        ("format[\"o''clock {0}\", 7]", "o'clock 7"),
        ('lowercase[uppercase["aB"]]', "ab"),
        ('substring["abcdef", 1, 3]', "bc"),
        ('replace["a.b.c", ".", "-"]', "a-b-c"),
        ('match["id 42 x", "(\\\\d+)", 1]', "42"),
        ('ismatch["abc", "b"]', "false"),
        ("isPresent[(0010,0010), (0008,0060)]", "true"),
        ("isPresent[(0010,0010), (0010,4000)]", "false"),
        ('normalizeString["a b/c"]', "a_b_c"),
        ('normalizeString["a b", "-"]', "a-b"),
        ('shiftDateByIncrement["20200131", 1]', "20200201"),
        ('shiftDateByIncrement["20200131", 1, "months"]', "20200229"),
        ('shiftDateByIncrement["", 1]', ""),
        ('shiftDateTimeByIncrement["20200131235959.5+0100", 1]', "20200201000000.5+0100"),
        ('shiftDateTimeByIncrement["202001", 31, "days"]', "202002"),
        ('urlEncode["a b"]', "a%20b"),
        ('"say ""no"""', 'say "no"'),
        ("(0008,0008)", "['ORIGINAL', 'PRIMARY', 'AXIAL']"),
    ],
)
def test_functions_give_what_they_say(expression: str, expected: str) -> None:
    assert value(expression) == expected


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("(0010,0010)", {"B", "A"}),
        ("*/(0010,0010)", set()),
        ("+/(0010,0010)", {"Kowalczyk^Bronislava"}),
        ("./(0010,0010)", {"Kowalczyk^Bronislava", "A"}),
        ("(0008,1115)/(0010,0010)", {"Kowalczyk^Bronislava", "A"}),
        ("(0008,1115)[%]/*/(0010,0010)", {"Kowalczyk^Bronislava"}),
        ("(0008,1115)[1]/(0010,0010)", {"Kowalczyk^Bronislava", "A", "B"}),
        ("(0008,1115)/*", {"Kowalczyk^Bronislava"}),
        ("(001X,00@0)", {"Kowalczyk^Bronislava", "A", "B"}),
        ("(0010,00#0)", {"A", "B"}),
    ],
)
def test_paths_reach_what_they_mean(path: str, left: set[str]) -> None:
    new = run(f"- {path}", deep()).dataset
    assert {str(element.value) for element in new.iterall() if element.tag == 0x00100010} == left


def test_a_later_statement_sees_earlier_changes() -> None:
    assert run("(0010,0020) := subject\n(0020,0010) := (0010,0020)").dataset.StudyID == "SUBJ-1"


def test_setting_makes_sequences_items_and_blocks_but_a_question_mark_does_not() -> None:
    new = run(
        '(0008,1115)[1]/(0020,000E) := "1.5"\n(0019,{MY MAKER}0F) := "x"\n(0010,4000) ?= "no"\n(0020,0010) ?= "7"'
    ).dataset
    assert new.ReferencedSeriesSequence[1].SeriesInstanceUID == "1.5"
    assert (new[0x00190010].value, new[0x0019100F].value) == ("MY MAKER", "x")
    assert "PatientComments" not in new and new.StudyID == "7"


def test_branches_run_the_first_block_that_holds() -> None:
    body = """
if ((0008,0060) = "MR") {
  (0020,0010) := "mr"
} elseif ((0008,0060) ~ "C.") {
  if (true[]) {
    (0020,0010) := "ct"
  }
} else {
  reject[]
}
(0010,4000) = "x" ? (0010,0020) := "wrong" : (0010,0020) := "right"
(0010,4000) != "x" ? - (0010,0010)
"""
    new = run(body).dataset
    assert new.StudyID == "ct" and new.PatientID == "right" and "PatientName" not in new


def test_private_elements_are_retained_only_when_named() -> None:
    dataset = deep()
    for target in (dataset, dataset.ReferencedSeriesSequence[0]):
        block = target.private_block(0x0019, "SIEMENS MR HEADER", create=True)
        block.add_new(0x0C, "IS", "1")
        block.add_new(0x0D, "LO", "secret")
    new = run("retainPrivateTags[(0019,{SIEMENS MR HEADER}0C)]", dataset).dataset
    assert [hex(element.tag) for element in new.iterall() if element.tag.is_private] == ["0x190010", "0x19100c"]
    assert not [1 for element in run("removeAllPrivateTags", dataset).dataset.iterall() if element.tag.is_private]
    with pytest.raises(ScriptRefused, match="not private"):
        run("retainPrivateTags[(0010,0010)]")


def test_values_are_blanked_wherever_they_stand() -> None:
    dataset = deep()
    dataset.SeriesDescription = "scan of ZX9081726, left"
    dataset.ReferencedSeriesSequence[0].PatientID = "ZX9081726"
    new = run("ids := collectValues[{*/(0010,0020)}]\nblankValues[ids]\nblankValues[{(0008,0070)}]", dataset).dataset
    assert not new.PatientID and not new.Manufacturer
    assert new.SeriesDescription == "scan of , left" and not new.ReferencedSeriesSequence[0].PatientID


def test_mapped_uids_are_the_same_each_time_and_kept_by_the_caller() -> None:
    script = load_script(
        'version "6.1"\nmapReferencedUIDs["1.2.3", "*/(0020,000D)"]\n(0020,000E) := mapUID["1.2.3", "1.9"]'
    )
    numbers = MemoryNumbers()
    first = apply(script, deep(), numbers=numbers).dataset
    second = apply(script, deep(), numbers=MemoryNumbers(numbers.state())).dataset
    assert first.StudyInstanceUID == second.StudyInstanceUID != make_ct().StudyInstanceUID
    assert first.StudyInstanceUID.startswith("1.2.3.") and first.SeriesInstanceUID.startswith("1.9.")
    with pytest.raises(CannotDeidentify):
        apply(script, deep())


def test_old_age_is_scaled() -> None:
    dataset = make_ct()
    dataset.PatientBirthDate, dataset.StudyDate, dataset.PatientAge = "19200101", "20200131", "100Y"
    new = run("scalePatientAgeAndDobFromStudyDate[]", dataset).dataset
    assert new.PatientAge == "089Y" and new.PatientBirthDate == "19310201"
    assert run("scalePatientAgeAndDobFromStudyDate[]").dataset.PatientBirthDate == "19430817"


def test_dates_are_shifted_in_place() -> None:
    new = run('shiftDateTimeListByIncrement[{*/(0008,002X)}, 1, "days"]', make_item(StudyDate="20200131")).dataset
    assert new.StudyDate == "20200201"
    new = run('shiftDateTimeSequenceByIncrement[-86400, "*/(0008,0020)"]', make_item(StudyDate="20200131")).dataset
    assert new.StudyDate == "20200130"


def test_direct_paths_set_and_delete() -> None:
    new = run('set["(0008,1115)[0]/(0020,000E)", "1.7"]\ndelete["(0010,0010)"]\nremoveTags[{(0008,002X)}]').dataset
    assert new.ReferencedSeriesSequence[0].SeriesInstanceUID == "1.7"
    assert "PatientName" not in new and "StudyDate" not in new


def test_pixels_are_asked_for() -> None:
    applied = run('(0008,0060) = "CT" ? alterPixels["rectangle", "l=0, top=1, r=1024, b=60", "solid", "v=100"]')
    assert applied.fills == (Fill(0, 1, 1024, 60, (100,)),)
    with pytest.raises(CannotDeidentify):
        run('alterPixels["circle", "l=0, t=1, r=1024, b=60", "solid", "v=100"]')


def test_a_rejected_object_never_passes() -> None:
    with pytest.raises(CannotDeidentify) as caught:
        run('(0008,0060) ~ "C.*" ? reject[]')
    assert caught.value.kind == "deidentification.script-rejected"
    assert run("reject[false[]]").outcome == "passed"


def test_exports_reach_the_caller_and_echoes_are_only_counted() -> None:
    applied = run('who := (0010,0020)\nexport who "label"\necho who\necho "x"')
    assert applied.exports == {"label": "ZX9081726"} and applied.echoes == 2
    assert "ZX9081726" not in repr(applied).replace(repr(applied.dataset), "")


def test_what_the_form_says_goes_before_the_default() -> None:
    body = 'site := "none"\ndescribe site "Site"\n(0008,0080) := site'
    assert run(body).dataset.InstitutionName == "none"
    assert run(body, site="Bonn").dataset.InstitutionName == "Bonn"
    fixed = 'site := "none"\ndescribe site const\n(0008,0080) := site'
    assert run(fixed, site="Bonn").dataset.InstitutionName == "none"


@pytest.mark.parametrize(
    "body",
    [
        "(0008,103E) := (0010,4000)",
        "(0008,103E) := hashUID[(0010,4000)]",
        '(0008,103E) := substring["abc", 1, 9]',
        '(0008,0020) := shiftDateByIncrement["Kowalczyk", 1]',
        'x := "(a+)+"\n(0008,103E) := match["aaa", x, 1]',
        '(0028,0010) := "many"',
        '(0010,0010)[0]/(0010,0020) := "x"',
    ],
)
def test_what_fails_on_an_object_stops_it_without_its_values(body: str) -> None:
    with pytest.raises(CannotDeidentify) as caught:
        run(body)
    assert caught.value.kind.startswith("deidentification.script-")
    assert "Kowalczyk" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "place", "reason"),
    [
        ("(0010,0010) := nobody", (2, 16), "unknown variable nobody"),
        ("(0010,0010) := foo[]", (2, 16), "unknown function foo"),
        ("(0010,0010) := hashuid[1]", (2, 16), "it is written hashUID"),
        ("(0010,0010) := newUID[1]", (2, 16), "newUID takes 0 arguments"),
        ("(0010,0010) := (0010,00X0)", (2, 16), "has to name one element"),
        ('(0010,0010) := "a\\d"', (2, 18), "backslash"),
        ('(0010,0010) := "a', (2, 16), "does not end"),
        ("(0010,0010) :=", (2, 15), "a value is expected"),
        ('(0010,0010) := "a" "b"', (2, 20), "goes on after its end"),
        ('(0010,0010) := getURL["x"]', (2, 16), "network"),
        ('if ((0010,0010) = "x") {', (2, 25), "} is expected"),
        ('(0010,0010) ~ "(a+)+" ? reject[]', (2, 15), "repeats a repetition"),
        ("- +/*", (2, 3), "no part of the language"),
        ("- (0010)", (2, 3), "a tag path is expected"),
        ("- (0018,{SIEMENS}01)", (2, 3), "odd group"),
        ('version "6.1"', (2, 1), "once"),
        ("// nothing", (2, 11), "does nothing"),
        ('shiftDateTimeSequenceByIncrement[1, "nowhere"]', (2, 37), "no tag path"),
    ],
)
def test_what_is_not_understood_is_refused_at_load(body: str, place: tuple[int, int], reason: str) -> None:
    with pytest.raises(ScriptRefused) as caught:
        run(body)
    assert reason in caught.value.reason
    assert (caught.value.line, caught.value.column) == place


def test_versions_that_are_not_known_are_refused() -> None:
    for version in ("5.0", "6.7", "7.0", ""):
        with pytest.raises(ScriptRefused):
            load_script(f'version "{version}"\n- (0010,0010)')


def test_version_4_scripts_run_in_their_own_language() -> None:
    text = (
        '// old\n(0008,1030) := project\n(0010,0020) := "x"\n- (0008,002X)\n- (XXX#,XXXX)\n'
        '(0008,0060) = "CT" : (0020,0010) := "ct"\n(0008,0018) := new UID\n'
    )
    script = load_script(text)
    new = apply(script, make_ct(), variables=HOST).dataset
    assert script.kind == "dicomedit4"
    assert (new.StudyDescription, new.StudyID, new.PatientID) == ("LUNG", "ct", "x")
    assert "StudyDate" not in new and new.SOPInstanceUID.startswith("2.25.")


@pytest.mark.parametrize(
    "text",
    ["- */(0010,0010)", "(0008,1115)[0]/(0020,000E) := \"1\"", "(0010,0010) ?= \"1\"", "- (0019,{A}01)",
     "removeTags[{(0010,0010)}]", "if (true[]) { - (0010,0010) }"],
)  # fmt: skip
def test_version_4_knows_nothing_newer(text: str) -> None:
    with pytest.raises(ScriptRefused):
        load_script(text, kind="dicomedit4")
