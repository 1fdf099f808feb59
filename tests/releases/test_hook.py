"""Webhooks: over real sockets on this machine, which only the setting `hooks.private` allows."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import orjson
import pytest

from invivo import collections, notices, releases
from invivo.archive import Archive
from invivo.client import ForgedHook, verify_hook
from invivo.errors import Refused
from invivo.releases import outward
from tests.factories import SYSTEM, actor_named, make_collection, make_person, make_series, publish


class Receiver:
    """A program that takes webhooks and answers as a test wishes."""

    def __init__(self) -> None:
        self.status, self.delay_s, self.got = 204, 0.0, []
        receiver = self

        class Answering(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((dict(self.headers), body))
                time.sleep(receiver.delay_s)
                self.send_response(receiver.status)
                self.send_header("Location", "http://127.0.0.1:1/")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = HTTPServer(("127.0.0.1", 0), Answering)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?x=1"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    got: list[tuple[dict[str, str], bytes]]

    def kinds(self) -> list[str]:
        return [one["kind"] for _, body in self.got for one in orjson.loads(body)["changes"]]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.thread.join()
    made.server.server_close()


def with_hooks(archive: Archive, **fields: Any) -> Archive:
    hooks = archive.settings.hooks.model_copy(update={"private": True, "timeout_s": 2.0, **fields})
    return replace(archive, settings=archive.settings.model_copy(update={"hooks": hooks}))


@pytest.fixture
def here(archive: Archive) -> Archive:
    """The archive, with hooks that may lead to this machine."""
    return with_hooks(archive)


def at_once(archive: Archive) -> None:
    """Forget when a hook is tried again."""
    with archive.database.transaction() as tx:
        tx.execute("update releases.hook set next_at = null")


def test_a_hook_is_told_what_changed_signed_with_its_secret(here: Archive, receiver: Receiver) -> None:
    lung = make_collection(here)
    hook, secret = releases.add_hook(here, SYSTEM, lung.id, receiver.url)
    publish(here, lung, make_series(1))
    releases.tell_hook(here, str(hook.id))
    releases.tell_hook(here, str(hook.id))
    assert receiver.kinds() == ["created", "released"]
    headers, body = receiver.got[0]
    verify_hook(secret, headers, body, time.time())
    after, deliveries = releases.hook_with_deliveries(here, SYSTEM, hook.id)
    assert after.told_seq == orjson.loads(body)["after"]
    assert [one.status for one in deliveries] == [204]


@pytest.mark.parametrize("forged", ["secret", "body", "late", "early", "unsigned", "stamp"])
def test_a_forged_message_is_refused(here: Archive, receiver: Receiver, forged: str) -> None:
    lung = make_collection(here)
    hook, secret = releases.add_hook(here, SYSTEM, lung.id, receiver.url)
    publish(here, lung, make_series(1))
    releases.tell_hook(here, str(hook.id))
    headers, body = receiver.got[0]
    now = time.time() + {"late": 301, "early": -301}.get(forged, 0)
    if forged == "unsigned":
        headers = {name: value for name, value in headers.items() if name != "Invivo-Signature"}
    if forged == "stamp":
        headers = headers | {"Invivo-Timestamp": "²"}
    with pytest.raises(ForgedHook):
        verify_hook("other" if forged == "secret" else secret, headers, body + b" " * (forged == "body"), now)


def test_the_secret_is_not_in_the_database(here: Archive, receiver: Receiver) -> None:
    hook, secret = releases.add_hook(here, SYSTEM, None, receiver.url)
    with here.database.transaction() as tx:
        row = tx.execute("select h::text as all from releases.hook h where id = %s", [hook.id]).fetchone()
    assert row is not None
    assert secret.removeprefix("whsec_")[:20] not in str(row)


def test_a_visitor_s_hook_hears_nothing_of_what_is_hidden_and_the_owner_s_does(
    here: Archive, receiver: Receiver
) -> None:
    hidden = make_collection(here, access="private")
    collections.add_member(here, SYSTEM, hidden.id, make_person(here, "ada").id, "owner")
    of_all, _ = releases.add_hook(here, SYSTEM, None, receiver.url)
    own, _ = releases.add_hook(here, actor_named(here, "ada"), hidden.id, receiver.url)
    publish(here, hidden, make_series(1))
    releases.tell_hook(here, str(of_all.id))
    assert receiver.got == []
    releases.tell_hook(here, str(own.id))
    assert receiver.kinds() == ["created", "released"]
    with here.database.transaction() as tx:
        tx.execute("delete from collections.member")
    publish(here, hidden, make_series(1))
    releases.tell_hook(here, str(own.id))
    assert len(receiver.got) == 1


@pytest.mark.parametrize("status", [500, 404, 302, 199])
def test_what_is_not_taken_is_told_again_later(here: Archive, receiver: Receiver, status: int) -> None:
    lung = make_collection(here)
    hook, _ = releases.add_hook(here, SYSTEM, lung.id, receiver.url)
    publish(here, lung, make_series(1))
    receiver.status = status
    releases.tell_hook(here, str(hook.id))
    releases.tell_hook(here, str(hook.id))  # too early
    assert len(receiver.got) == 1
    receiver.status = 200
    at_once(here)
    releases.tell_hook(here, str(hook.id))
    assert receiver.got[0][1] == receiver.got[1][1]
    assert releases.hooks_of(here, SYSTEM, lung.id)[0].failures == 0


def test_a_hook_that_fails_for_long_is_switched_off_and_its_people_are_told(
    archive: Archive, receiver: Receiver
) -> None:
    here = with_hooks(archive, failures=2)
    lung = make_collection(here)
    owner = make_person(here, "ada")
    collections.add_member(here, SYSTEM, lung.id, owner.id, "owner")
    hook, _ = releases.add_hook(here, actor_named(here, "ada"), lung.id, receiver.url)
    publish(here, lung, make_series(1))
    receiver.status = 500
    for _ in range(3):
        at_once(here)
        releases.tell_hook(here, str(hook.id))
    assert len(receiver.got) == 2
    assert not releases.hooks_of(here, SYSTEM, lung.id)[0].is_active
    with here.database.transaction() as tx:
        assert [one.kind for one in notices.inbox(tx, owner.id)] == ["hook.off"]
    receiver.status = 200
    releases.revive_hook(here, actor_named(here, "ada"), hook.id)
    releases.tell_hook(here, str(hook.id))
    assert len(receiver.got) == 3


def test_who_answers_slowly_is_not_waited_for(archive: Archive, receiver: Receiver) -> None:
    here = with_hooks(archive, timeout_s=0.3)
    lung = make_collection(here)
    hook, _ = releases.add_hook(here, SYSTEM, lung.id, receiver.url)
    publish(here, lung, make_series(1))
    receiver.delay_s = 1.0
    began = time.monotonic()
    releases.tell_hook(here, str(hook.id))
    assert time.monotonic() - began < 0.9
    assert releases.hooks_of(here, SYSTEM, lung.id)[0].failures == 1


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://example.org/",
            "ftp://example.org/",
            "https://user@example.org/",
            "https://example.org/#x",
            "https://",
        ),
        *("https://example.org:0/", "https://example.org:99999/", "https://exa mple.org/", "https://é.org/"),
        *("https://example.org/\r\nX: y", "https://" + "x" * 1000, "//example.org", "https://example.org\\@10.0.0.1/"),
    ],
)
def test_an_address_that_is_none_is_refused(archive: Archive, url: str) -> None:
    with pytest.raises(releases.BadTarget):
        releases.add_hook(archive, SYSTEM, None, url)


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
        ),
        *("::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1"),
        *("2002:7f00:1::", "ff02::1", "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1"),
    ],
)
def test_no_hook_leads_inside(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    outside = (2, 1, 6, "", ("93.184.216.34", 443))
    found = [outside, (2, 1, 6, "", (address, 443))]
    monkeypatch.setattr(outward.socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(releases.BadTarget):
        outward.target_of("https://mirror.example.org/x", may_be_private=False)


def test_the_name_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def found(*given: object, **_: object) -> list[Any]:
        asked.append(given)
        return [(2, 1, 6, "", ("93.184.216.34", 443))]

    monkeypatch.setattr(outward.socket, "getaddrinfo", found)
    target = outward.target_of("https://mirror.example.org:8443/x?y=1", may_be_private=False)
    assert (target.address, target.port, target.path, len(asked)) == ("93.184.216.34", 8443, "/x?y=1", 1)


def test_a_hook_to_this_machine_is_not_told_without_the_setting(archive: Archive, receiver: Receiver) -> None:
    hook, _ = releases.add_hook(with_hooks(archive), SYSTEM, None, receiver.url)
    publish(archive, make_collection(archive), make_series(1))
    releases.tell_hook(archive, str(hook.id))
    assert receiver.got == []
    assert releases.hooks_of(archive, SYSTEM, None)[0].failures == 1


def test_only_owners_and_administrators_have_hooks(here: Archive) -> None:
    lung = make_collection(here)
    collections.add_member(here, SYSTEM, lung.id, make_person(here, "cora").id, "curator")
    for number in (lung.id, None):
        with pytest.raises(Refused):
            releases.add_hook(here, actor_named(here, "cora"), number, "https://example.org/")
    hook, _ = releases.add_hook(here, SYSTEM, lung.id, "https://example.org/")
    with pytest.raises(releases.UnknownHook):
        releases.remove_hook(here, actor_named(here, "cora"), hook.id)


def test_there_are_not_more_hooks_than_may_be(archive: Archive) -> None:
    here = with_hooks(archive, most=1)
    releases.add_hook(here, SYSTEM, None, "https://example.org/")
    with pytest.raises(releases.TooManyHooks):
        releases.add_hook(here, SYSTEM, None, "https://example.org/")


def test_a_change_of_policy_is_told(here: Archive, receiver: Receiver) -> None:
    lung = make_collection(here)
    hook, _ = releases.add_hook(here, SYSTEM, None, receiver.url)
    with here.database.transaction() as tx:
        tx.execute("update collections.collection set access = 'registered' where id = %s", [lung.id])
    releases.tell_hook(here, str(hook.id))
    assert receiver.kinds() == ["policy"]
