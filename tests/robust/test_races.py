"""Two at once: one wins, the other is told with a stable code, and nothing is done twice."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from invivo import accounts, audit, collections, releases, reviews, submissions
from invivo.archive import Archive
from invivo.errors import InvivoError
from tests.factories import SYSTEM, actor_named, advance_all, deliver, make_collection, make_image, make_submission
from tests.robust import test_kill_access as access
from tests.robust import test_kill_deposits as deposits
from tests.robust import test_kill_releasing as releasing

pytestmark = pytest.mark.slow
Verb = Callable[[], Any]


def at_once(*verbs: Verb) -> list[str]:
    """Run verbs in threads that start together; return how each ended, in their order."""
    outcomes = [""] * len(verbs)
    start = threading.Barrier(len(verbs))

    def run(number: int) -> None:
        start.wait()
        try:
            verbs[number]()
            outcomes[number] = "done"
        except InvivoError as error:
            outcomes[number] = error.kind

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(verbs))]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    return outcomes


def journal(archive: Archive, verb: str) -> int:
    with archive.database.transaction() as tx:
        return sum(entry.verb == verb for entry in audit.newest(tx, 500))


def curators(archive: Archive, *names: str, role: str = "curator") -> list[accounts.Actor]:
    for name in names:
        person = access.person(archive, name).person_id or 0
        collections.add_member(archive, SYSTEM, 1, person, role)
    return [actor_named(archive, name) for name in names]


def held(archive: Archive, count: int = 1) -> list[int]:
    submission = make_submission(archive, make_collection(archive))
    for number in range(count):
        deliver(archive, submission, [make_image(patient=f"P-{number}")])
    advance_all(archive)
    return [one.id for one in reviews.queue(archive, SYSTEM).items]


def test_of_two_curators_who_decide_at_once_one_wins(archive: Archive) -> None:
    items = held(archive, 3)
    cora, carl = curators(archive, "cora", "carl")
    outcomes = at_once(
        lambda: reviews.decide(archive, cora, items, "approve", "fine"),
        lambda: reviews.decide(archive, carl, list(reversed(items)), "reject", "not ours"),
    )
    assert sorted(outcomes) == ["done", "review.decided"]
    states = {reviews.item_named(archive, SYSTEM, one).state for one in items}
    assert len(states) == 1


def test_a_finding_and_the_second_reading_of_one_person_are_one(archive: Archive) -> None:
    items = held(archive)
    (cora,) = curators(archive, "cora")
    outcomes = at_once(*[lambda: reviews.decide(archive, cora, items, "approve", "fine")] * 2)
    assert sorted(set(outcomes)) in (["done"], ["done", "review.decided"])
    assert journal(archive, "review.approve") == 1


def test_two_of_a_committee_cast_the_deciding_vote_and_one_is_told(archive: Archive) -> None:
    (number,) = access.at_committee(archive)
    cora, carl = actor_named(archive, "cora"), curators(archive, "carl", role="committee")[0]
    outcomes = at_once(
        lambda: collections.vote(archive, cora, number, "approve", "because"),
        lambda: collections.vote(archive, carl, number, "decline", "because"),
    )
    assert sorted(outcomes) == ["done", "request.decided"]
    made = collections.request_by_id(archive, actor_named(archive, "ada"), number)
    assert (made.state == "approved") is (outcomes[0] == "done")


def test_an_approval_and_its_withdrawal_at_once_leave_one_state(archive: Archive) -> None:
    (number,) = access.at_committee(archive)
    ada, cora = actor_named(archive, "ada"), actor_named(archive, "cora")
    outcomes = at_once(
        lambda: collections.vote(archive, cora, number, "approve", "because"),
        lambda: collections.withdraw_request(archive, ada, number),
    )
    assert outcomes.count("done") == 1, outcomes


def test_an_official_who_clicks_twice_answers_once(archive: Archive) -> None:
    _, secret = access.at_official(archive)
    outcomes = at_once(*[lambda: collections.official_answers(archive, secret, confirms=True)] * 2)
    assert outcomes.count("done") == 1, outcomes


def test_two_owners_who_leave_at_once_leave_one(archive: Archive) -> None:
    made = make_collection(archive)
    olga, otto = curators(archive, "olga", "otto", role="owner")
    outcomes = at_once(
        lambda: collections.remove_member(archive, olga, made.id, olga.person_id or 0, "owner"),
        lambda: collections.remove_member(archive, otto, made.id, otto.person_id or 0, "owner"),
    )
    assert sorted(outcomes) == ["collection.last-owner", "done"]
    assert [one.role for one in collections.members_of(archive, SYSTEM, made.id)] == ["owner"]


def test_an_editors_double_click_opens_once(archive: Archive) -> None:
    _, secret = releasing.embargoed(archive)
    assert at_once(*[lambda: releases.click(archive, secret)] * 3) == ["done"] * 3
    at_once(*[lambda: releases.open_by_link(archive, "1")] * 2)
    assert journal(archive, "embargo.end") == 1


def test_of_two_who_countersign_one_opens_and_one_is_told(archive: Archive) -> None:
    (number,) = deposits.signed(archive)
    cleo, carl = actor_named(archive, "cleo"), actor_named(archive, "carl")
    outcomes = at_once(
        lambda: submissions.countersign(archive, cleo, number, "Cleo Clerk", submissions.Opening("CHEST-1")),
        lambda: submissions.countersign(archive, carl, number, "Carl Clerk", submissions.Opening("CHEST-2")),
    )
    assert outcomes.count("done") == 1, outcomes
    assert len(collections.listed(archive, SYSTEM)) == 1
    assert journal(archive, "proposal.open") == 1


def test_two_workers_make_a_scheduled_release_once(archive: Archive) -> None:
    (number,) = releasing.scheduled(archive)
    outcomes = at_once(*[lambda: releases.run_scheduled(archive, "1")] * 2)
    assert "done" in outcomes
    releases.run_scheduled(archive, "1")
    assert [one.number for one in releases.releases_of(archive, SYSTEM, number)] == [1]
    assert releases.schedules_of(archive, SYSTEM, number)[0].state == "done"


def test_two_who_publish_at_once_make_one_release(archive: Archive) -> None:
    (number,) = releasing.cleared(archive)
    outcomes = at_once(*[lambda: releases.publish(archive, SYSTEM, number, "now")] * 2)
    assert outcomes.count("done") == 1, outcomes
    assert set(outcomes) - {"done"} <= {"release.empty", "release.being-made"}
    assert [one.number for one in releases.releases_of(archive, SYSTEM, number)] == [1]


def test_what_is_taken_back_while_a_release_is_made_is_in_it_whole_or_not_at_all(archive: Archive) -> None:
    (number,) = releasing.cleared(archive)
    items = [one.id for one in reviews.queue(archive, SYSTEM, states=("approved",)).items]
    outcomes = at_once(
        lambda: releases.publish(archive, SYSTEM, number, "now"),
        lambda: reviews.decide(archive, SYSTEM, items[:1], "reopen", "again"),
    )
    released = releases.releases_of(archive, SYSTEM, number)
    stood = reviews.item_named(archive, SYSTEM, items[0]).state
    assert [one.series_added for one in released] in ([1], [2], [])
    assert (outcomes[1] == "done") is (stood in ("open", "deferred")), (outcomes, stood)
    if released and released[0].series_added == 2:
        assert stood not in ("open", "deferred")


def test_a_schedule_is_made_or_cancelled_never_both(archive: Archive) -> None:
    (number,) = releasing.scheduled(archive)
    asked = releases.schedules_of(archive, SYSTEM, number)[0]
    outcomes = at_once(
        lambda: releases.cancel(archive, SYSTEM, asked.id), lambda: releases.run_scheduled(archive, str(asked.id))
    )
    state = releases.schedules_of(archive, SYSTEM, number)[0].state
    made = len(releases.releases_of(archive, SYSTEM, number))
    assert (state, made) in (("done", 1), ("cancelled", 0)), outcomes
    assert (outcomes[0] == "done") is (state == "cancelled"), outcomes


def test_two_names_in_one_archive_are_given_once(archive: Archive) -> None:
    draft = collections.Draft("LUNG-1", "Lung")
    outcomes = at_once(*[lambda: collections.create(archive, SYSTEM, draft)] * 2)
    assert sorted(outcomes) == ["collection.name-taken", "done"]


@pytest.mark.parametrize("first", ["withdraw", "edit"])
def test_a_proposal_that_is_decided_meanwhile_is_not_changed(archive: Archive, first: str) -> None:
    (number,) = deposits.submitted(archive)
    petra, cleo = actor_named(archive, "petra"), actor_named(archive, "cleo")
    verbs: dict[str, Verb] = {
        "withdraw": lambda: submissions.withdraw_proposal(archive, petra, number),
        "edit": lambda: submissions.save_proposal(archive, petra, number, "Other title", deposits.ANSWERS),
    }
    outcomes = at_once(
        verbs[first], lambda: submissions.decide_proposal(archive, cleo, number, "accept", "good", "yes")
    )
    assert outcomes.count("done") == 1, outcomes
