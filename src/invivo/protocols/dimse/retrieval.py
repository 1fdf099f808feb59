"""C-MOVE and C-GET: the instances that an identifier names, sent one by one, and counted.

References
----------
DICOM PS3.4 C.4.2 (C-MOVE), C.4.3 (C-GET).
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import structlog

from invivo import images, search, usage
from invivo.errors import InvivoError, NotFound
from invivo.protocols.dimse import command as commands
from invivo.protocols.dimse import scu, sending
from invivo.protocols.dimse.identifier import BadIdentifier, Keys, encode, read
from invivo.protocols.dimse.layer import UpperLayer
from invivo.protocols.dimse.negotiation import EXPLICIT, GETS, IMPLICIT, MOVES
from invivo.protocols.dimse.operation import Operation
from invivo.protocols.dimse.peer import Peer, peer_named
from invivo.protocols.dimse.query import LEVEL, UNIQUE
from invivo.protocols.dimse.status import (
    CANCELLED,
    CANNOT_SEND,
    MISMATCH,
    PENDING,
    SOME_FAILED,
    SUCCESS,
    UNKNOWN_DESTINATION,
)

MOST_CONTEXTS = 128
MOST_FAILED = 990  # what fits one element of 64 kB
_log = structlog.get_logger()

Instances = list[images.Instance]


@dataclass(slots=True)
class Tally:
    """Sub-operations of one retrieval."""

    remaining: int
    completed: int = 0
    failed: int = 0
    warning: int = 0
    failed_uids: list[str] = field(default_factory=list)

    @property
    def counts(self) -> tuple[int, int, int, int]:
        return tuple(min(one, 0xFFFF) for one in (self.remaining, self.completed, self.failed, self.warning))  # type: ignore[return-value]

    def note(self, uid: str, status: int) -> None:
        """Count the outcome of one."""
        self.remaining -= 1
        if status == SUCCESS:
            self.completed += 1
        elif status & 0xF000 == 0xB000 or status in (0x0001, 0x0107, 0x0116):
            self.warning += 1
        else:
            self.failed += 1
            self.failed_uids.append(uid)


# ---- what is asked for ---------------------------------------------------------------------------------------------


def named(operation: Operation, levels: tuple[str, ...]) -> Instances:
    """Return the instances that the identifier names and the actor may have; in a thread.

    Raises
    ------
    BadIdentifier
        It has no level, or no unique key of its level.
    """
    keys = read(operation.content, operation.syntax)
    level = keys[LEVEL].text.upper() if LEVEL in keys else ""
    if level not in levels:
        raise BadIdentifier("The identifier has no level of this model.")
    wanted = keys[UNIQUE[level]].values if UNIQUE[level] in keys else ()
    if not wanted or (level != "PATIENT" and any(mark in one for one in wanted for mark in "*?")):
        raise BadIdentifier("The identifier does not name what is to be sent.")
    for above in levels[: levels.index(level)] if not operation.is_relational else ():
        if above != "PATIENT" and len(_values(keys, above)) != 1:
            raise BadIdentifier("The unique key of each level above is needed.")
    found: dict[str, images.Instance] = {}
    for one in _instances(operation, keys, level, wanted):
        found[one.uid] = one
    return list(found.values())


def _values(keys: Keys, level: str) -> tuple[str, ...]:
    return keys[UNIQUE[level]].values if UNIQUE[level] in keys else ()


def _instances(operation: Operation, keys: Keys, level: str, wanted: tuple[str, ...]) -> Iterable[images.Instance]:
    archive, actor = operation.archive, operation.actor
    studies, series = _values(keys, "STUDY"), _values(keys, "SERIES")
    if level == "PATIENT":
        for study in _studies_of(operation, wanted):
            yield from images.instances_of(archive, actor, study)
    elif level == "STUDY":
        for study in wanted:
            yield from images.instances_of(archive, actor, study)
    elif level == "SERIES":
        for uid in wanted:
            for one in images.instances_of_series(archive, actor, uid):
                if not studies or one.study_uid in studies:
                    yield one
    else:
        for uid in wanted:
            try:
                one = images.find_instance(archive, actor, uid)
            except NotFound:
                continue
            if (not studies or one.study_uid in studies) and (not series or one.series_uid in series):
                yield one


def _studies_of(operation: Operation, patients: tuple[str, ...]) -> Iterable[str]:
    query, after = search.Compare(search.field_named("subject"), "is", patients), 0
    while True:
        page = search.find(operation.archive, operation.actor, query, "study", after=after, limit=500)
        yield from (row.study_uid for row in page.rows)
        if page.after is None:
            return
        after = page.after


# ---- sending -------------------------------------------------------------------------------------------------------


class _Retrieval:
    """One C-MOVE or C-GET under way."""

    def __init__(self, operation: Operation, total: int, originator: tuple[str, int] | None = None) -> None:
        self.operation, self.originator = operation, originator
        self.tally = Tally(total)
        self._free: list[sending.Block] = []

    async def send_all(self, layer: UpperLayer, instances: Instances) -> None:
        """Send over one association; the next object is opened while one leaves. What the peer misses has failed."""
        opening = self._open(layer, instances[0])
        following: _Opening | None = None
        try:
            for place, instance in enumerate(instances):
                if self.operation.is_cancelled:
                    return
                await asyncio.wait([opening])
                following = self._open(layer, instances[place + 1]) if place + 1 < len(instances) else None
                self._note(instance.uid, await self._send(layer, opening))
                if following is not None:
                    opening, following = following, None
        finally:
            for one in (opening, following):
                if one is not None:
                    one.add_done_callback(_close)

    def _open(self, layer: UpperLayer, instance: images.Instance) -> "_Opening":
        block = self._free.pop() if self._free else None
        work = asyncio.to_thread(sending.opened, self.operation.archive, layer, instance, block)
        return asyncio.get_running_loop().create_task(work)

    async def _send(self, layer: UpperLayer, opening: "_Opening") -> int:
        try:
            one = opening.result()
            status = await sending.send(layer, one, originator=self.originator)
        except (InvivoError, OSError, TimeoutError) as error:  # an association that has ended is an OSError
            _log.warning("dimse.not-sent", code=getattr(error, "kind", type(error).__name__))
            return CANNOT_SEND
        self._free.append(one.block)
        return status

    def _note(self, uid: str, status: int) -> None:
        self.tally.note(uid, status)
        if self.tally.remaining:
            self.operation.respond(PENDING, counts=self.tally.counts)

    def finish(self) -> None:
        """Send the final response."""
        tally = self.tally
        if self.operation.is_cancelled:
            status = CANCELLED
        elif tally.failed and not (tally.completed or tally.warning):
            status = CANNOT_SEND
        else:
            status = SOME_FAILED if tally.failed or tally.warning else SUCCESS
        content = b""
        if status != SUCCESS:
            failed = {"00080058": {"vr": "UI", "Value": tally.failed_uids[:MOST_FAILED]}}
            content = encode(failed, self.operation.syntax)
        self.operation.respond(status, counts=tally.counts, content=content)


_Opening = asyncio.Task[sending.Outgoing]


def _close(opening: _Opening) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


async def _named(operation: Operation, levels: tuple[str, ...]) -> Instances | None:
    try:
        return await asyncio.to_thread(named, operation, levels)
    except BadIdentifier as error:
        operation.respond(MISMATCH, error.message)
        return None


async def _tell(operation: Operation, instances: Instances) -> None:
    """Tell the count, and the journal where it must know, what is about to leave."""
    taken: dict[tuple[int, str], int] = defaultdict(int)
    for one in instances:
        taken[one.collection_id, one.series_uid] += one.size_bytes
    origin = operation.origin
    visitor = usage.Visitor(operation.actor, origin.address, f"DIMSE {origin.calling_aet}")
    await asyncio.to_thread(usage.took, operation.archive, visitor, "dimse", taken)


async def get(operation: Operation) -> None:
    """Answer a C-GET: objects leave over the association that asked."""
    instances = await _named(operation, GETS[operation.layer.abstracts[operation.context_id]])
    if instances is None:
        return
    retrieval = _Retrieval(operation, len(instances))
    taken = [one for one in instances if one.sop_class_uid in operation.peer_stores]
    for one in instances:
        if one.sop_class_uid not in operation.peer_stores:
            retrieval.tally.note(one.uid, CANNOT_SEND)
    if taken:
        await _tell(operation, taken)
        await retrieval.send_all(operation.layer, taken)
    retrieval.finish()


async def move(operation: Operation) -> None:
    """Answer a C-MOVE: objects leave over associations that we open to a peer of the settings."""
    peer = peer_named(operation.archive.settings.dimse, operation.asked.text(commands.DESTINATION))
    if peer is None:
        operation.respond(UNKNOWN_DESTINATION, "The destination is not in the settings (dimse.peers).")
        return
    instances = await _named(operation, MOVES[operation.layer.abstracts[operation.context_id]])
    if instances is None:
        return
    await _tell(operation, instances)
    retrieval = _Retrieval(operation, len(instances), (operation.origin.calling_aet, operation.asked.message_id))
    for some in _shares(instances):
        if not operation.is_cancelled:
            await _move_some(retrieval, peer, some)
    retrieval.finish()


def _contexts(instances: Instances) -> list[tuple[str, tuple[str, ...]]]:
    """Return what is proposed for some objects: each class as stored, and uncompressed if the peer takes no other."""
    pairs = dict.fromkeys((one.sop_class_uid, one.transfer_syntax_uid) for one in instances)
    found: list[tuple[str, tuple[str, ...]]] = [(class_uid, (syntax,)) for class_uid, syntax in pairs]
    found += [
        (class_uid, (syntax,))
        for class_uid in dict.fromkeys(class_uid for class_uid, _ in pairs)
        for syntax in (EXPLICIT, IMPLICIT)
        if (class_uid, syntax) not in pairs
    ]
    return found


def _shares(instances: Instances) -> Iterable[Instances]:
    """Split objects so that the presentation contexts of each share fit one association."""
    share: Instances = []
    pairs: set[tuple[str, str]] = set()
    for one in instances:
        more = {(one.sop_class_uid, syntax) for syntax in (one.transfer_syntax_uid, EXPLICIT, IMPLICIT)}
        if len(pairs | more) > MOST_CONTEXTS:
            yield share
            share, pairs = [], set()
        pairs |= more
        share.append(one)
    if share:
        yield share


async def _move_some(retrieval: _Retrieval, peer: Peer, instances: Instances) -> None:
    aet = retrieval.operation.archive.settings.dimse.aet
    try:
        layer = await scu.associate(peer.host, peer.port, _contexts(instances), called=peer.aet, calling=aet)
    except scu.NotAssociated as error:
        _log.warning("dimse.not-sent", code=error.kind)
        for one in instances:
            retrieval.tally.note(one.uid, CANNOT_SEND)
        return
    try:
        await retrieval.send_all(layer, instances)
    finally:
        await layer.release()
