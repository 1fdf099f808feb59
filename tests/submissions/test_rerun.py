"""Rules over what is here already: trials write nothing, re-runs finish whatever breaks off, and identity stays."""

import importlib
import io
from dataclasses import replace
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset

from invivo import collections, deidentification, quarantine, releases, reviews, submissions
from invivo.archive import Archive
from invivo.submissions.difference import differences
from tests.factories import (
    SYSTEM,
    advance_all,
    approve_all,
    deliver,
    make_collection,
    make_image,
    make_series,
    make_submission,
    publish,
)

rerunning = importlib.import_module("invivo.submissions.rerun")  # the verb hides its module
RULES = 'name = "lung"\nversion = "1"\nbase = "tcia"\n'
NO_DESCRIPTION = RULES + '[[rules]]\nattribute = "SeriesDescription"\naction = "X"\n'
OTHER_VALUE = RULES + '[[rules]]\nattribute = "SeriesDescription"\naction = "D"\nvalue = "series"\n'


def enforce(archive: Archive, collection: collections.Collection, text: str, **fields: Any) -> int:
    draft = collections.RulesDraft("toml", text, **fields)
    version = submissions.write_rules(archive, SYSTEM, collection.id, draft)
    submissions.enforce_rules(archive, SYSTEM, collection.id, version)
    return version


def run_again(archive: Archive, collection: collections.Collection, **settings: Any) -> submissions.RulesRun:
    run = submissions.start_rerun(archive, SYSTEM, collection.id, **settings)
    submissions.rerun(archive, run.id, None)
    return submissions.find_run(archive, SYSTEM, run.id)


def released(archive: Archive) -> list[Dataset]:
    with archive.database.transaction() as tx:
        found = tx.execute("select digest from images.instance where upper_inf(releases) order by number").fetchall()
    return [pydicom.dcmread(archive.objects.place(row.digest).path) for row in found]


def cleaned(archive: Archive) -> list[Dataset]:
    with archive.database.transaction() as tx:
        found = tx.execute("select clean_digest from quarantine.object where state = 'cleaned' order by id").fetchall()
    return [pydicom.dcmread(archive.held.place(row.clean_digest).path) for row in found]


def codes(archive: Archive, item: reviews.Item) -> set[str]:
    return {finding.code for finding in reviews.findings_of(archive, item)}


def test_held_series_are_cleaned_anew_by_the_rules_in_force(archive: Archive) -> None:
    collection = make_collection(archive)
    deliver(archive, make_submission(archive, collection), make_series(3))
    advance_all(archive)
    assert all("SeriesDescription" in one for one in cleaned(archive))
    enforce(archive, collection, NO_DESCRIPTION)
    run = run_again(archive, collection)
    assert run.state == "done"
    assert run.report["attributes"] == {"SeriesDescription": {"removed": 3}}
    assert (run.count("looked_at"), run.count("changed")) == (3, 3)
    assert not any("SeriesDescription" in one for one in cleaned(archive))
    assert len(reviews.queue(archive, SYSTEM).items) == 1


def test_a_decision_about_what_the_earlier_rules_left_over_is_taken_back(archive: Archive) -> None:
    collection = make_collection(archive)
    deliver(archive, make_submission(archive, collection), make_series(2))
    advance_all(archive)
    approve_all(archive)
    enforce(archive, collection, NO_DESCRIPTION)
    run_again(archive, collection)
    with pytest.raises(releases.NotSettled):
        releases.publish(archive, SYSTEM, collection.id)


def test_a_stuck_object_gets_another_chance(archive: Archive) -> None:
    collection = make_collection(archive)
    bad = enforce(archive, collection, RULES)
    with archive.database.transaction() as tx:
        policy = collections.policy_of(tx, collection.id)
    assert policy.rules is not None
    assert policy.rules.version == bad
    script = collections.RulesDraft("ctp", "set.[0010,0010]=@quarantine()\n")
    version = submissions.write_rules(archive, SYSTEM, collection.id, script)
    submissions.enforce_rules(archive, SYSTEM, collection.id, version)
    deliver(archive, make_submission(archive, collection), make_series(1))
    advance_all(archive)
    assert not cleaned(archive)
    enforce(archive, collection, RULES)
    run_again(archive, collection)
    assert len(cleaned(archive)) == 1


