"""Carts: their names, whose they are, how full they are."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.errors import UniqueViolation

from invivo import accounts, database
from invivo.archive import Archive
from invivo.carts import right
from invivo.errors import Conflict, Invalid, TooLarge

MOST_CARTS = 100
LONGEST_NAME = 80


class CartFull(TooLarge):
    """More than one cart takes."""

    code = "cart.full"


class NameTaken(Conflict):
    """The person has another cart of this name."""

    code = "cart.name-taken"


@dataclass(frozen=True, slots=True)
class Cart:
    """A cart as somebody may use it.

    Attributes
    ----------
    name : str
        Empty for a visitor's.
    series_count : int
        Series that are in it, each once, whether they may still be had or not.
    has_owner : bool
        It belongs to an account.
    is_own, may_change : bool
        See `right.Held`.
    """

    id: str
    name: str
    series_count: int
    has_owner: bool
    is_own: bool
    may_change: bool
    touched_at: datetime


_COUNT = "(select count(*) from carts.line l where l.cart_id = c.id) + c.chosen_count as series_count"


def cart_size(archive: Archive, named: str, actor: accounts.Actor | None = None) -> int:
    """Return the number of series in a cart; 0 for an unknown one.

    Parameters
    ----------
    actor : Actor, optional
        Who asks; without it the carts of accounts are counted by their ids too, as a cookie names them.
    """
    if not named:
        return 0
    with archive.database.transaction() as tx:
        held = right.look(tx, actor, named) if actor is not None else None
        asked = held.id if held is not None else "" if actor is not None else right.id_of(tx, named)
        row = tx.execute(f"select {_COUNT} from carts.cart c where c.id = %s", [asked]).fetchone()  # noqa: S608
    return int(row.series_count) if row else 0


def find_cart(archive: Archive, actor: accounts.Actor, named: str) -> Cart | None:
    """Return a cart that the actor may look at; None where there is none for them."""
    with archive.database.transaction() as tx:
        return _found(tx, actor, named)


def open_cart(archive: Archive, actor: accounts.Actor, named: str = "") -> Cart:
    """Return a cart to put something into: the one that is named, else the newest of the account, else a new one.

    Whoever knows the long random id of a cart of nobody may use it; who is signed in has it as theirs from then on.
    """
    with archive.database.transaction() as tx:
        found = _found(tx, actor, named)
        if found is None and actor.has_account:
            found = _newest(tx, actor)
        if found is None:
            return _made(tx, actor, "")
        if actor.has_account and not found.has_owner and found.is_own:
            _take_over(tx, actor, found.id)
            return _found(tx, actor, found.id) or _made(tx, actor, "")
        return found


def current_cart(archive: Archive, actor: accounts.Actor, named: str) -> Cart | None:
    """Return the cart in use without making one: the one that is named, else the newest of the account."""
    with archive.database.transaction() as tx:
        return _found(tx, actor, named) or (_newest(tx, actor) if actor.has_account else None)


def carts_of(archive: Archive, actor: accounts.Actor) -> list[Cart]:
    """Return the carts of an account, the last used first; none for visitors."""
    if not actor.has_account:
        return []
    with archive.database.transaction() as tx:
        found = tx.execute(
            f"select c.id, c.name, c.person_id, c.touched_at, {_COUNT} from carts.cart c where c.person_id = %s"  # noqa: S608
            " order by c.touched_at desc, c.id limit %s",
            [actor.person_id, MOST_CARTS],
        ).fetchall()
    return [Cart(row.id, row.name, row.series_count, True, True, True, row.touched_at) for row in found]


def make_cart(archive: Archive, actor: accounts.Actor, name: str) -> Cart:
    """Make an empty cart with a name.

    Raises
    ------
    NameTaken
    CartFull
        The account has `MOST_CARTS` already.
    """
    with archive.database.transaction() as tx:
        return _made(tx, actor, plain_name(name))


def rename_cart(archive: Archive, actor: accounts.Actor, named: str, name: str) -> None:
    """Give a cart of one's own another name."""
    wanted = plain_name(name)
    with archive.database.transaction() as tx:
        held = right.own(tx, actor, named)
        try:
            tx.execute("update carts.cart set name = %s where id = %s", [wanted, held.id])
        except UniqueViolation as error:
            raise NameTaken(f"You have another cart called {wanted!r}; choose another name.") from error


