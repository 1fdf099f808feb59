"""A delivery that takes the place of another, or of named series and objects: first what it would drop, then, confirmed, that.

Only what is held and undecided is replaced. What is approved or released stays, and the preview says so.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from invivo import accounts, audit, database, jobs, quarantine
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid
from invivo.submissions.letter import curators_of
from invivo.submissions.site import site_limit
from invivo.submissions.submission import Submission, find_submission

MOST_UIDS, MOST_LISTED = 20_000, 200


class Changed(Conflict):
    """What would be dropped is not what was shown any more."""

    code = "replacement.changed"


@dataclass(frozen=True, slots=True)
class Loss:
    """A held series that would lose objects without anything in their place."""

    series_id: int
    kind: str
    modality: str
    subject_label: str
    dropped: int
    objects: int


@dataclass(frozen=True, slots=True)
class Replacement:
    """What a replacement would do.

    Attributes
    ----------
    replaced : int
        Objects in whose place a newer one of this delivery comes.
    repeated : int
        Objects that this delivery brought again unchanged; they stay.
    dropped : int
        Objects with nothing in their place; they are discarded.
    stays : int
        Objects that are approved or released; a curator takes the decision back, or a release withdraws them.
    losses : tuple of Loss
        Where the dropped ones are, the largest losses first, at most 200.
    token : str
        Stands for exactly this; `replace_delivery` wants it back.
    """

    replaced: int
    repeated: int
    dropped: int
    stays: int
    losses: tuple[Loss, ...]
    token: str

    @property
    def is_empty(self) -> bool:
        return not (self.replaced or self.repeated or self.dropped or self.stays)


@dataclass(frozen=True, slots=True)
class Done:
    """A replacement that was carried out."""

    replaces_id: int | None
    uids: int
    reason: str
    replaced: int
    dropped: int
    repeated: int
    made_by: str
    made_at: datetime


_NAMED = """
with newer as (
    select sop_uid, max(id) as id from quarantine.object
    where submission_id = %(by)s and state = 'conflict' and sop_uid <> '' group by sop_uid
)
select o.id, o.series_id, o.state, n.id as newer_id, s.kind, s.modality, s.subject_label,
    exists (select from quarantine.repeat r where r.object_id = o.id and r.submission_id = %(by)s) as is_repeated
from quarantine.object o join quarantine.series s on s.id = o.series_id left join newer n on n.sop_uid = o.sop_uid
where o.collection_id = %(collection)s and o.state <> 'discarded' and not (o.submission_id = %(by)s and o.state = 'conflict')
    and (%(sites)s::bigint[] is null or o.site_id = any (%(sites)s))
    and case when %(of)s::bigint is not null then o.submission_id = %(of)s
        else %(uids)s::text[] && array[o.sop_uid, o.clean_sop_uid, s.series_uid, s.clean_series_uid] end
