"""An object that comes later tells a new identifier of its subject: the job that looks for it in the earlier objects.

Held objects in which it still stands are cleaned again from their originals; where that cannot be, because a curator masked
them or they were released before, they are held with a finding. Released ones stay where they are, and what a second pass
makes of them is held beside them for a decision. A pass begins when nothing was told for a minute, goes on where it was
stopped, and writes down by keyed digests what the subject's objects have been looked through for.
"""

import hashlib
import hmac
import math
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from io import BytesIO
from pathlib import Path
from typing import Any

from invivo import accounts, audit, collections, database, deidentification, dicom, images, jobs, quarantine
from invivo.archive import Archive
from invivo.errors import Busy, Invalid, TooLarge
from invivo.submissions.again import (
    again_of,
    doubts_of_pass,
    keep_again,
    need_released,
    open_closed,
    take_back,
)
from invivo.submissions.known import MOST_OF_SUBJECT
from invivo.submissions.output import keep_output
from invivo.submissions.rules import kept_mapping_for, profile_for
from invivo.submissions.second_pass import second_pass
from invivo.submissions.value_rule import value_rules_of

WAIT_S = 60.0  # after the last new identifier, so that a delivery leads to one pass
LONGEST_WAIT_S = 900.0
SLICE_S = 45.0  # then the job makes room for others and queues itself again
BATCH = 50
RULE = "recheck"
_TOLD_LATER = [
    "hold",
    "identifier.told-later",
    "",
    "Another object of this subject, which came later, tells an identifier that still stands in this one.",
]
_RELEASED = [
    "hold",
    "identifier.told-after-release",
    "",
    "Released before; an object that came later tells an identifier of the subject that still stands in the released one.",
]
_CANNOT_CLEAN = [
    "hold",
    "identifier.stays-released",
    "",
    "The archive could not take the identifier out: this is the object as it is released.",
]
# Text of the picture that nobody understood may be the name that is known now.
_UNCLEAR_TEXT = "pixel.text-unclear"


@dataclass(frozen=True, slots=True)
class _Recheck:
    """A pass over a subject's objects, and where it stands; ``told_to`` is 0 until it begins."""

    id: int
    collection_id: int
    subject_label: str
    told_to: int
    at_held: int
    at_released: int
    submission_id: int | None


@dataclass(frozen=True, slots=True)
class _Pass:
    """A pass with what is looked for: everything in held objects, in released ones what they were not looked through for."""

    check: _Recheck
    known: tuple[deidentification.Trace, ...]
    unproven: tuple[deidentification.Trace, ...]


_COLUMNS = ", ".join(field.name for field in fields(_Recheck))


def ask_again(archive: Archive, tx: database.Tx, collection_id: int, objects: Iterable[quarantine.HeldObject]) -> None:
    """Ask for a pass over the subjects of objects that were just cleaned, where earlier objects were cleaned with less."""
    for label in sorted({str(one.facts["subject_label"]) for one in objects if one.facts}):
        known = quarantine.remembered(tx, collection_id, label, MOST_OF_SUBJECT)
        unproven = _unproven(archive, tx, collection_id, label, known.identifiers)
        late = quarantine.cleaned_of_subject(tx, collection_id, label, after=0, told_to=known.told_to, limit=1)
        if late or (unproven and _next_released(tx, collection_id, label, 0)):
            _ask(tx, collection_id, label)
        elif unproven:
            _prove(tx, collection_id, label, unproven)


def _ask(tx: database.Tx, collection_id: int, subject_label: str) -> None:
    """Ask for a pass; one that waits is put off, but not for ever, and one that runs is followed by another."""
    row = tx.execute(
        "insert into submissions.recheck as r (collection_id, subject_label, due_at)"
        " values (%(collection)s, %(label)s, now() + make_interval(secs => %(wait)s))"
        " on conflict (collection_id, subject_label) do update set is_asked_again = r.told_to > 0, due_at = case"
        " when r.told_to > 0 then r.due_at else least(excluded.due_at, r.asked_at + make_interval(secs => %(longest)s)) end"
        " returning id, due_at",
        {
            **{"collection": collection_id, "label": subject_label},
            **{"wait": WAIT_S, "longest": LONGEST_WAIT_S},
        },
    ).fetchone()
    assert row is not None
    jobs.enqueue_later(tx, "recheck", row.id, row.due_at)


