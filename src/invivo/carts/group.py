"""What many series come to: counted in groups by what decides who may see and have them.

A choice of half a million series is weighed once, when it is made; afterwards only the groups are looked at, and what left since
is taken off.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from invivo import accounts, collections, database
from invivo.carts.line import reason_of


class Group(NamedTuple):
    """Series that are alike in all that is asked of them; `size_bytes` and `instance_count` are of all of them."""

    collection_id: int
    access: str | None
    site: str | None
    modality: str
    licence: str | None
    is_elsewhere: bool
    series_count: int
    instance_count: int
    size_bytes: int

    @property
    def kind(self) -> tuple[Any, ...]:
        return tuple(self[:6])


@dataclass(frozen=True, slots=True)
class Part:
    """A group as the actor may see it.

    Attributes
    ----------
    access : str
        Access class of the series, or else of the collection.
    may_download : bool
    reason : str
        Why no package of this archive has it; empty if one has.
    """

    collection: str
    title: str
    modality: str
    licence: str
    access: str
    is_elsewhere: bool
    may_download: bool
    reason: str
    series_count: int
    instance_count: int
    size_bytes: int


_GROUPED = """
select s.collection_id, s.access, s.site, s.modality, s.licence, o.series_id is not null as is_elsewhere, count(*) as series_count,
    sum(s.instance_count)::bigint as instance_count, sum(s.size_bytes)::bigint as size_bytes
from images.series s left join images.location o on o.series_id = s.id
where {which} group by 1, 2, 3, 4, 5, 6
"""
_SEEN = """
select s.place, c.short_name, c.title, c.licence, coalesce(s.access, c.access) as access, ({may_have}) as may_have
from (select u.*, int4range(1, null) as releases
    from unnest(%(collections)s::bigint[], %(classes)s::text[], %(sites)s::text[]) with ordinality
    as u (collection_id, access, site, place)) s
join collections.collection c on c.id = s.collection_id where {visible}
"""


def packed(groups: Iterable[Group]) -> str:
    """Return groups as they are kept, JSON."""
    return orjson.dumps([tuple(one) for one in groups]).decode()


def groups_of(tx: database.Tx, which: database.Condition) -> list[Group]:
    """Count the rows of ``images.series s`` that meet a condition, in groups."""
    return [Group(*row) for row in database.rows(tx, database.join(_GROUPED, which=which))]


def less(groups: Iterable[Group], gone: Iterable[Group]) -> list[Group]:
    """Take groups off others."""
    counts: dict[tuple[Any, ...], list[int]] = {one.kind: list(one[6:]) for one in groups}
    for one in gone:
        if one.kind in counts:
            counts[one.kind] = [have - left for have, left in zip(counts[one.kind], one[6:], strict=True)]
    return [Group(*kind, *rest) for kind, rest in counts.items() if rest[0] > 0]


def together(groups: Iterable[Group]) -> list[Group]:
    """Add up groups of the same kind."""
    counts: dict[tuple[Any, ...], Counter[str]] = {}
    for one in groups:
        known = counts.setdefault(one.kind, Counter())
        known.update(series=one.series_count, instances=one.instance_count, size=one.size_bytes)
    return [Group(*kind, *(all_[name] for name in ("series", "instances", "size"))) for kind, all_ in counts.items()]


def as_seen(tx: database.Tx, actor: accounts.Actor, groups: Sequence[Group]) -> list[Part]:
    """Return groups as an actor may see them now, by collection and modality; the others are left out."""
    classes = list(dict.fromkeys(tuple(one[:3]) for one in groups))
    statement = database.join(_SEEN, visible=collections.visible_to(actor), may_have=collections.downloadable_by(actor))
    names = ("collections", "classes", "sites")
    given = {name: [one[place] for one in classes] for place, name in enumerate(names)}
    found = database.rows(tx, database.Statement(statement.text, {**statement.parameters, **given}))
    seen = {classes[int(row.place) - 1]: row for row in found}
    parts = [_part(one, seen[tuple(one[:3])]) for one in groups if tuple(one[:3]) in seen]
    return sorted(parts, key=lambda one: (one.collection.lower(), one.modality, one.licence, one.reason))


def _part(one: Group, row: Any) -> Part:
    reason = reason_of(row.access, "elsewhere" if one.is_elsewhere else "", may_download=row.may_have)
    return Part(
        *(row.short_name, row.title, one.modality, one.licence or row.licence, row.access, one.is_elsewhere),
        *(row.may_have, reason, one.series_count, one.instance_count, one.size_bytes),
    )
