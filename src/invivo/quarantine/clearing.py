"""Whole held series cleared for a release, or taken back: cleaned -> cleared and the other way, however many."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from invivo import database
from invivo.quarantine.object import Changing


@dataclass(frozen=True, slots=True)
class Weight:
    """What of held series a decision has to do with.

    Attributes
    ----------
    objects : int
        That are cleaned or cleared.
    changing : int
        Of these, with bytes still to be replaced.
    unready : frozenset of str
        States, of received, stuck and conflict, in which some object is; an object that came after those that were looked
        at counts as received.
    """

    objects: int
    changing: int
    unready: frozenset[str]


def weigh(tx: database.Tx, series: Mapping[int, int]) -> Weight:
    """Say how many objects held series have, and what of them must be settled first; see `clear` for `series`."""
    row = tx.execute(
        "select count(*) filter (where o.state in ('cleaned', 'cleared')) as objects,"
        " count(*) filter (where o.is_changing and o.state = 'cleaned') as changing,"
        " array_agg(distinct case when o.state = 'cleaned' then 'received' else o.state end)"
        " filter (where o.state in ('received', 'stuck', 'conflict')"
        " or o.state = 'cleaned' and w.newest > 0 and o.id > w.newest) as unready"
        " from unnest(%s::bigint[], %s::bigint[]) as w (series_id, newest) join quarantine.object o on o.series_id = w.series_id"
        " where o.state not in ('discarded', 'released')",
        [list(series), list(series.values())],
    ).fetchone()
    assert row is not None
    return Weight(int(row.objects), int(row.changing), frozenset(row.unready or ()))


def with_cleared(tx: database.Tx, series_ids: Sequence[int]) -> set[int]:
    """Return those of some held series that have cleared objects."""
    found = tx.execute(
        "select distinct series_id from quarantine.object where series_id = any (%s) and state = 'cleared'",
        [list(series_ids)],
    )
    return {row.series_id for row in found}


def clear(tx: database.Tx, series: Mapping[int, int]) -> int:
    """cleaned -> cleared for whole held series; return how many objects.

    Parameters
    ----------
    series : mapping of int to int
        The newest object that was looked at, by held series; what came later stays cleaned. 0: all.

    Raises
    ------
    Changing
        Bytes of an object are still to be replaced.
    """
    found = tx.execute(
        "with changed as (update quarantine.object o set state = 'cleared' from unnest(%s::bigint[], %s::bigint[]) as"
        " w (series_id, newest) where o.series_id = w.series_id and o.state = 'cleaned' and (w.newest = 0 or o.id <= w.newest)"
        " returning is_changing) select count(*) as objects, count(*) filter (where is_changing) as changing from changed",
        [list(series), list(series.values())],
    ).fetchone()
    assert found is not None
    need_unchanging(found.changing, found.objects)
    return int(found.objects)


def need_unchanging(changing: int, objects: int) -> None:
    """Refuse to clear while bytes are still to be replaced."""
    if changing:
        raise Changing(f"Masks are still to be applied to {changing} of {objects} objects; approve when they are.")


def unclear(tx: database.Tx, series_ids: Sequence[int]) -> int:
    """cleared -> cleaned: decisions are taken back before the release; return how many objects."""
    return tx.execute(
        "update quarantine.object set state = 'cleaned' where series_id = any (%s) and state = 'cleared'",
        [list(series_ids)],
    ).rowcount


def counts_of_collection(tx: database.Tx, collection_id: int) -> dict[str, int]:
    """Return how many objects of a collection are in each state."""
    found = tx.execute(
        "select state, count(*) as n from quarantine.object where collection_id = %s group by state", [collection_id]
    )
    return {row.state: int(row.n) for row in found}
