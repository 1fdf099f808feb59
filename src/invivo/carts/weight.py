"""What a cart comes to: how much of what, under which licences, and what of it may not be had and why."""

from collections.abc import Iterable
from dataclasses import dataclass

from invivo import accounts, database
from invivo.archive import Archive
from invivo.carts import right
from invivo.carts.group import Group, Part, as_seen, groups_of, less, together
from invivo.carts.leaving import left_of_choices, removed_since


@dataclass(frozen=True, slots=True)
class Weight:
    """The current series of a cart that the actor may see, in groups.

    Attributes
    ----------
    parts : tuple of Part
        By collection, modality, licence and reason.
    """

    parts: tuple[Part, ...]

    @property
    def series_count(self) -> int:
        return sum(one.series_count for one in self.parts)

    @property
    def instance_count(self) -> int:
        return sum(one.instance_count for one in self.parts)

    @property
    def size_bytes(self) -> int:
        return sum(one.size_bytes for one in self.parts)

    @property
    def licences(self) -> tuple[str, ...]:
        return tuple(sorted({one.licence for one in self.parts}))

    def of(self, *, packed: bool = False, elsewhere: bool = False) -> tuple[int, int]:
        """Return series and bytes of what a package has, or of what may be fetched from elsewhere."""
        chosen: Iterable[Part] = [
            one
            for one in self.parts
            if (packed and not one.reason) or (elsewhere and one.may_download and one.is_elsewhere)
        ]
        return sum(one.series_count for one in chosen), sum(one.size_bytes for one in chosen)


_SINGLE = database.Condition(
    "upper_inf(s.releases) and (s.collection_id, s.uid) in"
    " (select l.collection_id, l.series_uid from carts.line l where l.cart_id = %(cart)s)"
)
_CHOSEN = (
    "upper_inf(s.releases) and s.id in (select unnest(h.series_ids) from carts.choice h where h.cart_id = %(cart)s)"
)


def weigh(archive: Archive, actor: accounts.Actor, named: str) -> Weight:
    """Weigh a cart for somebody; one that is not for them weighs nothing."""
    with archive.database.transaction() as tx:
        held = right.look(tx, actor, named)
        if held is None:
            return Weight(())
        single = groups_of(tx, database.Condition(_SINGLE.text, {"cart": held.id}))
        return Weight(tuple(as_seen(tx, actor, together([*single, *_chosen(tx, actor, held.id)]))))


def _chosen(tx: database.Tx, actor: accounts.Actor, cart_id: str) -> list[Group]:
    """Return what is left of the choices."""
    row = tx.execute(
        "select c.chosen_groups, (select min(h.pinned_at) from carts.choice h where h.cart_id = c.id) as since"
        " from carts.cart c where c.id = %s",
        [cart_id],
    ).fetchone()
    if row is None or row.since is None:
        return []
    if removed_since(tx, row.since):
        return groups_of(tx, database.Condition(_CHOSEN, {"cart": cart_id}))
    groups = [Group(*one) for one in row.chosen_groups]
    return less(groups, [one.group for one in left_of_choices(tx, actor, cart_id)])
