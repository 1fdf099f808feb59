"""The checklist of a collection: its steps, who recorded them for the coming release, and the rounds before."""

import re
import tomllib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from invivo import accounts, audit, database
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, NotFound, Refused

OUTCOMES = ("done", "remarks", "not-applicable", "taken-back")
MOST_STEPS = 40
LONGEST_TITLE, LONGEST_GUIDE, LONGEST_REMARK = 120, 1000, 4000
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")


class UnknownStep(NotFound):
    """The checklist has no such step."""

    code = "review.step-unknown"


class StepMoved(Conflict):
    """Somebody recorded the step first, or a release ended the round."""

    code = "review.step-moved"


@dataclass(frozen=True, slots=True)
class Step:
    """A step of curation; a release waits for those that are required."""

    name: str
    title: str
    guide: str = ""
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """What somebody recorded of a step, once; later records of the step stand above it.

    Attributes
    ----------
    outcome : {"done", "remarks", "not-applicable", "taken-back"}
    label : str
        Who, for people to read.
    arrivals : int
        How many held series had come or grown by then, counted since the checklist began.
    """

    id: int
    round: int
    step: str
    title: str
    outcome: str
    remark: str
    actor: str
    label: str
    at: datetime
    arrivals: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A step and where it stands in this round.

    Attributes
    ----------
    state : {"open", "recorded", "stale"}
        Stale: recorded before held series came or grew. Then it counts as not recorded.
    since : int
        How many series came or grew since.
    """

    step: Step
    record: Record | None
    state: str
    since: int


@dataclass(frozen=True, slots=True)
class Checklist:
    """A collection's checklist in the round of the coming release."""

    collection_id: int
    round: int
    begun_at: datetime
    steps: tuple[Standing, ...]

    @property
    def is_complete(self) -> bool:
        """Whether no required step is left."""
        return all(one.state == "recorded" for one in self.steps if one.step.is_required)


@dataclass(frozen=True, slots=True)
class Round:
    """A round that a release has ended: the steps as they were then, and what was recorded."""

    number: int
    release_number: int
    begun_at: datetime
    ended_at: datetime
    steps: tuple[Standing, ...]


@cache
def default_steps() -> tuple[Step, ...]:
    """Return the steps that a checklist begins with."""
    text = (files("invivo.reviews") / "checklist.toml").read_text()
    return tuple(Step(one["name"], one["title"], one["guide"], one["required"]) for one in tomllib.loads(text)["step"])


def set_checklist(archive: Archive, actor: accounts.Actor, collection_id: int, steps: Sequence[Step]) -> None:
    """Set the steps of a collection's checklist, in their order; no steps: it has no checklist.

    What was recorded of a step in this round stays with its name. Steps that are gone block nothing any more.

    Raises
    ------
    Refused
        The actor does not curate the collection.
    Invalid
        There are more than 40 steps, two of one name, or one without a title.
    """
    _need_curator(actor, collection_id)
    _check(steps)
    with archive.database.transaction() as tx:
        _lock(tx, collection_id)
        _write_steps(tx, actor.name, collection_id, steps)


def begin_checklist(tx: database.Tx, collection_id: int, required: Collection[str]) -> None:
    """Give a collection that was never curated the steps a checklist begins with, some of them required; none named: no steps.

    Raises
    ------
    Invalid
        There is no such step.
    """
    unknown = sorted(set(required) - {one.name for one in default_steps()})
    if unknown:
        raise Invalid(
            f"No checklist begins with a step {unknown[0]!r} (collections.checklist).", code="review.checklist"
        )
    made = tx.execute(
        "insert into reviews.curation (collection_id) values (%s) on conflict do nothing returning collection_id",
        [collection_id],
    ).fetchone()
    if made is not None and required:
        steps = [replace(one, is_required=one.name in required) for one in default_steps()]
        _write_steps(tx, "system", collection_id, steps)


