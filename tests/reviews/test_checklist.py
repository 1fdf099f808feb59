"""Required steps block a release until somebody has recorded them, and again when more objects came."""

import pytest

from invivo import accounts, audit, collections, releases, reviews
from invivo.archive import Archive
from invivo.errors import Invalid, Refused
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
)

STEPS = (reviews.Step("visual", "Visual review", "Look.", True), reviews.Step("iod", "Validity", "", False))


@pytest.fixture
def place(archive: Archive) -> collections.Collection:
    found = make_collection(archive)
    reviews.set_checklist(archive, SYSTEM, found.id, STEPS)
    return found


def blocked(archive: Archive, place: collections.Collection) -> list[str]:
    with archive.database.transaction() as tx:
        return reviews.blocking(tx, place.id)


def standing(archive: Archive, place: collections.Collection, name: str = "visual") -> reviews.Standing:
    found = reviews.checklist_of(archive, SYSTEM, place.id)
    assert found is not None
    return next(one for one in found.steps if one.step.name == name)


def record(archive: Archive, place: collections.Collection, outcome: str = "done", remark: str = "") -> None:
    found = reviews.checklist_of(archive, SYSTEM, place.id)
    assert found is not None
    newest = standing(archive, place).record
    seen = (found.round, newest.id if newest else 0)
    reviews.record_step(archive, SYSTEM, place.id, "visual", outcome, remark, seen=seen)


def bring(archive: Archive, place: collections.Collection, files: list[bytes]) -> None:
    deliver(archive, make_submission(archive, place), files)
    advance_all(archive)


def test_a_collection_without_a_checklist_is_not_blocked(archive: Archive) -> None:
    place = make_collection(archive)
    assert blocked(archive, place) == []
    assert reviews.checklist_of(archive, SYSTEM, place.id) is None


def test_the_usual_steps_are_those_of_a_curation_manual() -> None:
    names = [one.name for one in reviews.default_steps()]
    assert names[:3] == ["import", "subjects", "counts"]
    assert len(names) == len(set(names)) == 11


def test_a_required_step_blocks_by_its_name_and_others_do_not(archive: Archive, place: collections.Collection) -> None:
    assert blocked(archive, place) == ["The required step “Visual review” of the checklist is not recorded."]
    record(archive, place)
    assert blocked(archive, place) == []


def test_many_steps_that_block_are_said_once_with_their_names(archive: Archive) -> None:
    place = make_collection(archive)
    steps = [reviews.Step(name, name.capitalize(), "", True) for name in ("one", "two", "three")]
    reviews.set_checklist(archive, SYSTEM, place.id, steps)
    assert blocked(archive, place) == ["3 required steps of the checklist are not recorded: “One”, “Two”, “Three”."]


def test_what_came_after_a_record_makes_it_stale_and_blocks_again(
    archive: Archive, place: collections.Collection
) -> None:
    files = make_series(3)
    bring(archive, place, files[:1])
    record(archive, place)
    bring(archive, place, make_series(1))
    assert (standing(archive, place).state, standing(archive, place).since) == ("stale", 1)
    assert "before 1 series came" in blocked(archive, place)[0]
    record(archive, place)
    assert blocked(archive, place) == []


def test_inspecting_again_without_new_objects_is_no_arrival(archive: Archive, place: collections.Collection) -> None:
    bring(archive, place, make_series(1))
    record(archive, place)
    advance_all(archive)
    assert standing(archive, place).state == "recorded"


def test_a_series_that_grows_counts_as_an_arrival(archive: Archive, place: collections.Collection) -> None:
    files, submission = make_series(2), make_submission(archive, place)
    deliver(archive, submission, files[:1])
    advance_all(archive)
    record(archive, place)
    deliver(archive, submission, files[1:])
    advance_all(archive)
    assert standing(archive, place).since == 1


def test_a_step_taken_back_blocks_again(archive: Archive, place: collections.Collection) -> None:
    record(archive, place)
    record(archive, place, "taken-back", "It was the wrong collection.")
    assert standing(archive, place).state == "open"
    assert len(blocked(archive, place)) == 1


