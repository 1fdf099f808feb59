"""Who is owner, curator, submitter or member of a collection."""

from dataclasses import dataclass

from invivo import accounts, audit, database
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, Refused

ROLES = {
    "owner": "edits page and policy, appoints people, publishes",
    "curator": "reviews held objects, decides, publishes",
    "submitter": "delivers objects and follows them",
    "member": "sees and downloads what is not open, of all sites or of one",
    "committee": "decides on applications for the data; sees no data by it",
    "editor": "releases the data of an article by one click; sees no data by it",
}
LONGEST_SITE = 64


@dataclass(frozen=True, slots=True)
class Member:
    """A person's role in a collection; an empty site means all of them."""

    person_id: int
    name: str
    display_name: str
    role: str
    site: str = ""


def members_of(archive: Archive, actor: accounts.Actor, collection_id: int) -> list[Member]:
    """Return the people of a collection; owners, curators and administrators may ask."""
    if not actor.may_curate(collection_id):
        raise Refused("Only the collection's owner or curators may see its people.", code="collection.not-owner")
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select p.id, p.name, p.display_name, m.role, m.site from collections.member m join accounts.person p on p.id = m.person_id"
            " where m.collection_id = %s order by m.role, lower(p.name), m.site",
            [collection_id],
        )
        return [Member(*row) for row in found]


def checked_role(role: str, site: str) -> tuple[str, str]:
    """Return a role and a site that go together.

    Raises
    ------
    Invalid
        There is no such role, or it cannot be limited to a site.
    """
    site = " ".join(site.split())
    if role not in ROLES:
        raise Invalid(f"Roles in a collection are {', '.join(ROLES)}.", code="collection.role")
    if site and (role != "member" or len(site) > LONGEST_SITE or not site.isprintable()):
        raise Invalid(
            f"Only members are limited to a site, whose name has at most {LONGEST_SITE} characters.",
            code="collection.site",
        )
    return role, site


def add_member(
    archive: Archive, actor: accounts.Actor, collection_id: int, person_id: int, role: str, *, site: str = ""
) -> None:
    """Give a person a role, a member's of one site if a site is named; repeating it changes nothing."""
    with archive.database.transaction() as tx:
        add_member_in(tx, actor, collection_id, person_id, role, site=site)


def add_member_in(
    tx: database.Tx, actor: accounts.Actor, collection_id: int, person_id: int, role: str, *, site: str = ""
) -> None:
    """Give a person a role as a part of somebody's transaction; see `add_member`."""
    need_owner(actor, collection_id)
    role, site = checked_role(role, site)
    done = tx.execute(
        "insert into collections.member (collection_id, person_id, role, site) values (%s, %s, %s, %s)"
        " on conflict do nothing",
        [collection_id, person_id, role, site],
    )
    if not done.rowcount:
        return
    detail = {"person": person_id, "role": role} | ({"site": site} if site else {})
    audit.note(tx, actor.name, "collection.add-member", f"collection:{collection_id}", **detail)


def remove_member(
    archive: Archive, actor: accounts.Actor, collection_id: int, person_id: int, role: str, *, site: str | None = None
) -> None:
    """Take a role from a person, for one site if one is named; the last owner stays.

    Raises
    ------
    Conflict
        Nobody would own the collection. Owners through a group do not count: a group may lose its people any day.
    """
    need_owner(actor, collection_id)
    with archive.database.transaction() as tx:
        tx.execute("select 1 from collections.collection where id = %s for update", [collection_id])
        tx.execute(
            "delete from collections.member where collection_id = %s and person_id = %s and role = %s"
            " and (%s::text is null or site = %s)",
            [collection_id, person_id, role, site, site],
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


def need_owner(actor: accounts.Actor, collection_id: int) -> None:
    """Refuse whoever may not appoint people in a collection."""
    if not actor.may_own(collection_id):
        raise Refused(
            "Only the collection's owner or an administrator may appoint people.", code="collection.not-owner"
        )
