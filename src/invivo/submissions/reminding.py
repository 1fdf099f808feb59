"""Reminding of announced data whose day is near or has passed, as long as they are not all there."""

from typing import Any

from invivo import accounts, audit, database, quarantine
from invivo.archive import Archive

NEAR_DAYS = 7
_DUE = """
select e.id, e.submission_id, e.modality, e.subjects, e.studies, e.series, e.due, s.collection_id, s.title, s.created_by,
    c.short_name, case when e.due < current_date then 2 else 1 end as stage
from submissions.expected e
join submissions.submission s on s.id = e.submission_id and s.state = 'open'
join collections.collection c on c.id = s.collection_id
where e.due <= current_date + %(near)s::int and e.reminded < case when e.due < current_date then 2 else 1 end
order by e.id limit 200 for update of e skip locked
"""


def remind_expected(archive: Archive) -> int:
    """Tell who opened a delivery, and the collection's curators once the day has passed, what is still missing of it.

    Each line is told of once when its day is within a week and once when it has passed; what is complete is not.

    Returns
    -------
    int
        How many lines were told of.
    """
    told = 0
    with archive.database.transaction() as tx:
        for row in tx.execute(_DUE, {"near": NEAR_DAYS}).fetchall():
            came = quarantine.come_of_submission(tx, row.submission_id, None).get(row.modality, (0, 0, 0))
            if any(have < asked for have, asked in zip(came, (row.subjects, row.studies, row.series), strict=True)):
                _tell(tx, row, came)
                told += 1
            tx.execute("update submissions.expected set reminded = %s where id = %s", [row.stage, row.id])
    return told


def _tell(tx: database.Tx, row: Any, came: tuple[int, int, int]) -> None:
    kind = row.modality or "all kinds together"
    missing = ", ".join(
        f"{have} of {asked} {name}"
        for name, have, asked in zip(("subjects", "studies", "series"), came, row[3:6], strict=True)
        if have < asked
    )
    people = {row.created_by} if row.created_by is not None else set()
    if row.stage == 2:
        curating = tx.execute(
            "select person_id from collections.member where collection_id = %s and role in ('curator', 'owner')",
            [row.collection_id],
        )
        people |= {one.person_id for one in curating}
    when = f"was due on {row.due.isoformat()}" if row.stage == 2 else f"is due on {row.due.isoformat()}"
    accounts.notify(
        tx,
        sorted(people),
        "submission.due",
        f"{row.short_name}: data {when}",
        f"Of the delivery “{row.title}”, {kind}: {missing} have come; the rest {when}.",
        link=f"/submissions/{row.submission_id}/delivery",
    )
    audit.note(tx, "system", "submission.remind", f"submission:{row.submission_id}", stage=row.stage)
