"""Rectangles that a curator draws over the pictures of a held series; `hiding` holds the job that hides what lies under them.

A mask waits for each of its objects, then it is done or has failed. While one waits, the series cannot be cleared. What is
hidden is gone from the clean file; the original keeps it as long as it is held, and `unmask` starts from there again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from invivo import accounts, audit, database, jobs, quarantine, reviews
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid

Rectangle = tuple[int, int, int, int]

MOST_RECTANGLES = 100
MOST_FRAMES = 10_000
LARGEST_SIDE = 65_535


class BadMask(Invalid):
    """The rectangles, objects or frames of a mask make no sense for the pictures."""

    code = "mask.bad"


@dataclass(frozen=True, slots=True)
class Mask:
    """Rectangles that were applied together, and how far they are applied.

    Attributes
    ----------
    rectangles : tuple of (x, y, width, height)
        Pixels from the top left.
    frames : tuple of int
        Counted from 1; empty for all.
    object_ids : tuple of int
        The held objects that it is for.
    waiting, done, failed : int
        Objects.
    """

    id: int
    rectangles: tuple[Rectangle, ...]
    frames: tuple[int, ...]
    made_by: str
    made_at: datetime
    object_ids: tuple[int, ...]
    waiting: int
    done: int
    failed: int


def mask(
    archive: Archive,
    actor: accounts.Actor,
    item_id: int,
    rectangles: Sequence[Sequence[int]],
    object_ids: Sequence[int] | None = None,
    frames: Sequence[int] | None = None,
) -> int:
    """Hide rectangles in pictures of a held series; a job does it.

    Parameters
    ----------
    rectangles : sequence of (x, y, width, height)
        Pixels from the top left; each must lie within every picture.
    object_ids : sequence of int, optional
        Held objects; all of the series with a picture where absent.
    frames : sequence of int, optional
        Counted from 1, of one object; all where absent.

    Returns
    -------
    int
        Of how many objects the pixels will be changed.

    Raises
    ------
    UnknownItem
        There is no such item, or the actor does not curate its collection.
    BadMask
    Conflict
        The item is decided on, or an object is not cleaned now.
    """
    item = reviews.item_named(archive, actor, item_id)
    wanted = _checked(rectangles)
    if item.state not in ("open", "deferred"):
        raise Conflict(
            "Somebody has decided on this series; take the decision back, then draw masks.", code="mask.decided"
        )
    if item.approved_once_by:
        reviews.decide(archive, actor, [item.id], "reopen")  # who approved has seen other pixels
    with archive.database.transaction() as tx:
        quarantine.lock_series(tx, item.series_id)
        chosen = _chosen(quarantine.objects_of(tx, item.series_id), object_ids)
        places = _checked_frames(frames, chosen)
        _check_inside(wanted, chosen)
        ids = [one.id for one in chosen]
        if quarantine.begin_change(tx, ids) != len(ids):
            raise Conflict(
                "Objects of this series are being processed just now; try again in a moment.", code="mask.busy"
            )
        made = tx.execute(
            "insert into submissions.mask (series_id, rectangles, frames, made_by) values (%s, %s, %s, %s) returning id",
            [item.series_id, Jsonb(wanted), places, actor.name],
        ).fetchone()
        assert made is not None
        tx.execute(
            "insert into submissions.mask_object (mask_id, object_id) select %s, unnest(%s::bigint[])", [made.id, ids]
        )
        audit.note(
            tx,
            actor.name,
            "review.mask",
            f"review:{item.id}",
            mask=made.id,
            rectangles=wanted,
            frames=places,
            objects=len(ids),
        )
        jobs.enqueue(tx, "mask", item.series_id)
    return len(ids)


def unmask(archive: Archive, actor: accounts.Actor, item_id: int, object_ids: Sequence[int] | None = None) -> int:
    """Start again from the originals of masked objects: they are cleaned anew, and their masks are dropped.

    The original of a released object that is held again is the released file; the job of the masks takes it through the
    rules in force once more.

    Returns
    -------
    int
        How many objects.

    Raises
    ------
    UnknownItem
    Conflict
        The item is decided on, or no object has a mask.
    """
    item = reviews.item_named(archive, actor, item_id)
    if item.state not in ("open", "deferred"):
        raise Conflict("Somebody has decided on this series; take the decision back first.", code="mask.decided")
    if item.approved_once_by:
        reviews.decide(archive, actor, [item.id], "reopen")
    with archive.database.transaction() as tx:
        quarantine.lock_series(tx, item.series_id)
        found = tx.execute(
            "delete from submissions.mask_object o using submissions.mask m where m.id = o.mask_id and m.series_id = %s"
            " and (%s::bigint[] is null or o.object_id = any (%s::bigint[])) returning o.object_id",
            [item.series_id, *[None if object_ids is None else list(object_ids)] * 2],
        ).fetchall()
        ids = sorted({row.object_id for row in found})
        if not ids:
            raise Conflict("No object of this series has a mask.", code="mask.none")
        drop_empty(tx, item.series_id)
        again = tx.execute(
            "select id from quarantine.object where id = any (%s) and door = %s", [ids, quarantine.RERUN]
        ).fetchall()
        count = quarantine.begin_change(tx, [row.id for row in again])
        count += quarantine.restart(tx, sorted(set(ids) - {row.id for row in again}))
        audit.note(tx, actor.name, "review.unmask", f"review:{item.id}", objects=count)
        jobs.enqueue(tx, "mask" if again else "advance", item.series_id)
    return count


def masks_of(archive: Archive, item: reviews.Item) -> list[Mask]:
    """Return the masks of an item that a curator has been given, oldest first."""
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select m.id, m.rectangles, m.frames, m.made_by, m.made_at, array_agg(o.object_id order by o.object_id) as ids,"
            " count(*) filter (where o.state = 'waiting') as waiting, count(*) filter (where o.state = 'done') as done,"
            " count(*) filter (where o.state = 'failed') as failed"
            " from submissions.mask m join submissions.mask_object o on o.mask_id = m.id where m.series_id = %s"
            " group by m.id order by m.id",
            [item.series_id],
        ).fetchall()
    return [
        Mask(
            row.id,
            as_rectangles(row.rectangles),
            tuple(row.frames),
            row.made_by,
            row.made_at,
            tuple(row.ids),
            row.waiting,
            row.done,
            row.failed,
        )
        for row in found
    ]


def alike(objects: Sequence[quarantine.HeldObject], object_id: int) -> list[int]:
    """Return the cleaned objects whose pictures have the same size as one of them; empty where that has no picture."""
    sizes = {one.id: _size(one) for one in objects if one.state == "cleaned"}
    size = sizes.get(object_id, (0, 0))
    return [key for key, other in sizes.items() if other == size] if all(size) else []


def as_rectangles(stored: Any) -> tuple[Rectangle, ...]:
    """Rectangles as they stand in the database."""
    return tuple((int(x), int(y), int(width), int(height)) for x, y, width, height in stored)


def drop_empty(tx: database.Tx, series_id: int) -> None:
    """Forget the masks of a held series that are for no object any more."""
    tx.execute(
        "delete from submissions.mask m where m.series_id = %s"
        " and not exists (select 1 from submissions.mask_object o where o.mask_id = m.id)",
        [series_id],
    )


def _checked(rectangles: Sequence[Sequence[int]]) -> list[Rectangle]:
    """Rectangles of whole numbers, within limits, without doubles."""
    if not rectangles:
        raise BadMask("Draw at least one rectangle.")
    if len(rectangles) > MOST_RECTANGLES:
        raise BadMask(f"At most {MOST_RECTANGLES} rectangles are applied at once.")
    wanted: list[Rectangle] = []
    for one in rectangles:
        if len(one) != 4 or not all(type(number) is int and 0 <= number <= LARGEST_SIDE for number in one):
            raise BadMask(f"A rectangle is x, y, width and height: whole numbers of pixels from 0 to {LARGEST_SIDE}.")
        x, y, width, height = one
        if not width or not height:
            raise BadMask("A rectangle is at least one pixel wide and high.")
        wanted.append((x, y, width, height))
    return list(dict.fromkeys(wanted))


def _size(held: quarantine.HeldObject) -> tuple[int, int]:
    """Columns and rows of a held object's picture; zeros without one."""
    known: dict[str, Any] = (held.facts or {}).get("facts") or {}
    return int(known.get("columns") or 0), int(known.get("rows") or 0)


