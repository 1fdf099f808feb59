"""The accepting side of an association: its states, limits and timers, and which service takes which message.

References
----------
DICOM PS3.8 9.2 (states Sta2, Sta3, Sta6, Sta13), PS3.7 Annex D.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

import structlog

from invivo import accounts, dicom, submissions
from invivo.archive import Archive
from invivo.errors import InvivoError
from invivo.protocols.dimse import command as commands
from invivo.protocols.dimse import commitment, negotiation, pdu, query, retrieval, store
from invivo.protocols.dimse.command import Command
from invivo.protocols.dimse.layer import Gathered, Gone, Sink, UpperLayer
from invivo.protocols.dimse.operation import Operation
from invivo.protocols.dimse.pdu import AssociateRq, BadPdu
from invivo.protocols.dimse.peer import actor_of_peer
from invivo.protocols.dimse.status import (
    PROCESSING_FAILURE,
    SUCCESS,
    UNKNOWN_OPERATION,
    WRONG_CLASS,
    status_of_error,
)

ARTIM_S = 30.0
MESSAGE_BYTES_PER_TICK = 2048
MOST_WINDOW = 16
_log = structlog.get_logger()

# A-ASSOCIATE-RJ: result, source, reason (PS3.8 table 9-21).
NO_REASON, NO_APPLICATION_CONTEXT = (1, 1, 1), (1, 1, 2)
CALLING_UNKNOWN, CALLED_UNKNOWN = (1, 1, 3), (1, 1, 7)
NO_VERSION, TOO_MANY, CONGESTED = (1, 2, 2), (2, 3, 2), (2, 3, 1)


Service = Callable[[Operation], Awaitable[None]]
SERVICES: dict[int, tuple[frozenset[str], Service]] = {
    commands.C_FIND_RQ: (frozenset(negotiation.FINDS), query.find),
    commands.C_MOVE_RQ: (frozenset(negotiation.MOVES), retrieval.move),
    commands.C_GET_RQ: (frozenset(negotiation.GETS), retrieval.get),
    commands.N_ACTION_RQ: (frozenset({negotiation.COMMITMENT}), commitment.act),
}


class Door(Protocol):
    """What an association needs of the server it came to."""

    archive: Archive
    committer: store.Committer
    writers: Any

    def admit(self, association: "Acceptor") -> bool:
        """Count an association in; False if there are too many."""

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Run what goes on when its association is over."""

    def leave(self, association: "Acceptor") -> None:
        """Count an association, or a connection that became none, out."""