def _write_steps(tx: database.Tx, actor: str, collection_id: int, steps: Sequence[Step]) -> None:
    tx.execute("delete from reviews.step where collection_id = %s", [collection_id])
    tx.cursor().executemany(
        "insert into reviews.step (collection_id, place, name, title, guide, is_required) values (%s, %s, %s, %s, %s, %s)",
        [
            [collection_id, place, one.name, one.title.strip(), one.guide.strip(), one.is_required]
            for place, one in enumerate(steps)
        ],
    )
    named = {one.name: one.is_required for one in steps}
    audit.note(tx, actor, "checklist.set", f"collection:{collection_id}", steps=named)


def _check(steps: Sequence[Step]) -> None:
    if len(steps) > MOST_STEPS:
        raise Invalid(f"A checklist has at most {MOST_STEPS} steps.", code="review.checklist")
    if len({one.name for one in steps}) < len(steps):
        raise Invalid("Two steps of a checklist have the same name.", code="review.checklist")
    for one in steps:
        if not _NAME.fullmatch(one.name):
            raise Invalid(
                "A step's name is at most 40 small letters, digits and hyphens, and begins with a letter.",
                code="review.checklist",
            )
        if not 0 < len(one.title.strip()) <= LONGEST_TITLE or not one.title.isprintable():
            raise Invalid(f"A step has a title of at most {LONGEST_TITLE} characters.", code="review.checklist")
        if len(one.guide) > LONGEST_GUIDE:
            raise Invalid(f"What a step asks for is at most {LONGEST_GUIDE} characters.", code="review.checklist")


def _lock(tx: database.Tx, collection_id: int) -> Any:
    """Return the row of a collection's curation, locked and made if it is missing."""
    tx.execute("insert into reviews.curation (collection_id) values (%s) on conflict do nothing", [collection_id])
    return tx.execute("select * from reviews.curation where collection_id = %s for update", [collection_id]).fetchone()


_RECORD = ", ".join(f"r.{field.name}" for field in fields(Record))


def checklist_of(archive: Archive, actor: accounts.Actor, collection_id: int) -> Checklist | None:
    """Return a collection's checklist; None if it has no steps.

    Raises
    ------
    Refused
        The actor does not curate the collection.
    """
    _need_curator(actor, collection_id)
    with archive.database.transaction() as tx:
        begun = tx.execute("select * from reviews.curation where collection_id = %s", [collection_id]).fetchone()
        found = tx.execute(
            "select name, title, guide, is_required from reviews.step where collection_id = %s order by place",
            [collection_id],
        ).fetchall()
        if begun is None or not found:
            return None
        newest = _newest(tx, collection_id, begun.round)
    steps = tuple(_standing(Step(*row), newest.get(row.name), begun.arrivals) for row in found)
    return Checklist(collection_id, begun.round, begun.begun_at, steps)


def _newest(tx: database.Tx, collection_id: int, number: int) -> dict[str, Record]:
    """Return the newest record of each step in a round."""
    found = tx.execute(
        f"select distinct on (r.step) {_RECORD} from reviews.record r where r.collection_id = %s and r.round = %s"  # noqa: S608
        " order by r.step, r.id desc",
        [collection_id, number],
    )
    return {row.step: Record(*row) for row in found}


def _standing(step: Step, record: Record | None, arrivals: int) -> Standing:
    if record is None or record.outcome == "taken-back":
        return Standing(step, record, "open", 0)
    since = arrivals - record.arrivals
    return Standing(step, record, "stale" if since else "recorded", since)


