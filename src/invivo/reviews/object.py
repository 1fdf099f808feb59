"""The objects under an item: what a curator looks at. Whoever opens an original as it was received is journalled."""

import hashlib
import hmac
from pathlib import Path

from invivo import accounts, audit, quarantine
from invivo.archive import Archive
from invivo.errors import NotFound, Refused
from invivo.reviews.item import Item, UnknownItem


class NoFile(NotFound):
    """The object has no such file: it is not de-identified yet, or its files are deleted."""

    code = "review.no-file"


def objects_of_item(archive: Archive, item: Item) -> list[quarantine.HeldObject]:
    """Return what is still held of an item's series, in order of instance number."""
    with archive.database.transaction() as tx:
        return quarantine.objects_of(tx, item.series_id)


def object_of(archive: Archive, actor: accounts.Actor, item_id: int, object_id: int) -> quarantine.HeldObject:
    """Return one object under an item that the actor curates; raises UnknownItem."""
    with archive.database.transaction() as tx:
        belongs = tx.execute(
            "select i.collection_id from reviews.item i where i.id = %s"
            " and exists (select 1 from quarantine.object o where o.id = %s and o.series_id = i.series_id)",
            [item_id, object_id],
        ).fetchone()
        if belongs is None or not actor.may_curate(belongs.collection_id):
            raise UnknownItem(f"There is no object {object_id} under review item {item_id}, or you may not see it.")
        return quarantine.object_named(tx, object_id)


def rivals_of(archive: Archive, held: quarantine.HeldObject) -> list[quarantine.HeldObject]:
    """Return the objects with which one is in conflict, the first that came first."""
    with archive.database.transaction() as tx:
        return quarantine.conflicts_of(tx, held)


def file_of(archive: Archive, held: quarantine.HeldObject) -> Path:
    """Return the de-identified file of an object; raises NoFile. A file that is not DICOM has none."""
    if not held.clean_digest or not held.sop_uid or held.state in ("discarded", "released"):
        raise NoFile(f"Object {held.id} has no de-identified file now; it is {held.state}.")
    return archive.held.place(held.clean_digest).path


def original_of(archive: Archive, actor: accounts.Actor, held: quarantine.HeldObject, what: str) -> Path:
    """Return the file of an object as it was received, and journal that the actor opened it.

    Parameters
    ----------
    what : str
        What for, as the journal says it: ``file``, ``values``.

    Raises
    ------
    NoFile
        Originals are deleted soon after a release or a rejection.
    """
    _need_curator(actor, held.collection_id)
    if held.state in ("discarded", "released"):
        raise NoFile(f"The original of object {held.id} is deleted; it is {held.state}.")
    with archive.database.transaction() as tx:
        audit.note(tx, actor.name, "review.read-original", f"held:{held.id}", what=what)
    return archive.held.place(held.digest).path


def originals_pass(archive: Archive, actor: accounts.Actor, item: Item) -> str:
    """Journal that the actor looks at the pictures of an item as they were received; return a pass for them.

    The pass is good for this actor, this item and this day; `opens_originals` checks it. So looking through a series is
    one entry of the journal, and no original picture is given out without one.
    """
    _need_curator(actor, item.collection_id)
    with archive.database.transaction() as tx:
        audit.note(tx, actor.name, "review.read-original", f"review:{item.id}", what="pictures")
    return _pass(archive, actor, item.id)


def opens_originals(archive: Archive, actor: accounts.Actor, item_id: int, shown: str) -> bool:
    """Return whether a pass was made by `originals_pass` for this actor and item today."""
    return hmac.compare_digest(shown.encode(), _pass(archive, actor, item_id).encode())


def _pass(archive: Archive, actor: accounts.Actor, item_id: int) -> str:
    told = f"{actor.name}\n{item_id}\n{archive.clock().date().isoformat()}"
    return hmac.new(archive.secret("originals"), told.encode(), hashlib.sha256).hexdigest()


def _need_curator(actor: accounts.Actor, collection_id: int) -> None:
    if not actor.may_curate(collection_id):
        raise Refused("Only the collection's owner or curators may see originals.", code="review.not-curator")
