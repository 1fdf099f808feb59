"""Proposals: what somebody would like to deposit, on its way to a decision.

States::

    draft -> submitted -> accepted -> opened
      ^          |  |
      |          |  +---> declined
    (edited)     +------> returned -> submitted      any before accepted -> withdrawn

A suggestion is a proposal of one question, which a moderator takes up without an agreement.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from invivo import accounts, audit, database
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, NotFound, Refused
from invivo.submissions.committee import (
    CHOICES,
    Vote,
    committee,
    decides,
    need_member,
    outcome,
    votes_of,
)
from invivo.submissions.form import BadAnswers, Form, checked, form_of, newest_form
from invivo.submissions.policy import need_way

EDITABLE = ("draft", "returned")
VERDICTS = {"accept": "accepted", "decline": "declined", "return": "returned"}
LONGEST_TEXT = 20_000
_WORDS = {"accepted": "accepted", "declined": "declined", "returned": "returned for changes"}


class UnknownProposal(NotFound):
    """There is no such proposal, or the actor may not see it."""

    code = "proposal.unknown"


class Decided(Conflict):
    """Somebody has decided on the proposal already, or it is in another state."""

    code = "proposal.decided"


class NotSettled(Conflict):
    """The votes do not come to this decision yet."""

    code = "proposal.not-settled"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal or a suggestion; see the module for its states."""

    id: int
    kind: str
    person_id: int
    person: str
    title: str
    form_version: int | None
    answers: Mapping[str, str]
    state: str
    round: int
    created_at: datetime
    submitted_at: datetime | None
    decided_at: datetime | None
    decided_by: str
    reason: str
    message: str
    collection_id: int | None
    submission_id: int | None


_ELSEWHERE = {"person": "coalesce(nullif(p.display_name, ''), p.name)"}
_COLUMNS = ", ".join(f"{_ELSEWHERE.get(field.name, 'q.' + field.name)} as {field.name}" for field in fields(Proposal))
_SELECT = f"select {_COLUMNS} from submissions.proposal q join accounts.person p on p.id = q.person_id"  # noqa: S608


def locked(tx: database.Tx, actor: accounts.Actor, proposal_id: int) -> Proposal:
    """Return a proposal that the actor may see and hold its row until the transaction ends; raises UnknownProposal."""
    row = tx.execute(f"{_SELECT} where q.id = %s for update of q", [proposal_id]).fetchone()
    return _seen(tx, actor, row, proposal_id)


def _seen(tx: database.Tx, actor: accounts.Actor, row: Any, proposal_id: int) -> Proposal:
    if row is not None:
        is_own = actor.person_id == row.person_id and actor.has_scope("submit")
        if is_own or (row.submitted_at is not None and decides(tx, actor)):
            return Proposal(*row)
    raise UnknownProposal(f"There is no proposal {proposal_id}, or it is not yours to see.")


def find_proposal(archive: Archive, actor: accounts.Actor, proposal_id: int) -> Proposal:
    """Return a proposal to its proposer, and once it was submitted to the committee; raises UnknownProposal."""
    with archive.database.transaction() as tx:
        row = tx.execute(f"{_SELECT} where q.id = %s", [proposal_id]).fetchone()
        return _seen(tx, actor, row, proposal_id)


def own_proposals(archive: Archive, actor: accounts.Actor) -> list[Proposal]:
    """Return one's own proposals, newest first."""
    if actor.person_id is None:
        return []
    with archive.database.transaction() as tx:
        return [
            Proposal(*row)
            for row in tx.execute(f"{_SELECT} where q.person_id = %s order by q.id desc", [actor.person_id])
        ]


def proposals_to_decide(archive: Archive, actor: accounts.Actor, state: str = "", limit: int = 200) -> list[Proposal]:
    """Return what was submitted to the committee, newest first; the committee may ask."""
    with archive.database.transaction() as tx:
        need_member(tx, actor)
        found = tx.execute(
            f"{_SELECT} where q.submitted_at is not null and (%s = '' or q.state = %s) order by q.id desc limit %s",
            [state, state, limit],
        )
        return [Proposal(*row) for row in found]


def form_of_proposal(archive: Archive, proposal: Proposal) -> Form | None:
    """Return the questions that a proposal answers; None for a suggestion."""
    if proposal.form_version is None:
        return None
    with archive.database.transaction() as tx:
        return form_of(tx, proposal.form_version)


def _title(title: str) -> str:
    title = " ".join(title.replace("\x00", "").split())
    if not 3 <= len(title) <= 200:
        raise BadAnswers("Give it a title of 3 to 200 characters.", problems={"title": "3 to 200 characters."})
    return title


def begin_proposal(archive: Archive, actor: accounts.Actor, title: str, answers: Mapping[str, str]) -> Proposal:
    """Begin a proposal as a draft.

    Raises
    ------
    NotThisWay
        The archive takes no proposals; the message is its standing one.
    BadAnswers
        An answer cannot be read; what is missing may come later.
    """
    need_way(archive, "proposal")
    person_id = _need_person(actor)
    with archive.database.transaction() as tx:
        form = newest_form(tx)
        given = checked(form, answers, is_whole=False)
        made = _insert(tx, "proposal", person_id, _title(title), form.version, given)
        audit.note(tx, actor.name, "proposal.begin", f"proposal:{made}")
        return locked(tx, actor, made)


