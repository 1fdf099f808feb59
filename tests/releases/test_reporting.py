"""Reports of quality control: each change of each series once, in NBIA's words, and only for who curates."""

from datetime import timedelta

import pytest

from invivo import releases, reviews, search
from invivo.archive import Archive
from invivo.errors import Refused
from invivo.releases import Named, ReportAsked
from tests.factories import (
    SYSTEM,
    actor_named,
    advance_all,
    deliver,
    make_collection,
    make_person,
    make_series,
    make_submission,
    publish,
)


def history(archive: Archive, asked: ReportAsked) -> list[dict[str, str]]:
    return [dict(zip(releases.EVENT_COLUMNS, one, strict=True)) for one in releases.qc_history(archive, SYSTEM, asked)]


def standing(archive: Archive, asked: ReportAsked) -> list[dict[str, str]]:
    return [dict(zip(releases.SERIES_COLUMNS, one, strict=True)) for one in releases.qc_series(archive, SYSTEM, asked)]


def test_a_series_is_followed_from_its_arrival_to_its_deletion(archive: Archive) -> None:
    make_person(archive, "cora", "curator")
    lung = make_collection(archive)
    publish(archive, lung, make_series(2))
    uid = search.find(archive, SYSTEM, search.ALL).rows[0].series_uid
    releases.withdraw_named(archive, SYSTEM, lung.id, Named(series=(uid,)), "privacy", "A face.", scope="everywhere")
    releases.ask_deletion(archive, actor_named(archive, "cora"), lung.id, [uid], "A face.")
    told = history(archive, ReportAsked(lung.id))
    assert [(one["oldStatus"], one["newStatus"]) for one in told] == [
        ("", "Not Yet Reviewed"),
        ("Not Yet Reviewed", "Stage 2"),
        ("Stage 2", "Visible"),
        ("Visible", "Not Visible"),
        ("Not Visible", "To Be Deleted"),
    ]
    assert {one["series"] for one in told} == {uid}
    assert (told[3]["comment"], told[3]["newReleasedStatus"]) == ("privacy: A face.", "No")
    assert told[4]["userId"] == "cora"
    assert [one["visibilityStatus"] for one in standing(archive, ReportAsked(lung.id))] == ["To Be Deleted"]


def test_decisions_have_their_states(archive: Archive) -> None:
    lung = make_collection(archive)
    submission = make_submission(archive, lung)
    for _ in range(2):
        deliver(archive, submission, make_series(1))
    advance_all(archive)
    first, second = reviews.queue(archive, SYSTEM).items
    reviews.decide(archive, SYSTEM, [first.id], "reject", "blurred")
    reviews.decide(archive, SYSTEM, [second.id], "defer", "tomorrow")
    now = sorted(one["visibilityStatus"] for one in standing(archive, ReportAsked()))
    assert now == ["Delete", "Stage 3"]


def test_days_and_sites_narrow_a_report(archive: Archive) -> None:
    lung = make_collection(archive)
    publish(archive, lung, make_series(1))
    today = archive.clock().date()
    assert history(archive, ReportAsked(lung.id, since=today + timedelta(days=1))) == []
    assert len(history(archive, ReportAsked(lung.id, since=today, until=today))) == 3
    assert standing(archive, ReportAsked(lung.id, site="BERLIN")) == []


def test_many_series_come_in_portions_and_each_once(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases.reporting, "AT_ONCE", 2)
    lung = make_collection(archive)
    submission = make_submission(archive, lung)
    for _ in range(5):
        deliver(archive, submission, make_series(1))
    advance_all(archive)
    told = [one["series"] for one in standing(archive, ReportAsked(lung.id))]
    assert len(told) == len(set(told)) == 5


def test_only_curators_get_reports(archive: Archive) -> None:
    lung = make_collection(archive)
    make_person(archive, "bob")
    for asked in (ReportAsked(lung.id), ReportAsked()):
        with pytest.raises(Refused):
            list(releases.qc_history(archive, actor_named(archive, "bob"), asked))
