"""A question reaches the staff, the answer whoever asked; nobody else reads either."""

from typing import Any

import psycopg
import pytest

from invivo import accounts, helpdesk, notices
from invivo.archive import Archive
from invivo.errors import Busy, Conflict, Invalid, NotFound, Refused
from tests.factories import SYSTEM, actor_named, make_collection

QUESTION = helpdesk.Asked("How do I cite?", "I used LUNG-1 in a paper.", "ada@example.org", "Ada")


@pytest.fixture
def people(archive: Archive) -> None:
    with archive.database.transaction() as tx:
        tx.execute(
            "insert into accounts.person (name, password_hash, site_roles, email) values ('root', '', '{administrator}',"
            " 'root@example.org'), ('rita', '', '{curator}', ''), ('ada', '', '{}', ''), ('eve', '', '{}', '')"
        )


def mails(archive: Archive) -> list[Any]:
    with archive.database.transaction() as tx:
        return tx.execute(
            "select address, subject, text, sealed, person_id from notices.message order by id"
        ).fetchall()


def test_a_visitor_follows_a_question_by_the_link_in_the_mail(
    public_archive: Archive, archive: Archive, people: None
) -> None:
    ticket, secret = helpdesk.ask(public_archive, accounts.ANONYMOUS, QUESTION, "192.0.2.1")
    mail = next(one for one in mails(archive) if one.address == "ada@example.org")
    assert mail.subject == f"[{ticket.reference}] How do I cite?"
    assert secret in mail.sealed
    assert secret not in mail.text
    assert helpdesk.ticket_of_secret(public_archive, secret).messages[0].text == "I used LUNG-1 in a paper."
    with pytest.raises(helpdesk.UnknownTicket):
        helpdesk.ticket_of_secret(public_archive, "x" * 43)


def test_the_answer_goes_to_who_asked(public_archive: Archive, archive: Archive, people: None) -> None:
    ticket, secret = helpdesk.ask(public_archive, accounts.ANONYMOUS, QUESTION, "192.0.2.1")
    helpdesk.answer(archive, actor_named(archive, "rita"), ticket.id, "By its DOI.", "answered", 1)
    assert mails(archive)[-1].address == "ada@example.org"
    assert helpdesk.ticket_of_secret(public_archive, secret).state == "answered"
    helpdesk.reply(public_archive, accounts.ANONYMOUS, helpdesk.ticket_of_secret(public_archive, secret), "Which one?")
    assert helpdesk.queue(archive, actor_named(archive, "rita"))[0].state == "open"


def test_a_question_of_a_person_is_theirs_alone(public_archive: Archive, archive: Archive, people: None) -> None:
    ada, eve = actor_named(archive, "ada"), actor_named(archive, "eve")
    ticket, _ = helpdesk.ask(public_archive, ada, helpdesk.Asked("A question", "What is it?"), "192.0.2.1")
    assert [one.id for one in helpdesk.own_tickets(public_archive, ada)] == [ticket.id]
    for somebody in (eve, accounts.ANONYMOUS):
        with pytest.raises(helpdesk.UnknownTicket):
            helpdesk.find_ticket(public_archive, somebody, ticket.id)
        with pytest.raises(helpdesk.UnknownTicket):
            helpdesk.reply(public_archive, somebody, ticket, "mine")
    with pytest.raises(Refused):
        helpdesk.queue(archive, eve)


def test_a_visitors_question_is_nobodys_by_its_number(public_archive: Archive, archive: Archive, people: None) -> None:
    ticket, _ = helpdesk.ask(public_archive, accounts.ANONYMOUS, QUESTION, "192.0.2.1")
    with pytest.raises(helpdesk.UnknownTicket):
        helpdesk.find_ticket(public_archive, accounts.ANONYMOUS, ticket.id)


