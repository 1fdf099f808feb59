"""Groups of people across the archive: named by hand, by the domain of their mail, or by a list kept elsewhere.

A group holds roles in collections like a person does. A mail address counts only when its owner has proven it.
"""

import re
from dataclasses import dataclass
from datetime import datetime

import psycopg

from invivo import accounts, audit, database
from invivo.archive import Archive
from invivo.collections.member import checked_role, need_owner
from invivo.errors import Conflict, Invalid, NotFound, Refused

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,63}")
_DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z]")
MOST_DOMAINS, LONGEST_URL = 50, 2000


class UnknownGroup(NotFound):
    """There is no such group."""

    code = "group.unknown"


class GroupNameTaken(Conflict):
    """Another group has this name."""

    code = "group.name-taken"


@dataclass(frozen=True, slots=True)
class Group:
    """A group.

    Attributes
    ----------
    mail_domains : tuple of str
        Everybody with a checked address at one of these belongs to it.
    list_url : str
        Where a list of its people is kept; empty for none.
    by_hand, listed, people : int
        People added by hand, entries of the outside list, and people in it by whichever way.
    """

    id: int
    name: str
    title: str
    mail_domains: tuple[str, ...]
    list_url: str
    list_read_at: datetime | None
    list_error: str
    by_hand: int
    listed: int
    people: int


@dataclass(frozen=True, slots=True)
class GroupRole:
    """A role that a group holds in a collection; an empty site means all of them."""

    group_id: int
    group: str
    title: str
    role: str
    site: str
    people: int


@dataclass(frozen=True, slots=True)
class GroupPerson:
    """Somebody in a group; `is_by_hand` tells whom one can take out."""

    person_id: int
    name: str
    display_name: str
    is_by_hand: bool


_COLUMNS = (
    "g.id, g.name, g.title, g.mail_domains, g.list_url, g.list_read_at, g.list_error,"
    " (select count(*) from collections.group_person h where h.group_id = g.id) as by_hand,"
    " (select count(*) from collections.group_listed l where l.group_id = g.id) as listed,"
    " (select count(*) from collections.in_group i where i.group_id = g.id) as people"
)


def _need_administrator(actor: accounts.Actor) -> None:
    if not (actor.is_administrator or actor.name == "system"):
        raise Refused("Only an administrator may change groups.", code="group.not-administrator")


def _group(row: tuple[object, ...]) -> Group:
    return Group(*[tuple(value) if isinstance(value, list) else value for value in row])  # type: ignore[arg-type]


def groups(archive: Archive, actor: accounts.Actor) -> list[Group]:
    """Return all groups by name, for administrators and those who own a collection; raises Refused."""
    is_owner = any("owner" in roles for roles in actor.memberships.values()) and actor.has_scope("curate")
    if not (is_owner or actor.is_administrator or actor.name == "system"):
        raise Refused("Only owners of collections and administrators may see the groups.", code="group.not-owner")
    with archive.database.transaction() as tx:
        found = tx.execute(f"select {_COLUMNS} from collections.people_group g order by lower(g.name)")  # noqa: S608
        return [_group(row) for row in found]


def group_by_id(archive: Archive, actor: accounts.Actor, group_id: int) -> Group:
    """Return a group, for administrators; raises Refused, UnknownGroup."""
    _need_administrator(actor)
    with archive.database.transaction() as tx:
        return _known(tx, group_id)


def _known(tx: database.Tx, group_id: int) -> Group:
    row = tx.execute(f"select {_COLUMNS} from collections.people_group g where g.id = %s", [group_id]).fetchone()  # noqa: S608
    if row is None:
        raise UnknownGroup("There is no such group.")
    return _group(row)


def write_group(
    archive: Archive,
    actor: accounts.Actor,
    name: str,
    *,
    title: str = "",
    mail_domains: tuple[str, ...] = (),
    list_url: str = "",
    group_id: int | None = None,
) -> Group:
    """Make a group, or change one.

    Parameters
    ----------
    group_id : int, optional
        The group to change; without it one is made.

    Raises
    ------
    Refused, UnknownGroup, GroupNameTaken
    Invalid
        A name or domain is malformed, or the list's address is not among ``groups.lists``.
    """
    _need_administrator(actor)
    domains = sorted({one.strip().lower().removeprefix("@") for one in mail_domains} - {""})
    _check(archive, name, title, domains, list_url)
    values = {"name": name, "title": title.strip(), "domains": domains, "url": list_url, "id": group_id}
    statement = (
        "insert into collections.people_group (name, title, mail_domains, list_url)"
        " values (%(name)s, %(title)s, %(domains)s, %(url)s) returning id"
        if group_id is None
        else "update collections.people_group set name = %(name)s, title = %(title)s, mail_domains = %(domains)s,"
        " list_url = %(url)s, list_error = '' where id = %(id)s returning id"
    )
    try:
        with archive.database.transaction() as tx:
            row = tx.execute(statement, values).fetchone()
            if row is None:
                raise UnknownGroup("There is no such group.")
            if not list_url:
                tx.execute("delete from collections.group_listed where group_id = %s", [row.id])
            audit.note(tx, actor.name, "group.write", f"group:{row.id}", domains=domains, list_url=list_url)
            return _known(tx, row.id)
    except psycopg.errors.UniqueViolation:
        raise GroupNameTaken(f"There is a group named {name} already; choose another name.") from None