def suggest(archive: Archive, actor: accounts.Actor, title: str, words: str) -> Proposal:
    """Suggest a project to the moderators; submitted at once."""
    need_way(archive, "suggestion")
    person_id = _need_person(actor)
    words = words.replace("\x00", "").strip()
    if not 10 <= len(words) <= LONGEST_TEXT:
        raise BadAnswers("Say in some words what the project is.", problems={"words": "10 to 20,000 characters."})
    with archive.database.transaction() as tx:
        made = _insert(tx, "suggestion", person_id, _title(title), None, {"words": words})
        _hand_in(tx, actor, made)
        return locked(tx, actor, made)


def _need_person(actor: accounts.Actor) -> int:
    if actor.person_id is None or not actor.has_scope("submit"):
        raise Refused("Sign in to propose a data set.", code="proposal.anonymous")
    return actor.person_id


def _insert(
    tx: database.Tx, kind: str, person_id: int, title: str, version: int | None, answers: Mapping[str, str]
) -> int:
    waiting = tx.execute(
        "select count(*) as n from submissions.proposal where person_id = %s and state in ('draft', 'submitted', 'returned')",
        [person_id],
    ).fetchone()
    if waiting and waiting.n >= 50:
        raise Conflict("You have 50 proposals without a decision; withdraw one first.", code="proposal.too-many")
    row = tx.execute(
        "insert into submissions.proposal (kind, person_id, title, form_version, answers) values (%s, %s, %s, %s, %s)"
        " returning id",
        [kind, person_id, title, version, Jsonb(dict(answers))],
    ).fetchone()
    assert row is not None
    return int(row.id)


def save_proposal(
    archive: Archive, actor: accounts.Actor, proposal_id: int, title: str, answers: Mapping[str, str]
) -> None:
    """Change a proposal that is a draft or was returned."""
    with archive.database.transaction() as tx:
        proposal = _own(locked(tx, actor, proposal_id), actor, *EDITABLE)
        assert proposal.form_version is not None
        given = checked(form_of(tx, proposal.form_version), answers, is_whole=False)
        tx.execute(
            "update submissions.proposal set title = %s, answers = %s where id = %s",
            [_title(title), Jsonb(given), proposal_id],
        )
        audit.note(tx, actor.name, "proposal.edit", f"proposal:{proposal_id}")


def _own(proposal: Proposal, actor: accounts.Actor, *states: str) -> Proposal:
    if proposal.person_id != actor.person_id:
        raise Refused("Only who made the proposal may do this.", code="proposal.not-proposer")
    if proposal.state not in states:
        raise Decided(f"Proposal {proposal.id} is {proposal.state}; this cannot be done any more.")
    return proposal


def submit_proposal(archive: Archive, actor: accounts.Actor, proposal_id: int) -> None:
    """draft, returned -> submitted; the committee is told.

    Raises
    ------
    BadAnswers
        Something required is missing.
    """
    need_way(archive, "proposal")
    with archive.database.transaction() as tx:
        proposal = _own(locked(tx, actor, proposal_id), actor, *EDITABLE)
        assert proposal.form_version is not None
        files = tx.execute("select question from submissions.proposal_file where proposal_id = %s", [proposal_id])
        checked(
            form_of(tx, proposal.form_version),
            proposal.answers,
            is_whole=True,
            files=frozenset(row.question for row in files),
        )
        _hand_in(tx, actor, proposal_id)


def _hand_in(tx: database.Tx, actor: accounts.Actor, proposal_id: int) -> None:
    row = tx.execute(
        "update submissions.proposal set state = 'submitted', round = round + 1, submitted_at = now(), decided_at = null,"
        " decided_by = '', reason = '', message = '' where id = %s returning title, round",
        [proposal_id],
    ).fetchone()
    assert row is not None
    audit.note(tx, actor.name, "proposal.submit", f"proposal:{proposal_id}", round=row.round)
    again = "again, with changes" if row.round > 1 else "and waits for you"
    accounts.notify(
        tx,
        committee(tx),
        "proposal.submitted",
        f"Proposal: {row.title}",
        f"A proposal was handed in {again}: {row.title}. Read it, vote and give your reason.",
        link=f"/proposals/{proposal_id}",
    )


def withdraw_proposal(archive: Archive, actor: accounts.Actor, proposal_id: int) -> None:
    """draft, submitted, returned -> withdrawn, by the proposer."""
    with archive.database.transaction() as tx:
        _own(locked(tx, actor, proposal_id), actor, "draft", "submitted", "returned")
        tx.execute("update submissions.proposal set state = 'withdrawn' where id = %s", [proposal_id])
        audit.note(tx, actor.name, "proposal.withdraw", f"proposal:{proposal_id}")


