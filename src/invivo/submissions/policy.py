"""By which ways data come in here, and what becomes of collections that take nothing any more."""

import re
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from invivo import accounts, audit, collections, database
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, Refused
from invivo.submissions.submission import Submission, open_submission

SENTENCES = {
    "invitation": "Data come in by invitation: the owner of a collection invites those who deliver for it.",
    "proposal": "Propose a data set; a committee decides, an agreement is signed, and then you deliver.",
    "own-projects": "Anybody with an account makes a project of their own and delivers into it.",
    "official": "Data come from the official accounts of this programme only; proposals from outside are not taken.",
    "suggestion": "Suggest a project; a moderator makes it and says how the data come in.",
    "closed": "This archive takes no new data. What it has is served as before.",
}
_MARK = re.compile(r"[^A-Za-z0-9]+")


class NotThisWay(Refused):
    """Data do not come into this archive by this way; the message is the archive's own."""

    code = "submission.not-this-way"


@dataclass(frozen=True, slots=True)
class Ways:
    """What somebody may do to deposit here.

    Attributes
    ----------
    deposit : str
        The setting `submissions.deposit`.
    sentence : str
        The archive's own words, or what the setting means.
    """

    deposit: str
    sentence: str

    @property
    def may_propose(self) -> bool:
        return self.deposit == "proposal"

    @property
    def may_suggest(self) -> bool:
        return self.deposit == "suggestion"

    @property
    def may_make_projects(self) -> bool:
        return self.deposit == "own-projects"


@dataclass(frozen=True, slots=True)
class Successor:
    """Where a collection has moved to."""

    collection_id: int
    url: str
    note: str


def ways_in(archive: Archive) -> Ways:
    """Return by which way data come in."""
    policy = archive.settings.submissions
    return Ways(policy.deposit, policy.notice or SENTENCES[policy.deposit])


def need_way(archive: Archive, *wanted: str) -> None:
    """Raise NotThisWay with the archive's standing message unless data come in by one of some ways."""
    ways = ways_in(archive)
    if ways.deposit not in wanted:
        raise NotThisWay(ways.sentence)


def make_own_project(archive: Archive, actor: accounts.Actor, short_name: str, title: str) -> Submission:
    """Make a collection of one's own, private unless the settings say otherwise, and open a submission into it, where the archive lets everybody do so.

    Raises
    ------
    NotThisWay
        The archive does not let people make projects.
    Conflict
        The name is taken, or the person has as many projects as the settings allow.
    """
    need_way(archive, "own-projects")
    if actor.person_id is None or not (actor.has_scope("submit") and actor.has_scope("curate")):
        raise Refused("Sign in to make a project.", code="submission.anonymous")
    most = archive.settings.submissions.own_projects
    if len(actor.collections_with("owner")) >= most:
        raise Conflict(
            f"You have {most} projects already (submissions.own_projects).", code="submission.too-many-projects"
        )
    access = archive.settings.submissions.own_access
    is_listed = access != "private"
    draft = collections.draft_for(archive, short_name.strip(), title.strip(), access=access, is_listed=is_listed)
    maker = replace(actor, site_roles=frozenset({"administrator"}), scopes=None)
    made = collections.create(archive, maker, draft)
    return open_submission(archive, maker, made.id, f"First delivery into {made.short_name}")


def invite_submitter(archive: Archive, actor: accounts.Actor, collection_id: int, who: str) -> str:
    """Let somebody deliver into a collection: by the name of an account at once, by a mail address through an invitation.

    Returns
    -------
    str
        ``appointed`` or ``invited``.

    Raises
    ------
    Refused
        The actor does not own the collection, or the archive is closed.
    """
    if not actor.may_own(collection_id):
        raise Refused("Only the collection's owner or an administrator may invite.", code="collection.not-owner")
    if ways_in(archive).deposit == "closed":
        raise NotThisWay(ways_in(archive).sentence)
    who = who.strip()
    if "@" in who and not _has_account(archive, who):
        accounts.invite(archive, actor, who, [(collection_id, "submitter")])
        return "invited"
    person = accounts.person_named(archive, who)
    collections.add_member(archive, actor, collection_id, person.id, "submitter")
    with archive.database.transaction() as tx:
        known = collections.policy_of(tx, collection_id)
        accounts.notify(
            tx,
            person.id,
            "submission.invited",
            f"You may deliver into {known.short_name}",
            f"{actor.label or 'The owner'} invites you to deliver data into {known.title}. Open a submission to begin.",
            link="/submissions",
        )
    return "appointed"


def _has_account(archive: Archive, name: str) -> bool:
    with archive.database.transaction() as tx:
        found = tx.execute("select from accounts.person where lower(name) = lower(%s)", [name]).fetchone()
    return found is not None


def short_name_of(title: str) -> str:
    """Suggest a collection's short name for a title."""
    return _MARK.sub("-", title.strip()).strip("-")[:24].strip("-").upper() or "PROJECT"


def set_successor(archive: Archive, actor: accounts.Actor, collection_id: int, url: str, note: str = "") -> None:
    """Say where an archived collection has moved to; an empty address takes that back.

    Raises
    ------
    Refused, Invalid
    Conflict
        The collection is not archived.
    """
    if not actor.may_own(collection_id):
        raise Refused("Only the collection's owner or an administrator may say this.", code="collection.not-owner")
    url, note = url.strip(), note.strip()[:1000]
    parts = urlsplit(url)
    is_ours = url.startswith("/collections/") and "\\" not in url
    if (
        (url and not is_ours and not (parts.scheme in ("http", "https") and parts.hostname))
        or len(url) > 500
        or not url.isprintable()
    ):
        raise Invalid(
            "Give the address of the successor: https://... or /collections/NAME.", code="collection.successor"
        )
    with archive.database.transaction() as tx:
        known = collections.policy_of(tx, collection_id)
        if url and known.state != "archived":
            raise Conflict(
                f"Archive {known.short_name} first, then say where it has moved.", code="collection.not-archived"
            )
        tx.execute("delete from submissions.successor where collection_id = %s", [collection_id])
        if url:
            tx.execute(
                "insert into submissions.successor (collection_id, url, note) values (%s, %s, %s)",
                [collection_id, url, note],
            )
        audit.note(tx, actor.name, "collection.successor", f"collection:{collection_id}", url=url)


def successor_of(archive: Archive, collection_id: int) -> Successor | None:
    """Return where a collection has moved to, if it has; works for the public database role."""
    with archive.database.transaction() as tx:
        return successor_in(tx, collection_id)


def successor_in(tx: database.Tx, collection_id: int) -> Successor | None:
    """Return where a collection has moved to, if it has."""
    row = tx.execute(
        "select collection_id, url, note from submissions.successor where collection_id = %s", [collection_id]
    ).fetchone()
    return Successor(*row) if row else None
