"""The way into an account, step by step on the pages, by the rights of the public process."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.accounts.test_factor import code_of
from tests.accounts.test_registration import secret_in
from tests.factories import PASSWORD, SYSTEM, make_collection, make_person
from tests.fakes.oidc import CLIENT, SECRET, Issuer
from tests.web import desk

from invivo import accounts, notices
from invivo.archive import Archive, open_archive
from invivo.settings import read_settings
from invivo.web import admission, factors, home, inbox, oidc, registration, sessions
from invivo.web import collections as collection_pages

PAGES = (admission, factors, home, oidc, registration, sessions)
Browse = Callable[..., "Browser"]


class Browser(desk.Browser):
    """Somebody with a browser who sees the account's pages too."""

    def __init__(self, archive: Archive) -> None:
        super().__init__(archive)
        known = self.pages._application.routes  # type: ignore[attr-defined]
        for page in PAGES:
            known.extend(page.routes)
        known.extend([*inbox.routes, *inbox.desk_routes, *collection_pages.routes])


@pytest.fixture
def browse(archive: Archive, dsn: str) -> Iterator[Browse]:
    opened: list[Archive] = []

    def make(role: str = "invivo_public", **policy: Any) -> Browser:
        site = {"public_url": "https://archive.test"}
        settings = read_settings(archive.settings.home, limits={"free_bytes": 0}, accounts=policy, site=site)
        opened.append(open_archive(settings, dsn, role))
        return Browser(opened[-1])

    yield make
    for one in opened:
        one.database.close()


def last_mail(archive: Archive) -> notices.Mail:
    with archive.database.transaction() as tx:
        return notices.outbox(tx)[-1]


FORM = {"display_name": "Olga Other", "email": "olga@example.org", "affiliation": "University", "country": "Norway"}


def test_one_registers_by_form_mail_and_password(browse: Browse, archive: Archive) -> None:
    visitor = browse(registration="open")
    assert "Look into your mail" in visitor.post("/register", **FORM).text
    link = f"/register/{secret_in(last_mail(archive))}"
    assert "Olga Other" in visitor.get(link).text
    assert visitor.post(link, name="olga", password=PASSWORD, again="another").status_code == 400
    assert visitor.post(link, name="olga", password=PASSWORD, again=PASSWORD).headers["location"] == "/sign-in"
    assert visitor.sign_in("olga").get("/account").status_code == 200
    assert visitor.get(link).status_code in (303, 404)


def test_the_page_is_the_same_whether_the_address_is_known(browse: Browse, archive: Archive) -> None:
    accounts.create_person(archive, SYSTEM, "olga", PASSWORD, email=FORM["email"])
    known = browse(registration="open").post("/register", **FORM)
    new = browse(registration="open").post("/register", **FORM | {"email": "mona@example.org"})
    assert known.status_code == new.status_code == 200
    assert known.text.replace("olga@", "mona@") == new.text


def test_a_closed_archive_shows_no_form(browse: Browse) -> None:
    assert "Accounts are not made here" in browse().get("/register").text


def test_opening_a_link_spends_nothing(browse: Browse, archive: Archive) -> None:
    accounts.create_person(archive, SYSTEM, "olga", PASSWORD, email=FORM["email"])
    visitor = browse()
    assert "If there is such an account" in visitor.post("/forgotten", name="olga").text
    link = f"/password/{secret_in(last_mail(archive))}"
    assert [visitor.get(link).status_code for _ in range(3)] == [200, 200, 200]
    new = "an entirely new one"
    assert visitor.post(link, new=new, again=new).headers["location"] == "/sign-in"
    assert visitor.get(link).status_code == 404


def test_a_moderated_registration_is_approved_on_the_administrators_page(browse: Browse, archive: Archive) -> None:
    make_person(archive, "root", "administrator")
    visitor, root = browse(registration="moderated"), browse("invivo_staff", registration="moderated").sign_in("root")
    visitor.post("/register", **FORM)
    link = f"/register/{secret_in(last_mail(archive))}"
    assert "waits" in visitor.post(link, name="olga", password=PASSWORD, again=PASSWORD).text
    queue = root.get("/admin/registrations").text
    number = re.search(r"/admin/registrations/(\d+)", queue)
    assert number
    assert root.post(f"/admin/registrations/{number[1]}", "/admin/registrations", act="approve").status_code == 303
    again = root.post(f"/admin/registrations/{number[1]}", "/admin/registrations", act="decline", reason="x")
    assert again.status_code == 409
    assert "approved already, by root" in again.text
    assert visitor.sign_in("olga").get("/account").status_code == 200


