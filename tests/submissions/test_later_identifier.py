"""What a later object tells of a subject is looked for in the earlier ones: held or cleaned again, once a delivery."""

import importlib
import io

import pydicom
import pytest
from pydicom.dataset import Dataset

from invivo import collections, images, quarantine, releases, reviews, submissions
from invivo.archive import Archive
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

later = importlib.import_module("invivo.submissions.later_identifier")
SURNAME = "Zerbinettova"
TELLS = {"PatientName": f"Kowalczyk^Bronislava^^^ {SURNAME}", "OtherPatientNames": f"{SURNAME}^Bronislava"}
CARRIES = {"SeriesDescription": f"Chest of {SURNAME}"}


def rechecks(archive: Archive) -> list[int]:
    with archive.database.transaction() as tx:
        return [row.id for row in tx.execute("select id from submissions.recheck order by id")]


def jobs_waiting(archive: Archive, name: str) -> int:
    with archive.database.transaction() as tx:
        row = tx.execute(
            "select count(*) from jobs.procrastinate_jobs where task_name = %s and status = 'todo'", [name]
        ).fetchone()
    assert row is not None
    return int(row[0])


def make_due(archive: Archive) -> None:
    with archive.database.transaction() as tx:
        tx.execute("update submissions.recheck set due_at = now()")


def look_again(archive: Archive) -> None:
    """Do what the worker does once a minute has passed."""
    make_due(archive)
    for number in rechecks(archive):
        submissions.recheck(archive, number)
    advance_all(archive)


def arrive(archive: Archive, collection: collections.Collection, *files: bytes) -> list[submissions.Receipt]:
    receipts = deliver(archive, make_submission(archive, collection), list(files))
    advance_all(archive)
    return receipts


def held(archive: Archive, receipt: submissions.Receipt) -> quarantine.HeldObject:
    with archive.database.transaction() as tx:
        return quarantine.object_named(tx, receipt.object_id or 0)


def written(archive: Archive, receipt: submissions.Receipt) -> bytes:
    return archive.held.place(str(held(archive, receipt).clean_digest)).path.read_bytes()


def findings(archive: Archive) -> set[str]:
    items = reviews.queue(archive, SYSTEM, limit=100).items
    return {one.code for item in items for one in reviews.findings_of(archive, item)}


def published(archive: Archive, collection: collections.Collection) -> list[Dataset]:
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select i.digest from images.instance i join images.series s on s.key = i.series_key"
            " where upper_inf(i.releases) and upper_inf(s.releases) and s.collection_id = %s order by i.id",
            [collection.id],
        ).fetchall()
    return [pydicom.dcmread(archive.objects.place(row.digest).path) for row in found]


def test_an_earlier_held_object_is_cleaned_of_a_name_that_a_later_one_tells(archive: Archive) -> None:
    collection = make_collection(archive)
    (early,) = arrive(archive, collection, make_image(patient="77", **CARRIES))
    assert SURNAME.encode() in written(archive, early)
    arrive(archive, collection, make_image(patient="77", **TELLS))
    look_again(archive)
    assert SURNAME.encode() not in written(archive, early) and b"Chest of" in written(archive, early)
    assert held(archive, early).state == "cleaned"
    make_due(archive)
    look_again(archive)
    assert rechecks(archive) == []


def test_what_is_approved_is_taken_back_and_waits_for_a_decision_anew(archive: Archive) -> None:
    collection = make_collection(archive)
    (early,) = arrive(archive, collection, make_image(patient="77", **CARRIES))
    approve_all(archive)
    assert held(archive, early).state == "cleared"
    arrive(archive, collection, make_image(patient="77", **TELLS))
    look_again(archive)
    assert held(archive, early).state == "cleaned" and SURNAME.encode() not in written(archive, early)


def test_objects_of_other_subjects_and_without_the_name_stay_as_they_are(archive: Archive) -> None:
    collection = make_collection(archive)
    early = arrive(archive, collection, make_image(patient="78", **CARRIES), make_image(patient="77"))
    before = [held(archive, one).clean_digest for one in early]
    with archive.database.transaction() as tx:
        tries = tx.execute("select sum(attempts) as n from quarantine.object").fetchone()
    arrive(archive, collection, make_image(patient="77", **TELLS))
    look_again(archive)
    assert [held(archive, one).clean_digest for one in early] == before
    with archive.database.transaction() as tx:
        after = tx.execute("select sum(attempts) as n from quarantine.object").fetchone()
    assert tries is not None and after is not None and after.n == tries.n + 1