def delete_cart(archive: Archive, actor: accounts.Actor, named: str) -> None:
    """Delete a cart of one's own with its links; the data it named are not touched."""
    with archive.database.transaction() as tx:
        held = right.own(tx, actor, named)
        tx.execute("delete from carts.cart where id = %s", [held.id])


def duplicate_cart(archive: Archive, actor: accounts.Actor, named: str, name: str) -> Cart:
    """Make a cart of the actor's own that holds what another holds: the same series and the same choices."""
    with archive.database.transaction() as tx:
        held = right.look(tx, actor, named)
        if held is None:
            raise right.UnknownCart("There is no such cart for you; its link may have ended.")
        made = _made(tx, actor, plain_name(name))
        tx.execute(
            "insert into carts.line (cart_id, collection_id, series_uid, added_at)"
            " select %s, collection_id, series_uid, added_at from carts.line where cart_id = %s",
            [made.id, held.id],
        )
        tx.execute(
            "insert into carts.choice (cart_id, query, series_ids, groups, releases, pinned_at)"
            " select %s, query, series_ids, groups, releases, pinned_at from carts.choice where cart_id = %s order by id",
            [made.id, held.id],
        )
        tx.execute(
            "update carts.cart c set chosen_count = o.chosen_count, chosen_groups = o.chosen_groups from carts.cart o"
            " where c.id = %s and o.id = %s",
            [made.id, held.id],
        )
        return _found(tx, actor, made.id) or made


def touch(tx: database.Tx, cart_id: str) -> None:
    """Note that a cart is in use."""
    tx.execute("update carts.cart set touched_at = now() where id = %s", [cart_id])


def plain_name(name: str) -> str:
    """Return a name as it is kept: one line, without blanks around it; raises Invalid."""
    plain = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())
    if not 0 < len(plain) <= LONGEST_NAME:
        raise Invalid(f"A cart's name has 1 to {LONGEST_NAME} characters.", code="cart.name")
    return plain


def _found(tx: database.Tx, actor: accounts.Actor, named: str) -> Cart | None:
    held = right.look(tx, actor, named)
    if held is None:
        return None
    row: Any = tx.execute(f"select c.touched_at, {_COUNT} from carts.cart c where c.id = %s", [held.id]).fetchone()  # noqa: S608
    has_owner = held.person_id is not None
    return Cart(held.id, held.name, row.series_count, has_owner, held.is_own, held.may_change, row.touched_at)


def _newest(tx: database.Tx, actor: accounts.Actor) -> Cart | None:
    row = tx.execute(
        "select id from carts.cart where person_id = %s order by touched_at desc, id limit 1", [actor.person_id]
    ).fetchone()
    return _found(tx, actor, row.id) if row else None


def _made(tx: database.Tx, actor: accounts.Actor, name: str) -> Cart:
    """Make a cart; an account's has a name, by and by ``Cart 1``, ``Cart 2``."""
    if actor.has_account:
        held = {row.name for row in tx.execute("select name from carts.cart where person_id = %s", [actor.person_id])}
        if len(held) >= MOST_CARTS:
            raise CartFull(f"An account has at most {MOST_CARTS} carts; delete one that you no longer need.")
        name = name or next(text for number in range(1, MOST_CARTS + 2) if (text := f"Cart {number}") not in held)
    try:
        row: Any = tx.execute(
            "insert into carts.cart (id, person_id, name) values (%s, %s, %s) returning id, touched_at",
            [secrets.token_urlsafe(18), actor.person_id, name],
        ).fetchone()
    except UniqueViolation as error:
        raise NameTaken(f"You have another cart called {name!r}; choose another name.") from error
    return Cart(row.id, name, 0, actor.has_account, True, True, row.touched_at)


def _take_over(tx: database.Tx, actor: accounts.Actor, cart_id: str) -> None:
    """Let a visitor's cart belong to the account that they signed in to."""
    held = {row.name for row in tx.execute("select name from carts.cart where person_id = %s", [actor.person_id])}
    name = next(text for number in range(1, MOST_CARTS + 2) if (text := f"Cart {number}") not in held)
    tx.execute(
        "update carts.cart set person_id = %s, name = %s where id = %s and person_id is null",
        [actor.person_id, name, cart_id],
    )
