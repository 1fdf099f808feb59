"""Who has what, what it is narrowed to, and batches that are worked off."""

import pytest

from invivo import accounts, collections, notices, reviews
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid
from invivo.reviews import Narrow
from tests.factories import (
    SYSTEM,
    actor_named,
    advance_all,
    deliver,
    make_collection,
    make_image,
    make_person,
    make_submission,
)


@pytest.fixture
def items(archive: Archive) -> list[int]:
    submission = make_submission(archive, make_collection(archive, review_rule="two-persons"))
    for n in range(5):
        deliver(archive, submission, [make_image(patient=f"P-{n % 2}", Modality="MR" if n == 4 else "CT")])
    advance_all(archive)
    return [one.id for one in reviews.queue(archive, SYSTEM).items]


def person(archive: Archive, name: str, role: str = "curator") -> accounts.Actor:
    made = make_person(archive, name)
    collections.add_member(archive, SYSTEM, 1, made.id, role)
    return actor_named(archive, name)


def asked(archive: Archive, actor: accounts.Actor, **narrow: str) -> list[int]:
    return [one.id for one in reviews.queue(archive, actor, narrow=Narrow(**narrow)).items]  # type: ignore[arg-type]


def test_what_is_taken_is_mine_and_not_nobodys(archive: Archive, items: list[int]) -> None:
    cora, carl = person(archive, "cora"), person(archive, "carl")
    assert reviews.assign(archive, cora, items[:2], cora.person_id) == 2
    assert asked(archive, cora, who="mine") == items[:2]
    assert asked(archive, carl, who="mine") == []
    assert asked(archive, carl, who="others") == items[:2]
    assert asked(archive, carl, who="nobody") == items[2:]
    assert reviews.facets(archive, carl).who == {"mine": 0, "nobody": 3, "others": 2, "second": 0, "read": 0}


def test_what_somebody_has_taken_is_not_taken_away_but_by_an_owner(archive: Archive, items: list[int]) -> None:
    cora, carl, olga = person(archive, "cora"), person(archive, "carl"), person(archive, "olga", "owner")
    reviews.assign(archive, cora, items[:1], cora.person_id)
    with pytest.raises(reviews.TakenByOther, match="cora"):
        reviews.assign(archive, carl, items, carl.person_id)
    assert asked(archive, carl, who="mine") == []
    assert reviews.assign(archive, olga, items[:1], carl.person_id) == 1
    assert asked(archive, carl, who="mine") == items[:1]


def test_nothing_is_given_to_who_does_not_curate(archive: Archive, items: list[int]) -> None:
    sam = person(archive, "sam", "submitter")
    with pytest.raises(Invalid):
        reviews.assign(archive, SYSTEM, items, sam.person_id)
    assert [one.label for one in reviews.curators_of(archive, SYSTEM, 1)] == []


def test_who_is_given_work_is_told(archive: Archive, items: list[int]) -> None:
    cora = person(archive, "cora")
    reviews.assign(archive, SYSTEM, items, cora.person_id)
    with archive.database.transaction() as tx:
        found = notices.inbox(tx, cora.person_id or 0)
    assert [one.subject for one in found] == ["5 series were given to you"]


def test_what_one_person_approved_waits_for_another(archive: Archive, items: list[int]) -> None:
    cora, carl = person(archive, "cora"), person(archive, "carl")
    reviews.assign(archive, cora, items[:1], cora.person_id)
    reviews.decide(archive, cora, items[:1], "approve")
    assert asked(archive, cora, who="second") == []
    assert asked(archive, carl, who="second") == items[:1]
    assert asked(archive, carl, who="nobody") == items
    assert reviews.facets(archive, carl).who["second"] == 1
    assert asked(archive, cora, who="read") == items[:1]
    assert (reviews.facets(archive, cora).who["second"], reviews.facets(archive, cora).who["read"]) == (0, 1)
    seen = reviews.evidence_of(archive, cora, 1, None)
    assert (seen.read_once, seen.read_by_actor) == (1, 1)
    assert reviews.evidence_of(archive, carl, 1, None).read_by_actor == 0
    assert list(reviews.gather(archive, cora, reviews.Chosen(1)).groups) == ["second", "clear"]


