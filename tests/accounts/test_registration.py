"""People come in as the policy says, and nobody learns who has an account."""

import re
import threading
from collections.abc import Callable

import psycopg
import pytest

from invivo import accounts, collections, notices
from invivo.accounts.rate import TooManyAttempts
from invivo.accounts.registration import RegistrationClosed
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, Refused
from tests.accounts.conftest import Under
from tests.factories import PASSWORD, SYSTEM, actor_named, make_collection, make_person

Mails = Callable[[], list[notices.Mail]]
OLGA = accounts.Asking("Olga Other", "olga@example.org", "University", "NO")


def secret_in(mail: notices.Mail) -> str:
    found = re.search(r"https://archive\.test/\w+/([\w-]+)$", mail.sealed)
    assert found
    return found[1]


def ask(site: Archive, mails: Mails, asking: accounts.Asking = OLGA) -> str:
    accounts.ask_for_account(site, asking)
    return secret_in(mails()[-1])


@pytest.mark.parametrize("policy", ["closed", "invited"])
def test_nobody_registers_where_accounts_are_made_by_others(under: Under, policy: str) -> None:
    with pytest.raises(RegistrationClosed):
        accounts.ask_for_account(under(registration=policy), OLGA)


def test_an_open_archive_makes_the_account_after_the_mail_check(under: Under, mails: Mails) -> None:
    site = under(registration="open")
    secret = ask(site, mails)
    accounts.finish_registration(site, secret, "olga", PASSWORD)
    person = accounts.person_named(site, "olga")
    assert (person.email, person.affiliation, person.site_roles) == ("olga@example.org", "University", [])
    assert person.mail_checked_at is not None
    assert accounts.sign_in(site, "olga", PASSWORD)[1].label == "Olga Other"


def test_a_link_works_once(under: Under, mails: Mails) -> None:
    site = under(registration="open")
    secret = ask(site, mails)
    accounts.finish_registration(site, secret, "olga", PASSWORD)
    with pytest.raises(accounts.SpentLink):
        accounts.finish_registration(site, secret, "olga2", PASSWORD)


def test_a_link_ends_after_its_hours(under: Under, mails: Mails, archive: Archive) -> None:
    site = under(registration="open")
    secret = ask(site, mails)
    with archive.database.transaction() as tx:
        tx.execute("update accounts.once set expires_at = now() - interval '1 second'")
    with pytest.raises(accounts.SpentLink):
        accounts.asked_with(site, secret)


def test_a_refused_name_does_not_spend_the_link(under: Under, mails: Mails) -> None:
    make_person(site := under("invivo_staff", registration="open"), "olga")
    secret = ask(site, mails)
    with pytest.raises(accounts.NameTaken):
        accounts.finish_registration(site, secret, "Olga", PASSWORD)
    accounts.finish_registration(site, secret, "olga.other", PASSWORD)


def test_a_known_address_gets_another_mail_and_the_visitor_the_same_answer(under: Under, mails: Mails) -> None:
    site = under(registration="open")
    accounts.finish_registration(site, ask(site, mails), "olga", PASSWORD)
    answer = accounts.ask_for_account(site, accounts.Asking("Eve", "OLGA@example.org"))
    assert answer == accounts.ask_for_account(site, accounts.Asking("Eve", "new@example.org")) == ""
    known, new = mails()[-2:]
    assert "has one already: olga" in known_text(site, known.id)
    assert "/register/" not in known.sealed
    assert "/register/" in new.sealed


def known_text(site: Archive, message_id: int) -> str:
    with psycopg.connect(site.database.dsn) as tx:
        row = tx.execute("select text from notices.message where id = %s", [message_id]).fetchone()
    assert row
    return str(row[0])


def test_asking_for_one_address_again_and_again_is_stopped(under: Under) -> None:
    site = under(registration="open")
    for _ in range(3):
        accounts.ask_for_account(site, OLGA, "192.0.2.1")
    with pytest.raises(TooManyAttempts):
        accounts.ask_for_account(site, OLGA, "192.0.2.2")


