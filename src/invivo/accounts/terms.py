"""Terms of use: numbered texts, and who accepted which when."""

from dataclasses import dataclass
from datetime import datetime

import psycopg

from invivo import audit, database
from invivo.accounts.actor import Actor, need_administrator
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, Refused


@dataclass(frozen=True, slots=True)
class Terms:
    """A version of the terms; ``text`` is Markdown."""

    version: str
    text: str
    since: datetime


def current_terms(archive: Archive) -> Terms | None:
    """Return the terms in force; None when the archive has none."""
    with archive.database.transaction() as tx:
        return terms_in_force(tx)


def terms_in_force(tx: database.Tx) -> Terms | None:
    """Return the terms in force, in the caller's transaction."""
    row = tx.execute(
        "select version, text, since from accounts.terms where since <= now() order by since desc limit 1"
    ).fetchone()
    return Terms(*row) if row else None


def list_terms(archive: Archive) -> list[Terms]:
    """Return all versions of the terms, newest first."""
    with archive.database.transaction() as tx:
        return [
            Terms(*row) for row in tx.execute("select version, text, since from accounts.terms order by since desc")
        ]


def publish_terms(archive: Archive, actor: Actor, version: str, text: str) -> None:
    """Put a new version of the terms into force: everybody accepts it at their next page.

    Raises
    ------
    Conflict
        There is this version already: what people accepted does not change.
    """
    need_administrator(actor)
    version, text = version.strip(), text.strip()
    if not 1 <= len(version) <= 40 or not 1 <= len(text) <= 100_000:
        raise Invalid("A version has 1 to 40 characters, the terms up to 100,000.", code="account.terms-length")
    try:
        with archive.database.transaction() as tx:
            tx.execute("insert into accounts.terms (version, text) values (%s, %s)", [version, text])
            audit.note(tx, actor.name, "account.terms-publish", f"terms:{version}")
    except psycopg.errors.UniqueViolation:
        raise Conflict(
            f"Terms {version} stand already and do not change; give the new text a new version.",
            code="account.terms-known",
        ) from None


def accept_terms(archive: Archive, actor: Actor, version: str) -> None:
    """Record that a person accepts the terms in force.

    Raises
    ------
    Conflict
        The version that was shown is no longer in force.
    """
    if actor.person_id is None:
        raise Refused("Sign in first.", code="account.anonymous")
    with archive.database.transaction() as tx:
        record_acceptance(tx, actor.person_id, version)
        audit.note(tx, actor.name, "account.terms-accept", f"person:{actor.person_id}", version=version)


def record_acceptance(tx: database.Tx, person_id: int, version: str) -> None:
    """Write down an acceptance in the caller's transaction; of an earlier version than the one in force: Conflict."""
    current = terms_in_force(tx)
    if current is None or current.version != version:
        raise Conflict("The terms have changed meanwhile; read the new ones.", code="account.terms-changed")
    tx.execute(
        "insert into accounts.acceptance (person_id, version) values (%s, %s) on conflict do nothing",
        [person_id, version],
    )


def accepted_by(archive: Archive, actor: Actor, person_id: int) -> list[tuple[str, datetime]]:
    """Return which terms a person accepted and when, newest first; for the person and for administrators."""
    if actor.person_id != person_id:
        need_administrator(actor)
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select version, at from accounts.acceptance where person_id = %s order by at desc", [person_id]
        )
        return [(row.version, row.at) for row in found]
