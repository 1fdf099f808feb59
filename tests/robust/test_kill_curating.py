"""Curating survives `kill -9` at every point of each transition, and so does the worker in the middle of its jobs."""

from collections.abc import Callable
from typing import Any

import pytest

from invivo import quarantine, reviews, submissions
from invivo.archive import Archive
from tests.factories import (
    SYSTEM,
    advance_all,
    deliver,
    make_collection,
    make_image,
    make_person,
    make_submission,
)
from tests.robust.killing import Case, work

pytestmark = pytest.mark.slow
STEPS = (reviews.Step("visual", "Visual review", "Look.", True),)


def held(archive: Archive, **policy: Any) -> tuple[int, ...]:
    """Hold three series of two subjects; return their items."""
    submission = make_submission(archive, make_collection(archive, **policy))
    for number in range(3):
        deliver(archive, submission, [make_image(patient=f"P-{number % 2}")])
    advance_all(archive)
    submissions.gather_values(archive, 1, None, rest_s=0)
    return tuple(one.id for one in reviews.queue(archive, SYSTEM).items)


def held_for_two(archive: Archive) -> tuple[int, ...]:
    return held(archive, review_rule="two-persons")


def approve(archive: Archive, *items: int) -> None:
    reviews.decide(archive, SYSTEM, list(items), "approve", "looked at")


def reject(archive: Archive, *items: int) -> None:
    reviews.decide(archive, SYSTEM, list(items[:1]), "reject", "not ours")


def reject_and_bury(archive: Archive, *_: int) -> None:
    """What the worker does with what was rejected; files that are young stay for a while."""
    store = type(archive.held)
    keep = store.remove
    store.remove = lambda held, digest, age_s=0: keep(held, digest, 0)  # type: ignore[method-assign]
    try:
        while quarantine.bury(archive):
            continue
    finally:
        store.remove = keep  # type: ignore[method-assign]


def rejected(archive: Archive) -> tuple[int, ...]:
    items = held(archive)
    reject(archive, *items)
    return items


def decide_all(archive: Archive, *_: int) -> None:
    chosen = reviews.Chosen(1)
    found = reviews.gather(archive, SYSTEM, chosen)
    names = [group.name for group in found.groups.values() if group.count and group.name in ("clear", "held")]
    reviews.decide_groups(archive, SYSTEM, chosen, names, digest=found.digest(*names), verdict="approve", reason="all")
    work(archive)


def assign(archive: Archive, *items: int) -> None:
    reviews.assign(archive, SYSTEM, list(items), 1)


def held_with_curator(archive: Archive) -> tuple[int, ...]:
    make_person(archive, "cora", "curator")
    return held(archive)


def batches(archive: Archive, *_: int) -> None:
    reviews.make_batches(archive, SYSTEM, 1, name="Half", size=2)


def with_checklist(archive: Archive) -> tuple[int, ...]:
    make_collection(archive)
    reviews.set_checklist(archive, SYSTEM, 1, STEPS)
    found = reviews.checklist_of(archive, SYSTEM, 1)
    assert found is not None
    return (found.round,)


def record(archive: Archive, number: int) -> None:
    reviews.record_step(archive, SYSTEM, 1, "visual", "done", "", seen=(number, 0))


def begun(archive: Archive) -> tuple[Any, ...]:
    make_submission(archive, make_collection(archive))
    return (1, [make_image()])


def receive(archive: Archive, submission_id: int, files: list[bytes]) -> None:
    origin = submissions.Origin("import", SYSTEM, submission_id)
    for content in files:
        submissions.receive(archive, origin, [content])
    for store in (archive.held, archive.objects):
        store.settle()


def received(archive: Archive) -> tuple[Any, ...]:
    receive(archive, *begun(archive))
    return ()


def clean(archive: Archive, *_: int) -> None:
    choice = quarantine.ValueChoice(1, path="SeriesDescription")
    value = next(iter(submissions.report_values(archive, SYSTEM, choice, limit=10).values))
    submissions.clean_everywhere(archive, SYSTEM, 1, submissions.Cleaning((value.id,)))


def cleaning(archive: Archive) -> tuple[int, ...]:
    items = held(archive)
    clean(archive)
    return items


def move(archive: Archive, *_: int) -> None:
    found = sorted(submissions.movable_of(archive, SYSTEM, 1), key=lambda one: one.id)
    wanted = submissions.Wanted("subject", (found[0].id,), subject_label=found[1].subject_label)
    submissions.move(archive, SYSTEM, 1, wanted)


def moved(archive: Archive) -> tuple[int, ...]:
    items = held(archive)
    move(archive)
    advance_all(archive)
    return items


def undo(archive: Archive, *_: int) -> None:
    submissions.undo_move(archive, SYSTEM, 1, 1)


def do_jobs(archive: Archive, *_: object) -> None:
    work(archive)


def settled(archive: Archive) -> tuple[int, ...]:
    """Decide everything, so that the settle job waits."""
    items = held(archive)
    approve(archive, *items)
    return items


CASES = (
    Case("decide-one", held, approve),
    Case("decide-first-of-two", held_for_two, approve),
    Case("reject", held, reject),
    Case("bury", rejected, reject_and_bury, rests=reject_and_bury, needs_difference=False),
    Case("decide-all", held, decide_all),
    Case("settle-job", settled, do_jobs, needs_difference=False),
    Case("assign", held_with_curator, assign, may_repeat=True),
    Case("batches", held, batches),
    Case("record-step", with_checklist, record),
    Case("receive", begun, receive, may_repeat=True),
    Case("advance-job", received, do_jobs, needs_difference=False),
    Case("clean-everywhere", held, clean),
    Case("rerun-job", cleaning, do_jobs, needs_difference=False),
    Case("move", held, move),
    Case("undo-move", moved, undo),
)


@pytest.mark.parametrize("case", CASES, ids=lambda one: one.name)
def test_a_killed_transition_is_done_or_not_begun(case: Case, proves: Callable[[Case], int]) -> None:
    assert proves(case) > 0