def test_facets_count_what_their_links_open(archive: Archive, items: list[int]) -> None:
    found = reviews.facets(archive, SYSTEM)
    assert found.modality == {"CT": 4, "MR": 1}
    assert found.worst == {"hold": 0, "warning": 0, "none": 5}
    for name, count in found.modality.items():
        assert len(asked(archive, SYSTEM, modality=name)) == count
    assert reviews.facets(archive, SYSTEM, narrow=Narrow(modality="MR")).modality == {"CT": 4, "MR": 1}
    assert reviews.facets(archive, SYSTEM, narrow=Narrow(modality="MR")).who["nobody"] == 1


@pytest.mark.parametrize("wrong", [{"who": "me"}, {"worst": "bad"}])
def test_a_queue_that_there_is_not_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        Narrow(**wrong)  # type: ignore[arg-type]


def test_batches_keep_subjects_together_and_go_round(archive: Archive, items: list[int]) -> None:
    cora, carl = person(archive, "cora"), person(archive, "carl")
    people = [cora.person_id or 0, carl.person_id or 0]
    made = reviews.make_batches(archive, SYSTEM, 1, name="May", size=3, people=people)
    found = reviews.batches_of(archive, cora, 1)
    assert [(one.name, one.assignee) for one in found] == [("May 1", "cora"), ("May 2", "carl")]
    assert sorted(one.total for one in found) == [2, 3]
    first = reviews.queue(archive, cora, narrow=Narrow(batch_id=made[0])).items
    assert len({one.subject_label for one in first}) == 1
    assert asked(archive, cora, who="mine") == [one.id for one in first]


def test_a_batch_says_how_far_it_is(archive: Archive, items: list[int]) -> None:
    reviews.make_batches(archive, SYSTEM, 1, name="May")
    reviews.decide(archive, SYSTEM, items[:1], "reject", "wrong")
    reviews.decide(archive, SYSTEM, items[1:2], "defer", "later")
    reviews.decide(archive, SYSTEM, items[2:3], "approve")
    one = reviews.batches_of(archive, SYSTEM)[0]
    assert (one.total, one.decided, one.deferred, one.waiting, one.read_once) == (5, 1, 1, 3, 1)


def test_a_subject_larger_than_a_batch_is_divided(archive: Archive, items: list[int]) -> None:
    reviews.make_batches(archive, SYSTEM, 1, name="May", size=2)
    assert sorted(one.total for one in reviews.batches_of(archive, SYSTEM)) == [1, 2, 2]


def test_an_item_is_in_one_batch_only(archive: Archive, items: list[int]) -> None:
    first = reviews.make_batches(archive, SYSTEM, 1, name="May", narrow=Narrow(modality="MR"))
    reviews.make_batches(archive, SYSTEM, 1, name="June")
    assert [one.total for one in reviews.batches_of(archive, SYSTEM)] == [1, 4]
    with pytest.raises(Conflict):
        reviews.make_batches(archive, SYSTEM, 1, name="July")
    reviews.dissolve_batch(archive, SYSTEM, first[0])
    assert [one.total for one in reviews.batches_of(archive, SYSTEM)] == [4]


def test_a_name_is_taken_once_and_nothing_is_half_made(archive: Archive, items: list[int]) -> None:
    reviews.make_batches(archive, SYSTEM, 1, name="May", narrow=Narrow(modality="MR"))
    with pytest.raises(Conflict):
        reviews.make_batches(archive, SYSTEM, 1, name="May")
    assert len(reviews.batches_of(archive, SYSTEM)) == 1
