"""Collections: what their page says and what their policy is."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime
from typing import Any

import psycopg

from invivo import accounts, audit, database
from invivo.archive import Archive
from invivo.collections.licence import licence_named
from invivo.collections.profile import Rules, follow_builtin, rules_in_force
from invivo.collections.visible import collections_visible_to
from invivo.errors import Conflict, Invalid, NotFound, Refused

ACCESS_CLASSES = ("open", "registered", "controlled", "embargoed", "private")
REVIEW_RULES = ("person", "two-persons", "on-receipt", "direct")
PROFILES = ("tcia", "basic", "verify")
_SHORT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,63}")
_LONGEST = {
    "title": 300,
    "summary": 1000,
    "description": 100_000,
    "contacts": 4000,
    "funding": 4000,
    "acknowledgement": 4000,
    "terms": 20_000,
}


class NameTaken(Conflict):
    """Another collection has this short name."""

    code = "collection.name-taken"


class UnknownCollection(NotFound):
    """There is no such collection, or the actor may not know of it."""

    code = "collection.unknown"


@dataclass(frozen=True, slots=True)
class Draft:
    """What an owner writes: page and policy of a collection.

    Attributes
    ----------
    description : str
        Markdown.
    species, sites, diseases : tuple of str
        Species, body sites, and cancer types or other diseases, in words.
    licence : str
        SPDX identifier.
    access : {"open", "registered", "controlled", "embargoed", "private"}
    is_listed : bool
        Whether title and metadata are shown to people who may not download.
    embargo_until : date or None
        Needed for ``embargoed``.
    review_rule : {"person", "two-persons", "on-receipt", "direct"}
        ``direct``: objects are kept as they come and are released at once; only in an archive of a house's own.
    profile : {"tcia", "basic", "verify"}
        De-identification profile; ``verify`` for data de-identified at source.
    profile_options : tuple of str
        Options of PS3.15 Annex E on top of the profile.
    """

    short_name: str
    title: str
    licence: str = "CC-BY-4.0"
    access: str = "open"
    summary: str = ""
    description: str = ""
    contacts: str = ""
    funding: str = ""
    acknowledgement: str = ""
    species: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    diseases: tuple[str, ...] = ()
    is_listed: bool = True
    embargo_until: date | None = None
    terms: str = ""
    review_rule: str = "person"
    profile: str = "tcia"
    profile_options: tuple[str, ...] = ()
    state: str = "active"


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection as it stands; see `Draft` for the fields.

    ``rules`` are those in force; only `policy_of` gives them, because the public database role may not read them.
    """

    id: int
    short_name: str
    title: str
    licence: str
    access: str
    summary: str
    description: str
    contacts: str
    funding: str
    acknowledgement: str
    species: tuple[str, ...]
    sites: tuple[str, ...]
    diseases: tuple[str, ...]
    is_listed: bool
    embargo_until: date | None
    terms: str
    review_rule: str
    profile: str
    profile_options: tuple[str, ...]
    state: str
    created_at: datetime
    rules: Rules | None = None


_FIELDS = tuple(field.name for field in fields(Draft))
_COLUMNS = ", ".join(f"c.{field.name}" for field in fields(Collection) if field.name != "rules")


def is_blind(actor: accounts.Actor, collection_id: int) -> bool:
    """Return whether the actor must not learn who made a collection: creators, contacts, funding, acknowledgement."""
    return "blind" in actor.memberships.get(collection_id, ())


def _collection(row: Any, actor: accounts.Actor | None = None) -> Collection:
    values: list[Any] = [tuple(value) if isinstance(value, list) else value for value in row]
    made = Collection(*values)
    is_hidden = actor is not None and is_blind(actor, made.id)
    return replace(made, contacts="", funding="", acknowledgement="") if is_hidden else made


