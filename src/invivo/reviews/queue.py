"""The queue: which items wait, for whom, and how many there are of each kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from invivo import accounts, database
from invivo.archive import Archive
from invivo.errors import Invalid, Refused
from invivo.reviews.item import LISTED, Item

WHO = ("mine", "nobody", "others", "second", "read")
WORST = ("hold", "warning", "none")


@dataclass(frozen=True, slots=True)
class Narrow:
    """What of a queue is asked for; what is empty is not asked.

    Attributes
    ----------
    who : {"", "mine", "nobody", "others", "second", "read"}
        Given to the actor, to nobody, to somebody else; *second*: one person has approved, and it was not the actor;
        *read*: it was the actor, and another must.
    worst : {"", "hold", "warning", "none"}
        The gravest finding; *none*: nothing above a note.
    code : str
        Of a finding.
    batch_id, submission_id : int or None
    modality : str
    """

    who: str = ""
    worst: str = ""
    code: str = ""
    batch_id: int | None = None
    submission_id: int | None = None
    modality: str = ""

    def __post_init__(self) -> None:
        if self.who and self.who not in WHO:
            raise Invalid(f"Who has an item is asked as one of {', '.join(WHO)}.", code="review.who")
        if self.worst and self.worst not in WORST:
            raise Invalid(f"The gravest finding is one of {', '.join(WORST)}.", code="review.worst")


EVERYTHING = Narrow()


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the queue; ``after`` is the id to ask the next one with, None at the end."""

    items: tuple[Item, ...]
    total: int
    after: int | None


@dataclass(frozen=True, slots=True)
class Facets:
    """How many items of a queue there are by who has them, by gravest finding, by finding, by modality and by batch.

    Each is counted within all that is asked, except by itself.
    """

    who: dict[str, int]
    worst: dict[str, int]
    code: dict[str, int]
    modality: dict[str, int]
    batch: dict[tuple[int, str], int]


# A token reads for its person.
READ_BY_ACTOR = "coalesce(i.approved_once_by = %(actor)s or i.approved_once_person = %(person)s::bigint, false)"
_WHO = {
    "mine": "i.assigned_to = %(person)s",
    "nobody": "i.assigned_to is null",
    "others": "i.assigned_to <> %(person)s",
    "second": f"i.approved_once_by is not null and i.state in ('open', 'deferred') and not {READ_BY_ACTOR}",
    "read": f"i.state in ('open', 'deferred') and {READ_BY_ACTOR}",
}
_WORST = {"hold": "i.worst = 'hold'", "warning": "i.worst = 'warning'", "none": "i.worst in ('', 'info')"}
_CODE = "exists (select 1 from reviews.finding f where f.item_id = i.id and f.code = %(code)s)"
_MODALITY = "exists (select 1 from quarantine.series m where m.id = i.series_id and m.modality = %(modality)s)"


def may_curate(actor: accounts.Actor) -> list[int] | None:
    """Return the collections whose queue the actor may see; None for all."""
    if not actor.has_scope("curate"):
        return []
    return None if actor.site_roles or actor.name == "system" else actor.collections_with("curator", "owner")


def criteria_of(
    actor: accounts.Actor, collection_id: int | None, states: Sequence[str], narrow: Narrow, but: str = ""
) -> tuple[str, dict[str, Any]]:
    """Return the condition on ``reviews.item i`` and its values; `but` names what of `narrow` is left out."""
    conditions = ["i.state = any (%(states)s)"]
    mine = may_curate(actor)
    if mine is not None:
        conditions.append("i.collection_id = any (%(mine)s)")
    if collection_id is not None:
        conditions.append("i.collection_id = %(collection)s")
    asked = {
        "who": _WHO.get(narrow.who, ""),
        "worst": _WORST.get(narrow.worst, ""),
        "code": _CODE if narrow.code else "",
        "batch": "" if narrow.batch_id is None else "i.batch_id = %(batch)s",
        "submission": "" if narrow.submission_id is None else "i.submission_id = %(submission)s",
        "modality": _MODALITY if narrow.modality else "",
    }
    conditions += [text for name, text in asked.items() if text and name != but]
    values = {
        **{"states": list(states), "mine": mine, "collection": collection_id, "person": actor.person_id},
        **{"actor": actor.name, "code": narrow.code, "batch": narrow.batch_id, "modality": narrow.modality},
        "submission": narrow.submission_id,
    }
    return " and ".join(conditions), values


