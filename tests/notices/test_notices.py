"""Messages, mail and subscriptions."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from invivo import notices
from invivo.archive import Archive
from invivo.errors import Invalid
from invivo.settings import Mail
from tests.factories import make_person
from tests.fakes.mail import MailServer, text_of


@pytest.fixture
def server() -> Iterator[MailServer]:
    made = MailServer()
    yield made
    made.stop()


def with_mail(archive: Archive, server: MailServer, **changed: Any) -> Archive:
    mail = Mail(host="127.0.0.1", port=server.port, sender="archive@example.org")
    return replace(archive, settings=archive.settings.model_copy(update={"mail": mail}), **changed)


def posted(archive: Archive, **given: Any) -> int:
    with archive.database.transaction() as tx:
        return notices.post(tx, "test", "A subject", "A text.", **given)


def test_a_message_lies_in_the_inbox_until_it_is_read(public_archive: Archive, archive: Archive) -> None:
    person = make_person(archive).id
    posted(public_archive, person_id=person, link="/collections/A")
    with public_archive.database.transaction() as tx:
        (message,) = notices.inbox(tx, person)
        assert (message.subject, message.link, message.read_at) == ("A subject", "/collections/A", None)
        assert notices.unread(tx, person) == 1
        notices.mark_read(tx, person, message.id)
        assert notices.unread(tx, person) == 0


def test_nobody_reads_or_marks_the_messages_of_another(archive: Archive) -> None:
    one, other = make_person(archive, "one").id, make_person(archive, "other").id
    number = posted(archive, person_id=one)
    with archive.database.transaction() as tx:
        assert notices.inbox(tx, other) == []
        notices.mark_read(tx, other, number)
        assert notices.unread(tx, one) == 1


def test_mail_says_its_secret_to_its_reader_and_the_archive_forgets_it(archive: Archive, server: MailServer) -> None:
    number = posted(archive, address="ada@example.org", sealed="http://site/confirm/s3cret", link="/help")
    notices.deliver(with_mail(archive, server), number)
    (mail,) = server.taken
    assert mail["To"] == "ada@example.org"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "s3cret" in text_of(mail)
    with archive.database.transaction() as tx:
        assert notices.outbox(tx) == []
        assert tx.execute("select sealed, mail from notices.message").fetchone() == ("", "sent")


def test_mail_leaves_once(archive: Archive, server: MailServer) -> None:
    number = posted(archive, address="ada@example.org")
    for _ in range(2):
        notices.deliver(with_mail(archive, server), number)
    assert len(server.taken) == 1


def test_without_a_mail_server_it_waits_for_the_administrator_and_for_a_server(
    archive: Archive, server: MailServer
) -> None:
    number = posted(archive, address="ada@example.org", sealed="http://site/confirm/s3cret")
    notices.deliver(archive, number)
    with archive.database.transaction() as tx:
        assert [(one.state, one.sealed) for one in notices.outbox(tx)] == [("waiting", "http://site/confirm/s3cret")]
        tx.execute("set local search_path to jobs, public")
        tx.execute("delete from procrastinate_jobs")
    notices.sweep(with_mail(archive, server))
    with archive.database.transaction() as tx:
        assert tx.execute("select task_name, args->>'key' from jobs.procrastinate_jobs").fetchall() == [
            ("mail", str(number))
        ]


def test_a_server_that_is_away_is_asked_again_later(archive: Archive, server: MailServer) -> None:
    number = posted(archive, address="ada@example.org")
    server.stop()
    notices.deliver(with_mail(archive, server), number)
    with archive.database.transaction() as tx:
        (mail,) = notices.outbox(tx)
        assert (mail.state, mail.attempts, mail.error) == ("waiting", 1, "ConnectionRefusedError")


def test_a_server_that_refuses_is_not_asked_for_ever(archive: Archive, server: MailServer) -> None:
    number = posted(archive, address="ada@example.org")
    sending = with_mail(archive, server)
    server.refuse()
    notices.deliver(sending, number)
    with archive.database.transaction() as tx:
        (mail,) = notices.outbox(tx)
        assert (mail.state, mail.attempts, mail.error) == ("waiting", 1, "SMTPRecipientsRefused")
    later = archive.clock() + timedelta(days=notices.MAIL_DAYS, hours=1)
    notices.deliver(with_mail(archive, server, clock=lambda: later), number)
    with archive.database.transaction() as tx:
        assert notices.outbox(tx)[0].state == "failed"
        notices.send_again(tx, number)
    server.refuse(refuses=False)
    notices.deliver(sending, number)
    assert len(server.taken) == 1


@pytest.mark.parametrize(
    "address", ["", "nobody", "a b@example.org", "a@example.org\r\nBcc: b@example.org", "x" * 255 + "@e"]
)
def test_what_is_no_address_is_refused(archive: Archive, address: str) -> None:
    with pytest.raises(Invalid):
        posted(archive, address=address)


def test_line_breaks_in_a_subject_make_no_header(archive: Archive, server: MailServer) -> None:
    with archive.database.transaction() as tx:
        number = notices.post(tx, "test", "A\r\nBcc: b@example.org", "x", address="ada@example.org")
    notices.deliver(with_mail(archive, server), number)
    assert server.taken[0]["Bcc"] is None


def test_the_public_role_cannot_read_what_is_sealed(public_archive: Archive) -> None:
    posted(public_archive, address="ada@example.org", sealed="s3cret")
    with pytest.raises(psycopg.errors.InsufficientPrivilege), public_archive.database.transaction() as tx:
        tx.execute("select sealed from notices.message")


def test_subscribers_of_a_topic_are_those_who_said_so(public_archive: Archive, archive: Archive) -> None:
    one, other = make_person(archive, "one").id, make_person(archive, "other").id
    with public_archive.database.transaction() as tx:
        for _ in range(2):
            notices.subscribe(tx, one, "collection:1")
        notices.subscribe(tx, other, "collection:2")
        assert notices.subscribers(tx, "collection:1") == [one]
        assert notices.subscriptions_of(tx, other) == ["collection:2"]
        notices.unsubscribe(tx, one, "collection:1")
        assert not notices.is_subscribed(tx, one, "collection:1")
