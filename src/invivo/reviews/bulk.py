"""Many items at once: what a decision about them would do, and the decision about exactly those that were shown."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from invivo import accounts, database
from invivo.archive import Archive
from invivo.errors import Conflict, Refused
from invivo.reviews.decision import check_verdict, decide_locked
from invivo.reviews.item import LISTED, Item
from invivo.reviews.queue import EVERYTHING, Narrow, criteria_of, need_queue

GROUPS = ("clear", "held", "second", "unsettled", "pending", "approved", "gone")
UNDECIDED = GROUPS[:5]
SHOWN = 100


class Moved(Conflict):
    """What would be decided on is not what was shown."""

    code = "review.moved"


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which items: the ticked ones, or all of a queue."""

    collection_id: int | None = None
    states: Sequence[str] = ("open", "deferred")
    narrow: Narrow = EVERYTHING
    ticked: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Items for which a decision does the same.

    Attributes
    ----------
    name : str
        *clear*: nothing holds them. *held*: a finding does. *second*: the actor has read them, another must. *unsettled*:
        objects are stuck or in conflict. *pending*: objects are being processed. *approved*: decided, not released.
        *gone*: rejected, or released.
    count, objects : int
    first : tuple of Item
        At most 100 of them.
    ids : tuple of int
    """

    name: str
    count: int
    objects: int
    first: tuple[Item, ...]
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Gathered:
    """The chosen items by what a decision does with them; groups without items are not there."""

    groups: dict[str, Group]

    def count(self, *names: str) -> int:
        return sum(self.groups[name].count for name in names if name in self.groups)

    def objects(self, *names: str) -> int:
        return sum(self.groups[name].objects for name in names if name in self.groups)

    def digest(self, *names: str) -> str:
        """Return what `decide_groups` asks for: a digest of which items the groups hold."""
        return _digest(one for name in names if name in self.groups for one in self.groups[name].ids)


def _digest(ids: Iterable[int]) -> str:
    return hashlib.sha256(",".join(map(str, sorted(ids))).encode()).hexdigest()[:32]


_SORTED = """
select i.id, i.collection_id, coalesce(o.objects, 0)::int as objects, case
    when i.state = 'rejected' or i.state = 'approved' and not i.is_settling
        and not coalesce(o.has_cleared, false) then 'gone'
    when i.state = 'approved' then 'approved'
    when o.is_pending then 'pending'
    when o.is_unsettled then 'unsettled'
    when i.approved_once_by = %(actor)s or i.approved_once_person = %(person)s::bigint then 'second'
    when i.worst = 'hold' then 'held' else 'clear' end as name
from reviews.item i left join lateral (
    select count(*) as objects, bool_or(state = 'received') as is_pending, bool_or(state in ('stuck', 'conflict')) as is_unsettled,
           bool_or(state = 'cleared') as has_cleared
    from quarantine.object where series_id = i.series_id and state not in ('discarded', 'released')) o on true
"""


def _groups(
    tx: database.Tx, actor: accounts.Actor, chosen: Chosen, *, lock: bool = False
) -> dict[str, list[tuple[int, int]]]:
    """Return the ids and object counts of the chosen items by group, locked in the order of their ids if asked."""
    need_queue(actor)
    criteria, values = criteria_of(actor, chosen.collection_id, chosen.states, chosen.narrow)
    if chosen.ticked is not None:
        criteria, values = "i.id = any (%(ticked)s)", values | {"ticked": list(chosen.ticked)}
    if lock:
        tx.execute(f"select 1 from reviews.item i where {criteria} order by i.id for update of i", values)  # noqa: S608
    found = tx.execute(f"{_SORTED} where {criteria} order by i.id", values).fetchall()
    if not all(actor.may_curate(one) for one in {row.collection_id for row in found}):
        raise Refused("You do not curate this collection.", code="review.not-curator")
    groups: dict[str, list[tuple[int, int]]] = {}
    for row in found:
        groups.setdefault(row.name, []).append((row.id, row.objects))
    return groups


def gather(archive: Archive, actor: accounts.Actor, chosen: Chosen) -> Gathered:
    """Return the chosen items by what a decision does with them, the first hundred of each group in full.

    Raises
    ------
    Refused
        The actor curates nothing, or not the collection of a ticked item.
    """
    with archive.database.transaction() as tx:
        groups = _groups(tx, actor, chosen)
        shown = [one for group in groups.values() for one, _ in group[:SHOWN]]
        found = tx.execute(f"{LISTED} where i.id = any (%s) order by i.id", [shown]).fetchall()
    items = {row.id: Item(*row) for row in found}
    return Gathered(
        {
            name: Group(
                name,
                len(group),
                sum(objects for _, objects in group),
                tuple(items[one] for one, _ in group[:SHOWN] if one in items),
                tuple(one for one, _ in group),
            )
            for name, group in groups.items()
        }
    )


def decide_groups(
    archive: Archive,
    actor: accounts.Actor,
    chosen: Chosen,
    names: Sequence[str],
    *,
    digest: str,
    verdict: str,
    reason: str = "",
) -> dict[int, str]:
    """Decide on groups of the chosen items, all or none, if they are those that were shown; see `decide`.

    Parameters
    ----------
    digest : str
        Of the groups, as `Gathered.digest` said it.

    Raises
    ------
    Moved
        Somebody decided on some of them, or more came, since they were shown.
    """
    check_verdict(verdict, reason)
    with archive.database.transaction() as tx:
        groups = _groups(tx, actor, chosen, lock=True)
        ids = [one for name in names for one, _ in groups.get(name, ())]
        if _digest(ids) != digest:
            raise Moved("Something came or was decided since you looked: nothing was decided. Look at it again.")
        found = tx.execute("select * from reviews.item where id = any (%s) order by id", [ids]).fetchall()
        return decide_locked(tx, actor, found, verdict, reason.strip())
