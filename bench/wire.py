"""A lean HTTP client: what is measured is the server, not the client's reading of headers."""

import json
import multiprocessing
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

JSON = {"Accept": "application/dicom+json"}
BLOCK = 1 << 20
MOST_MS, FEWEST = 3000.0, 4


class Refused(SystemExit):
    """The server did not answer 200."""


class Connection:
    """One connection to a web door, kept from one request to the next as long as the server keeps it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._block = memoryview(bytearray(BLOCK))
        self._rest = b""
        self._socket: socket.socket | None = None

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._rest = None, b""

    def ask(self, path: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> list[bytes]:
        """Ask for an address, or post to it; return the body in pieces. Raises Refused."""
        return list(self._answer(path, headers, body, bytes))

    def drain(self, path: str, headers: dict[str, str] | None = None) -> int:
        """Ask for an address; read the body and throw it away; return its length in bytes. Raises Refused."""
        return sum(self._answer(path, headers, None, len))

    def _answer(
        self, path: str, headers: dict[str, str] | None, body: bytes | None, keep: Callable[[Any], Any]
    ) -> Iterator[Any]:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=60)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines = [f"{'GET' if body is None else 'POST'} {path} HTTP/1.1", f"Host: 127.0.0.1:{self._port}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        self._socket.sendall("\r\n".join([*lines, "\r\n"]).encode())
        if body is not None:
            self._socket.sendall(body)
        status, told = self._head()
        if status == 204:
            return
        if "chunked" in told.get("transfer-encoding", ""):
            yield from self._chunks(keep)
        elif "content-length" in told:
            yield from self._exactly(int(told["content-length"]), keep)
        else:
            yield from self._until_end(keep)
        if told.get("connection", "").lower() == "close":
            self.close()
        if status not in {200, 206}:
            self.close()
            raise Refused(f"The server answered {status} to {path}.")

    def _more(self) -> memoryview:
        assert self._socket is not None
        got = self._socket.recv_into(self._block)
        if not got:
            raise SystemExit("The server hung up in the middle of an answer.")
        return self._block[:got]

    def _head(self) -> tuple[int, dict[str, str]]:
        text = self._rest
        while (there := text.find(b"\r\n\r\n")) < 0:
            text += self._more()
        self._rest = text[there + 4 :]
        first, *lines = text[:there].decode("latin-1").split("\r\n")
        pairs = (line.split(":", 1) for line in lines)
        return int(first.split()[1]), {name.lower(): value.strip() for name, value in pairs}

    def _exactly(self, length: int, keep: Callable[[Any], Any]) -> Iterator[Any]:
        taken, self._rest = self._rest[:length], self._rest[length:]
        if taken:
            yield keep(taken)
        left = length - len(taken)
        while left:
            block = self._more()
            part = block[:left]
            if len(block) > left:
                self._rest = bytes(block[left:])
            left -= len(part)
            yield keep(part)

    def _line(self) -> bytes:
        while (there := self._rest.find(b"\r\n")) < 0:
            self._rest += self._more()
        line, self._rest = self._rest[:there], self._rest[there + 2 :]
        return line

    def _chunks(self, keep: Callable[[Any], Any]) -> Iterator[Any]:
        while size := int(self._line().split(b";")[0], 16):
            yield from self._exactly(size, keep)
            self._line()
        while self._line():
            pass

    def _until_end(self, keep: Callable[[Any], Any]) -> Iterator[Any]:
        assert self._socket is not None
        if self._rest:
            yield keep(self._rest)
        while got := self._socket.recv_into(self._block):
            yield keep(self._block[:got])
        self.close()


def get(port: int, path: str, headers: dict[str, str] | None = None) -> bytes:
    """Ask once over a connection of its own; return the body."""
    connection = Connection(port)
    try:
        return b"".join(connection.ask(path, JSON if headers is None else headers))
    finally:
        connection.close()


def counted(port: int, query: str) -> int:
    """Return how many instances the studies have that QIDO finds."""
    rows = json.loads(get(port, f"/dicom-web/studies?{query}&includefield=00201208&limit=1000") or b"[]")
    return sum(int(row.get("00201208", {}).get("Value", [0])[0]) for row in rows)


def times_ms(connection: Connection, paths: list[str], headers: dict[str, str], *, least: int = 100) -> list[float]:
    """Ask for addresses one after the other over one connection; return how long each took. Slow ones are asked for less.

    Parameters
    ----------
    least : int
        An answer of fewer bytes is no answer, and the row fails.
    """
    taken: list[float] = []
    for path in paths:
        if sum(taken) > MOST_MS and len(taken) >= FEWEST:
            break
        began = time.perf_counter()
        size = connection.drain(path, headers)
        taken.append((time.perf_counter() - began) * 1000)
        if size < least:
            raise SystemExit(f"The answer to {path} is too short: {size} bytes.")
    return taken


def together(clients: int, work: Callable[[int], int]) -> tuple[int, float]:
    """Run work in so many forked processes at once; return the sum of what they return, and the seconds of all."""
    if clients == 1:
        began = time.perf_counter()
        return work(0), time.perf_counter() - began
    context = multiprocessing.get_context("fork")
    told, ready = context.SimpleQueue(), context.Barrier(clients)

    def client(number: int) -> None:
        ready.wait()
        began, done = time.perf_counter(), -1
        try:
            done = work(number)
        finally:
            told.put((began, time.perf_counter(), done))

    processes = [context.Process(target=client, args=(number,)) for number in range(clients)]
    for process in processes:
        process.start()
    spans = [told.get() for _ in processes]
    for process in processes:
        process.join()
    if min(done for _, _, done in spans) < 0:
        raise SystemExit("A client was refused.")
    return sum(done for _, _, done in spans), max(end for _, end, _ in spans) - min(began for began, _, _ in spans)
