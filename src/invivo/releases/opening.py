"""What opens by a date or by one click: embargoes that are over, reminders before, and an article's data by its editor.

An editor is a person with that role in the collection, or whoever has a link that lies with the journal. Both can do one
thing: end the embargo and have the scheduled release made now. Doing it twice changes nothing.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import date, datetime

from invivo import accounts, audit, collections, database, notices
from invivo.archive import Archive
from invivo.errors import Invalid, NotFound, Refused
from invivo.releases.credit import tell_again
from invivo.releases.scheduled import bring_forward, make_due, people_of

LONGEST_LINK_DAYS, MOST_LINKS = 1100, 50


class SpentEditorLink(NotFound):
    """The link is unknown, has expired or was revoked."""

    code = "editor-link.spent"


@dataclass(frozen=True, slots=True)
class EditorLink:
    """A link, without its secret, which is shown once."""

    id: int
    label: str
    made_by: str
    made_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    clicked_at: datetime | None
    is_open: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page of a link says: which collection, and whether anything of it still waits."""

    title: str
    short_name: str
    expires_at: datetime
    clicked_at: datetime | None
    access: str
    embargo_until: date | None
    due_at: datetime | None
    is_waiting: bool

    @property
    def is_released(self) -> bool:
        return self.access not in ("embargoed", "private") and not self.is_waiting


_COLUMNS = "id, label, made_by, made_at, expires_at, revoked_at, clicked_at, revoked_at is null and expires_at > now() as is_open"


def _digest_of(secret: str) -> bytes:
    """A secret has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(secret.encode()).digest()


def may_open(actor: accounts.Actor, collection_id: int) -> bool:
    """Return whether the actor may release an article's data: its editor or an owner."""
    is_editor = collection_id in actor.collections_with("editor") and actor.has_scope("curate")
    return is_editor or actor.may_own(collection_id)


def is_waiting(archive: Archive, collection_id: int) -> bool:
    """Return whether a release of a collection is scheduled; the caller has decided who may ask."""
    with archive.database.transaction() as tx:
        row = tx.execute(
            "select 1 from releases.schedule where collection_id = %s and state = 'due'", [collection_id]
        ).fetchone()
    return row is not None


def open_now(archive: Archive, actor: accounts.Actor, collection_id: int) -> bool:
    """End a collection's embargo and make its scheduled release now; return whether there was anything to do.

    Raises
    ------
    Refused
        The actor is neither editor nor owner.
    """
    if not may_open(actor, collection_id):
        raise Refused("Only the article's editor or the collection's owner may do this.", code="release.not-editor")
    with archive.database.transaction() as tx:
        return _open(tx, actor.name, collection_id)


def _open(tx: database.Tx, name: str, collection_id: int) -> bool:
    row = tx.execute(
        "select access from collections.collection where id = %s for no key update", [collection_id]
    ).fetchone()
    is_ended = row is not None and row.access == "embargoed"
    if is_ended:
        collections.end_embargo(tx, name, collection_id)
        _tell_opened(tx, collection_id)
    is_forward = bring_forward(tx, collection_id)
    if is_ended or is_forward:
        audit.note(tx, name, "release.open-now", f"collection:{collection_id}", embargo=is_ended, scheduled=is_forward)
    return is_ended or is_forward


def _tell_opened(tx: database.Tx, collection_id: int) -> None:
    policy = collections.policy_of(tx, collection_id)
    own = people_of(tx, collection_id, "owner", "curator")
    told = set(own) | set(notices.subscribers(tx, f"collection:{collection_id}") if policy.is_listed else ())
    accounts.notify(
        tx,
        sorted(told),
        "embargo.ended",
        f"{policy.short_name}: the embargo has ended",
        f"{policy.title} is not under embargo any more; its access class is {policy.access} now.",
        link=f"/collections/{policy.short_name}",
    )
    tell_again(tx, collection_id)


def tend(archive: Archive) -> None:
    """Do what only time brings about: embargoes that are over, releases that are due, and reminders of both."""
    with archive.database.transaction() as tx:
        over = collections.embargoes_over(tx)
    for collection_id in over:  # one transaction each: what fails of one does not hold up the others
        with archive.database.transaction() as tx:
            tx.execute("select 1 from collections.collection where id = %s for no key update", [collection_id])
            if collection_id in collections.embargoes_over(tx):
                collections.end_embargo(tx, "system", collection_id)
                _tell_opened(tx, collection_id)
    make_due(archive)
    for days in sorted(set(archive.settings.releases.reminder_days)):
        _remind(archive, days)


def _remind(archive: Archive, days: int) -> None:
    """Remind people of ends within some days, once each; who was reminded for fewer days is not reminded for more."""
    with archive.database.transaction() as tx:
        for collection_id, until in collections.embargoes_ending(tx, days):
            _give_reminder(tx, (collection_id, 0), until, days)
        found = tx.execute(
            "select id, collection_id, (due_at at time zone 'UTC')::date as day from releases.schedule where state = 'due'"
            " and due_at > now() and due_at <= now() + make_interval(days => %s)"
            " and asked_at < due_at - make_interval(days => %s)",
            [days, days],
        ).fetchall()
        for row in found:
            _give_reminder(tx, (row.collection_id, row.id), row.day, days)