def _prove(tx: database.Tx, collection_id: int, subject_label: str, digests: Iterable[bytes]) -> None:
    tx.execute(
        "insert into submissions.proven (collection_id, subject_label, digest) select %s, %s, unnest(%s::bytea[])"
        " on conflict do nothing",
        [collection_id, subject_label, list(digests)],
    )


def recheck(archive: Archive, recheck_id: int, slice_s: float | None = SLICE_S) -> None:
    """Carry on a pass over a subject's objects; one that is not due yet is queued again for its time.

    Parameters
    ----------
    slice_s : float or None, seconds
        For how long, at least one step; then the rest is left to the worker. None: until its end.
    """
    until = math.inf if slice_s is None else time.monotonic() + slice_s
    while (going := _begun(archive, recheck_id)) is not None:
        if not _step(archive, going):
            _end(archive, going)
            return
        if time.monotonic() > until:
            with archive.database.transaction() as tx:
                jobs.enqueue(tx, "recheck", recheck_id)
            return


def looks_again(profile: deidentification.Profile) -> bool:
    """Whether a collection's rules take identifiers of a subject out of its other objects at all.

    A script does what it says with the object's own values, and a profile that only verifies takes nothing out.
    """
    return not profile.verifies_only and not isinstance(profile, deidentification.ScriptProfile)


def forgotten_rechecks(tx: database.Tx, older_than_s: float) -> list[int]:
    """Return the passes that are due and have not moved for a while."""
    found = tx.execute(
        "select id from submissions.recheck where greatest(due_at, touched_at) < now() - make_interval(secs => %s)",
        [older_than_s],
    )
    return [int(row.id) for row in found]


def rechecked_subjects(tx: database.Tx) -> list[tuple[int, str]]:
    """Return collection and label of the subjects whose identifiers are still looked for."""
    return [(row[0], row[1]) for row in tx.execute("select collection_id, subject_label from submissions.recheck")]


def _begun(archive: Archive, recheck_id: int) -> _Pass | None:
    """Begin a pass that is due, or take it up; None where there is nothing to do now."""
    with archive.database.transaction() as tx:
        row = tx.execute(
            f"select {_COLUMNS}, due_at, due_at > now() as is_early from submissions.recheck where id = %s for update",  # noqa: S608
            [recheck_id],
        ).fetchone()
        if row is None:
            return None
        check = _Recheck(*row[:-2])
        if row.is_early:
            jobs.enqueue_later(tx, "recheck", recheck_id, row.due_at)
            return None
        if not _is_wanted(tx, check):
            return None
        known = quarantine.remembered(tx, check.collection_id, check.subject_label, MOST_OF_SUBJECT)
        check = replace(check, told_to=check.told_to or max(known.told_to, 1))
        tx.execute(
            "update submissions.recheck set told_to = %s, touched_at = now() where id = %s", [check.told_to, check.id]
        )
        unproven = _unproven(archive, tx, check.collection_id, check.subject_label, known.identifiers)
    return _Pass(
        check, deidentification.traces_from(known.identifiers), deidentification.traces_from(sorted(unproven.values()))
    )


def _is_wanted(tx: database.Tx, check: _Recheck) -> bool:
    """Whether the rules in force look at objects again. While they cannot be carried out, the pass is put off."""
    try:
        if looks_again(profile_for(collections.policy_of(tx, check.collection_id))):
            return True
        tx.execute("delete from submissions.recheck where id = %s", [check.id])
    except Invalid:
        tx.execute(
            "update submissions.recheck set due_at = now() + make_interval(secs => %s) where id = %s",
            [LONGEST_WAIT_S, check.id],
        )
    return False


def _unproven(
    archive: Archive,
    tx: database.Tx,
    collection_id: int,
    subject_label: str,
    identifiers: Sequence[quarantine.Identifier],
) -> dict[bytes, quarantine.Identifier]:
    """Which identifiers the subject's objects have not been looked through for, by their keyed digests."""
    key = archive.secret(f"identifiers:{collection_id}:{subject_label}")
    digests = {hmac.new(key, "\0".join(one).encode(), hashlib.sha256).digest()[:16]: one for one in identifiers}
    proven = tx.execute(
        "select digest from submissions.proven where collection_id = %s and subject_label = %s and digest = any (%s)",
        [collection_id, subject_label, list(digests)],
    )
    for row in proven:
        del digests[bytes(row.digest)]
    return digests


