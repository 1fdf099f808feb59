"""Held series: what is looked at and decided together."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from invivo import database
from invivo.errors import NotFound


class UnknownHeldSeries(NotFound):
    """There is no such held series."""

    code = "held.series-unknown"


@dataclass(frozen=True, slots=True)
class HeldSeries:
    """A held series; ``kind`` is images, files or damaged. The UIDs as received are not shown to anybody."""

    id: int
    submission_id: int
    collection_id: int
    kind: str
    modality: str
    subject_label: str
    clean_study_uid: str
    clean_series_uid: str
    first_at: datetime


_COLUMNS = ", ".join(field.name for field in fields(HeldSeries))


def lock_series(tx: database.Tx, series_id: int) -> HeldSeries:
    """Return a held series after every transaction that is just putting an object into it has ended."""
    row = tx.execute(f"select {_COLUMNS} from quarantine.series where id = %s for update", [series_id]).fetchone()  # noqa: S608
    if row is None:
        raise UnknownHeldSeries(f"There is no held series {series_id}.")
    return HeldSeries(*row)


def series_named(tx: database.Tx, series_id: int) -> HeldSeries:
    """Return a held series; raises UnknownHeldSeries."""
    row = tx.execute(f"select {_COLUMNS} from quarantine.series where id = %s", [series_id]).fetchone()  # noqa: S608
    if row is None:
        raise UnknownHeldSeries(f"There is no held series {series_id}.")
    return HeldSeries(*row)


def mark_series(
    tx: database.Tx, series_id: int, subject_label: str, clean_study_uid: str, clean_series_uid: str, modality: str
) -> None:
    """Write down what the automatic steps found out about a held series."""
    tx.execute(
        "update quarantine.series set subject_label = %s, clean_study_uid = %s, clean_series_uid = %s, modality = %s where id = %s",
        [subject_label, clean_study_uid, clean_series_uid, modality, series_id],
    )


def study_labels(tx: database.Tx, collection_id: int, clean_study_uid: str) -> list[str]:
    """Return the subjects under whom a study is held: more than one is a mixture."""
    found = tx.execute(
        "select distinct subject_label from quarantine.series where collection_id = %s and clean_study_uid = %s"
        " and subject_label <> '' order by 1",
        [collection_id, clean_study_uid],
    )
    return [row[0] for row in found]


def counts_of_submission(tx: database.Tx, submission_id: int, sites: list[int] | None = None) -> dict[str, int]:
    """Return how many objects of a submission are in each state, of some sites only if they are named."""
    found = tx.execute(
        "select state, count(*) from quarantine.object where submission_id = %s"
        " and (%s::bigint[] is null or site_id = any (%s)) group by state",
        [submission_id, sites, sites],
    )
    return {row[0]: int(row[1]) for row in found}


def come_of_submission(
    tx: database.Tx, submission_id: int, sites: list[int] | None = None
) -> dict[str, tuple[int, int, int]]:
    """Return how many subjects, studies and series of images of each modality have come; under "" those of all together.

    What was discarded does not count. A study that is not de-identified yet counts by its UID as received.
    """
    found = tx.execute(
        "select coalesce(s.modality, '') as modality, grouping(s.modality) as is_all,"
        " count(distinct nullif(s.subject_label, '')) as subjects,"
        " count(distinct coalesce(nullif(s.clean_study_uid, ''), s.study_uid)) as studies, count(*) as series"
        " from quarantine.series s where s.submission_id = %s and s.kind = 'images'"
        " and exists (select from quarantine.object o where o.series_id = s.id and o.state <> 'discarded'"
        " and (%s::bigint[] is null or o.site_id = any (%s))) group by rollup (s.modality)",
        [submission_id, sites, sites],
    )
    return {
        "" if row.is_all else row.modality: (row.subjects, row.studies, row.series)
        for row in found
        if row.is_all or row.modality
    }


def arrivals_of_submission(tx: database.Tx, submission_id: int, sites: list[int] | None = None) -> list[Any]:
    """Return what came of a submission as rows (door, sender, site_id, series, objects, size_bytes, first_at, last_at)."""
    return tx.execute(
        "select door, sender, site_id, count(distinct series_id) as series, count(*) as objects, sum(size_bytes)::bigint as size_bytes,"
        " min(received_at) as first_at, max(received_at) as last_at from quarantine.object where submission_id = %s"
        " and (%s::bigint[] is null or site_id = any (%s))"
        " group by door, sender, site_id order by min(received_at)",
        [submission_id, sites, sites],
    ).fetchall()


def sites_of_series(tx: database.Tx, series_ids: list[int]) -> dict[str, str]:
    """Return the sites of held series by their clean Series Instance UIDs, of those that came from one."""
    found = tx.execute(
        "select clean_series_uid, site from quarantine.series where id = any (%s) and site <> '' and clean_series_uid <> ''",
        [series_ids],
    )
    return {row.clean_series_uid: row.site for row in found}


def objects_of_submission(
    tx: database.Tx,
    submission_id: int,
    *,
    problems_only: bool,
    before: int | None,
    limit: int,
    sites: list[int] | None = None,
) -> list[Any]:
    """Return the newest objects of a submission as rows (id, state, reason_code, reason, door, kind, modality, received_at, name).

    File names are what the submitter sent and are for the submitter's and curators' eyes only.
    """
    criteria = "and o.state in ('stuck', 'conflict', 'discarded')" if problems_only else ""
    return tx.execute(
        "select o.id, o.state, o.reason_code, o.reason, o.door, s.kind, s.modality, o.received_at, o.name, o.size_bytes"  # noqa: S608
        " from quarantine.object o join quarantine.series s on s.id = o.series_id"
        f" where o.submission_id = %s and (%s::bigint is null or o.id < %s) and (%s::bigint[] is null or o.site_id = any (%s))"
        f" {criteria} order by o.id desc limit %s",
        [submission_id, before, before, sites, sites, limit],
    ).fetchall()


def forgotten(tx: database.Tx, older_than_s: float) -> list[int]:
    """Return the held series with objects that were received a while ago and that no step has seen."""
    found = tx.execute(
        "select distinct series_id from quarantine.object where state = 'received'"
        " and received_at < now() - make_interval(secs => %s)",
        [older_than_s],
    )
    return [int(row[0]) for row in found]


def collections_with_cleared(tx: database.Tx) -> list[int]:
    """Return the collections that have cleared objects which no release has taken along."""
    return [
        int(row[0])
        for row in tx.execute("select distinct collection_id from quarantine.object where state = 'cleared'")
    ]