def _give_reminder(tx: database.Tx, which: tuple[int, int], ends_on: date, days: int) -> None:
    collection_id, schedule_id = which
    given = tx.execute(
        "insert into releases.reminder (collection_id, schedule_id, ends_on, days) select %(c)s, %(s)s, %(on)s, %(days)s"
        " where not exists (select from releases.reminder r where r.collection_id = %(c)s and r.schedule_id = %(s)s"
        " and r.ends_on = %(on)s and r.days <= %(days)s) on conflict do nothing returning days",
        {"c": collection_id, "s": schedule_id, "on": ends_on, "days": days},
    ).fetchone()
    if given is None:
        return
    policy = collections.policy_of(tx, collection_id)
    what = f"The next release of {policy.title} is made" if schedule_id else f"The embargo of {policy.title} ends"
    accounts.notify(
        tx,
        people_of(tx, collection_id, "owner", "curator"),
        "embargo.reminder",
        f"{policy.short_name}: {'a release' if schedule_id else 'the embargo ends'} on {ends_on.isoformat()}",
        f"{what} on {ends_on.isoformat()}, by itself. If that is too early, move it before.",
        link=f"/releases/{policy.short_name}/schedule",
    )


def make_editor_link(
    archive: Archive, actor: accounts.Actor, collection_id: int, label: str, days: int, address: str = ""
) -> tuple[str, EditorLink]:
    """Make a link for a journal's editor; return its address, which is never shown again, and what is kept of it.

    Parameters
    ----------
    address : str
        Where the link is mailed to; empty: it is handed over in another way.

    Raises
    ------
    Refused
    Invalid
    """
    if not actor.may_own(collection_id):
        raise Refused("Only the collection's owner may give links.", code="collection.not-owner")
    label = " ".join(label.split())
    if not 1 <= len(label) <= 200:
        raise Invalid("Say for whom the link is, in at most 200 characters.", code="editor-link.label")
    if not 1 <= days <= LONGEST_LINK_DAYS:
        raise Invalid(f"A link lasts 1 to {LONGEST_LINK_DAYS} days.", code="editor-link.days")
    secret = secrets.token_urlsafe(32)
    url = f"{archive.settings.public_url}/editor/{secret}"
    with archive.database.transaction() as tx:
        policy = collections.policy_of(tx, collection_id)
        tx.execute("select 1 from collections.collection where id = %s for no key update", [collection_id])
        row = tx.execute(
            "insert into releases.editor_link (collection_id, digest, label, made_by, expires_at)"  # noqa: S608 - our own names
            " select %(id)s, %(digest)s, %(label)s, %(by)s, now() + make_interval(days => %(days)s)"
            " where (select count(*) from releases.editor_link l where l.collection_id = %(id)s and l.revoked_at is null"
            f" and l.expires_at > now()) < %(most)s returning {_COLUMNS}",
            {
                **{"id": collection_id, "digest": _digest_of(secret), "label": label, "by": actor.name},
                **{"days": days, "most": MOST_LINKS},
            },
        ).fetchone()
        if row is None:
            raise Invalid(f"A collection has at most {MOST_LINKS} open links; revoke some.", code="editor-link.many")
        if address:
            words = (
                f"When the article is published, its data in {archive.settings.site.name} can be released by one click. The"
                f" link works for {days} days, and does nothing else."
            )
            subject = f"{policy.short_name}: release the data of the article"
            notices.post(tx, "editor-link.made", subject, words, address=address, sealed=url)
        audit.note(tx, actor.name, "editor-link.make", f"collection:{collection_id}", link=row.id)
    return url, EditorLink(*row)


def editor_links_of(archive: Archive, actor: accounts.Actor, collection_id: int) -> list[EditorLink]:
    """Return the links of a collection for its owner, newest first; raises Refused."""
    if not actor.may_own(collection_id):
        raise Refused("Only the collection's owner may see its links.", code="collection.not-owner")
    with archive.database.transaction() as tx:
        found = tx.execute(
            f"select {_COLUMNS} from releases.editor_link where collection_id = %s order by id desc limit 200",  # noqa: S608
            [collection_id],
        )
        return [EditorLink(*row) for row in found]


def revoke_editor_link(archive: Archive, actor: accounts.Actor, collection_id: int, link_id: int) -> None:
    """End a link at once; raises SpentEditorLink if the collection has no such open link."""
    if not actor.may_own(collection_id):
        raise Refused("Only the collection's owner may revoke links.", code="collection.not-owner")
    with archive.database.transaction() as tx:
        done = tx.execute(
            "update releases.editor_link set revoked_at = now() where id = %s and collection_id = %s"
            " and revoked_at is null returning id",
            [link_id, collection_id],
        ).fetchone()
        if done is None:
            raise SpentEditorLink("There is no such open link.")
        audit.note(tx, actor.name, "editor-link.revoke", f"collection:{collection_id}", link=link_id)


def shown_by_link(archive: Archive, secret: str) -> Shown:
    """Return what the page of a link says; works for the public database role; raises SpentEditorLink."""
    with archive.database.transaction() as tx:
        row = tx.execute("select * from releases.link_shown(%s)", [_digest_of(secret)]).fetchone()
    if row is None:
        raise SpentEditorLink("This link has ended, or is not whole; ask who gave it to you.")
    return Shown(*row)


def click(archive: Archive, secret: str) -> None:
    """Ask for the release by a link: the worker makes it. Works for the public database role, twice is once.

    Raises
    ------
    SpentEditorLink
    """
    with archive.database.transaction() as tx:
        row = tx.execute("select releases.click(%s) as done", [_digest_of(secret)]).fetchone()
    if row is None or not row.done:
        raise SpentEditorLink("This link has ended, or is not whole; ask who gave it to you.")


def open_by_link(archive: Archive, key: str) -> None:
    """Do what somebody asked for by a link; the key is its number."""
    with archive.database.transaction() as tx:
        row = tx.execute(
            "select id, collection_id from releases.editor_link where id = %s and clicked_at is not null", [int(key)]
        ).fetchone()
        if row is not None:
            _open(tx, f"editor-link:{row.id}", row.collection_id)
