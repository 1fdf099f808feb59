"""Groups: who is in one, what it may, and lists that somebody else keeps."""

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any, ClassVar

import psycopg
import pytest

from invivo import accounts, collections, search
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, Refused
from tests.factories import SYSTEM, actor_named, make_collection, make_person, make_series, publish


@pytest.fixture
def private(archive: Archive) -> collections.Collection:
    made = make_collection(archive, "PRIV", access="private")
    publish(archive, made, make_series(1))
    return made


def with_mail(dsn: str, name: str, mail: str, *, checked: bool = True) -> None:
    with psycopg.connect(dsn) as tx:
        tx.execute(
            "update accounts.person set email = %s, mail_checked_at = case when %s then now() end where name = %s",
            [mail, checked, name],
        )


def sees(archive: Archive, name: str) -> bool:
    return search.count(archive, actor_named(archive, name), search.ALL) > 0


def test_a_groups_role_is_its_peoples_role(archive: Archive, private: collections.Collection) -> None:
    ada = make_person(archive, "ada")
    group = collections.write_group(archive, SYSTEM, "lab")
    collections.add_group_role(archive, SYSTEM, private.id, group.id, "curator")
    assert not actor_named(archive, "ada").may_curate(private.id)
    collections.add_to_group(archive, SYSTEM, group.id, ada.id)
    assert actor_named(archive, "ada").may_curate(private.id)
    assert sees(archive, "ada")
    collections.remove_from_group(archive, SYSTEM, group.id, ada.id)
    assert not sees(archive, "ada")


@pytest.mark.parametrize(
    ("mail", "checked", "is_in"),
    [
        ("ada@lab.test", True, True),
        ("ada@LAB.test", True, True),
        ("ada@lab.test", False, False),
        ("ada@evil.lab.test", True, False),
        ("ada@lab.test.evil", True, False),
    ],
)
def test_a_mail_domain_counts_only_when_the_address_is_proven(
    archive: Archive, private: collections.Collection, dsn: str, mail: str, checked: bool, is_in: bool
) -> None:
    make_person(archive, "ada")
    group = collections.write_group(archive, SYSTEM, "lab", mail_domains=("@Lab.test",))
    collections.add_group_role(archive, SYSTEM, private.id, group.id, "member")
    with_mail(dsn, "ada", mail, checked=checked)
    assert sees(archive, "ada") is is_in


def test_a_member_of_a_site_sees_that_site_only(archive: Archive, private: collections.Collection, dsn: str) -> None:
    publish(archive, private, make_series(1, patient="P-2"))
    ada, eve = make_person(archive, "ada"), make_person(archive, "eve")
    collections.add_member(archive, SYSTEM, private.id, ada.id, "member", site="Basel")
    group = collections.write_group(archive, SYSTEM, "lab")
    collections.add_to_group(archive, SYSTEM, group.id, eve.id)
    collections.add_group_role(archive, SYSTEM, private.id, group.id, "member", site="Bern")
    assert (sees(archive, "ada"), sees(archive, "eve")) == (False, False)
    with psycopg.connect(dsn) as tx:
        tx.execute("update images.series set site = 'Basel' where id = (select min(id) from images.series)")
    assert search.count(archive, actor_named(archive, "ada"), search.ALL) == 1
    assert not sees(archive, "eve")
    assert collections.collection_named(archive, actor_named(archive, "eve"), "PRIV").id == private.id


@pytest.mark.parametrize(("role", "site"), [("curator", "Basel"), ("king", ""), ("member", "x" * 65)])
def test_a_role_that_does_not_exist_is_refused(
    archive: Archive, private: collections.Collection, role: str, site: str
) -> None:
    ada, group = make_person(archive, "ada"), collections.write_group(archive, SYSTEM, "lab")
    with pytest.raises(Invalid):
        collections.add_member(archive, SYSTEM, private.id, ada.id, role, site=site)
    with pytest.raises(Invalid):
        collections.add_group_role(archive, SYSTEM, private.id, group.id, role, site=site)


def test_an_owner_cannot_leave_as_the_last_one_even_beside_a_group(
    archive: Archive, private: collections.Collection
) -> None:
    ada = make_person(archive, "ada")
    collections.add_member(archive, SYSTEM, private.id, ada.id, "owner")
    group = collections.write_group(archive, SYSTEM, "lab")
    collections.add_group_role(archive, SYSTEM, private.id, group.id, "owner")
    with pytest.raises(Conflict):
        collections.remove_member(archive, actor_named(archive, "ada"), private.id, ada.id, "owner")


def test_only_administrators_change_groups_and_only_owners_their_roles(
    archive: Archive, private: collections.Collection
) -> None:
    make_person(archive, "ada")
    ada, group = actor_named(archive, "ada"), collections.write_group(archive, SYSTEM, "lab")
    for act in (
        lambda: collections.write_group(archive, ada, "mine"),
        lambda: collections.remove_group(archive, ada, group.id),
        lambda: collections.add_to_group(archive, ada, group.id, ada.person_id or 0),
        lambda: collections.add_group_role(archive, ada, private.id, group.id, "owner"),
        lambda: collections.groups(archive, ada),
        lambda: collections.sync_group(archive, group.id, ada),
    ):
        with pytest.raises(Refused):
            act()


