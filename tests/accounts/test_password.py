"""Passwords that are tried first are refused, forgotten ones are replaced by a mailed link."""

import re
import threading
from collections.abc import Callable

import pytest

from invivo import accounts, notices
from invivo.accounts.rate import TooManyAttempts
from invivo.archive import Archive
from invivo.errors import Busy, Conflict, Invalid, NotFound, Refused
from tests.accounts.conftest import Under
from tests.factories import PASSWORD, SYSTEM, actor_named, make_person

Mails = Callable[[], list[notices.Mail]]


def with_mail(archive: Archive, name: str = "ada") -> accounts.Person:
    return accounts.create_person(archive, SYSTEM, name, PASSWORD, email=f"{name}@example.org")


@pytest.mark.parametrize(
    "password",
    ["Password123!", "qwertyuiop", "1234567890", "iloveyou2024", "aaaaaaaaaaaa", "Hospital-2026", "letmein12345"],
)
def test_a_common_password_is_refused(archive: Archive, password: str) -> None:
    with pytest.raises(Invalid, match="tried first"):
        accounts.create_person(archive, SYSTEM, "ada", password)


@pytest.mark.parametrize("password", ["lovelace-123", "ada.lovelace1", "Lovelace!!!"])
def test_a_password_made_of_the_name_is_refused(archive: Archive, password: str) -> None:
    with pytest.raises(Invalid, match="name"):
        accounts.create_person(archive, SYSTEM, "lovelace", password, email="ada.lovelace@example.org")


def test_a_forgotten_password_is_replaced_by_a_link_that_ends_all_sessions(
    under: Under, mails: Mails, archive: Archive
) -> None:
    with_mail(archive)
    site = under()
    session, _ = accounts.sign_in(site, "ada", PASSWORD)
    accounts.forgot_password(site, "ADA@example.org")
    secret = mails()[-1].sealed.rpartition("/")[2]
    assert accounts.whose_password_link(site, secret) == "ada"
    accounts.reset_password(site, secret, "an entirely new one")
    assert accounts.actor_of_session(site, session).is_anonymous
    assert not accounts.sign_in(site, "ada", "an entirely new one")[1].is_anonymous
    with pytest.raises(accounts.SpentLink):
        accounts.reset_password(site, secret, "and another new one")


def test_a_stranger_who_forgets_gets_no_mail_and_no_other_answer(under: Under, mails: Mails) -> None:
    accounts.forgot_password(under(), "nobody@example.org")
    assert mails() == []


def test_a_link_for_a_password_does_nothing_else(under: Under, mails: Mails, archive: Archive) -> None:
    with_mail(archive)
    accounts.forgot_password(site := under(registration="open"), "ada")
    secret = mails()[-1].sealed.rpartition("/")[2]
    with pytest.raises(accounts.SpentLink):
        accounts.confirm_mail(site, secret)
    with pytest.raises(accounts.SpentLink):
        accounts.asked_with(site, secret)


def test_links_are_nowhere_in_the_table_of_links(under: Under, mails: Mails, archive: Archive) -> None:
    with_mail(archive)
    accounts.forgot_password(under(), "ada")
    with archive.database.transaction() as tx:
        kept = str(tx.execute("select * from accounts.once").fetchall())
    assert mails()[-1].sealed.rpartition("/")[2] not in kept


