"""A door behind the real server, for clients that speak over sockets."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator

from granian.constants import Interfaces
from granian.server.embed import Server


@contextlib.contextmanager
def served(application) -> Iterator[int]:
    """Serve an application on a port of 127.0.0.1 for a while; yield the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Server(
        application, address="127.0.0.1", port=port, interface=Interfaces.ASGINL, websockets=False, log_enabled=False
    )
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(server.serve(),), daemon=True)
    thread.start()
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            break
        time.sleep(0.02)
    yield port
    loop.call_soon_threadsafe(server.stop)
    thread.join(10)
    loop.close()