def test_an_invitation_is_made_and_taken(browse: Browse, archive: Archive) -> None:
    make_person(archive, "root", "administrator")
    lung = make_collection(archive)
    root = browse("invivo_staff").sign_in("root")
    answer = root.post("/admin/invitations", email="olga@example.org", collection=str(lung.id), role="curator")
    assert answer.status_code == 303
    assert "Curator of LUNG-1" in root.get("/admin/invitations").text
    link = f"/invitation/{secret_in(last_mail(archive))}"
    visitor = browse()
    answer = visitor.post(link, display_name="Olga", name="olga", password=PASSWORD, again=PASSWORD)
    assert answer.status_code == 303
    assert "Curator" in visitor.sign_in("olga").get("/account").text
    assert visitor.get(link).status_code == 404


def test_new_terms_are_accepted_before_anything_else(browse: Browse, archive: Archive) -> None:
    make_person(archive, "root", "administrator")
    root = browse("invivo_staff").sign_in("root")
    root.post("/admin/terms", version="2026-1", text="Be kind.")
    assert root.get("/admin").status_code in (303, 403)
    asked = root.get("/sign-in?next=/account").headers["location"]
    assert asked == "/account/terms?next=/account"
    assert "Be kind." in root.get(asked).text
    assert root.post("/account/terms", version="2026-1", next="/account").headers["location"] == "/account"
    assert root.get("/account").status_code == 200


def test_whoever_must_have_a_second_factor_sets_it_up_first(browse: Browse, archive: Archive) -> None:
    make_person(archive, "root", "administrator")
    root = browse("invivo_staff", second_factor="curators")
    before = root.post("/sign-in", name="root", password=PASSWORD)
    assert before.headers["location"] == "/account/factors"
    first = root.cookies["invivo_session"]
    assert root.get("/admin/accounts").status_code == 403
    assert root.get("/account/tokens").status_code == 303
    assert "One step is left" in root.get("/account/factors").text
    shown = root.get("/account/factors/authenticator").text
    secret, once = re.search(r'data-copy="([A-Z2-7 ]+)"', shown), re.search(r'name="once" value="([\w-]+)"', shown)
    assert secret
    assert once
    codes = root.post("/account/factors/authenticator", once=once[1], code=code_of(secret[1]))
    assert "Recovery codes" in codes.text
    assert root.cookies["invivo_session"] != first
    assert root.get("/admin/accounts").status_code == 200


def test_a_code_is_asked_for_between_password_and_page(browse: Browse, archive: Archive) -> None:
    make_person(archive)
    session, ada = accounts.sign_in(archive, "ada", PASSWORD)
    begun = accounts.begin_totp(archive, ada)
    _, codes = accounts.confirm_totp(archive, ada, begun, code_of(begun.secret), session)
    visitor = browse()
    answer = visitor.post("/sign-in", name="ada", password=PASSWORD, next="/account/tokens")
    assert answer.headers["location"] == "/sign-in/code?next=/account/tokens"
    assert "Finish signing in" in visitor.get("/").text
    assert visitor.post("/sign-in/code", code="123", next="").status_code == 403
    waiting = visitor.cookies["invivo_session"]
    assert visitor.post("/sign-in/code", code=codes[0], next="/account/tokens").headers["location"] == "/account/tokens"
    assert visitor.cookies["invivo_session"] != waiting
    assert visitor.get("/account/tokens").status_code == 200


def test_one_leaves_in_the_middle_of_signing_in(browse: Browse, archive: Archive) -> None:
    make_person(archive)
    visitor = browse(second_factor="all")
    visitor.post("/sign-in", name="ada", password=PASSWORD)
    session = visitor.cookies["invivo_session"]
    visitor.post("/sign-out", "/account/factors")
    assert accounts.arrival_of(archive, session) is None


