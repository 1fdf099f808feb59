"""GUIDs: the same person gets the same one, whoever asks, and nobody here learns who it is.

What arrives are codes, one for each combination of personal data. *full* agrees: the same person. *document* agrees, and
with it a combination that has the given name: the same person. Anything else agrees: perhaps; the asker gets a
pseudo-GUID and a person decides (`guid_match`). Nothing agrees: a new GUID.

A label never dies. One that turned out to be somebody known becomes an alias, and its codes move to the one it stands for.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from invivo import accounts, audit, database
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, NotFound, Refused, TooLarge
from invivo.subjects.guid_label import fresh_label, read_guid
from invivo.subjects.guid_quota import AT_ONCE, spend
from invivo.subjects.guid_rule import BASE, CODE_BYTES, COMBINATIONS, VERSION, guid_rules

_CODE = re.compile(rf"[0-9a-f]{{{2 * CODE_BYTES}}}")
_LOCK = 0x1A_5151
_MOST_MATCHES = 20
WITH_GIVEN_NAME = {name for name, parts in COMBINATIONS.items() if "given_name" in parts} - {"full"}


class NotEntitled(Refused):
    """GUIDs are for those who deliver or curate."""

    code = "guid.not-entitled"


class BadCodes(Invalid):
    """The codes of a person are incomplete or malformed."""

    code = "guid.codes"


class UnknownGuid(NotFound):
    """No such GUID was ever given out here."""

    code = "guid.unknown"


class NotPromotable(Conflict):
    """The GUID is no pseudo-GUID that still stands for itself."""

    code = "guid.not-promotable"


@dataclass(frozen=True, slots=True)
class Given:
    """The answer for one person: the GUID, and ``existing``, ``new``, ``close`` or ``pseudo``."""

    guid: str
    kind: str


@dataclass(frozen=True, slots=True)
class Guid:
    """What is known of a GUID: its kind, what it stands for, whether a person still has to decide about it."""

    guid: str
    kind: str
    alias_of: str | None
    is_waiting: bool
    made_at: datetime


def check_entitled(actor: accounts.Actor) -> None:
    """Refuse whoever neither delivers nor curates anywhere."""
    if not actor.is_submitter:
        raise NotEntitled("GUIDs are for submitters, curators, owners and administrators who are signed in.")


def guid_parameters(archive: Archive, actor: accounts.Actor) -> dict[str, object]:
    """Return the rules with the salt of this archive, as hexadecimal text: all that is needed to compute codes."""
    check_entitled(actor)
    return {**guid_rules(), "salt": archive.secret("guid-salt").hex()}


def _digests(archive: Archive, codes: Mapping[str, str]) -> dict[str, bytes]:
    """Check codes and put the archive's own secret on top: what is kept cannot be tried out without the key."""
    unknown = sorted(set(codes) - COMBINATIONS.keys())
    missing = [name for name in BASE if name not in codes]
    if unknown or missing:
        named = f"lack {', '.join(missing)}" if missing else f"have the unknown combination {unknown[0][:40]!r}"
        raise BadCodes(f"The codes of a person {named}; version {VERSION} has {', '.join(COMBINATIONS)}.")
    malformed = [name for name, code in codes.items() if not _CODE.fullmatch(code)]
    if malformed:
        raise BadCodes(f"The code {malformed[0]} is not {2 * CODE_BYTES} hexadecimal digits in lower case.")
    key = archive.secret("guid")
    return {
        name: hmac.new(key, f"{VERSION}\n{name}\n{code}".encode(), hashlib.sha256).digest()
        for name, code in codes.items()
    }


def alone(tx: database.Tx) -> None:
    """Let one transaction at a time compare and assign, so that two askers at once cannot both be the first."""
    tx.execute("select pg_advisory_xact_lock(%s)", [_LOCK])


def make(tx: database.Tx, actor: accounts.Actor, kind: str) -> tuple[int, str]:
    """Enter a GUID with a fresh random label; return its row's id and the label."""
    while True:
        row = tx.execute(
            "insert into subjects.guid (label, kind, person_id, asked_by, asked_label) values (%s, %s, %s, %s, %s)"
            " on conflict (label) do nothing returning id, label",
            [fresh_label(kind), kind, actor.person_id, actor.name, actor.label[:200]],
        ).fetchone()
        if row is not None:
            return row.id, row.label


def _learn(tx: database.Tx, guid_id: int, digests: Mapping[str, bytes]) -> None:
    tx.cursor().executemany(
        "insert into subjects.guid_code (combination, digest, guid_id) values (%s, %s, %s) on conflict do nothing",
        [[name, digest, guid_id] for name, digest in digests.items()],
    )


