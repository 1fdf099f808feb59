"""Who decides on proposals: a list of people, or the administrators as long as it is empty; their votes, and the rule."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from invivo import accounts, audit, database
from invivo.archive import Archive
from invivo.errors import NotFound, Refused

CHOICES = ("accept", "decline", "abstain")


@dataclass(frozen=True, slots=True)
class CommitteeMember:
    """Somebody who votes on proposals."""

    person_id: int
    name: str
    display_name: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Vote:
    """What a member said about a proposal."""

    person_id: int
    display_name: str
    choice: str
    reason: str
    voted_at: datetime


def committee(tx: database.Tx) -> list[int]:
    """Return who votes: those on the list who have an account still; else the administrators."""
    found = tx.execute(
        "select c.person_id from submissions.committee c join accounts.person p on p.id = c.person_id and p.is_active"
        " order by c.person_id"
    ).fetchall()
    return [int(row.person_id) for row in found] or accounts.administrators(tx)


def decides(tx: database.Tx, actor: accounts.Actor) -> bool:
    """Return whether somebody is of the committee, or may do what it may."""
    if actor.is_administrator or actor.name == "system":
        return True
    return actor.person_id is not None and actor.has_scope("curate") and actor.person_id in committee(tx)


def need_member(tx: database.Tx, actor: accounts.Actor) -> None:
    """Raise Refused unless the actor is of the committee."""
    if not decides(tx, actor):
        raise Refused("Only the committee may see and decide this.", code="proposal.not-committee")


def is_of_committee(archive: Archive, actor: accounts.Actor) -> bool:
    """Return whether somebody decides on proposals."""
    with archive.database.transaction() as tx:
        return decides(tx, actor)


def committee_members(archive: Archive, actor: accounts.Actor) -> list[CommitteeMember]:
    """Return the people on the list, for the committee and administrators; empty: the administrators decide."""
    with archive.database.transaction() as tx:
        need_member(tx, actor)
        found = tx.execute(
            "select c.person_id, p.name, coalesce(nullif(p.display_name, ''), p.name), c.since from submissions.committee c"
            " join accounts.person p on p.id = c.person_id order by lower(p.name)"
        )
        return [CommitteeMember(*row) for row in found]


def appoint(archive: Archive, actor: accounts.Actor, person_id: int) -> None:
    """Put somebody on the committee."""
    _change(archive, actor, person_id, "appoint")


def dismiss(archive: Archive, actor: accounts.Actor, person_id: int) -> None:
    """Take somebody off the committee; their votes stay."""
    _change(archive, actor, person_id, "dismiss")


def _change(archive: Archive, actor: accounts.Actor, person_id: int, verb: str) -> None:
    if not (actor.is_administrator or actor.name == "system"):
        raise Refused("Only an administrator may change the committee.", code="proposal.not-administrator")
    with archive.database.transaction() as tx:
        if tx.execute("select from accounts.person where id = %s", [person_id]).fetchone() is None:
            raise NotFound(f"There is no account {person_id}.", code="account.unknown")
        if verb == "appoint":
            tx.execute("insert into submissions.committee (person_id) values (%s) on conflict do nothing", [person_id])
        else:
            tx.execute("delete from submissions.committee where person_id = %s", [person_id])
        audit.note(tx, actor.name, f"committee.{verb}", f"person:{person_id}")


def votes_of(tx: database.Tx, proposal_id: int, of_round: int) -> list[Vote]:
    """Return the votes of one round, in order."""
    found = tx.execute(
        "select v.person_id, coalesce(nullif(p.display_name, ''), p.name), v.choice, v.reason, v.voted_at"
        " from submissions.vote v join accounts.person p on p.id = v.person_id where v.proposal_id = %s and v.round = %s"
        " order by v.voted_at, v.person_id",
        [proposal_id, of_round],
    )
    return [Vote(*row) for row in found]


def outcome(rule: str, voters: Collection[int], votes: Mapping[int, str]) -> str | None:
    """Return what the votes come to: accept, decline, or None as long as both can still be.

    Parameters
    ----------
    rule : {"one", "majority", "all"}
        How many must be for it: anybody, more than half of those who may vote, everybody. Whoever abstains is not for it.
    voters : collection of int
        Who may vote.
    votes : mapping of person to choice
        Votes of people who may not vote (any more) do not count.

    Examples
    --------
    >>> outcome("majority", [1, 2, 3], {1: "accept", 2: "accept"}), outcome("majority", [1, 2], {1: "decline"})
    ('accept', 'decline')
    >>> outcome("all", [1, 2], {1: "accept"}) is None
    True
    """
    said = [votes[person] for person in voters if person in votes]
    if rule == "one":
        return next((choice for choice in ("accept", "decline") if choice in said), None)
    needed = len(voters) if rule == "all" else len(voters) // 2 + 1
    pros, left = said.count("accept"), len(voters) - len(said)
    if voters and pros >= needed:
        return "accept"
    return "decline" if voters and pros + left < needed else None
