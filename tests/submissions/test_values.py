"""Distinct values: counted by what is cleaned, accepted for good, and cleaned everywhere by a rule and a run."""

import pytest
from psycopg import errors
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from invivo import __version__, collections, quarantine, submissions
from invivo.archive import Archive
from invivo.submissions.value import MOST_OF_ATTRIBUTE, Tally, digest_of, is_own
from tests.factories import (
    SYSTEM,
    actor_named,
    advance_all,
    approve_all,
    deliver,
    make_collection,
    make_image,
    make_person,
    make_series,
    make_submission,
    publish,
)
from tests.submissions.test_rerun import cleaned, enforce, released, run_again


def hold(archive: Archive, files: list[bytes], short_name: str = "LUNG-1") -> collections.Collection:
    collection = make_collection(archive, short_name)
    deliver(archive, make_submission(archive, collection), files)
    advance_all(archive)
    count(archive, collection)
    return collection


def count(archive: Archive, collection: collections.Collection) -> None:
    submissions.gather_values(archive, collection.id, None, rest_s=0)


def report(archive: Archive, collection: collections.Collection, **chosen: object) -> list[quarantine.Value]:
    choice = quarantine.ValueChoice(collection.id, **chosen)  # type: ignore[arg-type]
    return list(submissions.report_values(archive, SYSTEM, choice, limit=1000).values)


def found(
    archive: Archive, collection: collections.Collection, path: str, **chosen: object
) -> dict[str, tuple[int, int]]:
    values = report(archive, collection, path=path, fresh_only=False, **chosen)
    return {one.value: (one.series, one.objects) for one in values}


def value_id(archive: Archive, collection: collections.Collection, path: str, value: str) -> int:
    return next(one.id for one in report(archive, collection, path=path) if one.value == value)


def clean(
    archive: Archive, collection: collections.Collection, wanted: submissions.Cleaning, **by: object
) -> submissions.RulesRun:
    run = submissions.clean_everywhere(archive, by.get("actor", SYSTEM), collection.id, wanted)  # type: ignore[arg-type]
    submissions.rerun(archive, run.id, None)
    count(archive, collection)
    return submissions.find_run(archive, SYSTEM, run.id)


def with_item(text: str) -> Dataset:
    item = Dataset()
    item.ScheduledProcedureStepDescription = text
    return item


def test_each_value_stands_once_with_its_series_and_objects(archive: Archive) -> None:
    files = [*make_series(3), *make_series(2), *make_series(1, SeriesDescription="Scout")]
    collection = hold(archive, files)
    assert found(archive, collection, "SeriesDescription") == {"Axial 5 mm": (2, 5), "Scout": (1, 1)}


def test_values_in_sequences_have_the_path_without_item_numbers(archive: Archive) -> None:
    items = [with_item("Thorax"), with_item("Abdomen"), with_item("Thorax")]
    collection = hold(archive, make_series(2, RequestAttributesSequence=items))
    path = "RequestAttributesSequence.ScheduledProcedureStepDescription"
    assert found(archive, collection, path) == {"Thorax": (1, 2), "Abdomen": (1, 2)}


def test_free_text_comes_first_and_uids_do_not_come_at_all(archive: Archive) -> None:
    collection = hold(archive, make_series(3, ImageComments="a text"))
    risks = [one.risk for one in report(archive, collection)]
    assert risks == sorted(risks)
    assert risks[0] == 0
    assert not [one for one in report(archive, collection) if one.vr == "UI" or one.path == "PixelData"]


def test_numbers_that_differ_by_object_are_one_range(archive: Archive) -> None:
    series = generate_uid()
    files = [make_image(study="1.2.3", series=series, number=one, SliceLocation=str(one * 1.5)) for one in range(1, 9)]
    collection = hold(archive, files)
    assert found(archive, collection, "SliceLocation") == {"1.5 to 12": (1, 8)}
    assert found(archive, collection, "SliceThickness") == {"5": (1, 8)}


def test_private_values_come_with_their_creator_and_as_free_text() -> None:
    tally = Tally()
    tally.add(
        {
            "00290010": {"vr": "LO", "Value": ["ACME 1.0"]},
            "00291008": {"vr": "LO", "Value": ["Jane"]},
        }
    )
    (row,) = tally.counted()
    assert (row.path, row.creator, row.risk, row.value) == ("(0029,1008)", "ACME 1.0", 0, "Jane")


def test_more_values_than_are_listed_are_told_about() -> None:
    tally = Tally()
    for number in range(MOST_OF_ATTRIBUTE + 40):
        tally.add({"00204000": {"vr": "LT", "Value": [f"text {number}"]}})
    rows = tally.counted()
    assert len(rows) == MOST_OF_ATTRIBUTE + 1
    assert [(one.is_summary, one.objects, one.risk) for one in rows if one.is_summary] == [(True, 40, 0)]