def test_not_applicable_needs_a_reason_and_then_counts(archive: Archive, place: collections.Collection) -> None:
    with pytest.raises(Invalid):
        record(archive, place, "not-applicable")
    record(archive, place, "not-applicable", "There are no pictures.")
    assert blocked(archive, place) == []


def test_of_two_who_record_at_once_the_second_is_told(archive: Archive, place: collections.Collection) -> None:
    record(archive, place)
    with pytest.raises(reviews.StepMoved, match="recorded “Visual review” at"):
        reviews.record_step(archive, SYSTEM, place.id, "visual", "done", seen=(1, 0))


def test_a_release_ends_the_round_and_the_next_begins_empty(archive: Archive, place: collections.Collection) -> None:
    bring(archive, place, make_series(1))
    approve_all(archive)
    record(archive, place, "remarks", "One series is noisy.")
    number = releases.publish(archive, SYSTEM, place.id, "")
    found = reviews.checklist_of(archive, SYSTEM, place.id)
    assert found is not None
    assert (found.round, found.steps[0].record) == (2, None)
    past = reviews.rounds_of(archive, SYSTEM, place.id)[0]
    kept = past.steps[0].record
    assert (past.release_number, past.number, kept and kept.remark) == (number, 1, "One series is noisy.")


def test_a_record_from_the_round_before_is_refused(archive: Archive, place: collections.Collection) -> None:
    bring(archive, place, make_series(1))
    approve_all(archive)
    record(archive, place)
    releases.publish(archive, SYSTEM, place.id, "")
    with pytest.raises(reviews.StepMoved, match="ended the round"):
        reviews.record_step(archive, SYSTEM, place.id, "visual", "done", seen=(1, 0))


def test_withdrawing_does_not_end_the_round(archive: Archive, place: collections.Collection) -> None:
    bring(archive, place, make_series(1))
    approve_all(archive)
    record(archive, place)
    releases.publish(archive, SYSTEM, place.id, "")
    with archive.database.transaction() as tx:
        uid = tx.execute("select uid from images.series").fetchone()
    assert uid is not None
    record(archive, place)
    releases.withdraw(archive, SYSTEM, place.id, uid[0], "quality", "It is noisy.")
    assert standing(archive, place).state == "recorded"


def test_where_nobody_reviews_no_step_blocks(archive: Archive) -> None:
    place = make_collection(archive, review_rule="on-receipt")
    reviews.set_checklist(archive, SYSTEM, place.id, STEPS)
    assert blocked(archive, place) == []


@pytest.mark.parametrize(
    "steps",
    [
        [reviews.Step("a", "A"), reviews.Step("a", "B")],
        [reviews.Step("a", " ")],
        [reviews.Step("No", "A")],
        [reviews.Step("a", "A" * 121)],
        [reviews.Step(f"s{n}", "A") for n in range(41)],
    ],
)
def test_a_checklist_that_makes_no_sense_is_refused(archive: Archive, steps: list[reviews.Step]) -> None:
    place = make_collection(archive)
    with pytest.raises(Invalid):
        reviews.set_checklist(archive, SYSTEM, place.id, steps)
    assert reviews.checklist_of(archive, SYSTEM, place.id) is None


def test_only_curators_see_and_record(archive: Archive, place: collections.Collection) -> None:
    make_person(archive, "sam")
    sam = actor_named(archive, "sam")
    for ask in (reviews.checklist_of, reviews.rounds_of):
        with pytest.raises(Refused):
            ask(archive, sam, place.id)
    with pytest.raises(Refused):
        reviews.record_step(archive, sam, place.id, "visual", "done", seen=(1, 0))
    with pytest.raises(Refused):
        reviews.set_checklist(archive, accounts.ANONYMOUS, place.id, [])


def test_each_record_stands_in_the_journal_without_its_remark(archive: Archive, place: collections.Collection) -> None:
    record(archive, place, "remarks", "SECRET")
    with archive.database.transaction() as tx:
        noted = [one for one in audit.newest(tx, 10) if one.verb == "checklist.record"]
    assert [one.detail["outcome"] for one in noted] == ["remarks"]
    assert "SECRET" not in str(noted)
