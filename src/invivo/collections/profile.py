"""The rules of a collection as versions: written, looked at, then put in force; what was in force stays readable.

Whether rules can be carried out is not known here: ``submissions.write_rules`` asks before it keeps them.
"""

import re
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from invivo import accounts, audit, database
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, NotFound, Refused

KINDS = ("builtin", "toml", "ctp", "dicomedit")
HEAD_POLICIES = ("allow", "hold", "evidence")
LOOKUP_FORMS = ("", "properties", "csv", "dicomedit")
LONGEST_NOTE = 2000
LARGEST_CHARACTERS = 16 << 20
_CODE = re.compile(r"[a-z]+\.[a-z-]{1,40}")


class UnknownRules(NotFound):
    """There is no such version of a collection's rules."""

    code = "collection.rules-unknown"


class NotForward(Conflict):
    """Only a version newer than the one in force can be put in force."""

    code = "collection.rules-not-forward"


@dataclass(frozen=True, slots=True)
class RulesDraft:
    """Rules as somebody writes them.

    Attributes
    ----------
    kind : {"builtin", "toml", "ctp", "dicomedit"}
    text : str
        A profile or script; of a built-in profile its name and its options, with blanks between.
    pixel_text, filter_text : str
        CTP's pixel script and filter, empty for none.
    lookup : str
        Lookup table of a script. It holds identifiers and is never shown.
    lookup_form : {"", "properties", "csv", "dicomedit"}
    accepted : tuple of str
        Codes of doubts that do not hold an object here.
    head_policy : {"allow", "hold", "evidence"}
        What becomes of heads from which a face may be reconstructed.
    """

    kind: str
    text: str
    pixel_text: str = ""
    filter_text: str = ""
    lookup: str = field(default="", repr=False)
    lookup_form: str = ""
    accepted: tuple[str, ...] = ()
    head_policy: str = "allow"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """A version of a collection's rules; see `RulesDraft`. ``in_force_at`` is None for a draft."""

    collection_id: int
    version: int
    kind: str
    text: str
    pixel_text: str
    filter_text: str
    lookup: str = field(repr=False)
    lookup_form: str
    accepted: tuple[str, ...]
    head_policy: str
    note: str
    made_by: str
    made_at: datetime
    in_force_at: datetime | None
    in_force_by: str


_WRITTEN = tuple(field.name for field in fields(RulesDraft))
_COLUMNS = ", ".join(field.name for field in fields(Rules))


def _rules(row: Any) -> Rules:
    values: list[Any] = [tuple(value) if isinstance(value, list) else value for value in row]
    return Rules(*values)


def rules_in_force(tx: database.Tx, collection_id: int) -> Rules:
    """Return the rules by which a collection's objects are de-identified; needs the staff database role."""
    row = tx.execute(
        f"select {_COLUMNS} from collections.profile where collection_id = %s and in_force_at is not null"  # noqa: S608
        " order by version desc limit 1",
        [collection_id],
    ).fetchone()
    if row is None:
        raise UnknownRules(f"Collection {collection_id} has no rules.")
    return _rules(row)


def rules_version(archive: Archive, actor: accounts.Actor, collection_id: int, version: int) -> Rules:
    """Return one version, for those who curate the collection.

    Raises
    ------
    Refused
    UnknownRules
    """
    _need_curator(actor, collection_id)
    with archive.database.transaction() as tx:
        row = tx.execute(
            f"select {_COLUMNS} from collections.profile where collection_id = %s and version = %s",  # noqa: S608
            [collection_id, version],
        ).fetchone()
    if row is None:
        raise UnknownRules(f"There is no version {version} of these rules.")
    return _rules(row)


def rules_history(archive: Archive, actor: accounts.Actor, collection_id: int) -> list[Rules]:
    """Return every version, newest first, for those who curate the collection."""
    _need_curator(actor, collection_id)
    with archive.database.transaction() as tx:
        found = tx.execute(
            f"select {_COLUMNS} from collections.profile where collection_id = %s order by version desc",  # noqa: S608
            [collection_id],
        )
        return [_rules(row) for row in found]


def _need_curator(actor: accounts.Actor, collection_id: int) -> None:
    if not actor.may_curate(collection_id):
        raise Refused("Only the collection's owner or curators may see its rules.", code="collection.not-curator")


