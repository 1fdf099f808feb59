"""Which state of the columns a process has, and that it is never older than the question.

Before each answer the process asks the database what has changed since the state that it holds, and reads those series again.
After greater changes all is read again on the side. Who asks meanwhile waits for it; only series that are new, very many at
once, are left out until then.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from weakref import WeakKeyDictionary

import numpy as np
import structlog
from numpy.typing import NDArray

from invivo import accounts, collections, database
from invivo.archive import Archive
from invivo.search.column import Mask
from invivo.search.evaluation import Seen
from invivo.search.index import Index, Key, load, patched
from invivo.search.query import Query
from invivo.search.statement import FROM, visible_and_asked

MOST_AT_ONCE = 5_000
LOOK_AGAIN_S = 30.0
LONGEST_WAIT_S = 60.0
FORGET_AFTER = timedelta(hours=6)
_log = structlog.get_logger()

_CHANGED = """
select pg_current_snapshot()::text as now, t.kind, t.thing
from (values (1)) one (n) left join (
    select kind, thing from search.stale
    where xid >= pg_snapshot_xmin(%(seen)s::pg_snapshot) and not pg_visible_in_snapshot(xid, %(seen)s::pg_snapshot)
    limit %(most)s) t on true
"""
_SERIES_OF = {
    "study": "select id from images.series where study_id = any(%s)",
    "subject": "select id from images.series where subject_id = any(%s)",
}


@dataclass(slots=True)
class _Held:
    lock: threading.Lock = field(default_factory=threading.Lock)
    index: Index | None = None
    read_at: float = 0.0
    looked_at: float = -1e9
    is_large: bool = False
    reading: threading.Event | None = None
    is_behind: bool = False
    rests_until: float = -1e9


_held: WeakKeyDictionary[database.Database, _Held] = WeakKeyDictionary()
_making = threading.Lock()


@dataclass(frozen=True, slots=True)
class Moment:
    """What somebody may see, as it is now: answers that are given from one moment agree with each other.

    Attributes
    ----------
    seen : Seen or None
        None where the database answers each question itself.
    """

    seen: Seen | None


def moment_of(archive: Archive, actor: accounts.Actor) -> Moment:
    """Look once, for several questions of the same actor that are answered together; never kept for a later request."""
    return Moment(seen_by(archive, actor))


def seen_by(archive: Archive, actor: accounts.Actor) -> Seen | None:
    """Return the columns as an actor may see them now; None where the database answers itself: of a small archive, or when
    much has changed just now."""
    found = _now(archive, actor)
    if found is None:
        return None
    index, keys, shown = found
    is_shown = np.zeros(len(keys), bool)
    is_shown[shown] = True
    whose = is_shown.tobytes()

    def shown_rows() -> Mask:
        return index.alive if is_shown.all() else index.alive & is_shown[index.classes]

    rows = index.kept.answer(("rows", whose), shown_rows, lambda one: int(one.nbytes))

    def ask(query: Query | database.Condition) -> Sequence[int]:
        if isinstance(query, database.Condition):  # of the series alone; who asks sees some of them
            statement = database.join("select s.id from images.series s where {query}", query=query)
        else:
            statement = database.join(f"select s.id {FROM}", **visible_and_asked(actor, query))
        with archive.database.transaction() as tx:
            return [row.id for row in database.rows(tx, statement)]

    def relate() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        with (
            archive.database.transaction() as tx,
            tx.cursor().copy("copy (select source_id, target_id from images.referred) to stdout") as copy,
        ):
            told = b"".join(bytes(block) for block in copy)
        both = np.array(told.split(), np.int64).reshape(-1, 2)
        return both[:, 0].copy(), both[:, 1].copy()

    return Seen(index, rows, whose, ask, relate)


def _now(archive: Archive, actor: accounts.Actor) -> tuple[Index, list[Key], list[int]] | None:
    """Return the state of now, its classes and which of them the actor may see; wait for it while it is read."""
    held = _of(archive)
    for _ in range(2):
        if held.index is None:
            _begin(archive, held)
            reading = held.reading
            if reading is not None:
                reading.wait(LONGEST_WAIT_S)
        if held.index is None:
            return None
        with archive.database.transaction() as tx:
            with held.lock:
                index = _caught_up(archive, tx, held)
            if index is not None:
                keys = list(index.class_keys)
                return index, keys, _shown(tx, actor, keys)
    return None


def _shown(tx: database.Tx, actor: accounts.Actor, keys: Sequence[Key]) -> list[int]:
    """Return which classes of series the actor may see: the same condition as everywhere, asked once a class."""
    statement = database.join(
        "select s.place from (select u.*, int4range(1, null) as releases"
        " from unnest(%(collections)s::bigint[], %(classes)s::text[], %(sites)s::text[]) with ordinality"
        " as u (collection_id, access, site, place)) s where {visible}",
        visible=collections.visible_to(actor),
    )
    given = {name: [key[place] for key in keys] for place, name in enumerate(("collections", "classes", "sites"))}
    found = database.rows(tx, database.Statement(statement.text, {**statement.parameters, **given}))
    return [int(row.place) - 1 for row in found]


def _of(archive: Archive) -> _Held:
    held = _held.get(archive.database)
    if held is None:
        with _making:
            held = _held.setdefault(archive.database, _Held())
    return held


def read_now(archive: Archive) -> Index:
    """Read all columns, however small the archive is, and hold them from now on."""
    held = _of(archive)
    with held.lock:
        held.index, held.is_large = _read(archive), True
        held.read_at = time.monotonic()
        return held.index


def forget_changes(archive: Archive) -> int:
    """Delete the notes that everybody has read: who holds columns longer reads them anew. Return how many."""
    with archive.database.transaction() as tx:
        return tx.execute("delete from search.stale where noted_at < now() - %s", [FORGET_AFTER * 2]).rowcount


def _caught_up(archive: Archive, tx: database.Tx, held: _Held) -> Index | None:
    """Return the state of now; None where it has to be read anew."""
    index = held.index
    if index is None:
        return None
    if time.monotonic() - held.read_at > FORGET_AFTER.total_seconds():
        held.index = None
        return None
    found = tx.execute(_CHANGED, {"seen": index.seen, "most": MOST_AT_ONCE + 1}).fetchall()
    changed = [(row.kind, row.thing) for row in found if row.kind and row.kind != "entered"]
    held.read_at = time.monotonic()
    ids = _series_of(tx, changed) if len(changed) <= MOST_AT_ONCE else set()
    if len(changed) > MOST_AT_ONCE or len(ids) > MOST_AT_ONCE:
        held.index = None
        return None
    held.is_behind |= index.is_mostly_dead or any(row.kind == "entered" for row in found)
    if held.is_behind and held.read_at > held.rests_until:
        held.is_behind = False
        _begin(archive, held)
    if found[0].kind:
        held.index = patched(tx, index, found[0].now, sorted(ids)) if ids else replace(index, seen=found[0].now)
    return held.index


def _series_of(tx: database.Tx, changed: Sequence[tuple[str, int]]) -> set[int]:
    """Return the series that changed, and those below what changed."""
    things: dict[str, list[int]] = {}
    for kind, thing in changed:
        things.setdefault(kind, []).append(thing)
    ids = set(things.get("series", []))
    for kind, question in _SERIES_OF.items():
        if kind in things:
            ids |= {row.id for row in tx.execute(question, [things[kind]])}
    if "collection" in things:
        rows = tx.execute(
            "select id from images.series where collection_id = any(%s) and upper_inf(releases) limit %s",
            [things["collection"], MOST_AT_ONCE + 1],
        )
        ids |= {row.id for row in rows}
    return ids


def prepare(archive: Archive) -> None:
    """Begin to read the columns of a large archive, so that who asks first need not wait."""
    _begin(archive, _of(archive))


def _begin(archive: Archive, held: _Held) -> None:
    """Read the columns on the side, if the archive is large enough for them; one at a time."""
    with _making:
        if held.reading is not None or not _is_large(archive, held):
            return
        held.reading = threading.Event()
    threading.Thread(target=_read_aside, args=(archive, held), daemon=True, name="search-columns").start()


def _is_large(archive: Archive, held: _Held) -> bool:
    if time.monotonic() - held.looked_at > LOOK_AGAIN_S:
        held.looked_at = time.monotonic()
        with archive.database.transaction() as tx:
            least = archive.settings.search.columns_from_series
            row = tx.execute("select 1 as n from images.series offset %s limit 1", [least]).fetchone()
            held.is_large = row is not None
    return held.is_large


def _read_aside(archive: Archive, held: _Held) -> None:
    try:
        began = time.monotonic()
        index = _read(archive)
        held.read_at, held.index = time.monotonic(), index
        held.rests_until = held.read_at + 2 * (held.read_at - began)
        _log.info("search.columns-read", series=index.size, seconds=round(held.read_at - began, 1))
    except Exception as error:  # because the database answers as well, only slower
        _log.warning("search.columns-unread", error=type(error).__name__)
        held.looked_at, held.is_large = time.monotonic(), False
    finally:
        done, held.reading = held.reading, None
        if done is not None:
            done.set()


def _read(archive: Archive) -> Index:
    with archive.database.transaction() as tx:
        return load(tx)
