"""Entries of the journal."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
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
