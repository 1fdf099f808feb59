"""Who delivers for which submission."""

import ipaddress
from dataclasses import dataclass
from typing import Any

import psycopg

from invivo import accounts, audit, database
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, Refused
from invivo.submissions.site import allowed
from invivo.submissions.submission import find_submission
from invivo.submissions.upload_link import link_id_of


class UnknownSender(Refused):
    """Nobody has said for which submission this sender delivers."""

    code = "sender.unknown"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where bytes come from.

    Attributes
    ----------
    door : str
        ``dimse``, ``stow``, ``upload``, ``import``, ...
    actor : Actor
        Who signed in at the door; anonymous for a DICOM peer.
    submission_id : int or None
        The submission named by the sender, if the door has a way to name one.
    called_aet, calling_aet, address : str
        Of a DICOM peer.
    """

    door: str
    actor: accounts.Actor = accounts.ANONYMOUS
    submission_id: int | None = None
    called_aet: str = ""
    calling_aet: str = ""
    address: str = ""

    @property
    def key(self) -> tuple[object, ...]:
        """What tells one origin from another."""
        return self.door, self.actor.name, self.submission_id, self.called_aet, self.calling_aet, self.address


@dataclass(frozen=True, slots=True)
class Destination:
    """Where objects go: a submission, and its collection where that keeps them as they come."""

    submission_id: int
    direct: int | None


@dataclass(frozen=True, slots=True)
class Sender:
    """A registered DICOM peer; an empty field matches any."""

    id: int
    submission_id: int
    called_aet: str
    calling_aet: str
    address: str
    site_id: int | None = None


def submission_for(tx: database.Tx, origin: Origin) -> int:
    """Return the open submission that bytes from an origin belong to.

    Raises
    ------
    UnknownSender
        There is none, it is closed, the actor may not deliver for it, or there are several and none was named.
    """
    return _by_peer(tx, origin) if origin.door == "dimse" else _by_person(tx, origin)


def destination_of(tx: database.Tx, origin: Origin) -> Destination:
    """Return where bytes from an origin go; raises UnknownSender."""
    submission_id = submission_for(tx, origin)
    row = tx.execute(
        "select c.id from submissions.submission s join collections.collection c on c.id = s.collection_id"
        " where s.id = %s and c.review_rule = 'direct'",
        [submission_id],
    ).fetchone()
    return Destination(submission_id, int(row.id) if row else None)


def _by_person(tx: database.Tx, origin: Origin) -> int:
    found = tx.execute(
        "select b.id, b.collection_id, b.site_id from submissions.submission b"
        " join collections.collection c on c.id = b.collection_id and c.state = 'active'"
        " where b.state = 'open' and (%s::bigint is null or b.id = %s) order by b.id",
        [origin.submission_id, origin.submission_id],
    ).fetchall()
    own = allowed(tx, origin.actor, found)
    if not own and origin.address and origin.actor.is_anonymous:
        return _by_address(tx, origin)
    if len(own) == 1:
        return int(own[0])
    if not own:
        raise UnknownSender(
            "There is no open submission that you may deliver for; open one, or ask the collection's owner."
        )
    raise UnknownSender("You may deliver for several submissions; name one of them.", code="sender.ambiguous")


def _by_address(tx: database.Tx, origin: Origin) -> int:
    """An archive of a house's own takes in by its other doors too what comes from an address that may send by DICOM."""
    row = tx.execute(
        "select s.submission_id from submissions.sender s join submissions.submission b on b.id = s.submission_id"
        " join collections.collection c on c.id = b.collection_id where b.state = 'open' and c.review_rule = 'direct'"
        " and s.called_aet = '' and s.calling_aet = '' and s.address >>= %(address)s::inet"
        " and (%(named)s::bigint is null or b.id = %(named)s) order by masklen(s.address) desc, s.id limit 1",
        {"address": origin.address, "named": origin.submission_id},
    ).fetchone()
    if row is None:
        raise UnknownSender("Sign in to deliver; from this address nobody may without.")
    return int(row.submission_id)


def _by_peer(tx: database.Tx, origin: Origin) -> int:
    row = _peer(tx, origin)
    if row is None:
        raise UnknownSender(
            f"Sender {origin.calling_aet[:16]} at {origin.address} calling {origin.called_aet[:16]} is not known;"
            " register it under a submission."
        )
    return int(row.submission_id)