@pytest.mark.parametrize(
    "email",
    ["", "olga", "olga@", "a@b@c", "o\n@example.org", "x" * 300 + "@example.org", "<o@example.org>", "o@exa..org"],
)
def test_what_is_no_mail_address_is_refused(under: Under, email: str) -> None:
    with pytest.raises(Invalid):
        accounts.ask_for_account(under(registration="open"), accounts.Asking("Olga", email))


def test_a_moderated_account_waits_for_an_administrator_who_is_told(
    under: Under, mails: Mails, archive: Archive
) -> None:
    root = make_person(archive, "root", "administrator")
    site = under(registration="moderated")
    assert accounts.finish_registration(site, ask(site, mails), "olga", PASSWORD) is None
    with pytest.raises(accounts.WrongCredentials):
        accounts.sign_in(site, "olga", PASSWORD)
    with archive.database.transaction() as tx:
        assert "asks for an account" in notices.inbox(tx, root.id)[0].subject
    waiting = accounts.registrations(archive, SYSTEM)
    accounts.approve_registration(archive, actor_named(archive, "root"), waiting[0].id)
    assert accounts.sign_in(site, "olga", PASSWORD)[1].label == "Olga Other"
    assert "approved" in known_text(site, mails()[-1].id)


def test_the_second_administrator_to_decide_is_told_who_was_first(under: Under, mails: Mails, archive: Archive) -> None:
    make_person(archive, "root", "administrator")
    site = under(registration="moderated")
    accounts.finish_registration(site, ask(site, mails), "olga", PASSWORD)
    number = accounts.registrations(archive, SYSTEM)[0].id
    ends: list[str] = []

    def decide(verb: Callable[[], object]) -> None:
        try:
            verb()
            ends.append("done")
        except Conflict as error:
            ends.append(error.kind)

    both: list[Callable[[], object]] = [
        lambda: accounts.approve_registration(archive, actor_named(archive, "root"), number),
        lambda: accounts.decline_registration(archive, SYSTEM, number, "Who are you?"),
    ]
    threads = [threading.Thread(target=decide, args=[verb]) for verb in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["account.registration-decided", "done"]


def test_who_is_declined_is_told_why_and_has_no_account(under: Under, mails: Mails, archive: Archive) -> None:
    site = under(registration="moderated")
    accounts.finish_registration(site, ask(site, mails), "olga", PASSWORD)
    with pytest.raises(Invalid):
        accounts.decline_registration(archive, SYSTEM, accounts.registrations(archive, SYSTEM)[0].id, " ")
    accounts.decline_registration(archive, SYSTEM, accounts.registrations(archive, SYSTEM)[0].id, "No affiliation.")
    assert "No affiliation." in known_text(site, mails()[-1].id)
    with pytest.raises(accounts.WrongCredentials):
        accounts.sign_in(site, "olga", PASSWORD)


def test_only_administrators_see_who_waits(archive: Archive) -> None:
    make_person(archive, "cora", "curator")
    with pytest.raises(Refused):
        accounts.registrations(archive, actor_named(archive, "cora"))


def test_an_invitation_brings_an_account_and_its_roles(under: Under, mails: Mails, archive: Archive) -> None:
    make_person(archive, "owner")
    lung = make_collection(archive)
    collections.add_member(archive, SYSTEM, lung.id, actor_named(archive, "owner").person_id or 0, "owner")
    staff, public = under("invivo_staff", registration="invited"), under(registration="invited")
    accounts.invite(staff, actor_named(archive, "owner"), "olga@example.org", [(lung.id, "submitter")])
    secret = secret_in(mails()[-1])
    accounts.accept_invitation(public, secret, "olga", PASSWORD, OLGA)
    assert actor_named(archive, "olga").memberships == {lung.id: frozenset({"submitter"})}
    with pytest.raises(accounts.SpentLink):
        accounts.accept_invitation(public, secret, "olga2", PASSWORD, OLGA)


def test_an_invitation_can_be_taken_with_an_account_that_is_there(under: Under, mails: Mails, archive: Archive) -> None:
    lung = make_collection(archive)
    make_person(archive, "ada")
    accounts.invite(under("invivo_staff"), SYSTEM, "ada@example.org", [(lung.id, "curator")])
    accounts.join_by_invitation(under(), actor_named(archive, "ada"), secret_in(mails()[-1]))
    assert actor_named(archive, "ada").may_curate(lung.id)


def test_nobody_invites_into_a_collection_of_others(under: Under, archive: Archive) -> None:
    make_person(archive, "owner")
    own, other = make_collection(archive, "OWN"), make_collection(archive, "OTHER")
    collections.add_member(archive, SYSTEM, own.id, actor_named(archive, "owner").person_id or 0, "owner")
    owner, staff = actor_named(archive, "owner"), under("invivo_staff", registration="invited")
    with pytest.raises(Refused):
        accounts.invite(staff, owner, "olga@example.org", [(own.id, "owner"), (other.id, "member")])
    with pytest.raises(Refused):
        accounts.invite(archive, owner, "olga@example.org", [(own.id, "owner")])  # registration is closed there


def test_a_withdrawn_or_old_invitation_is_worth_nothing(under: Under, mails: Mails, archive: Archive) -> None:
    staff = under("invivo_staff")
    one = accounts.invite(staff, SYSTEM, "olga@example.org")
    accounts.withdraw_invitation(staff, SYSTEM, one.id)
    accounts.invite(staff, SYSTEM, "old@example.org")
    with archive.database.transaction() as tx:
        tx.execute(
            "update accounts.invitation set expires_at = now() - interval '1 second' where email = 'old@example.org'"
        )
    for mail in mails():
        with pytest.raises(accounts.SpentLink):
            accounts.accept_invitation(under(), secret_in(mail), "olga", PASSWORD, OLGA)


def test_the_public_role_can_neither_give_roles_nor_reopen_accounts(public_archive: Archive, archive: Archive) -> None:
    make_person(archive, "ada")
    forbidden = (
        "update accounts.person set site_roles = '{administrator}'",
        "update accounts.person set is_active = true",
        "insert into accounts.person (name, password_hash) values ('eve', '')",
        "insert into accounts.invitation (digest, email, expires_at) values ('x', 'e@x', now())",
        "update accounts.registration set state = 'approved'",
        "select password_hash from accounts.registration",
        "insert into collections.member (collection_id, person_id, role) values (1, 1, 'owner')",
        "insert into accounts.terms (version, text) values ('x', 'x')",
    )
    for statement in forbidden:
        with pytest.raises(psycopg.errors.InsufficientPrivilege), public_archive.database.transaction() as tx:
            tx.execute(statement.encode())


def test_new_terms_stop_everybody_until_they_accept(public_archive: Archive, archive: Archive) -> None:
    make_person(archive, "ada")
    session, actor = accounts.sign_in(public_archive, "ada", PASSWORD)
    assert not actor.is_anonymous
    accounts.publish_terms(archive, SYSTEM, "2", "Be kind.")
    waits = accounts.actor_of_session(public_archive, session)
    assert (waits.is_anonymous, waits.step) == (True, "terms")
    arrival = accounts.arrival_of(public_archive, session)
    assert arrival
    with pytest.raises(Conflict):
        accounts.accept_terms(public_archive, arrival.actor, "1")
    accounts.accept_terms(public_archive, arrival.actor, "2")
    assert accounts.actor_of_session(public_archive, session).label == "ada"
    assert [one[0] for one in accounts.accepted_by(archive, SYSTEM, actor.person_id or 0)] == ["2"]


def test_terms_never_change_under_their_version(archive: Archive) -> None:
    accounts.publish_terms(archive, SYSTEM, "1", "Be kind.")
    with pytest.raises(Conflict):
        accounts.publish_terms(archive, SYSTEM, "1", "Be unkind.")


def test_who_registers_accepts_the_terms_in_force(under: Under, mails: Mails, archive: Archive) -> None:
    accounts.publish_terms(archive, SYSTEM, "1", "Be kind.")
    site = under(registration="open")
    with pytest.raises(Invalid):
        accounts.ask_for_account(site, OLGA)
    asking = accounts.Asking("Olga Other", "olga@example.org", terms_version="1")
    accounts.finish_registration(site, ask(site, mails, asking), "olga", PASSWORD)
    assert not accounts.sign_in(site, "olga", PASSWORD)[1].is_anonymous
