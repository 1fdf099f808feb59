"""Queries that people keep by name and share by link."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from invivo import accounts
from invivo.archive import Archive
from invivo.errors import Invalid, NotFound, Refused, TooLarge
from invivo.search.language import read, write
from invivo.search.telling import reached

MOST_SAVED = 200
LONGEST_NAME = 100
LONGEST_FORM = 1000


class UnknownSaved(NotFound):
    """There is no such saved query, or it is not shared with the actor."""

    code = "search.unknown-saved"


class TooManySaved(TooLarge):
    """One account keeps no more."""

    code = "search.too-many-saved"


@dataclass(frozen=True, slots=True)
class Saved:
    """A query with a name.

    Attributes
    ----------
    token : str
        Names it in an address; whoever knows it may open a shared one.
    query : str
        In the query language.
    form : str
        How the answer is shown: level, order and columns, as the rest of the address of the search page.
    is_own : bool
        It belongs to who asked.
    told_at : datetime or None
        When its owner was last told of new matches.
    """

    id: int
    token: str
    name: str
    query: str
    form: str
    is_shared: bool
    is_subscribed: bool
    is_own: bool
    created_at: datetime
    told_at: datetime | None


_COLUMNS = "id, token, name, query, form, is_shared, is_subscribed, person_id is not distinct from %s as is_own, created_at, told_at"


def save(
    archive: Archive, actor: accounts.Actor, name: str, query: str, *, form: str = "", is_subscribed: bool = False
) -> Saved:
    """Keep a query under a name; one of the same name is written over and keeps its link.

    Raises
    ------
    Refused
        Nobody is signed in.
    BadQuery, Invalid, TooManySaved
    """
    person_id = _person(actor)
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise Invalid(f"A saved query has a name of 1 to {LONGEST_NAME} characters.", code="search.name")
    if len(form) > LONGEST_FORM:
        raise Invalid("This is more than the form of an answer says.", code="search.form")
    written = write(read(query))
    with archive.database.transaction() as tx:
        tx.execute("select pg_advisory_xact_lock(hashtext('search.saved'), %s)", [person_id % (1 << 31)])
        held = tx.execute(
            "select count(*) filter (where name <> %s) as n from search.saved where person_id = %s", [name, person_id]
        ).fetchone()
        if held and held.n >= MOST_SAVED:
            raise TooManySaved(f"One account keeps at most {MOST_SAVED} queries; remove one first.")
        row = tx.execute(
            "insert into search.saved (token, person_id, name, query, form, is_subscribed, told_until)"  # noqa: S608
            " values (%s, %s, %s, %s, %s, %s, %s) on conflict (person_id, name) do update set query = excluded.query,"
            " form = excluded.form, is_subscribed = excluded.is_subscribed, told_until = excluded.told_until"
            f" returning {_COLUMNS}",
            [secrets.token_urlsafe(12), person_id, name, written, form, is_subscribed, reached(tx), person_id],
        ).fetchone()
    assert row is not None
    return Saved(*row)


def saved_of(archive: Archive, actor: accounts.Actor) -> list[Saved]:
    """Return one's own saved queries by name; none for who is not signed in."""
    if actor.person_id is None:
        return []
    with archive.database.transaction() as tx:
        found = tx.execute(
            f"select {_COLUMNS} from search.saved where person_id = %s order by lower(name), id",  # noqa: S608
            [actor.person_id, actor.person_id],
        )
        return [Saved(*row) for row in found]


def saved_by_token(archive: Archive, actor: accounts.Actor, token: str) -> Saved:
    """Return a saved query that is one's own or shared; what it finds depends on who asks.

    Raises
    ------
    UnknownSaved
    """
    with archive.database.transaction() as tx:
        row = tx.execute(
            f"select {_COLUMNS} from search.saved where token = %s and (is_shared or person_id = %s)",  # noqa: S608
            [actor.person_id, token.replace("\0", ""), actor.person_id],
        ).fetchone()
    if row is None:
        raise UnknownSaved("There is no such saved query, or it is not shared.")
    return Saved(*row)


def change_saved(
    archive: Archive,
    actor: accounts.Actor,
    saved_id: int,
    *,
    is_shared: bool | None = None,
    is_subscribed: bool | None = None,
) -> Saved:
    """Share one's saved query or no more, be told of new matches or no more; new ones count from now.

    Raises
    ------
    Refused, UnknownSaved
    """
    person_id = _person(actor)
    with archive.database.transaction() as tx:
        row = tx.execute(
            "update search.saved set is_shared = coalesce(%s, is_shared), is_subscribed = coalesce(%s, is_subscribed),"  # noqa: S608
            " told_until = case when %s and not is_subscribed then %s else told_until end"
            f" where id = %s and person_id = %s returning {_COLUMNS}",
            [is_shared, is_subscribed, bool(is_subscribed), reached(tx), saved_id, person_id, person_id],
        ).fetchone()
    if row is None:
        raise UnknownSaved("You have no such saved query.")
    return Saved(*row)


def forget_saved(archive: Archive, actor: accounts.Actor, saved_id: int) -> None:
    """Remove one's saved query; its link leads nowhere from now on.

    Raises
    ------
    Refused, UnknownSaved
    """
    with archive.database.transaction() as tx:
        gone = tx.execute("delete from search.saved where id = %s and person_id = %s", [saved_id, _person(actor)])
        if not gone.rowcount:
            raise UnknownSaved("You have no such saved query.")


def _person(actor: accounts.Actor) -> int:
    if actor.person_id is None:
        raise Refused("Sign in to keep queries.", code="search.sign-in")
    return actor.person_id