def _check(archive: Archive, draft: Draft) -> None:
    if not _SHORT_NAME.fullmatch(draft.short_name):
        raise Invalid(
            "A short name has 2 to 64 letters, digits, dots, dashes or underscores.", code="collection.short-name"
        )
    if not draft.title.strip():
        raise Invalid("A collection needs a title.", code="collection.title")
    for name, longest in _LONGEST.items():
        if len(getattr(draft, name)) > longest:
            raise Invalid(f"The {name} may have at most {longest} characters.", code=f"collection.{name}")
    for name, value, known in (
        ("access", draft.access, ACCESS_CLASSES),
        ("review_rule", draft.review_rule, REVIEW_RULES),
        ("profile", draft.profile, PROFILES),
        ("state", draft.state, ("active", "archived")),
    ):
        if value not in known:
            raise Invalid(f"{name} must be one of {', '.join(known)}.", code=f"collection.{name.replace('_', '-')}")
    if draft.review_rule == "direct" and not archive.settings.inhouse.identified:
        raise Invalid(
            "Only an archive of a house's own keeps objects as they come; its administrator sets inhouse.identified.",
            code="collection.direct",
        )
    if draft.access == "embargoed" and draft.embargo_until is None:
        raise Invalid("An embargo needs the date on which it ends.", code="collection.embargo-until")
    licence_named(draft.licence)


def _need_future(archive: Archive, draft: Draft) -> None:
    """An embargo that begins ends on a day to come; one that stands already ends by itself."""
    if draft.access == "embargoed" and draft.embargo_until and draft.embargo_until <= archive.clock().date():
        raise Invalid("An embargo ends on a day in the future.", code="collection.embargo-until")


def draft_for(archive: Archive, short_name: str, title: str, **fields: Any) -> Draft:
    """Return the draft of a new collection as this archive begins them (settings, section ``collections``)."""
    policy = archive.settings.collections
    begun = {
        "access": policy.access,
        "licence": policy.licence,
        "review_rule": policy.review,
        "profile": policy.profile,
    }
    return Draft(short_name, title, **(begun | fields))


def _begin_policy(archive: Archive, tx: database.Tx, collection_id: int) -> None:
    """Write the policy on applications that this archive's new collections begin with."""
    policy = archive.settings.collections
    tx.execute(
        "insert into collections.access_policy (collection_id, request_form, vote_rule, term_months, denied_countries,"
        " needs_affiliation) values (%s, %s, %s, %s, '{}', %s)",
        [collection_id, policy.request_form, policy.vote_rule, policy.term_months, policy.needs_affiliation],
    )
    tx.execute(
        "update collections.collection set hides_metadata = %s, needs_factor = %s where id = %s",
        [policy.hides_metadata, policy.needs_factor, collection_id],
    )


def _values(draft: Draft) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(draft).items()}


def create(archive: Archive, actor: accounts.Actor, draft: Draft) -> Collection:
    """Make a collection; its maker, if a person, becomes its owner.

    Raises
    ------
    Refused
        The actor is no administrator.
    Invalid
        A field is malformed.
    NameTaken
    """
    with archive.database.transaction() as tx:
        return create_in(archive, tx, actor, draft)


def create_in(archive: Archive, tx: database.Tx, actor: accounts.Actor, draft: Draft) -> Collection:
    """Make a collection as a part of somebody's transaction, which a refusal ends; see `create`."""
    if not (actor.is_administrator or actor.name == "system"):
        raise Refused("Only an administrator may make a collection.", code="collection.not-administrator")
    _check(archive, draft)
    _need_future(archive, draft)
    columns, places = ", ".join(_FIELDS), ", ".join(f"%({name})s" for name in _FIELDS)
    try:
        made = tx.execute(
            f"insert into collections.collection ({columns}) values ({places}) returning id",  # noqa: S608 - our own names
            _values(draft),
        ).fetchone()
    except psycopg.errors.UniqueViolation:
        raise NameTaken(f"There is a collection named {draft.short_name} already; choose another short name.") from None
    assert made is not None
    if actor.person_id is not None:
        tx.execute(
            "insert into collections.member (collection_id, person_id, role) values (%s, %s, 'owner')",
            [made.id, actor.person_id],
        )
    _begin_policy(archive, tx, made.id)
    follow_builtin(tx, actor, made.id, draft.profile, list(draft.profile_options))
    audit.note(tx, actor.name, "collection.create", f"collection:{made.id}", short_name=draft.short_name)
    return policy_of(tx, made.id)