def _chosen(objects: Sequence[quarantine.HeldObject], object_ids: Sequence[int] | None) -> list[quarantine.HeldObject]:
    if object_ids is None:
        chosen = [one for one in objects if one.state == "cleaned" and all(_size(one))]
    else:
        asked = set(object_ids)
        chosen = [one for one in objects if one.id in asked]
        if len(chosen) != len(asked):
            raise BadMask("An object of the mask does not belong to this series.")
    if not chosen:
        raise BadMask("No object of this series has a picture.")
    return chosen


def _checked_frames(frames: Sequence[int] | None, chosen: Sequence[quarantine.HeldObject]) -> list[int]:
    if frames is None:
        return []
    if len(chosen) != 1:
        raise BadMask("Frames are chosen in one object at a time.")
    count = int(((chosen[0].facts or {}).get("facts") or {}).get("frames") or 1)
    if not frames or len(frames) > MOST_FRAMES:
        raise BadMask(f"Name from 1 to {MOST_FRAMES} frames.")
    if not all(type(frame) is int and 1 <= frame <= count for frame in frames):
        raise BadMask(f"The frames of this object are 1 to {count}.")
    return sorted(set(frames))


def _check_inside(wanted: Sequence[Rectangle], chosen: Sequence[quarantine.HeldObject]) -> None:
    for columns, rows in {_size(one) for one in chosen}:
        for x, y, width, height in wanted:
            if x + width > columns or y + height > rows:
                raise BadMask(
                    f"The rectangle {x}, {y}, {width} × {height} reaches beyond a picture of {columns} × {rows} pixels."
                )