class Acceptor(UpperLayer):
    """One association that a peer has opened."""

    def __init__(self, door: Door) -> None:
        dimse = door.archive.settings.dimse
        super().__init__(dimse.max_pdu)
        self._door, self._dimse, self.archive = door, dimse, door.archive
        self.request_rq: AssociateRq | None = None
        self.actor = accounts.ANONYMOUS
        self.address = ""
        self.origin = submissions.Origin("dimse")
        self._operations: dict[int, tuple[Operation, asyncio.Task[None]]] = {}
        self._outstanding = 0
        self._window = 1
        self._relational: frozenset[str] = frozenset()
        self._peer_stores: frozenset[str] = frozenset()
        self._deciding: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._last_received = 0

    # ---- opening and closing ---------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]).removeprefix("::ffff:") if isinstance(peer, tuple) else ""
        self._timer = self.loop.call_later(ARTIM_S, self._too_late)

    def ended(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for _, task in list(self._operations.values()):
            task.cancel()
        if self._deciding is not None:
            self._deciding.cancel()
        self._door.leave(self)

    def _too_late(self) -> None:
        """ARTIM has expired: the peer has not asked for an association, or does not close."""
        self.is_over = True
        self.transport.abort()

    def unit(self, kind: int, body: memoryview) -> None:
        if kind == pdu.ASSOCIATE_RQ and self.request_rq is None:
            self.request_rq = pdu.decode_rq(body)
            self.hold()
            self._deciding = self.loop.create_task(self._decide(self.request_rq))
        elif kind == pdu.RELEASE_RQ and self.is_established:
            self.is_established = False
            self.write(pdu.RELEASE_RP_BYTES)
            self._start_timer(ARTIM_S, self._too_late)
            for operation, _ in self._operations.values():
                operation.is_cancelled = True
        else:
            raise BadPdu("A unit came that this state does not allow.", pdu.UNEXPECTED_PDU)

    def _start_timer(self, after_s: float, act: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(after_s, act)

    def _reject(self, verdict: tuple[int, int, int]) -> None:
        _log.warning("dimse.rejected", result=verdict[0], source=verdict[1], reason=verdict[2])
        self.write(pdu.encode_rj(*verdict))
        self.close()

    def refuse(self) -> None:
        """Turn a connection away before it has asked: there are too many."""
        self._too_late()

    async def _decide(self, asked: AssociateRq) -> None:
        verdict = self._objection(asked)
        if verdict is None:
            try:
                self.actor = await actor_of_peer(self.archive, asked, self.address)
            except InvivoError as error:
                _log.warning("dimse.identity", code=error.kind)
                verdict = NO_REASON
            except Exception as error:  # because a database that is away must not leave the peer waiting
                _log.error("dimse.identity", error=type(error).__name__)
                verdict = CONGESTED
        if self.is_over:
            return
        if verdict is not None:
            self._reject(verdict)
        else:
            self._accept(asked)
        self.unhold()

    def _objection(self, asked: AssociateRq) -> tuple[int, int, int] | None:
        if not asked.version & 1:
            return NO_VERSION
        if asked.application_context != pdu.APPLICATION_CONTEXT:
            return NO_APPLICATION_CONTEXT
        if self._dimse.called and asked.called not in self._dimse.called:
            return CALLED_UNKNOWN
        if self._dimse.calling and asked.calling not in self._dimse.calling:
            return CALLING_UNKNOWN
        return None if self._door.admit(self) else TOO_MANY

    def _accept(self, asked: AssociateRq) -> None:
        user = asked.user
        verdicts = negotiation.verdicts_of(asked.contexts, user)
        proposed = {one.id: one.abstract for one in asked.contexts}
        self.syntaxes = {one.id: one.syntax for one in verdicts if one.result == negotiation.ACCEPTED}
        self.abstracts = {number: proposed[number] for number in self.syntaxes}
        self.peer_max = max(user.max_length, 128) if user.max_length else 0
        window = negotiation.window_of(user.window, MOST_WINDOW)
        self._window = window[0] if window else 1
        extended = negotiation.extended_of(user.extended)
        self._relational = frozenset(uid for uid, content in extended if content[0])
        self.origin = submissions.Origin(
            "dimse", called_aet=asked.called, calling_aet=asked.calling, address=self.address
        )
        wants_answer = user.identity is not None and user.identity.wants_answer and not self.actor.is_anonymous
        roles = negotiation.roles_of(user.roles)
        self._peer_stores = frozenset(one.uid for one in roles if one.scp)
        ours = pdu.UserItems(
            max_length=self.max_pdu,
            window=window,
            roles=roles,
            extended=extended,
            identity_answer=b"" if wants_answer else None,
        )
        self.write(pdu.encode_ac(pdu.AssociateAc(asked.called, asked.calling, verdicts, ours)))
        self.is_established = True
        self._start_timer(self._dimse.idle_timeout_s, self._tick)

    def _tick(self) -> None:
        """End an association whose peer is silent, takes nothing, or lets a message trickle."""
        silent_s = self.loop.time() - self.seen
        is_silent = silent_s >= self._dimse.idle_timeout_s * 0.99
        came, self._last_received = self.received - self._last_received, self.received
        is_trickling = self.is_mid_message and came < MESSAGE_BYTES_PER_TICK and self._holds == 0
        if (is_silent and (not self._outstanding or self.is_blocked or self.is_mid_message)) or is_trickling:
            _log.warning("dimse.idle")
            self.abort(2, 0)
            return
        again_s = self._dimse.idle_timeout_s - (0 if is_silent else silent_s)
        self._start_timer(max(again_s, 0.05) if not self.is_mid_message else self._dimse.idle_timeout_s, self._tick)

    @property
    def is_working(self) -> bool:
        """A request is being answered or received."""
        return bool(self._outstanding) or self.is_mid_message

    # ---- messages --------------------------------------------------------------------------------------------------

    def sink_for(self, context_id: int, asked: Command) -> Sink:
        if asked.field != commands.C_STORE_RQ:
            return Gathered()
        if not (
            negotiation.is_storage(self.abstracts[context_id])
            and dicom.is_valid(asked.class_uid)
            and dicom.is_valid(asked.instance_uid)
        ):
            return store.Discarded()
        meta = store.file_meta(asked.class_uid, asked.instance_uid, self.syntaxes[context_id])
        return store.Incoming(self, self.archive, self._door.writers, meta)

    def request(self, context_id: int, asked: Command, sink: Sink | None) -> None:
        if asked.field == commands.C_CANCEL_RQ:
            found = self._operations.get(asked.number(commands.RESPONDED_ID))
            if found is not None:
                found[0].is_cancelled = True
        elif isinstance(sink, store.Incoming):
            self._store(context_id, asked, sink)
        elif asked.field == commands.C_ECHO_RQ:
            self._respond(context_id, asked, SUCCESS)
        elif asked.field in SERVICES:
            self._operate(context_id, asked, bytes(sink.content) if isinstance(sink, Gathered) else b"")
        elif asked.field == commands.C_STORE_RQ:
            self._respond(context_id, asked, WRONG_CLASS, "This is no object that can be stored here.")
        else:
            self._respond(context_id, asked, UNKNOWN_OPERATION)

    def _respond(self, context_id: int, asked: Command, status: int, comment: str = "") -> None:
        self.write(pdu.p_data(context_id, commands.response(asked, status, comment), b"", self.peer_max))

    def _enter(self) -> None:
        self._outstanding += 1
        if self._outstanding == self._window + 1:
            self.hold()

    def _leave(self) -> None:
        self._outstanding -= 1
        if self._outstanding == self._window:
            self.unhold()

    def _store(self, context_id: int, asked: Command, incoming: store.Incoming) -> None:
        self._enter()

        def tell(outcome: store.Outcome) -> None:
            self._respond(context_id, asked, *store.answer_of(outcome, asked.instance_uid))
            self._leave()

        def take(spooled: Any) -> None:
            if isinstance(spooled, Exception):
                tell(spooled)
            else:
                self._door.committer.add(submissions.Parcel(self.origin, spooled), tell)

        incoming.then(take)

    def _operate(self, context_id: int, asked: Command, content: bytes) -> None:
        abstract = self.abstracts[context_id]
        classes, service = SERVICES[asked.field]
        if abstract not in classes or asked.class_uid != abstract or asked.message_id in self._operations:
            self._respond(context_id, asked, UNKNOWN_OPERATION if abstract not in classes else WRONG_CLASS)
            return
        assert self.request_rq is not None
        operation = Operation(
            layer=self,
            archive=self.archive,
            actor=self.actor,
            context_id=context_id,
            asked=asked,
            content=content,
            is_relational=abstract in self._relational,
            origin=self.origin,
            later=self._door.later,
            peer_stores=self._peer_stores,
        )
        self._enter()
        task = self.loop.create_task(self._served(operation, service))
        self._operations[asked.message_id] = (operation, task)

    async def _served(self, operation: Operation, service: Service) -> None:
        try:
            await service(operation)
        except Gone:
            return
        except InvivoError as error:
            _log.warning("dimse.refused", code=error.kind)
            operation.respond(status_of_error(error), error.message)
        except Exception as error:  # because its words may quote a patient, and the peer waits for an answer
            _log.error("dimse.broken", error=type(error).__name__)
            operation.respond(PROCESSING_FAILURE, "The request could not be answered.")
        finally:
            self._operations.pop(operation.asked.message_id, None)
            self._leave()
