"""Releases, embargoes and what is told to others survive `kill -9` at every point; what is told is told at least once."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from invivo import accounts, assessment, audit, collections, notices, releases, reviews, usage
from invivo.archive import Archive
from tests.collections.test_group import _Lists
from tests.factories import (
    SYSTEM,
    actor_named,
    advance_all,
    approve_all,
    deliver,
    make_collection,
    make_image,
    make_series,
    make_submission,
)
from tests.fakes import datacite
from tests.fakes.datacite import DataCiteServer
from tests.fakes.mail import MailServer
from tests.releases.test_hook import Receiver
from tests.robust.killing import Case, work
from tests.robust.test_kill_access import person

pytestmark = pytest.mark.slow
SOON = datetime.now(UTC) + timedelta(days=200)  # later than any reminder


def cleared(archive: Archive, **policy: Any) -> tuple[int, ...]:
    """Clear two series of a collection whose owner is told what happens."""
    made = make_collection(archive, **policy)
    collections.add_member(archive, SYSTEM, made.id, person(archive, "olga").person_id or 0, "owner")
    submission = make_submission(archive, made)
    deliver(archive, submission, [make_image(patient="P-1"), make_image(patient="P-2", Modality="MR")])
    advance_all(archive)
    approve_all(archive)
    reviews.settle(archive, made.id)
    return (made.id,)


def release(archive: Archive, number: int) -> None:
    releases.publish(archive, SYSTEM, number, "first")


def release_and_derive(archive: Archive, number: int) -> None:
    release(archive, number)
    work(archive)


def choose_licence(archive: Archive, number: int) -> None:
    releases.choose_licence(archive, SYSTEM, number, "modality", "MR", "CC-BY-NC-4.0")


def schedule(archive: Archive, number: int) -> None:
    releases.schedule(archive, actor_named(archive, "olga"), number, None, "by the worker")


def scheduled(archive: Archive) -> tuple[int, ...]:
    (number,) = cleared(archive)
    schedule(archive, number)
    return (number,)


def cancel(archive: Archive, number: int) -> None:
    found = releases.due_of(archive, SYSTEM, number)
    releases.cancel(archive, SYSTEM, found.id if found else 1)


def planned(archive: Archive) -> tuple[int, ...]:
    (number,) = cleared(archive)
    releases.schedule(archive, actor_named(archive, "olga"), number, SOON, "later")
    return (number,)


def do_jobs(archive: Archive, *_: object) -> None:
    work(archive)


def embargoed(archive: Archive) -> tuple[Any, ...]:
    (number,) = cleared(archive, access="embargoed", embargo_until=SOON.date())
    release(archive, number)
    deliver(archive, make_submission(archive, collections.collection_by_id(archive, SYSTEM, number)), make_series(1))
    advance_all(archive)
    approve_all(archive)
    releases.schedule(archive, actor_named(archive, "olga"), number, SOON, "with the article", is_embargo=True)
    address, _ = releases.make_editor_link(archive, actor_named(archive, "olga"), number, "Editor", 30)
    return (number, address.rpartition("/")[2])


def open_now(archive: Archive, number: int, _secret: str) -> None:
    releases.open_now(archive, actor_named(archive, "olga"), number)
    work(archive)


def click(archive: Archive, _number: int, secret: str) -> None:
    releases.click(archive, secret)


def embargo_over(archive: Archive) -> tuple[int, ...]:
    number, _ = embargoed(archive)
    return (number,)


def let_the_day_come(archive: Archive, *_: int) -> None:
    with archive.database.transaction() as tx:
        tx.execute("update collections.collection set embargo_until = current_date where access = 'embargoed'")


def tend(archive: Archive, *_: int) -> None:
    let_the_day_come(archive)
    releases.tend(archive)


def published(archive: Archive) -> tuple[int, ...]:
    (number,) = cleared(archive)
    release_and_derive(archive, number)
    return (number,)


def withdraw(archive: Archive, number: int) -> None:
    (_, changed) = sorted(releases.difference(archive, SYSTEM, number, 0, 1), key=lambda one: one.modality)
    releases.withdraw(archive, SYSTEM, number, changed.series_uid, "consent", "The subject withdrew.")


def take(archive: Archive, number: int) -> None:
    visitor = usage.Visitor(accounts.ANONYMOUS, "192.0.2.1", "Mozilla/5.0 (X11) Firefox/150.0")
    usage.took(archive, visitor, "web", {(number, "1.2"): 100})
    usage.flush(archive)


def used(archive: Archive) -> tuple[int, ...]:
    """Count something first, so that the secret of the month is there."""
    (number,) = published(archive)
    visitor = usage.Visitor(accounts.ANONYMOUS, "192.0.2.2", "Mozilla/5.0 (X11) Firefox/150.0")
    usage.took(archive, visitor, "dicomweb", {(number, "1.3"): 100})
    usage.flush(archive)
    return (number,)


def read_again(archive: Archive, *_: int) -> None:
    assessment.check_some(archive, 10.0, now=True)


CASES = (
    Case("publish", cleared, release),
    Case("publish-and-derive", cleared, release_and_derive),
    Case("licence", cleared, choose_licence, may_repeat=True),
    Case("schedule", cleared, schedule, may_repeat=True),
    Case("cancel", planned, cancel),
    Case("worker-releases", scheduled, do_jobs, needs_difference=False),
    Case("open-now", embargoed, open_now),
    Case("editors-click", embargoed, click),
    Case("embargo-ends", embargo_over, tend, rests=let_the_day_come, needs_difference=False),
    Case("withdraw", published, withdraw),
    Case("usage", used, take, may_repeat=True),
    Case("read-again", published, read_again, may_repeat=True),
)


@pytest.mark.parametrize("case", CASES, ids=lambda one: one.name)
def test_a_killed_release_is_whole_or_not_there(case: Case, proves: Callable[[Case], int]) -> None:
    assert proves(case) > 0


@pytest.fixture
def list_server() -> Iterator[str]:
    served = ThreadingHTTPServer(("127.0.0.1", 0), _Lists)
    thread = Thread(target=served.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{served.server_port}"
    served.shutdown()
    served.server_close()
    thread.join()


def with_list(archive: Archive) -> tuple[int, ...]:
    made = make_collection(archive)
    person(archive, "ada")
    group = collections.write_group(archive, SYSTEM, "lab", list_url=f"{archive.settings.groups.lists[0]}/good")
    collections.add_group_role(archive, SYSTEM, made.id, group.id, "member")
    return (group.id,)


def sync(archive: Archive, number: int) -> None:
    collections.sync_group(archive, number)


def make_due(archive: Archive) -> None:
    """Let the time pass after which a list is asked for again."""
    with archive.database.transaction() as tx:
        tx.execute("update collections.people_group set list_tried_at = null")


def test_a_group_is_as_its_list_says_or_as_it_was(proves: Callable[[Case], int], list_server: str) -> None:
    policy = {"groups": {"lists": [f"{list_server}/lists"], "private": True}}
    assert (
        proves(Case("sync", with_list, sync, settings=policy, may_repeat=True, rests=make_due, needs_difference=False))
        > 0
    )


def one_mail(archive: Archive) -> tuple[int, ...]:
    with archive.database.transaction() as tx:
        return (notices.post(tx, "test", "A subject", "A text.", address="ada@example.org"),)


def send(archive: Archive, number: int) -> None:
    notices.deliver(archive, number)


def test_a_mail_leaves_at_least_once_and_is_marked_once(proves: Callable[[Case], int]) -> None:
    server = MailServer()
    try:
        policy = {"mail": {"host": "127.0.0.1", "port": server.port, "sender": "archive@example.org"}}
        case = Case("mail", one_mail, send, settings=policy, may_repeat=True, rests=lambda _: None)
        points = proves(replace(case, needs_difference=False))
        assert points <= len(server.taken) <= 2 * points + 4
    finally:
        server.stop()


def with_hook(archive: Archive) -> tuple[int, ...]:
    (number,) = cleared(archive)
    releases.add_hook(archive, SYSTEM, number, archive.settings.site.public_url)
    release_and_derive(archive, number)
    return (number,)


def tell(archive: Archive, *_: int) -> None:
    releases.tell_hook(archive, "1")


def test_a_hook_is_told_everything_at_least_once(proves: Callable[[Case], int]) -> None:
    receiver = Receiver()
    try:
        policy = {"hooks": {"private": True, "timeout_s": 2.0}, "site": {"public_url": receiver.url}}
        points = proves(Case("hook", with_hook, tell, settings=policy, needs_difference=False, may_repeat=True))
        kinds = receiver.kinds()
        assert points > 0
        assert {"created", "released"} == set(kinds)
    finally:
        receiver.server.shutdown()
        receiver.thread.join()
        receiver.server.server_close()


def with_identifier(archive: Archive) -> tuple[int, ...]:
    (number,) = published(archive)
    releases.want_identifier(archive, actor_named(archive, "olga"), number, 1, "findable")
    return (number,)


def mint(archive: Archive, number: int) -> None:
    releases.mint(archive, f"{number}/1")


def test_an_identifier_is_made_once_whatever_is_killed(proves: Callable[[Case], int]) -> None:
    server = DataCiteServer()
    try:
        account = {"account": datacite.ACCOUNT, "password": datacite.PASSWORD}
        policy = {"datacite": {"url": server.url, "prefix": datacite.PREFIX, **account}}
        points = proves(Case("mint", with_identifier, mint, settings=policy, needs_difference=False, may_repeat=True))
        assert points > 0
        assert [one["state"] for one in server.known.values()] == ["findable"]
    finally:
        server.stop()


def seal(archive: Archive, *_: int) -> None:
    audit.seal(archive)
    assert audit.verify(archive).faults == ()


def test_a_killed_seal_leaves_the_chain_whole(proves: Callable[[Case], int]) -> None:
    assert proves(Case("seal", published, seal, needs_difference=False)) > 0
