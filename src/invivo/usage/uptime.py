"""Uptime, as the archive measures it itself: it asks its own door every sweep of the worker."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx

from invivo.archive import Archive

GAP = timedelta(minutes=3)
_PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class Uptime:
    """Which part of some days the archive answered.

    Attributes
    ----------
    days : int
        Over how many days; fewer where it has not been measured for so long.
    share : float or None
        Between 0 and 1; None where nothing was measured.
    """

    days: int
    share: float | None


def watch(archive: Archive) -> bool:
    """Ask the archive's own door whether it answers, and write down that it did.

    Returns
    -------
    bool
        Whether it did. A stretch that was not asked about for three minutes counts as silence: nobody was there.
    """
    try:
        answer = httpx.get(f"{_door_of(archive)}/health", timeout=_PATIENCE_S, trust_env=False)
    except httpx.HTTPError:
        return False
    if answer.status_code != httpx.codes.OK:
        return False
    now = archive.clock()
    with archive.database.transaction() as tx:
        tx.execute("select pg_advisory_xact_lock(1034, 0)")
        latest = tx.execute("select began_at, last_at from usage.stretch order by began_at desc limit 1").fetchone()
        if latest is not None and now - latest.last_at < GAP:
            tx.execute(
                "update usage.stretch set last_at = greatest(last_at, %s) where began_at = %s", [now, latest.began_at]
            )
        else:
            tx.execute(
                "insert into usage.stretch (began_at, last_at) values (%s, %s) on conflict do nothing", [now, now]
            )
    return True


def _door_of(archive: Archive) -> str:
    if archive.settings.usage.watched:
        return archive.settings.usage.watched.rstrip("/")
    host, port = archive.settings.http_address
    named = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - compared, not bound
    return f"http://{named}:{port}"


def uptime(archive: Archive, days: int) -> Uptime:
    """Return which part of the last days the archive answered."""
    now = archive.clock()
    since = now - timedelta(days=days)
    with archive.database.transaction() as tx:
        row = tx.execute(
            "select min(began_at) as first_at,"
            " sum(greatest(extract(epoch from least(last_at, %(now)s) - greatest(began_at, %(since)s)), 0)) as seconds"
            " from usage.stretch where last_at >= %(since)s",
            {"now": now, "since": since},
        ).fetchone()
        known = tx.execute("select min(began_at) as first_at from usage.stretch").fetchone()
    if row is None or row.first_at is None or known is None:
        return Uptime(days, None)
    began: datetime = max(known.first_at, since)
    whole = (now - began).total_seconds()
    open_end = GAP.total_seconds()
    covered = float(row.seconds)
    last = _seconds_since_last(archive, now)
    covered += last if last < open_end else 0.0  # the time since the last look is not known to be silence
    share = 1.0 if whole <= 0 else min(1.0, covered / whole)
    return Uptime(max(1, min(days, (now - began).days + 1)), share)


def _seconds_since_last(archive: Archive, now: datetime) -> float:
    with archive.database.transaction() as tx:
        row = tx.execute("select max(last_at) as last_at from usage.stretch").fetchone()
    assert row is not None
    return float((now - row.last_at).total_seconds())
