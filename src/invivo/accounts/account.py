"""People and how they sign in."""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import psycopg
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from invivo import audit
from invivo.accounts.actor import Actor, actor_of_person, digest_of
from invivo.archive import Archive
from invivo.errors import Busy, Conflict, Invalid, NotFound, Refused

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{1,63}")
SITE_ROLES = frozenset({"administrator", "curator"})


class WrongCredentials(Refused):
    """Name and password do not belong together; which of them is wrong is not said."""

    code = "account.wrong-credentials"


class TooManyAttempts(Busy):
    """Too many wrong passwords for this name or from this address."""

    code = "account.too-many-attempts"


class NameTaken(Conflict):
    """Somebody has this account name already."""

    code = "account.name-taken"


@dataclass(frozen=True, slots=True)
class Person:
    """An account, without its secret."""

    id: int
    name: str
    display_name: str
    email: str
    site_roles: tuple[str, ...]
    is_active: bool
    created_at: datetime


_COLUMNS = "id, name, display_name, email, site_roles, is_active, created_at"


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher(
        time_cost=2, memory_cost=19 * 1024, parallelism=1
    )  # OWASP's second recommended set for argon2id


@cache
def _nobody() -> str:
    """A digest to compare with when the name is unknown, so that both cases take the same time."""
    return _hasher().hash(secrets.token_hex(16))


def _check_password(archive: Archive, password: str) -> None:
    least = archive.settings.accounts.password_length
    if len(password) < least:
        raise Invalid(f"The password must have at least {least} characters.", code="account.password-short")
    if len(password) > 1024:
        raise Invalid("The password may have at most 1024 characters.", code="account.password-long")


def _need_administrator(actor: Actor) -> None:
    if not actor.is_administrator:
        raise Refused("Only an administrator may manage accounts.", code="account.not-administrator")


def create_person(
    archive: Archive,
    actor: Actor,
    name: str,
    password: str,
    *,
    display_name: str = "",
    email: str = "",
    site_roles: Iterable[str] = (),
) -> Person:
    """Make an account.

    Raises
    ------
    Refused
        The actor is no administrator.
    Invalid
        The name, password or a role is malformed.
    NameTaken
        The name is in use.
    """
    _need_administrator(actor)
    if not _NAME.fullmatch(name):
        raise Invalid(
            "An account name has 2 to 64 letters, digits, dots, dashes, underscores or @.", code="account.name"
        )
    _check_password(archive, password)
    roles = sorted(set(site_roles))
    if not SITE_ROLES.issuperset(roles):
        raise Invalid(f"Site roles are {', '.join(sorted(SITE_ROLES))}.", code="account.role")
    hashed = _hasher().hash(password)
    try:
        with archive.database.transaction() as tx:
            row = tx.execute(
                "insert into accounts.person (name, display_name, email, password_hash, site_roles) values (%s, %s, %s, %s, %s)"  # noqa: S608
                f" returning {_COLUMNS}",
                [name, display_name[:200], email[:200], hashed, roles],
            ).fetchone()
            assert row is not None
            audit.note(tx, actor.name, "account.create", f"person:{row.id}", site_roles=roles)
    except psycopg.errors.UniqueViolation:
        raise NameTaken(f"The account name {name} is taken; choose another.") from None
    return Person(*row)


def set_site_roles(archive: Archive, actor: Actor, person_id: int, site_roles: Iterable[str]) -> None:
    """Give a person site-wide roles; the last active administrator cannot lose that role."""
    _need_administrator(actor)
    roles = sorted(set(site_roles))
    if not SITE_ROLES.issuperset(roles):
        raise Invalid(f"Site roles are {', '.join(sorted(SITE_ROLES))}.", code="account.role")
    with archive.database.transaction() as tx:
        changed = tx.execute(
            "update accounts.person set site_roles = %s where id = %s returning id", [roles, person_id]
        ).fetchone()
        if changed is None:
            raise NotFound(f"There is no account {person_id}.", code="account.unknown")
        _keep_an_administrator(tx)
        audit.note(tx, actor.name, "account.roles", f"person:{person_id}", site_roles=roles)


def deactivate(archive: Archive, actor: Actor, person_id: int, *, is_active: bool = False) -> None:
    """Close (or reopen) an account: its sessions and tokens end at once."""
    _need_administrator(actor)
    with archive.database.transaction() as tx:
        changed = tx.execute(
            "update accounts.person set is_active = %s where id = %s returning id", [is_active, person_id]
        ).fetchone()
        if changed is None:
            raise NotFound(f"There is no account {person_id}.", code="account.unknown")
        _keep_an_administrator(tx)
        tx.execute("delete from accounts.session where person_id = %s", [person_id])
        audit.note(tx, actor.name, "account.reopen" if is_active else "account.close", f"person:{person_id}")


