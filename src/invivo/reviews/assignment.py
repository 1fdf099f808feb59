"""Who has which items: taken, given to a curator, given back. And what a second reader is told of the first."""

from collections.abc import Sequence
from dataclasses import dataclass

from invivo import accounts, audit
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, Refused
from invivo.reviews.item import UnknownItem, label_of


class TakenByOther(Conflict):
    """Somebody else has the item."""

    code = "review.taken"


@dataclass(frozen=True, slots=True)
class Curator:
    """A person to whom items of a collection can be given."""

    person_id: int
    label: str


def curators_of(archive: Archive, actor: accounts.Actor, collection_id: int) -> list[Curator]:
    """Return who may decide in a collection, by name: its owners and curators, and those of the whole archive."""
    _need_curator(actor, collection_id)
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select p.id, coalesce(nullif(p.display_name, ''), p.name) as label from accounts.person p where p.is_active"
            " and (p.site_roles <> '{}' or exists (select from collections.held_role h where h.person_id = p.id"
            " and h.collection_id = %s and h.role in ('owner', 'curator') and h.site = ''))",
            [collection_id],
        )
        return sorted((Curator(*row) for row in found), key=lambda one: one.label.lower())


def assign(archive: Archive, actor: accounts.Actor, item_ids: Sequence[int], person_id: int | None) -> int:
    """Give items to a curator, or to nobody; return how many. What is decided is left alone.

    Whoever has an item may decide on it like everybody else: it says who works at it, it locks nobody out. What somebody else
    has taken only a collection's owner may give to another.

    Raises
    ------
    Refused
        The actor does not curate the collection of an item.
    Invalid
        The person does not curate it.
    TakenByOther
        Somebody else has one of them.
    """
    person = accounts.actor_of_person(archive, person_id) if person_id is not None else None
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select id, collection_id, state, assigned_to from reviews.item where id = any (%s) order by id for update",
            [list(item_ids)],
        ).fetchall()
        if len(found) != len(set(item_ids)):
            raise UnknownItem("One of the review items does not exist.")
        places = {row.collection_id for row in found}
        for place in places:
            _need_curator(actor, place)
            if person is not None and not person.may_curate(place):
                raise Invalid("This person does not curate the collection.", code="review.not-assignable")
        waiting = [row for row in found if row.state in ("open", "deferred")]
        others = [
            row
            for row in waiting
            if row.assigned_to not in (None, actor.person_id, person_id) and not actor.may_own(row.collection_id)
        ]
        if others:
            who = label_of(tx, f"person:{others[0].assigned_to}")
            many = "It is" if len(waiting) == 1 else f"{len(others):,} of {len(waiting):,} are taken; the first is"
            raise TakenByOther(f"{many} with {who}. Ask them to give it back, or an owner to give it to you.")
        ids = [row.id for row in waiting if row.assigned_to != person_id]
        tx.execute(
            "update reviews.item set assigned_to = %s, assigned_at = now() where id = any (%s)", [person_id, ids]
        )
        for place in sorted(places):
            audit.note(tx, actor.name, "review.assign", f"collection:{place}", person=person_id, items=ids[:1000])
        if person_id is not None and person_id != actor.person_id and ids:
            words = "1 series was" if len(ids) == 1 else f"{len(ids):,} series were"
            text = f"{actor.label or 'A curator'} gave you series to review; they are in your part of the queue."
            accounts.notify(tx, person_id, "review.assigned", f"{words} given to you", text, link="/reviews?who=mine")
    return len(ids)


def set_second_reading(archive: Archive, actor: accounts.Actor, collection_id: int, *, shows_first: bool) -> None:
    """Say whether a second reader is told who read first. Without it the second reads blind."""
    if not actor.may_own(collection_id):
        raise Refused("Only the collection's owner may change how it is read.", code="review.not-owner")
    with archive.database.transaction() as tx:
        tx.execute(
            "insert into reviews.curation (collection_id, shows_first_reader) values (%s, %s)"
            " on conflict (collection_id) do update set shows_first_reader = excluded.shows_first_reader",
            [collection_id, shows_first],
        )
        audit.note(tx, actor.name, "review.second-reading", f"collection:{collection_id}", shows_first=shows_first)


def shows_first_reader(archive: Archive, collection_id: int) -> bool:
    """Return whether a second reader of a collection is told who read first; not, unless its owner says so."""
    with archive.database.transaction() as tx:
        row = tx.execute(
            "select shows_first_reader from reviews.curation where collection_id = %s", [collection_id]
        ).fetchone()
    return bool(row and row.shows_first_reader)


def _need_curator(actor: accounts.Actor, collection_id: int) -> None:
    if not actor.may_curate(collection_id):
        raise Refused("You do not curate this collection.", code="review.not-curator")