def test_long_values_that_begin_alike_are_two_values() -> None:
    tally = Tally()
    for end in "ab":
        tally.add({"00204000": {"vr": "LT", "Value": ["x" * 5000 + end]}})
    rows = tally.counted()
    assert len({one.digest for one in rows}) == 2
    assert {len(one.value) for one in rows} == {300}


def test_a_text_too_long_to_be_listed_is_told_about() -> None:
    tally = Tally()
    tally.add({"0040A160": {"vr": "UT", "BulkDataURI": "instances/1.2/bulkdata/0040A160"}})
    assert [(one.path, one.risk, "too long" in one.value) for one in tally.counted()] == [("TextValue", 0, True)]


def test_values_go_when_their_objects_go(archive: Archive) -> None:
    collection = hold(archive, make_series(2, ImageComments="about to go"))
    assert found(archive, collection, "ImageComments")
    approve_all(archive)
    count(archive, collection)
    assert found(archive, collection, "ImageComments") == {"about to go": (1, 2)}
    with archive.database.transaction() as tx:
        ids = [row.id for row in tx.execute("select id from quarantine.object")]
        quarantine.leave(tx, ids)
    count(archive, collection)
    assert report(archive, collection, fresh_only=False) == []


def test_counting_again_changes_nothing(archive: Archive) -> None:
    collection = hold(archive, [*make_series(2), *make_series(2)])
    before = report(archive, collection, fresh_only=False)
    with archive.database.transaction() as tx:
        tx.execute("select quarantine.mark_values(array(select id from quarantine.series))")
    count(archive, collection)
    assert report(archive, collection, fresh_only=False) == before


def test_a_series_that_changes_while_it_is_counted_is_counted_again(archive: Archive) -> None:
    collection = hold(archive, make_series(1))
    with archive.database.transaction() as tx:
        tx.execute("select quarantine.mark_values(array(select id from quarantine.series))")
        ((series_id, stand),) = quarantine.stale_values(tx, collection.id, 0, 10)
        tx.execute("select quarantine.mark_values(array(select id from quarantine.series))")
        quarantine.count_values(tx, series_id, stand, [])
        assert quarantine.count_stale(tx, collection.id) == 1


def test_what_was_accepted_is_not_new_in_a_later_delivery(archive: Archive) -> None:
    collection = hold(archive, make_series(1, ImageComments="a known text"))
    chosen = value_id(archive, collection, "ImageComments", "a known text")
    assert submissions.judge_values(archive, SYSTEM, collection.id, [chosen], is_right=True) == 1
    assert not report(archive, collection, path="ImageComments")
    deliver(archive, make_submission(archive, collection), make_series(1, ImageComments="a known text"))
    deliver(archive, make_submission(archive, collection), make_series(1, ImageComments="a new text"))
    advance_all(archive)
    count(archive, collection)
    assert [one.value for one in report(archive, collection, path="ImageComments")] == ["a new text"]
    assert submissions.judge_values(archive, SYSTEM, collection.id, [chosen], is_right=False) == 1
    assert {one.value for one in report(archive, collection, path="ImageComments")} == {"a known text", "a new text"}


def test_another_collection_accepts_for_itself(archive: Archive) -> None:
    first = hold(archive, make_series(1, ImageComments="a text"))
    second = hold(archive, make_series(1, ImageComments="a text"), "BRAIN-1")
    submissions.accept_all(archive, SYSTEM, quarantine.ValueChoice(first.id, path="ImageComments"))
    assert report(archive, second, path="ImageComments")
    with pytest.raises(quarantine.UnknownValue):
        submissions.values_by_id(
            archive, SYSTEM, second.id, [one.id for one in report(archive, first, fresh_only=False)][:1]
        )


def test_only_curators_see_values_and_the_public_role_none(archive: Archive, public_archive: Archive) -> None:
    collection = hold(archive, make_series(1))
    make_person(archive, "bob")
    with pytest.raises(Exception, match="curators"):
        submissions.report_values(archive, actor_named(archive, "bob"), quarantine.ValueChoice(collection.id))
    for table in ("quarantine.value", "quarantine.value_accepted", "submissions.value_rule", "submissions.move"):
        with pytest.raises(errors.InsufficientPrivilege), public_archive.database.transaction() as tx:
            tx.execute(f"select * from {table}")


