"""One query, retrieval or action that a peer has asked for and that takes a while."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from invivo import accounts, submissions
from invivo.archive import Archive
from invivo.protocols.dimse import command as commands
from invivo.protocols.dimse import pdu
from invivo.protocols.dimse.command import Command
from invivo.protocols.dimse.layer import UpperLayer


@dataclass(slots=True)
class Operation:
    """What a service needs to answer one request.

    Attributes
    ----------
    content : bytes
        The identifier or information that came with the command.
    is_relational : bool
        Relational queries were negotiated for this class.
    origin : Origin
        Who asks: titles and address.
    later : callable
        Runs what is to go on when the association is over.
    peer_stores : frozenset of str
        Classes of objects that the peer takes on this association (role selection).
    is_cancelled : bool
        The peer wants no more (C-CANCEL).
    """

    layer: UpperLayer
    archive: Archive
    actor: accounts.Actor
    context_id: int
    asked: Command
    content: bytes = field(repr=False)
    is_relational: bool
    origin: submissions.Origin
    later: Callable[[Coroutine[Any, Any, None]], None]
    peer_stores: frozenset[str] = frozenset()
    is_cancelled: bool = False

    @property
    def syntax(self) -> str:
        return self.layer.syntaxes[self.context_id]

    def written(
        self, status: int, comment: str = "", *, counts: tuple[int, int, int, int] | None = None, content: bytes = b""
    ) -> bytes:
        """Return the bytes of a response."""
        head = commands.response(self.asked, status, comment, counts=counts, with_content=bool(content))
        return pdu.p_data(self.context_id, head, content, self.layer.peer_max)

    def respond(
        self, status: int, comment: str = "", *, counts: tuple[int, int, int, int] | None = None, content: bytes = b""
    ) -> None:
        """Send a response."""
        self.layer.write(self.written(status, comment, counts=counts, content=content))
