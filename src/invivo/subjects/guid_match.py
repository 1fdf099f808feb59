"""Close matches: GUIDs of which some combinations agree and others do not. A person decides whether they are one."""

from dataclasses import dataclass
from datetime import datetime

from invivo import accounts, audit, database
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, NotFound, Refused
from invivo.subjects.guid import alone, make, merge

VERDICTS = ("same", "different")


class NotJudge(Refused):
    """Whether two GUIDs are one is decided for the whole archive."""

    code = "guid.not-judge"


class UnknownMatch(NotFound):
    """There is no such close match."""

    code = "guid.match-unknown"


@dataclass(frozen=True, slots=True)
class GuidMatch:
    """Two GUIDs that may be one person, which combinations agree, and who asked for them."""

    id: int
    first: str
    second: str
    agreeing: tuple[str, ...]
    differing: tuple[str, ...]
    first_asker: str
    second_asker: str
    opened_at: datetime


def may_judge(actor: accounts.Actor) -> bool:
    """Return whether the actor decides about close matches: curators and administrators of the whole archive."""
    return bool(actor.site_roles) and (actor.has_scope("curate") or actor.is_administrator)


def _check(actor: accounts.Actor) -> None:
    if not may_judge(actor):
        raise NotJudge("Close matches are decided by the archive's curators and administrators.")


def guid_matches(archive: Archive, actor: accounts.Actor, limit: int = 50) -> tuple[list[GuidMatch], int]:
    """Return the oldest open matches, and how many are open in all; raises NotJudge."""
    _check(actor)
    with archive.database.transaction() as tx:
        total = tx.execute("select count(*) as n from subjects.guid_match where state = 'open'").fetchone()
        found = tx.execute(
            "select m.id, a.label as first, b.label as second, m.agreeing, m.differing, coalesce(nullif(a.asked_label, ''), a.asked_by) as asker,"
            " coalesce(nullif(b.asked_label, ''), b.asked_by) as other_asker, m.opened_at from subjects.guid_match m"
            " join subjects.guid a on a.id = m.first_id join subjects.guid b on b.id = m.second_id"
            " where m.state = 'open' order by m.id limit %s",
            [limit],
        ).fetchall()
    assert total is not None
    matches = [
        GuidMatch(number, first, second, tuple(agreeing), tuple(differing), asker, other_asker, opened_at)
        for number, first, second, agreeing, differing, asker, other_asker, opened_at in found
    ]
    return matches, int(total.n)


def decide_guid_match(archive: Archive, actor: accounts.Actor, match_id: int, verdict: str, reason: str = "") -> str:
    """Decide whether two GUIDs are one person; return the label that stands for the younger one afterwards.

    *same*: the younger one, or the pseudo-GUID, becomes an alias of the other. *different*: a pseudo-GUID about which
    nothing else is open gets a GUID of its own and becomes its alias.

    Raises
    ------
    NotJudge, UnknownMatch
    Invalid
        The verdict is unknown, or the reason is missing: say by what the two were told to be one, or not.
    Conflict
        It is decided already.
    """
    _check(actor)
    if verdict not in VERDICTS:
        raise Invalid(f"A verdict is one of {', '.join(VERDICTS)}.", code="guid.verdict")
    if not reason.strip():
        raise Invalid("Say how you found out, without any personal data.", code="guid.reason")
    with archive.database.transaction() as tx:
        alone(tx)
        match = tx.execute("select * from subjects.guid_match where id = %s for update", [match_id]).fetchone()
        if match is None:
            raise UnknownMatch(f"There is no close match {match_id}.")
        if match.state != "open":
            raise Conflict("This match is decided already; reload the page.", code="guid.match-decided")
        tx.execute(
            "update subjects.guid_match set state = %s, decided_at = now(), decided_by = %s, reason = %s where id = %s",
            [verdict, actor.name, reason.strip()[:1000], match_id],
        )
        audit.note(tx, actor.name, f"guid.{verdict}", f"guid-match:{match_id}", reason=reason.strip()[:1000])
        pair = tx.execute(
            "select id, label, kind from subjects.guid where id = any (%s) order by kind = 'pseudo', id",
            [[match.first_id, match.second_id]],
        ).fetchall()
        if verdict == "same":
            merge(tx, actor, pair[1].id, pair[0].id)
        _settle(tx, actor)
        left = tx.execute(
            "select k.label from subjects.guid g join subjects.guid k on k.id = coalesce(g.alias_of, g.id) where g.id = %s",
            [pair[1].id],
        ).fetchone()
    assert left is not None
    return str(left.label)


def _settle(tx: database.Tx, actor: accounts.Actor) -> None:
    """Give every pseudo-GUID that has codes, and about which nothing is open any more, a GUID of its own."""
    for row in tx.execute(
        "select g.id from subjects.guid g where g.kind = 'pseudo' and g.alias_of is null"
        " and exists (select 1 from subjects.guid_code c where c.guid_id = g.id)"
        " and not exists (select 1 from subjects.guid_match m where m.state = 'open' and g.id in (m.first_id, m.second_id))"
    ).fetchall():
        merge(tx, actor, row.id, make(tx, actor, "guid")[0])
