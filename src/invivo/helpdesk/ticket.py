"""Tickets: a question, its letters to and fro, its state."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from invivo import accounts, audit, collections, database, notices
from invivo.archive import Archive
from invivo.errors import Busy, Conflict, Invalid, NotFound, Refused

STATES = ("open", "waiting", "answered", "closed")
LONGEST_TEXT = 10_000
# Tickets of one address on the network, one mail address, and of the whole archive, in an hour.
_MOST_OF_ADDRESS, _MOST_OF_MAIL, _MOST_OF_ALL = 6, 4, 300
_MOST_REPLIES = 30


class UnknownTicket(NotFound):
    """There is no such ticket, or it is not the actor's."""

    code = "helpdesk.unknown"


class TooManyQuestions(Busy):
    """Somebody asks more often than people can answer."""

    code = "helpdesk.too-many"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it is put; ``name`` and ``email`` from who has no account, ``collection`` a short name or empty."""

    subject: str
    text: str
    email: str = ""
    name: str = ""
    collection: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One letter of a ticket."""

    is_from_staff: bool
    author: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket; ``asker`` is known to staff only, empty for others."""

    id: int
    subject: str
    collection: str
    state: str
    opened_at: datetime
    changed_at: datetime
    person_id: int | None
    asker: str = ""
    taken_by: str = ""
    messages: tuple[Message, ...] = field(default=())

    @property
    def reference(self) -> str:
        """What stands in the subject of every mail about it."""
        return f"HD-{self.id:06d}"


_PUBLIC = (
    "select t.id, t.subject, coalesce(c.short_name, '') as collection, t.state, t.opened_at, t.changed_at, t.person_id"
    " from helpdesk.ticket t left join collections.collection c on c.id = t.collection_id"
)
_STAFF = (
    "select t.id, t.subject, coalesce(c.short_name, '') as collection, t.state, t.opened_at, t.changed_at, t.person_id,"
    " coalesce(nullif(p.display_name, ''), p.name, t.name || ' <' || t.email || '>') as asker,"
    " coalesce(nullif(k.display_name, ''), k.name, '') as taken_by from helpdesk.ticket t"
    " left join collections.collection c on c.id = t.collection_id left join accounts.person p on p.id = t.person_id"
    " left join accounts.person k on k.id = t.taken_by"
)


def is_staff(actor: accounts.Actor) -> bool:
    """Return whether somebody answers questions: curators and administrators of the archive."""
    return (bool(actor.site_roles) or actor.name == "system") and actor.has_scope("curate")


def response_hours(archive: Archive) -> str:
    """Return when the helpdesk answers, in words; empty if the archive does not say."""
    return archive.settings.site.response_hours


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _keyed(archive: Archive, text: str) -> bytes:
    """Digest of who asks, to count by: without the installation's key it tells nothing."""
    return hmac.new(archive.secret("helpdesk"), text.strip().lower().encode(), hashlib.sha256).digest()


def ask(archive: Archive, actor: accounts.Actor, asked: Asked, address: str = "") -> tuple[Ticket, str]:
    """Open a ticket; works for the public database role.

    Parameters
    ----------
    address : str
        Where the request comes from, for counting only.

    Returns
    -------
    (Ticket, str)
        The ticket, and the secret by which who asked follows it.

    Raises
    ------
    Invalid
        The subject, the text or the mail address is missing or malformed.
    TooManyQuestions
    """
    subject, text, email = _checked(actor, asked)
    who = f"person:{actor.person_id}" if actor.person_id is not None else f"address:{address or 'unknown'}"
    collection_id = None
    if asked.collection:
        collection_id = collections.collection_named(archive, actor, asked.collection).id
    secret = secrets.token_urlsafe(32)
    with archive.database.transaction() as tx:
        by, mail_by = _keyed(archive, who), _keyed(archive, f"mail:{email}") if email else None
        _need_patience(tx, by, mail_by)
        row = tx.execute(
            "insert into helpdesk.ticket (person_id, email, name, digest, subject, collection_id, asked_by, mail_by)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s) returning id",
            [
                *(
                    actor.person_id,
                    email,
                    " ".join(asked.name.replace("\x00", "").split())[:200],
                    _digest(secret),
                    subject,
                ),
                *(collection_id, by, mail_by),
            ],
        ).fetchone()
        assert row is not None
        _add(tx, row.id, actor, text, is_staff=False)
        audit.note(tx, actor.name, "helpdesk.ask", f"ticket:{row.id}")
        ticket = _read(tx, tx.execute(f"{_PUBLIC} where t.id = %s", [row.id]).fetchone())
        _tell_asker(archive, tx, ticket, actor.person_id, email, (f"We have your question: {subject}", text), secret)
        _tell_staff(tx, ticket, text)
    return ticket, secret