def test_released_objects_keep_uids_subject_and_dates_in_a_second_pass(archive: Archive) -> None:
    collection = make_collection(archive)
    publish(archive, collection, make_series(3))
    before = released(archive)
    enforce(archive, collection, NO_DESCRIPTION)
    run = run_again(archive, collection)
    assert run.report["attributes"] == {"SeriesDescription": {"removed": 3}}
    item = reviews.queue(archive, SYSTEM).items[0]
    assert "rerun.removes-more" in codes(archive, item)
    approve_all(archive)
    assert releases.publish(archive, SYSTEM, collection.id) == 2
    after = released(archive)
    for name in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "PatientID", "StudyDate", "StudyTime"):
        assert [one[name].value for one in before] == [one[name].value for one in after]
    assert not any("SeriesDescription" in one for one in after)
    assert {one.LongitudinalTemporalInformationModified for one in after} == {"MODIFIED"}
    assert not any(
        item.CodeValue in ("113110", "113106") for one in after for item in one.DeidentificationMethodCodeSequence
    )
    assert after[0].DeidentificationMethod.endswith("lung 1 + LUNG-1 2")


def test_a_second_pass_by_the_same_rules_leaves_everything_alone(archive: Archive) -> None:
    collection = make_collection(archive)
    publish(archive, collection, make_series(2, StudyComments="seen on 2020-01-02 by Dr Roe", PatientAge="050Y"))
    run = run_again(archive, collection)
    assert (run.state, run.count("same"), run.count("changed")) == ("done", 2, 0)
    assert not reviews.queue(archive, SYSTEM).items


def test_only_the_objects_that_change_get_a_new_revision(archive: Archive) -> None:
    collection = make_collection(archive)
    files = [*make_series(1), *make_series(1, SeriesDescription="")]
    publish(archive, collection, files)
    enforce(archive, collection, RULES + '[[rules]]\nattribute = "SeriesDescription"\naction = "Z"\n')
    run = run_again(archive, collection)
    assert (run.count("changed"), run.count("same")) == (1, 1)
    assert run.report["attributes"] == {"SeriesDescription": {"emptied": 1}}


def test_a_rerun_can_be_run_again_after_its_release_and_before(archive: Archive) -> None:
    collection = make_collection(archive)
    publish(archive, collection, make_series(2))
    enforce(archive, collection, OTHER_VALUE)
    run_again(archive, collection)
    enforce(archive, collection, NO_DESCRIPTION)
    run_again(archive, collection)
    advance_all(archive)
    assert len(reviews.queue(archive, SYSTEM).items) == 1
    approve_all(archive)
    releases.publish(archive, SYSTEM, collection.id)
    enforce(archive, collection, RULES + '[[rules]]\nattribute = "StudyDescription"\naction = "X"\n')
    run_again(archive, collection)
    approve_all(archive)
    assert releases.publish(archive, SYSTEM, collection.id) == 3
    assert not any("StudyDescription" in one or "SeriesDescription" in one for one in released(archive))


def test_what_only_loses_more_is_approved_without_a_person_if_the_run_says_so(archive: Archive) -> None:
    collection = make_collection(archive)
    publish(archive, collection, make_series(2))
    enforce(archive, collection, NO_DESCRIPTION)
    run_again(archive, collection, is_automatic=True)
    assert not reviews.queue(archive, SYSTEM).items
    assert releases.publish(archive, SYSTEM, collection.id) == 2


def test_other_values_always_wait_for_a_person(archive: Archive) -> None:
    collection = make_collection(archive, review_rule="on-receipt")
    publish(archive, collection, make_series(1))
    enforce(archive, collection, OTHER_VALUE)
    run_again(archive, collection, is_automatic=True)
    items = reviews.queue(archive, SYSTEM).items
    assert [item.worst for item in items] == ["hold"]
    assert "rerun.changes" in codes(archive, items[0])


def test_a_withdrawn_series_does_not_come_back_by_a_rerun_that_waits(archive: Archive) -> None:
    collection = make_collection(archive)
    publish(archive, collection, make_series(1))
    uid = released(archive)[0].SeriesInstanceUID
    enforce(archive, collection, NO_DESCRIPTION)
    run_again(archive, collection)
    releases.withdraw(archive, SYSTEM, collection.id, uid, "privacy", "asked for")
    assert not cleaned(archive)
    approve_all(archive)
    with pytest.raises(releases.NothingToPublish):
        releases.publish(archive, SYSTEM, collection.id)


def test_an_original_that_comes_once_more_is_still_known(archive: Archive) -> None:
    collection = make_collection(archive)
    files = make_series(1)
    publish(archive, collection, files)
    enforce(archive, collection, NO_DESCRIPTION)
    run_again(archive, collection)
    approve_all(archive)
    releases.publish(archive, SYSTEM, collection.id)
    assert deliver(archive, make_submission(archive, collection), files)[0].outcome == "repeated"


