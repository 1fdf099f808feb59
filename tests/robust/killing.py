"""A verb is killed at each of its points in turn: whatever is left comes to rest as before it or as after it.

The state of an archive is everything that its tables say, without what differs by chance (numbers, times, secrets). So no
half of a transition, no second mail and no missing line of the journal goes unseen.
"""

import itertools
import os
import re
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg

from invivo import accounts, audit, collections, notices, releases, submissions
from invivo.archive import Archive, make_folders, open_archive, read_key
from invivo.database import Postmaster
from invivo.errors import InvivoError
from invivo.settings import Settings, read_settings
from invivo.worker import VERBS
from tests.robust.forker import Errand, Forker

_numbers = itertools.count(1)
VOLATILE = re.compile(
    r"id|key|seq|xact|.*_(id|key|ids|keys|seq|hash|at|secret|series|item|object)|secret|hash|at|sealed|token|digest|nonce|code|path"
    r"|previous|series|until|seal|told|attempts"
)
SECRETS = re.compile(r"\d{4}-\d\d-\d\d[ T][\d:.+]+|(?<![\w.])(?=[\w-]*\d)[A-Za-z0-9_-]{20,}|(?<=[:/ #\[])\d+\b")
UNCOUNTED = (
    "audit.seal",  # the chain is verified instead
    "accounts.attempt",  # tries are counted before what they are tries of
    "quarantine.value",  # counted anew when a collection has rested for some seconds, and so are the next ones
    "quarantine.value_series",
    "quarantine.value_stale",
    "submissions.recheck",
    "search.stale",  # what a search is to look at anew; it names the transactions
    "quarantine.identifier",  # forgotten some time after the last object of a subject
)
State = dict[str, Counter[str]]


@dataclass(frozen=True)
class Case:
    """A transition: what is there before, the deed, and what it needs.

    Attributes
    ----------
    prepare : callable
        Makes what the deed needs; returns what it is given.
    deed : callable
        A function of a module, so that another process finds it.
    may_repeat : bool
        Done twice it is done twice, as for sending the same letter again; then it is not tried after it was done.
    rests : callable or None
        Run before the state is taken; for what no periodic look does.
    goes_on : callable or None
        Where a transition has a stated step in between: the verb by which a person goes on from there.
    needs_difference : bool
        False for what the worker does anyway as soon as it comes to it.
    """

    name: str
    prepare: Callable[[Archive], tuple[Any, ...]]
    deed: Callable[..., object]
    may_repeat: bool = False
    settings: dict[str, Any] = field(default_factory=dict)
    rests: Callable[[Archive], object] | None = None
    goes_on: Callable[..., object] | None = None
    needs_difference: bool = True
    most_points: int = 120


@dataclass(frozen=True)
class Place:
    """An archive on disk: its database and its folder, and since when it is as it is."""

    dsn: str
    settings: Settings
    since: float = field(default_factory=time.time)

    @contextmanager
    def opened(self) -> Iterator[Archive]:
        archive = open_archive(self.settings, self.dsn, "invivo_staff")
        try:
            yield archive
        finally:
            archive.database.close()


def _settings(home: Path, more: dict[str, Any]) -> Settings:
    made = read_settings(home, limits={"free_bytes": 0}, **more)
    work = made.work.model_copy(update={"sweep_s": 0})  # what is forgotten is taken up at once
    database = made.database.model_copy(update={"pool_size": 2})
    return made.model_copy(update={"work": work, "database": database})


class Ground:
    """Where places are made and copied."""

    def __init__(self, postmaster: Postmaster, folder: Path, forker: Forker, more: dict[str, Any]) -> None:
        self._server, self._folder, self._more = postmaster.dsn, folder, more
        self.forker = forker

    def _admin(self, statement: str) -> None:
        with psycopg.connect(self._server.replace("dbname=invivo", "dbname=postgres"), autocommit=True) as tx:
            tx.execute(statement.encode())

    @contextmanager
    def place(self, template: Place | None = None) -> Iterator[Place]:
        name = f"killing_{os.getpid()}_{next(_numbers)}"
        source = "invivo" if template is None else template.dsn.partition("dbname=")[2].split()[0]
        self._admin(f"create database {name} template {source}")
        home = self._folder / name
        if template is None:
            make_folders(home)
            read_key(home, may_make=True)
        else:
            _copy_ages(template.settings.home, home, time.time() - template.since)
        try:
            yield Place(self._server.replace("dbname=invivo", f"dbname={name}"), _settings(home, self._more))
        finally:
            self._admin(f"drop database {name} with (force)")
            shutil.rmtree(home, ignore_errors=True)


def _copy_ages(source: Path, target: Path, later_s: float) -> None:
    """Copy a home with files that are as old as they were when it was ready, and none of the future.

    The worker buries only what has lain for a minute, and all copies of a case are made in more time than that.
    """

    def copy(one: str, other: str) -> str:
        shutil.copy(one, other)
        found = Path(one).stat()
        os.utime(other, (found.st_atime + later_s, found.st_mtime + later_s))
        return other

    shutil.copytree(source, target, copy_function=copy)


def work(archive: Archive) -> None:
    """Do the jobs that are due, one after the other; one whose process is killed in the middle is done again."""
    while job := _next_job(archive):
        number, name, key = job
        VERBS[name](archive, key)
        with psycopg.connect(archive.database.dsn, options="-c search_path=jobs,public") as tx:
            tx.execute("delete from jobs.procrastinate_jobs where id = %s", [number])


