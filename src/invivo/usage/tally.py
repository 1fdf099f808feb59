"""Counting what is taken and looked at, without slowing down whoever takes it.

Events are gathered in the process that serves them and written together after some seconds; a process that is killed
loses these seconds of the count, never an entry of the journal. The rules are those of COUNTER for research data: robots do not
count, and who asks for the same thing again within half a minute counts once.

References
----------
COUNTER Code of Practice for Research Data, release 1, sections 3.3 and 7.
"""

import atexit
import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from weakref import WeakKeyDictionary, ref

import structlog

from invivo import accounts, collections, database, search
from invivo.archive import Archive
from invivo.usage.robot import kind_of

AGAIN_S = 30.0
NOTED_S = 600.0
FLUSH_S = 5.0
MOST_REMEMBERED = 20_000
WHOLE_ARCHIVE = 0
_log = structlog.get_logger()

Taken = Mapping[tuple[int, str], int]  # bytes by collection and series; a file that is none has the series ""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks, as far as counting goes.

    Attributes
    ----------
    address : str
        Of the network; kept nowhere.
    agent : str
        The name of the program.
    """

    actor: accounts.Actor
    address: str = ""
    agent: str = ""


@dataclass(slots=True)
class _Sum:
    events: int = 0
    series: int = 0
    size_bytes: int = 0


@dataclass(slots=True)
class _Tally:
    """What one process has counted and not written yet."""

    archive: ref[Archive]
    lock: threading.Lock = field(default_factory=threading.Lock)
    sums: dict[tuple[date, int, str, str, bool], _Sum] = field(default_factory=dict)
    visitors: dict[tuple[date, int, bytes], int | None] = field(default_factory=dict)
    counted: OrderedDict[tuple[object, ...], float] = field(default_factory=OrderedDict)
    noted: OrderedDict[tuple[object, ...], float] = field(default_factory=OrderedDict)
    salts: dict[date, bytes] = field(default_factory=dict)
    is_due: bool = False


_tallies: WeakKeyDictionary[database.Database, _Tally] = WeakKeyDictionary()
_making = threading.Lock()


def took(archive: Archive, visitor: Visitor, door: str, taken: Taken, *, kind: str = "download") -> None:
    """Count a download, and note it in the journal where it is not of open data; call it before the first byte leaves.

    Parameters
    ----------
    door : {"web", "dicomweb", "dimse", "rest"}
    taken : mapping of (collection id, series UID) to bytes
        What begins to leave. Frame after frame of a series by the same visitor is one download within half a minute, and
        one entry of the journal within ten.
    kind : {"download", "view"}
        Of pictures that are drawn to be looked at, the journal knows as well, but they count as looks.
    """
    tally, who = _tally_of(archive), _name_of(visitor)
    with tally.lock:
        unnoted = [one for one in taken if _is_new(tally.noted, (visitor.actor.name, door, *one), NOTED_S)]
    if unnoted:
        collections.note_download(archive, visitor.actor, door, _by_collection({one: taken[one] for one in unnoted}))
    if unnoted and kind == "download":
        search.note_taken(archive, visitor.actor, unnoted)
    asks = kind_of(visitor.agent, tuple(archive.settings.usage.robots))
    if asks == "robot":
        return
    with tally.lock:
        fresh = {one: size for one, size in taken.items() if _is_new(tally.counted, (who, kind, *one), AGAIN_S)}
        today = archive.clock().date()
        for collection_id, (_, size_bytes) in _by_collection(taken).items():
            place = tally.sums.setdefault((today, collection_id, door, kind, asks == "machine"), _Sum())
            place.size_bytes += size_bytes if kind == "download" else 0
        for collection_id, (series, _) in _by_collection(fresh).items():
            place = tally.sums[today, collection_id, door, kind, asks == "machine"]
            place.events += 1
            place.series += series if kind == "download" else 0
    _count_visitor(archive, tally, visitor, who, {collection_id for collection_id, _ in fresh})


def saw(archive: Archive, visitor: Visitor, collection_id: int, thing: str) -> None:
    """Count a look at a page of a collection, such as its landing page; the same thing within half a minute counts once."""
    kind = kind_of(visitor.agent, tuple(archive.settings.usage.robots))
    if kind == "robot":
        return
    tally, who = _tally_of(archive), _name_of(visitor)
    with tally.lock:
        if not _is_new(tally.counted, (who, "view", collection_id, thing), AGAIN_S):
            return
        key = (archive.clock().date(), collection_id, "web", "view", kind == "machine")
        tally.sums.setdefault(key, _Sum()).events += 1
    _count_visitor(archive, tally, visitor, who, {collection_id})


def flush(archive: Archive) -> None:
    """Write what was counted; done by itself some seconds after it was, and when the process ends."""
    tally = _tally_of(archive)
    with tally.lock:
        sums, visitors, tally.sums, tally.visitors, tally.is_due = tally.sums, tally.visitors, {}, {}, False
    if not sums and not visitors:
        return
    with archive.database.transaction() as tx:
        for key in sorted(sums):
            one = sums[key]
            tx.execute(
                "insert into usage.day (day, collection_id, door, kind, is_machine, events, series_count, size_bytes)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict (day, collection_id, door, kind, is_machine)"
                " do update set events = usage.day.events + excluded.events,"
                " series_count = usage.day.series_count + excluded.series_count,"
                " size_bytes = usage.day.size_bytes + excluded.size_bytes",
                [*key, one.events, one.series, one.size_bytes],
            )
        asked = archive.settings.usage.countries
        for (month, collection_id, digest), person_id in visitors.items():
            country = accounts.country_of(tx, person_id) if asked and person_id is not None else ""
            tx.execute(
                "insert into usage.visitor (month, collection_id, digest, is_registered, country)"
                " values (%s, %s, %s, %s, %s) on conflict do nothing",
                [month, collection_id, digest, person_id is not None, country],
            )


def _tally_of(archive: Archive) -> _Tally:
    found = _tallies.get(archive.database)
    if found is None:
        with _making:
            found = _tallies.setdefault(archive.database, _Tally(ref(archive)))
    return found


def _name_of(visitor: Visitor) -> str:
    return visitor.actor.name if visitor.actor.person_id is not None else f"{visitor.address} {visitor.agent[:200]}"


def _is_new(seen: OrderedDict[tuple[object, ...], float], key: tuple[object, ...], within_s: float) -> bool:
    """Remember a key; return whether it was not met within some seconds. The oldest are forgotten first."""
    now = time.monotonic()
    last = seen.get(key)
    if last is not None and now - last < within_s:
        return False
    seen[key] = now
    seen.move_to_end(key)
    while len(seen) > MOST_REMEMBERED:
        seen.popitem(last=False)
    return True


def _by_collection(taken: Taken) -> dict[int, tuple[int, int]]:
    sums: dict[int, tuple[int, int]] = {}
    for (collection_id, series_uid), size_bytes in taken.items():
        series, total = sums.get(collection_id, (0, 0))
        sums[collection_id] = (series + bool(series_uid), total + size_bytes)
    return sums


def _count_visitor(archive: Archive, tally: _Tally, visitor: Visitor, who: str, touched: set[int]) -> None:
    """Remember the digest of a visitor for this month, and see that everything is written soon."""
    if touched:
        month = archive.clock().date().replace(day=1)
        digest = hashlib.blake2b(who.encode(), digest_size=16, key=_salt(archive, tally, month)).digest()
        with tally.lock:
            for collection_id in (*touched, WHOLE_ARCHIVE):
                tally.visitors[month, collection_id, digest] = visitor.actor.person_id
    with tally.lock:
        if tally.is_due:
            return
        tally.is_due = True
    timer = threading.Timer(FLUSH_S, _flush_quietly, [archive])
    timer.daemon = True
    timer.start()


def _salt(archive: Archive, tally: _Tally, month: date) -> bytes:
    """Return the salt of a month, the same in every process; made by whoever comes first."""
    known = tally.salts.get(month)
    if known is None:
        with archive.database.transaction() as tx:
            tx.execute(
                "insert into usage.salt (month, salt) values (%s, %s) on conflict do nothing",
                [month, secrets.token_bytes(32)],
            )
            row = tx.execute("select salt from usage.salt where month = %s", [month]).fetchone()
        assert row is not None
        known = tally.salts[month] = bytes(row.salt)
    return known


def _flush_quietly(archive: Archive) -> None:
    try:
        flush(archive)
    except Exception as error:  # because a count that is lost must not end anything else
        _log.warning("usage.not-written", error=type(error).__name__)


@atexit.register
def _flush_all() -> None:
    for tally in list(_tallies.values()):
        archive = tally.archive()
        if archive is not None:
            with suppress(Exception):  # the database may be gone already
                flush(archive)
