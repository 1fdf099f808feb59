"""Links to a cart: whoever has one may look, or look and change, until it ends. A link gives no right to data."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from invivo import accounts, audit
from invivo.archive import Archive
from invivo.carts import right
from invivo.carts.cart import CartFull
from invivo.errors import Invalid, NotFound

MOST_DAYS = 365
MOST_SHARES = 50


class UnknownShare(NotFound):
    """The cart has no such link."""

    code = "cart.unknown-link"


@dataclass(frozen=True, slots=True)
class Share:
    """A link as the cart's owner sees it; its secret is shown once, when it is made."""

    id: int
    may_change: bool
    made_at: datetime
    expires_at: datetime
    is_open: bool


def make_share(archive: Archive, actor: accounts.Actor, cart_id: str, *, days: int, may_change: bool = False) -> str:
    """Make a link to a cart of one's own and return its secret, which is kept nowhere.

    Parameters
    ----------
    days : int
        How long the link holds, 1 to `MOST_DAYS`.
    """
    if not 1 <= days <= MOST_DAYS:
        raise Invalid(f"A link holds 1 to {MOST_DAYS} days.", code="cart.link-days")
    secret = secrets.token_urlsafe(24)
    with archive.database.transaction() as tx:
        held = right.own(tx, actor, cart_id)
        known = tx.execute("select count(*) as n from carts.share where cart_id = %s", [held.id]).fetchone()
        if known and known.n >= MOST_SHARES:
            raise CartFull(f"A cart has at most {MOST_SHARES} links; forget one that has ended.")
        row = tx.execute(
            "insert into carts.share (cart_id, digest, may_change, expires_at)"
            " values (%s, %s, %s, now() + make_interval(days => %s)) returning id",
            [held.id, right.digest_of(secret), may_change, days],
        ).fetchone()
        assert row is not None
        audit.note(tx, actor.name, "cart.share", f"cart-link:{row.id}", may_change=may_change, days=days)
    return secret


def shares_of(archive: Archive, actor: accounts.Actor, cart_id: str) -> list[Share]:
    """Return the links of a cart of one's own, the newest first; none to others."""
    with archive.database.transaction() as tx:
        held = right.look(tx, actor, cart_id)
        if held is None or not held.is_own:
            return []
        found = tx.execute(
            "select id, may_change, made_at, expires_at, expires_at > now() and revoked_at is null as is_open"
            " from carts.share where cart_id = %s order by id desc",
            [held.id],
        ).fetchall()
    return [Share(*row) for row in found]


def revoke_share(archive: Archive, actor: accounts.Actor, cart_id: str, share_id: int) -> None:
    """Take a link back: it ends at once. One that has ended is forgotten."""
    with archive.database.transaction() as tx:
        held = right.own(tx, actor, cart_id)
        row = tx.execute(
            "select expires_at > now() and revoked_at is null as is_open from carts.share where id = %s and cart_id = %s"
            " for update",
            [share_id, held.id],
        ).fetchone()
        if row is None:
            raise UnknownShare("The cart has no such link any more.")
        if row.is_open:
            tx.execute("update carts.share set revoked_at = now() where id = %s", [share_id])
        else:
            tx.execute("delete from carts.share where id = %s", [share_id])
        audit.note(tx, actor.name, "cart.unshare", f"cart-link:{share_id}")
