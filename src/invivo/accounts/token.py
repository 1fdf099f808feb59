"""API tokens: scoped, expiring, shown once."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from invivo import audit
from invivo.accounts.actor import Actor, digest_of
from invivo.archive import Archive
from invivo.errors import Invalid, NotFound, Refused

SCOPES = {
    "read": "search and download what the account may see",
    "submit": "deliver objects",
    "curate": "review, decide, publish and edit collections",
    "administer": "manage accounts and settings",
}


@dataclass(frozen=True, slots=True)
class Token:
    """An API token, without its secret."""

    id: int
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None


def create_token(
    archive: Archive, actor: Actor, name: str, scopes: Iterable[str] = ("read",), days: int | None = None
) -> tuple[str, Token]:
    """Make a token for one's own account.

    Returns
    -------
    (str, Token)
        The secret, which is never shown again, and the token.

    Raises
    ------
    Refused
        The actor is anonymous or itself a token.
    Invalid
        A scope is unknown or the term is too long.
    """
    if actor.person_id is None or actor.scopes is not None:
        raise Refused("Sign in with your password to make a token.", code="account.token-by-token")
    wanted = sorted(set(scopes))
    if not wanted or not set(SCOPES).issuperset(wanted):
        raise Invalid(f"Scopes are {', '.join(SCOPES)}.", code="account.scope")
    longest = archive.settings.accounts.token_days
    term = longest if days is None else days
    if not 1 <= term <= longest:
        raise Invalid(f"A token lasts 1 to {longest} days.", code="account.token-term")
    secret = "invivo_" + secrets.token_urlsafe(32)
    with archive.database.transaction() as tx:
        row = tx.execute(
            "insert into accounts.token (digest, person_id, name, scopes, expires_at, is_strong) values (%s, %s, %s, %s, %s, %s)"
            " returning id, name, scopes, created_at, expires_at, used_at",
            [
                digest_of(secret),
                actor.person_id,
                name[:100],
                wanted,
                archive.clock() + timedelta(days=term),
                actor.is_strong,
            ],
        ).fetchone()
        assert row is not None
        audit.note(tx, actor.name, "account.token-create", f"token:{row.id}", scopes=wanted, days=term)
    return secret, Token(*row)


def list_tokens(archive: Archive, actor: Actor) -> list[Token]:
    """Return one's own tokens, newest first."""
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select id, name, scopes, created_at, expires_at, used_at from accounts.token where person_id = %s order by id desc",
            [actor.person_id],
        )
        return [Token(*row) for row in found]


def revoke_token(archive: Archive, actor: Actor, token_id: int) -> None:
    """End one of one's own tokens at once."""
    with archive.database.transaction() as tx:
        gone = tx.execute(
            "delete from accounts.token where id = %s and person_id = %s returning id", [token_id, actor.person_id]
        ).fetchone()
        if gone is None:
            raise NotFound(f"You have no token {token_id}.", code="account.token-unknown")
        audit.note(tx, actor.name, "account.token-revoke", f"token:{token_id}")