def _agreeing(tx: database.Tx, digests: Mapping[str, bytes]) -> dict[int, set[str]]:
    """Return the GUIDs that share a code, oldest first, with the combinations that agree."""
    found: dict[int, set[str]] = {}
    for row in tx.execute(
        "select c.guid_id, c.combination from subjects.guid_code c"
        " join unnest(%s::text[], %s::bytea[]) as asked (combination, digest) using (combination, digest)"
        " order by c.guid_id",
        [list(digests), list(digests.values())],
    ):
        found.setdefault(row.guid_id, set()).add(row.combination)
    return found


def open_match(tx: database.Tx, one: int, other: int, agreeing: Sequence[str], differing: Sequence[str]) -> None:
    """Ask a person whether two GUIDs are one; a pair is asked about once."""
    tx.execute(
        "insert into subjects.guid_match (first_id, second_id, agreeing, differing) values (%s, %s, %s, %s)"
        " on conflict do nothing",
        [min(one, other), max(one, other), list(agreeing), list(differing)],
    )


def merge(tx: database.Tx, actor: accounts.Actor, gone: int, kept: int) -> None:
    """Make a GUID an alias of another: its aliases, codes and open questions move there."""
    tx.execute(
        "update subjects.guid set alias_of = %(kept)s where id = %(gone)s or alias_of = %(gone)s",
        {"kept": kept, "gone": gone},
    )
    tx.execute(
        "delete from subjects.guid_code c where c.guid_id = %s and exists (select 1 from subjects.guid_code k"
        " where k.guid_id = %s and k.combination = c.combination and k.digest = c.digest)",
        [gone, kept],
    )
    tx.execute("update subjects.guid_code set guid_id = %s where guid_id = %s", [kept, gone])
    for row in tx.execute(
        "update subjects.guid_match set state = 'moved' where state = 'open' and %(gone)s in (first_id, second_id)"
        " returning first_id, second_id, agreeing, differing",
        {"gone": gone},
    ).fetchall():
        other = row.second_id if row.first_id == gone else row.first_id
        if other != kept:
            open_match(tx, kept, other, row.agreeing, row.differing)
    audit.note(tx, actor.name, "guid.alias", f"guid:{label_of(tx, gone)}", stands_for=label_of(tx, kept))


def label_of(tx: database.Tx, guid_id: int) -> str:
    """Return the label of a row."""
    row = tx.execute("select label from subjects.guid where id = %s", [guid_id]).fetchone()
    assert row is not None
    return str(row.label)


def _answer(tx: database.Tx, guid_id: int, kind: str) -> Given:
    """Say which GUID it is; one that waits for a decision is *close* for everybody who asks."""
    row = tx.execute("select label, kind from subjects.guid where id = %s", [guid_id]).fetchone()
    assert row is not None
    return Given(row.label, "close" if row.kind == "pseudo" else kind)


def _known(found: Mapping[int, set[str]]) -> int | None:
    """Return the GUID that these codes belong to beyond doubt."""
    full = [one for one, agreeing in found.items() if "full" in agreeing]
    proven = [one for one, agreeing in found.items() if "document" in agreeing and agreeing & WITH_GIVEN_NAME]
    return full[0] if full else proven[0] if len(proven) == 1 else None


def _place(tx: database.Tx, actor: accounts.Actor, digests: Mapping[str, bytes], holder: int | None = None) -> Given:
    """Find whose codes these are, or make a GUID for them; `holder` is the pseudo-GUID that waits to be promoted."""
    found = _agreeing(tx, digests)
    known = _known(found)
    if known is not None:
        _learn(tx, known, digests)
        for other, agreeing in found.items():
            if other != known and "document" in agreeing:
                open_match(tx, known, other, sorted(agreeing), sorted(digests.keys() - agreeing))
        if holder is not None:
            merge(tx, actor, holder, known)
        return _answer(tx, known, "existing")
    if found:
        waiting = holder if holder is not None else make(tx, actor, "pseudo")[0]
        _learn(tx, waiting, digests)
        for other, agreeing in list(found.items())[:_MOST_MATCHES]:
            open_match(tx, waiting, other, sorted(agreeing), sorted(digests.keys() - agreeing))
        return _answer(tx, waiting, "close")
    new, _ = make(tx, actor, "guid")
    _learn(tx, new, digests)
    if holder is not None:
        merge(tx, actor, holder, new)
    return _answer(tx, new, "new")


