"""Signing in, passwords and tokens behave as their pages say."""

import re

import pytest
from tests.factories import PASSWORD, SYSTEM, actor_named, make_collection, make_person
from tests.web.desk import Browser

from invivo import accounts, collections
from invivo.archive import Archive
from invivo.errors import Refused


@pytest.fixture
def browser(archive: Archive) -> Browser:
    make_person(archive, "ada")
    return Browser(archive)


def test_signing_in_sets_a_cookie_that_scripts_cannot_read(browser: Browser) -> None:
    answer = browser.post("/sign-in", name="ada", password=PASSWORD)
    cookie = next(one for one in answer.headers.get_list("set-cookie") if one.startswith("invivo_session="))
    assert answer.status_code == 303
    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))


def test_signing_in_never_leads_to_another_site(archive: Archive, browser: Browser) -> None:
    for target in ("//evil.example/x", "https://evil.example", "/\\evil.example", "javascript:alert(1)"):
        answer = Browser(archive).post("/sign-in", name="ada", password=PASSWORD, next=target)
        assert answer.headers["location"] == "/"


def test_signing_in_goes_on_to_the_page_that_was_asked_for(browser: Browser) -> None:
    assert (
        browser.post("/sign-in", name="ada", password=PASSWORD, next="/account/tokens").headers["location"]
        == "/account/tokens"
    )


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(browser: Browser) -> None:
    wrong = browser.post("/sign-in", name="ada", password="not the password")
    unknown = browser.post("/sign-in", name="adb", password="not the password")
    assert (wrong.status_code, unknown.status_code) == (403, 403)
    assert "Name and password do not belong together." in wrong.text
    assert wrong.text.replace("ada", "adb") == unknown.text


def test_too_many_wrong_passwords_ask_for_a_pause(browser: Browser) -> None:
    answers = [browser.post("/sign-in", name="ada", password="wrong") for _ in range(9)]
    assert answers[-1].status_code == 429
    assert "wait 15 minutes" in answers[-1].text


def test_a_form_without_the_token_of_its_page_changes_nothing(browser: Browser) -> None:
    browser.get("/sign-in")
    assert browser.ask("POST", "/sign-in", data={"name": "ada", "password": PASSWORD}).status_code == 403


def test_signing_out_ends_the_session_itself(archive: Archive, browser: Browser) -> None:
    browser.sign_in("ada")
    session = browser.cookies["invivo_session"]
    assert browser.post("/sign-out", page="/account").status_code == 303
    assert accounts.actor_of_session(archive, session).is_anonymous


def test_the_account_page_sends_a_stranger_to_sign_in(browser: Browser) -> None:
    assert browser.get("/account").headers["location"] == "/sign-in?next=/account"


def test_the_account_page_names_collections_and_roles(archive: Archive, browser: Browser) -> None:
    collection = make_collection(archive)
    collections.add_member(archive, SYSTEM, collection.id, actor_named(archive, "ada").person_id or 0, "curator")
    page = browser.sign_in("ada").get("/account").text
    assert "LUNG-1" in page
    assert "Curator" in page


def test_a_password_must_be_repeated_to_be_changed(browser: Browser) -> None:
    answer = browser.sign_in("ada").post(
        "/account/password", old=PASSWORD, new="another long one", again="another long two"
    )
    assert answer.status_code == 400
    assert "not the same" in answer.text


def test_changing_the_password_ends_the_session_and_the_old_password(browser: Browser) -> None:
    browser.sign_in("ada").post("/account/password", old=PASSWORD, new="another long one", again="another long one")
    assert browser.get("/account").status_code == 303
    assert browser.post("/sign-in", name="ada", password=PASSWORD).status_code == 403


def test_a_token_is_shown_once_and_works_until_it_is_revoked(archive: Archive, browser: Browser) -> None:
    browser.sign_in("ada")
    made = browser.post("/account/tokens", name="notebook", scopes="read", days="7")
    secret = re.search(r'data-copy="(invivo_[\w-]+)"', made.text)
    assert secret
    assert accounts.actor_of_token(archive, secret[1]).label == "ada"
    again = browser.get("/account/tokens").text
    assert "notebook" in again
    assert secret[1] not in again
    number = re.search(r"/account/tokens/(\d+)/revoke", again)
    assert number
    browser.post(f"/account/tokens/{number[1]}/revoke", page="/account/tokens")
    with pytest.raises(Refused):
        accounts.actor_of_token(archive, secret[1])


def test_a_token_with_a_wrong_term_is_refused_at_its_field(browser: Browser) -> None:
    browser.sign_in("ada")
    answers = [browser.post("/account/tokens", name="n", scopes="read", days=days) for days in ("0", "4000", "x")]
    assert {one.status_code for one in answers} == {400}
    assert all('id="f-days-error"' in one.text for one in answers)


def test_the_public_database_role_is_enough_for_all_of_it(public_archive: Archive, browser: Browser) -> None:
    visitor = Browser(public_archive).sign_in("ada")
    assert visitor.get("/account").status_code == 200
    assert "Copy its secret now" in visitor.post("/account/tokens", name="n", scopes="read", days="1").text
    fields = {"old": PASSWORD, "new": "another long one", "again": "another long one"}
    assert visitor.post("/account/password", **fields).status_code == 303