def _check(archive: Archive, name: str, title: str, domains: list[str], list_url: str) -> None:
    if not _NAME.fullmatch(name):
        raise Invalid("A group's name has 2 to 64 letters, digits, dots, dashes or underscores.", code="group.name")
    if len(title) > 200:
        raise Invalid("A group's title has at most 200 characters.", code="group.title")
    if len(domains) > MOST_DOMAINS or not all(_DOMAIN.fullmatch(one) for one in domains):
        raise Invalid("Mail domains look like institute.example, one a line.", code="group.mail-domains")
    if list_url and (len(list_url) > LONGEST_URL or not is_allowed(archive, list_url)):
        raise Invalid(
            "A list is read only from an address that begins like one of groups.lists.", code="group.list-url"
        )


def is_allowed(archive: Archive, url: str) -> bool:
    """Return whether an outside list may be read from an address: by what the setting ``groups.lists`` names."""
    return url.isprintable() and any(
        url == one or url.startswith(one.rstrip("/") + "/") for one in archive.settings.groups.lists if one
    )


def remove_group(archive: Archive, actor: accounts.Actor, group_id: int) -> None:
    """Remove a group with all its roles; raises Refused, UnknownGroup."""
    _need_administrator(actor)
    with archive.database.transaction() as tx:
        name = _known(tx, group_id).name
        tx.execute("delete from collections.people_group where id = %s", [group_id])
        audit.note(tx, actor.name, "group.remove", f"group:{group_id}", name=name)


def people_of_group(archive: Archive, actor: accounts.Actor, group_id: int) -> list[GroupPerson]:
    """Return who is in a group now, by whichever way, for administrators; at most 1000."""
    _need_administrator(actor)
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select p.id, p.name, p.display_name, exists (select 1 from collections.group_person h"
            " where h.group_id = i.group_id and h.person_id = p.id)"
            " from collections.in_group i join accounts.person p on p.id = i.person_id"
            " where i.group_id = %s order by lower(p.name) limit 1000",
            [group_id],
        )
        return [GroupPerson(*row) for row in found]


def add_to_group(archive: Archive, actor: accounts.Actor, group_id: int, person_id: int) -> None:
    """Put somebody into a group by hand; repeating it changes nothing."""
    _need_administrator(actor)
    with archive.database.transaction() as tx:
        _known(tx, group_id)
        tx.execute(
            "insert into collections.group_person (group_id, person_id) values (%s, %s) on conflict do nothing",
            [group_id, person_id],
        )
        audit.note(tx, actor.name, "group.add", f"group:{group_id}", person=person_id)


def remove_from_group(archive: Archive, actor: accounts.Actor, group_id: int, person_id: int) -> None:
    """Take somebody out who was put in by hand."""
    _need_administrator(actor)
    with archive.database.transaction() as tx:
        tx.execute("delete from collections.group_person where group_id = %s and person_id = %s", [group_id, person_id])
        audit.note(tx, actor.name, "group.take-out", f"group:{group_id}", person=person_id)


def group_roles(archive: Archive, actor: accounts.Actor, collection_id: int) -> list[GroupRole]:
    """Return the groups with a role in a collection, for its owner; raises Refused."""
    need_owner(actor, collection_id)
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select g.id, g.name, g.title, r.role, r.site, (select count(*) from collections.in_group i where i.group_id = g.id)"
            " from collections.group_role r join collections.people_group g on g.id = r.group_id"
            " where r.collection_id = %s order by lower(g.name), r.role, r.site",
            [collection_id],
        )
        return [GroupRole(*row) for row in found]


def add_group_role(
    archive: Archive, actor: accounts.Actor, collection_id: int, group_id: int, role: str, *, site: str = ""
) -> None:
    """Give a group a role in a collection, a member's of one site if a site is named."""
    need_owner(actor, collection_id)
    role, site = checked_role(role, site)
    with archive.database.transaction() as tx:
        _known(tx, group_id)
        tx.execute(
            "insert into collections.group_role (collection_id, group_id, role, site) values (%s, %s, %s, %s)"
            " on conflict do nothing",
            [collection_id, group_id, role, site],
        )
        thing = f"collection:{collection_id}"
        audit.note(tx, actor.name, "collection.add-group", thing, group=group_id, role=role, site=site)


def remove_group_role(
    archive: Archive, actor: accounts.Actor, collection_id: int, group_id: int, role: str, *, site: str = ""
) -> None:
    """Take a role in a collection from a group."""
    need_owner(actor, collection_id)
    with archive.database.transaction() as tx:
        tx.execute(
            "delete from collections.group_role where collection_id = %s and group_id = %s and role = %s and site = %s",
            [collection_id, group_id, role, site],
        )
        thing = f"collection:{collection_id}"
        audit.note(tx, actor.name, "collection.remove-group", thing, group=group_id, role=role, site=site)
