"""People: accounts as administrators see and change them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import psycopg

from invivo import audit, database
from invivo.accounts.actor import Actor, need_administrator
from invivo.accounts.password import check_password, hashed
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, NotFound

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{1,63}")
SITE_ROLES = frozenset({"administrator", "curator"})


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
    affiliation: str
    country: str
    orcid: str
    mail_checked_at: datetime | None
    renewed_at: datetime


_COLUMNS = "id, name, display_name, email, site_roles, is_active, created_at, affiliation, country, orcid, mail_checked_at, renewed_at"


def check_name(name: str) -> None:
    """Refuse what is no account name."""
    if not _NAME.fullmatch(name):
        raise Invalid(
            "An account name has 2 to 64 letters, digits, dots, dashes, underscores or @.", code="account.name"
        )


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
    need_administrator(actor)
    check_name(name)
    check_password(archive, password, name, email)
    roles = sorted(set(site_roles))
    if not SITE_ROLES.issuperset(roles):
        raise Invalid(f"Site roles are {', '.join(sorted(SITE_ROLES))}.", code="account.role")
    digest = hashed(password)
    try:
        with archive.database.transaction() as tx:
            row = tx.execute(
                "insert into accounts.person (name, display_name, email, password_hash, site_roles) values (%s, %s, %s, %s, %s)"  # noqa: S608
                f" returning {_COLUMNS}",
                [name, display_name[:200], email[:200], digest, roles],
            ).fetchone()
            assert row is not None
            audit.note(tx, actor.name, "account.create", f"person:{row.id}", site_roles=roles)
    except psycopg.errors.UniqueViolation:
        raise NameTaken(f"The account name {name} is taken; choose another.") from None
    return Person(*row)


def set_site_roles(archive: Archive, actor: Actor, person_id: int, site_roles: Iterable[str]) -> None:
    """Give a person site-wide roles; the last active administrator cannot lose that role."""
    need_administrator(actor)
    roles = sorted(set(site_roles))
    if not SITE_ROLES.issuperset(roles):
        raise Invalid(f"Site roles are {', '.join(sorted(SITE_ROLES))}.", code="account.role")
    with archive.database.transaction() as tx:
        changed = tx.execute(
            "update accounts.person set site_roles = %s where id = %s returning id", [roles, person_id]
        ).fetchone()
        if changed is None:
            raise NotFound(f"There is no account {person_id}.", code="account.unknown")
        keep_an_administrator(tx)
        audit.note(tx, actor.name, "account.roles", f"person:{person_id}", site_roles=roles)


def deactivate(archive: Archive, actor: Actor, person_id: int, *, is_active: bool = False) -> None:
    """Close (or reopen) an account: its sessions and tokens end at once."""
    need_administrator(actor)
    with archive.database.transaction() as tx:
        changed = tx.execute(
            "update accounts.person set is_active = %s where id = %s returning id", [is_active, person_id]
        ).fetchone()
        if changed is None:
            raise NotFound(f"There is no account {person_id}.", code="account.unknown")
        keep_an_administrator(tx)
        tx.execute("delete from accounts.session where person_id = %s", [person_id])
        audit.note(tx, actor.name, "account.reopen" if is_active else "account.close", f"person:{person_id}")


def keep_an_administrator(tx: database.Tx) -> None:
    """Refuse a change after which nobody would look after the archive; of two such changes at once, one is refused."""
    tx.execute("select pg_advisory_xact_lock(hashtextextended('accounts.administrator', 26))")
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
    need_administrator(actor)
    with archive.database.transaction() as tx:
        return [Person(*row) for row in tx.execute(f"select {_COLUMNS} from accounts.person order by lower(name)")]  # noqa: S608


def count_people(archive: Archive) -> int:
    """Return how many accounts are active."""
    with archive.database.transaction() as tx:
        row = tx.execute("select count(*) as n from accounts.person where is_active").fetchone()
    assert row is not None
    return int(row.n)


def person_named(archive: Archive, name: str) -> Person:
    """Return the account of a name; raises NotFound."""
    with archive.database.transaction() as tx:
        row = tx.execute(f"select {_COLUMNS} from accounts.person where lower(name) = lower(%s)", [name]).fetchone()  # noqa: S608
    if row is None:
        raise NotFound(f"There is no account named {name}.", code="account.unknown")
    return Person(*row)


def person_of(archive: Archive, actor: Actor, person_id: int) -> Person:
    """Return an account to its person or to an administrator; raises NotFound."""
    if actor.person_id != person_id:
        need_administrator(actor)
    with archive.database.transaction() as tx:
        row = tx.execute(f"select {_COLUMNS} from accounts.person where id = %s", [person_id]).fetchone()
    if row is None:
        raise NotFound(f"There is no account {person_id}.", code="account.unknown")
    return Person(*row)
