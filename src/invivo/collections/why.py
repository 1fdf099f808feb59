"""Why somebody can, or cannot, see or have a series: the clauses of `visible`, asked one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from invivo import accounts, database
from invivo.archive import Archive
from invivo.collections.visible import Way, ways_to_have, ways_to_see
from invivo.errors import NotFound, Refused


class UnknownReason(NotFound):
    """There is no such series where the actor may ask."""

    code = "why.unknown-series"


@dataclass(frozen=True, slots=True)
class Reason:
    """A clause and whether it holds, in words."""

    name: str
    holds: bool
    words: str


@dataclass(frozen=True, slots=True)
class Path:
    """One way to the series: it is open if all of its reasons hold."""

    name: str
    title: str
    is_open: bool
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person may do with a series of a collection, and why.

    Attributes
    ----------
    through : tuple of (role, site, group)
        Roles that the person holds in the collection; an empty site means all, an empty group that the role is their own.
    """

    collection_id: int
    collection: str
    series_uid: str
    release: int | None
    may_see: bool
    may_have: bool
    to_see: tuple[Path, ...]
    to_have: tuple[Path, ...]
    through: tuple[tuple[str, str, str], ...]


def why(
    archive: Archive, actor: accounts.Actor, person_id: int | None, series_uid: str, collection_id: int | None = None
) -> list[Answer]:
    """Say for a person (None: a visitor) why a series can or cannot be seen and had, in each collection that has it now.

    Parameters
    ----------
    collection_id : int, optional
        Ask in this collection only, as its owner may; without it only administrators may ask.

    Raises
    ------
    Refused
    UnknownReason
    """
    is_allowed = actor.is_administrator if collection_id is None else actor.may_own(collection_id)
    if not (is_allowed or actor.name == "system"):
        raise Refused("Only the collection's owner or an administrator may ask this.", code="why.not-owner")
    asked = accounts.ANONYMOUS if person_id is None else accounts.actor_of_person(archive, person_id)
    ways = {"see": ways_to_see(asked), "have": ways_to_have(asked)}
    columns, parameters = _columns(ways)
    text = (
        f"select s.collection_id, c.short_name, s.uid, lower(s.releases) as release, {columns}"  # noqa: S608 - our own text
        " from images.series s join collections.collection c on c.id = s.collection_id"
        " where s.uid = %(uid)s and upper_inf(s.releases)"
        " and (%(collection)s::bigint is null or s.collection_id = %(collection)s) order by s.collection_id"
    )
    with archive.database.transaction() as tx:
        given = {**parameters, "uid": series_uid.replace("\0", "")[:64], "collection": collection_id}
        found = database.rows(tx, database.Statement(text, given))
        held = [_held(tx, person_id, row.collection_id) for row in found]
    if not found:
        raise UnknownReason("No current release that you may ask about has this series; check its UID.")
    return [_answer(row, ways, through) for row, through in zip(found, held, strict=True)]


def _columns(ways: dict[str, Sequence[Way]]) -> tuple[str, dict[str, Any]]:
    """Name each way and each clause as a column: the very text that decides, asked by itself."""
    columns: list[str] = []
    parameters: dict[str, Any] = {}
    for kind, several in ways.items():
        for number, way in enumerate(several):
            columns.append(f"coalesce(({way.text('s')}), false) as {kind}_{number}")
            parameters |= way.parameters
            for place, clause in enumerate(way.clauses):
                test = clause.test.replace("{s}", "s")
                if clause.is_of_collection:
                    test = f"exists (select 1 from collections.collection v where v.id = s.collection_id and ({test}))"
                columns.append(f"coalesce(({test}), false) as {kind}_{number}_{place}")
    return ", ".join(columns), parameters


def _held(tx: database.Tx, person_id: int | None, collection_id: int) -> tuple[tuple[str, str, str], ...]:
    if person_id is None:
        return ()
    found = tx.execute(
        "select role, site, through from collections.held_role where person_id = %s and collection_id = %s order by 1, 2, 3",
        [person_id, collection_id],
    )
    return tuple((row.role, row.site, row.through) for row in found)


def _answer(row: Any, ways: dict[str, Sequence[Way]], through: tuple[tuple[str, str, str], ...]) -> Answer:
    see, have = (
        tuple(_path(row, kind, number, way) for number, way in enumerate(several)) for kind, several in ways.items()
    )
    may_see = any(one.is_open for one in see)
    return Answer(
        collection_id=row.collection_id,
        collection=row.short_name,
        series_uid=row.uid,
        release=row.release,
        may_see=may_see,
        may_have=may_see and any(one.is_open for one in have),
        to_see=see,
        to_have=have,
        through=through,
    )


def _path(row: Any, kind: str, number: int, way: Way) -> Path:
    reasons = []
    for place, clause in enumerate(way.clauses):
        holds = bool(getattr(row, f"{kind}_{number}_{place}"))
        reasons.append(Reason(clause.name, holds, clause.holds if holds else clause.fails))
    return Path(way.name, way.title, bool(getattr(row, f"{kind}_{number}")), tuple(reasons))