def check_rules(draft: RulesDraft) -> None:
    """Check the form of a draft; raises Invalid. Whether its text can be carried out is for others to say."""
    for name, value, known in (
        ("kind", draft.kind, KINDS),
        ("head_policy", draft.head_policy, HEAD_POLICIES),
        ("lookup_form", draft.lookup_form, LOOKUP_FORMS),
    ):
        if value not in known:
            raise Invalid(f"{name} must be one of {', '.join(filter(None, known))}.", code=f"collection.rules-{name}")
    for name in ("text", "pixel_text", "filter_text", "lookup"):
        if len(getattr(draft, name)) > LARGEST_CHARACTERS:
            raise Invalid(f"The {name} is longer than rules may be.", code="collection.rules-text")
    if len(draft.note) > LONGEST_NOTE:
        raise Invalid(f"A note has at most {LONGEST_NOTE} characters.", code="collection.rules-note")
    if len(draft.accepted) > 100 or not all(_CODE.fullmatch(code) for code in draft.accepted):
        raise Invalid("Codes of doubts look like pixel.secondary-capture.", code="collection.rules-accepted")


def add_rules(tx: database.Tx, actor: accounts.Actor, collection_id: int, draft: RulesDraft) -> int:
    """Keep a draft as the next version, not yet in force; return its number.

    Raises
    ------
    Refused
        The actor does not own the collection.
    Invalid
    """
    _need_owner(actor, collection_id)
    check_rules(draft)
    _lock(tx, collection_id)
    places = ", ".join(f"%({name})s" for name in _WRITTEN)
    values: dict[str, Any] = {name: getattr(draft, name) for name in _WRITTEN}
    row = tx.execute(
        f"insert into collections.profile (collection_id, version, made_by, {', '.join(_WRITTEN)})"  # noqa: S608
        " select %(id)s, coalesce(max(version), 0) + 1, %(actor)s, "
        f"{places} from collections.profile where collection_id = %(id)s returning version",
        {**values, "accepted": sorted(set(draft.accepted)), "id": collection_id, "actor": actor.name},
    ).fetchone()
    assert row is not None
    thing = f"collection:{collection_id}"
    audit.note(tx, actor.name, "collection.rules-write", thing, version=row.version, kind=draft.kind)
    return int(row.version)


def put_in_force(tx: database.Tx, actor: accounts.Actor, collection_id: int, version: int) -> Rules:
    """draft -> in force: from now on objects are de-identified by this version.

    Raises
    ------
    Refused
    UnknownRules
    NotForward
        A newer version is in force, or this one is already.
    """
    _need_owner(actor, collection_id)
    _lock(tx, collection_id)
    row = tx.execute(
        "update collections.profile p set in_force_at = now(), in_force_by = %(actor)s"  # noqa: S608 - our own names
        " where p.collection_id = %(id)s and p.version = %(version)s and p.version > (select coalesce(max(q.version), 0)"
        " from collections.profile q where q.collection_id = %(id)s and q.in_force_at is not null)"
        f" returning {_COLUMNS}",
        {"actor": actor.name, "id": collection_id, "version": version},
    ).fetchone()
    if row is None:
        known = tx.execute(
            "select 1 from collections.profile where collection_id = %s and version = %s", [collection_id, version]
        ).fetchone()
        if known is None:
            raise UnknownRules(f"There is no version {version} of these rules.")
        raise NotForward("Rules go forward only: write what an old version says as a new one, and put that in force.")
    rules = _rules(row)
    if rules.kind == "builtin":
        name, *options = rules.text.split()
        tx.execute(
            "update collections.collection set profile = %s, profile_options = %s where id = %s",
            [name, options, collection_id],
        )
    audit.note(tx, actor.name, "collection.rules-in-force", f"collection:{collection_id}", version=version)
    return rules


def follow_builtin(
    tx: database.Tx, actor: accounts.Actor, collection_id: int, profile: str, options: list[str]
) -> None:
    """Make a version of a built-in profile that the collection's own form was saved with, in force at once.

    What doubts are accepted and what becomes of heads stays as it is.
    """
    _lock(tx, collection_id)
    text = " ".join([profile, *options])
    found = tx.execute(
        "select accepted, head_policy from collections.profile where collection_id = %s and in_force_at is not null"
        " order by version desc limit 1",
        [collection_id],
    ).fetchone()
    accepted, head_policy = (found.accepted, found.head_policy) if found else ([], "allow")
    tx.execute(
        "insert into collections.profile (collection_id, version, kind, text, accepted, head_policy, made_by, in_force_at,"
        " in_force_by) select %(id)s, coalesce(max(version), 0) + 1, 'builtin', %(text)s, %(accepted)s, %(heads)s, %(actor)s,"
        " now(), %(actor)s from collections.profile where collection_id = %(id)s",
        {"id": collection_id, "text": text, "accepted": accepted, "heads": head_policy, "actor": actor.name},
    )


def _need_owner(actor: accounts.Actor, collection_id: int) -> None:
    if not actor.may_own(collection_id):
        raise Refused(
            "Only the collection's owner or an administrator may change its rules.", code="collection.not-owner"
        )


def _lock(tx: database.Tx, collection_id: int) -> None:
    """Versions of a collection are numbered one after the other."""
    tx.execute("select pg_advisory_xact_lock(1002, %s::int)", [collection_id])