def _step(archive: Archive, going: _Pass) -> bool:
    """Look at the next objects; return False where there is none."""
    check = going.check
    with archive.database.transaction() as tx:
        held = quarantine.cleaned_of_subject(
            tx, check.collection_id, check.subject_label, after=check.at_held, told_to=check.told_to, limit=BATCH
        )
        released = _next_released(tx, check.collection_id, check.subject_label, check.at_released)
    if held:
        _look_at_held(archive, going, held)
        return True
    if released is None or not going.unproven:
        return False
    _look_at_released(archive, going, released.key, released.uid)
    return True


def _next_released(tx: database.Tx, collection_id: int, subject_label: str, after: int) -> Any:
    """Key and UID of a subject's next released series; None where there is none."""
    return tx.execute(
        "select s.key, s.uid from images.series s join subjects.subject p on p.id = s.subject_id where s.collection_id = %s"
        " and p.label = %s and upper_inf(s.releases) and s.key > %s order by s.key limit 1",
        [collection_id, subject_label, after],
    ).fetchone()


def _still_tells(path: Path, label: str, traces: Sequence[deidentification.Trace]) -> bool:
    """Whether an identifier stands in a cleaned file. What cannot be looked through counts as if it did."""
    profile = deidentification.profile_named("basic").with_options(frozenset({"retain_uids"}))
    try:
        output = path.read_bytes()
        dataset = dicom.read_dataset(BytesIO(output))
        return bool(deidentification.leftovers(dataset, output, profile, labels=(label,), traces=tuple(traces)))
    except FileNotFoundError:
        return False  # decided on in between, and deleted
    except Exception:  # because hostile bytes break libraries in ways of their own
        return True


# --- held objects ----------------------------------------------------------------------------------------------------


def _look_at_held(archive: Archive, going: _Pass, objects: Sequence[quarantine.HeldObject]) -> None:
    """Look through some held objects, and clean those again in which an identifier stands, or text that may be one."""
    found: dict[int, list[quarantine.HeldObject]] = defaultdict(list)
    telling, label = set(), going.check.subject_label
    for held in objects:
        if _still_tells(archive.held.place(str(held.clean_digest)).path, label, going.known):
            telling.add(held.id)
        if held.id in telling or _has_unclear_text(held):
            found[held.series_id].append(held)
    for series_id, hits in found.items():
        _clean_again(archive, series_id, hits, telling)
    with archive.database.transaction() as tx:
        quarantine.note_proof(tx, [held.id for held in objects], going.check.told_to)
        tx.execute(
            "update submissions.recheck set at_held = %s, touched_at = now() where id = %s",
            [objects[-1].id, going.check.id],
        )


def _has_unclear_text(held: quarantine.HeldObject) -> bool:
    return any(doubt[1] == _UNCLEAR_TEXT for doubt in (held.facts or {}).get("doubts") or [])


def _clean_again(archive: Archive, series_id: int, hits: Sequence[quarantine.HeldObject], telling: set[int]) -> None:
    """Clean objects of a held series again from their originals; those that would lose masks, or have none, are held."""
    take_back(archive, series_id, RULE)
    ids = [held.id for held in hits]
    with archive.database.transaction() as tx:
        quarantine.lock_series(tx, series_id)
        masked = tx.execute("select distinct object_id from submissions.mask_object where object_id = any (%s)", [ids])
        kept = {row.object_id for row in masked} | {held.id for held in hits if held.door == quarantine.RERUN}
        restarted = quarantine.restart(tx, [one for one in ids if one not in kept])
        doubtful = sorted(kept & telling)
        quarantine.add_doubt(tx, doubtful, _TOLD_LATER)
        actor, thing = f"rule:{RULE}", f"held-series:{series_id}"
        audit.note(tx, actor, "quarantine.restart", thing, objects=restarted, held=len(doubtful))
        jobs.enqueue(tx, "advance", series_id)