def test_a_masked_object_keeps_its_masks_and_is_held_with_a_finding(archive: Archive) -> None:
    collection = make_collection(archive)
    (early,) = arrive(archive, collection, make_image(patient="77", **CARRIES))
    item = reviews.queue(archive, SYSTEM).items[0]
    submissions.mask(archive, SYSTEM, item.id, [(2, 3, 5, 4)])
    submissions.apply_masks(archive, item.series_id)
    masked = held(archive, early).clean_digest
    arrive(archive, collection, make_image(patient="77", **TELLS))
    look_again(archive)
    assert held(archive, early).clean_digest == masked
    assert "identifier.told-later" in findings(archive)


def test_a_released_object_stays_and_its_cleaned_copy_waits_beside_it(archive: Archive) -> None:
    collection = make_collection(archive)
    publish(archive, collection, [make_image(patient="77", **CARRIES)])
    submissions.sweep(archive)
    before = published(archive, collection)[0]
    arrive(archive, collection, make_image(patient="77", **TELLS))
    look_again(archive)
    assert SURNAME in str(published(archive, collection)[0].SeriesDescription)
    assert "identifier.told-after-release" in findings(archive)
    approve_all(archive)
    releases.publish(archive, SYSTEM, collection.id, "without the name")
    now = published(archive, collection)
    assert len(now) == 2
    revised = next(one for one in now if one.SOPInstanceUID == before.SOPInstanceUID)
    assert "Chest of" in str(revised.SeriesDescription)
    out = io.BytesIO()
    revised.save_as(out)
    assert SURNAME.encode() not in out.getvalue()


def test_a_released_object_is_never_waved_through_by_the_rule(archive: Archive) -> None:
    collection = make_collection(archive, review_rule="on-receipt")
    arrive(archive, collection, make_image(patient="77", **CARRIES))
    releases.publish(archive, SYSTEM, collection.id, "by the rule")
    arrive(archive, collection, make_image(patient="77", **TELLS))
    look_again(archive)
    assert "identifier.told-after-release" in findings(archive)


def enforce(archive: Archive, collection: collections.Collection, rules: str) -> None:
    version = submissions.write_rules(archive, SYSTEM, collection.id, collections.RulesDraft("builtin", rules))
    submissions.enforce_rules(archive, SYSTEM, collection.id, version)


def test_a_released_object_that_the_rules_cannot_clean_is_shown_as_it_is(archive: Archive) -> None:
    collection = make_collection(archive)
    enforce(archive, collection, "basic retain_full_dates clean_descriptors")
    publish(archive, collection, [make_image(patient="77", **CARRIES)])
    enforce(archive, collection, "tcia")
    arrive(archive, collection, make_image(patient="77", **TELLS))
    look_again(archive)
    assert {"identifier.told-after-release", "identifier.stays-released"} <= findings(archive)


def test_the_same_identifiers_a_year_later_lead_to_no_pass(archive: Archive) -> None:
    collection = make_collection(archive)
    publish(archive, collection, [make_image(patient="77")])
    submissions.sweep(archive)
    arrive(archive, collection, make_image(patient="77"))
    assert rechecks(archive) == []


def test_identifiers_are_not_forgotten_while_a_pass_looks_for_them(archive: Archive) -> None:
    collection = make_collection(archive)
    publish(archive, collection, [make_image(patient="77", **CARRIES)])
    publish(archive, collection, [make_image(patient="77", **TELLS)])
    submissions.sweep(archive)
    look_again(archive)
    assert "identifier.told-after-release" in findings(archive)
    submissions.sweep(archive)
    with archive.database.transaction() as tx:
        row = tx.execute("select count(*) from quarantine.identifier where value like %s", [f"%{SURNAME}%"]).fetchone()
    assert row is not None and row[0] == 0


def test_a_delivery_of_many_series_leads_to_one_pass_which_begins_when_it_is_quiet(archive: Archive) -> None:
    collection = make_collection(archive)
    arrive(archive, collection, make_image(patient="77"))
    submission = make_submission(archive, collection)
    for number in range(8):
        deliver(archive, submission, make_series(2, patient="77", AccessionNumber=f"ACC-20{number}"))
        advance_all(archive)
    (number,) = rechecks(archive)
    assert jobs_waiting(archive, "recheck") == 1
    submissions.recheck(archive, number)
    with archive.database.transaction() as tx:
        row = tx.execute("select told_to from submissions.recheck").fetchone()
    assert row is not None and row.told_to == 0


