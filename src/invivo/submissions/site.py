"""Sites of a collection: who belongs to one sees and delivers for that one only, and each object knows the one it came from."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import psycopg

from invivo import accounts, audit, collections, database
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, NotFound, Refused

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")


class UnknownSite(NotFound):
    """There is no such site, or the actor may not know of it."""

    code = "site.unknown"


@dataclass(frozen=True, slots=True)
class Site:
    """A place that delivers into a collection; ``code`` is what releases show."""

    id: int
    collection_id: int
    code: str
    name: str
    contact: str


@dataclass(frozen=True, slots=True)
class Coordinator:
    """A submitter who belongs to a site."""

    site_id: int
    person_id: int
    name: str
    display_name: str


_COLUMNS = "t.id, t.collection_id, t.code, t.name, t.contact"


def site_limit(tx: database.Tx, actor: accounts.Actor, collection_id: int) -> list[int] | None:
    """Return the sites that the actor is limited to in a collection, None for no limit; works for the public database role."""
    if actor.person_id is None or actor.may_curate(collection_id):
        return None
    found = tx.execute(
        "select t.id from submissions.site_member m join submissions.site t on t.id = m.site_id"
        " where m.person_id = %s and t.collection_id = %s order by t.id",
        [actor.person_id, collection_id],
    ).fetchall()
    return [int(row.id) for row in found] or None


def within(limit: list[int] | None, site_id: int | None) -> bool:
    """Return whether a delivery for a site, or for the whole collection, is within a limit."""
    return limit is None or site_id is None or site_id in limit


def sites_of(archive: Archive, actor: accounts.Actor, collection_id: int) -> list[Site]:
    """Return the sites of a collection that the actor may know of, by code."""
    _need_submitter(actor, collection_id)
    with archive.database.transaction() as tx:
        limit = site_limit(tx, actor, collection_id)
        found = tx.execute(
            f"select {_COLUMNS} from submissions.site t where t.collection_id = %s and (%s::bigint[] is null or t.id = any (%s))"  # noqa: S608
            " order by lower(t.code)",
            [collection_id, limit, limit],
        )
        return [Site(*row) for row in found]


def _need_submitter(actor: accounts.Actor, collection_id: int) -> None:
    if not actor.may_submit(collection_id):
        raise Refused("You may not deliver into this collection.", code="submission.not-submitter")


def _need_curator(actor: accounts.Actor, collection_id: int) -> None:
    if not actor.may_curate(collection_id):
        raise Refused("Only the collection's owner or curators may change its sites.", code="site.not-curator")


def add_site(
    archive: Archive, actor: accounts.Actor, collection_id: int, code: str, name: str, contact: str = ""
) -> Site:
    """Add a site to a collection; raises Conflict when its code is taken there."""
    _need_curator(actor, collection_id)
    code, name, contact = code.strip(), " ".join(name.split()), contact.strip()
    if not _CODE.fullmatch(code):
        raise Invalid("A site's code has 1 to 32 letters, digits, dots, dashes or underscores.", code="site.code")
    if not 1 <= len(name) <= 200 or len(contact) > 500:
        raise Invalid("A site has a name of 1 to 200 characters.", code="site.name")
    try:
        with archive.database.transaction() as tx:
            collections.policy_of(tx, collection_id)
            row = tx.execute(
                "insert into submissions.site as t (collection_id, code, name, contact) values (%s, %s, %s, %s)"  # noqa: S608
                f" returning {_COLUMNS}",
                [collection_id, code, name, contact],
            ).fetchone()
            assert row is not None
            audit.note(tx, actor.name, "site.add", f"collection:{collection_id}", site=row.id, code=code)
    except psycopg.errors.UniqueViolation:
        raise Conflict(f"The collection has a site {code} already.", code="site.taken") from None
    return Site(*row)


def site_named(tx: database.Tx, collection_id: int, site_id: int) -> Site:
    """Return a site of a collection; raises UnknownSite."""
    row = tx.execute(
        f"select {_COLUMNS} from submissions.site t where t.id = %s and t.collection_id = %s",  # noqa: S608
        [site_id, collection_id],
    ).fetchone()
    if row is None:
        raise UnknownSite(f"The collection has no site {site_id}.")
    return Site(*row)


def coordinators_of(archive: Archive, actor: accounts.Actor, collection_id: int) -> list[Coordinator]:
    """Return who belongs to which site of a collection; owners and curators may ask."""
    _need_curator(actor, collection_id)
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select m.site_id, p.id, p.name, coalesce(nullif(p.display_name, ''), p.name) from submissions.site_member m"
            " join submissions.site t on t.id = m.site_id join accounts.person p on p.id = m.person_id"
            " where t.collection_id = %s order by m.site_id, lower(p.name)",
            [collection_id],
        )
        return [Coordinator(*row) for row in found]


def add_coordinator(archive: Archive, actor: accounts.Actor, collection_id: int, site_id: int, person_id: int) -> None:
    """Limit a submitter to a site; who is none yet becomes one. Repeating it changes nothing.

    Raises
    ------
    Refused
        Only the collection's owner appoints people.
    Conflict
        The person curates the collection and sees all sites anyway.
    """
    if not actor.may_own(collection_id):
        raise Refused(
            "Only the collection's owner or an administrator may appoint people.", code="collection.not-owner"
        )
    with archive.database.transaction() as tx:
        site_named(tx, collection_id, site_id)
        above = tx.execute(
            "select 1 from collections.held_role where collection_id = %s and person_id = %s and role in ('owner', 'curator')"
            " union all select 1 from accounts.person where id = %s and site_roles <> '{}'",
            [collection_id, person_id, person_id],
        ).fetchone()
        if above is not None:
            raise Conflict(
                "Who curates a collection sees all its sites; take that role away first.", code="site.curator"
            )
        tx.execute(
            "insert into submissions.site_member (site_id, person_id) values (%s, %s) on conflict do nothing",
            [site_id, person_id],
        )
        audit.note(tx, actor.name, "site.add-coordinator", f"site:{site_id}", person=person_id)
    # The limit stands before the right that it limits.
    collections.add_member(archive, actor, collection_id, person_id, "submitter")


def remove_coordinator(
    archive: Archive, actor: accounts.Actor, collection_id: int, site_id: int, person_id: int
) -> None:
    """Take somebody off a site; at their last site the role of submitter goes too, lest they see all of them."""
    if not actor.may_own(collection_id):
        raise Refused(
            "Only the collection's owner or an administrator may appoint people.", code="collection.not-owner"
        )
    with archive.database.transaction() as tx:
        site_named(tx, collection_id, site_id)
        others = tx.execute(
            "select 1 from submissions.site_member m join submissions.site t on t.id = m.site_id"
            " where t.collection_id = %s and m.person_id = %s and t.id <> %s",
            [collection_id, person_id, site_id],
        ).fetchone()
    if others is None:
        collections.remove_member(archive, actor, collection_id, person_id, "submitter")
    with archive.database.transaction() as tx:
        tx.execute("delete from submissions.site_member where site_id = %s and person_id = %s", [site_id, person_id])
        audit.note(tx, actor.name, "site.remove-coordinator", f"site:{site_id}", person=person_id)


def set_sender_site(archive: Archive, actor: accounts.Actor, sender_id: int, site_id: int | None) -> None:
    """Say for which site a registered DICOM peer sends; None: for none."""
    with archive.database.transaction() as tx:
        row = tx.execute(
            "select s.id, b.collection_id from submissions.sender s join submissions.submission b on b.id = s.submission_id"
            " where s.id = %s for update of s",
            [sender_id],
        ).fetchone()
        if row is None or not actor.may_curate(row.collection_id):
            raise Refused(f"There is no sender {sender_id} that you may change.", code="sender.not-curator")
        if site_id is not None:
            site_named(tx, row.collection_id, site_id)
        tx.execute("update submissions.sender set site_id = %s where id = %s", [site_id, sender_id])
        audit.note(tx, actor.name, "sender.site", f"sender:{sender_id}", site=site_id)


def set_submission_site(archive: Archive, actor: accounts.Actor, submission_id: int, site_id: int | None) -> None:
    """Say for which site a submission is; None: for the whole collection."""
    with archive.database.transaction() as tx:
        row = tx.execute(
            "select collection_id from submissions.submission where id = %s for update", [submission_id]
        ).fetchone()
        if row is None or not actor.may_curate(row.collection_id):
            raise Refused(f"There is no submission {submission_id} that you may change.", code="site.not-curator")
        if site_id is not None:
            site_named(tx, row.collection_id, site_id)
        tx.execute("update submissions.submission set site_id = %s where id = %s", [site_id, submission_id])
        audit.note(tx, actor.name, "submission.site", f"submission:{submission_id}", site=site_id)


def allowed(tx: database.Tx, actor: accounts.Actor, found: Iterable[tuple[int, int, int | None]]) -> list[int]:
    """Return those of submissions (id, collection, site) that the actor may deliver for, by collection and site."""
    limits: dict[int, list[int] | None] = {}
    own = []
    for submission_id, collection_id, site_id in found:
        if not actor.may_submit(collection_id):
            continue
        if collection_id not in limits:
            limits[collection_id] = site_limit(tx, actor, collection_id)
        if within(limits[collection_id], site_id):
            own.append(submission_id)
    return own