def site_for(tx: database.Tx, origin: Origin, submission_id: int) -> int | None:
    """Return the site that bytes from an origin come from: its sender's, its link's, its person's, or the submission's.

    None where the collection has no sites or this one is not known. Works for the public database role.
    """
    link_id, person_id = link_id_of(origin.actor), origin.actor.person_id
    row = tx.execute(
        "select b.site_id, exists (select from submissions.site t where t.collection_id = b.collection_id) as has_sites,"
        " coalesce((select l.site_id from submissions.upload_link l where l.id = %(link)s),"
        " (select m.site_id from submissions.site_member m join submissions.site t on t.id = m.site_id"
        " where m.person_id = %(person)s and t.collection_id = b.collection_id order by m.site_id limit 1)) as of_actor"
        " from submissions.submission b where b.id = %(submission)s",
        {"link": link_id, "person": person_id, "submission": submission_id},
    ).fetchone()
    if row is None or not row.has_sites:
        return None
    peer = _peer(tx, origin) if origin.door == "dimse" else None
    of_sender = peer.site_id if peer else row.of_actor
    return row.site_id if of_sender is None else int(of_sender)


def _peer(tx: database.Tx, origin: Origin) -> Any:
    return tx.execute(
        "select s.submission_id, s.site_id from submissions.sender s join submissions.submission b on b.id = s.submission_id"
        " join collections.collection c on c.id = b.collection_id and c.state = 'active'"
        " where b.state = 'open' and s.called_aet in ('', %(called)s) and s.calling_aet in ('', %(calling)s)"
        " and (s.address is null or s.address >>= %(address)s::inet)"
        " order by (s.called_aet <> '')::int + (s.calling_aet <> '')::int desc, masklen(s.address) desc nulls last, s.id limit 1",
        {"called": origin.called_aet, "calling": origin.calling_aet, "address": origin.address or None},
    ).fetchone()


def _title(text: str) -> str:
    """Check an application entity title (PS3.5 6.2: at most 16 characters, no backslash or control character)."""
    title = text.strip()
    if len(title) > 16 or "\\" in title or any(not 32 <= ord(c) < 127 for c in title):
        raise Invalid(
            "An application entity title has at most 16 plain characters, without backslash.", code="sender.aet"
        )
    return title


def add_sender(
    archive: Archive,
    actor: accounts.Actor,
    submission_id: int,
    *,
    called_aet: str = "",
    calling_aet: str = "",
    address: str = "",
) -> Sender:
    """Register a DICOM peer under a submission; what is left empty matches any.

    Raises
    ------
    Refused
        Only owners, curators and administrators register senders.
    Conflict
        The same sender is registered already.
    """
    submission = find_submission(archive, actor, submission_id)
    if not actor.may_curate(submission.collection_id):
        raise Refused("Only the collection's owner or curators may register senders.", code="sender.not-curator")
    try:
        network = str(ipaddress.ip_network(address, strict=False)) if address else None
    except ValueError:
        raise Invalid(
            "The address must be an IP address or a network such as 10.1.0.0/16.", code="sender.address"
        ) from None
    called, calling = _title(called_aet), _title(calling_aet)
    if not (called or calling or network):
        raise Invalid("Give at least a called title, a calling title or an address.", code="sender.empty")
    try:
        with archive.database.transaction() as tx:
            row = tx.execute(
                "insert into submissions.sender (submission_id, called_aet, calling_aet, address) values (%s, %s, %s, %s)"
                " returning id, submission_id, called_aet, calling_aet, coalesce(address::text, '') as address",
                [submission.id, called, calling, network],
            ).fetchone()
            audit.note(tx, actor.name, "sender.add", f"submission:{submission.id}", called=called, calling=calling)
    except psycopg.errors.UniqueViolation:
        raise Conflict(
            "This sender is registered under a submission already; remove it there first.", code="sender.taken"
        ) from None
    assert row is not None
    return Sender(*row)


def senders_of(archive: Archive, actor: accounts.Actor, submission_id: int) -> list[Sender]:
    """Return the DICOM peers registered under a submission."""
    submission = find_submission(archive, actor, submission_id)
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select id, submission_id, called_aet, calling_aet, coalesce(address::text, ''), site_id from submissions.sender"
            " where submission_id = %s order by id",
            [submission.id],
        )
        return [Sender(*row) for row in found]


def remove_sender(archive: Archive, actor: accounts.Actor, sender_id: int) -> None:
    """Take a DICOM peer off its submission."""
    with archive.database.transaction() as tx:
        row: Any = tx.execute(
            "select s.id, b.collection_id from submissions.sender s join submissions.submission b on b.id = s.submission_id"
            " where s.id = %s",
            [sender_id],
        ).fetchone()
        if row is None or not actor.may_curate(row.collection_id):
            raise Refused(f"There is no sender {sender_id} that you may remove.", code="sender.not-curator")
        tx.execute("delete from submissions.sender where id = %s", [sender_id])
        audit.note(tx, actor.name, "sender.remove", f"sender:{sender_id}")
