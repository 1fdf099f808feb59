"""The job that runs rules over what a collection has, one series at a time; killed at any point it goes on where it was.

Held series with originals go back to *received* and through `advance`. Of released objects the originals are gone: the
released file goes through a second pass, and what that changes is held once more for the normal decision.
"""

import math
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from invivo import accounts, audit, collections, database, deidentification, dicom, images, jobs, quarantine, reviews
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, TooLarge
from invivo.submissions.again import doubts_of_pass, keep_again, need_released, take_back
from invivo.submissions.difference import differences
from invivo.submissions.journey import advance
from invivo.submissions.rules import (
    kept_mapping_for,
    mapping_for,
    profile_for,
    profile_of_rules,
)
from invivo.submissions.rules_run import Report, RulesRun, end, run_of, run_submission, step_done, tally
from invivo.submissions.second_pass import Passed, second_pass, second_profile
from invivo.submissions.trial import Way, compare
from invivo.submissions.value_rule import value_rules_of

SLICE_S = 45.0  # then the job makes room for others and queues itself again
MOST_EXAMPLES = 200
REMOVES, CHANGES = "rerun.removes-more", "rerun.changes"


def rerun(archive: Archive, run_id: int, slice_s: float | None = SLICE_S, *, queues: bool = True) -> None:
    """Carry on a trial or a re-run of rules.

    Parameters
    ----------
    slice_s : float or None, seconds
        For how long, at least one series; None: until its end.
    queues : bool
        Whether the rest is left to the worker after that.
    """
    until = math.inf if slice_s is None else time.monotonic() + slice_s
    while True:
        with archive.database.transaction() as tx:
            run = run_of(tx, run_id)
            policy = collections.policy_of(tx, run.collection_id)
        if run.state != "running":
            return
        try:
            is_more = _step(archive, run, policy)
        except Invalid as error:
            end(archive, run.id, "stopped", error.message)
            return
        if not is_more:
            _finish(archive, run)
            return
        if time.monotonic() > until:
            if queues:
                with archive.database.transaction() as tx:
                    jobs.enqueue(tx, "rerun", run_id)
            return


def _step(archive: Archive, run: RulesRun, policy: collections.Collection) -> bool:
    """Look at the next series; return False where there is none."""
    if run.kind == "rerun" and policy.rules is not None and policy.rules.version != run.version:
        raise Invalid("Another version of the rules is in force by now; start a new run.", code="rules.superseded")
    if run.kind == "trial" and run.count("looked_at") >= run.most_objects:
        return False
    with archive.database.transaction() as tx:
        held = _next_held(tx, run)
        released = tx.execute(
            "select key, uid from images.series where collection_id = %s and upper_inf(releases) and key > %s and key <= %s"
            " order by key limit 1",
            [run.collection_id, run.at_released, run.last_released],
        ).fetchone()
    if run.restarted or held:
        series_id = run.restarted or held[0]
        if run.kind == "trial":
            _try_held(archive, run, policy, series_id)
        else:
            _rerun_held(archive, run, series_id)
        return True
    if released is None:
        return False
    chosen = [
        one
        for one in images.instances_of_series(archive, accounts.system(), released.uid)
        if one.series_key == released.key and one.collection_id == run.collection_id
    ]
    if run.kind == "trial":
        _try_released(archive, run, policy, released.key, chosen)
    else:
        _rerun_released(archive, run, policy, released.key, chosen)
    return True


def _next_held(tx: database.Tx, run: RulesRun) -> list[int]:
    """The next held series of a run: of those chosen where values are cleaned, of all otherwise."""
    if run.kind != "clean":
        return quarantine.series_with_originals(tx, run.collection_id, run.at_held, run.last_held, 1)
    found = tx.execute(
        "select series_id from submissions.rules_run_series where run_id = %s and series_id > %s order by series_id limit 1",
        [run.id, run.at_held],
    )
    return [int(row.series_id) for row in found]


# --- trials ----------------------------------------------------------------------------------------------------------


def _ways(archive: Archive, run: RulesRun) -> tuple[Way, Way]:
    actor = accounts.system()
    old, new = (
        collections.rules_version(archive, actor, run.collection_id, version)
        for version in (run.compared_with, run.version)
    )
    return Way(old, profile_of_rules(old)), Way(new, profile_of_rules(new))


