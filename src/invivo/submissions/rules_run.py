"""Runs of rules over what a collection has: trials, which write nothing, and re-runs. Where a run stands, and its report."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime

from psycopg.types.json import Jsonb

from invivo import accounts, audit, collections, database, jobs, quarantine
from invivo.archive import Archive
from invivo.errors import Busy, Conflict, Invalid, NotFound, Refused
from invivo.submissions.again import open_closed

MOST_IN_TRIAL = 5000
MOST_KEYS = 4000  # of one part of a report
OTHERS = "others"
Report = dict[str, dict[str, dict[str, int]]]


class UnknownRun(NotFound):
    """There is no such run of rules, or the actor does not curate its collection."""

    code = "rules.run-unknown"


class AlreadyRunning(Conflict):
    """A re-run of the collection's rules has not ended yet."""

    code = "rules.already-running"


@dataclass(frozen=True, slots=True)
class RulesRun:
    """A run of rules over a collection.

    Attributes
    ----------
    kind : {"trial", "rerun"}
    version, compared_with : int
        Of the rules that are run, and of those that were in force when it was asked for.
    most_objects : int
        Of a trial; 0 for all.
    is_automatic : bool
        Whether what is in no doubt and only loses more is approved without a person.
    state : {"running", "done", "stopped"}
    last_held, last_released, at_held, at_released : int
        Numbers of the last held series and the last released one that belong to the run, and of those it looked at last.
    restarted : int or None
        The held series whose objects were sent back and are being cleaned.
    report : mapping
        Part, name, label, count; names of attributes and codes, no values.
    """

    id: int
    collection_id: int
    kind: str
    version: int
    compared_with: int
    most_objects: int
    is_automatic: bool
    submission_id: int | None
    state: str
    reason: str
    last_held: int
    last_released: int
    at_held: int
    at_released: int
    restarted: int | None
    series_total: int
    series_done: int
    report: Mapping[str, Mapping[str, Mapping[str, int]]]
    asked_by: str
    asked_at: datetime
    ended_at: datetime | None

    def count(self, name: str) -> int:
        """How many objects, held and released, the report counts under a name."""
        return sum(counted.get(name, 0) for counted in self.report.get("objects", {}).values())


_COLUMNS = ", ".join(field.name for field in fields(RulesRun))


def start_trial(
    archive: Archive, actor: accounts.Actor, collection_id: int, version: int, most_objects: int = 50
) -> RulesRun:
    """Ask for a trial of a version of rules; nothing is written but its report. `go_on` does it.

    Raises
    ------
    Refused
        The actor does not curate the collection.
    UnknownRules, Invalid
    """
    collections.rules_version(archive, actor, collection_id, version)
    if not 1 <= most_objects <= MOST_IN_TRIAL:
        raise Invalid(f"A trial looks at 1 to {MOST_IN_TRIAL} objects.", code="rules.trial-size")
    with archive.database.transaction() as tx:
        run_id = _enter(tx, actor, collection_id, version, "trial", most_objects, is_automatic=False)
        return run_of(tx, run_id)


def start_rerun(archive: Archive, actor: accounts.Actor, collection_id: int, *, is_automatic: bool = False) -> RulesRun:
    """Queue a re-run of the rules in force over all that a collection holds and has released.

    Raises
    ------
    Refused
        The actor does not own the collection.
    AlreadyRunning
    """
    if not actor.may_own(collection_id):
        raise Refused(
            "Only the collection's owner or an administrator may run its rules again.", code="collection.not-owner"
        )
    with archive.database.transaction() as tx:
        tx.execute("select pg_advisory_xact_lock(1002, %s::int)", [collection_id])
        if tx.execute(
            "select 1 from submissions.rules_run where collection_id = %s and kind = 'rerun' and state = 'running'",
            [collection_id],
        ).fetchone():
            raise AlreadyRunning("The rules of this collection are being run again already; wait, or stop that run.")
        version = collections.rules_in_force(tx, collection_id).version
        run_id = _enter(tx, actor, collection_id, version, "rerun", 0, is_automatic=is_automatic)
        jobs.enqueue(tx, "rerun", run_id)
        return run_of(tx, run_id)


def _enter(  # noqa: PLR0917 - the row of a run
    tx: database.Tx,
    actor: accounts.Actor,
    collection_id: int,
    version: int,
    kind: str,
    most_objects: int,
    *,
    is_automatic: bool,
) -> int:
    held = quarantine.series_with_originals(tx, collection_id, 0, 1 << 62, 10_000_000)
    released = tx.execute(
        "select coalesce(max(key), 0) as last, count(*) as n from images.series where collection_id = %s and upper_inf(releases)",
        [collection_id],
    ).fetchone()
    assert released is not None
    row = tx.execute(
        "insert into submissions.rules_run (collection_id, kind, version, compared_with, most_objects, is_automatic, last_held,"
        " last_released, series_total, asked_by) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) returning id",
        [
            *(collection_id, kind, version, collections.rules_in_force(tx, collection_id).version),
            *(most_objects, is_automatic, held[-1] if held else 0, released.last, len(held) + released.n, actor.name),
        ],
    ).fetchone()
    assert row is not None
    audit.note(tx, actor.name, f"rules.{kind}", f"collection:{collection_id}", run=row.id, version=version)
    return int(row.id)


