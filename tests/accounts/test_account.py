"""People, passwords, sessions and tokens."""

import pytest

from invivo import accounts, notices
from invivo.accounts.account import NameTaken
from invivo.accounts.actor import ExpiredToken
from invivo.accounts.rate import TooManyAttempts
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, Refused
from tests.factories import PASSWORD, SYSTEM, actor_named, make_person


def test_a_password_is_kept_as_an_argon2_digest(archive: Archive) -> None:
    make_person(archive)
    with archive.database.transaction() as tx:
        row = tx.execute("select password_hash from accounts.person").fetchone()
    assert row.password_hash.startswith("$argon2id$")


def test_signing_in_opens_a_session_that_names_the_person(public_archive: Archive, archive: Archive) -> None:
    make_person(archive, "ada", "curator")
    session, actor = accounts.sign_in(public_archive, "ADA", PASSWORD)
    assert accounts.actor_of_session(public_archive, session).site_roles == frozenset({"curator"})
    assert actor.name == accounts.actor_of_session(public_archive, session).name
    accounts.sign_out(public_archive, session)
    assert accounts.actor_of_session(public_archive, session).is_anonymous


@pytest.mark.parametrize(("name", "password"), [("ada", "wrong password"), ("nobody", PASSWORD)])
def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(archive: Archive, name: str, password: str) -> None:
    make_person(archive)
    with pytest.raises(accounts.WrongCredentials, match="Name and password do not belong together"):
        accounts.sign_in(archive, name, password)


def test_too_many_wrong_passwords_lock_the_name_even_for_the_right_one(archive: Archive) -> None:
    make_person(archive)
    for _ in range(archive.settings.accounts.attempts):
        with pytest.raises(accounts.WrongCredentials):
            accounts.sign_in(archive, "ada", "wrong password")
    with pytest.raises(TooManyAttempts):
        accounts.sign_in(archive, "ada", PASSWORD)


def test_a_closed_account_cannot_sign_in_and_its_sessions_end(archive: Archive) -> None:
    person = make_person(archive)
    session, _ = accounts.sign_in(archive, "ada", PASSWORD)
    make_person(archive, "root", "administrator")
    accounts.deactivate(archive, SYSTEM, person.id)
    assert accounts.actor_of_session(archive, session).is_anonymous
    with pytest.raises(accounts.WrongCredentials):
        accounts.sign_in(archive, "ada", PASSWORD)


def test_the_last_administrator_stays(archive: Archive) -> None:
    person = make_person(archive, "root", "administrator")
    with pytest.raises(Conflict, match="without an administrator"):
        accounts.set_site_roles(archive, SYSTEM, person.id, [])


def test_names_are_unique_whatever_their_case(archive: Archive) -> None:
    make_person(archive, "ada")
    with pytest.raises(NameTaken):
        make_person(archive, "Ada")


@pytest.mark.parametrize(("name", "password"), [("a", PASSWORD), ("ada lovelace", PASSWORD), ("ada", "short")])
def test_a_malformed_account_is_refused(archive: Archive, name: str, password: str) -> None:
    with pytest.raises(Invalid):
        accounts.create_person(archive, SYSTEM, name, password)


def test_only_administrators_make_accounts(archive: Archive) -> None:
    make_person(archive, "cora", "curator")
    with pytest.raises(Refused):
        accounts.create_person(archive, actor_named(archive, "cora"), "eve", PASSWORD)


def test_a_token_has_its_scopes_and_no_more(archive: Archive) -> None:
    make_person(archive, "root", "administrator")
    secret, _ = accounts.create_token(archive, actor_named(archive, "root"), "script", ["read"])
    actor = accounts.actor_of_token(archive, secret)
    assert not actor.is_administrator
    assert not actor.is_curator
    assert actor.has_scope("read")


def test_a_token_cannot_make_another(archive: Archive) -> None:
    make_person(archive)
    secret, _ = accounts.create_token(archive, actor_named(archive, "ada"), "script")
    with pytest.raises(Refused):
        accounts.create_token(archive, accounts.actor_of_token(archive, secret), "more")


def test_an_expired_or_revoked_token_is_refused(archive: Archive) -> None:
    make_person(archive)
    actor = actor_named(archive, "ada")
    secret, token = accounts.create_token(archive, actor, "script")
    with archive.database.transaction() as tx:
        tx.execute("update accounts.token set expires_at = now() - interval '1 second'")
    with pytest.raises(ExpiredToken):
        accounts.actor_of_token(archive, secret)
    accounts.revoke_token(archive, actor, token.id)
    assert accounts.list_tokens(archive, actor) == []


def test_a_new_password_needs_the_old_one_and_ends_all_sessions(archive: Archive) -> None:
    make_person(archive)
    session, actor = accounts.sign_in(archive, "ada", PASSWORD)
    with pytest.raises(accounts.WrongCredentials):
        accounts.change_password(archive, actor, "not it", "another long password")
    accounts.change_password(archive, actor, PASSWORD, "another long password")
    assert accounts.actor_of_session(archive, session).is_anonymous


def test_secrets_are_nowhere_in_the_database(archive: Archive) -> None:
    make_person(archive)
    session, actor = accounts.sign_in(archive, "ada", PASSWORD)
    secret, _ = accounts.create_token(archive, actor, "script")
    with archive.database.transaction() as tx:
        kept = str(tx.execute("select * from accounts.session").fetchall()) + str(
            tx.execute("select * from accounts.token").fetchall()
        )
    assert session not in kept
    assert secret not in kept


def test_people_are_told_in_their_inbox_and_by_mail_if_they_have_an_address(archive: Archive) -> None:
    one = accounts.create_person(
        archive, SYSTEM, "one", PASSWORD, email="one@example.org", site_roles=["administrator"]
    )
    two = accounts.create_person(archive, SYSTEM, "two", PASSWORD)
    gone = accounts.create_person(archive, SYSTEM, "gone", PASSWORD)
    accounts.deactivate(archive, SYSTEM, gone.id)
    with archive.database.transaction() as tx:
        assert accounts.administrators(tx) == [one.id]
        accounts.notify(tx, [one.id, two.id, gone.id], "test", "Subject", "Text.")
        assert [len(notices.inbox(tx, person.id)) for person in (one, two, gone)] == [1, 1, 0]
        assert [mail.address for mail in notices.outbox(tx)] == ["one@example.org"]