def _checked(actor: accounts.Actor, asked: Asked) -> tuple[str, str, str]:
    subject, text = " ".join(asked.subject.replace("\x00", "").split()), asked.text.replace("\x00", "").strip()
    if not 3 <= len(subject) <= 200:
        raise Invalid("Give your question a subject of 3 to 200 characters.", code="helpdesk.subject")
    if not 3 <= len(text) <= LONGEST_TEXT:
        raise Invalid(f"Write your question, 3 to {LONGEST_TEXT} characters.", code="helpdesk.text")
    if actor.person_id is not None:
        return subject, text, ""
    email = asked.email.strip()
    name, _, host = email.rpartition("@")
    if not name or "." not in host or len(email) > 254 or not email.isprintable() or any(c in email for c in ' ,;<>"'):
        raise Invalid("Give the mail address that the answer goes to.", code="helpdesk.email")
    return subject, text, email


def _need_patience(tx: database.Tx, by: bytes, mail_by: bytes | None) -> None:
    row = tx.execute(
        "select count(*) filter (where asked_by = %s) as of_address, count(*) filter (where mail_by = %s) as of_mail,"
        " count(*) as of_all from helpdesk.ticket where opened_at > now() - interval '1 hour'",
        [by, mail_by],
    ).fetchone()
    assert row is not None
    if row.of_address >= _MOST_OF_ADDRESS or row.of_mail >= _MOST_OF_MAIL or row.of_all >= _MOST_OF_ALL:
        raise TooManyQuestions("That is many questions in an hour; write again later.", retry_after_s=3600)


def _add(tx: database.Tx, ticket_id: int, actor: accounts.Actor, text: str, *, is_staff: bool) -> None:
    author = "helpdesk" if is_staff and not actor.label else actor.label or "visitor"
    tx.execute(
        "insert into helpdesk.message (ticket_id, is_from_staff, author, text) values (%s, %s, %s, %s)",
        [ticket_id, is_staff, author, text],
    )


def _read(tx: database.Tx, row: Any) -> Ticket:
    found = tx.execute(
        "select is_from_staff, author, text, at from helpdesk.message where ticket_id = %s order by id", [row[0]]
    )
    return replace(Ticket(*row), messages=tuple(Message(*one) for one in found))


def _tell_staff(tx: database.Tx, ticket: Ticket, text: str) -> None:
    accounts.notify(
        tx,
        accounts.administrators(tx),
        "helpdesk.question",
        f"[{ticket.reference}] {ticket.subject}",
        text,
        link=f"/desk/helpdesk/{ticket.id}",
    )


def _tell_asker(
    archive: Archive,
    tx: database.Tx,
    ticket: Ticket,
    person_id: int | None,
    email: str,
    told: tuple[str, str],
    secret: str = "",
) -> None:
    """Tell whoever asked, in their inbox or by mail; the link with the secret is in the first mail only."""
    headline, text = told
    subject, words = f"[{ticket.reference}] {ticket.subject}", f"{headline}\n\n{text}"
    if person_id is not None:
        accounts.notify(tx, person_id, "helpdesk.ticket", subject, words, link=f"/helpdesk/tickets/{ticket.id}")
        return
    hours = response_hours(archive)
    sealed = f"Follow it and answer here: {archive.settings.public_url}/helpdesk/follow/{secret}" if secret else ""
    more = f"\n\nWe answer {hours}." if hours and secret else ""
    notices.post(tx, "helpdesk.ticket", subject, words + more, address=email, sealed=sealed)