def test_many_wrong_passwords_at_once_cannot_slip_past_the_count(archive: Archive) -> None:
    make_person(archive)
    ends: list[str] = []

    def attempt() -> None:
        try:
            accounts.sign_in(archive, "ada", "wrong password")
        except (Refused, Busy) as error:
            ends.append(error.kind)

    threads = [threading.Thread(target=attempt) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ends.count("account.wrong-credentials") == archive.settings.accounts.attempts
    assert ends.count("account.too-many-attempts") == 20 - archive.settings.accounts.attempts


def test_an_administrator_lifts_a_lock(archive: Archive) -> None:
    make_person(archive)
    for _ in range(archive.settings.accounts.attempts):
        with pytest.raises(accounts.WrongCredentials):
            accounts.sign_in(archive, "ada", "wrong password")
    with pytest.raises(TooManyAttempts):
        accounts.sign_in(archive, "ada", PASSWORD)
    assert [one.subject for one in accounts.locked(archive, SYSTEM)] == ["name:ada"]
    accounts.lift(archive, SYSTEM, "name:ada")
    assert not accounts.sign_in(archive, "ada", PASSWORD)[1].is_anonymous
    with pytest.raises(NotFound):
        accounts.lift(archive, SYSTEM, "name:ada")


def test_right_passwords_never_lock(archive: Archive) -> None:
    make_person(archive)
    for _ in range(archive.settings.accounts.attempts + 2):
        accounts.actor_of_password(archive, "ada", PASSWORD)


def test_sessions_are_listed_and_ended_one_by_one_or_all_others(public_archive: Archive, archive: Archive) -> None:
    make_person(archive)
    here, ada = accounts.sign_in(public_archive, "ada", PASSWORD, agent="Firefox on Linux")
    there, _ = accounts.sign_in(public_archive, "ada", PASSWORD, agent="Safari on iPhone")
    accounts.sign_in(public_archive, "ada", PASSWORD)
    known = accounts.list_sessions(public_archive, ada, here)
    assert [(one.agent, one.is_this) for one in known if one.agent] == [
        ("Safari on iPhone", False),
        ("Firefox on Linux", True),
    ]
    accounts.end_session(public_archive, ada, next(one.id for one in known if one.agent.startswith("Safari")))
    assert accounts.actor_of_session(public_archive, there).is_anonymous
    assert accounts.end_other_sessions(public_archive, ada, here) == 1
    assert accounts.actor_of_session(public_archive, here).label == "ada"


def test_nobody_ends_a_session_of_somebody_else(archive: Archive) -> None:
    make_person(archive)
    make_person(archive, "eve")
    _, ada = accounts.sign_in(archive, "ada", PASSWORD)
    with pytest.raises(NotFound):
        accounts.end_session(archive, actor_named(archive, "eve"), accounts.list_sessions(archive, ada)[0].id)


def test_a_new_mail_address_counts_when_its_link_is_used_and_the_old_one_is_told(
    under: Under, mails: Mails, archive: Archive
) -> None:
    with_mail(archive)
    site, ada = under(), actor_named(archive, "ada")
    with pytest.raises(accounts.WrongCredentials):
        accounts.change_mail(site, ada, "new@example.org", "not the password")
    accounts.change_mail(site, ada, "new@example.org", PASSWORD)
    assert accounts.person_named(site, "ada").email == "ada@example.org"
    told = {mail.address: mail.sealed for mail in mails()}
    assert set(told) == {"ada@example.org", "new@example.org"}
    accounts.confirm_mail(site, re.sub(".*/", "", told["new@example.org"]))
    assert accounts.person_named(site, "ada").email == "new@example.org"


@pytest.mark.parametrize("orcid", ["0000-0002-1825-0098", "0000-0002-1825", "https://evil.example/0000-0002-1825-0097"])
def test_a_mistyped_orcid_is_refused(archive: Archive, orcid: str) -> None:
    make_person(archive)
    with pytest.raises(Invalid):
        accounts.change_profile(
            archive, actor_named(archive, "ada"), display_name="Ada", affiliation="", country="", orcid=orcid
        )


def test_a_profile_is_kept_by_the_public_role(public_archive: Archive, archive: Archive) -> None:
    make_person(archive)
    accounts.change_profile(
        public_archive,
        actor_named(archive, "ada"),
        display_name="Ada  Lovelace",
        affiliation="London",
        country="GB",
        orcid="https://orcid.org/0000-0002-1694-233x",
    )
    person = accounts.person_named(archive, "ada")
    assert (person.display_name, person.orcid) == ("Ada Lovelace", "0000-0002-1694-233X")


def test_one_closes_ones_own_account_but_not_the_last_administrators(public_archive: Archive, archive: Archive) -> None:
    make_person(archive, "root", "administrator")
    make_person(archive, "ada")
    with pytest.raises(Conflict, match="without an administrator"):
        accounts.close_own(public_archive, actor_named(archive, "root"), PASSWORD)
    assert accounts.person_named(archive, "root").is_active
    session, ada = accounts.sign_in(public_archive, "ada", PASSWORD)
    accounts.close_own(public_archive, ada, PASSWORD)
    assert accounts.actor_of_session(public_archive, session).is_anonymous


def test_of_two_administrators_who_leave_at_once_one_stays(archive: Archive) -> None:
    for name in ("one", "two"):
        make_person(archive, name, "administrator")
    actors = [actor_named(archive, name) for name in ("one", "two")]
    ends: list[str] = []

    def leave(actor: accounts.Actor) -> None:
        try:
            accounts.close_own(archive, actor, PASSWORD)
            ends.append("closed")
        except Conflict as error:
            ends.append(error.kind)

    threads = [threading.Thread(target=leave, args=[actor]) for actor in actors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["account.last-administrator", "closed"]


def test_an_account_that_is_not_confirmed_does_nothing_until_it_is(under: Under, archive: Archive) -> None:
    with_mail(archive)
    site = under(renewal_months=12)
    ada = actor_named(archive, "ada")
    secret, _ = accounts.create_token(site, ada, "script")
    with archive.database.transaction() as tx:
        tx.execute("update accounts.person set renewed_at = now() - interval '13 months'")
    session, waits = accounts.sign_in(site, "ada", PASSWORD)
    assert waits.step == "renewal"
    for refused in (
        lambda: accounts.actor_of_token(site, secret),
        lambda: accounts.actor_of_password(site, "ada", PASSWORD),
    ):
        with pytest.raises(Refused) as error:
            refused()
        assert error.value.kind == "account.renewal-due"
    arrival = accounts.arrival_of(site, session)
    assert arrival
    accounts.renew(site, arrival.actor)
    assert accounts.actor_of_session(site, session).label == "ada"
    assert accounts.actor_of_token(site, secret).label == "ada"


def test_one_is_reminded_a_month_and_a_week_before(under: Under, archive: Archive) -> None:
    person = with_mail(archive)
    site = under("invivo_staff", renewal_months=12)
    counts = []
    for days in (300, 340, 341, 360, 361):
        with archive.database.transaction() as tx:
            tx.execute("update accounts.person set renewed_at = now() - make_interval(days => %s)", [days])
        counts.append(accounts.remind(site))
    with archive.database.transaction() as tx:
        assert len(notices.inbox(tx, person.id)) == 2
    assert counts == [0, 1, 0, 1, 0]
