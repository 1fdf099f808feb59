"""The agreement between a proposer and the archive, and what it opens: a collection and a submission into it."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from invivo import accounts, audit, collections, database
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, Refused
from invivo.submissions.committee import need_member
from invivo.submissions.proposal import Decided, Proposal, locked
from invivo.submissions.submission import open_in

_SHIPPED = Path(__file__).with_name("agreement.md")
LONGEST_AGREEMENT = 100_000


class NotSigned(Conflict):
    """The agreement is not signed by the one who signs first, or is signed already."""

    code = "agreement.order"


@dataclass(frozen=True, slots=True)
class AgreementText:
    """The words that are signed; Markdown."""

    version: int
    text: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """An agreement as it was signed; the counter-signature is empty until it is given."""

    version: int
    text: str
    signed_name: str
    signed_at: datetime
    counter_name: str
    counter_by: str
    counter_at: datetime | None


@dataclass(frozen=True, slots=True)
class Opening:
    """The collection that is opened for a proposal, private and unlisted at first, and the rules of the submission into it."""

    short_name: str
    licence: str = "CC-BY-4.0"
    review_rule: str = "person"
    profile: str = "tcia"


def _newest(tx: database.Tx) -> AgreementText:
    row = tx.execute("select version, text from submissions.agreement_text order by version desc limit 1").fetchone()
    if row is None:
        text = _SHIPPED.read_text("utf-8")
        tx.execute(
            "insert into submissions.agreement_text (version, text, made_by) values (1, %s, 'system') on conflict do nothing",
            [text],
        )
        return AgreementText(1, text)
    return AgreementText(*row)


def agreement_in_force(archive: Archive) -> AgreementText:
    """Return the words that are signed now; those that are shipped become version 1 when there are none."""
    with archive.database.transaction() as tx:
        return _newest(tx)


def write_agreement(archive: Archive, actor: accounts.Actor, text: str) -> AgreementText:
    """Change the words that are signed from now on; what was signed stays as it was."""
    if not (actor.is_administrator or actor.name == "system"):
        raise Refused("Only an administrator may change the agreement.", code="proposal.not-administrator")
    text = text.replace("\x00", "").strip()
    if not 1 <= len(text) <= LONGEST_AGREEMENT:
        raise Invalid(f"An agreement has 1 to {LONGEST_AGREEMENT} characters.", code="agreement.text")
    with archive.database.transaction() as tx:
        tx.execute("lock table submissions.agreement_text in share row exclusive mode")
        version = _newest(tx).version + 1
        tx.execute(
            "insert into submissions.agreement_text (version, text, made_by) values (%s, %s, %s)",
            [version, text, actor.name],
        )
        audit.note(tx, actor.name, "agreement.write", f"agreement:{version}")
    return AgreementText(version, text)


def agreement_of(archive: Archive, proposal: Proposal) -> Agreement | None:
    """Return the signed agreement of a proposal that the caller found by `find_proposal`."""
    with archive.database.transaction() as tx:
        return _signed(tx, proposal.id)


def _signed(tx: database.Tx, proposal_id: int) -> Agreement | None:
    row = tx.execute(
        "select a.version, t.text, a.signed_name, a.signed_at, a.counter_name, a.counter_by, a.counter_at"
        " from submissions.agreement a join submissions.agreement_text t on t.version = a.version where a.proposal_id = %s",
        [proposal_id],
    ).fetchone()
    return Agreement(*row) if row else None


def _name(name: str) -> str:
    name = " ".join(name.split())
    if not 3 <= len(name) <= 200 or not name.isprintable():
        raise Invalid("Sign with your full name, 3 to 200 characters.", code="agreement.name")
    return name


def sign_agreement(archive: Archive, actor: accounts.Actor, proposal_id: int, version: int, name: str) -> None:
    """Sign for the proposer: the agreement of the version that was shown, by name, today.

    Raises
    ------
    NotSigned
        It was signed already, or its words have changed since they were shown.
    """
    name = _name(name)
    with archive.database.transaction() as tx:
        proposal = locked(tx, actor, proposal_id)
        if proposal.person_id != actor.person_id:
            raise Refused("Only who made the proposal signs here.", code="proposal.not-proposer")
        if proposal.state != "accepted" or proposal.kind != "proposal":
            raise Decided(f"Proposal {proposal_id} is {proposal.state}; there is nothing to sign.")
        if _newest(tx).version != version:
            raise NotSigned("The agreement has changed since you read it; read it again, then sign.")
        if _signed(tx, proposal_id):
            raise NotSigned("You have signed already; the archive signs next.")
        tx.execute(
            "insert into submissions.agreement (proposal_id, version, signed_name, signed_by) values (%s, %s, %s, %s)",
            [proposal_id, version, name, actor.person_id],
        )
        audit.note(tx, actor.name, "agreement.sign", f"proposal:{proposal_id}", version=version)
        accounts.notify(
            tx,
            [one for one in _deciders(tx) if one != actor.person_id],
            "agreement.signed",
            f"Signed: {proposal.title}",
            "The proposer has signed the agreement. Sign for the archive; that opens the collection and its submission.",
            link=f"/proposals/{proposal_id}",
        )


def _deciders(tx: database.Tx) -> list[int]:
    found = tx.execute("select person_id from submissions.committee").fetchall()
    return [int(row.person_id) for row in found] or accounts.administrators(tx)


def countersign(archive: Archive, actor: accounts.Actor, proposal_id: int, name: str, opening: Opening) -> Proposal:
    """Sign for the archive, and open the collection and the submission: accepted -> opened.

    Raises
    ------
    NotSigned
        The proposer has not signed.
    Decided
        It is opened already, or in another state.
    Conflict, Invalid
        The short name is taken or malformed, or a rule unknown; nothing was signed.
    """
    name = _name(name)
    with archive.database.transaction() as tx:
        proposal = _accepted(tx, actor, proposal_id)
        if _signed(tx, proposal_id) is None:
            raise NotSigned("The proposer signs first.")
        tx.execute(
            "update submissions.agreement set counter_name = %s, counter_by = %s, counter_at = now() where proposal_id = %s",
            [name, actor.name, proposal_id],
        )
        audit.note(tx, actor.name, "agreement.countersign", f"proposal:{proposal_id}")
        return _open(archive, tx, actor, proposal, opening)


def take_up(archive: Archive, actor: accounts.Actor, proposal_id: int, opening: Opening) -> Proposal:
    """Open the project of a suggestion that was accepted: accepted -> opened.

    Raises
    ------
    NotSigned
        A proposal is opened by signing its agreement for the archive.
    Decided
        It is opened already, or in another state.
    Conflict, Invalid
        The short name is taken or malformed, or a rule unknown.
    """
    with archive.database.transaction() as tx:
        proposal = _accepted(tx, actor, proposal_id)
        if proposal.kind == "proposal":
            raise NotSigned("Both sides sign the agreement; that opens the collection.")
        return _open(archive, tx, actor, proposal, opening)


def _draft_of(proposal: Proposal, opening: Opening) -> collections.Draft:
    return collections.Draft(
        opening.short_name.strip(),
        proposal.title,
        licence=opening.licence,
        access="private",
        is_listed=False,
        review_rule=opening.review_rule,
        profile=opening.profile,
    )


def _accepted(tx: database.Tx, actor: accounts.Actor, proposal_id: int) -> Proposal:
    proposal = locked(tx, actor, proposal_id)
    need_member(tx, actor)
    if proposal.person_id == actor.person_id:
        raise Refused("Nobody decides on a proposal of their own.", code="proposal.own")
    if proposal.state != "accepted":
        raise Decided(f"Proposal {proposal_id} is {proposal.state}; reload the page.")
    return proposal


def _open(archive: Archive, tx: database.Tx, actor: accounts.Actor, proposal: Proposal, opening: Opening) -> Proposal:
    """Make the collection, appoint the proposer, open the submission: all of it or, where one is refused, nothing."""
    maker = replace(accounts.system(), name=actor.name, label=actor.label)  # no person: the archive owns what it opens
    collection = collections.create_in(archive, tx, maker, _draft_of(proposal, opening))
    collections.add_member_in(tx, maker, collection.id, proposal.person_id, "submitter")
    submission_id = open_in(archive, tx, maker, collection.id, proposal.title).id
    tx.execute(
        "update submissions.proposal set state = 'opened', collection_id = %s, submission_id = %s where id = %s",
        [collection.id, submission_id, proposal.id],
    )
    audit.note(tx, actor.name, "proposal.open", f"proposal:{proposal.id}", collection=collection.id)
    accounts.notify(
        tx,
        proposal.person_id,
        "proposal.opened",
        f"{proposal.title}: deliver now",
        f"The collection {collection.short_name} is open for you. Nobody else sees it until its first release.",
        link=f"/submissions/{submission_id}",
    )
    return replace(proposal, state="opened", collection_id=collection.id, submission_id=submission_id)
