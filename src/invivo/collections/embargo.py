"""Embargoes of collections: nothing is seen before a date, which is mandatory; then the collection opens by itself."""

from datetime import date

from invivo import accounts, audit, database
from invivo.archive import Archive
from invivo.collections.collection import policy_of
from invivo.errors import Conflict, Invalid, Refused

OPENS_INTO = ("open", "registered", "controlled")
LONGEST_YEARS = 10


class NoEmbargo(Conflict):
    """The collection is under no embargo, or not any more."""

    code = "collection.no-embargo"


def set_embargo(archive: Archive, actor: accounts.Actor, collection_id: int, until: date, into: str) -> None:
    """Put a collection under an embargo, or move the end of one; from that day on, UTC, it has another access class.

    Raises
    ------
    Refused
        The actor does not own the collection.
    Invalid
        The date is not in the future, or there is no such class.
    """
    if not actor.may_own(collection_id):
        raise Refused("Only the collection's owner may set an embargo.", code="collection.not-owner")
    today = archive.clock().date()
    if not today < until <= date(today.year + LONGEST_YEARS, 12, 31):
        raise Invalid(
            f"An embargo ends on a day after today, within {LONGEST_YEARS} years.", code="collection.embargo-until"
        )
    if into not in OPENS_INTO:
        raise Invalid(f"An embargo opens into one of {', '.join(OPENS_INTO)}.", code="collection.access-after")
    with archive.database.transaction() as tx:
        tx.execute(
            "update collections.collection set access = 'embargoed', embargo_until = %s, access_after = %s where id = %s",
            [until, into, collection_id],
        )
        audit.note(
            tx, actor.name, "embargo.set", f"collection:{collection_id}", until=until.isoformat(), opens_into=into
        )


def opens_into(tx: database.Tx, collection_id: int) -> str:
    """Return the access class that a collection has after an embargo."""
    row = tx.execute("select access_after from collections.collection where id = %s", [collection_id]).fetchone()
    return str(row.access_after) if row else "open"


def embargoes_over(tx: database.Tx) -> list[int]:
    """Return the collections whose embargo is over by its date."""
    found = tx.execute(
        "select id from collections.collection where access = 'embargoed' and embargo_until <= current_date order by id"
    )
    return [row.id for row in found]


def embargoes_ending(tx: database.Tx, days: int) -> list[tuple[int, date]]:
    """Return the collections whose embargo ends within some days, with the day."""
    found = tx.execute(
        "select id, embargo_until from collections.collection where access = 'embargoed'"
        " and embargo_until > current_date and embargo_until <= current_date + %s::int order by id",
        [days],
    )
    return [(row.id, row.embargo_until) for row in found]


def end_embargo(tx: database.Tx, actor_name: str, collection_id: int) -> str:
    """End a collection's embargo now, in the caller's transaction; return the access class that it has from now on.

    Raises
    ------
    NoEmbargo
        Somebody else was first, or there is none.
    """
    row = tx.execute(
        "update collections.collection set access = access_after, embargo_until = null where id = %s"
        " and access = 'embargoed' returning access",
        [collection_id],
    ).fetchone()
    if row is None:
        raise NoEmbargo(f"Collection {policy_of(tx, collection_id).short_name} is under no embargo now.")
    audit.note(tx, actor_name, "embargo.end", f"collection:{collection_id}", access=row.access)
    return str(row.access)