def _sample(run: RulesRun, count: int) -> list[int]:
    """Which of a series' objects a trial looks at: some of each series, evenly spaced."""
    share = max(1, math.ceil(run.most_objects / max(run.series_total, 1)))
    wanted = min(count, share, run.most_objects - run.count("looked_at"))
    return [at * count // wanted for at in range(wanted)]


def _try_held(archive: Archive, run: RulesRun, policy: collections.Collection, series_id: int) -> None:
    old, new = _ways(archive, run)
    mapping = mapping_for(archive, policy)
    with archive.database.transaction() as tx:
        objects = [one for one in quarantine.objects_of(tx, series_id) if one.state != "conflict"]
        item = tx.execute(
            "select id from reviews.item where series_id = %s order by id desc limit 1", [series_id]
        ).fetchone()
    found: Report = {}
    for at in _sample(run, len(objects)):
        held = objects[at]
        differing = compare(archive.held.place(held.digest).path, old, new, mapping, found)
        _count_tried(found, "held", differing)
        if item and differing and len(run.report.get("examples", {})) + len(found.get("examples", {})) < MOST_EXAMPLES:
            tally(found, "examples", f"{item.id}/{held.id}", "differing", differing)
    with archive.database.transaction() as tx:
        step_done(tx, run, found, held=series_id)


def _try_released(
    archive: Archive, run: RulesRun, policy: collections.Collection, key: int, chosen: Sequence[images.Instance]
) -> None:
    old, new = (replace(way, profile=second_profile(way.profile)) for way in _ways(archive, run))
    mapping = kept_mapping_for(archive, policy)
    found: Report = {}
    for at in _sample(run, len(chosen)):
        differing = compare(archive.objects.place(chosen[at].digest).path, old, new, mapping, found)
        _count_tried(found, "released", differing)
    with archive.database.transaction() as tx:
        step_done(tx, run, found, released=key)


def _count_tried(found: Report, where: str, differing: int) -> None:
    tally(found, "objects", where, "looked_at")
    tally(found, "objects", where, "changed" if differing else "same")


# --- held series -----------------------------------------------------------------------------------------------------


def _rerun_held(archive: Archive, run: RulesRun, series_id: int) -> None:
    """Send a held series back to where it came from, clean it anew, and see what is different now."""
    found: Report = {}
    if run.restarted != series_id:
        left_alone = _restart(archive, run, series_id)
        if left_alone:
            tally(found, "objects", "held", "masked", left_alone)
            with archive.database.transaction() as tx:
                step_done(tx, run, found, held=series_id)
            return
    advance(archive, series_id)
    links = _links(archive, run, series_id)
    with archive.database.transaction() as tx:
        objects = {one.id: one for one in quarantine.objects_of(tx, series_id)}
    for held in objects.values():
        tally(found, "objects", "held", "looked_at")
        if held.state == "stuck":
            tally(found, "objects", "held", "stuck")
            tally(found, "refusals", held.reason_code or "unknown", "new")
        for severity, code, _, _ in (held.facts or {}).get("doubts", []):
            tally(found, "doubts", code, f"new {severity}")
    for object_id, link in links.items():
        now = objects.get(object_id)
        if now is not None and now.clean_digest and archive.held.holds(now.clean_digest):
            changes = differences(
                dicom.read_dataset(link), dicom.read_dataset(archive.held.place(now.clean_digest).path)
            )
            _count_changes(found, "held", changes)
    with archive.database.transaction() as tx:
        step_done(tx, run, found, held=series_id)
    for link in links.values():
        link.unlink(missing_ok=True)


def _restart(archive: Archive, run: RulesRun, series_id: int) -> int:
    """cleaned, cleared, stuck -> received for a held series; return of how many objects it leaves alone.

    A series on which somebody drew masks is left alone: cleaned anew, it would be without them. The clean files of before
    get a second name, so that they can be compared with what comes.
    """
    take_back(archive, series_id, "rerun")
    with archive.database.transaction() as tx:
        quarantine.lock_series(tx, series_id)
        objects = quarantine.objects_of(tx, series_id)
        if tx.execute("select 1 from submissions.mask where series_id = %s limit 1", [series_id]).fetchone():
            return len(objects)
        cleaned = [one for one in objects if one.state == "cleaned"]
        for one in cleaned:
            if one.clean_digest and archive.held.holds(one.clean_digest):
                link = _link_name(archive, run, series_id, one.id)
                link.unlink(missing_ok=True)
                os.link(archive.held.place(one.clean_digest).path, link)
        quarantine.restart(tx, [one.id for one in cleaned])
        for one in objects:
            if one.state == "stuck":
                quarantine.retry(tx, one.id)
        tx.execute(
            "update submissions.rules_run set restarted = %s, touched_at = now() where id = %s", [series_id, run.id]
        )
        audit.note(tx, "rule:rerun", "quarantine.restart", f"held-series:{series_id}", run=run.id)
    return 0


def _link_name(archive: Archive, run: RulesRun, series_id: int, object_id: int) -> Path:
    return archive.held.root / "spool" / f"rerun-{run.id}-{series_id}-{object_id}"


def _links(archive: Archive, run: RulesRun, series_id: int) -> dict[int, Path]:
    found = (archive.held.root / "spool").glob(f"rerun-{run.id}-{series_id}-*")
    return {int(path.name.rpartition("-")[2]): path for path in sorted(found)}


def _count_changes(found: Report, where: str, changes: dict[str, str]) -> None:
    tally(found, "objects", where, "changed" if changes else "same")
    for path, kind in changes.items():
        tally(found, "attributes", path, kind)


# --- released series -------------------------------------------------------------------------------------------------


def _rerun_released(
    archive: Archive, run: RulesRun, policy: collections.Collection, key: int, chosen: Sequence[images.Instance]
) -> None:
    """Take the objects of a released series through a second pass and hold those that it changes."""
    profile, mapping = profile_for(policy), kept_mapping_for(archive, policy)
    attention = deidentification.Attention()
    with archive.database.transaction() as tx:
        values = value_rules_of(tx, run.collection_id)
    found: Report = {}
    changed: list[quarantine.Again] = []
    for instance in chosen:
        tally(found, "objects", "released", "looked_at")
        path = archive.objects.place(instance.digest).path
        try:
            passed = second_pass(path, profile, mapping, attention, values=values)
            doubts = doubts_of_pass(policy, path, passed)
        except (Invalid, TooLarge) as error:
            tally(found, "objects", "released", "refused")
            tally(found, "refusals", error.kind, "new")
            continue
        for severity, code, _, _ in doubts:
            tally(found, "doubts", code, f"new {severity}")
        _count_changes(found, "released", dict(passed.changes))
        if passed.changes:
            doubts.append(_why(run, policy, passed))
            changed.append(keep_again(archive, instance, passed, doubts))
    with archive.database.transaction() as tx:
        need_released(tx, chosen)
        for series_id in quarantine.drop_again(tx, run.collection_id, [one.uid for one in chosen]):
            jobs.enqueue(tx, "advance", series_id)
        if changed:
            one = chosen[0]
            submission_id = run_submission(tx, run)
            series_id = quarantine.hold_again(
                tx, submission_id, run.collection_id, one.study_uid, one.series_uid, changed
            )
            audit.note(
                tx, "rule:rerun", "quarantine.hold-again", f"held-series:{series_id}", run=run.id, objects=len(changed)
            )
            jobs.enqueue(tx, "advance", series_id)
        step_done(tx, run, found, released=key)


def _why(run: RulesRun, policy: collections.Collection, passed: Passed) -> list[str]:
    """The doubt that says why a released object is here again; without leave no rule may wave it through."""
    is_left_to_person = policy.review_rule == "on-receipt"
    if passed.only_removes:
        severity = "info" if run.is_automatic or not is_left_to_person else "hold"
        text = f"Released before; rules version {run.version} take more out of it and change nothing else."
        return [severity, REMOVES, "", text]
    text = f"Released before; rules version {run.version} make other values of some of its attributes."
    return ["hold" if is_left_to_person else "warning", CHANGES, "", text]


def _finish(archive: Archive, run: RulesRun) -> None:
    """Open what review items are missing, approve what may be approved without a person, and end the run."""
    with archive.database.transaction() as tx:
        run = run_of(tx, run.id)
        held = tx.execute(
            "select id from quarantine.series where submission_id = %s order by id", [run.submission_id]
        ).fetchall()
    for series in held:
        advance(archive, series.id)
    if run.is_automatic and held:
        _approve(archive, run)
    end(archive, run.id, "done")


def _approve(archive: Archive, run: RulesRun) -> None:
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select i.id from reviews.item i where i.submission_id = %s and i.state = 'open' and i.approved_once_by is null"
            " and not exists (select 1 from reviews.finding f where f.item_id = i.id and (f.severity = 'hold' or f.code = %s))"
            " and exists (select 1 from reviews.finding f where f.item_id = i.id and f.code = %s) order by i.id",
            [run.submission_id, CHANGES, REMOVES],
        ).fetchall()
    for item in found:
        try:
            reviews.decide(
                archive,
                accounts.rule("rerun"),
                [item.id],
                "approve",
                "the new rules only take more out, and nothing is in doubt",
            )
        except Conflict:
            continue  # a person was quicker