def test_a_script_that_would_give_other_uids_leaves_released_objects_alone(archive: Archive) -> None:
    collection = make_collection(archive)
    publish(archive, collection, make_series(1))
    script = collections.RulesDraft("ctp", "set.[0008,0018]=@hashuid(1.2.3,this)\nkeep.group10\n")
    version = submissions.write_rules(archive, SYSTEM, collection.id, script)
    submissions.enforce_rules(archive, SYSTEM, collection.id, version)
    run = run_again(archive, collection)
    assert run.report["refusals"] == {"rerun.identity-changes": {"new": 1}}
    assert not cleaned(archive)


def test_true_dates_cannot_be_shifted_without_the_original(archive: Archive) -> None:
    collection = make_collection(archive, profile="basic", profile_options=("retain_full_dates",))
    publish(archive, collection, make_series(1))
    enforce(archive, collection, RULES)
    assert run_again(archive, collection).report["refusals"] == {"rerun.dates-unshifted": {"new": 1}}


@pytest.mark.parametrize("breaks_at", ["advance", "step_done", "second_pass", "hold_again"])
def test_a_run_that_is_killed_goes_on_and_counts_every_object_once(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, breaks_at: str
) -> None:
    collection = make_collection(archive)
    for _ in range(2):
        publish(archive, collection, make_series(2))
        deliver(archive, make_submission(archive, collection), make_series(2))
    advance_all(archive)
    enforce(archive, collection, NO_DESCRIPTION)
    run = submissions.start_rerun(archive, SYSTEM, collection.id)
    where: Any = quarantine if breaks_at == "hold_again" else rerunning
    true, calls = getattr(where, breaks_at), [0]

    def broken(*args: Any, **named: Any) -> Any:
        calls[0] += 1
        if calls[0] == 2:
            raise KeyboardInterrupt
        return true(*args, **named)

    monkeypatch.setattr(where, breaks_at, broken)
    with pytest.raises(KeyboardInterrupt):
        submissions.rerun(archive, run.id, None)
    submissions.rerun(archive, run.id, None)
    ended = submissions.find_run(archive, SYSTEM, run.id)
    assert ended.state == "done"
    assert ended.report["attributes"] == {"SeriesDescription": {"removed": 8}}
    assert (ended.count("looked_at"), ended.count("changed")) == (8, 8)
    assert len(cleaned(archive)) == 8
    assert len(reviews.queue(archive, SYSTEM).items) == 4


def test_one_rerun_of_a_collection_at_a_time(archive: Archive) -> None:
    collection = make_collection(archive)
    run = submissions.start_rerun(archive, SYSTEM, collection.id)
    with pytest.raises(submissions.AlreadyRunning):
        submissions.start_rerun(archive, SYSTEM, collection.id)
    submissions.stop_run(archive, SYSTEM, run.id)
    submissions.start_rerun(archive, SYSTEM, collection.id)


def test_a_rerun_stops_when_other_rules_come_into_force(archive: Archive) -> None:
    collection = make_collection(archive)
    publish(archive, collection, make_series(1))
    run = submissions.start_rerun(archive, SYSTEM, collection.id)
    enforce(archive, collection, NO_DESCRIPTION)
    submissions.rerun(archive, run.id, None)
    assert submissions.find_run(archive, SYSTEM, run.id).state == "stopped"


def state_of(archive: Archive) -> list[Any]:
    with archive.database.transaction() as tx:
        return [
            *tx.execute("select id, state, clean_digest, attempts from quarantine.object order by id").fetchall(),
            *tx.execute("select id, state from reviews.item order by id").fetchall(),
            *sorted(path.name for path in archive.held.root.rglob("*") if path.is_file()),
        ]


def test_a_trial_tells_what_would_differ_and_writes_nothing(archive: Archive) -> None:
    collection = make_collection(archive)
    publish(archive, collection, make_series(2))
    deliver(archive, make_submission(archive, collection), make_series(3, Modality="US"))
    advance_all(archive)
    draft = collections.RulesDraft("toml", NO_DESCRIPTION, accepted=("pixel.ultrasound",))
    version = submissions.write_rules(archive, SYSTEM, collection.id, draft)
    before = state_of(archive)
    run = submissions.start_trial(archive, SYSTEM, collection.id, version, 50)
    submissions.rerun(archive, run.id, None)
    assert state_of(archive) == before
    done = submissions.find_run(archive, SYSTEM, run.id)
    assert (done.state, done.count("looked_at"), done.count("changed")) == ("done", 5, 5)
    assert done.report["attributes"]["SeriesDescription"] == {"K>X": 5}
    assert done.report["attributes"]["AccessionNumber"] == {"Z>Z": 3}
    assert done.report["doubts"]["pixel.ultrasound"] == {"old hold": 3, "new warning": 3}
    assert len(done.report["examples"]) == 3


