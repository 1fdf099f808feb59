"""The upper layer that both sides of an association share: units out of a stream of bytes, messages out of units.

Bytes are read into one buffer a connection and looked at where they lie. Of a P-DATA-TF no more than what has arrived is
ever held here: its fragments go on as they come, whatever length it claims.

A stock sender writes the head and the body of a unit apart and leaves Nagle on, so its kernel holds the body back until
ours has acknowledged the head, which ours delays by 40 ms: some twenty objects a second at most. A quick acknowledgement,
asked for before each read, cures that from this side alone.

References
----------
DICOM PS3.8 9.2 (state machine), 9.3, Annex E (fragments of messages).
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from typing import Protocol

import structlog

from invivo.protocols.dimse import command as commands
from invivo.protocols.dimse import pdu
from invivo.protocols.dimse.command import Command
from invivo.protocols.dimse.pdu import BadPdu

READ_BYTES = 1 << 18
COMMAND_BYTES = 1 << 15
CONTENT_BYTES = 1 << 20
HIGH_WATER = 4 << 20
LINGER_S = 2.0

_HEAD = struct.Struct(">BxL").unpack_from
_VALUE = struct.Struct(">LBB").unpack_from
_QUICKACK = getattr(socket, "TCP_QUICKACK", None)
_USER_TIMEOUT = getattr(socket, "TCP_USER_TIMEOUT", None)
_log = structlog.get_logger()


class Gone(ConnectionError):
    """The association has ended."""


class Sink(Protocol):
    """What takes the data set of one message."""

    def write(self, part: memoryview) -> None:
        """Take a fragment; the memory is used again when this returns."""

    def finish(self) -> None:
        """Know that the data set is whole."""

    def drop(self) -> None:
        """Know that the rest will never come."""


class Gathered:
    """A data set kept in memory, such as an identifier; more than `limit` bytes end the association."""

    def __init__(self, limit: int = CONTENT_BYTES) -> None:
        self.content = bytearray()
        self._limit = limit

    def write(self, part: memoryview) -> None:
        self.content += part
        if len(self.content) > self._limit:
            raise BadPdu("A data set is larger than such a message may have.")

    def finish(self) -> None:
        """Nothing is left to do."""

    def drop(self) -> None:
        self.content.clear()


class UpperLayer(asyncio.BufferedProtocol):
    """One association, from its connection on; the two sides inherit from this.

    Attributes
    ----------
    is_established : bool
        Messages may travel (Sta6; the acceptor stays here until it has answered a release).
    syntaxes : dict of int to str
        Transfer syntax of each accepted presentation context.
    abstracts : dict of int to str
        Their abstract syntaxes.
    peer_max : int
        Longest P-DATA-TF that the peer takes, bytes; 0: any.
    """

    def __init__(self, max_pdu: int) -> None:
        self.max_pdu = max_pdu
        self.peer_max = 0
        self.syntaxes: dict[int, str] = {}
        self.abstracts: dict[int, str] = {}
        self.is_established = False
        self.is_over = False
        self.received = 0
        self.seen = 0.0
        self.loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport
        self.gone: asyncio.Future[None] = self.loop.create_future()
        self._socket: socket.socket | None = None
        self._buffer = bytearray(READ_BYTES)
        self._view = memoryview(self._buffer)
        self._start = self._end = 0
        self._unit_left = self._value_left = 0
        self._context = self._flags = 0
        self._command = bytearray()
        self._asked: Command | None = None
        self._asked_in = 0
        self._sink: Sink | None = None
        self._holds = 0
        self._drained: asyncio.Future[None] | None = None
        self._waiting: dict[int, asyncio.Queue[tuple[Command, bytes]]] = {}
        self._last_id = 0
        self._linger: asyncio.TimerHandle | None = None
        self._sending: asyncio.Future[None] | None = None
        self._later: list[bytes] = []

    # ---- the connection ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.set_write_buffer_limits(HIGH_WATER, HIGH_WATER // 4)
        connection: socket.socket | None = transport.get_extra_info("socket")
        self.seen = self.loop.time()
        if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
            with contextlib.suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                if _USER_TIMEOUT is not None:
                    connection.setsockopt(socket.IPPROTO_TCP, _USER_TIMEOUT, 60_000)
            self._socket = connection if _QUICKACK is not None else None

    def get_buffer(self, _hint: int) -> memoryview:
        if self._socket is not None and _QUICKACK is not None:
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        return self._view if self.is_over else self._view[self._end :]

    def buffer_updated(self, count: int) -> None:
        if self.is_over:
            return
        self._end += count
        self.received += count
        self.seen = self.loop.time()
        try:
            self._read()
        except BadPdu as error:
            _log.warning("dimse.abort", reason=error.reason)
            self.abort(2, error.reason)

    def eof_received(self) -> bool:
        return False  # nobody speaks to us with one side of a connection closed

    def connection_lost(self, _error: Exception | None) -> None:
        self.is_established, self.is_over = False, True
        if self._linger is not None:
            self._linger.cancel()
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.drop()
        self._wake()
        for answers in self._waiting.values():
            answers.put_nowait(_NOBODY)
        if not self.gone.done():
            self.gone.set_result(None)
        self.ended()

    def pause_writing(self) -> None:
        if self._drained is None:
            self._drained = self.loop.create_future()

    def resume_writing(self) -> None:
        self.seen = self.loop.time()
        self._wake()

    def _wake(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)

    @property
    def is_blocked(self) -> bool:
        """The peer does not take what is being sent."""
        return self._drained is not None

    async def drain(self) -> None:
        """Wait until the peer has taken most of what was written.

        Raises
        ------
        Gone
        """
        if self._drained is not None:
            await asyncio.shield(self._drained)
        if self.is_over:
            raise Gone("The association has ended.")

    def hold(self) -> None:
        """Read no more until as many `unhold` have come; the peer notices by TCP."""
        self._holds += 1
        if self._holds == 1 and not self.is_over:
            self.transport.pause_reading()

    def unhold(self) -> None:
        self._holds -= 1
        if self._holds == 0 and not self.is_over:
            self.seen = self.loop.time()
            self.transport.resume_reading()

    def write(self, content: bytes) -> None:
        """Send whole messages or units unless the association is over; behind an object that is being sent."""
        if self._sending is not None:
            self._later.append(content)
        elif not self.is_over:
            self.transport.write(content)

    @contextlib.asynccontextmanager
    async def sending(self) -> AsyncIterator[asyncio.Transport]:
        """Have the connection for a message of many pieces, which no other may come between (PS3.8 Annex E.1).

        `drain` then waits until every byte has left, so that memory may be used again.
        """
        while self._sending is not None:
            await asyncio.shield(self._sending)
        if self.is_over:
            raise Gone("The association has ended.")
        sending = self._sending = self.loop.create_future()
        self.transport.set_write_buffer_limits(0)
        try:
            yield self.transport
        finally:
            self._sending = None
            later, self._later = b"".join(self._later), []
            if later:
                self.write(later)
            sending.set_result(None)

    def close(self) -> None:
        """End the association: what is written leaves, what still comes is thrown away until the peer closes.

        Closing at once, with bytes unread, would make the kernel take back what was written last.
        """
        self.is_established, self.is_over = False, True
        self._start = self._end = 0
        self.transport.resume_reading()
        if self._linger is None:
            self._linger = self.loop.call_later(LINGER_S, self.transport.abort)

    def abort(self, source: int = 0, reason: int = 0) -> None:
        """Send A-ABORT and close: by the user (0) or the provider (2) of the service."""
        if self.is_over:
            return
        self.transport.write(pdu.encode_abort(source, reason))
        self.close()

    # ---- units ---------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        at, end, view = self._start, self._end, self._view
        while not self.is_over:
            if self._value_left:
                taken = min(self._value_left, end - at)
                if not taken:
                    break
                self._value_left -= taken
                self._unit_left -= taken
                self._fragment(view[at : at + taken])
                at += taken
            elif self._unit_left:
                if end - at < 6:
                    break
                length, self._context, self._flags = _VALUE(view, at)
                if not 2 <= length <= self._unit_left - 4:
                    raise BadPdu("A presentation data value does not fit its unit.")
                self._unit_left -= 6
                self._value_left = length - 2
                at += 6
                if length == 2:
                    self._fragment(view[at:at])
            else:
                step = self._unit(at, end)
                if not step:
                    break
                at += step
        if self.is_over:
            return
        left = end - at
        if left and at:
            self._buffer[:left] = self._buffer[at:end]
        self._start, self._end = 0, left

    def _unit(self, at: int, end: int) -> int:
        """Begin a unit; return how many bytes were used, 0 if more must come first."""
        if end - at < 6:
            return 0
        kind: int
        length: int
        kind, length = _HEAD(self._view, at)
        if kind == pdu.P_DATA:
            if not self.is_established:
                raise BadPdu("Data came outside an association.", pdu.UNEXPECTED_PDU)
            if length < 6 or (self.max_pdu and length > self.max_pdu):
                raise BadPdu("A unit of data is longer than was agreed.")
            self._unit_left = length
            return 6
        if not pdu.ASSOCIATE_RQ <= kind <= pdu.ABORT:
            raise BadPdu("A unit of an unknown kind came.", pdu.UNRECOGNISED_PDU)
        if length > READ_BYTES - 6:
            raise BadPdu("A unit is longer than it may be.")
        if end - at < 6 + length:
            return 0
        body = memoryview(bytes(self._view[at + 6 : at + 6 + length]))
        if kind == pdu.ABORT:
            self.aborted(*pdu.decode_four(body)[1:])
            self.is_established, self.is_over = False, True
            self.transport.abort()
        else:
            self.unit(kind, body)
        return 6 + length

    # ---- messages ------------------------------------------------------------------------------------------------

    def _fragment(self, part: memoryview) -> None:
        is_whole = self._flags & 2 and not self._value_left
        if self._flags & 1:
            if self._asked is not None or self._context not in self.syntaxes:
                raise BadPdu("A command came where none may.", pdu.UNEXPECTED_PARAMETER)
            self._command += part
            if len(self._command) > COMMAND_BYTES:
                raise BadPdu("A command set is longer than it may be.")
            if is_whole:
                self._begin()
            return
        if self._sink is None or self._asked is None or self._context != self._asked_in:
            raise BadPdu("A data set came without its command.", pdu.UNEXPECTED_PARAMETER)
        if part:
            self._sink.write(part)
        if is_whole:
            asked, sink = self._asked, self._sink
            self._asked = self._sink = None
            sink.finish()
            self._complete(asked, sink)

    def _begin(self) -> None:
        found = commands.decode(self._command)
        self._command.clear()
        if not found.has_content:
            self._complete(found, None)
            return
        self._asked, self._asked_in = found, self._context
        self._sink = Gathered() if found.is_response else self.sink_for(self._context, found)

    def _complete(self, found: Command, sink: Sink | None) -> None:
        if not found.is_response:
            self.request(self._context, found, sink)
            return
        answers = self._waiting.get(found.number(commands.RESPONDED_ID))
        if answers is not None and answers.qsize() < 10_000:
            answers.put_nowait((found, bytes(sink.content) if isinstance(sink, Gathered) else b""))

    @property
    def is_mid_message(self) -> bool:
        """Part of a unit or of a message has come, the rest has not."""
        return bool(self._end or self._unit_left or self._command or self._asked is not None)

    def next_id(self) -> int:
        """Return a number for a message of ours, and listen for its answers."""
        while True:
            self._last_id = self._last_id % 0xFFFF + 1
            if self._last_id not in self._waiting:
                self._waiting[self._last_id] = asyncio.Queue()
                return self._last_id

    async def answer(self, message_id: int, timeout_s: float = 300.0) -> tuple[Command, bytes]:
        """Wait for the next answer to a message of ours, up to the last one.

        Raises
        ------
        Gone, TimeoutError
        """
        async with asyncio.timeout(timeout_s):
            found, content = await self._waiting[message_id].get()
        if found is _NOBODY[0]:
            raise Gone("The association has ended.")
        return found, content

    def forget(self, message_id: int) -> None:
        """Listen no more for answers to a message."""
        self._waiting.pop(message_id, None)

    # ---- what the two sides do in their own way ------------------------------------------------------------------

    def unit(self, kind: int, body: memoryview) -> None:
        """Take a unit that is neither data nor abort."""
        raise NotImplementedError

    def sink_for(self, context_id: int, asked: Command) -> Sink:
        """Return what takes the data set of a request."""
        raise NotImplementedError

    def request(self, context_id: int, asked: Command, sink: Sink | None) -> None:
        """Take a request that is whole."""
        raise NotImplementedError

    def aborted(self, source: int, reason: int) -> None:
        """Know that the peer has aborted."""

    def ended(self) -> None:
        """Know that the connection is no more."""


_NOBODY = (Command({}, 0, has_content=False), b"")