def ticket_of_secret(archive: Archive, secret: str) -> Ticket:
    """Return the ticket of a mailed link; raises UnknownTicket. Works for the public database role."""
    with archive.database.transaction() as tx:
        row = tx.execute(f"{_PUBLIC} where t.digest = %s", [_digest(secret)]).fetchone()
        if row is None:
            raise UnknownTicket("There is no question under this link.")
        return _read(tx, row)


def own_tickets(archive: Archive, actor: accounts.Actor) -> list[Ticket]:
    """Return one's own tickets without their letters, newest first; works for the public database role."""
    if actor.person_id is None:
        return []
    with archive.database.transaction() as tx:
        found = tx.execute(f"{_PUBLIC} where t.person_id = %s order by t.id desc limit 200", [actor.person_id])
        return [Ticket(*row) for row in found]


def find_ticket(archive: Archive, actor: accounts.Actor, ticket_id: int) -> Ticket:
    """Return a ticket to staff or to the person who asked; raises UnknownTicket. Only staff learns who asked."""
    if is_staff(actor):
        with archive.database.transaction() as tx:
            row = tx.execute(f"{_STAFF} where t.id = %s", [ticket_id]).fetchone()
            if row is None:
                raise UnknownTicket(f"There is no question {ticket_id}.")
            return _read(tx, row)
    with archive.database.transaction() as tx:
        row = tx.execute(
            f"{_PUBLIC} where t.id = %s and t.person_id is not null and t.person_id = %s", [ticket_id, actor.person_id]
        ).fetchone()
        if row is None:
            raise UnknownTicket(f"There is no question {ticket_id}, or it is not yours.")
        return _read(tx, row)


def reply(archive: Archive, actor: accounts.Actor, ticket: Ticket, text: str) -> None:
    """Write more on a ticket that one found by its link or as one's own: any state -> open; works for the public database role."""
    text = text.replace("\x00", "").strip()
    if not 1 <= len(text) <= LONGEST_TEXT:
        raise Invalid(f"Write 1 to {LONGEST_TEXT} characters.", code="helpdesk.text")
    if ticket.person_id is not None and ticket.person_id != actor.person_id:
        raise UnknownTicket(f"There is no question {ticket.id}, or it is not yours.")
    with archive.database.transaction() as tx:
        tx.execute("select 1 from helpdesk.ticket where id = %s for no key update", [ticket.id])
        row = tx.execute(
            "select count(*) as n from helpdesk.message where ticket_id = %s and not is_from_staff"
            " and at > now() - interval '1 hour'",
            [ticket.id],
        ).fetchone()
        if row and row.n >= _MOST_REPLIES:
            raise TooManyQuestions("That is many letters in an hour; write again later.", retry_after_s=3600)
        _add(tx, ticket.id, actor, text, is_staff=False)
        tx.execute("update helpdesk.ticket set state = 'open', changed_at = now() where id = %s", [ticket.id])
        audit.note(tx, actor.name, "helpdesk.reply", f"ticket:{ticket.id}")
        _tell_staff(tx, ticket, text)


def _need_staff(actor: accounts.Actor) -> None:
    if not is_staff(actor):
        raise Refused("Only the archive's staff may see and answer questions.", code="helpdesk.not-staff")


