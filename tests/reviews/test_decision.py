"""Decisions: all or none, one winner of two, two persons where the collection asks for two, and many at once."""

from threading import Barrier, Thread

import pytest

from invivo import accounts, audit, collections, jobs, quarantine, releases, reviews
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, Refused
from invivo.reviews import settling
from tests.factories import (
    SYSTEM,
    actor_named,
    advance_all,
    deliver,
    make_collection,
    make_image,
    make_person,
    make_series,
    make_submission,
)

ALL = ("open", "deferred", "approved", "rejected")


def hold(archive: Archive, count: int, **fields: str) -> list[int]:
    """Hold so many series in a new collection; return their items."""
    submission = make_submission(archive, make_collection(archive, **fields))
    for _ in range(count):
        deliver(archive, submission, [make_image()])
    advance_all(archive)
    return [one.id for one in reviews.queue(archive, SYSTEM).items]


def states(archive: Archive) -> list[str]:
    return [one.state for one in reviews.queue(archive, SYSTEM, states=ALL).items]


def held(archive: Archive) -> dict[str, int]:
    with archive.database.transaction() as tx:
        return quarantine.counts_of_collection(tx, 1)


def curator(archive: Archive, name: str) -> accounts.Actor:
    make_person(archive, name, "curator")
    return actor_named(archive, name)


