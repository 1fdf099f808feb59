"""Deciding on applications: votes, the rule that counts them, revocation, and the word of the signing official.

Every decision locks its application first: of two at once one wins, the other is told who decided.
"""

from dataclasses import dataclass
from datetime import datetime

from invivo import accounts, audit, database
from invivo.archive import Archive
from invivo.collections.access_policy import LONGEST_TERM_MONTHS, access_policy
from invivo.collections.request import (
    LAPSE_DAYS,
    STATES_IN_WORDS,
    Request,
    RequestState,
    UnknownRequest,
    digest_of,
    electorate,
    locked,
    read_requests,
    tell_electorate,
)
from invivo.errors import Conflict, Invalid, NotFound, Refused

LONGEST_REASON = 4000


class AlreadyDecided(Conflict):
    """Somebody else decided first."""

    code = "request.decided"


class Lapsed(Conflict):
    """The application has waited for too long to be approved."""

    code = "request.lapsed"


class SpentOfficialLink(NotFound):
    """The official's link was used, is too old or never was."""

    code = "request.link-spent"


@dataclass(frozen=True, slots=True)
class Vote:
    """What a member of the committee said."""

    person_id: int
    name: str
    choice: str
    reason: str
    voted_at: datetime


@dataclass(frozen=True, slots=True)
class Confirming:
    """What a signing official is asked to confirm."""

    request_id: int
    collection: str
    collection_title: str
    applicant: str
    title: str
    purpose: str
    institution: str
    official_name: str
    agreement: str


def vote(
    archive: Archive,
    actor: accounts.Actor,
    request_id: int,
    choice: str,
    reason: str,
    *,
    months: int | None = None,
    conditions: str = "",
) -> Request:
    """submitted or under-review -> under-review, or -> approved | declined when the collection's rule is met.

    Parameters
    ----------
    choice : {"approve", "decline"}
    reason : str
        Needed to decline.
    months, conditions
        Term and conditions if this vote approves; without them the policy's term.

    Raises
    ------
    AlreadyDecided
        Somebody was first.
    Lapsed
        An application this old must be submitted again.
    Refused
        The actor is not among those who decide; nobody decides on an application of their own.
    """
    _check_words(choice, reason, months, conditions)
    with archive.database.transaction() as tx:
        request = locked(tx, request_id)
        voters = electorate(tx, request)
        if actor.person_id is None or actor.person_id not in voters or not actor.has_scope("curate"):
            raise _not_a_voter(actor, request)
        _need_undecided(tx, request, choice)
        _note_vote(tx, actor.person_id, request_id, choice, reason)
        policy = access_policy(tx, request.collection_id)
        rule = "one" if request.form == "simple" else policy.vote_rule
        outcome = _outcome(tx, request_id, voters, rule)
        if outcome == "approved":
            _approve(tx, actor, request, reason, months or policy.term_months, conditions)
        elif outcome == "declined":
            _decline(tx, actor, request, reason)
        else:
            tx.execute("update collections.request set state = 'under-review' where id = %s", [request_id])
        thing, collection = f"request:{request_id}", request.collection_id
        audit.note(tx, actor.name, "access.vote", thing, choice=choice, outcome=outcome, collection=collection)
        return locked(tx, request_id)


def _check_words(choice: str, reason: str, months: int | None, conditions: str) -> None:
    if choice not in ("approve", "decline"):
        raise Invalid("A vote approves or declines.", code="request.choice")
    if choice == "decline" and not reason.strip():
        raise Invalid("Say why you decline: the applicant reads it.", code="request.reason")
    if len(reason) > LONGEST_REASON or len(conditions) > LONGEST_REASON:
        raise Invalid(f"Reason and conditions have at most {LONGEST_REASON} characters.", code="request.reason")
    if months is not None and not 1 <= months <= LONGEST_TERM_MONTHS:
        raise Invalid(f"A term has 1 to {LONGEST_TERM_MONTHS} months.", code="request.months")


def _not_a_voter(actor: accounts.Actor, request: Request) -> Exception:
    is_own = actor.person_id == request.person_id
    if is_own:
        return Refused("Nobody decides on an application of their own.", code="request.own")
    if actor.may_own(request.collection_id) or "committee" in actor.memberships.get(request.collection_id, ()):
        return Refused("Only the collection's data access committee decides.", code="request.not-committee")
    return UnknownRequest("There is no such application, or you may not see it.")


