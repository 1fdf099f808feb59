"""Who is owner, curator, submitter or member of a collection."""

from dataclasses import dataclass

from invivo import accounts, audit
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, Refused

ROLES = {
    "owner": "edits page and policy, appoints people, publishes",
    "curator": "reviews held objects, decides, publishes",
    "submitter": "delivers objects and follows them",
    "member": "sees and downloads what is not open",
}


@dataclass(frozen=True, slots=True)
class Member:
    """A person's role in a collection."""

    person_id: int
    name: str
    display_name: str
    role: str


def members_of(archive: Archive, actor: accounts.Actor, collection_id: int) -> list[Member]:
    """Return the people of a collection; owners, curators and administrators may ask."""
    if not actor.may_curate(collection_id):
        raise Refused("Only the collection's owner or curators may see its people.", code="collection.not-owner")
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select p.id, p.name, p.display_name, m.role from collections.member m join accounts.person p on p.id = m.person_id"
            " where m.collection_id = %s order by m.role, lower(p.name)",
            [collection_id],
        )
        return [Member(*row) for row in found]


def add_member(archive: Archive, actor: accounts.Actor, collection_id: int, person_id: int, role: str) -> None:
    """Give a person a role; repeating it changes nothing."""
    _need_owner(actor, collection_id)
    if role not in ROLES:
        raise Invalid(f"Roles in a collection are {', '.join(ROLES)}.", code="collection.role")
    with archive.database.transaction() as tx:
        tx.execute(
            "insert into collections.member (collection_id, person_id, role) values (%s, %s, %s) on conflict do nothing",
            [collection_id, person_id, role],
        )
        audit.note(tx, actor.name, "collection.add-member", f"collection:{collection_id}", person=person_id, role=role)


def remove_member(archive: Archive, actor: accounts.Actor, collection_id: int, person_id: int, role: str) -> None:
    """Take a role from a person; the last owner stays."""
    _need_owner(actor, collection_id)
    with archive.database.transaction() as tx:
        tx.execute("select 1 from collections.collection where id = %s for update", [collection_id])
        tx.execute(
            "delete from collections.member where collection_id = %s and person_id = %s and role = %s",
            [collection_id, person_id, role],
        )
        left = tx.execute(
            "select 1 from collections.member where collection_id = %s and role = 'owner' limit 1", [collection_id]
        ).fetchone()
        if role == "owner" and left is None:
            raise Conflict(
                "A collection keeps at least one owner; appoint another first.", code="collection.last-owner"
            )
        audit.note(
            tx, actor.name, "collection.remove-member", f"collection:{collection_id}", person=person_id, role=role
        )


def _need_owner(actor: accounts.Actor, collection_id: int) -> None:
    if not actor.may_own(collection_id):
        raise Refused(
            "Only the collection's owner or an administrator may appoint people.", code="collection.not-owner"
        )
