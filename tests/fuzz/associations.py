"""Whole conversations with the DICOM door, in process: an upper layer without a socket, rooms replaced by an answer.

An input is what a peer sends, from its first byte on. It arrives in pieces whose sizes come from its checksum.
"""

import asyncio
import random
import shutil
import struct
import tempfile
import types
import zlib
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

from invivo import storage, submissions
from invivo.protocols.dimse import association, command, identifier, negotiation, pdu
from invivo.settings import read_settings

CT, FIND, MOVE, GET = "1.2.840.10008.5.1.4.1.1.2", *(f"1.2.840.10008.5.1.4.1.2.2.{number}" for number in (1, 2, 3))
EXPLICIT, IMPLICIT, BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
MAX_PDU = 16384
REQUEST = pdu.encode_rq(
    pdu.AssociateRq(
        "INVIVO",
        "FUZZ",
        (
            pdu.Proposal(1, CT, (EXPLICIT,)),
            pdu.Proposal(3, FIND, (IMPLICIT, EXPLICIT)),
            pdu.Proposal(5, negotiation.COMMITMENT, (BIG,)),
            pdu.Proposal(7, MOVE, (IMPLICIT,)),
            pdu.Proposal(9, GET, (IMPLICIT,)),
            pdu.Proposal(11, negotiation.VERIFICATION, (IMPLICIT,)),
        ),
        pdu.UserItems(
            MAX_PDU,
            window=(0, 0),
            roles=(pdu.Role(CT, scu=True, scp=True),),
            extended=((FIND, b"\1\1"),),
            identity=pdu.Identity(1, wants_answer=True, primary=b"x"),
        ),
    )
)
ASKED = identifier.encode(
    {
        "00080052": {"vr": "CS", "Value": ["STUDY"]},
        "0020000D": {"vr": "UI", "Value": ["1.2"]},
        "00400275": {"vr": "SQ", "Value": [{"00080100": {"vr": "SH", "Value": ["A"]}}]},
    },
    IMPLICIT,
)


def message(
    context: int, field: int, class_uid: str, content: bytes = b"", *, number: int = 1, longest: int = 0, **more: int
) -> bytes:
    """Write a message in P-DATA-TFs."""
    elements: list[tuple[int, Any]] = [
        (command.AFFECTED_CLASS, class_uid),
        (command.FIELD, field),
        (command.MESSAGE_ID, number),
        (command.DATA_SET_TYPE, command.DATA_SET if content else command.NO_DATA_SET),
        (command.AFFECTED_INSTANCE, "1.2.3"),
        *((int(name[1:], 16), value) for name, value in more.items()),
    ]
    return pdu.p_data(context, command.encode(sorted(elements)), content, longest)


def messages() -> list[bytes]:
    """Return what peers say, one of each kind."""
    stores = [message(1, 1, CT, bytes(size), number=size, longest=1024) for size in (2, 1024, 5000)]
    return [
        *stores,
        message(3, 0x20, FIND, ASKED),
        message(7, 0x21, MOVE, ASKED, e0600=0x5858),
        message(9, 0x10, GET, ASKED, number=2),
        message(5, 0x130, negotiation.COMMITMENT, ASKED, e1008=1),
        message(11, 0x30, negotiation.VERIFICATION),
        message(3, 0xFFF, FIND, e0120=1),
        message(3, 0x8020, FIND),
        message(9, 0x8001, CT, e0120=1),
        pdu.RELEASE_RQ_BYTES,
        pdu.RELEASE_RP_BYTES,
        REQUEST,
        pdu.encode_abort(0, 0),
        pdu.encode_rj(1, 1, 1),
        pdu.encode_ac(pdu.AssociateAc("A", "B", (pdu.Verdict(1, 0, EXPLICIT),))),
    ]


def seeds() -> list[bytes]:
    return [REQUEST + one for one in messages()] + [REQUEST + b"".join(messages()[:8]) + pdu.RELEASE_RQ_BYTES]


def _units(content: bytes) -> list[bytes]:
    """Cut a stream into its units, as far as their lengths are true."""
    found, at = [], 0
    while at + 6 <= len(content):
        length = 6 + int.from_bytes(content[at + 2 : at + 6], "big")
        found.append(content[at : at + length])
        at += length
    return found + ([content[at:]] if at < len(content) else [])


def mutated(content: bytes, rnd: random.Random) -> bytes:
    """Change what a peer says: units, their lengths and order, and the bytes in them."""
    units = _units(content) or [REQUEST]
    for _ in range(rnd.choice((1, 1, 2, 4))):
        at, kind = rnd.randrange(len(units)), rnd.randrange(9)
        unit = bytearray(units[at])
        if kind == 0:
            units.insert(at + 1, rnd.choice(messages()))
        elif kind == 1 and len(units) > 1:
            del units[at]
        elif kind == 2:
            units.insert(at, units[rnd.randrange(len(units))])
        elif kind == 3 and len(unit) >= 6:
            length = rnd.choice((0, 1, 4, 6, 7, len(unit) - 5, MAX_PDU + 1, 0x7FFFFFFF, 0xFFFFFFFF, len(unit) - 7))
            unit[2:6] = struct.pack(">L", length & 0xFFFFFFFF)
            units[at] = bytes(unit)
        elif kind == 4 and len(unit) > 12:  # the value's own length, context and flags
            place = rnd.choice((6, 7, 8, 9, 10, 11))
            unit[place] = rnd.choice((0, 1, 2, 3, 5, 9, 255, rnd.randrange(256)))
            units[at] = bytes(unit)
        elif kind == 5:
            units[at] = bytes(unit[: rnd.randrange(len(unit))])
        elif kind == 6 and len(unit) > 6:  # with a length that is true again
            put = rnd.randrange(6, len(unit))
            unit[put : put + rnd.choice((0, 0, 2, 8))] = rnd.randbytes(rnd.choice((0, 1, 2, 8, 40)))
            units[at] = bytes(unit[:2] + struct.pack(">L", len(unit) - 6) + unit[6:])
        else:
            for _ in range(rnd.choice((1, 2, 6))):
                unit[rnd.randrange(len(unit))] = rnd.choice((0, 1, 0x20, 0x7F, 0xFF, rnd.randrange(256)))
            units[at] = bytes(unit)
        units = [one for one in units if one] or [REQUEST]
    return b"".join(units)[:60_000]


