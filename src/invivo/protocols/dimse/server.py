"""The listening side: one event loop a process, associations in it, the work of rooms in threads beside it."""

import asyncio
import signal
import socket
import threading
from collections import Counter
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog

from invivo.archive import Archive
from invivo.protocols.dimse.association import Acceptor
from invivo.protocols.dimse.peer import peers_of, tls_of
from invivo.protocols.dimse.store import Committer

ROOM_THREADS, WRITER_THREADS = 8, 32
BACKLOG = 512
FAREWELL_S = 10.0
_log = structlog.get_logger()


class Server:
    """The associations of one process; made inside its event loop."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.committer = Committer(archive)
        self.writers = ThreadPoolExecutor(WRITER_THREADS, "spool")
        self._connections: set[Acceptor] = set()
        self._admitted: dict[Acceptor, str] = {}
        self._of_address: Counter[str] = Counter()
        self._listening: list[asyncio.Server] = []
        self._later: set[asyncio.Task[None]] = set()
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(ROOM_THREADS, "room"))
        peers_of(archive.settings.dimse)

    async def listen(self, host: str, port: int, *, is_shared: bool = False, is_secure: bool = False) -> int:
        """Listen on an address; return the port.

        Parameters
        ----------
        is_shared : bool
            Other processes of ours listen there too, and the kernel spreads connections over them (SO_REUSEPORT).
        is_secure : bool
            By TLS, as the settings say.
        """
        loop = asyncio.get_running_loop()
        context = tls_of(self.archive.settings.dimse) if is_secure else None
        listening = await loop.create_server(
            self._arrived,
            host,
            port,
            backlog=BACKLOG,
            ssl=context,
            ssl_handshake_timeout=30 if context else None,
            reuse_port=is_shared and hasattr(socket, "SO_REUSEPORT"),
        )
        self._listening.append(listening)
        return int(listening.sockets[0].getsockname()[1])

    def _arrived(self) -> Acceptor:
        connection = Acceptor(self)
        self._connections.add(connection)
        if len(self._connections) > 4 * self.archive.settings.dimse.max_associations:
            asyncio.get_running_loop().call_soon(connection.refuse)
        return connection

    def admit(self, association: Acceptor) -> bool:
        """Count an association in; False if there are too many, in all or of its address."""
        dimse = self.archive.settings.dimse
        of_peer = self._of_address[association.address]
        if len(self._admitted) >= dimse.max_associations or of_peer >= dimse.max_of_peer:
            return False
        self._admitted[association] = association.address
        self._of_address[association.address] += 1
        return True

    def leave(self, association: Acceptor) -> None:
        """Count a connection out, and the association that it was."""
        self._connections.discard(association)
        address = self._admitted.pop(association, None)
        if address is not None:
            self._of_address[address] -= 1
            if not self._of_address[address]:
                del self._of_address[address]

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Run what goes on when its association is over; it ends with the server."""
        task = asyncio.get_running_loop().create_task(work)
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def close(self) -> None:
        """Take no more associations, let objects that are under way be acknowledged, end the rest."""
        for listening in self._listening:
            listening.close()
        loop = asyncio.get_running_loop()
        until = loop.time() + FAREWELL_S
        for one in list(self._connections):
            if not one.is_working:
                one.abort(2, 0)
        while loop.time() < until and any(one.is_working for one in self._connections if not one.is_over):
            await asyncio.sleep(0.02)
            for one in list(self._connections):
                if not one.is_working:
                    one.abort(2, 0)
        for one in list(self._connections):
            one.abort(2, 0)
        await asyncio.sleep(0)
        for one in list(self._connections):
            one.transport.abort()
        for task in self._later:
            task.cancel()
        while not self.committer.is_idle:
            await asyncio.sleep(0.01)
        self.committer.close()
        self.writers.shutdown(wait=False)


class Running:
    """A server in a thread of its own.

    Attributes
    ----------
    server_address : (str, int)
        Where it listens.
    """

    def __init__(self, archive: Archive, host: str, port: int, *, is_secure: bool = False) -> None:
        self.server_address = (host, port)
        self._is_secure = is_secure
        self._archive = archive
        self._is_ready = threading.Event()
        self._failed: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._must_stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, args=(host, port), daemon=True, name="dimse")
        self._thread.start()
        self._is_ready.wait()
        if self._failed is not None:
            raise self._failed

    def _run(self, host: str, port: int) -> None:
        try:
            asyncio.run(self._serve(host, port))
        except BaseException as error:  # because the thread that started this one is to raise it
            self._failed = error
            self._is_ready.set()

    async def _serve(self, host: str, port: int) -> None:
        self._loop, self._must_stop = asyncio.get_running_loop(), asyncio.Event()
        server = Server(self._archive)
        self.server_address = (host, await server.listen(host, port, is_secure=self._is_secure))
        self._is_ready.set()
        await self._must_stop.wait()
        await server.close()

    def shutdown(self) -> None:
        """Stop and wait until it has."""
        if self._loop is not None and self._must_stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._must_stop.set)
            self._thread.join()


def start(archive: Archive, host: str, port: int, *, is_secure: bool = False) -> Running:
    """Start receiving in a thread; ``shutdown`` ends it.

    Parameters
    ----------
    port : int
        0 for any free one; see ``server_address`` of what is returned.
    is_secure : bool
        By TLS, as the settings say.
    """
    return Running(archive, host, port, is_secure=is_secure)


async def _serve(archive: Archive) -> None:
    must_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, must_stop.set)
    server = Server(archive)
    dimse = archive.settings.dimse
    await server.listen(*archive.settings.dimse_address, is_shared=True)
    if dimse.tls_bind:
        await server.listen(*archive.settings.dimse_tls_address, is_shared=True, is_secure=True)
    await must_stop.wait()
    await server.close()


def run(archive: Archive) -> None:
    """Receive until SIGTERM or SIGINT; associations get a moment to end their current object.

    Several processes may run this on one address: the kernel spreads associations over them.
    """
    asyncio.run(_serve(archive))
