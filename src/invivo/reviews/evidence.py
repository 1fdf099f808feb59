"""What can be counted beside the steps of a checklist: of what waits, and of what was decided in this round."""

from dataclasses import dataclass
from datetime import datetime

from invivo import accounts, quarantine
from invivo.archive import Archive
from invivo.errors import Refused
from invivo.reviews.queue import READ_BY_ACTOR


@dataclass(frozen=True, slots=True)
class Seen:
    """How many series a finding stands at, and how many of them nobody has decided on."""

    severity: str
    series: int
    undecided: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the archive counts of a collection's coming release.

    Attributes
    ----------
    items : dict of str to int
        Series by state: open, deferred; approved and rejected in this round.
    objects : dict of str to int
        Held objects by state, as in `quarantine`.
    findings : dict of str to Seen
        By code, at what waits and at what was approved in this round.
    read_once, read_by_actor : int
        Series that wait for a second person; and how many of them for another than who asks.
    by_rule : int
        Series of this round that a rule approved, so that nobody looked.
    submission_ids : tuple of int
        Deliveries that these series came with.
    newest_at : datetime or None
        When the newest of them was opened.
    """

    items: dict[str, int]
    objects: dict[str, int]
    findings: dict[str, Seen]
    read_once: int
    read_by_actor: int
    by_rule: int
    submission_ids: tuple[int, ...]
    newest_at: datetime | None


_ROUND = "(i.state in ('open', 'deferred') or i.decided_at >= coalesce(%(since)s::timestamptz, '-infinity'))"


def evidence_of(archive: Archive, actor: accounts.Actor, collection_id: int, since: datetime | None) -> Evidence:
    """Count what stands behind the steps of a checklist.

    Parameters
    ----------
    since : datetime or None
        When the round began; None: everything counts.
    """
    if not actor.may_curate(collection_id):
        raise Refused("Only the collection's owner or curators may see its checklist.", code="review.not-curator")
    values = {"collection": collection_id, "since": since, "actor": actor.name, "person": actor.person_id}
    with archive.database.transaction() as tx:
        states = tx.execute(
            "select state, count(*) as n, max(opened_at) as newest, array_agg(distinct submission_id) as submissions,"  # noqa: S608
            " count(*) filter (where state in ('open', 'deferred') and approved_once_by is not null) as read_once,"
            f" count(*) filter (where state in ('open', 'deferred') and {READ_BY_ACTOR}) as read_by_actor,"
            " count(*) filter (where state = 'approved' and starts_with(decided_by, 'rule:')) as by_rule"
            f" from reviews.item i where collection_id = %(collection)s and {_ROUND} group by state",
            values,
        ).fetchall()
        found = tx.execute(
            "select f.code, min(f.severity) as severity, count(distinct i.id) as series,"  # noqa: S608
            " count(distinct i.id) filter (where i.state in ('open', 'deferred')) as undecided"
            " from reviews.item i join reviews.finding f on f.item_id = i.id where i.collection_id = %(collection)s"
            f" and i.state <> 'rejected' and {_ROUND} group by f.code order by f.code",
            values,
        ).fetchall()
        objects = quarantine.counts_of_collection(tx, collection_id)
    return Evidence(
        {row.state: row.n for row in states},
        objects,
        {row.code: Seen(row.severity, row.series, row.undecided) for row in found},
        sum(row.read_once for row in states),
        sum(row.read_by_actor for row in states),
        sum(row.by_rule for row in states),
        tuple(sorted({one for row in states for one in row.submissions})),
        max((row.newest for row in states), default=None),
    )
