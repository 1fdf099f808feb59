"""Links for reviewers: who has one sees and downloads one collection's current release without an account, for a while.

A blind link hides from the collection's page who made it.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime

from invivo import accounts, audit
from invivo.archive import Archive
from invivo.collections.collection import Collection, collection_by_id
from invivo.collections.request import digest_of
from invivo.errors import Invalid, NotFound, Refused

LONGEST_DAYS, MOST_LINKS = 365, 200


class SpentLink(NotFound):
    """The link is unknown, has expired or was revoked."""

    code = "reviewer-link.spent"


@dataclass(frozen=True, slots=True)
class ReviewerLink:
    """A link, without its secret, which is shown once."""

    id: int
    collection_id: int
    label: str
    is_blind: bool
    made_by: str
    made_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    visits: int
    last_visit_at: datetime | None
    is_open: bool


_COLUMNS = (
    "id, collection_id, label, is_blind, made_by, made_at, expires_at, revoked_at, visits, last_visit_at,"
    " revoked_at is null and expires_at > now() as is_open"
)


def _need_owner(actor: accounts.Actor, collection_id: int) -> None:
    if not actor.may_own(collection_id):
        raise Refused("Only the collection's owner or an administrator may give links.", code="collection.not-owner")


def make_link(
    archive: Archive, actor: accounts.Actor, collection_id: int, label: str, days: int, *, is_blind: bool = False
) -> tuple[str, ReviewerLink]:
    """Make a link; return its address, which is never shown again, and what is kept of it.

    Raises
    ------
    Refused
    Invalid
    """
    _need_owner(actor, collection_id)
    label = " ".join(label.split())
    if not 1 <= len(label) <= 200:
        raise Invalid("Say for whom the link is, in at most 200 characters.", code="reviewer-link.label")
    if not 1 <= days <= LONGEST_DAYS:
        raise Invalid(f"A link lasts 1 to {LONGEST_DAYS} days.", code="reviewer-link.days")
    secret = secrets.token_urlsafe(32)
    with archive.database.transaction() as tx:
        tx.execute("select 1 from collections.collection where id = %s for update", [collection_id])
        many = tx.execute(
            "select count(*) as n from collections.reviewer_link where collection_id = %s and revoked_at is null"
            " and expires_at > now()",
            [collection_id],
        ).fetchone()
        if many is not None and many.n >= MOST_LINKS:
            raise Invalid(f"A collection has at most {MOST_LINKS} open links; revoke some.", code="reviewer-link.many")
        row = tx.execute(
            "insert into collections.reviewer_link (collection_id, digest, label, is_blind, made_by, expires_at)"  # noqa: S608
            f" values (%s, %s, %s, %s, %s, now() + make_interval(days => %s)) returning {_COLUMNS}",
            [collection_id, digest_of(secret), label, is_blind, actor.name, days],
        ).fetchone()
        assert row is not None
        audit.note(tx, actor.name, "access.link-make", f"collection:{collection_id}", link=row.id, blind=is_blind)
    return f"{archive.settings.public_url}/reviewer/{secret}", ReviewerLink(*row)


def revoke_link(archive: Archive, actor: accounts.Actor, collection_id: int, link_id: int) -> None:
    """End a link at once; raises SpentLink if the collection has no such open link."""
    _need_owner(actor, collection_id)
    with archive.database.transaction() as tx:
        done = tx.execute(
            "update collections.reviewer_link set revoked_at = now() where id = %s and collection_id = %s"
            " and revoked_at is null returning id",
            [link_id, collection_id],
        ).fetchone()
        if done is None:
            raise SpentLink("There is no such open link.")
        audit.note(tx, actor.name, "access.link-revoke", f"collection:{collection_id}", link=link_id)


def links_of(archive: Archive, actor: accounts.Actor, collection_id: int) -> list[ReviewerLink]:
    """Return a collection's links, newest first, for its owner; raises Refused."""
    _need_owner(actor, collection_id)
    with archive.database.transaction() as tx:
        found = tx.execute(
            f"select {_COLUMNS} from collections.reviewer_link where collection_id = %s order by id desc limit 1000",  # noqa: S608
            [collection_id],
        )
        return [ReviewerLink(*row) for row in found]


def enter_by_link(archive: Archive, secret: str) -> ReviewerLink:
    """Count a visit and return the link; raises SpentLink."""
    with archive.database.transaction() as tx:
        counted = tx.execute("select collections.visit_link(%s) as id", [digest_of(secret)]).fetchone()
        if counted is None or counted.id is None:
            raise SpentLink("This link has ended, or is not whole; ask who gave it to you.")
        row = tx.execute(f"select {_COLUMNS} from collections.reviewer_link where id = %s", [counted.id]).fetchone()  # noqa: S608
        assert row is not None
        audit.note(tx, f"reviewer-link:{row.id}", "access.link-visit", f"collection:{row.collection_id}")
        return ReviewerLink(*row)


def actor_of_link(archive: Archive, secret: str) -> accounts.Actor:
    """Return who comes by a reviewer's link: it may read one collection and nothing else; anonymous once it has ended."""
    with archive.database.transaction() as tx:
        row = tx.execute(
            "select id, collection_id, is_blind from collections.reviewer_link where digest = %s and revoked_at is null"
            " and expires_at > now()",
            [digest_of(secret)],
        ).fetchone()
    if row is None:
        return accounts.ANONYMOUS
    roles = frozenset({"reviewer", "blind"} if row.is_blind else {"reviewer"})
    name, scopes = f"reviewer-link:{row.id}", frozenset({"read"})
    return accounts.Actor(name, label="Reviewer", memberships={row.collection_id: roles}, scopes=scopes)


def reviewed_by(archive: Archive, actor: accounts.Actor) -> Collection | None:
    """Return the collection that a reviewer's link is for; None for everybody else."""
    own = actor.collections_with("reviewer")
    return collection_by_id(archive, actor, own[0]) if own else None