def test_of_two_curators_at_once_one_wins_and_the_other_is_told_who(archive: Archive) -> None:
    ids = hold(archive, 3)
    people = [curator(archive, "cora"), curator(archive, "carl")]
    told: list[str] = []
    start = Barrier(2)

    def go(actor: accounts.Actor, verdict: str) -> None:
        start.wait()
        try:
            reviews.decide(archive, actor, ids, verdict, "a reason")
        except reviews.Decided as error:
            told.append(error.message)

    threads = [Thread(target=go, args=pair) for pair in zip(people, ("approve", "reject"), strict=True)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(told) == 1
    assert len(set(states(archive))) == 1
    winner = "cora" if states(archive)[0] == "approved" else "carl"
    assert f"{states(archive)[0]} by {winner}" in told[0]
    assert held(archive) == ({"cleared": 3} if winner == "cora" else {"discarded": 3})


def test_if_one_of_many_is_decided_none_is(archive: Archive) -> None:
    ids = hold(archive, 3)
    reviews.decide(archive, SYSTEM, ids[:1], "approve")
    with pytest.raises(reviews.Decided, match="1 of 3 are decided already"):
        reviews.decide(archive, SYSTEM, ids, "reject", "a reason")
    assert states(archive) == ["approved", "open", "open"]


def test_many_are_reopened_together_until_one_is_released(archive: Archive) -> None:
    ids = hold(archive, 2)
    reviews.decide(archive, SYSTEM, ids, "approve")
    reviews.decide(archive, SYSTEM, ids, "reopen")
    assert held(archive) == {"cleaned": 2}
    reviews.decide(archive, SYSTEM, ids[:1], "approve")
    reviews.decide(archive, SYSTEM, ids[1:], "defer", "later")
    releases.publish(archive, SYSTEM, 1, "")
    with pytest.raises(Conflict, match="released already"):
        reviews.decide(archive, SYSTEM, ids, "reopen")
    assert states(archive) == ["approved", "deferred"]


def test_each_decision_of_many_stands_in_the_journal_at_its_item(archive: Archive) -> None:
    ids = hold(archive, 2)
    reviews.decide(archive, SYSTEM, ids, "defer", "later")
    with archive.database.transaction() as tx:
        found = [audit.history(tx, f"review:{one}")[0] for one in ids]
    assert [(one.verb, one.detail) for one in found] == [("review.defer", {"reason": "later", "state": "deferred"})] * 2


def test_two_persons_are_two_persons(archive: Archive) -> None:
    ids = hold(archive, 1, review_rule="two-persons")
    cora, carl = curator(archive, "cora"), curator(archive, "carl")
    assert reviews.decide(archive, cora, ids, "approve") == {ids[0]: "open"}
    assert held(archive) == {"cleaned": 1}
    with pytest.raises(Refused):
        reviews.decide(archive, cora, ids, "approve")
    assert reviews.decide(archive, carl, ids, "approve") == {ids[0]: "approved"}
    assert held(archive) == {"cleared": 1}


def test_a_person_with_a_token_is_no_second_person(archive: Archive) -> None:
    ids = hold(archive, 1, review_rule="two-persons")
    cora = curator(archive, "cora")
    reviews.decide(archive, cora, ids, "approve")
    token = accounts.Actor("token:1", cora.person_id, cora.label, cora.site_roles)
    with pytest.raises(Refused):
        reviews.decide(archive, token, ids, "approve")
    assert states(archive) == ["open"]


def test_a_series_that_grows_is_read_by_both_again(archive: Archive) -> None:
    files = make_series(2)
    submission = make_submission(archive, make_collection(archive, review_rule="two-persons"))
    deliver(archive, submission, files[:1])
    advance_all(archive)
    item = reviews.queue(archive, SYSTEM).items[0]
    reviews.decide(archive, curator(archive, "cora"), [item.id], "approve")
    deliver(archive, submission, files[1:])
    advance_all(archive)
    assert reviews.queue(archive, SYSTEM).items[0].approved_once_by is None


def test_the_second_reader_is_told_of_the_first_only_where_the_owner_says_so(archive: Archive) -> None:
    ids = hold(archive, 1, review_rule="two-persons")
    cora, carl = curator(archive, "cora"), curator(archive, "carl")
    reviews.decide(archive, cora, ids, "approve")
    item = reviews.item_named(archive, carl, ids[0])
    assert reviews.first_reader(archive, carl, item) == ""
    assert reviews.first_reader(archive, cora, item) == "cora"
    reviews.set_second_reading(archive, SYSTEM, item.collection_id, shows_first=True)
    assert reviews.first_reader(archive, carl, item) == "cora"
    with pytest.raises(Refused):
        reviews.set_second_reading(archive, carl, item.collection_id, shows_first=False)


def test_what_no_check_has_seen_is_not_approved(archive: Archive) -> None:
    ids = hold(archive, 1)
    with archive.database.transaction() as tx:
        tx.execute("update reviews.item set newest_object_id = newest_object_id - 1 where newest_object_id > 1")
        tx.execute("update quarantine.object set id = default")
    with pytest.raises(reviews.NotSettled):
        reviews.decide(archive, SYSTEM, ids, "approve")


def test_a_large_decision_is_carried_over_by_its_job_and_blocks_a_release_until_then(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = hold(archive, 3)
    monkeypatch.setattr(settling, "MOST_AT_ONCE", 2)
    reviews.decide(archive, SYSTEM, ids, "approve")
    with archive.database.transaction() as tx:
        assert "3 series are decided on" in reviews.blocking(tx, 1)[0]
        assert [one.name for one in jobs.waiting(tx) if one.name == "settle"] == ["settle"]
    assert held(archive) == {"cleaned": 3}
    reviews.settle(archive, 1)
    assert held(archive) == {"cleared": 3}
    with archive.database.transaction() as tx:
        assert reviews.blocking(tx, 1) == []


def test_a_large_decision_is_taken_back_before_its_job_has_run(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = hold(archive, 3)
    monkeypatch.setattr(settling, "MOST_AT_ONCE", 2)
    reviews.decide(archive, SYSTEM, ids, "approve")
    reviews.decide(archive, SYSTEM, ids, "reopen")
    reviews.settle(archive, 1)
    assert held(archive) == {"cleaned": 3}
    assert states(archive) == ["open"] * 3


def test_what_came_meanwhile_is_left_to_its_own_item(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    files = make_series(2)
    submission = make_submission(archive, make_collection(archive))
    deliver(archive, submission, files[:1])
    advance_all(archive)
    monkeypatch.setattr(settling, "MOST_AT_ONCE", 0)
    reviews.decide(archive, SYSTEM, [reviews.queue(archive, SYSTEM).items[0].id], "approve")
    deliver(archive, submission, files[1:])
    advance_all(archive)
    reviews.settle(archive, 1)
    assert held(archive) == {"cleaned": 2}
    assert states(archive) == ["approved", "open"]


def test_a_decision_about_a_group_is_about_what_was_shown(archive: Archive) -> None:
    ids = hold(archive, 3)
    chosen = reviews.Chosen(1)
    shown = reviews.gather(archive, SYSTEM, chosen)
    assert {name: group.count for name, group in shown.groups.items()} == {"clear": 3}
    reviews.decide(archive, SYSTEM, ids[:1], "approve")
    with pytest.raises(reviews.Moved):
        reviews.decide_groups(archive, SYSTEM, chosen, ["clear"], digest=shown.digest("clear"), verdict="approve")
    assert states(archive) == ["approved", "open", "open"]
    again = reviews.gather(archive, SYSTEM, chosen)
    reviews.decide_groups(archive, SYSTEM, chosen, ["clear"], digest=again.digest("clear"), verdict="approve")
    assert states(archive) == ["approved"] * 3


def test_ticked_items_of_another_collection_are_refused(archive: Archive) -> None:
    ids = hold(archive, 1)
    make_person(archive, "owen")
    other = make_collection(archive, "OTHER-1")
    collections.add_member(archive, SYSTEM, other.id, actor_named(archive, "owen").person_id or 0, "curator")
    owen = actor_named(archive, "owen")
    for ask in (
        lambda: reviews.gather(archive, owen, reviews.Chosen(ticked=ids)),
        lambda: reviews.decide(archive, owen, ids, "approve"),
        lambda: reviews.assign(archive, owen, ids, owen.person_id),
    ):
        with pytest.raises(Refused):
            ask()
    assert reviews.gather(archive, owen, reviews.Chosen()).groups == {}


def test_a_group_that_a_finding_holds_needs_a_reason(archive: Archive) -> None:
    submission = make_submission(archive, make_collection(archive))
    deliver(archive, submission, [make_image(Modality="OT")])
    advance_all(archive)
    shown = reviews.gather(archive, SYSTEM, reviews.Chosen())
    assert list(shown.groups) == ["held"]
    with pytest.raises(Invalid):
        reviews.decide_groups(
            archive, SYSTEM, reviews.Chosen(), ["held"], digest=shown.digest("held"), verdict="approve"
        )