def _next_job(archive: Archive) -> tuple[int, str, str] | None:
    with archive.database.transaction() as tx:
        row = tx.execute(
            "select id, task_name, args->>'key' as key from jobs.procrastinate_jobs where status = 'todo'"
            " and (scheduled_at is null or scheduled_at <= now()) order by id limit 1"
        ).fetchone()
    return (row.id, row.task_name, row.key) if row else None


def look_around(archive: Archive) -> None:
    """Do what the worker does on schedule."""
    submissions.sweep(archive)
    notices.sweep(archive)
    collections.tend(archive)
    accounts.remind(archive)
    releases.tend(archive)
    releases.queue_hooks(archive)


def rest(archive: Archive) -> None:
    """Look around and work so often that what one job leaves to another is done too."""
    for _ in range(3):
        look_around(archive)
        if _next_job(archive) is None:
            return
        work(archive)


def state_of(place: Place) -> State:
    """Return what the tables of an archive say."""
    state: State = {}
    with psycopg.connect(place.dsn) as tx:
        columns = tx.execute(
            "select table_schema || '.' || table_name, array_agg(column_name::text) from information_schema.columns"
            " join information_schema.tables using (table_schema, table_name) where table_type = 'BASE TABLE'"
            " and table_schema not in ('pg_catalog', 'information_schema', 'jobs', 'public') group by 1"
        ).fetchall()
        for table, names in columns:
            if table in UNCOUNTED:
                continue
            volatile = [name for name in names if VOLATILE.fullmatch(name)]
            rows = tx.execute(f"select (to_jsonb(t) - %s::text[])::text from {table} t".encode(), [volatile])
            state[table] = Counter(SECRETS.sub("#", row[0]) for row in rows)
    return state


def difference(found: State, wanted: State) -> list[str]:
    told = []
    for table in sorted(found.keys() | wanted.keys()):
        for sign, rows in (("+", found[table] - wanted[table]), ("-", wanted[table] - found[table])):
            told += [f"{sign} {table} {row[:300]} x{count}" for row, count in rows.items()]
    return told


def missing_files(archive: Archive) -> list[str]:
    """Return the digests of released and held objects whose file is not there."""
    with archive.database.transaction() as tx:
        released = [row.digest for row in tx.execute("select digest from images.instance")]
        held = [
            row.digest
            for row in tx.execute("select clean_digest as digest from quarantine.object where state = 'cleaned'")
        ]
    return [one for one in released if not archive.objects.holds(one)] + [
        one for one in held if not archive.held.holds(one)
    ]


def _at_rest(case: Case, place: Place) -> State:
    with place.opened() as archive:
        for store in (archive.held, archive.objects):
            store.replay()  # as a start does
        rest(archive)
        if case.rests:
            case.rests(archive)
            rest(archive)
        assert missing_files(archive) == []
        audit.seal(archive)
        assert audit.verify(archive).faults == ()
    return state_of(place)


def _try_again(case: Case, place: Place, given: tuple[Any, ...]) -> str:
    with place.opened() as archive:
        try:
            case.deed(archive, *given)
        except InvivoError as error:
            return error.kind
    return "done"


@dataclass(frozen=True)
class Origin:
    """What a case begins with, and its state at rest; several cases may begin with the same."""

    place: Place
    given: tuple[Any, ...]
    state: State


_origins: dict[Any, Origin] = {}


def _origin(case: Case, ground: Ground, kept: ExitStack) -> Origin:
    key = (case.prepare, repr(case.settings), case.rests)
    if key not in _origins:
        place = kept.enter_context(ground.place())
        with place.opened() as archive:
            given = case.prepare(archive)
            for store in (archive.held, archive.objects):
                store.settle()
        place = replace(place, since=time.time())
        with ground.place(place) as copy:
            _origins[key] = Origin(place, given, _at_rest(case, copy))
    return _origins[key]


def prove(case: Case, ground: Ground, kept: ExitStack) -> int:
    """Kill a deed at each of its points; return how many there are."""
    origin = _origin(case, ground, kept)
    with ground.place(origin.place) as place:
        ending = ground.forker.run(Errand(place.settings, place.dsn, case.deed, origin.given, 0))
        assert ending.outcome == "done", ending
        new = _at_rest(case, place)
    assert difference(new, origin.state) or not case.needs_difference, "the deed does nothing"
    assert 0 < ending.points <= case.most_points, ending.points
    was_new = False
    for number in range(1, ending.points + 1):
        with ground.place(origin.place) as place:
            was_new |= _kill_once(case, ground, place, (origin, new), number, tries_again=not was_new)
    return ending.points


def _kill_once(
    case: Case, ground: Ground, place: Place, begun: tuple[Origin, State], number: int, *, tries_again: bool
) -> bool:
    """Kill at one point and look; return whether the deed was done by then. What is done is tried again once a case."""
    origin, new = begun
    ending = ground.forker.run(Errand(place.settings, place.dsn, case.deed, origin.given, number))
    assert ending.killed_by in (signal.SIGKILL, 0)
    found = _at_rest(case, place)
    is_new = difference(found, new) == []
    if case.goes_on and not is_new and difference(found, origin.state):
        with place.opened() as archive:
            case.goes_on(archive, *origin.given)
        left = difference(_at_rest(case, place), new)
        assert left == [], f"point {number}, gone on: {left}"
        return False
    assert is_new or difference(found, origin.state) == [], f"point {number} is between: {difference(found, new)}"
    if is_new and (case.may_repeat or not tries_again):
        return True
    told = _try_again(case, place, origin.given)
    assert told == "done" or is_new, f"point {number}: trying again is refused: {told}"
    left = difference(_at_rest(case, place), new)
    assert left == [], f"point {number}, tried again ({told}): {left}"
    return is_new