def test_a_value_is_removed_everywhere_and_from_what_comes_later(archive: Archive) -> None:
    files = [*make_series(2, ImageComments="Zweig was here"), *make_series(1, ImageComments="fine")]
    collection = hold(archive, files)
    chosen = value_id(archive, collection, "ImageComments", "Zweig was here")
    seen = submissions.preview_cleaning(archive, SYSTEM, collection.id, submissions.Cleaning((chosen,)))
    assert (seen.series, seen.objects, seen.masked, seen.decided) == (1, 2, 0, 0)
    run = clean(archive, collection, submissions.Cleaning((chosen,)))
    assert (run.state, run.series_total, run.count("changed")) == ("done", 1, 2)
    assert run.report["attributes"] == {"ImageComments": {"removed": 2}}
    assert found(archive, collection, "ImageComments") == {"fine": (1, 1)}
    deliver(archive, make_submission(archive, collection), make_series(1, ImageComments="Zweig was here"))
    advance_all(archive)
    assert [one.get("ImageComments") for one in cleaned(archive)] == [None, None, "fine", None]


def test_the_version_of_the_rules_says_what_was_done_and_the_journal_no_value(archive: Archive) -> None:
    collection = hold(archive, make_series(1, ImageComments="Zweig was here"))
    chosen = value_id(archive, collection, "ImageComments", "Zweig was here")
    run = clean(archive, collection, submissions.Cleaning((chosen,), action="empty"))
    history = collections.rules_history(archive, SYSTEM, collection.id)
    assert history[0].version == run.version == 2
    assert history[0].in_force_at
    assert "ImageComments" in history[0].note
    with archive.database.transaction() as tx:
        noted = tx.execute("select string_agg(verb || detail::text, ' ') as said from audit.entry").fetchone()
    assert noted is not None
    assert "value.clean" in noted.said
    assert "Zweig" not in noted.said
    assert "Zweig" not in history[0].note


def test_a_word_goes_from_every_text_but_not_from_longer_words(archive: Archive) -> None:
    item = with_item("Thorax for Zweig")
    collection = hold(
        archive, make_series(1, ImageComments="ZWEIG and Zweigniederlassung", RequestAttributesSequence=[item])
    )
    clean(archive, collection, submissions.Cleaning(word="zweig"))
    (one,) = cleaned(archive)
    assert one.ImageComments == "and Zweigniederlassung"
    assert one.RequestAttributesSequence[0].ScheduledProcedureStepDescription == "Thorax for"


def test_a_value_is_replaced_and_the_new_one_can_be_cleaned_again(archive: Archive) -> None:
    collection = hold(archive, make_series(1, SeriesDescription="Axial for Kim"))
    before = value_id(archive, collection, "SeriesDescription", "Axial for Kim")
    clean(archive, collection, submissions.Cleaning((before,), action="replace", replacement="Axial"))
    assert found(archive, collection, "SeriesDescription") == {"Axial": (1, 1)}
    after = value_id(archive, collection, "SeriesDescription", "Axial")
    clean(archive, collection, submissions.Cleaning((after,), action="replace", replacement="Slices"))
    assert [one.SeriesDescription for one in cleaned(archive)] == ["Slices"]


def test_what_an_object_must_have_is_not_removed(archive: Archive) -> None:
    collection = hold(archive, make_series(1, PositionReferenceIndicator="SN", ImageComments="Kim"))
    ids = [
        value_id(archive, collection, *one) for one in (("PositionReferenceIndicator", "SN"), ("ImageComments", "Kim"))
    ]
    clean(archive, collection, submissions.Cleaning(tuple(ids)))
    (one,) = cleaned(archive)
    assert one.PositionReferenceIndicator == ""
    assert "ImageComments" not in one


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("PatientID", {}),
        ("Modality", {}),
        ("SliceThickness", {}),
        ("SeriesDescription", {"action": "shred"}),
        ("SeriesDescription", {"action": "replace"}),
        ("SeriesDescription", {"action": "replace", "replacement": "a\\b"}),
        ("SeriesDescription", {"action": "replace", "replacement": "x" * 65}),
        ("BodyPartExamined", {"action": "replace", "replacement": "X" * 17}),
    ],
)
def test_what_cannot_be_cleaned_by_value_is_refused(archive: Archive, path: str, wanted: dict[str, str]) -> None:
    collection = hold(archive, make_series(1))
    ids = tuple(one.id for one in report(archive, collection, path=path, fresh_only=False))
    assert ids
    with pytest.raises(submissions.CannotClean):
        submissions.clean_everywhere(archive, SYSTEM, collection.id, submissions.Cleaning(ids, **wanted))


def test_of_two_curators_the_second_is_told(archive: Archive) -> None:
    collection = hold(archive, make_series(1, ImageComments="Zweig"))
    wanted = submissions.Cleaning((value_id(archive, collection, "ImageComments", "Zweig"),))
    submissions.clean_everywhere(archive, SYSTEM, collection.id, wanted)
    with pytest.raises(submissions.CleanedAlready):
        submissions.clean_everywhere(archive, SYSTEM, collection.id, wanted)
    assert collections.rules_history(archive, SYSTEM, collection.id)[0].version == 2


