"""Invitations: a link to one mail address that makes an account, or gives one that is there, roles in collections."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

import psycopg
from psycopg.types.json import Jsonb

from invivo import audit, database, notices
from invivo.accounts.account import NameTaken, check_name
from invivo.accounts.actor import Actor, digest_of
from invivo.accounts.once import SpentLink
from invivo.accounts.password import check_password, hashed
from invivo.accounts.registration import Asking, Identity, admit, check_mail
from invivo.accounts.terms import terms_in_force
from invivo.archive import Archive
from invivo.errors import Invalid, NotFound, Refused

GRANTS = ("owner", "curator", "submitter", "member")


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation without its secret.

    Attributes
    ----------
    roles : tuple of (int, str)
        Collections and the roles in them that come with it.
    state : {"open", "taken", "withdrawn", "over"}
    """

    id: int
    email: str
    roles: tuple[tuple[int, str], ...]
    created_at: datetime
    expires_at: datetime
    state: str


_COLUMNS = (
    "id, email, roles, created_at, expires_at, case when taken_at is not null then 'taken'"
    " when withdrawn_at is not null then 'withdrawn' when expires_at < now() then 'over' else 'open' end as state"
)


def _made(row: tuple[int, str, list[list[object]], datetime, datetime, str]) -> Invitation:
    roles = tuple((int(str(pair[0])), str(pair[1])) for pair in row[2])
    return Invitation(row[0], row[1], roles, row[3], row[4], row[5])


def may_invite(archive: Archive, actor: Actor) -> bool:
    """Return whether somebody may invite: administrators always, owners of collections unless registration is closed."""
    is_owner = any("owner" in roles for roles in actor.memberships.values()) and actor.has_scope("curate")
    return actor.is_administrator or (is_owner and archive.settings.accounts.registration != "closed")


def invite(archive: Archive, actor: Actor, email: str, roles: Iterable[tuple[int, str]] = ()) -> Invitation:
    """Mail somebody a link that makes an account, with roles in collections that the actor owns.

    Raises
    ------
    Refused
        The actor may not invite, or does not own one of the collections.
    Invalid
        The address or a role is malformed.
    """
    if not may_invite(archive, actor):
        raise Refused(
            "Only administrators and, where the archive says so, owners invite.", code="account.may-not-invite"
        )
    email, wanted = check_mail(email), sorted(set(roles))
    if any(role not in GRANTS for _, role in wanted) or len(wanted) > 50:
        raise Invalid(f"Roles in a collection are {', '.join(GRANTS)}.", code="account.role")
    if not all(actor.may_own(collection_id) for collection_id, _ in wanted):
        raise Refused(
            "Only the collection's owner or an administrator may appoint people.", code="collection.not-owner"
        )
    if not wanted and not actor.is_administrator:
        raise Invalid("Choose the collection that the invitation is for.", code="account.invitation-empty")
    secret, days = secrets.token_urlsafe(32), archive.settings.accounts.invitation_days
    with archive.database.transaction() as tx:
        row = tx.execute(
            "insert into accounts.invitation (digest, email, roles, invited_by, expires_at)"
            f" values (%s, %s, %s, %s, now() + make_interval(days => %s)) returning {_COLUMNS}",
            [digest_of(secret), email, Jsonb(wanted), actor.person_id, days],
        ).fetchone()
        assert row is not None
        audit.note(tx, actor.name, "account.invite", f"invitation:{row.id}", roles=wanted)
        notices.post(
            tx,
            "account.invitation",
            "You are invited",
            f"{actor.label or 'An administrator'} invites you to {archive.settings.site.name}.",
            address=email,
            sealed=f"Accept within {days} days: {archive.settings.public_url}/invitation/{secret}",
        )
    return _made(row)


def invitations(archive: Archive, actor: Actor) -> list[Invitation]:
    """Return the invitations of the actor, newest first; of everybody for an administrator."""
    if not may_invite(archive, actor):
        raise Refused(
            "Only administrators and, where the archive says so, owners invite.", code="account.may-not-invite"
        )
    with archive.database.transaction() as tx:
        found = tx.execute(
            f"select {_COLUMNS} from accounts.invitation where %s or invited_by = %s order by id desc limit 200",
            [actor.is_administrator, actor.person_id],
        )
        return [_made(row) for row in found]


def withdraw_invitation(archive: Archive, actor: Actor, invitation_id: int) -> None:
    """Make an invitation worthless (open -> withdrawn); raises NotFound if it is not open or not the actor's."""
    with archive.database.transaction() as tx:
        gone = tx.execute(
            "update accounts.invitation set withdrawn_at = now() where id = %s and taken_at is null and withdrawn_at is null"
            " and (%s or (invited_by = %s and %s)) returning id",
            [invitation_id, actor.is_administrator, actor.person_id, may_invite(archive, actor)],
        ).fetchone()
        if gone is None:
            raise NotFound("This invitation is not open any more, or not yours.", code="account.invitation-unknown")
        audit.note(tx, actor.name, "account.invite-withdraw", f"invitation:{invitation_id}")


def invitation_of(archive: Archive, secret: str) -> Invitation:
    """Return the open invitation of a link; raises SpentLink."""
    with archive.database.transaction() as tx:
        row = tx.execute(
            f"select {_COLUMNS} from accounts.invitation where digest = %s", [digest_of(secret)]
        ).fetchone()
    if row is None or row.state != "open":
        raise SpentLink("This invitation has been taken or withdrawn, or is too old; ask for a new one.")
    return _made(row)


def accept_invitation(archive: Archive, secret: str, name: str, password: str, asking: Asking) -> int:
    """Make the account that an invitation allows, with its roles; return its number.

    Raises
    ------
    SpentLink, Invalid, NameTaken
    """
    known = invitation_of(archive, secret)
    check_name(name)
    check_password(archive, password, name, known.email)
    shown = " ".join(asking.display_name.split())
    if not 2 <= len(shown) <= 200 or not shown.isprintable():
        raise Invalid("Give your name, 2 to 200 characters.", code="account.display-name")
    digest = hashed(password)
    try:
        with archive.database.transaction() as tx:
            current = terms_in_force(tx)
            if current is not None and asking.terms_version != current.version:
                raise Invalid("Read and accept the terms.", code="account.terms")
            version = current.version if current else ""
            told = replace(asking, display_name=shown, email=known.email, terms_version=version)
            person_id = admit(tx, name, digest, told, Identity())
            _take(tx, secret, person_id)
    except psycopg.errors.UniqueViolation:
        raise NameTaken(f"The account name {name} is taken; choose another.") from None
    return person_id


def join_by_invitation(archive: Archive, actor: Actor, secret: str) -> None:
    """Give the roles of an invitation to somebody who has an account; raises SpentLink."""
    if actor.person_id is None or actor.scopes is not None:
        raise Refused("Sign in first.", code="account.anonymous")
    with archive.database.transaction() as tx:
        _take(tx, secret, actor.person_id)


def _take(tx: database.Tx, secret: str, person_id: int) -> None:
    """Take an invitation and give its roles; of two at once, one is told that it is spent."""
    taken = tx.execute("select accounts.take_invitation(%s, %s) as id", [digest_of(secret), person_id]).fetchone()
    if taken is None or taken.id is None:
        raise SpentLink("This invitation has been taken or withdrawn, or is too old; ask for a new one.")
    tx.execute("select collections.join_by_invitation(%s)", [taken.id])
    audit.note(tx, f"person:{person_id}", "account.invite-take", f"invitation:{taken.id}")