@pytest.mark.parametrize(
    "content", [b'["ADA", "b@x.test"]', b'{"members": [{"account": "ada"}]}', b"name\nada\n", b"ada\n"]
)
def test_a_list_is_read_as_json_or_csv(content: bytes) -> None:
    assert "ada" in collections.read_list(content)


@pytest.mark.parametrize(
    "content",
    [b"[1]", b'{"people": []}', b"[" * 100_000, b"\xff\xfe", b'["' + b"x" * 300 + b'"]', b"{not json"],
)
def test_what_is_no_list_is_refused(content: bytes) -> None:
    with pytest.raises(collections.ListUnreadable):
        collections.read_list(content)


class _Lists(http.server.BaseHTTPRequestHandler):
    answer: ClassVar[Any] = ["ada"]

    def do_GET(self) -> None:
        if self.path == "/lists/moved":
            self.send_response(302)
            self.send_header("Location", "/lists/good")
            self.end_headers()
            return
        body = b"x" * (9 << 20) if self.path == "/lists/huge" else json.dumps(self.answer).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Lists)
    thread = threading.Thread(target=served.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{served.server_port}"
    served.shutdown()
    served.server_close()
    thread.join()


def allowing(archive: Archive, *lists: str, private: bool = True) -> Archive:
    """Return the archive with other settings of lists."""
    groups = archive.settings.groups.model_copy(update={"lists": list(lists), "private": private})
    settings = archive.settings.model_copy(update={"groups": groups})
    return type(archive)(**{**vars(archive), "settings": settings})


def test_a_list_makes_people_members_and_its_next_state_unmakes_them(
    archive: Archive, private: collections.Collection, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_person(archive, "ada")
    open_ = allowing(archive, f"{server}/lists")
    group = collections.write_group(open_, SYSTEM, "lab", list_url=f"{server}/lists/good")
    collections.add_group_role(archive, SYSTEM, private.id, group.id, "member")
    assert collections.sync_group(open_, group.id)
    assert sees(archive, "ada")
    monkeypatch.setattr(_Lists, "answer", ["somebody"])
    assert collections.sync_group(open_, group.id)
    assert not sees(archive, "ada")


@pytest.mark.parametrize("path", ["/lists/moved", "/lists/huge"])
def test_a_list_that_leads_elsewhere_or_is_too_large_leaves_the_group_as_it_was(
    archive: Archive, server: str, path: str
) -> None:
    open_ = allowing(archive, f"{server}/lists")
    group = collections.write_group(open_, SYSTEM, "lab", list_url=f"{server}{path}")
    assert not collections.sync_group(open_, group.id)
    known = collections.group_by_id(archive, SYSTEM, group.id)
    assert known.list_error
    assert known.list_read_at is None


def test_no_list_is_read_from_a_private_network_unless_it_is_allowed(archive: Archive, server: str) -> None:
    shut = allowing(archive, f"{server}/lists", "https://localhost/", "https://10.0.0.1/", private=False)
    for url in (f"{server}/lists/good", "https://localhost/list", "https://10.0.0.1/list"):
        with pytest.raises(collections.ListRefused):
            collections.fetch_list(shut, url)


@pytest.mark.parametrize(
    "url", ["https://lists.test.evil/x", "https://lists.test@evil/x", "file:///etc/passwd", "https://lists.testx/x"]
)
def test_no_list_is_read_from_an_address_that_is_not_named(archive: Archive, url: str) -> None:
    named = allowing(archive, "https://lists.test")
    with pytest.raises(collections.ListRefused):
        collections.fetch_list(named, url)
    with pytest.raises(Invalid):
        collections.write_group(named, SYSTEM, "lab", list_url=url)


def test_http_is_for_this_machine_only(archive: Archive) -> None:
    with pytest.raises(collections.ListRefused):
        collections.fetch_list(allowing(archive, "http://192.0.2.1/"), "http://192.0.2.1/list")


def test_lists_that_are_due_are_queued_once(archive: Archive, server: str, dsn: str) -> None:
    open_ = allowing(archive, f"{server}/lists")
    collections.write_group(open_, SYSTEM, "lab", list_url=f"{server}/lists/good")
    collections.tend(open_)
    collections.tend(open_)
    with psycopg.connect(dsn) as tx:
        queued = tx.execute("select count(*) from jobs.procrastinate_jobs where task_name = 'sync-group'").fetchone()
    assert queued == (1,)


def test_a_person_without_an_account_is_nobody(archive: Archive) -> None:
    group = collections.write_group(archive, SYSTEM, "lab")
    assert collections.people_of_group(archive, SYSTEM, group.id) == []
    assert accounts.ANONYMOUS.memberships == {}
