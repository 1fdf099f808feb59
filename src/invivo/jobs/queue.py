"""The queue, over procrastinate's tables in the schema ``jobs``."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from invivo import database


@dataclass(frozen=True, slots=True)
class Job:
    """A job as the administrator's page shows it."""

    id: int
    name: str
    key: str
    status: str
    attempts: int
    scheduled_at: datetime | None


def enqueue(tx: database.Tx, name: str, key: int | str) -> None:
    """Queue a job in the caller's transaction, unless the same one waits already."""
    tx.execute("select jobs.enqueue(%s, %s, null)", [name, str(key)])


def enqueue_all(tx: database.Tx, name: str, keys: Sequence[int | str]) -> None:
    """Queue one job a key, with one statement."""
    tx.execute("select jobs.enqueue(%s, key, null) from unnest(%s::text[]) as key", [name, [str(key) for key in keys]])


def enqueue_later(tx: database.Tx, name: str, key: int | str, at: datetime) -> None:
    """Queue a job that starts not before a time."""
    tx.execute("select jobs.enqueue(%s, %s, %s)", [name, str(key), at])


def waiting(tx: database.Tx, limit: int = 200) -> list[Job]:
    """Return the jobs that wait, run or have failed, oldest first."""
    found = tx.execute(
        "select id, task_name, coalesce(args->>'key', ''), status::text, attempts, scheduled_at from jobs.procrastinate_jobs"
        " where status in ('todo', 'doing', 'failed') order by id limit %s",
        [limit],
    )
    return [Job(*row) for row in found]
