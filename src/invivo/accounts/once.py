"""Secrets that work once and not for long: links in mails, sign-ins on their way through another site, challenges."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from psycopg.types.json import Jsonb

from invivo import database
from invivo.accounts.actor import digest_of
from invivo.errors import NotFound


class SpentLink(NotFound):
    """The link or question was used already, is too old or never was."""

    code = "account.link-spent"


@dataclass(frozen=True, slots=True)
class Once:
    """What a secret stands for."""

    person_id: int | None
    detail: Mapping[str, Any]


def make_once(tx: database.Tx, purpose: str, lasts: timedelta, person_id: int | None = None, **detail: Any) -> str:
    """Make a secret for a purpose; what is over is thrown away meanwhile."""
    secret = secrets.token_urlsafe(32)
    tx.execute("delete from accounts.once where expires_at < now()")
    tx.execute(
        "insert into accounts.once (digest, purpose, person_id, detail, expires_at) values (%s, %s, %s, %s, now() + %s)",
        [digest_of(secret), purpose, person_id, Jsonb(detail), lasts],
    )
    return secret


def look_once(tx: database.Tx, purpose: str, secret: str) -> Once:
    """Return what a secret stands for and leave it as it is.

    Raises
    ------
    SpentLink
        It was used, is too old or never was.
    """
    row = tx.execute(
        "select person_id, detail from accounts.once where digest = %s and purpose = %s and expires_at > now()",
        [digest_of(secret), purpose],
    ).fetchone()
    return _found(row)


def take_once(tx: database.Tx, purpose: str, secret: str) -> Once:
    """Return what a secret stands for and end it; of two at once, one is told that it is spent."""
    row = tx.execute(
        "delete from accounts.once where digest = %s and purpose = %s and expires_at > now() returning person_id, detail",
        [digest_of(secret), purpose],
    ).fetchone()
    return _found(row)


def _found(row: Any) -> Once:
    if row is None:
        raise SpentLink("This link has been used already or is too old; ask for a new one.")
    return Once(row.person_id, row.detail)