def _need_undecided(tx: database.Tx, request: Request, choice: str) -> None:
    if request.state not in ("submitted", "under-review"):
        by = _name_of(tx, request.decided_by)
        words = STATES_IN_WORDS[request.state].lower()
        raise AlreadyDecided(
            f"This application is {words} already{f', by {by}' if by else ''}; your vote was not counted."
        )
    row = tx.execute(
        "select submitted_at < now() - make_interval(days => %s) as is_old from collections.request where id = %s",
        [LAPSE_DAYS, request.id],
    ).fetchone()
    if choice == "approve" and row is not None and row.is_old:
        raise Lapsed(f"This application has waited for more than {LAPSE_DAYS} days: decline it, and ask for a new one.")


def _name_of(tx: database.Tx, actor_name: str) -> str:
    kind, _, number = actor_name.partition(":")
    if kind != "person" or not number.isdecimal():
        return ""
    row = tx.execute(
        "select coalesce(nullif(display_name, ''), name) as name from accounts.person where id = %s", [int(number)]
    ).fetchone()
    return str(row.name) if row else ""


def _note_vote(tx: database.Tx, person_id: int, request_id: int, choice: str, reason: str) -> None:
    made = tx.execute(
        "insert into collections.vote (request_id, person_id, choice, reason) values (%s, %s, %s, %s)"
        " on conflict do nothing returning request_id",
        [request_id, person_id, choice, reason.strip()],
    ).fetchone()
    if made is None:
        raise RequestState("You have voted on this application already.", code="request.voted")


def _outcome(tx: database.Tx, request_id: int, voters: list[int], rule: str) -> str:
    """Count the votes of those who may vote now."""
    rows = tx.execute(
        "select choice, count(*) as n from collections.vote where request_id = %s and person_id = any (%s) group by choice",
        [request_id, voters],
    )
    counted = {row.choice: int(row.n) for row in rows}
    yes, no, most = counted.get("approve", 0), counted.get("decline", 0), len(voters)
    needed = {"one": 1, "majority": most // 2 + 1, "all": most}[rule]
    if yes >= needed:
        return "approved"
    is_hopeless = {"one": no >= 1, "majority": most - no < needed, "all": no >= 1}[rule]
    return "declined" if is_hopeless else "under-review"


def _approve(
    tx: database.Tx, actor: accounts.Actor, request: Request, reason: str, months: int, conditions: str
) -> None:
    row = tx.execute(
        "update collections.request q set state = 'approved', decided_at = now(), decided_by = %(by)s, reason = %(reason)s,"
        " conditions = %(conditions)s, starts_on = current_date, ends_on = (greatest(current_date, (select b.ends_on from"
        " collections.request b where b.id = q.renews)) + make_interval(months => %(months)s))::date"
        " where q.id = %(id)s returning ends_on",
        {"by": actor.name, "reason": reason, "conditions": conditions, "months": months, "id": request.id},
    ).fetchone()
    assert row is not None
    text = f"Your application for {request.collection} is approved until {row.ends_on.isoformat()}."
    text += f"\n\nConditions: {conditions}" if conditions else ""
    _tell(tx, request, "access.approved", f"{request.collection}: approved", text)


def _decline(tx: database.Tx, actor: accounts.Actor, request: Request, reason: str) -> None:
    tx.execute(
        "update collections.request set state = 'declined', decided_at = now(), decided_by = %s, reason = %s where id = %s",
        [actor.name, reason, request.id],
    )
    text = f"Your application for {request.collection} is declined.\n\nReason: {reason}"
    _tell(tx, request, "access.declined", f"{request.collection}: declined", text)


def _tell(tx: database.Tx, request: Request, kind: str, subject: str, text: str) -> None:
    accounts.notify(tx, request.person_id, kind, subject, text, link=f"/access/requests/{request.id}")


def revoke_request(archive: Archive, actor: accounts.Actor, request_id: int, reason: str) -> None:
    """approved -> revoked, at once: for the committee, the owner and administrators.

    Raises
    ------
    Refused, RequestState
    Invalid
        No reason is given.
    """
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise Invalid("Say why: the holder reads it.", code="request.reason")
    with archive.database.transaction() as tx:
        request = locked(tx, request_id)
        may = actor.may_own(request.collection_id) or actor.person_id in electorate(tx, request)
        if not may or not actor.has_scope("curate"):
            raise UnknownRequest("There is no such application, or you may not see it.")
        if request.state != "approved":
            raise RequestState("Only an approval can be revoked.")
        tx.execute(
            "update collections.request set state = 'revoked', revoked_at = now(), reason = %s where id = %s",
            [reason.strip(), request_id],
        )
        text = f"Your approval for {request.collection} is revoked. Delete what you have of it.\n\nReason: {reason.strip()}"
        _tell(tx, request, "access.revoked", f"{request.collection}: approval revoked", text)
        audit.note(tx, actor.name, "access.revoke", f"request:{request_id}", collection=request.collection_id)


def votes_of(archive: Archive, request: Request) -> list[Vote]:
    """Return what the committee said about an application that the caller was given by `request_by_id`."""
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select v.person_id, coalesce(nullif(p.display_name, ''), p.name), v.choice, v.reason, v.voted_at"
            " from collections.vote v join accounts.person p on p.id = v.person_id where v.request_id = %s order by v.voted_at",
            [request.id],
        )
        return [Vote(*row) for row in found]


