"""Who may look at a cart and who may change it, and by which words a cart is named: its id, or the secret of a link.

A cart of nobody belongs to whoever knows its long random id, as a visitor's cookie does. A cart of an account is its person's
alone; others come by a link, which may let them look or change, ends by its date and can be taken back. None of this says
anything about the data: what a cart holds is shown and given to each as far as they may see and have it.
"""

import hashlib
from dataclasses import dataclass

from invivo import accounts, database
from invivo.errors import NotFound, Refused

LINK = "~"
LONGEST = 64


class UnknownCart(NotFound):
    """There is no such cart, or it is somebody else's, or its link has ended."""

    code = "cart.unknown"


class OnlyLooking(Refused):
    """The link lets one look at the cart, not change it."""

    code = "cart.look-only"


@dataclass(frozen=True, slots=True)
class Held:
    """A cart as somebody may use it.

    Attributes
    ----------
    is_own : bool
        It may be named, shared and deleted: by its person, or, a cart of nobody, by whoever holds its id.
    may_change : bool
    chosen_count : int
        Series that its choices name.
    """

    id: str
    name: str
    person_id: int | None
    is_own: bool
    may_change: bool
    chosen_count: int


_BY_ID = "select c.id, c.name, c.person_id, c.chosen_count, true as may_change from carts.cart c where c.id = %s"
_BY_LINK = """
select c.id, c.name, c.person_id, c.chosen_count, h.may_change from carts.share h join carts.cart c on c.id = h.cart_id
where h.digest = %s and h.expires_at > now() and h.revoked_at is null
"""


def digest_of(secret: str) -> bytes:
    """Digest a link's secret; it has 192 random bits, so a plain hash is enough."""
    return hashlib.sha256(secret.encode()).digest()


def _is_sound(named: str) -> bool:
    return 0 < len(named) <= LONGEST and named.isascii() and named.isprintable()


def look(tx: database.Tx, actor: accounts.Actor, named: str) -> Held | None:
    """Return a cart that the actor may look at; None where there is none for them.

    Parameters
    ----------
    named : str
        The cart's id, or ``~`` and the secret of a link.
    """
    if not _is_sound(named):
        return None
    by_link = named.startswith(LINK)
    asked = digest_of(named.removeprefix(LINK)) if by_link else named
    row = tx.execute(_BY_LINK if by_link else _BY_ID, [asked]).fetchone()
    if row is None:
        return None
    is_owner = row.person_id is not None and row.person_id == actor.person_id
    is_own = is_owner or (row.person_id is None and not by_link)
    if not by_link and not is_own:
        return None
    return Held(row.id, row.name, row.person_id, is_own, is_own or row.may_change, row.chosen_count)


def id_of(tx: database.Tx, named: str) -> str:
    """Return the id of a cart that is named by its id or by a link; empty where the link has ended."""
    if not _is_sound(named):
        return ""
    if not named.startswith(LINK):
        return named
    row = tx.execute(_BY_LINK, [digest_of(named.removeprefix(LINK))]).fetchone()
    return str(row.id) if row else ""


def change(tx: database.Tx, actor: accounts.Actor, named: str) -> Held:
    """Return a cart that the actor may change, and lock it until the transaction ends.

    Raises
    ------
    UnknownCart
    OnlyLooking
    """
    held = look(tx, actor, named)
    if held is None:
        raise UnknownCart("There is no such cart for you; its link may have ended.")
    if not held.may_change:
        raise OnlyLooking(
            "This link lets you look at the cart, not change it; make a copy of your own and change that."
        )
    if tx.execute("select from carts.cart where id = %s for update", [held.id]).fetchone() is None:
        raise UnknownCart("The cart has been deleted meanwhile.")
    return held


def own(tx: database.Tx, actor: accounts.Actor, named: str) -> Held:
    """Return a cart that is the actor's, locked; see `change`."""
    held = change(tx, actor, named)
    if not held.is_own:
        raise OnlyLooking("Only who made the cart may do this.", code="cart.not-yours")
    return held