def test_a_curator_cleans_but_only_an_owner_lets_pass_again(archive: Archive) -> None:
    make_person(archive, "cora", "curator")
    cora = actor_named(archive, "cora")
    collection = hold(archive, make_series(1, ImageComments="Zweig"))
    clean(
        archive,
        collection,
        submissions.Cleaning((value_id(archive, collection, "ImageComments", "Zweig"),)),
        actor=cora,
    )
    (rule,) = submissions.value_rules(archive, cora, collection.id)
    assert rule.made_by == cora.name
    with pytest.raises(Exception, match="owner"):
        submissions.drop_value_rule(archive, cora, collection.id, rule.id)
    submissions.drop_value_rule(archive, SYSTEM, collection.id, rule.id)
    run_again(archive, collection)
    assert [one.ImageComments for one in cleaned(archive)] == ["Zweig"]


def test_decisions_about_what_is_cleaned_are_taken_back(archive: Archive) -> None:
    collection = hold(archive, make_series(1, ImageComments="Zweig"))
    approve_all(archive)
    count(archive, collection)
    chosen = value_id(archive, collection, "ImageComments", "Zweig")
    wanted = submissions.Cleaning((chosen,))
    assert submissions.preview_cleaning(archive, SYSTEM, collection.id, wanted).decided == 1
    clean(archive, collection, wanted)
    assert [one.get("ImageComments") for one in cleaned(archive)] == [None]


def test_a_run_over_released_objects_takes_the_value_out_too(archive: Archive) -> None:
    collection = make_collection(archive)
    publish(archive, collection, make_series(1, ImageComments="Zweig"))
    deliver(archive, make_submission(archive, collection), make_series(1, ImageComments="Zweig"))
    advance_all(archive)
    count(archive, collection)
    clean(archive, collection, submissions.Cleaning((value_id(archive, collection, "ImageComments", "Zweig"),)))
    run_again(archive, collection)
    assert all("ImageComments" not in one for one in cleaned(archive))
    assert "ImageComments" in released(archive)[0]


def test_values_are_cleaned_after_scripts_as_well(archive: Archive) -> None:
    collection = make_collection(archive)
    enforce(archive, collection, 'name = "lung"\nversion = "1"\nbase = "basic"\n')
    script = collections.RulesDraft("ctp", 'set.[0010,0010]=@param("X")\nset.[0008,103e]="made by script"\n')
    try:
        version = submissions.write_rules(archive, SYSTEM, collection.id, script)
    except submissions.RulesRefused:
        script = collections.RulesDraft("builtin", "tcia")
        version = submissions.write_rules(archive, SYSTEM, collection.id, script)
    submissions.enforce_rules(archive, SYSTEM, collection.id, version)
    deliver(archive, make_submission(archive, collection), make_series(1))
    advance_all(archive)
    count(archive, collection)
    chosen = report(archive, collection, path="SeriesDescription")
    if not chosen:
        pytest.skip("nothing of it was cleaned")
    clean(archive, collection, submissions.Cleaning((chosen[0].id,)))
    assert not found(archive, collection, "SeriesDescription")


def test_a_digest_is_of_the_attribute_too() -> None:
    assert digest_of("PatientComments", "a") != digest_of("ImageComments", "a")


def test_labels_and_the_record_of_the_archive_are_not_listed_as_names(archive: Archive) -> None:
    collection = hold(archive, make_series(1))
    paths = {one.path for one in report(archive, collection, fresh_only=False)}
    assert "PatientID" in paths
    assert not paths & {"PatientName", "DeidentificationMethodCodeSequence.CodeMeaning"}


def test_what_the_archive_wrote_itself_comes_last_and_is_no_text_to_look_at(archive: Archive) -> None:
    collection = hold(archive, make_series(1, StudyDescription="Chest"))
    listed = [one.path for one in report(archive, collection)]
    own = {"DeidentificationMethod", "ContributingEquipmentSequence.Manufacturer"}
    assert own <= set(listed[-7:])
    assert not [one for one in listed[:-7] if one.startswith("ContributingEquipment") or one in own]
    texts = {one.path for one in report(archive, collection, most_risk=1)}
    assert "StudyDescription" in texts
    assert not texts & own


def test_what_a_sender_wrote_at_the_same_place_is_listed_first() -> None:
    assert is_own("ContributingEquipmentSequence.Manufacturer", "invivo")
    assert not is_own("ContributingEquipmentSequence.Manufacturer", "Scanner of Dr. Doe")
    assert not is_own("DeidentificationMethod", f"by Dr. Doe\\invivo {__version__}, PS3.15")
    assert not is_own("StudyDescription", "invivo")