def rewrite(archive: Archive, tx: database.Tx, known: Collection, changed: dict[str, Any]) -> Collection:
    """Write some fields of a collection anew inside a transaction; the caller has asked whether the actor may."""
    draft = Draft(**({name: getattr(known, name) for name in _FIELDS} | changed))
    _check(archive, draft)
    places = ", ".join(f"{name} = %({name})s" for name in changed)
    tx.execute(
        f"update collections.collection set {places} where id = %(id)s",  # noqa: S608 - our own names
        {**_values(draft), "id": known.id},
    )
    return policy_of(tx, known.id)


def edit(archive: Archive, actor: accounts.Actor, collection_id: int, draft: Draft) -> Collection:
    """Change a collection's page and policy; what is released keeps the licence it was released under."""
    if not actor.may_own(collection_id):
        raise Refused("Only the collection's owner or an administrator may edit it.", code="collection.not-owner")
    _check(archive, draft)
    places = ", ".join(f"{name} = %({name})s" for name in _FIELDS)
    try:
        with archive.database.transaction() as tx:
            before = policy_of(tx, collection_id)
            if (before.access, before.embargo_until) != (draft.access, draft.embargo_until):
                _need_future(archive, draft)
            tx.execute(
                f"update collections.collection set {places} where id = %(id)s",  # noqa: S608 - our own names
                {**_values(draft), "id": collection_id},
            )
            if (before.profile, before.profile_options) != (draft.profile, draft.profile_options):
                follow_builtin(tx, actor, collection_id, draft.profile, list(draft.profile_options))
            after = policy_of(tx, collection_id)
            changed = [name for name in _FIELDS if getattr(before, name) != getattr(after, name)]
            audit.note(tx, actor.name, "collection.edit", f"collection:{collection_id}", changed=changed)
            return after
    except psycopg.errors.UniqueViolation:
        raise NameTaken(f"There is a collection named {draft.short_name} already; choose another short name.") from None


def policy_of(tx: database.Tx, collection_id: int) -> Collection:
    """Return a collection with its rules in force, for a verb that has its own reason to ask: no permission is checked."""
    row = tx.execute(f"select {_COLUMNS} from collections.collection c where c.id = %s", [collection_id]).fetchone()  # noqa: S608
    if row is None:
        raise UnknownCollection(f"There is no collection {collection_id}.")
    return replace(_collection(row), rules=rules_in_force(tx, collection_id))


def collection_named(archive: Archive, actor: accounts.Actor, short_name: str) -> Collection:
    """Return a collection that the actor may know of; raises UnknownCollection."""
    statement = database.join(
        f"select {_COLUMNS} from collections.collection c where lower(c.short_name) = lower(%(short_name)s) and {{visible}}",  # noqa: S608
        visible=collections_visible_to(actor),
    )
    with archive.database.transaction() as tx:
        found = tx.execute(statement.text.encode(), {**statement.parameters, "short_name": short_name}).fetchone()
    if found is None:
        raise UnknownCollection(f"There is no collection named {short_name[:64]}, or you may not see it.")
    return _collection(found, actor)


def collection_by_id(archive: Archive, actor: accounts.Actor, collection_id: int) -> Collection:
    """Return a collection that the actor may know of; raises UnknownCollection."""
    statement = database.join(
        f"select {_COLUMNS} from collections.collection c where c.id = %(id)s and {{visible}}",  # noqa: S608
        visible=collections_visible_to(actor),
    )
    with archive.database.transaction() as tx:
        found = tx.execute(statement.text.encode(), {**statement.parameters, "id": collection_id}).fetchone()
    if found is None:
        raise UnknownCollection(f"There is no collection {collection_id}, or you may not see it.")
    return _collection(found, actor)


def listed(archive: Archive, actor: accounts.Actor) -> Sequence[Collection]:
    """Return the collections that the actor may know of, by short name."""
    statement = database.join(
        f"select {_COLUMNS} from collections.collection c where {{visible}} order by lower(c.short_name)",  # noqa: S608
        visible=collections_visible_to(actor),
    )
    with archive.database.transaction() as tx:
        return [_collection(row, actor) for row in database.rows(tx, statement)]
