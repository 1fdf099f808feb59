"""From cleared to released, and back out."""

import pytest

from invivo import accounts, downloads, images, notices, quarantine, releases, reviews, search, submissions
from invivo.archive import Archive
from invivo.errors import Invalid, Refused
from invivo.worker import VERBS
from tests.factories import (
    SYSTEM,
    actor_named,
    advance_all,
    approve_all,
    deliver,
    make_collection,
    make_person,
    make_series,
    make_submission,
    publish,
)

UIDS = {"study": "1.2.3", "series": "1.2.3.4"}


def found(archive: Archive) -> search.FoundPage:
    return search.find(archive, accounts.ANONYMOUS, search.ALL)


def test_a_release_makes_exactly_what_was_cleared_public(archive: Archive) -> None:
    collection = make_collection(archive)
    assert publish(archive, collection, make_series(3)) == 1
    page = found(archive)
    assert [(row.instance_count, row.modality) for row in page.rows] == [(3, "CT")]
    files = downloads.select(archive, accounts.ANONYMOUS, collection="LUNG-1").files
    assert all(archive.objects.holds(file.digest) for file in files)


def test_no_name_reaches_the_public_store_or_tables(archive: Archive) -> None:
    publish(archive, make_collection(archive), make_series(2, PatientName="Zebulon^Quixotic", patient="MRN-778899"))
    for row in found(archive).rows:
        assert "MRN-778899" not in str(row)
        for header in images.headers_of(archive, row.key):
            assert "Zebulon" not in str(header)
    for path in archive.objects.root.rglob("*"):
        assert not path.is_file() or b"Zebulon" not in path.read_bytes()


def test_open_items_block_a_release_and_deferred_ones_do_not(archive: Archive) -> None:
    collection = make_collection(archive)
    submission = make_submission(archive, collection)
    deliver(archive, submission, make_series(1))
    deliver(archive, submission, make_series(1))
    advance_all(archive)
    first, second = reviews.queue(archive, SYSTEM).items
    reviews.decide(archive, SYSTEM, [first.id], "approve", "looked at")
    with pytest.raises(releases.NotSettled, match="1 review items without a decision"):
        releases.publish(archive, SYSTEM, collection.id)
    reviews.decide(archive, SYSTEM, [second.id], "defer", "tomorrow")
    assert releases.publish(archive, SYSTEM, collection.id) == 1
    assert found(archive).total == 1


def test_an_empty_release_is_refused(archive: Archive) -> None:
    with pytest.raises(releases.NothingToPublish):
        releases.publish(archive, SYSTEM, make_collection(archive).id)


def test_more_slices_make_a_new_revision_and_the_old_release_stays(archive: Archive) -> None:
    collection = make_collection(archive)
    files = make_series(5, **UIDS)
    publish(archive, collection, files[:3])
    uid = found(archive).rows[0].series_uid
    assert publish(archive, collection, files[3:]) == 2
    now, before = (images.find_series(archive, SYSTEM, uid, release) for release in (None, 1))
    assert (now.instance_count, now.revision, before.instance_count, before.revision) == (5, 2, 3, 1)


def test_the_same_object_sent_again_after_its_release_is_known(archive: Archive) -> None:
    collection = make_collection(archive)
    files = make_series(2, **UIDS)
    publish(archive, collection, files)
    assert [one.outcome for one in deliver(archive, make_submission(archive, collection), files)] == ["repeated"] * 2