def vote(archive: Archive, actor: accounts.Actor, proposal_id: int, choice: str, reason: str) -> str | None:
    """Say whether a proposal should be accepted; a second vote takes the place of the first.

    Returns
    -------
    str or None
        What the votes come to by now; the decision itself is recorded by `decide`.

    Raises
    ------
    Decided
        Somebody was first.
    """
    reason = reason.strip()
    if choice not in CHOICES or not 1 <= len(reason) <= LONGEST_TEXT:
        raise Invalid("Vote accept, decline or abstain, and give a reason.", code="proposal.vote")
    with archive.database.transaction() as tx:
        proposal = _to_decide(tx, actor, proposal_id)
        if actor.person_id not in committee(tx):
            raise Refused("You are not on the committee, so your vote would not count.", code="proposal.not-committee")
        _cast(tx, actor, proposal, choice, reason)
        return _standing(archive, tx, proposal)


def _to_decide(tx: database.Tx, actor: accounts.Actor, proposal_id: int) -> Proposal:
    proposal = locked(tx, actor, proposal_id)
    need_member(tx, actor)
    if proposal.person_id == actor.person_id:
        raise Refused("Nobody decides on a proposal of their own.", code="proposal.own")
    if proposal.state != "submitted":
        by = f" by {proposal.decided_by}" if proposal.decided_by else ""
        raise Decided(
            f"Proposal {proposal_id} is {_WORDS.get(proposal.state, proposal.state)}{by} already; reload the page."
        )
    return proposal


def _cast(tx: database.Tx, actor: accounts.Actor, proposal: Proposal, choice: str, reason: str) -> None:
    tx.execute(
        "insert into submissions.vote (proposal_id, round, person_id, choice, reason) values (%s, %s, %s, %s, %s)"
        " on conflict (proposal_id, round, person_id) do update set choice = excluded.choice, reason = excluded.reason,"
        " voted_at = now()",
        [proposal.id, proposal.round, actor.person_id, choice, reason],
    )
    audit.note(tx, actor.name, "proposal.vote", f"proposal:{proposal.id}", choice=choice, round=proposal.round)


def _standing(archive: Archive, tx: database.Tx, proposal: Proposal) -> str | None:
    voters = [one for one in committee(tx) if one != proposal.person_id]
    said = {one.person_id: one.choice for one in votes_of(tx, proposal.id, proposal.round)}
    return outcome(archive.settings.submissions.decision, voters, said)


def votes_on(archive: Archive, actor: accounts.Actor, proposal: Proposal) -> tuple[list[Vote], str | None]:
    """Return the votes of the present round and what they come to; the committee may ask."""
    with archive.database.transaction() as tx:
        need_member(tx, actor)
        return votes_of(tx, proposal.id, proposal.round), _standing(archive, tx, proposal)


def decide_proposal(
    archive: Archive, actor: accounts.Actor, proposal_id: int, verdict: str, reason: str, message: str = ""
) -> None:
    """submitted -> accepted, declined or returned, with a reason for the file and a message to the proposer.

    Parameters
    ----------
    verdict : {"accept", "decline", "return"}
        Any member returns a proposal for changes; the others need the votes that the settings ask for, the actor's own among
        them.

    Raises
    ------
    Decided
        Somebody was first.
    NotSettled
        The votes do not come to this yet.
    """
    reason, message = reason.strip(), message.strip()
    if verdict not in VERDICTS or not 1 <= len(reason) <= LONGEST_TEXT or len(message) > LONGEST_TEXT:
        raise Invalid("Accept, decline or return the proposal, and give a reason.", code="proposal.decision")
    with archive.database.transaction() as tx:
        proposal = _to_decide(tx, actor, proposal_id)
        rule = archive.settings.submissions.decision
        if verdict in CHOICES and actor.person_id in committee(tx):
            _cast(tx, actor, proposal, verdict, reason)
        if (
            verdict in CHOICES
            and rule != "one"
            and proposal.kind == "proposal"
            and _standing(archive, tx, proposal) != verdict
        ):
            raise NotSettled(
                f"The votes do not come to this yet: the rule is {rule}. Vote, and wait for the others"
                " (submissions.decision).",
            )
        state = VERDICTS[verdict]
        tx.execute(
            "update submissions.proposal set state = %s, decided_at = now(), decided_by = %s, reason = %s, message = %s"
            " where id = %s",
            [state, actor.label or actor.name, reason, message, proposal_id],
        )
        audit.note(tx, actor.name, f"proposal.{verdict}", f"proposal:{proposal_id}", reason=reason)
        _tell_decision(tx, proposal, state, message)


def _tell_decision(tx: database.Tx, proposal: Proposal, state: str, message: str) -> None:
    next_step = {
        "accepted": "Next: read the agreement and sign it."
        if proposal.kind == "proposal"
        else "A moderator makes the project.",
        "returned": "Change what is asked for and hand it in again.",
        "declined": "",
    }[state]
    words = [f"Your {proposal.kind} “{proposal.title}” was {_WORDS[state]}.", message, next_step]
    accounts.notify(
        tx,
        proposal.person_id,
        f"proposal.{state}",
        f"{proposal.title}: {_WORDS[state]}",
        "\n\n".join(part for part in words if part),
        link=f"/proposals/{proposal.id}",
    )