def queue_run(archive: Archive, run: RulesRun) -> None:
    """Leave a run to the worker, from where it is."""
    with archive.database.transaction() as tx:
        jobs.enqueue(tx, "rerun", run.id)


def run_of(tx: database.Tx, run_id: int) -> RulesRun:
    """Return a run for a verb that has its own reason to ask; raises UnknownRun."""
    row = tx.execute(f"select {_COLUMNS} from submissions.rules_run where id = %s", [run_id]).fetchone()  # noqa: S608
    if row is None:
        raise UnknownRun(f"There is no run {run_id} of rules.")
    return RulesRun(*row)


def find_run(archive: Archive, actor: accounts.Actor, run_id: int) -> RulesRun:
    """Return a run of rules of a collection that the actor curates; raises UnknownRun."""
    with archive.database.transaction() as tx:
        run = run_of(tx, run_id)
    if not actor.may_curate(run.collection_id):
        raise UnknownRun(f"There is no run {run_id} of rules, or you may not see it.")
    return run


def runs_of(archive: Archive, actor: accounts.Actor, collection_id: int, limit: int = 50) -> list[RulesRun]:
    """Return the newest runs of a collection's rules, for those who curate it."""
    if not actor.may_curate(collection_id):
        raise Refused("Only the collection's owner or curators may see this.", code="collection.not-curator")
    with archive.database.transaction() as tx:
        found = tx.execute(
            f"select {_COLUMNS} from submissions.rules_run where collection_id = %s order by id desc limit %s",  # noqa: S608
            [collection_id, limit],
        )
        return [RulesRun(*row) for row in found]


def stop_run(archive: Archive, actor: accounts.Actor, run_id: int) -> None:
    """running -> stopped; what it did already stays."""
    run = find_run(archive, actor, run_id)
    if run.kind == "rerun" and not actor.may_own(run.collection_id):
        raise Refused("Only the collection's owner or an administrator may stop this.", code="collection.not-owner")
    end(archive, run_id, "stopped", f"stopped by {actor.label or actor.name}")


def end(archive: Archive, run_id: int, state: str, reason: str = "") -> None:
    """running -> done or stopped."""
    with archive.database.transaction() as tx:
        tx.execute(
            "update submissions.rules_run set state = %s, reason = %s, ended_at = now() where id = %s and state = 'running'",
            [state, reason[:500], run_id],
        )


def forgotten_runs(tx: database.Tx, older_than_s: float) -> list[int]:
    """Return the runs that have not moved for a while and have not ended."""
    found = tx.execute(
        "select id from submissions.rules_run where state = 'running' and touched_at < now() - make_interval(secs => %s)",
        [older_than_s],
    )
    return [int(row.id) for row in found]


def step_done(tx: database.Tx, run: RulesRun, found: Report, *, held: int = 0, released: int = 0) -> None:
    """Write what one series gave together with the place where the run stands now: once, whatever crashes.

    Raises
    ------
    Busy
        Somebody else did this step in the meantime.
    """
    merged = added(run.report, found)
    changed = tx.execute(
        "update submissions.rules_run set at_held = greatest(at_held, %s), at_released = greatest(at_released, %s),"
        " restarted = null, series_done = series_done + 1, report = %s, touched_at = now()"
        " where id = %s and state = 'running' and at_held = %s and at_released = %s",
        [held, released, Jsonb(merged), run.id, run.at_held, run.at_released],
    ).rowcount
    if not changed:
        raise Busy("This run is carried on by somebody else, or was stopped.", code="rules.run-elsewhere")


def tally(report: Report, part: str, name: str, label: str, count: int = 1) -> None:
    """Count one thing in a report."""
    names = report.setdefault(part, {})
    known = name if name in names or len(names) < MOST_KEYS else OTHERS
    labels = names.setdefault(known, {})
    labels[label] = labels.get(label, 0) + count


def added(report: Mapping[str, Mapping[str, Mapping[str, int]]], more: Report) -> Report:
    """Return the sum of two reports."""
    total: Report = {part: {name: dict(labels) for name, labels in names.items()} for part, names in report.items()}
    for part, names in more.items():
        for name, labels in names.items():
            for label, count in labels.items():
                tally(total, part, name, label, count)
    return total


def run_submission(tx: database.Tx, run: RulesRun) -> int:
    """Return the delivery, closed from the beginning, under which a run holds what it changed."""
    known = tx.execute("select submission_id from submissions.rules_run where id = %s", [run.id]).fetchone()
    if known is not None and known.submission_id is not None:
        return int(known.submission_id)
    made = open_closed(tx, run.collection_id, f"Rules version {run.version} run again")
    tx.execute("update submissions.rules_run set submission_id = %s where id = %s", [made, run.id])
    return made