def assign_guids(archive: Archive, actor: accounts.Actor, people: Sequence[Mapping[str, str]]) -> list[Given]:
    """Return the GUID of each person: all of them or none.

    Parameters
    ----------
    people : sequence of mapping of combination to code
        Codes as the submitter's side computed them, 64 hexadecimal digits each; at most `AT_ONCE` people.

    Returns
    -------
    list of Given
        In the order asked: ``existing``, ``new``, or ``close`` with a pseudo-GUID until a person has decided.

    Raises
    ------
    NotEntitled, BadCodes, TooLarge, QuotaSpent
    """
    check_entitled(actor)
    if not people:
        raise BadCodes("Nobody is asked about; send the codes of at least one person.")
    if len(people) > AT_ONCE:
        raise TooLarge(f"At most {AT_ONCE} people are asked about at once; send the rest afterwards.", code="guid.many")
    digests = [_digests(archive, codes) for codes in people]
    with archive.database.transaction() as tx:
        alone(tx)
        spend(tx, archive, actor, len(people))
        answers = [_place(tx, actor, one) for one in digests]
        for one in answers:
            audit.note(tx, actor.name, "guid.assign", f"guid:{one.guid}", outcome=one.kind)
    return answers


def pseudo_guids(archive: Archive, actor: accounts.Actor, count: int = 1) -> list[Given]:
    """Make pseudo-GUIDs for people whose data are lacking; each call makes new ones.

    Raises
    ------
    NotEntitled, TooLarge, QuotaSpent
    """
    check_entitled(actor)
    if not 1 <= count <= AT_ONCE:
        raise TooLarge(f"Between 1 and {AT_ONCE} pseudo-GUIDs are made at once.", code="guid.many")
    with archive.database.transaction() as tx:
        spend(tx, archive, actor, count)
        labels = [make(tx, actor, "pseudo")[1] for _ in range(count)]
        for label in labels:
            audit.note(tx, actor.name, "guid.assign", f"guid:{label}", outcome="pseudo")
    return [Given(label, "pseudo") for label in labels]


def promote_guid(archive: Archive, actor: accounts.Actor, text: str, codes: Mapping[str, str]) -> Given:
    """Tell a pseudo-GUID's person by codes, now that the data are there; it stays as an alias of the GUID.

    Raises
    ------
    NotEntitled
        The actor may not ask for GUIDs, or somebody else's account asked for this one.
    NotPromotable
        It is no pseudo-GUID, was promoted before, or waits for a person's decision.
    BadLabel, UnknownGuid, BadCodes, QuotaSpent
    """
    check_entitled(actor)
    label, digests = read_guid(text), _digests(archive, codes)
    with archive.database.transaction() as tx:
        alone(tx)
        row = tx.execute(
            "select g.*, exists (select 1 from subjects.guid_code c where c.guid_id = g.id) as has_codes"
            " from subjects.guid g where g.label = %s",
            [label],
        ).fetchone()
        if row is None:
            raise UnknownGuid(f"{label} was never given out here.")
        is_own = actor.person_id is not None and row.person_id == actor.person_id
        if not is_own and not actor.site_roles:
            raise NotEntitled(
                f"{label} was asked for by another account; that one promotes it, or the archive's curators."
            )
        if row.kind != "pseudo" or row.alias_of is not None:
            raise NotPromotable(f"{label} is no pseudo-GUID, or stands for a GUID already.")
        if row.has_codes:
            raise NotPromotable(f"{label} has its data and waits for a person's decision.")
        spend(tx, archive, actor, 1)
        answer = _place(tx, actor, digests, row.id)
        audit.note(tx, actor.name, "guid.promote", f"guid:{label}", outcome=answer.kind, guid=answer.guid)
    return answer


def resolve_guid(archive: Archive, actor: accounts.Actor, text: str) -> Guid:
    """Say what a GUID is and, if it is an alias, what it stands for.

    Raises
    ------
    NotEntitled, BadLabel, UnknownGuid
    """
    check_entitled(actor)
    label = read_guid(text)
    with archive.database.transaction() as tx:
        row = tx.execute(
            "select g.label, g.kind, k.label as alias_of, exists (select 1 from subjects.guid_match m"
            " where m.state = 'open' and g.id in (m.first_id, m.second_id) and g.kind = 'pseudo') as is_waiting, g.made_at"
            " from subjects.guid g left join subjects.guid k on k.id = g.alias_of where g.label = %s",
            [label],
        ).fetchone()
    if row is None:
        raise UnknownGuid(f"{label} is well formed but was never given out here.")
    return Guid(*row)