def test_a_planted_session_is_not_taken_over_by_signing_in(browse: Browse, archive: Archive) -> None:
    make_person(archive)
    visitor = browse()
    visitor.cookies.set("invivo_session", "planted-by-somebody", domain="127.0.0.1")
    visitor.sign_in("ada")
    assert visitor.get("/account").status_code == 200
    assert accounts.actor_of_session(archive, "planted-by-somebody").is_anonymous


def test_one_signs_in_elsewhere_and_registers_on_the_way(browse: Browse) -> None:
    issuer = Issuer()
    known = {"issuer": issuer.address, "client_id": CLIENT, "client_secret": SECRET, "label": "Elsewhere"}
    visitor = browse(registration="open", oidc={"elsewhere": known | {"trusts_mail": True}})
    assert "Sign in with Elsewhere" in visitor.get("/sign-in").text
    back = issuer.visit(visitor.get("/sign-in/with/elsewhere?next=/account").headers["location"])
    form = visitor.get(back.removeprefix("https://archive.test")).headers["location"]
    assert form.startswith("/register/newcomer/")
    chosen = visitor.post(form, **FORM).headers["location"]
    assert 'name="password"' not in visitor.get(chosen).text
    assert visitor.post(chosen, name="olga").headers["location"] == "/sign-in"
    back = issuer.visit(visitor.get("/sign-in/with/elsewhere?next=/account").headers["location"])
    answer = visitor.get(back.removeprefix("https://archive.test"))
    issuer.stop()
    assert answer.headers["location"] == "/account"
    assert "Olga Other" in visitor.get("/account").text


def test_an_answer_of_another_browser_signs_nobody_in(browse: Browse) -> None:
    issuer = Issuer()
    known = {"elsewhere": {"issuer": issuer.address, "client_id": CLIENT, "client_secret": SECRET}}
    attacker, victim = browse(oidc=known), browse(oidc=known)
    attacker.get("/sign-in")
    victim.get("/sign-in")
    back = issuer.visit(attacker.get("/sign-in/with/elsewhere").headers["location"])
    answer = victim.get(back.removeprefix("https://archive.test"))
    issuer.stop()
    assert answer.status_code == 403
    assert "another browser" in answer.text


def test_the_account_page_of_an_administrator_shows_history_and_lifts_a_lock(browse: Browse, archive: Archive) -> None:
    make_person(archive, "root", "administrator")
    ada = make_person(archive)
    for _ in range(archive.settings.accounts.attempts):
        with pytest.raises(accounts.WrongCredentials):
            accounts.sign_in(archive, "ada", "wrong password")
    root = browse("invivo_staff").sign_in("root")
    address = f"/admin/accounts/{ada.id}"
    shown = root.get(address).text
    assert "account.create" in shown
    assert "Held back." in shown
    root.post(f"{address}/sign-in", address, act="lift", subject="name:ada")
    assert browse().sign_in("ada").get("/account").status_code == 200


@pytest.mark.parametrize(
    "address", ["/admin/registrations", "/admin/invitations", "/admin/terms", "/admin/outbox", "/admin/accounts/1"]
)
def test_only_administrators_see_these_pages(browse: Browse, archive: Archive, address: str) -> None:
    make_person(archive, "cora", "curator")
    assert browse("invivo_staff").sign_in("cora").get(address).status_code == 403


def test_messages_are_counted_in_the_header_until_they_are_read(browse: Browse, archive: Archive) -> None:
    ada = make_person(archive)
    with archive.database.transaction() as tx:
        accounts.notify(tx, ada.id, "test", "Something new", "Look at it.", link="/collections")
    visitor = browse().sign_in("ada")
    page = visitor.get("/account/inbox").text
    assert "Something new" in page
    assert "1 unread message" in page
    message = re.search(r'name="message" value="(\d+)"', page)
    assert message
    assert (
        visitor.post("/account/inbox", message=message[1], next="//evil.example").headers["location"]
        == "/account/inbox"
    )
    assert "unread message" not in visitor.get("/account/inbox").text