def test_a_pass_that_is_stopped_goes_on_where_it_was(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    collection = make_collection(archive)
    early = [arrive(archive, collection, make_image(patient="77", **CARRIES))[0] for _ in range(3)]
    arrive(archive, collection, make_image(patient="77", **TELLS))
    make_due(archive)
    (number,) = rechecks(archive)
    monkeypatch.setattr(later, "BATCH", 1)
    submissions.recheck(archive, number, 0.0)
    advance_all(archive)
    assert [SURNAME.encode() in written(archive, one) for one in early] == [False, True, True]
    with monkeypatch.context() as patched:

        def killed(*_given: object) -> None:
            raise KeyboardInterrupt

        patched.setattr(later, "_clean_again", killed)
        with pytest.raises(KeyboardInterrupt):
            submissions.recheck(archive, number)
    submissions.recheck(archive, number, None)
    advance_all(archive)
    assert not any(SURNAME.encode() in written(archive, one) for one in early)


def test_a_name_told_while_an_object_was_being_cleaned_is_not_missed(archive: Archive) -> None:
    collection = make_collection(archive)
    (early,) = arrive(archive, collection, make_image(patient="77", **CARRIES))
    with archive.database.transaction() as tx:
        label = str((held(archive, early).facts or {})["subject_label"])
        quarantine.remember(tx, held(archive, early).series_id, collection.id, label, [("name", SURNAME)])
    advance_all(archive)
    look_again(archive)
    assert SURNAME.encode() not in written(archive, early)


def test_what_was_looked_through_for_is_kept_as_digests_only(archive: Archive) -> None:
    collection = make_collection(archive)
    arrive(archive, collection, make_image(patient="77", **TELLS))
    with archive.database.transaction() as tx:
        rows = [bytes(row.digest) for row in tx.execute("select digest from submissions.proven")]
    assert rows and all(len(one) == 16 and SURNAME.encode() not in one for one in rows)


def test_instances_of_the_current_release_are_those_looked_at(archive: Archive) -> None:
    collection = make_collection(archive)
    publish(archive, collection, [make_image(patient="77", **CARRIES)])
    uid = str(published(archive, collection)[0].SeriesInstanceUID)
    releases.withdraw(archive, SYSTEM, collection.id, uid, "privacy", "a test")
    arrive(archive, collection, make_image(patient="77", **TELLS))
    look_again(archive)
    assert "identifier.told-after-release" not in findings(archive)
    assert images.instances_of_series(archive, SYSTEM, uid) == []


def test_rules_that_take_nothing_out_of_other_objects_lead_to_no_pass(archive: Archive) -> None:
    clean = make_collection(archive, profile="verify")
    arrive(archive, clean, make_image(patient="77", **CARRIES))
    scripted = make_collection(archive, "SCRIPT-1")
    script = '<script><e en="T" t="00100010" n="PatientName">@keep()</e></script>'
    version = submissions.write_rules(archive, SYSTEM, scripted.id, collections.RulesDraft("ctp", script))
    submissions.enforce_rules(archive, SYSTEM, scripted.id, version)
    for collection in (clean, scripted):
        arrive(archive, collection, make_image(patient="77", **CARRIES))
        arrive(archive, collection, make_image(patient="77", **TELLS))
    assert rechecks(archive) == []


def test_a_pass_ends_where_the_rules_take_nothing_out_any_more(archive: Archive) -> None:
    collection = make_collection(archive)
    (early,) = arrive(archive, collection, make_image(patient="77", **CARRIES))
    arrive(archive, collection, make_image(patient="77", **TELLS))
    enforce(archive, collection, "verify")
    before = held(archive, early).clean_digest
    look_again(archive)
    assert rechecks(archive) == [] and held(archive, early).clean_digest == before


def test_a_pass_is_put_off_while_the_rules_cannot_be_carried_out(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = make_collection(archive)
    (early,) = arrive(archive, collection, make_image(patient="77", **CARRIES))
    arrive(archive, collection, make_image(patient="77", **TELLS))

    def refuse(_policy: object) -> None:
        raise submissions.RulesRefused("They contradict themselves.")

    with monkeypatch.context() as patched:
        patched.setattr(later, "profile_for", refuse)
        look_again(archive)
    assert len(rechecks(archive)) == 1 and SURNAME.encode() in written(archive, early)
    look_again(archive)
    assert SURNAME.encode() not in written(archive, early)
