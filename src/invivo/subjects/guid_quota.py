"""How many people an account may ask about: whoever could ask without end could try out whether somebody is in the archive."""

from datetime import timedelta

from invivo import accounts, database
from invivo.archive import Archive
from invivo.errors import Busy

AT_ONCE = 500  # people in one request
BURST = 2000  # people that an account may ask about at one go
A_DAY = 2000  # people by which that is filled up again in a day


class QuotaSpent(Busy):
    """The account has asked about as many people as it may for now."""

    code = "guid.quota"


def spend(tx: database.Tx, archive: Archive, actor: accounts.Actor, count: int) -> None:
    """Take from an account's quota, in the transaction of what it is spent on.

    Raises
    ------
    QuotaSpent
        There is not enough; the message and the fact ``retry_after_s`` say when there will be.
    """
    account = f"person:{actor.person_id}" if actor.person_id is not None else actor.name
    now = archive.clock()
    row = tx.execute(
        "insert into subjects.guid_quota as q (account, level, at) values (%(account)s, %(burst)s, %(now)s)"
        " on conflict (account) do update set at = %(now)s,"
        " level = least(%(burst)s, q.level + greatest(0, extract(epoch from %(now)s - q.at)) * %(rate)s) returning level",
        {"account": account, "burst": BURST, "now": now, "rate": A_DAY / 86400},
    ).fetchone()
    assert row is not None
    if row.level < count:
        wait_s = int((count - row.level) * 86400 / A_DAY) + 1
        when = now + timedelta(seconds=wait_s)
        raise QuotaSpent(
            f"This account has {int(row.level)} people left to ask about and {count} are asked for;"
            f" try again after {when:%Y-%m-%d %H:%M} UTC.",
            retry_after_s=wait_s,
        )
    tx.execute("update subjects.guid_quota set level = level - %s where account = %s", [count, account])
