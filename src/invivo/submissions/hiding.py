"""The job that hides what lies under the masks of a held series, and makes anew what was released before.

Each object is changed in a transaction of its own: a killed worker leaves it as it was, and the next one makes the same
bytes from the same bytes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from invivo import audit, collections, database, deidentification, dicom, jobs, quarantine
from invivo.archive import Archive
from invivo.errors import Invalid, TooLarge
from invivo.submissions.again import doubts_of_pass
from invivo.submissions.known import MOST_OF_SUBJECT
from invivo.submissions.masking import as_rectangles, drop_empty
from invivo.submissions.output import actions_of_report, faults_of, keep_output
from invivo.submissions.rules import kept_mapping_for, profile_for
from invivo.submissions.second_pass import second_pass
from invivo.submissions.value_rule import value_rules_of

MOST_ATTEMPTS = 3
_CANNOT_HIDE = (
    "hold",
    "pixel.cannot-hide",
    "PixelData",
    "A mask could not be applied: these pixels cannot be decoded or written. Nothing in them is hidden.",
)
_CANNOT_REMAKE = [
    "hold",
    "mask.cannot-begin-again",
    "PixelData",
    "The rules in force cannot make this object anew without its masks: it is still masked.",
]
# Doubts that say why a released object is held again: they stay whatever becomes of its pixels.
_WHY_AGAIN = ("rerun.", "identifier.")
_ACTION = ("PixelData", "C", "masks drawn by a curator")


def apply_masks(archive: Archive, series_id: int) -> None:
    """Apply what waits for the objects of a held series, then have the series inspected again."""
    for unmasked_id in _unmasked(archive, series_id):
        _remake(archive, unmasked_id)
    while (object_id := _next(archive, series_id)) is not None:
        _apply(archive, object_id)
    with archive.database.transaction() as tx:
        jobs.enqueue(tx, "advance", series_id)


def forgotten_masks(tx: database.Tx, older_than_s: float) -> list[int]:
    """Return the held series with masks that have waited for a while, and those to be made anew without."""
    found = tx.execute(
        "select m.series_id from submissions.mask m join submissions.mask_object o on o.mask_id = m.id"
        " where o.state = 'waiting' and m.made_at < now() - make_interval(secs => %s) union select o.series_id"
        " from quarantine.object o where o.is_changing and o.door = %s and o.state = 'cleaned'"
        " and not exists (select from submissions.mask_object m where m.object_id = o.id)",
        [older_than_s, quarantine.RERUN],
    )
    return [int(row[0]) for row in found]


def _unmasked(archive: Archive, series_id: int) -> list[int]:
    """Released objects, held again, whose masks were dropped."""
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select o.id from quarantine.object o where o.series_id = %s and o.is_changing and o.door = %s and o.state = 'cleaned'"
            " and not exists (select from submissions.mask_object m where m.object_id = o.id) order by o.id",
            [series_id, quarantine.RERUN],
        )
        return [row.id for row in found]


def _remake(archive: Archive, object_id: int) -> None:
    """Take a released object, held again, through the rules in force once more, from the file that is released."""
    with archive.database.transaction() as tx:
        held = quarantine.object_named(tx, object_id)
        policy = collections.policy_of(tx, held.collection_id)
        label = str((held.facts or {}).get("subject_label") or "")
        known = quarantine.remembered(tx, held.collection_id, label, MOST_OF_SUBJECT)
    try:
        clean = _remade(archive, held, policy, deidentification.traces_from(known.identifiers))
    except (Invalid, TooLarge) as error:
        with archive.database.transaction() as tx:
            quarantine.give_up_change(tx, object_id, _CANNOT_REMAKE)
            audit.note(tx, "system", "quarantine.cannot-unmask", f"held:{object_id}", code=error.kind)
        return
    with archive.database.transaction() as tx:
        is_masked = tx.execute("select from submissions.mask_object where object_id = %s", [object_id]).fetchone()
        if is_masked is None and quarantine.replace_clean(tx, object_id, str(held.clean_digest), clean):
            audit.note(tx, "system", "quarantine.unmask", f"held:{object_id}")


def _remade(
    archive: Archive,
    held: quarantine.HeldObject,
    policy: collections.Collection,
    known: Sequence[deidentification.Trace],
) -> quarantine.Clean:
    path = archive.held.place(held.digest).path
    with archive.database.transaction() as tx:
        values = value_rules_of(tx, policy.id)
    passed = second_pass(path, profile_for(policy), kept_mapping_for(archive, policy), known=known, values=values)
    output = passed.output or path.read_bytes()
    facts = held.facts or {}
    why = [doubt for doubt in facts.get("doubts") or [] if str(doubt[1]).startswith(_WHY_AGAIN)]
    return keep_output(
        archive,
        output,
        [*doubts_of_pass(policy, path, passed), *why, *faults_of(output)],
        str(facts.get("subject_label") or ""),
        actions_of_report(passed.report),
        known_to=int(facts.get("known_to") or 0),
    )


def _next(archive: Archive, series_id: int) -> int | None:
    """Return an object for which masks wait, with this attempt counted; one that breaks off too often fails."""
    with archive.database.transaction() as tx:
        found = tx.execute(
            "update submissions.mask_object set attempts = attempts + 1 where state = 'waiting' and object_id ="
            " (select o.object_id from submissions.mask_object o join submissions.mask m on m.id = o.mask_id"
            "  where m.series_id = %s and o.state = 'waiting' order by o.object_id limit 1) returning object_id, attempts",
            [series_id],
        ).fetchall()
    if not found:
        return None
    object_id = int(found[0].object_id)
    if max(row.attempts for row in found) > MOST_ATTEMPTS:
        _fail(archive, object_id, "mask.crashed")
        return _next(archive, series_id)
    return object_id


def _waiting(tx: database.Tx, object_id: int) -> list[Any]:
    return tx.execute(
        "select m.id, m.rectangles, m.frames from submissions.mask m join submissions.mask_object o on o.mask_id = m.id"
        " where o.object_id = %s and o.state = 'waiting' order by m.id",
        [object_id],
    ).fetchall()


def _apply(archive: Archive, object_id: int) -> None:
    """Hide what waits for one object, keep the new file durably, and let it take the place of the old one."""
    with archive.database.transaction() as tx:
        held = quarantine.object_named(tx, object_id)
        waiting = _waiting(tx, object_id)
        actions = quarantine.actions_of(tx, object_id)
    if held.state != "cleaned" or held.clean_digest is None:
        _forget(archive, held)
        return
    try:
        clean = _masked(archive, held, waiting, actions)
    except (Invalid, TooLarge) as error:
        _fail(archive, object_id, error.kind)
        return
    with archive.database.transaction() as tx:
        quarantine.lock_series(tx, held.series_id)
        left = {row.id for row in _waiting(tx, object_id)}
        applied = [row.id for row in waiting]
        if not left.issuperset(applied):
            return  # dropped in between: the object is made anew from its original
        if quarantine.replace_clean(tx, object_id, held.clean_digest, clean, is_changing=len(left) > len(applied)):
            tx.execute(
                "update submissions.mask_object set state = 'done' where object_id = %s and mask_id = any (%s)",
                [object_id, applied],
            )
            audit.note(tx, "system", "quarantine.mask", f"held:{object_id}", masks=applied)


def _masked(
    archive: Archive, held: quarantine.HeldObject, waiting: Sequence[Any], actions: list[tuple[str, str, str]]
) -> quarantine.Clean:
    """Write the object with its rectangles hidden and keep the file under its digest."""
    assert held.clean_digest is not None
    output = _hidden(archive.held.place(held.clean_digest).path, waiting)
    known = held.facts or {}
    done = actions if _ACTION in actions else [*actions, _ACTION]
    return keep_output(
        archive,
        output,
        list(known.get("doubts") or []),
        str(known.get("subject_label") or ""),
        done,
        known_to=int(known.get("known_to") or 0),
    )


def _hidden(path: Path, waiting: Sequence[Any]) -> bytes:
    """Return the clean object as it is written with all its rectangles hidden, and its own record of it.

    References
    ----------
    DICOM PS3.15 E.3.1 (Clean Pixel Data Option); PS3.16 CID 7050.
    """
    try:
        dataset = dicom.read_dataset(path)
        for row in waiting:
            frames = [frame - 1 for frame in row.frames] or None
            dataset = deidentification.hide(dataset, as_rectangles(row.rectangles), frames)
        dataset.BurnedInAnnotation = "NO"
        _declare(dataset)
        return dicom.written(dataset)
    except (Invalid, TooLarge):
        raise
    except Exception as error:  # because codecs raise many types, and no library error may show a value
        raise deidentification.CannotHide(f"The masks could not be applied ({type(error).__name__}).") from None


def _declare(dataset: Dataset) -> None:
    """Add the code of the Clean Pixel Data Option to what the object says was done to it."""
    earlier = list(dataset.get("DeidentificationMethodCodeSequence") or [])
    if any(str(one.get("CodeValue", "")) == "113101" for one in earlier):
        return
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "113101", "DCM", "Clean Pixel Data Option"
    ordered = sorted([*earlier, code], key=lambda one: str(one.get("CodeValue", "")))
    dataset.DeidentificationMethodCodeSequence = Items(ordered)


def _fail(archive: Archive, object_id: int, code: str) -> None:
    """Leave an object as it is, held by a doubt that says so."""
    with archive.database.transaction() as tx:
        quarantine.give_up_change(tx, object_id, _CANNOT_HIDE)
        tx.execute(
            "update submissions.mask_object set state = 'failed' where object_id = %s and state = 'waiting'",
            [object_id],
        )
        audit.note(tx, "system", "quarantine.cannot-mask", f"held:{object_id}", code=code)


def _forget(archive: Archive, held: quarantine.HeldObject) -> None:
    """Drop what waits for an object that is settled otherwise by now."""
    with archive.database.transaction() as tx:
        tx.execute("delete from submissions.mask_object where object_id = %s and state = 'waiting'", [held.id])
        drop_empty(tx, held.series_id)
