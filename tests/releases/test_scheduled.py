"""Releases that are made later, or by the worker, and what opens by a date or a click."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from invivo import accounts, collections, images, jobs, notices, releases, search
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

SOON = datetime.now(UTC) + timedelta(days=3)
TODAY = datetime.now(UTC).date()


@pytest.fixture
def lung(archive: Archive) -> Iterator[collections.Collection]:
    """A collection with a cleared series, and ada, its owner."""
    made = make_collection(archive)
    collections.add_member(archive, SYSTEM, made.id, make_person(archive, "ada").id, "owner")
    clear(archive, made)
    yield made


def clear(archive: Archive, collection: collections.Collection) -> None:
    deliver(archive, make_submission(archive, collection), make_series(2))
    advance_all(archive)
    approve_all(archive)


def shown(archive: Archive) -> int:
    return search.find(archive, accounts.ANONYMOUS, search.ALL).total


def set_due(archive: Archive, schedule_id: int) -> None:
    with archive.database.transaction() as tx:
        tx.execute("update releases.schedule set due_at = now() - interval '1 second' where id = %s", [schedule_id])


def end_embargo_by_date(archive: Archive, collection_id: int) -> None:
    with archive.database.transaction() as tx:
        tx.execute("update collections.collection set embargo_until = current_date where id = %s", [collection_id])


def work(archive: Archive) -> None:
    """Do what the worker does in one round: the periodic look, then the jobs of releases."""
    releases.tend(archive)
    with archive.database.transaction() as tx:
        waiting = [one for one in jobs.waiting(tx) if one.name in ("release", "open") and one.status == "todo"]
        tx.execute("set local search_path = jobs, public")
        tx.execute("delete from jobs.procrastinate_jobs where id = any (%s)", [[one.id for one in waiting]])
    for one in waiting:
        VERBS[one.name](archive, one.key)


def inbox_of(archive: Archive, name: str) -> list[str]:
    with archive.database.transaction() as tx:
        person = accounts.person_named(archive, name)
        return [one.kind for one in notices.inbox(tx, person.id)]


def test_a_scheduled_release_is_made_when_its_time_has_come_and_not_before(
    archive: Archive, lung: collections.Collection
) -> None:
    asked = releases.schedule(archive, actor_named(archive, "ada"), lung.id, SOON, "with notes")
    work(archive)
    assert shown(archive) == 0
    set_due(archive, asked.id)
    work(archive)
    assert shown(archive) == 1
    done = releases.schedules_of(archive, SYSTEM, lung.id)[0]
    assert (done.state, done.number, done.series_done, done.series_total) == ("done", 1, 1, 1)
    assert releases.releases_of(archive, SYSTEM, lung.id)[0].notes == "with notes"


def test_a_cancelled_release_is_not_made(archive: Archive, lung: collections.Collection) -> None:
    asked = releases.schedule(archive, SYSTEM, lung.id, SOON)
    releases.cancel(archive, SYSTEM, asked.id)
    with archive.database.transaction() as tx:
        tx.execute("update releases.schedule set due_at = now() - interval '1 minute'")
    work(archive)
    assert shown(archive) == 0
    with pytest.raises(releases.Ended):
        releases.cancel(archive, SYSTEM, asked.id)


def test_what_blocks_a_due_release_is_told_once_and_it_stays_due(
    archive: Archive, lung: collections.Collection
) -> None:
    deliver(archive, make_submission(archive, lung), make_series(1))
    advance_all(archive)
    asked = releases.schedule(archive, SYSTEM, lung.id, SOON)
    set_due(archive, asked.id)
    work(archive)
    work(archive)
    assert "without a decision" in releases.schedules_of(archive, SYSTEM, lung.id)[0].blocked
    assert inbox_of(archive, "ada").count("release.blocked") == 1
    approve_all(archive)
    work(archive)
    assert shown(archive) == 2


def test_a_release_of_who_may_not_curate_any_more_is_not_made(archive: Archive, lung: collections.Collection) -> None:
    asked = releases.schedule(archive, actor_named(archive, "ada"), lung.id, SOON)
    with archive.database.transaction() as tx:
        tx.execute("delete from collections.member where collection_id = %s", [lung.id])
    set_due(archive, asked.id)
    work(archive)
    assert shown(archive) == 0


def test_only_one_release_of_a_collection_is_scheduled(archive: Archive, lung: collections.Collection) -> None:
    releases.schedule(archive, SYSTEM, lung.id, SOON)
    with pytest.raises(releases.Scheduled):
        releases.schedule(archive, SYSTEM, lung.id)


def test_what_is_under_an_embargo_cannot_be_published_before(archive: Archive, lung: collections.Collection) -> None:
    releases.schedule(archive, SYSTEM, lung.id, SOON, is_embargo=True)
    with pytest.raises(releases.UnderEmbargo):
        releases.publish(archive, SYSTEM, lung.id)
    VERBS["publish"](archive, str(lung.id))  # a rule neither
    assert shown(archive) == 0


@pytest.mark.parametrize(
    "due_at", [None, datetime.now(UTC) - timedelta(days=1), datetime.now(UTC) + timedelta(days=9999)]
)
def test_an_embargo_has_an_end_in_the_future(
    archive: Archive, lung: collections.Collection, due_at: datetime | None
) -> None:
    with pytest.raises(Invalid):
        releases.schedule(archive, SYSTEM, lung.id, due_at, is_embargo=True)


def test_while_a_release_is_made_another_is_told_so(
    archive: Archive, lung: collections.Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("invivo.releases.publication.LOCK_TRIES", 1)
    asked = releases.schedule(archive, SYSTEM, lung.id, SOON)
    with archive.database.transaction() as tx:
        tx.execute("select pg_advisory_xact_lock(1001, %s::int)", [lung.id])
        with pytest.raises(releases.BeingMade):
            releases.publish(archive, SYSTEM, lung.id)
        with pytest.raises(releases.BeingMade):
            releases.cancel(archive, SYSTEM, asked.id)


def test_a_release_that_breaks_off_leaves_the_one_before(
    archive: Archive, lung: collections.Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = releases.schedule(archive, SYSTEM, lung.id)
    original = images.register_all

    def dies(*given: object) -> list[images.Registered]:
        original(*given)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(images, "register_all", dies)
    with pytest.raises(KeyboardInterrupt):
        releases.run_scheduled(archive, str(asked.id))
    assert (shown(archive), releases.schedules_of(archive, SYSTEM, lung.id)[0].state) == (0, "due")
    monkeypatch.undo()
    work(archive)
    assert shown(archive) == 1


def test_two_that_make_the_same_scheduled_release_make_one(archive: Archive, lung: collections.Collection) -> None:
    asked = releases.schedule(archive, SYSTEM, lung.id)
    threads = [threading.Thread(target=releases.run_scheduled, args=(archive, str(asked.id))) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert [one.number for one in releases.releases_of(archive, SYSTEM, lung.id)] == [1]


def test_an_embargo_ends_by_its_date_and_the_collection_has_its_next_class(
    archive: Archive, lung: collections.Collection
) -> None:
    releases.publish(archive, SYSTEM, lung.id)
    before = shown(archive)
    collections.set_embargo(archive, SYSTEM, lung.id, TODAY + timedelta(days=2), "registered")
    assert (before, shown(archive)) == (1, 0)
    end_embargo_by_date(archive, lung.id)
    assert shown(archive) == 1  # by its date alone
    work(archive)
    after = collections.collection_named(archive, accounts.ANONYMOUS, "LUNG-1")
    assert (after.access, after.embargo_until) == ("registered", None)
    assert inbox_of(archive, "ada") == ["embargo.ended"]
    assert [one.kind for one in releases.changes(archive, accounts.ANONYMOUS)][-1] == "policy"


def test_people_are_reminded_once_of_each_distance(archive: Archive, lung: collections.Collection) -> None:
    collections.set_embargo(archive, SYSTEM, lung.id, TODAY + timedelta(days=20), "open")
    work(archive)
    work(archive)
    assert inbox_of(archive, "ada") == ["embargo.reminder"]
    collections.set_embargo(archive, SYSTEM, lung.id, TODAY + timedelta(days=1), "open")
    work(archive)
    assert len(inbox_of(archive, "ada")) == 2


@pytest.mark.parametrize("until", [TODAY, TODAY - timedelta(days=1), date(9999, 1, 1)])
def test_an_embargo_that_is_over_or_endless_is_refused(
    archive: Archive, lung: collections.Collection, until: date
) -> None:
    with pytest.raises(Invalid):
        collections.set_embargo(archive, SYSTEM, lung.id, until, "open")


def test_a_link_of_an_editor_opens_once_from_the_public_process_and_does_nothing_else(
    archive: Archive, public_archive: Archive, lung: collections.Collection
) -> None:
    releases.schedule(archive, SYSTEM, lung.id, SOON, is_embargo=True)
    collections.set_embargo(archive, SYSTEM, lung.id, TODAY + timedelta(days=9), "open")
    url, _ = releases.make_editor_link(archive, SYSTEM, lung.id, "Journal, MS-1", 30)
    secret = url.rpartition("/")[2]
    assert not releases.shown_by_link(public_archive, secret).is_released
    releases.click(public_archive, secret)
    releases.click(public_archive, secret)
    work(archive)
    work(archive)
    assert shown(archive) == 1
    assert releases.shown_by_link(public_archive, secret).is_released
    collections.set_embargo(archive, SYSTEM, lung.id, TODAY + timedelta(days=9), "open")
    releases.click(public_archive, secret)
    work(archive)
    assert shown(archive) == 0  # a new embargo is none of its business


def test_a_link_that_has_ended_or_is_guessed_opens_nothing(archive: Archive, lung: collections.Collection) -> None:
    url, link = releases.make_editor_link(archive, SYSTEM, lung.id, "Journal", 30)
    releases.revoke_editor_link(archive, SYSTEM, lung.id, link.id)
    for secret in (url.rpartition("/")[2], "x" * 43, ""):
        with pytest.raises(releases.SpentEditorLink):
            releases.click(archive, secret)


def test_an_editor_with_an_account_opens_and_sees_no_data_before(
    archive: Archive, lung: collections.Collection
) -> None:
    releases.publish(archive, SYSTEM, lung.id)
    collections.set_embargo(archive, SYSTEM, lung.id, TODAY + timedelta(days=9), "open")
    collections.add_member(archive, SYSTEM, lung.id, make_person(archive, "ed").id, "editor")
    editor = actor_named(archive, "ed")
    assert search.find(archive, editor, search.ALL).total == 0
    with pytest.raises(Refused):
        releases.publish(archive, editor, lung.id)
    assert releases.open_now(archive, editor, lung.id)
    assert not releases.open_now(archive, editor, lung.id)
    assert shown(archive) == 1


def test_others_cannot_open(archive: Archive, lung: collections.Collection) -> None:
    make_person(archive, "eve")
    with pytest.raises(Refused):
        releases.open_now(archive, actor_named(archive, "eve"), lung.id)


def test_a_scheduled_release_holds_up_no_other_collection(archive: Archive, lung: collections.Collection) -> None:
    releases.schedule(archive, SYSTEM, lung.id, SOON, is_embargo=True)
    assert publish(archive, make_collection(archive, "HEAD-1"), make_series(1)) == 1


def test_under_an_embargo_the_feed_names_no_series_not_even_a_withdrawn_one(
    archive: Archive, lung: collections.Collection
) -> None:
    releases.publish(archive, SYSTEM, lung.id)
    uid = search.find(archive, SYSTEM, search.ALL).rows[0].series_uid
    releases.withdraw(archive, SYSTEM, lung.id, uid, "quality", "motion")
    assert uid in str(releases.changes(archive, accounts.ANONYMOUS))
    collections.set_embargo(archive, SYSTEM, lung.id, TODAY + timedelta(days=9), "open")
    assert uid not in str(releases.changes(archive, accounts.ANONYMOUS))


def test_a_collection_that_is_not_listed_is_not_named_under_its_embargo(
    archive: Archive, lung: collections.Collection
) -> None:
    collections.set_embargo(archive, SYSTEM, lung.id, TODAY + timedelta(days=9), "open")
    with archive.database.transaction() as tx:
        tx.execute("update collections.collection set is_listed = false where id = %s", [lung.id])
    assert collections.listed(archive, accounts.ANONYMOUS) == []
    assert releases.changes(archive, accounts.ANONYMOUS) == []


_DYING = """
import os, signal, sys
from pathlib import Path
from invivo import images, releases
from invivo.archive import open_archive
from invivo.settings import read_settings

archive = open_archive(read_settings(Path(sys.argv[1]), limits={"free_bytes": 0}), sys.argv[2], "invivo_staff")
original = getattr(images, sys.argv[4])

def dies(*given):
    original(*given)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(images, sys.argv[4], dies)
releases.run_scheduled(archive, sys.argv[3])
"""


@pytest.mark.parametrize("after", ["register_all", "mark_sites"])
def test_a_worker_that_is_killed_leaves_the_release_before_and_another_makes_the_new_one(
    archive: Archive, dsn: str, lung: collections.Collection, after: str
) -> None:
    asked = releases.schedule(archive, SYSTEM, lung.id)
    command = [sys.executable, "-c", _DYING, str(archive.settings.home), dsn, str(asked.id), after]
    died = subprocess.run(command, check=False, timeout=60)  # noqa: S603 - our own program
    assert died.returncode == -signal.SIGKILL
    assert (shown(archive), releases.schedules_of(archive, SYSTEM, lung.id)[0].state) == (0, "due")
    work(archive)
    assert shown(archive) == 1
