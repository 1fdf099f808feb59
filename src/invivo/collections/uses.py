"""What is made public about applications: approved uses, how many were approved, and how long it took; and reminders."""

from dataclasses import dataclass
from datetime import date

from invivo import accounts, audit
from invivo.archive import Archive
from invivo.collections.collection import collection_by_id

REMINDER_DAYS = (30, 7)


@dataclass(frozen=True, slots=True)
class ApprovedUse:
    """A use that was approved: whose institution, for what, from when to when."""

    institution: str
    title: str
    starts_on: date
    ends_on: date
    is_current: bool


@dataclass(frozen=True, slots=True)
class RequestFigures:
    """Figures of a collection's applications.

    Attributes
    ----------
    decided, approved, open : int
    rate : float or None
        Share of the decided that were approved, 0 to 1.
    median_days : float or None
        From submission to decision, days.
    """

    decided: int
    approved: int
    open: int
    rate: float | None
    median_days: float | None


def approved_uses(archive: Archive, actor: accounts.Actor, collection_id: int) -> list[ApprovedUse]:
    """Return the uses approved by application, newest first, to everybody who may know of the collection."""
    collection_by_id(archive, actor, collection_id)
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select institution, title, starts_on, ends_on, state = 'approved' and ends_on >= current_date"
            " from collections.request where collection_id = %s and form = 'application' and state in ('approved', 'revoked')"
            " order by starts_on desc, id desc limit 1000",
            [collection_id],
        )
        return [ApprovedUse(*row) for row in found]


def request_figures(archive: Archive, actor: accounts.Actor, collection_id: int) -> RequestFigures:
    """Return the figures of a collection's applications to everybody who may know of the collection."""
    collection_by_id(archive, actor, collection_id)
    with archive.database.transaction() as tx:
        row = tx.execute(
            "select count(*) filter (where state in ('approved', 'revoked', 'declined')) as decided,"
            " count(*) filter (where state in ('approved', 'revoked')) as approved,"
            " count(*) filter (where state in ('awaiting-official', 'submitted', 'under-review')) as open,"
            " percentile_cont(0.5) within group (order by extract(epoch from decided_at - submitted_at) / 86400)"
            " filter (where state in ('approved', 'revoked', 'declined')) as median"
            " from collections.request where collection_id = %s",
            [collection_id],
        ).fetchone()
    assert row is not None
    rate = row.approved / row.decided if row.decided else None
    return RequestFigures(row.decided, row.approved, row.open, rate, None if row.median is None else float(row.median))


def remind(archive: Archive) -> int:
    """Tell holders whose approval ends within 30 and then within 7 days, once each; return how many were told."""
    told = 0
    with archive.database.transaction() as tx:
        for number, days in enumerate(REMINDER_DAYS, start=1):
            found = tx.execute(
                "update collections.request q set reminded = %(number)s from collections.collection c"
                " where c.id = q.collection_id and q.state = 'approved' and q.reminded < %(number)s"
                " and q.ends_on between current_date and current_date + %(days)s::int"
                " and not exists (select 1 from collections.request n where n.renews = q.id and n.state = 'approved')"
                " returning q.id, q.person_id, q.ends_on, c.short_name",
                {"number": number, "days": days},
            ).fetchall()
            for row in found:
                subject = f"{row.short_name}: your approval ends on {row.ends_on.isoformat()}"
                text = "Renew it with a report on progress, or delete what you have of the data by that day."
                link = f"/access/requests/{row.id}"
                accounts.notify(tx, row.person_id, "access.ends", subject, text, link=link)
                audit.note(tx, "system", "access.remind", f"request:{row.id}", days=days)
            told += len(found)
    return told
