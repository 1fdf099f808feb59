"""Held series moved to another subject or study: shown before, decided in one transaction, undone until they are released.

Nothing is patched: what was decided stands above the collection's maps (`override`), and the objects are made anew from their
originals. What refers to the moved series is made anew with them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.types.json import Jsonb

from invivo import accounts, audit, database, jobs, quarantine
from invivo.archive import Archive
from invivo.errors import Conflict, NotFound, Refused
from invivo.submissions.move_plan import LISTED, Movable, MovePreview, Wanted, chosen, followers, planned

LONGEST_REASON = 500


class CannotMove(Conflict):
    """Series are in a state in which they cannot be moved, or the move would mix patients. It carries ``reasons``."""

    code = "move.not-possible"

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = tuple(reasons)


class UnknownMove(NotFound):
    """There is no such move, or the actor does not curate its collection."""

    code = "move.unknown"


@dataclass(frozen=True, slots=True)
class Move:
    """A move that was decided."""

    id: int
    collection_id: int
    kind: str
    subject_label: str
    study_uid: str
    reason: str
    made_by: str
    made_at: datetime
    undone_by: str | None
    undone_at: datetime | None
    series: int
    released: int


def _need_curator(actor: accounts.Actor, collection_id: int) -> None:
    if not actor.may_curate(collection_id):
        raise Refused("Only the collection's owner or curators may move series.", code="move.not-curator")


def movable_of(
    archive: Archive, actor: accounts.Actor, collection_id: int, submission_id: int | None = None, limit: int = 2000
) -> list[Movable]:
    """Return the held series of a collection or a delivery, by subject and study; raises Refused."""
    _need_curator(actor, collection_id)
    with archive.database.transaction() as tx:
        found = tx.execute(
            f"{LISTED} and (%(submission)s::bigint is null or s.submission_id = %(submission)s)"
            " order by s.subject_label, s.clean_study_uid, s.id limit %(limit)s",
            {"collection": collection_id, "submission": submission_id, "limit": limit},
        )
        return [Movable(*row) for row in found]


def preview_move(archive: Archive, actor: accounts.Actor, collection_id: int, wanted: Wanted) -> MovePreview:
    """Tell what a move would change, and why it cannot be done where it cannot.

    Raises
    ------
    Refused
    Invalid
    """
    _need_curator(actor, collection_id)
    with archive.database.transaction() as tx:
        return planned(archive, tx, collection_id, wanted, lock=False).preview


def move(archive: Archive, actor: accounts.Actor, collection_id: int, wanted: Wanted) -> int:
    """Decide a move and send the objects back to *received*, with the jobs that make them anew; return its number.

    Raises
    ------
    Refused
    Invalid
    CannotMove
        Also where somebody decided on the series a moment ago.
    """
    _need_curator(actor, collection_id)
    with archive.database.transaction() as tx:
        plan = planned(archive, tx, collection_id, wanted, lock=True)
        seen = plan.preview
        if seen.reasons:
            raise CannotMove(seen.reasons)
        row = tx.execute(
            "insert into submissions.move (collection_id, kind, subject_label, offset_days, study_uid, attributes, reason, made_by)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s) returning id",
            [
                *(collection_id, wanted.kind, seen.to_label, plan.shift_days, seen.to_study),
                *(Jsonb(dict(plan.texts)), wanted.reason[:LONGEST_REASON], actor.name),
            ],
        ).fetchone()
        assert row is not None
        ids = [one.id for one in seen.series]
        tx.cursor().executemany(
            "insert into submissions.move_series (move_id, series_id, was_label, was_study) values (%s, %s, %s, %s)",
            [[row.id, one.id, one.subject_label, one.study_uid] for one in seen.series],
        )
        quarantine.set_place(tx, ids, subject_label=seen.to_label, study_uid=seen.to_study)
        if seen.to_label:
            quarantine.forget_told(tx, ids)
        count = _again(tx, ids, plan.followers)
        audit.note(
            tx, actor.name, f"move.{wanted.kind}", f"collection:{collection_id}", move=row.id, series=ids[:100],
            objects=count, to_subject=seen.to_label, to_study=seen.to_study,
        )  # fmt: skip
    return int(row.id)


def _again(tx: database.Tx, series_ids: Sequence[int], followers: Sequence[int]) -> int:
    everything = sorted({*series_ids, *followers})
    count = quarantine.restart_series(tx, everything)
    jobs.enqueue_all(tx, "advance", everything)
    return count


def undo_move(archive: Archive, actor: accounts.Actor, collection_id: int, move_id: int) -> int:
    """Take a move back until it is released: the series are made anew as they say; return how many objects.

    Raises
    ------
    Refused
    UnknownMove
    CannotMove
        It is undone already, part of it is released or decided on, or a later move of the same series stands above it.
    """
    _need_curator(actor, collection_id)
    with archive.database.transaction() as tx:
        row = tx.execute(
            "select id, undone_at from submissions.move where id = %s and collection_id = %s for update",
            [move_id, collection_id],
        ).fetchone()
        if row is None:
            raise UnknownMove(f"There is no move {move_id} here.")
        was = tx.execute(
            "select ms.series_id, ms.was_label, ms.was_study from submissions.move_series ms join quarantine.series s"
            " on s.id = ms.series_id where ms.move_id = %s order by ms.series_id",
            [move_id],
        ).fetchall()
        ids = [one.series_id for one in was]
        quarantine.lock_objects(tx, ids)
        reasons = _cannot_undo(tx, collection_id, move_id, ids, is_undone=row.undone_at is not None)
        following = followers(tx, collection_id, chosen(tx, collection_id, ids, lock=False), reasons)
        if reasons:
            raise CannotMove(reasons)
        tx.execute("update submissions.move set undone_by = %s, undone_at = now() where id = %s", [actor.name, move_id])
        for label, study in {(one.was_label, one.was_study) for one in was}:
            there = [one.series_id for one in was if (one.was_label, one.was_study) == (label, study)]
            quarantine.set_place(tx, there, subject_label=label, study_uid=study)
        quarantine.forget_told(tx, ids)
        count = _again(tx, ids, following)
        audit.note(tx, actor.name, "move.undo", f"collection:{collection_id}", move=move_id, objects=count)
    return count


def _cannot_undo(
    tx: database.Tx, collection_id: int, move_id: int, ids: Sequence[int], *, is_undone: bool
) -> list[str]:
    if is_undone:
        return ["Somebody undid this move already."]
    reasons = []
    if tx.execute(
        "select 1 from quarantine.object where series_id = any (%s) and state = 'released' limit 1", [list(ids)]
    ).fetchone():
        reasons.append("Part of it is released; what is released stays.")
    later = tx.execute(
        "select min(m.id) as id from submissions.move m join submissions.move_series ms on ms.move_id = m.id"
        " where ms.series_id = any (%s) and m.id > %s and m.undone_at is null",
        [list(ids), move_id],
    ).fetchone()
    if later is not None and later.id:
        reasons.append(f"Move {later.id} stands above it; undo that first.")
    series = chosen(tx, collection_id, ids, lock=False)
    if any(one.is_decided for one in series):
        reasons.append("A decision was made about part of it; take that back first.")
    if any(one.is_masked for one in series):
        reasons.append("Masks were drawn on part of it; take them off first.")
    return reasons


def moves_of(archive: Archive, actor: accounts.Actor, collection_id: int, limit: int = 100) -> list[Move]:
    """Return the newest moves of a collection, for those who curate it; raises Refused."""
    _need_curator(actor, collection_id)
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select m.id, m.collection_id, m.kind, m.subject_label, m.study_uid, m.reason, m.made_by, m.made_at, m.undone_by,"
            " m.undone_at, count(ms.series_id)::integer as series, count(ms.series_id) filter (where exists (select from"
            " quarantine.object o where o.series_id = ms.series_id and o.state = 'released'))::integer as released"
            " from submissions.move m left join submissions.move_series ms on ms.move_id = m.id where m.collection_id = %s"
            " group by m.id order by m.id desc limit %s",
            [collection_id, limit],
        )
        return [Move(*row) for row in found]