def record_step(
    archive: Archive,
    actor: accounts.Actor,
    collection_id: int,
    name: str,
    outcome: str,
    remark: str = "",
    *,
    seen: tuple[int, int],
) -> None:
    """Record how a step of the checklist went.

    Parameters
    ----------
    outcome : {"done", "remarks", "not-applicable", "taken-back"}
        All but *done* need a remark.
    seen : (round, record)
        The round, and the id of the step's newest record (0: none), that the actor had before the eyes.

    Raises
    ------
    Refused, UnknownStep, Invalid
    StepMoved
        Somebody recorded the step, or a release ended the round, since the actor looked.
    """
    _need_curator(actor, collection_id)
    remark = remark.strip()
    if outcome not in OUTCOMES:
        raise Invalid(f"A step's outcome is one of {', '.join(OUTCOMES)}.", code="review.outcome")
    if outcome != "done" and not remark:
        raise Invalid("Write a remark: what was seen, or why.", code="review.remark")
    if len(remark) > LONGEST_REMARK:
        raise Invalid(f"A remark is at most {LONGEST_REMARK} characters.", code="review.remark")
    with archive.database.transaction() as tx:
        begun = _lock(tx, collection_id)
        step = tx.execute(
            "select title from reviews.step where collection_id = %s and name = %s", [collection_id, name]
        ).fetchone()
        if step is None:
            raise UnknownStep("The checklist has no such step.")
        _need_unmoved(begun.round, _newest(tx, collection_id, begun.round).get(name), seen)
        tx.execute(
            "insert into reviews.record (collection_id, round, step, title, outcome, remark, actor, label, arrivals)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                *(collection_id, begun.round, name, step.title, outcome, remark, actor.name),
                *(actor.label or actor.name, begun.arrivals),
            ],
        )
        audit.note(
            tx,
            actor.name,
            "checklist.record",
            f"collection:{collection_id}",
            step=name,
            outcome=outcome,
            round=begun.round,
        )


def _need_unmoved(number: int, newest: Record | None, seen: tuple[int, int]) -> None:
    if number != seen[0]:
        raise StepMoved("A release has ended the round that you looked at; look at the new one.")
    if newest and newest.id != seen[1]:
        raise StepMoved(f"{newest.label} recorded “{newest.title}” at {newest.at:%H:%M} UTC; look at that, then go on.")


def rounds_of(archive: Archive, actor: accounts.Actor, collection_id: int, limit: int = 50) -> list[Round]:
    """Return the rounds that releases have ended, newest first."""
    _need_curator(actor, collection_id)
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select * from reviews.round where collection_id = %s and steps <> '[]' order by round desc limit %s",
            [collection_id, limit],
        ).fetchall()
        records = [_newest(tx, collection_id, row.round) for row in found]
    return [
        Round(row.round, row.release_number, row.begun_at, row.ended_at, _standings(row.steps, known))
        for row, known in zip(found, records, strict=True)
    ]


def _standings(kept: Sequence[dict[str, Any]], known: dict[str, Record]) -> tuple[Standing, ...]:
    steps = [Step(one["name"], one["title"], one["guide"], one["is_required"]) for one in kept]
    return tuple(
        _standing(one, known.get(one.name), known[one.name].arrivals if one.name in known else 0) for one in steps
    )


def records_of(archive: Archive, actor: accounts.Actor, collection_id: int, name: str) -> list[Record]:
    """Return all that was recorded of a step, in every round, newest first; at most 200."""
    _need_curator(actor, collection_id)
    with archive.database.transaction() as tx:
        found = tx.execute(
            f"select {_RECORD} from reviews.record r where r.collection_id = %s and r.step = %s order by r.id desc limit 200",  # noqa: S608
            [collection_id, name],
        )
        return [Record(*row) for row in found]


def note_arrival(tx: database.Tx, collection_id: int) -> None:
    """Count a held series that came or grew: what was recorded before is stale now. Nothing, where there is no checklist."""
    tx.execute("update reviews.curation set arrivals = arrivals + 1 where collection_id = %s", [collection_id])


def _need_curator(actor: accounts.Actor, collection_id: int) -> None:
    if not actor.may_curate(collection_id):
        raise Refused("Only the collection's owner or curators may see its checklist.", code="review.not-curator")