def test_nobody_reads_or_marks_messages_of_others(browse: Browse, archive: Archive) -> None:
    ada = make_person(archive)
    make_person(archive, "eve")
    with archive.database.transaction() as tx:
        accounts.notify(tx, ada.id, "test", "For Ada", "Secret.")
        number = notices.inbox(tx, ada.id)[0].id
    eve = browse().sign_in("eve")
    assert "For Ada" not in eve.get("/account/inbox").text
    eve.post("/account/inbox", message=str(number))
    with archive.database.transaction() as tx:
        assert notices.unread(tx, ada.id) == 1


def test_one_asks_to_be_told_on_a_collections_page_and_stops_in_the_inbox(browse: Browse, archive: Archive) -> None:
    lung = make_collection(archive)
    ada = make_person(archive)
    visitor = browse().sign_in("ada")
    assert "Tell me of new releases" in visitor.get("/collections/LUNG-1").text
    visitor.post("/account/subscriptions", "/collections/LUNG-1", topic=f"collection:{lung.id}", act="on")
    with archive.database.transaction() as tx:
        assert notices.subscribers(tx, f"collection:{lung.id}") == [ada.id]
    assert "LUNG-1" in visitor.get("/account/inbox").text
    visitor.post("/account/subscriptions", "/account/inbox", topic=f"collection:{lung.id}", act="off")
    with archive.database.transaction() as tx:
        assert notices.subscribers(tx, f"collection:{lung.id}") == []


@pytest.mark.parametrize("topic", ["collection:{id}", "collection:999", "everything"])
def test_nobody_is_told_of_what_they_may_not_see(browse: Browse, archive: Archive, topic: str) -> None:
    hidden = make_collection(archive, "HIDDEN", access="private")
    make_person(archive)
    visitor = browse().sign_in("ada")
    answer = visitor.post("/account/subscriptions", "/account/inbox", topic=topic.format(id=hidden.id), act="on")
    assert answer.status_code == 404


def test_sessions_and_profile_are_changed_on_their_pages(browse: Browse, archive: Archive) -> None:
    make_person(archive)
    other, visitor = browse().sign_in("ada"), browse().sign_in("ada")
    assert "This device" in visitor.get("/account/sessions").text
    visitor.post("/account/sessions/others", "/account/sessions")
    assert other.get("/account").status_code == 303
    wrong = visitor.post("/account/profile", display_name="Ada", orcid="0000-0002-1825-0098")
    assert 'id="f-orcid-error"' in wrong.text
    assert visitor.post("/account/profile", display_name="Ada L", orcid="").status_code == 303
    assert "Ada L" in visitor.get("/account").text


def test_closing_ones_account_asks_for_the_password(browse: Browse, archive: Archive) -> None:
    make_person(archive, "root", "administrator")
    make_person(archive)
    visitor = browse().sign_in("ada")
    assert visitor.post("/account/close", password="wrong password").status_code == 403
    assert visitor.post("/account/close", password=PASSWORD).headers["location"] == "/"
    assert not accounts.person_named(archive, "ada").is_active


@pytest.mark.parametrize(
    "address",
    [
        "/account/inbox",
        "/account/sessions",
        "/account/profile",
        "/account/factors",
        "/account/renewal",
        "/account/close",
    ],
)
def test_strangers_sign_in_first(browse: Browse, address: str) -> None:
    assert browse().get(address).headers["location"].startswith("/sign-in?next=")


@pytest.mark.parametrize("address", ["/register/x", "/register/newcomer/x", "/invitation/x", "/password/x", "/mail/x"])
def test_a_made_up_link_leads_nowhere(browse: Browse, address: str) -> None:
    assert browse(registration="open").get(address).status_code == 404


def test_mail_that_has_not_left_is_shown_and_sent_again(browse: Browse, archive: Archive) -> None:
    make_person(archive, "root", "administrator")
    with archive.database.transaction() as tx:
        number = notices.post(tx, "test", "Lost", "Text", address="x@example.org", sealed="https://archive.test/x")
    root = browse("invivo_staff").sign_in("root")
    shown = root.get("/admin/outbox").text
    assert "x@example.org" in shown
    assert "Mail stays here." in shown
    assert root.post(f"/admin/outbox/{number}", "/admin/outbox").status_code == 303