# --- released series -------------------------------------------------------------------------------------------------


def _look_at_released(archive: Archive, going: _Pass, key: int, uid: str) -> None:
    """Look through the objects of a released series, and hold beside them what becomes of those with an identifier."""
    check = going.check
    chosen = [
        one
        for one in images.instances_of_series(archive, accounts.system(), uid)
        if one.series_key == key and one.collection_id == check.collection_id
    ]
    hits = [
        one
        for one in chosen
        if _still_tells(archive.objects.place(one.digest).path, check.subject_label, going.unproven)
    ]
    with archive.database.transaction() as tx:
        policy = collections.policy_of(tx, check.collection_id)
    attention = deidentification.Attention()
    made = [_made(archive, policy, going, one, attention) for one in hits]
    with archive.database.transaction() as tx:
        if hits:
            need_released(tx, hits)
            _hold(tx, check, hits, made)
        tx.execute("update submissions.recheck set at_released = %s, touched_at = now() where id = %s", [key, check.id])


def _made(
    archive: Archive,
    policy: collections.Collection,
    going: _Pass,
    instance: images.Instance,
    attention: deidentification.Attention,
) -> quarantine.Again:
    """What a second pass that knows all identifiers makes of a released object; the object itself where it cannot."""
    path = archive.objects.place(instance.digest).path
    try:
        profile, mapping = profile_for(policy), kept_mapping_for(archive, policy)
        with archive.database.transaction() as tx:
            values = value_rules_of(tx, policy.id)
        passed = second_pass(path, profile, mapping, attention, going.known, values=values)
        if passed.changes:
            return keep_again(archive, instance, passed, [*doubts_of_pass(policy, path, passed), _RELEASED])
        why = _CANNOT_CLEAN
    except (Invalid, TooLarge) as error:
        why = [*_CANNOT_CLEAN[:3], f"{_CANNOT_CLEAN[3]} {error.message}"]
    archive.held.adopt([instance.digest], archive.objects)
    doubts = [_RELEASED, why]
    return again_of(instance, keep_output(archive, path.read_bytes(), doubts, going.check.subject_label, []))


def _hold(tx: database.Tx, check: _Recheck, hits: Sequence[images.Instance], made: Sequence[quarantine.Again]) -> None:
    for series_id in quarantine.drop_again(tx, check.collection_id, [one.uid for one in hits]):
        jobs.enqueue(tx, "advance", series_id)
    row = tx.execute("select submission_id from submissions.recheck where id = %s for update", [check.id]).fetchone()
    if row is None:
        raise Busy("This pass was ended by somebody else.", code="recheck.elsewhere")
    submission_id = row.submission_id or open_closed(tx, check.collection_id, "Identifiers that were told later")
    tx.execute("update submissions.recheck set submission_id = %s where id = %s", [submission_id, check.id])
    one = hits[0]
    series_id = quarantine.hold_again(tx, submission_id, check.collection_id, one.study_uid, one.series_uid, made)
    audit.note(tx, f"rule:{RULE}", "quarantine.hold-again", f"held-series:{series_id}", objects=len(made))
    jobs.enqueue(tx, "advance", series_id)


def _end(archive: Archive, going: _Pass) -> None:
    """End a pass: what was looked for is proven. Where something was told in the meantime, another one is due."""
    check = going.check
    with archive.database.transaction() as tx:
        known = quarantine.remembered(tx, check.collection_id, check.subject_label, MOST_OF_SUBJECT, check.told_to)
        digests = _unproven(archive, tx, check.collection_id, check.subject_label, known.identifiers)
        _prove(tx, check.collection_id, check.subject_label, digests)
        ended = tx.execute(
            "delete from submissions.recheck where id = %s and not is_asked_again returning id", [check.id]
        ).fetchone()
        if ended is None:
            tx.execute(
                "update submissions.recheck set told_to = 0, at_held = 0, at_released = 0, is_asked_again = false, submission_id = null,"
                " asked_at = now(), due_at = now() + make_interval(secs => %s) where id = %s",
                [WAIT_S, check.id],
            )
            jobs.enqueue(tx, "recheck", check.id)
