"""Accounts and applications for data survive `kill -9` at every point."""

import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from invivo import accounts, collections
from invivo.archive import Archive
from tests.accounts.test_factor import code_of
from tests.factories import PASSWORD, SYSTEM, actor_named, make_collection, make_person
from tests.robust.killing import Case

pytestmark = pytest.mark.slow
DRAFT = collections.RequestDraft(
    "Growth", "To measure growth.", "Institute", "Bob", "Prof. Dean", "dean@institute.test"
)
OLGA = accounts.Asking("Olga Other", "olga@example.org", "University", "NO")
SITE: dict[str, Any] = {"site": {"public_url": "https://archive.test"}, "accounts": {"registration": "open"}}
MODERATED = {**SITE, "accounts": {"registration": "moderated"}}


def person(archive: Archive, name: str, *roles: str) -> accounts.Actor:
    with archive.database.transaction() as tx:  # without the time that good password digests take
        tx.execute(
            "insert into accounts.person (name, password_hash, site_roles, email) values (%s, '', %s, %s)",
            [name, list(roles), f"{name}@example.org"],
        )
    return actor_named(archive, name)


def controlled(archive: Archive) -> tuple[int, ...]:
    made = make_collection(archive, "CTRL", access="controlled")
    for name, role in (("owner", "owner"), ("cora", "committee"), ("ada", "")):
        number = person(archive, name).person_id or 0
        if role:
            collections.add_member(archive, SYSTEM, made.id, number, role)
    collections.add_agreement(archive, SYSTEM, made.id, "You shall not tell.")
    return (collections.write_request(archive, actor_named(archive, "ada"), made.id, DRAFT).id,)


def submit(archive: Archive, number: int, *_: str) -> None:
    collections.submit_request(archive, actor_named(archive, "ada"), number, version=1, name="Ada Applicant")


def secret_of(archive: Archive, kind: str = "") -> str:
    with psycopg.connect(archive.database.dsn) as tx:
        row = tx.execute(
            "select sealed from notices.message where sealed <> '' and kind like %s order by id desc", [f"{kind}%"]
        ).fetchone()
    assert row is not None
    return re.split(r"[/\s]", row[0].strip())[-1]


def at_official(archive: Archive) -> tuple[Any, ...]:
    (number,) = controlled(archive)
    submit(archive, number)
    return (number, secret_of(archive, "access.official"))


def answer(archive: Archive, _number: int, secret: str) -> None:
    collections.official_answers(archive, secret, confirms=True)


def at_committee(archive: Archive) -> tuple[Any, ...]:
    number, secret = at_official(archive)
    answer(archive, number, secret)
    return (number,)


def vote(archive: Archive, number: int) -> None:
    collections.vote(archive, actor_named(archive, "cora"), number, "approve", "because")


def approved(archive: Archive) -> tuple[Any, ...]:
    (number,) = at_committee(archive)
    vote(archive, number)
    return (number,)


def with_new_agreement(archive: Archive) -> tuple[Any, ...]:
    (number,) = approved(archive)
    collections.add_agreement(archive, SYSTEM, 1, "Nor shall you sell.", is_needed_again=True)
    return (number,)


def sign(archive: Archive, _number: int) -> None:
    collections.sign_agreement(archive, actor_named(archive, "ada"), 1, 2, "Ada Applicant")


def revoke(archive: Archive, number: int) -> None:
    collections.revoke_request(archive, actor_named(archive, "owner"), number, "It was told.")


def nobody(archive: Archive) -> tuple[Any, ...]:
    person(archive, "root", "administrator")
    return ()


def ask(archive: Archive) -> None:
    accounts.ask_for_account(archive, OLGA)


def asked(archive: Archive) -> tuple[str]:
    nobody(archive)
    ask(archive)
    return (secret_of(archive),)


def finish(archive: Archive, secret: str) -> None:
    accounts.finish_registration(archive, secret, "olga", PASSWORD)


def waiting(archive: Archive) -> tuple[str]:
    (secret,) = asked(archive)
    finish(archive, secret)
    return (secret,)


def approve(archive: Archive, _secret: str) -> None:
    accounts.approve_registration(archive, actor_named(archive, "root"), 1)


def invited(archive: Archive) -> tuple[str]:
    nobody(archive)
    made = make_collection(archive)
    accounts.invite(archive, actor_named(archive, "root"), "olga@example.org", [(made.id, "submitter")])
    return (secret_of(archive),)


def accept(archive: Archive, secret: str) -> None:
    accounts.accept_invitation(archive, secret, "olga", PASSWORD, OLGA)


def invite(archive: Archive) -> None:
    accounts.invite(archive, actor_named(archive, "root"), "olga@example.org")


def signed_in(archive: Archive) -> tuple[Any, ...]:
    make_person(archive)
    accounts.sign_in(archive, "ada", PASSWORD)
    session, ada = accounts.sign_in(archive, "ada", PASSWORD)
    return (session, ada)


def change_mail(archive: Archive, _session: str, ada: accounts.Actor) -> None:
    accounts.change_mail(archive, ada, "new@example.org", PASSWORD)


def mail_changed(archive: Archive) -> tuple[str]:
    change_mail(archive, *signed_in(archive))
    return (secret_of(archive),)


def confirm_mail(archive: Archive, secret: str) -> None:
    accounts.confirm_mail(archive, secret)


def enrolling(archive: Archive) -> tuple[Any, ...]:
    session, ada = signed_in(archive)
    return (session, ada, accounts.begin_totp(archive, ada))


def enrol(archive: Archive, session: str, ada: accounts.Actor, begun: accounts.Enrolment) -> None:
    accounts.confirm_totp(archive, ada, begun, code_of(begun.secret), session)


def end_session(archive: Archive, session: str, ada: accounts.Actor) -> None:
    for one in accounts.list_sessions(archive, ada, session)[:1]:
        accounts.end_session(archive, ada, one.id)


CASES = (
    Case("submit", controlled, submit),
    Case("official", at_official, answer),
    Case("vote", at_committee, vote),
    Case("revoke", approved, revoke),
    Case("sign", with_new_agreement, sign, may_repeat=True),
    Case("ask-for-account", nobody, ask, settings=SITE, may_repeat=True),
    Case("finish-registration", asked, finish, settings=SITE),
    Case("wait-for-approval", asked, finish, settings=MODERATED),
    Case("approve-registration", waiting, approve, settings=MODERATED),
    Case("invite", nobody, invite, settings=SITE, may_repeat=True),
    Case("accept-invitation", invited, accept, settings=SITE),
    Case("change-mail", signed_in, change_mail, settings=SITE, may_repeat=True),
    Case("confirm-mail", mail_changed, confirm_mail, settings=SITE),
    Case("enrol", enrolling, enrol, settings=SITE),
    Case("end-session", signed_in, end_session, settings=SITE, may_repeat=True),
)


@pytest.mark.parametrize("case", CASES, ids=lambda one: one.name)
def test_a_killed_step_of_somebodys_way_in_is_done_or_not_begun(case: Case, proves: Callable[[Case], int]) -> None:
    assert proves(case) > 0