def test_a_trial_looks_at_some_objects_of_each_series(archive: Archive) -> None:
    collection = make_collection(archive)
    for _ in range(3):
        deliver(archive, make_submission(archive, collection), make_series(4))
    advance_all(archive)
    run = submissions.start_trial(archive, SYSTEM, collection.id, 1, 6)
    submissions.rerun(archive, run.id, None)
    assert submissions.find_run(archive, SYSTEM, run.id).count("looked_at") == 6


def test_a_report_holds_no_value_of_an_object(archive: Archive) -> None:
    collection = make_collection(archive)
    publish(archive, collection, make_series(1, PatientComments="Jane Doe lives in Springfield"))
    enforce(archive, collection, RULES + '[[rules]]\nattribute = "PatientComments"\naction = "X"\n')
    run = run_again(archive, collection)
    assert "Springfield" not in str(run.report)
    assert "PatientComments" in run.report["attributes"]


def doubts_of(**attributes: Any) -> tuple[list[deidentification.Doubt], Dataset]:
    dataset = pydicom.dcmread(io.BytesIO(make_image(BodyPartExamined="HEAD", **attributes)))
    return deidentification.pixel_risks(dataset), dataset


@pytest.mark.parametrize(
    ("head_policy", "attributes", "severity"),
    [
        ("allow", {}, "info"),
        ("hold", {"RecognizableVisualFeatures": "NO"}, "hold"),
        ("evidence", {}, "hold"),
        ("evidence", {"RecognizableVisualFeatures": "NO"}, "info"),
    ],
)
def test_what_becomes_of_heads(head_policy: str, attributes: dict[str, str], severity: str) -> None:
    found, dataset = doubts_of(**attributes)
    rules = collections.RulesDraft("builtin", "tcia", head_policy=head_policy)
    weighed = submissions.weighed(rules, found, is_defaced=submissions.shows_defacing(dataset))
    assert [one.severity for one in weighed if one.code == "pixel.head"] == [severity]


def test_an_accepted_doubt_holds_nothing_and_others_still_do() -> None:
    found, _ = doubts_of(BurnedInAnnotation="YES", SOPClassUID="1.2.840.10008.5.1.4.1.1.7")
    rules = collections.RulesDraft("builtin", "tcia", accepted=("pixel.secondary-capture",))
    severities = {one.code: one.severity for one in submissions.weighed(rules, found, is_defaced=False)}
    assert (severities["pixel.secondary-capture"], severities["pixel.burned-in"]) == ("warning", "hold")
    forged = replace(found[0], code="proof.leftover", severity="hold")
    unsafe = collections.RulesDraft("builtin", "tcia", accepted=("proof.leftover",))
    assert submissions.weighed(unsafe, [forged], is_defaced=False) == [forged]


@pytest.mark.parametrize(
    ("text", "is_evidence"),
    [
        ("defaced with pydeface 2.0", True),
        ("De-faced", True),
        ("skull-stripped by HD-BET", True),
        ("facial features were removed", True),
        ("not defaced", False),
        ("no facial features removed", False),
        ("without defacing", False),
        ("surface rendering", False),
        ("", False),
    ],
)
def test_words_of_a_derivation_are_evidence_of_defacing(text: str, is_evidence: bool) -> None:
    dataset = Dataset()
    dataset.DerivationDescription = text
    assert submissions.shows_defacing(dataset) is is_evidence


def test_the_code_of_the_standard_is_evidence_of_defacing() -> None:
    dataset, code = Dataset(), Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "113102", "DCM"
    dataset.DeidentificationMethodCodeSequence = [code]
    assert submissions.shows_defacing(dataset)


def test_differences_are_told_at_every_depth_without_item_numbers() -> None:
    def made(name: str, more: bool) -> Dataset:
        dataset, item = Dataset(), Dataset()
        item.ScheduledProcedureStepID = name
        dataset.RequestAttributesSequence = [item, item] if more else [item]
        dataset.PatientName = "" if more else "A^B"
        dataset.DeidentificationMethod = name
        return dataset

    assert differences(made("1", more=False), made("2", more=True)) == {
        "PatientName": "emptied",
        "RequestAttributesSequence.ScheduledProcedureStepID": "changed",
        "RequestAttributesSequence": "changed",
    }
