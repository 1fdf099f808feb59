"""How often somebody may try: counted for a name, an address or a person, over the last quarter of an hour."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from invivo import audit
from invivo.accounts.actor import Actor, need_administrator
from invivo.archive import Archive
from invivo.errors import Busy, NotFound

WINDOW = "15 minutes"


class TooManyAttempts(Busy):
    """Too many wrong passwords for this name or from this address."""

    code = "account.too-many-attempts"


@dataclass(frozen=True, slots=True)
class Lock:
    """Somebody or something that has to wait; ``until`` is when the first attempt is forgotten."""

    subject: str
    attempts: int
    until: datetime


def charge(archive: Archive, most: Mapping[str, int]) -> list[int]:
    """Count an attempt before it is made, so that many at once cannot slip through.

    Parameters
    ----------
    most : mapping of str to int
        What is counted, such as ``name:ada`` or ``address:192.0.2.1``, and how often it may be.

    Returns
    -------
    list of int
        Numbers of what was counted, for `refund`.

    Raises
    ------
    TooManyAttempts
        One of them has been tried too often; nothing more is counted then.
    """
    with archive.database.transaction() as tx:
        for subject in sorted(most):  # one order for all, so that two cannot wait for each other
            tx.execute("select pg_advisory_xact_lock(hashtextextended(%s, 26))", [subject])
            row = tx.execute(
                f"select count(*) as n from accounts.attempt where subject = %s and at > now() - interval '{WINDOW}'",
                [subject],
            ).fetchone()
            if row and row.n >= most[subject]:
                raise TooManyAttempts("Too many attempts; wait 15 minutes and try again.")
        found = tx.execute(
            "insert into accounts.attempt (subject) select unnest(%s::text[]) returning id", [sorted(most)]
        ).fetchall()
    return [row.id for row in found]


def refund(archive: Archive, charged: list[int]) -> None:
    """Forget attempts that were right."""
    with archive.database.transaction() as tx:
        tx.execute("delete from accounts.attempt where id = any (%s)", [charged])


def locked(archive: Archive, actor: Actor) -> list[Lock]:
    """Return the names and addresses that have to wait now, for administrators."""
    need_administrator(actor)
    limit = archive.settings.accounts.attempts
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select subject, count(*) as n, min(at) + interval '15 minutes' as until from accounts.attempt"
            " where at > now() - interval '15 minutes' and (subject like 'name:%%' or subject like 'address:%%'"
            " or subject like 'factor:%%') group by subject"
            " having count(*) >= %s * case when subject like 'address:%%' then 10 else 1 end order by subject",
            [limit],
        )
        return [Lock(*row) for row in found]


def lift(archive: Archive, actor: Actor, subject: str) -> None:
    """Let a name or an address try again at once."""
    need_administrator(actor)
    with archive.database.transaction() as tx:
        gone = tx.execute("delete from accounts.attempt where subject = %s returning id", [subject]).fetchone()
        if gone is None:
            raise NotFound(f"Nothing holds {subject[:80]} back.", code="account.not-locked")
        audit.note(tx, actor.name, "account.unlock", subject)