def may_vote(archive: Archive, actor: accounts.Actor, request: Request) -> bool:
    """Return whether a vote of the actor would be counted now."""
    if request.state not in ("submitted", "under-review") or actor.person_id is None:
        return False
    with archive.database.transaction() as tx:
        has_voted = tx.execute(
            "select 1 from collections.vote where request_id = %s and person_id = %s", [request.id, actor.person_id]
        ).fetchone()
        return has_voted is None and actor.person_id in electorate(tx, request)


def requests_to_decide(archive: Archive, actor: accounts.Actor) -> list[Request]:
    """Return the applications that wait for the actor's vote, oldest last."""
    if actor.person_id is None:
        return []
    with archive.database.transaction() as tx:
        waiting = read_requests(
            tx,
            "q.state in ('submitted', 'under-review') and q.person_id <> %(me)s and (%(above)s or q.collection_id in"
            " (select r.collection_id from collections.held_role r where r.person_id = %(me)s"
            " and r.role in ('committee', 'owner'))) and not exists (select 1 from collections.vote v"
            " where v.request_id = q.id and v.person_id = %(me)s)",
            {"me": actor.person_id, "above": actor.is_administrator},
        )
        return [one for one in waiting if actor.person_id in electorate(tx, one)]


def request_of_link(archive: Archive, secret: str) -> Confirming:
    """Return what a signing official's link is about; raises SpentOfficialLink."""
    with archive.database.transaction() as tx:
        row = tx.execute(
            "select q.id, c.short_name, c.title as collection_title, coalesce(nullif(p.display_name, ''), p.name) as applicant,"
            " q.title, q.purpose, q.institution, q.official_name, coalesce((select a.text from collections.agreement a"
            " where a.collection_id = q.collection_id and a.version = q.agreement_version), '') as agreement"
            " from collections.request q join collections.collection c on c.id = q.collection_id"
            " join accounts.person p on p.id = q.person_id"
            " where q.official_digest = %s and q.state = 'awaiting-official' and q.official_until > now()",
            [digest_of(secret)],
        ).fetchone()
    if row is None:
        raise SpentOfficialLink("This link was used already or is too old; ask the applicant for a new one.")
    return Confirming(*row)


def official_answers(archive: Archive, secret: str, *, confirms: bool, reason: str = "") -> None:
    """awaiting-official -> submitted, or -> declined with the official's reason: whoever has the link, once.

    Raises
    ------
    SpentOfficialLink
    Invalid
        No reason is given.
    """
    if not confirms and not reason.strip():
        raise Invalid("Say why you do not confirm: the applicant reads it.", code="request.reason")
    with archive.database.transaction() as tx:
        call, given = (
            ("select collections.official_confirms(%s) as id", [digest_of(secret)])
            if confirms
            else ("select collections.official_declines(%s, %s) as id", [digest_of(secret), reason[:LONGEST_REASON]])
        )
        done = tx.execute(call, given).fetchone()
        if done is None or done.id is None:
            raise SpentOfficialLink("This link was used already or is too old; ask the applicant for a new one.")
        verb = "access.official-confirms" if confirms else "access.official-declines"
        audit.note(tx, "official", verb, f"request:{done.id}")
        _tell_of_official(tx, done.id, confirms=confirms)


def _tell_of_official(tx: database.Tx, request_id: int, *, confirms: bool) -> None:
    row = tx.execute(
        "select q.id, q.collection_id, q.person_id, q.title, q.form, c.short_name as collection,"
        " coalesce(nullif(p.display_name, ''), p.name) as applicant from collections.request q"
        " join collections.collection c on c.id = q.collection_id join accounts.person p on p.id = q.person_id"
        " where q.id = %s",
        [request_id],
    ).fetchone()
    assert row is not None
    if confirms:
        tell_electorate(tx, row)
    else:
        text = f"The signing official did not confirm your application for {row.collection}."
        accounts.notify(tx, row.person_id, "access.declined", f"{row.collection}: not confirmed", text, link="/access")
