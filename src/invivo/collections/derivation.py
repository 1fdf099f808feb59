"""Derived results: collections that somebody made from what others hold, with links both ways."""

from collections.abc import Sequence

from invivo import accounts, audit, database
from invivo.archive import Archive
from invivo.collections.collection import Collection, collection_named, is_blind, listed
from invivo.errors import Invalid, Refused

MOST_SOURCES = 200


def set_sources(
    archive: Archive, actor: accounts.Actor, collection_id: int, names: Sequence[str], *, is_derived: bool = True
) -> None:
    """Say that a collection holds derived results, and from which collections they were made.

    Parameters
    ----------
    names : sequence of str
        Short names of collections that the actor may know of; none for results of data that lie elsewhere.

    Raises
    ------
    Refused
    Invalid
        A collection cannot be made from itself, nor from what was made from it.
    UnknownCollection
    """
    if not actor.may_own(collection_id):
        raise Refused("Only the collection's owner may say what it was made from.", code="collection.not-owner")
    wanted = sorted({collection_named(archive, actor, name).id for name in names if name}) if is_derived else []
    if len(wanted) > MOST_SOURCES:
        raise Invalid(f"At most {MOST_SOURCES} collections can be named.", code="collection.sources-many")
    with archive.database.transaction() as tx:
        tx.execute("select pg_advisory_xact_lock(1002)")  # two that name each other at once must not make a circle
        _need_no_circle(tx, collection_id, wanted)
        tx.execute("update collections.collection set is_derived = %s where id = %s", [is_derived, collection_id])
        tx.execute("delete from collections.source where collection_id = %s", [collection_id])
        tx.execute(
            "insert into collections.source (collection_id, source_id) select %s, unnest(%s::bigint[])",
            [collection_id, wanted],
        )
        audit.note(
            tx, actor.name, "collection.sources", f"collection:{collection_id}", derived=is_derived, sources=wanted
        )


def _need_no_circle(tx: database.Tx, collection_id: int, wanted: Sequence[int]) -> None:
    found = tx.execute(
        "with recursive above (id) as (select unnest(%s::bigint[]) union select s.source_id from collections.source s"
        " join above a on a.id = s.collection_id) select 1 from above where id = %s limit 1",
        [list(wanted), collection_id],
    ).fetchone()
    if found is not None:
        raise Invalid("A collection is not made from itself, nor from what was made from it.", code="collection.circle")


def is_derived(tx: database.Tx, collection_id: int) -> bool:
    """Return whether a collection holds derived results."""
    row = tx.execute("select is_derived from collections.collection where id = %s", [collection_id]).fetchone()
    return bool(row and row.is_derived)


def sources_of(archive: Archive, actor: accounts.Actor, collection_id: int) -> list[Collection]:
    """Return the collections that one was made from, of those that the actor may know of."""
    return _linked(
        archive, actor, "select source_id as id from collections.source where collection_id = %s", collection_id
    )


def results_of(archive: Archive, actor: accounts.Actor, collection_id: int) -> list[Collection]:
    """Return the derived results of a collection that the actor may know of."""
    return _linked(
        archive, actor, "select collection_id as id from collections.source where source_id = %s", collection_id
    )


def _linked(archive: Archive, actor: accounts.Actor, question: str, collection_id: int) -> list[Collection]:
    if is_blind(actor, collection_id):  # what it stands beside leads to who made it
        return []
    with archive.database.transaction() as tx:
        linked = {row.id for row in tx.execute(question.encode(), [collection_id])}
    return [one for one in listed(archive, actor) if one.id in linked] if linked else []
