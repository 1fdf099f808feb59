"""What lies in a person's inbox."""

from dataclasses import dataclass
from datetime import datetime

from invivo import database


@dataclass(frozen=True, slots=True)
class Message:
    """A message as its reader sees it."""

    id: int
    kind: str
    subject: str
    text: str
    link: str
    created_at: datetime
    read_at: datetime | None


def inbox(tx: database.Tx, person_id: int, limit: int = 100, before: int | None = None) -> list[Message]:
    """Return a person's messages, newest first; `before` is the number to go on from, which is left out."""
    found = tx.execute(
        "select id, kind, subject, text, link, created_at, read_at from notices.message"
        " where person_id = %s and (%s::bigint is null or id < %s) order by id desc limit %s",
        [person_id, before, before, limit],
    )
    return [Message(*row) for row in found]


def unread(tx: database.Tx, person_id: int) -> int:
    """Count a person's unread messages, up to a hundred."""
    row = tx.execute(
        "select count(*) as n from (select 1 from notices.message where person_id = %s and read_at is null limit 100) m",
        [person_id],
    ).fetchone()
    assert row is not None
    return int(row.n)


def mark_read(tx: database.Tx, person_id: int, message_id: int | None = None) -> None:
    """Mark one of a person's messages as read, or all of them."""
    tx.execute(
        "update notices.message set read_at = now()"
        " where person_id = %s and read_at is null and (%s::bigint is null or id = %s)",
        [person_id, message_id, message_id],
    )
