"""Announced data are reminded of: once before their day, once after it, and not when they are there."""

from datetime import UTC, datetime, timedelta

import pytest

from invivo import collections, notices, submissions
from invivo.archive import Archive
from tests.factories import (
    SYSTEM,
    actor_named,
    advance_all,
    deliver,
    make_collection,
    make_person,
    make_series,
)

TODAY = datetime.now(UTC).date()


@pytest.fixture
def delivery(archive: Archive) -> submissions.Submission:
    known = make_collection(archive)
    for name, role in (("sam", "submitter"), ("cora", "curator")):
        person = make_person(archive, name)
        collections.add_member(archive, SYSTEM, known.id, person.id, role)
    return submissions.open_submission(archive, actor_named(archive, "sam"), known.id, "First")


def told(archive: Archive, name: str) -> list[str]:
    with archive.database.transaction() as tx:
        found = notices.inbox(tx, actor_named(archive, name).person_id or 0)
        return [one.subject for one in found if one.kind == "submission.due"]


def announce(archive: Archive, delivery: submissions.Submission, days: int, series: int = 3) -> None:
    line = submissions.Expected("CT", series=series, due=TODAY + timedelta(days=days))
    submissions.announce(archive, SYSTEM, delivery.id, [line])


def test_what_is_due_soon_is_told_once_to_who_delivers(archive: Archive, delivery: submissions.Submission) -> None:
    announce(archive, delivery, 8)
    assert submissions.remind_expected(archive) == 0
    announce(archive, delivery, 5)
    assert [submissions.remind_expected(archive) for _ in range(2)] == [1, 0]
    assert len(told(archive, "sam")) == 1
    assert told(archive, "cora") == []


def test_what_is_overdue_is_told_to_the_curators_too(archive: Archive, delivery: submissions.Submission) -> None:
    announce(archive, delivery, -1)
    assert [submissions.remind_expected(archive) for _ in range(2)] == [1, 0]
    assert told(archive, "sam") == told(archive, "cora") == [f"LUNG-1: data was due on {TODAY - timedelta(days=1)}"]


def test_what_has_come_is_not_asked_for(archive: Archive, delivery: submissions.Submission) -> None:
    deliver(archive, delivery, make_series(2))
    advance_all(archive)
    announce(archive, delivery, -1, series=1)
    assert submissions.remind_expected(archive) == 0
    submissions.close_submission(archive, SYSTEM, delivery.id)
    announce(archive, delivery, -1, series=5)
    assert submissions.remind_expected(archive) == 0  # nothing more is to come