def need_queue(actor: accounts.Actor) -> None:
    """Refuse whoever curates nothing."""
    if not actor.is_curator:
        raise Refused("Only curators may see the review queue.", code="review.not-curator")


def queue(
    archive: Archive,
    actor: accounts.Actor,
    *,
    collection_id: int | None = None,
    states: Sequence[str] = ("open", "deferred"),
    narrow: Narrow = EVERYTHING,
    after: int = 0,
    limit: int = 50,
) -> Page:
    """Return a page of the queue, oldest first, of the collections that the actor curates.

    Raises
    ------
    Refused
        The actor curates nothing.
    """
    need_queue(actor)
    criteria, values = criteria_of(actor, collection_id, states, narrow)
    with archive.database.transaction() as tx:
        total = _count(tx, criteria, values)
        found = tx.execute(
            f"{LISTED} where {criteria} and i.id > %(after)s order by i.id limit %(limit)s",
            values | {"after": after, "limit": limit + 1},
        ).fetchall()
    items = tuple(Item(*row) for row in found[:limit])
    return Page(items, total, items[-1].id if len(found) > limit else None)


def _count(tx: database.Tx, criteria: str, values: dict[str, Any]) -> int:
    row = tx.execute(f"select count(*) as n from reviews.item i where {criteria}", values).fetchone()  # noqa: S608 - our own text
    return int(row.n) if row else 0


def counts(archive: Archive, actor: accounts.Actor) -> dict[int, dict[str, int]]:
    """Return, for each collection the actor curates, how many items are in each state."""
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select collection_id, state, count(*) as n from reviews.item"
            " where %(mine)s::bigint[] is null or collection_id = any (%(mine)s) group by collection_id, state",
            {"mine": may_curate(actor)},
        ).fetchall()
    counted: dict[int, dict[str, int]] = {}
    for row in found:
        counted.setdefault(row.collection_id, {})[row.state] = row.n
    return counted


def facets(
    archive: Archive,
    actor: accounts.Actor,
    *,
    collection_id: int | None = None,
    states: Sequence[str] = ("open", "deferred"),
    narrow: Narrow = EVERYTHING,
) -> Facets:
    """Count the items of a queue by what it can be narrowed to; at most 30 findings, modalities and batches each."""
    need_queue(actor)

    def grouped(tx: database.Tx, but: str, select: str, join: str = "", tail: str = "group by 1") -> list[Any]:
        criteria, values = criteria_of(actor, collection_id, states, narrow, but)
        text = f"select {select} from reviews.item i {join} where {criteria} {tail}"  # noqa: S608 - our own text
        return tx.execute(text, values).fetchall()

    def filtered(tx: database.Tx, but: str, kinds: dict[str, str]) -> dict[str, int]:
        select = ", ".join(f"count(*) filter (where {text}) as {name}" for name, text in kinds.items())
        return dict(zip(kinds, grouped(tx, but, select, tail="")[0], strict=True))

    most = "group by 1 order by 2 desc, 1 limit 30"
    with archive.database.transaction() as tx:
        who = filtered(tx, "who", _WHO)
        worst = filtered(tx, "worst", _WORST)
        code = grouped(
            tx, "code", "f.code, count(distinct i.id)", "join reviews.finding f on f.item_id = i.id", tail=most
        )
        modality = grouped(
            tx, "modality", "s.modality, count(*)", "join quarantine.series s on s.id = i.series_id", tail=most
        )
        batch = grouped(
            tx,
            "batch",
            "b.id, b.name, count(*)",
            "join reviews.batch b on b.id = i.batch_id",
            "group by b.id order by b.id limit 30",
        )
    return Facets(
        who,
        worst,
        {str(row[0]): int(row[1]) for row in code},
        {str(row[0]): int(row[1]) for row in modality if row[0]},
        {(int(row[0]), str(row[1])): int(row[2]) for row in batch},
    )
