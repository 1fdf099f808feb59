"""Links by which somebody without an account delivers into one submission: until a date, up to so many bytes, revocable.

Only a digest of the secret is kept; whoever knows the secret may send, and see nothing but their own uploads.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from invivo import accounts, audit, database
from invivo.archive import Archive
from invivo.errors import Invalid, NotFound, Refused, TooLarge
from invivo.submissions.site import site_limit, site_named
from invivo.submissions.submission import find_submission

_PREFIX = "link:"


class SpentUploadLink(NotFound):
    """The link is unknown, revoked or past its date, or its submission is closed."""

    code = "upload-link.spent"


@dataclass(frozen=True, slots=True)
class UploadLink:
    """An upload link without its secret; ``state`` is open, revoked, over or closed (the submission is)."""

    id: int
    submission_id: int
    label: str
    site_id: int | None
    max_bytes: int
    used_bytes: int
    made_by: str
    made_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    collection_id: int
    title: str
    collection: str
    state: str


_SELECT = (
    "select l.id, l.submission_id, l.label, l.site_id, l.max_bytes, l.used_bytes, l.made_by, l.made_at, l.expires_at,"
    " l.revoked_at, b.collection_id, b.title, c.short_name, case when l.revoked_at is not null then 'revoked'"
    " when l.expires_at <= now() then 'over' when b.state <> 'open' or c.state <> 'active' then 'closed' else 'open' end"
    " from submissions.upload_link l join submissions.submission b on b.id = l.submission_id"
    " join collections.collection c on c.id = b.collection_id"
)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def make_link(
    archive: Archive,
    actor: accounts.Actor,
    submission_id: int,
    label: str,
    *,
    days: int,
    max_bytes: int,
    site_id: int | None = None,
) -> tuple[UploadLink, str]:
    """Make a link; the secret is returned once and kept nowhere.

    Parameters
    ----------
    label : str
        For whom it is, in words.
    days : int
        How long it works, at most `submissions.link_days`.
    max_bytes : int
        How much may be sent by it in all, bytes.
    site_id : int or None
        The site that it delivers for; a site coordinator's link is for their own.
    """
    submission = find_submission(archive, actor, submission_id)
    most = archive.settings.submissions.link_days
    label = " ".join(label.split())
    if actor.person_id is None and actor.name != "system":
        raise Refused("Sign in to make an upload link.", code="upload-link.anonymous")
    if not 1 <= len(label) <= 200:
        raise Invalid("Say for whom the link is.", code="upload-link.label")
    if not 1 <= days <= most:
        raise Invalid(f"An upload link works for 1 to {most} days (submissions.link_days).", code="upload-link.days")
    if not 1 <= max_bytes <= archive.settings.limits.archive_bytes * 100:
        raise Invalid("Say how many bytes may be sent by the link.", code="upload-link.bytes")
    secret = secrets.token_urlsafe(32)
    with archive.database.transaction() as tx:
        limit = site_limit(tx, actor, submission.collection_id)
        if site_id is not None:
            site_named(tx, submission.collection_id, site_id)
        if limit is not None and site_id not in limit:
            site_id = limit[0]
        made = tx.execute(
            "insert into submissions.upload_link (submission_id, digest, label, site_id, max_bytes, made_by, expires_at)"
            " values (%s, %s, %s, %s, %s, %s, now() + make_interval(days => %s)) returning id",
            [submission_id, _digest(secret), label, site_id, max_bytes, actor.name, days],
        ).fetchone()
        assert made is not None
        audit.note(tx, actor.name, "upload-link.make", f"submission:{submission_id}", link=made.id, days=days)
        row = tx.execute(f"{_SELECT} where l.id = %s", [made.id]).fetchone()
    assert row is not None
    return UploadLink(*row), secret


def links_of(archive: Archive, actor: accounts.Actor, submission_id: int) -> list[UploadLink]:
    """Return the links of a submission that the actor may know of, newest first."""
    submission = find_submission(archive, actor, submission_id)
    with archive.database.transaction() as tx:
        limit = site_limit(tx, actor, submission.collection_id)
        found = tx.execute(
            f"{_SELECT} where l.submission_id = %s and (%s::bigint[] is null or l.site_id = any (%s)) order by l.id desc",
            [submission_id, limit, limit],
        )
        return [UploadLink(*row) for row in found]


def revoke_link(archive: Archive, actor: accounts.Actor, submission_id: int, link_id: int) -> None:
    """open -> revoked: nothing more comes by it, not even the rest of an upload that has begun."""
    if link_id not in {one.id for one in links_of(archive, actor, submission_id)}:
        raise SpentUploadLink("There is no such link of this submission.")
    with archive.database.transaction() as tx:
        tx.execute(
            "update submissions.upload_link set revoked_at = coalesce(revoked_at, now()) where id = %s", [link_id]
        )
        audit.note(tx, actor.name, "upload-link.revoke", f"submission:{submission_id}", link=link_id)


def link_of(archive: Archive, secret: str) -> UploadLink:
    """Return the link of a secret, if it works; raises SpentUploadLink. Works for the public database role."""
    with archive.database.transaction() as tx:
        row = tx.execute(f"{_SELECT} where l.digest = %s", [_digest(secret)]).fetchone()
    if row is None or row[-1] != "open":
        raise SpentUploadLink(
            "This upload link does not work (any more): it was revoked, or its time is over. Ask who sent it for a new one."
        )
    return UploadLink(*row)


def actor_of_link(archive: Archive, secret: str) -> accounts.Actor:
    """Return who sends by a link: somebody who may deliver into its collection and nothing else; raises SpentUploadLink."""
    link = link_of(archive, secret)
    return accounts.Actor(
        f"{_PREFIX}{link.id}",
        label=link.label,
        memberships={link.collection_id: frozenset({"submitter"})},
        scopes=frozenset({"submit"}),
    )


def link_id_of(actor: accounts.Actor) -> int | None:
    """Return the number of the link that an actor sends by, None for everybody else."""
    return int(actor.name.removeprefix(_PREFIX)) if actor.name.startswith(_PREFIX) else None


def charge_link(tx: database.Tx, actor: accounts.Actor, submission_id: int | None, length: int) -> int | None:
    """Take the bytes of an upload from what a link allows and return its submission; None for who sends without a link.

    Raises
    ------
    SpentUploadLink
        It was revoked in the meantime, or another submission was named than the link's.
    TooLarge
        More than the link allows.
    """
    link_id = link_id_of(actor)
    if link_id is None:
        return submission_id
    row = tx.execute(
        "select l.submission_id, l.max_bytes, l.used_bytes from submissions.upload_link l where l.id = %s"
        " and l.revoked_at is null and l.expires_at > now() for no key update",
        [link_id],
    ).fetchone()
    if row is None or submission_id not in (None, row.submission_id):
        raise SpentUploadLink("This upload link does not work for that (any more).")
    if row.used_bytes + length > row.max_bytes:
        raise TooLarge(
            f"The link allows {row.max_bytes} bytes, of which {row.used_bytes} are used; ask for another.",
            code="upload-link.full",
        )
    tx.execute("update submissions.upload_link set used_bytes = used_bytes + %s where id = %s", [length, link_id])
    return int(row.submission_id)


def refund_link(tx: database.Tx, actor: accounts.Actor, length: int) -> None:
    """Give back the bytes of an upload that was thrown away."""
    link_id = link_id_of(actor)
    if link_id is not None:
        tx.execute(
            "update submissions.upload_link set used_bytes = greatest(0, used_bytes - %s) where id = %s",
            [length, link_id],
        )


@dataclass(frozen=True, slots=True)
class LinkUpload:
    """A file that came by a link; ``outcome`` is what became of it, empty while it is on its way."""

    name: str
    length: int
    received: int
    outcome: str
    reason: str
    created_at: datetime


def uploads_by_link(archive: Archive, secret: str, limit: int = 100) -> list[LinkUpload]:
    """Return what came by a link, newest first; works for the public database role."""
    link = link_of(archive, secret)
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select name, length, received, case when state = 'open' then '' else coalesce(receipt->>'outcome', 'unpacking') end as outcome,"
            " coalesce(receipt->>'reason', '') as reason, created_at from submissions.upload where link_id = %s"
            " order by created_at desc, id limit %s",
            [link.id, limit],
        )
        return [LinkUpload(*row) for row in found]
