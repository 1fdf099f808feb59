"""The asking side of an association: opening one, and the services that we use of others.

C-MOVE and storage commitment need it towards the peers of the settings; the rest is what any peer asks of us.

References
----------
DICOM PS3.8 9.2 (states Sta4 to Sta7), PS3.7 9.1 and 10.1.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from invivo.errors import Busy
from invivo.protocols.dimse import command as commands
from invivo.protocols.dimse import pdu
from invivo.protocols.dimse.command import Command
from invivo.protocols.dimse.layer import CONTENT_BYTES, Gathered, Gone, Sink, UpperLayer
from invivo.protocols.dimse.negotiation import VERIFICATION
from invivo.protocols.dimse.pdu import BadPdu, Proposal, UserItems
from invivo.protocols.dimse.status import PENDING, PENDING_WITHOUT_SOME, SUCCESS

CONNECT_S = 20.0
MAX_PDU = 131072

Elements = Sequence[tuple[int, int | str | bytes]]
Taking = Callable[[Command, str, bytes], int]
"""What answers a request of the other side: command, transfer syntax and data set in, status out."""


class NotAssociated(Busy):
    """A peer could not be reached, or refused the association."""

    code = "dimse.not-associated"


@dataclass(frozen=True, slots=True)
class Answer:
    """One response."""

    command: Command
    content: bytes
    syntax: str

    @property
    def status(self) -> int:
        return self.command.number(commands.STATUS)

    @property
    def is_pending(self) -> bool:
        return self.status in (PENDING, PENDING_WITHOUT_SOME)


class Requestor(UpperLayer):
    """An association that we have opened."""

    def __init__(self, request: pdu.AssociateRq, take: Taking | None = None) -> None:
        super().__init__(request.user.max_length)
        self._request = request
        self._take = take
        self.accepted: asyncio.Future[pdu.AssociateAc] = self.loop.create_future()
        self._released: asyncio.Future[None] = self.loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.write(pdu.encode_rq(self._request))

    def unit(self, kind: int, body: memoryview) -> None:
        if kind == pdu.ASSOCIATE_AC and not self.accepted.done():
            answer = pdu.decode_ac(body)
            proposed = {one.id: one for one in self._request.contexts}
            for one in answer.contexts:
                if one.result == 0 and one.id in proposed and one.syntax in proposed[one.id].syntaxes:
                    self.syntaxes[one.id] = one.syntax
                    self.abstracts[one.id] = proposed[one.id].abstract
            self.peer_max = max(answer.user.max_length, 128) if answer.user.max_length else 0
            self.is_established = True
            self.accepted.set_result(answer)
        elif kind == pdu.ASSOCIATE_RJ and not self.accepted.done():
            result, source, reason = pdu.decode_four(body)
            self.accepted.set_exception(
                NotAssociated(f"The peer refuses the association (result {result}, source {source}, reason {reason}).")
            )
            self.close()
        elif kind == pdu.RELEASE_RP and not self._released.done():
            self._released.set_result(None)
        elif kind == pdu.RELEASE_RQ:
            self.is_established = False
            self.write(pdu.RELEASE_RP_BYTES)
        else:
            raise BadPdu("A unit came that this state does not allow.", pdu.UNEXPECTED_PDU)

    def ended(self) -> None:
        if not self.accepted.done():
            self.accepted.set_exception(NotAssociated("The peer closed the connection."))
        if not self._released.done():
            self._released.set_result(None)

    def sink_for(self, context_id: int, asked: Command) -> Sink:  # noqa: ARG002 - as the layer calls it
        return Gathered(limit=1 << 31 if self._take is not None else CONTENT_BYTES)

    def request(self, context_id: int, asked: Command, sink: Sink | None) -> None:
        content = bytes(sink.content) if isinstance(sink, Gathered) else b""
        status = SUCCESS
        if asked.field == commands.C_CANCEL_RQ:
            return
        if asked.field != commands.C_ECHO_RQ:
            status = self._take(asked, self.syntaxes[context_id], content) if self._take is not None else 0x0211
        self.write(pdu.p_data(context_id, commands.response(asked, status), b"", self.peer_max))

    # ---- services --------------------------------------------------------------------------------------------------

    def context_of(self, abstract: str) -> int:
        """Return a presentation context that was accepted for a class.

        Raises
        ------
        NotAssociated
        """
        for number, uid in self.abstracts.items():
            if uid == abstract:
                return number
        raise NotAssociated("The peer does not offer this service.")

    async def ask(
        self,
        abstract: str,
        elements: Elements,
        content: bytes = b"",
        timeout_s: float = 300.0,
    ) -> AsyncIterator[Answer]:
        """Send a request and yield its responses, up to and with the last."""
        context_id = self.context_of(abstract)
        number = self.next_id()
        whole = [*elements, (commands.MESSAGE_ID, number)]
        whole.append((commands.DATA_SET_TYPE, commands.DATA_SET if content else commands.NO_DATA_SET))
        self.write(pdu.p_data(context_id, commands.encode(sorted(whole)), content, self.peer_max))
        try:
            while True:
                answer = Answer(*await self.answer(number, timeout_s), self.syntaxes[context_id])
                yield answer
                if not answer.is_pending:
                    return
        finally:
            self.forget(number)

    async def echo(self) -> int:
        """Verify; return the status."""
        elements: Elements = [(commands.AFFECTED_CLASS, VERIFICATION), (commands.FIELD, commands.C_ECHO_RQ)]
        return [one.status async for one in self.ask(VERIFICATION, elements)][-1]

    async def store(self, class_uid: str, instance_uid: str, content: bytes) -> int:
        """Send a data set, encoded as its context has it; return the status."""
        elements: Elements = [
            (commands.AFFECTED_CLASS, class_uid),
            (commands.FIELD, commands.C_STORE_RQ),
            (commands.PRIORITY, 0),
            (commands.AFFECTED_INSTANCE, instance_uid),
        ]
        return [one.status async for one in self.ask(class_uid, elements, content)][-1]

    def find(self, model: str, identifier: bytes) -> AsyncIterator[Answer]:
        """Query."""
        return self._retrieve(model, commands.C_FIND_RQ, identifier)

    def get(self, model: str, identifier: bytes) -> AsyncIterator[Answer]:
        """Retrieve over this association; objects go to what was given to `associate`."""
        return self._retrieve(model, commands.C_GET_RQ, identifier)

    def move(self, model: str, destination: str, identifier: bytes) -> AsyncIterator[Answer]:
        """Have objects sent to another application entity."""
        return self._retrieve(model, commands.C_MOVE_RQ, identifier, [(commands.DESTINATION, destination)])

    def _retrieve(self, model: str, code: int, identifier: bytes, more: Elements = ()) -> AsyncIterator[Answer]:
        elements: Elements = [(commands.AFFECTED_CLASS, model), (commands.FIELD, code), (commands.PRIORITY, 0), *more]
        return self.ask(model, elements, identifier)

    async def act(self, abstract: str, instance_uid: str, action: int, content: bytes) -> int:
        """Ask for an action (N-ACTION); return the status."""
        elements: Elements = [
            (commands.REQUESTED_CLASS, abstract),
            (commands.FIELD, commands.N_ACTION_RQ),
            (commands.REQUESTED_INSTANCE, instance_uid),
            (commands.ACTION_TYPE, action),
        ]
        return [one.status async for one in self.ask(abstract, elements, content)][-1]

    async def release(self) -> None:
        """End the association in order."""
        if not self.is_over:
            self.is_established = False
            self.write(pdu.RELEASE_RQ_BYTES)
            try:
                async with asyncio.timeout(5):
                    await self._released
            except TimeoutError:
                self.abort()
        self.is_over = True
        self.transport.close()


async def associate(
    host: str,
    port: int,
    contexts: Sequence[tuple[str, tuple[str, ...]]],
    *,
    called: str,
    calling: str,
    user: UserItems | None = None,
    take: Taking | None = None,
    tls: ssl.SSLContext | None = None,
) -> Requestor:
    """Open an association.

    Parameters
    ----------
    contexts : sequence of (abstract syntax, transfer syntaxes)
        At most 128.
    user : UserItems, optional
        Roles, identity and so on, with the longest unit that we take.
    take : callable, optional
        Answers requests of the other side: objects of a C-GET, events.

    Raises
    ------
    NotAssociated
    """
    proposals = tuple(Proposal(2 * place + 1, *one) for place, one in enumerate(contexts))
    request = pdu.AssociateRq(called, calling, proposals, user or UserItems(max_length=MAX_PDU))
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(CONNECT_S):
            transport, layer = await loop.create_connection(lambda: Requestor(request, take), host, port, ssl=tls)
            try:
                await layer.accepted
            except BaseException:
                transport.abort()
                raise
    except (OSError, TimeoutError):
        raise NotAssociated("The peer could not be reached.") from None
    return layer


__all__ = ["Answer", "Gone", "NotAssociated", "Requestor", "associate"]