def test_originals_are_deleted_after_the_release(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    collection = make_collection(archive)
    files = make_series(2, **UIDS)
    publish(archive, collection, files)
    removal = archive.held.remove
    monkeypatch.setattr(type(archive.held), "remove", lambda _self, digest: removal(digest, 0))
    archive.held.settle()
    submissions.sweep(archive)
    assert not [path for path in archive.held.root.rglob("*") if path.is_file()]
    deliver(archive, make_submission(archive, collection), files)
    archive.held.settle()
    submissions.sweep(archive)
    assert not [path for path in archive.held.root.rglob("*") if path.is_file()], "a repeat brought an original back"


def test_a_withdrawn_series_leaves_a_tombstone_and_may_come_again(archive: Archive) -> None:
    collection = make_collection(archive)
    files = make_series(2, **UIDS)
    publish(archive, collection, files)
    uid = found(archive).rows[0].series_uid
    assert releases.withdraw(archive, SYSTEM, collection.id, uid, "consent", "The subject withdrew.") == 2
    assert found(archive).total == 0
    stone = releases.tombstone_of(archive, accounts.ANONYMOUS, uid)
    assert (stone.release_number, stone.reason_class) == (2, "consent")
    with pytest.raises(images.UnknownSeries):
        images.find_series(archive, SYSTEM, uid)
    assert images.find_series(archive, SYSTEM, uid, 1).instance_count == 2
    publish(archive, collection, files)
    assert found(archive).total == 1


def test_withdrawing_needs_a_public_reason(archive: Archive) -> None:
    collection = make_collection(archive)
    publish(archive, collection, make_series(1))
    with pytest.raises(Invalid):
        releases.withdraw(archive, SYSTEM, collection.id, found(archive).rows[0].series_uid, "consent", " ")


def test_a_submitter_cannot_publish(archive: Archive) -> None:
    collection = make_collection(archive)
    make_person(archive, "sam")
    with pytest.raises(Refused):
        releases.publish(archive, actor_named(archive, "sam"), collection.id)


def test_release_on_receipt_publishes_by_rule_through_the_same_steps(archive: Archive) -> None:
    collection = make_collection(archive, review_rule="on-receipt")
    deliver(archive, make_submission(archive, collection), make_series(3))
    advance_all(archive)
    VERBS["publish"](archive, str(collection.id))
    assert found(archive).rows[0].instance_count == 3
    with archive.database.transaction() as tx:
        row = tx.execute("select decided_by from reviews.item").fetchone()
    assert row.decided_by == "rule:on-receipt"


def test_two_persons_must_approve_where_the_policy_says_so(archive: Archive) -> None:
    collection = make_collection(archive, review_rule="two-persons")
    deliver(archive, make_submission(archive, collection), make_series(1))
    advance_all(archive)
    for name in ("one", "two"):
        make_person(archive, name, "curator")
    item = reviews.queue(archive, SYSTEM).items[0]
    assert reviews.decide(archive, actor_named(archive, "one"), [item.id], "approve", "fine") == {item.id: "open"}
    with pytest.raises(Refused, match="second person"):
        reviews.decide(archive, actor_named(archive, "one"), [item.id], "approve", "fine")
    assert reviews.decide(archive, actor_named(archive, "two"), [item.id], "approve", "fine") == {item.id: "approved"}


def test_a_decision_can_be_taken_back_until_the_release(archive: Archive) -> None:
    collection = make_collection(archive)
    deliver(archive, make_submission(archive, collection), make_series(1))
    advance_all(archive)
    approve_all(archive)
    item = reviews.queue(archive, SYSTEM, states=("approved",)).items[0]
    reviews.decide(archive, SYSTEM, [item.id], "reopen")
    with archive.database.transaction() as tx:
        assert quarantine.cleared_of(tx, collection.id) == []


def test_deciding_twice_tells_the_second(archive: Archive) -> None:
    collection = make_collection(archive)
    deliver(archive, make_submission(archive, collection), make_series(1))
    advance_all(archive)
    item = reviews.queue(archive, SYSTEM).items[0]
    reviews.decide(archive, SYSTEM, [item.id], "reject", "bad")
    with pytest.raises(reviews.decision.Conflict, match="rejected"):
        reviews.decide(archive, SYSTEM, [item.id], "approve", "good")


@pytest.mark.parametrize(("access", "told"), [("open", 1), ("private", 0)])
def test_who_asked_to_be_told_of_releases_is_told_unless_the_collection_is_hidden(
    archive: Archive, access: str, told: int
) -> None:
    person, collection = make_person(archive, "eve").id, make_collection(archive, access=access)
    with archive.database.transaction() as tx:
        notices.subscribe(tx, person, f"collection:{collection.id}")
    publish(archive, collection, make_series(1))
    with archive.database.transaction() as tx:
        found = notices.inbox(tx, person)
    assert [one.link for one in found] == ["/collections/LUNG-1/releases/1"] * told