def test_two_answers_at_once_do_not_cross(archive: Archive, people: None) -> None:
    ticket, _ = helpdesk.ask(archive, accounts.ANONYMOUS, QUESTION)
    helpdesk.answer(archive, actor_named(archive, "rita"), ticket.id, "By its DOI.", "answered", 1)
    with pytest.raises(Conflict, match="in the meantime"):
        helpdesk.answer(archive, actor_named(archive, "root"), ticket.id, "By its name.", "closed", 1)


def test_a_taken_question_is_not_taken_again(archive: Archive, people: None) -> None:
    ticket, _ = helpdesk.ask(archive, accounts.ANONYMOUS, QUESTION)
    helpdesk.change_ticket(archive, actor_named(archive, "rita"), ticket.id, "take")
    with pytest.raises(Conflict):
        helpdesk.change_ticket(archive, actor_named(archive, "root"), ticket.id, "take")
    helpdesk.change_ticket(archive, actor_named(archive, "root"), ticket.id, "close")
    assert helpdesk.queue(archive, SYSTEM) == []
    assert helpdesk.counts(archive, SYSTEM) == {"closed": 1}


@pytest.mark.parametrize("same", ["address", "mail"])
def test_who_asks_too_often_waits(archive: Archive, people: None, same: str) -> None:
    def ask(place: int) -> None:
        mail = "ada@example.org" if same == "mail" else f"ada{place}@example.org"
        address = "192.0.2.1" if same == "address" else f"192.0.2.{place}"
        helpdesk.ask(archive, accounts.ANONYMOUS, helpdesk.Asked("Question", "Why?", mail), address)

    with pytest.raises(Busy):
        for place in range(10):
            ask(place)


@pytest.mark.parametrize(
    "asked",
    [
        helpdesk.Asked("", "Why is that?", "ada@example.org"),
        helpdesk.Asked("Question", "", "ada@example.org"),
        helpdesk.Asked("Question", "Why is that?"),
        helpdesk.Asked("Question", "Why is that?", "ada@example.org\nBcc: all@example.org"),
        helpdesk.Asked("Question", "Why is that?", "a@b.c, d@e.f"),
        helpdesk.Asked("Question", "x" * 10_001, "ada@example.org"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(archive: Archive, people: None, asked: helpdesk.Asked) -> None:
    with pytest.raises(Invalid):
        helpdesk.ask(archive, accounts.ANONYMOUS, asked)


def test_a_collection_that_is_not_shown_cannot_be_asked_about(archive: Archive, people: None) -> None:
    make_collection(archive, "HIDDEN-1", access="private")
    with pytest.raises(NotFound):
        helpdesk.ask(
            archive, accounts.ANONYMOUS, helpdesk.Asked("Question", "Why?", "a@example.org", collection="HIDDEN-1")
        )


def test_the_public_role_cannot_read_who_asked(public_archive: Archive, archive: Archive, people: None) -> None:
    helpdesk.ask(archive, accounts.ANONYMOUS, QUESTION)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), public_archive.database.transaction() as tx:
        tx.execute("select email from helpdesk.ticket")


def test_a_collection_is_talked_about_elsewhere(public_archive: Archive, archive: Archive, people: None) -> None:
    known = make_collection(archive)
    helpdesk.set_discussion(archive, SYSTEM, known.id, "https://forum.example.org/lung")
    assert helpdesk.discussion_of(public_archive, known.id) == "https://forum.example.org/lung"
    with pytest.raises(Invalid):
        helpdesk.set_discussion(archive, SYSTEM, known.id, "javascript:alert(1)")
    with pytest.raises(Refused):
        helpdesk.set_discussion(archive, actor_named(archive, "eve"), known.id, "https://x.test")


def test_staff_is_told(archive: Archive, people: None) -> None:
    helpdesk.ask(archive, accounts.ANONYMOUS, QUESTION)
    with archive.database.transaction() as tx:
        assert [one.kind for one in notices.inbox(tx, accounts.person_named(archive, "root").id)] == [
            "helpdesk.question"
        ]