def _keep_an_administrator(tx: psycopg.Connection[tuple[int]]) -> None:
    left = tx.execute(
        "select 1 from accounts.person where is_active and 'administrator' = any (site_roles) limit 1"
    ).fetchone()
    if left is None:
        raise Conflict(
            "The archive would be left without an administrator; appoint another first.",
            code="account.last-administrator",
        )


def list_people(archive: Archive, actor: Actor) -> list[Person]:
    """Return all accounts, by name."""
    _need_administrator(actor)
    with archive.database.transaction() as tx:
        return [Person(*row) for row in tx.execute(f"select {_COLUMNS} from accounts.person order by lower(name)")]  # noqa: S608


def person_named(archive: Archive, name: str) -> Person:
    """Return the account of a name; raises NotFound."""
    with archive.database.transaction() as tx:
        row = tx.execute(f"select {_COLUMNS} from accounts.person where lower(name) = lower(%s)", [name]).fetchone()  # noqa: S608
    if row is None:
        raise NotFound(f"There is no account named {name}.", code="account.unknown")
    return Person(*row)


def change_password(archive: Archive, actor: Actor, old: str, new: str) -> None:
    """Change one's own password: needs the old one and ends all other sessions."""
    if actor.person_id is None:
        raise Refused("Sign in first.", code="account.anonymous")
    _check_password(archive, new)
    with archive.database.transaction() as tx:
        row = tx.execute("select password_hash from accounts.person where id = %s", [actor.person_id]).fetchone()
    if row is None or not _is_right(row.password_hash, old):
        raise WrongCredentials("The old password is not right.")
    hashed = _hasher().hash(new)
    with archive.database.transaction() as tx:
        tx.execute("update accounts.person set password_hash = %s where id = %s", [hashed, actor.person_id])
        tx.execute("delete from accounts.session where person_id = %s", [actor.person_id])
        audit.note(tx, actor.name, "account.password", f"person:{actor.person_id}")


def _is_right(hashed: str, password: str) -> bool:
    try:
        return _hasher().verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


def actor_of_password(archive: Archive, name: str, password: str, address: str = "") -> Actor:
    """Return who a name and password belong to, without opening a session.

    Raises
    ------
    WrongCredentials
        Name and password do not belong together, or the account is closed.
    TooManyAttempts
        Too many wrong passwords in the last 15 minutes.
    """
    subjects = [f"name:{name.lower()[:64]}", f"address:{address}"]
    with archive.database.transaction() as tx:
        tries = tx.execute(
            "select coalesce(max(n), 0) as most from (select count(*) as n from accounts.attempt"
            " where subject = any (%s) and at > now() - interval '15 minutes' group by subject) as counted",
            [subjects],
        ).fetchone()
        row = tx.execute(
            "select id, password_hash, is_active from accounts.person where lower(name) = lower(%s)", [name[:64]]
        ).fetchone()
    if tries and tries.most >= archive.settings.accounts.attempts:
        raise TooManyAttempts("Too many wrong passwords; wait 15 minutes and try again.")
    is_right = _is_right(row.password_hash if row else _nobody(), password[:1024])
    if row is None or not is_right or not row.is_active:
        with archive.database.transaction() as tx:
            for subject in subjects:
                tx.execute("insert into accounts.attempt (subject) values (%s)", [subject])
        raise WrongCredentials("Name and password do not belong together.")
    return actor_of_person(archive, row.id)


def sign_in(archive: Archive, name: str, password: str, address: str = "") -> tuple[str, Actor]:
    """Check a password and open a session; raises what `actor_of_password` raises.

    Returns
    -------
    (str, Actor)
        The session's secret for the cookie, and who it is.
    """
    actor = actor_of_password(archive, name, password, address)
    session = secrets.token_urlsafe(32)
    with archive.database.transaction() as tx:
        known = f"name:{name.lower()[:64]}"
        tx.execute("delete from accounts.attempt where subject = %s or at < now() - interval '1 day'", [known])
        tx.execute("delete from accounts.session where expires_at < now()")
        tx.execute(
            "insert into accounts.session (digest, person_id, expires_at) values (%s, %s, now() + make_interval(hours => %s))",
            [digest_of(session), actor.person_id, archive.settings.accounts.session_hours],
        )
        audit.note(tx, actor.name, "account.sign-in", actor.name)
    return session, actor


def sign_out(archive: Archive, session: str) -> None:
    """End a session."""
    with archive.database.transaction() as tx:
        tx.execute("delete from accounts.session where digest = %s", [digest_of(session)])
