"""Entries of the journal."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from invivo import database


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal."""

    id: int
    at: datetime
    actor: str
    verb: str
    thing: str
    detail: Mapping[str, Any]


def note(tx: database.Tx, actor: str, verb: str, thing: str, **detail: Any) -> None:
    """Write an entry in the caller's transaction: it stands if and only if the change stands.

    Parameters
    ----------
    actor : str
        ``person:12``, ``token:3``, ``rule:on-receipt``, ``door:dimse``, ``anonymous``.
    verb : str
        What was done: ``release.publish``.
    thing : str
        To what: ``collection:4``, ``held-series:17``.
    """
    tx.execute(
        "insert into audit.entry (actor, verb, thing, detail) values (%s, %s, %s, %s)",
        [actor, verb, thing, Jsonb(detail)],
    )


def history(tx: database.Tx, thing: str, limit: int = 200) -> list[Entry]:
    """Return the newest entries about a thing, newest first."""
    found = tx.execute(
        "select id, at, actor, verb, thing, detail from audit.entry where thing = %s order by id desc limit %s",
        [thing, limit],
    )
    return [Entry(*row) for row in found]


def newest(tx: database.Tx, limit: int = 100, before: int | None = None) -> list[Entry]:
    """Return the newest entries about anything, newest first; `before` is the id to go on from, which is left out."""
    found = tx.execute(
        "select id, at, actor, verb, thing, detail from audit.entry where %s::bigint is null or id < %s"
        " order by id desc limit %s",
        [before, before, limit],
    )
    return [Entry(*row) for row in found]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked for in the journal; what is empty is not asked for.

    Attributes
    ----------
    actor, thing : str
        As they are written, or their beginning with ``*`` at the end: ``person:12``, ``collection:*``.
    verb : str
        The same: ``release.publish``, ``release.*``.
    since, until : date or None
        Days in UTC, both included.
    """

    actor: str = ""
    verb: str = ""
    thing: str = ""
    since: date | None = None
    until: date | None = None


def _conditions(asked: Asked) -> list[database.Condition]:
    conditions = [database.everything()]
    for column, value in (("actor", asked.actor), ("verb", asked.verb), ("thing", asked.thing)):
        if value.endswith("*"):
            name = database.fresh()
            conditions.append(database.Condition(f"starts_with({column}, %({name})s)", {name: value[:-1]}))
        elif value:
            conditions.append(database.compare(column, "=", value))
    if asked.since:
        conditions.append(database.compare("at", ">=", asked.since))
    if asked.until:
        conditions.append(database.compare("at", "<", asked.until + timedelta(1)))
    return conditions


def search(tx: database.Tx, asked: Asked, limit: int = 100, before: int | None = None) -> list[Entry]:
    """Return the newest entries that are asked for, newest first; `before` is the id to go on from, which is left out."""
    found = database.rows(
        tx,
        database.join(
            "select id, at, actor, verb, thing, detail from audit.entry where {asked} and {before}"
            f" order by id desc limit {int(limit)}",  # noqa: S608 - a number of ours
            asked=_conditions(asked),
            before=database.everything() if before is None else database.compare("id", "<", before),
        ),
    )
    return [Entry(*row) for row in found]


def verbs(tx: database.Tx) -> list[str]:
    """Return every verb that stands in the journal, by name: each is found by one step in the index."""
    found = tx.execute(
        "with recursive known as (select min(verb) as verb from audit.entry union all"
        " select (select min(e.verb) from audit.entry e where e.verb > k.verb) from known k where k.verb is not null)"
        " select verb from known where verb is not null"
    )
    return [row.verb for row in found]