def queue(archive: Archive, actor: accounts.Actor, state: str = "", limit: int = 200) -> list[Ticket]:
    """Return tickets for staff: what waits longest first; of one state if it is named."""
    _need_staff(actor)
    with archive.database.transaction() as tx:
        found = tx.execute(
            f"{_STAFF} where case when %(state)s = '' then t.state <> 'closed' else t.state = %(state)s end"
            " order by array_position(array['open', 'waiting', 'answered', 'closed'], t.state), t.changed_at, t.id limit %(limit)s",
            {"state": state, "limit": limit},
        )
        return [Ticket(*row) for row in found]


def counts(archive: Archive, actor: accounts.Actor) -> dict[str, int]:
    """Return how many tickets are in each state."""
    _need_staff(actor)
    with archive.database.transaction() as tx:
        return {row[0]: int(row[1]) for row in tx.execute("select state, count(*) from helpdesk.ticket group by state")}


def answer(archive: Archive, actor: accounts.Actor, ticket_id: int, text: str, state: str, seen: int) -> None:
    """Answer for the archive; the ticket goes into a state, and whoever asked is told.

    Parameters
    ----------
    state : {"answered", "waiting", "closed"}
        Whether that is the answer, something is asked back, or the matter is closed.
    seen : int
        How many letters the actor had before their eyes.

    Raises
    ------
    Conflict
        Somebody has written in the meantime.
    """
    _need_staff(actor)
    text = text.replace("\x00", "").strip()
    if state not in ("answered", "waiting", "closed") or not 1 <= len(text) <= LONGEST_TEXT:
        raise Invalid(f"Write an answer of 1 to {LONGEST_TEXT} characters.", code="helpdesk.text")
    with archive.database.transaction() as tx:
        known = tx.execute(
            "select t.person_id, t.email, (select count(*) from helpdesk.message m where m.ticket_id = t.id) as letters"
            " from helpdesk.ticket t where t.id = %s for update of t",
            [ticket_id],
        ).fetchone()
        if known is None:
            raise UnknownTicket(f"There is no question {ticket_id}.")
        if known.letters != seen:
            raise Conflict("Somebody has written in the meantime; read it, then answer.", code="helpdesk.written")
        _add(tx, ticket_id, actor, text, is_staff=True)
        tx.execute(
            "update helpdesk.ticket set state = %s, changed_at = now(), taken_by = coalesce(taken_by, %s) where id = %s",
            [state, actor.person_id, ticket_id],
        )
        audit.note(tx, actor.name, "helpdesk.answer", f"ticket:{ticket_id}", state=state)
        ticket = _read(tx, tx.execute(f"{_PUBLIC} where t.id = %s", [ticket_id]).fetchone())
        headline = "The helpdesk asks back:" if state == "waiting" else "The helpdesk answers:"
        _tell_asker(archive, tx, ticket, known.person_id, known.email, (headline, text))


def change_ticket(archive: Archive, actor: accounts.Actor, ticket_id: int, change: str) -> None:
    """Take a ticket, close it without a word, or open it again.

    Raises
    ------
    Conflict
        Somebody else has taken it, or it is in that state already.
    """
    _need_staff(actor)
    with archive.database.transaction() as tx:
        row = tx.execute("select state, taken_by from helpdesk.ticket where id = %s for update", [ticket_id]).fetchone()
        if row is None:
            raise UnknownTicket(f"There is no question {ticket_id}.")
        if change == "take":
            if row.taken_by not in (None, actor.person_id):
                raise Conflict("Somebody else has taken this question.", code="helpdesk.taken")
            tx.execute("update helpdesk.ticket set taken_by = %s where id = %s", [actor.person_id, ticket_id])
        elif change in ("close", "open"):
            state = "closed" if change == "close" else "open"
            if row.state == state:
                raise Conflict(f"The question is {state} already.", code="helpdesk.state")
            tx.execute("update helpdesk.ticket set state = %s, changed_at = now() where id = %s", [state, ticket_id])
        else:
            raise Invalid("A question is taken, closed or opened again.", code="helpdesk.change")
        audit.note(tx, actor.name, f"helpdesk.{change}", f"ticket:{ticket_id}")