order by o.id
"""


def preview_replacement(
    archive: Archive,
    actor: accounts.Actor,
    submission_id: int,
    *,
    of_submission: int | None = None,
    uids: Sequence[str] = (),
) -> Replacement:
    """Say what would become of the objects of another delivery, or of named series and objects, if this one took their place.

    Parameters
    ----------
    of_submission : int or None
        The delivery that is replaced.
    uids : sequence of str
        Series and SOP Instance UIDs, as sent or as shown here.

    Raises
    ------
    Invalid
        Neither or both are named, or the other delivery goes into another collection.
    """
    submission, wanted = _checked(archive, actor, submission_id, of_submission, uids)
    with archive.database.transaction() as tx:
        return _weighed(_named(tx, actor, submission, of_submission, wanted))


def _checked(
    archive: Archive, actor: accounts.Actor, submission_id: int, of_submission: int | None, uids: Sequence[str]
) -> tuple[Submission, list[str]]:
    submission = find_submission(archive, actor, submission_id)
    wanted = sorted({uid.strip() for uid in uids if uid.strip()})
    if (of_submission is None) == (not wanted):
        raise Invalid("Name either the delivery that is replaced or series and objects.", code="replacement.what")
    if len(wanted) > MOST_UIDS or any(len(uid) > 64 or not uid.replace(".", "").isdecimal() for uid in wanted):
        raise Invalid(f"Give at most {MOST_UIDS} UIDs of digits and dots.", code="replacement.uids")
    if of_submission is not None:
        other = find_submission(archive, actor, of_submission)
        if other.id == submission.id or other.collection_id != submission.collection_id:
            raise Invalid("Name another delivery into the same collection.", code="replacement.what")
    return submission, wanted


def _named(
    tx: database.Tx, actor: accounts.Actor, submission: Submission, of_submission: int | None, uids: list[str]
) -> list[Any]:
    return tx.execute(
        _NAMED,
        {
            "by": submission.id,
            "collection": submission.collection_id,
            "sites": site_limit(tx, actor, submission.collection_id),
            "of": of_submission,
            "uids": uids,
        },
    ).fetchall()


def _fate(row: Any) -> str:
    if row.state in ("cleared", "released"):
        return "stays"
    return "replaced" if row.newer_id is not None else "repeated" if row.is_repeated else "dropped"


def _weighed(rows: Iterable[Any]) -> Replacement:
    counts = dict.fromkeys(("replaced", "repeated", "dropped", "stays"), 0)
    losses: dict[int, list[Any]] = {}
    digest = hashlib.sha256()
    for row in rows:
        fate = _fate(row)
        counts[fate] += 1
        digest.update(f"{row.id} {fate} {row.newer_id}\n".encode())
        loss = losses.setdefault(row.series_id, [row.kind, row.modality, row.subject_label, 0, 0])
        loss[3] += fate == "dropped"
        loss[4] += 1
    listed = sorted(
        (Loss(key, *loss) for key, loss in losses.items() if loss[3]), key=lambda one: (-one.dropped, one.series_id)
    )
    return Replacement(**counts, losses=tuple(listed[:MOST_LISTED]), token=digest.hexdigest())


def replace_delivery(
    archive: Archive,
    actor: accounts.Actor,
    submission_id: int,
    token: str,
    reason: str,
    *,
    of_submission: int | None = None,
    uids: Sequence[str] = (),
) -> Replacement:
    """Carry out what a preview said: newer objects take their places, what has none is discarded. The curators are told.

    Raises
    ------
    Changed
        Something came or was decided since the preview; look again.
    """
    submission, wanted = _checked(archive, actor, submission_id, of_submission, uids)
    reason = reason.strip()
    if not 1 <= len(reason) <= 2000:
        raise Invalid("Say why this delivery takes the place of the other.", code="replacement.reason")
    with archive.database.transaction() as tx:
        tx.execute(
            "select 1 from submissions.submission where collection_id = %s order by id for update",
            [submission.collection_id],
        )
        before = _named(tx, actor, submission, of_submission, wanted)
        tx.execute(
            "select 1 from quarantine.object where id = any (%s) order by id for update", [[row.id for row in before]]
        )
        rows = _named(tx, actor, submission, of_submission, wanted)
        weighed = _weighed(rows)
        if weighed.token != token:
            raise Changed("Something arrived or was decided since you looked; look at the new preview.")
        if not (weighed.replaced or weighed.dropped):
            raise Invalid("There is nothing to replace.", code="replacement.empty")
        for series_id in _carry_out(tx, rows):
            jobs.enqueue(tx, "advance", series_id)
        _write_down(tx, actor, submission, weighed, (of_submission, wanted, reason))
    return weighed


def _carry_out(tx: database.Tx, rows: Sequence[Any]) -> list[int]:
    """Discard and replace; return the held series that have to be looked at again."""
    live: dict[int, int] = {}
    dropped: dict[int, list[int]] = {}
    touched = {row.series_id for row in rows if _fate(row) in ("dropped", "replaced")}
    for row in tx.execute(
        "select series_id, count(*) as n from quarantine.object where series_id = any (%s)"
        " and state not in ('discarded', 'released') group by series_id",
        [sorted(touched)],
    ):
        live[row.series_id] = row.n
    for row in rows:
        if _fate(row) == "dropped":
            dropped.setdefault(row.series_id, []).append(row.id)
        elif _fate(row) == "replaced":
            newer = quarantine.object_named(tx, row.newer_id)
            quarantine.replace_first(tx, newer)
            touched.add(newer.series_id)
    for series_id, objects in dropped.items():
        if live[series_id] == len(objects):
            quarantine.discard(tx, series_id=series_id)
        else:
            for object_id in objects:
                quarantine.discard(tx, object_id=object_id)
    return sorted(touched)


def _write_down(
    tx: database.Tx,
    actor: accounts.Actor,
    submission: Submission,
    weighed: Replacement,
    asked: tuple[int | None, list[str], str],
) -> None:
    of_submission, uids, reason = asked
    tx.execute(
        "insert into submissions.replacement (submission_id, replaces_id, uids, reason, replaced, dropped, repeated, made_by)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s)",
        [
            *(submission.id, of_submission, uids, reason),
            *(weighed.replaced, weighed.dropped, weighed.repeated, actor.label or actor.name),
        ],
    )
    counts = {"replaced": weighed.replaced, "dropped": weighed.dropped, "repeated": weighed.repeated}
    audit.note(
        tx, actor.name, "submission.replace", f"submission:{submission.id}", of=of_submission, reason=reason, **counts
    )
    what = f"delivery {of_submission}" if of_submission else f"{len(uids)} named series and objects"
    accounts.notify(
        tx,
        [one for one in curators_of(tx, submission.collection_id) if one != actor.person_id],
        "submission.replaced",
        f"{submission.title}: takes the place of {what}",
        f"{weighed.replaced} objects were replaced, {weighed.dropped} dropped without one in their place. Reason: {reason}",
        link=f"/submissions/{submission.id}/delivery#replacing",
    )


def replacements_of(archive: Archive, actor: accounts.Actor, submission_id: int) -> list[Done]:
    """Return what this delivery took the place of, newest first."""
    find_submission(archive, actor, submission_id)
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select replaces_id, cardinality(uids), reason, replaced, dropped, repeated, made_by, made_at"
            " from submissions.replacement where submission_id = %s order by id desc limit 100",
            [submission_id],
        )
        return [Done(*row) for row in found]
