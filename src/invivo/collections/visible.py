"""The only place where "may this actor see it" and "may this actor have it" are decided, as SQL conditions.

There are several ways to a series, such as a role or an approval; each is a chain of named clauses that must all hold. The
conditions are put together of the text of these clauses, and `why` asks the same clauses one by one. The access class of a
series is the stricter of its collection's and its own. Embargoes and approvals end by their dates alone: nothing has to run
at midnight.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from invivo import accounts, database

SERIES = "s"
READS = ("owner", "curator", "member")
KNOWS = (*READS, "submitter", "committee", "editor", "reviewer")
SHOWN = "('open', 'registered', 'controlled')"
_STRICTNESS = {"open": 0, "registered": 1, "controlled": 2, "embargoed": 3, "private": 4}
_ACCESS_NOW = (
    "case when v.access = 'embargoed' and v.embargo_until <= current_date then v.access_after else v.access end"
)


@dataclass(frozen=True, slots=True)
class Clause:
    """One thing that must hold.

    Attributes
    ----------
    name : str
    holds, fails : str
        What it means for people that it holds, or that it does not.
    test : str
        SQL on ``v`` (the collection) or on ``{s}`` (the series or file).
    """

    name: str
    holds: str
    fails: str
    test: str

    @property
    def is_of_collection(self) -> bool:
        return "{s}" not in self.test


@dataclass(frozen=True, slots=True)
class Way:
    """One way to see or to have a series: all its clauses hold."""

    name: str
    title: str
    clauses: tuple[Clause, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def text(self, alias: str) -> str:
        """Return the SQL of the way: what concerns the collection is asked in one go."""
        of_collection = " and ".join(one.test for one in self.clauses if one.is_of_collection)
        of_row = [one.test for one in self.clauses if not one.is_of_collection]
        asked = f"{{s}}.collection_id in (select v.id from collections.collection v where {of_collection})"
        parts = [asked, *of_row] if of_collection else of_row
        return " and ".join(parts).replace("{s}", alias)


_EVERYTHING = Way(
    "archive",
    "A role in the whole archive",
    (
        Clause(
            "site-role",
            "Curators and administrators of the archive see everything.",
            "",
            "{s}.collection_id is not null",
        ),
    ),
)
_CLASS_SHOWN = Clause(
    "collection-class",
    "The collection's access class shows what it has.",
    "The collection is private, or its embargo has not ended.",
    f"{_ACCESS_NOW} in {SHOWN}",
)
_SERIES_SHOWN = Clause(
    "series-class",
    "The series has no stricter access class of its own.",
    "The series itself is private or under embargo.",
    f"coalesce({{s}}.access, 'open') in {SHOWN}",
)
_LISTED = Clause(
    "listed",
    "The collection is listed.",
    "The collection is not listed: only its own people know of it.",
    "v.is_listed",
)
_METADATA = Clause(
    "metadata",
    "What the collection has is shown to everybody.",
    "The collection shows its page only: its data are seen with an account, or after an approval.",
    "not (v.hides_metadata and v.access in ('registered', 'controlled'))",
)
_METADATA_TO_KNOWN = Clause(
    "metadata",
    "What the collection has is shown to everybody who has an account.",
    "The collection shows its page only: its data are seen after an approval.",
    "not (v.hides_metadata and v.access = 'controlled')",
)
_FACTOR = Clause(
    "factor",
    "The collection asks for no second factor at the sign-in.",
    "The collection asks for a sign-in with a second factor: switch one on in the account, then sign in again.",
    "not v.needs_factor",
)


def effective_access(of_collection: str, of_series: str | None) -> str:
    """Return the stricter of two access classes."""
    return of_collection if of_series is None else max(of_collection, of_series, key=_STRICTNESS.__getitem__)


def _sees_all(actor: accounts.Actor) -> bool:
    return actor.has_scope("read") and (bool(actor.site_roles) or actor.name == "system")


def _is_known(actor: accounts.Actor) -> bool:
    return actor.person_id is not None and actor.has_scope("read")


def _roles_way(actor: accounts.Actor) -> Way:
    name = database.fresh("own")
    test = f"{{s}}.collection_id = any(%({name})s::bigint[])"
    held = Clause("role", "Has a role in the collection.", "Has no role in the collection that shows its data.", test)
    return Way("role", "A role in the collection", (held,), {name: actor.collections_with(*READS)})


def _site_way(actor: accounts.Actor) -> Way:
    name = database.fresh("person")
    held = Clause(
        "site",
        "Is a member of the site that the series is from.",
        "Is no member of the site that the series is from.",
        "({s}.collection_id, {s}.site) in (select r.collection_id, r.site from collections.held_role r"
        f" where r.person_id = %({name})s and r.role = 'member' and r.site <> '')",
    )
    return Way("site", "A site of the collection", (held,), {name: actor.person_id})


def _approval_way(actor: accounts.Actor) -> Way:
    name = database.fresh("person")
    held = Clause(
        "approval",
        "Has an approval that holds today.",
        "Has no approval that holds today: none was given, it has ended or was revoked, an agreement is not signed, or the"
        " country is excluded.",
        f"v.id in (select q.collection_id from collections.approval q where q.person_id = %({name})s)",
    )
    factor = () if actor.is_strong else (_FACTOR,)
    return Way(
        "approval", "An approved application", (held, *factor, _CLASS_SHOWN, _SERIES_SHOWN), {name: actor.person_id}
    )


def _link_way(actor: accounts.Actor) -> Way:
    name = database.fresh("reviewed")
    clauses = (
        Clause(
            "link",
            "The link is for this collection.",
            "The link is for another collection.",
            f"{{s}}.collection_id = any(%({name})s::bigint[])",
        ),
        Clause(
            "current", "It is in the current release.", "It is not in the current release.", "upper_inf({s}.releases)"
        ),
    )
    return Way("link", "A reviewer's link", clauses, {name: actor.collections_with("reviewer")})


def _personal_ways(actor: accounts.Actor, alias: str) -> list[Way]:
    """Return the ways that depend on who asks: none for a visitor, so that what visitors ask costs nothing more."""
    if _is_known(actor):
        own = [_roles_way(actor), _approval_way(actor)]
        return [*own, _site_way(actor)] if alias == SERIES else own  # files beside DICOM are of no site
    return [_link_way(actor)] if actor.person_id is None and actor.memberships else []


def ways_to_see(actor: accounts.Actor, alias: str = SERIES) -> Sequence[Way]:
    """Return the ways by which an actor may see a series (``s``) or a file (any other alias)."""
    if _sees_all(actor):
        return [_EVERYTHING]
    metadata = _METADATA_TO_KNOWN if _is_known(actor) else _METADATA
    public = Way("public", "Shown to everybody", (_LISTED, metadata, _CLASS_SHOWN, _SERIES_SHOWN))
    return [*_personal_ways(actor, alias), public]


def ways_to_have(actor: accounts.Actor, alias: str = SERIES) -> Sequence[Way]:
    """Return the ways by which an actor may have the bytes of a series (``s``) or a file (any other alias)."""
    if _sees_all(actor):
        return [_EVERYTHING]
    name = database.fresh("classes")
    free = ["open", "registered"] if _is_known(actor) else ["open"]
    words = " and ".join(free)
    clauses = (
        Clause(
            "collection-free",
            f"The collection is {' or '.join(free)} now.",
            f"The collection is not {' or '.join(free)}: what is registered needs an account, what is controlled an approval.",
            f"{_ACCESS_NOW} = any(%({name})s::text[])",
        ),
        Clause(
            "series-free",
            "The series has no stricter access class of its own.",
            f"The series has a stricter access class of its own than {words}.",
            f"coalesce({{s}}.access, 'open') = any(%({name})s::text[])",
        ),
    )
    return [*_personal_ways(actor, alias), Way("free", "Free for this kind of visitor", clauses, {name: free})]


def _any_of(ways: Sequence[Way], alias: str) -> database.Condition:
    text = " or ".join(f"({way.text(alias)})" for way in ways)
    return database.Condition(f"({text})", {key: value for way in ways for key, value in way.parameters.items()})


def visible_to(actor: accounts.Actor, alias: str = SERIES) -> database.Condition:
    """Return the condition on rows that the actor may see.

    Parameters
    ----------
    alias : str
        ``s``: rows of ``images.series``; another name: rows with ``collection_id``, ``access`` and ``releases``.
    """
    return database.everything() if _sees_all(actor) else _any_of(ways_to_see(actor, alias), alias)


def downloadable_by(actor: accounts.Actor, alias: str = SERIES) -> database.Condition:
    """Return the condition on rows whose bytes the actor may have; see `visible_to`."""
    return database.everything() if _sees_all(actor) else _any_of(ways_to_have(actor, alias), alias)


def collections_visible_to(actor: accounts.Actor, alias: str = "c") -> database.Condition:
    """Return the condition on ``collections.collection`` under which the actor may know of a collection.

    Parameters
    ----------
    alias : str
        Name of the table in the statement; our own text.
    """
    if _sees_all(actor):
        return database.everything()
    public = f"({alias}.is_listed and {alias}.access <> 'private')"
    if not _is_known(actor):
        reviewed = actor.collections_with("reviewer") if actor.person_id is None else []
        if not reviewed:
            return database.Condition(public)
        link = database.fresh("reviewed")
        return database.Condition(f"({public} or {alias}.id = any(%({link})s::bigint[]))", {link: reviewed})
    own, person = database.fresh("own"), database.fresh("person")
    text = (
        f"({public} or {alias}.id = any(%({own})s::bigint[])"
        f" or {alias}.id in (select r.collection_id from collections.held_role r where r.person_id = %({person})s)"
        f" or {alias}.id in (select q.collection_id from collections.approval q where q.person_id = %({person})s"
        f" and {alias}.access <> 'private'))"
    )
    return database.Condition(text, {own: actor.collections_with(*KNOWS), person: actor.person_id})


def releases_visible_to(actor: accounts.Actor, alias: str = "c") -> database.Condition:
    """Return the condition on collections under which the actor may know what they released: numbers, counts, tombstones.

    Under an embargo that a collection exists may be known; what was put into it and when is for those who see its data.

    Parameters
    ----------
    alias : str
        Name of the table in the statement; our own text.
    """
    if _sees_all(actor):
        return database.everything()
    known = collections_visible_to(actor, alias)
    own, person = database.fresh("own"), database.fresh("person")
    roles = (*READS, "reviewer") if actor.person_id is None else READS
    text = (
        f"({known.text} and ({alias}.access <> 'embargoed' or {alias}.embargo_until <= current_date"
        f" or {alias}.id = any(%({own})s::bigint[]) or {alias}.id in (select r.collection_id from collections.held_role r"
        f" where r.person_id = %({person})s and r.role = 'member')))"
    )
    given = {own: actor.collections_with(*roles), person: actor.person_id if _is_known(actor) else None}
    return database.Condition(text, {**known.parameters, **given})