class _Now(Executor):
    """Runs what it is given at once, so that an input always does the same."""

    def submit(self, call: Any, /, *given: Any, **named: Any) -> "Future[Any]":
        done: Future[Any] = Future()
        try:
            done.set_result(call(*given, **named))
        except BaseException as error:  # because it belongs to whoever waits for the result
            done.set_exception(error)
        return done


class _Committer:
    @staticmethod
    def add(parcel: submissions.Parcel, tell: Any) -> None:
        tell(submissions.Receipt("held", 1))


class _Log:
    """Notes what is only said in a log: an error that a service did not expect."""

    def __init__(self) -> None:
        self.errors: list[dict[str, Any]] = []

    def warning(self, _event: str, **_words: Any) -> None:
        """A refusal is no finding."""

    def error(self, event: str, **words: Any) -> None:
        self.errors.append({"event": event, **words})


class _Door:
    """The server's part, for one loop."""

    committer, writers = _Committer(), _Now()

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="fuzz-"))
        settings = read_settings(self.home, limits={"free_bytes": 0}, dimse={"max_pdu": MAX_PDU})
        held = storage.DiskStore(self.home / "held")
        self.archive: Any = types.SimpleNamespace(settings=settings, held=held)
        self.admitted: set[object] = set()

    def admit(self, one: object) -> bool:
        self.admitted.add(one)
        return True

    def leave(self, one: object) -> None:
        self.admitted.discard(one)

    @staticmethod
    def later(work: Any) -> None:
        work.close()


class _Wire(asyncio.Transport):
    """What the kernel would do: it takes what is written, and says when it is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.out = bytearray()
        self.is_closed = self.is_paused = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 1) if name == "peername" else default

    def write(self, content: Any) -> None:
        self.out += content

    def close(self) -> None:
        self.is_closed = True

    abort = close

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """The wire takes everything."""


async def _answer(operation: Any) -> None:
    """Stand for a service: read what is asked, and answer more than once."""
    keys = identifier.read(operation.content, operation.syntax)
    for _ in keys:
        if operation.is_cancelled:
            break
        operation.respond(0xFF00, content=ASKED)
        await operation.layer.drain()
        await asyncio.sleep(0)
    operation.respond(0)


LOOP = asyncio.new_event_loop()
DOOR, LOG, ESCAPED = _Door(), _Log(), []
LOOP.set_exception_handler(lambda _loop, context: ESCAPED.append(context))


def check(content: bytes) -> None:
    """Have one conversation, and look at what is left of it."""
    ESCAPED.clear()
    LOG.errors.clear()
    kept = association.SERVICES, association._log
    association.SERVICES = {field: (classes, _answer) for field, (classes, _) in kept[0].items()}
    association._log = LOG
    try:
        out = LOOP.run_until_complete(_conversation(content))
    finally:
        association.SERVICES, association._log = kept
    assert not ESCAPED, f"escaped into the loop: {[str(one.get('exception') or one) for one in ESCAPED]}"
    assert not LOG.errors, f"a service broke: {LOG.errors}"
    assert not DOOR.admitted, "an association is still counted"
    _well_formed(out)


async def _conversation(content: bytes) -> bytes:
    acceptor, wire = association.Acceptor(DOOR), _Wire()
    acceptor.connection_made(wire)
    sizes = random.Random(zlib.crc32(content))
    at = 0
    while at < len(content) and not wire.is_closed:
        for _ in range(1000):
            if not wire.is_paused:
                break
            await asyncio.sleep(0)
        assert not wire.is_paused, "it never reads on"
        buffer = acceptor.get_buffer(-1)
        size = min(sizes.choice((1, 5, 6, 7, 100, 100_000)), len(content) - at, len(buffer))
        assert size > 0, "no room to read into"
        buffer[:size] = content[at : at + size]
        at += size
        acceptor.buffer_updated(size)
        await asyncio.sleep(0)
    for _ in range(sizes.choice((0, 3, 200))):
        await asyncio.sleep(0)
    acceptor.connection_lost(None)
    if acceptor._linger is not None:
        acceptor._linger.cancel()
    for _ in range(50):
        await asyncio.sleep(0)
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert not left, f"still running: {left}"
    return bytes(wire.out)


def _well_formed(out: bytes) -> None:
    """What we say is whole units of known kinds, none of them longer than the peer takes; nothing follows an abort."""
    units = _units(out)
    for number, unit in enumerate(units):
        assert len(unit) >= 6 and len(unit) == 6 + int.from_bytes(unit[2:6], "big"), "half a unit was sent"
        assert unit[0] in (2, 3, 4, 6, 7), f"a unit of kind {unit[0]} was sent"
        assert unit[0] not in (3, 7) or number == len(units) - 1, "something was said after the end"


def close() -> None:
    """Remove what conversations have written."""
    LOOP.close()
    shutil.rmtree(DOOR.home, ignore_errors=True)
