"""A proxy between client and archive that does what proxies and networks do: cuts, answers in the place of others, dawdles."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PASSED = ("content-type", "content-length", "content-range", "etag", "accept-ranges", "location", "retry-after")
PORTAL = b"<!doctype html><html><body>Accept the terms of this network</body></html>"


@dataclass
class Behaviour:
    """What the proxy does to packages.

    Attributes
    ----------
    cut_after : list of int
        Bytes after which each of the next answers is cut; once empty, answers are whole.
    always_cut : int
        Cut every answer after so many bytes.
    as_page : bool
        Answer with a page in place of the archive.
    turned_away : list of (status, headers)
        Answers of the next requests.
    chunk_s : float
        Pause after each 16 KiB.
    spoil : bool
        Change a byte near the end.
    forget_ranges : bool
        Answer ranges with the whole.
    """

    cut_after: list[int] = field(default_factory=list)
    always_cut: int = 0
    as_page: bool = False
    turned_away: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    chunk_s: float = 0.0
    spoil: bool = False
    forget_ranges: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)
    before: Callable[[str], None] = lambda _path: None


class Proxy(ThreadingHTTPServer):
    """Passes requests on."""

    daemon_threads = True
    request_queue_size = 64
    behaviour: Behaviour
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        how, asked = self.server.behaviour, self.headers.get("Range", "")
        how.before(self.path)
        is_package = self.path.endswith("package.zip")
        if is_package:
            how.asked.append((self.path, asked))
        if how.as_page:
            self._answer(200, {"Content-Type": "text/html", "Content-Length": str(len(PORTAL))}, PORTAL)
            return
        if is_package and how.turned_away:
            status, headers = how.turned_away.pop(0)
            self._answer(status, {**headers, "Content-Length": "0"}, b"")
            return
        self._pass_on(how, is_package)

    def _pass_on(self, how: Behaviour, is_package: bool) -> None:
        told = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
        if how.forget_ranges:
            told = {name: value for name, value in told.items() if name not in ("Range", "If-Range")}
        server = HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        try:
            server.request("GET", self.path, headers=told)
            answer = server.getresponse()
            content = answer.read()
        finally:
            server.close()
        headers = {name: value for name, value in answer.getheaders() if name.lower() in PASSED}
        if is_package and how.spoil and len(content) > 2000:
            place = len(content) // 2
            content = content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]
        cut = (how.cut_after.pop(0) if how.cut_after else how.always_cut) if is_package else 0
        headers["Content-Length"] = str(len(content))
        self._answer(answer.status, headers, content[:cut] if cut else content, how.chunk_s if is_package else 0)
        if cut and cut < len(content):
            self.close_connection = True

    def _answer(self, status: int, headers: dict[str, str], content: bytes, pause_s: float = 0) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        for begin in range(0, len(content), 16384):
            self.wfile.write(content[begin : begin + 16384])
            if pause_s:
                time.sleep(pause_s)

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def log_message(self, *_args: object) -> None:
        """Be silent."""


@contextmanager
def between(port: int) -> Iterator[Proxy]:
    """Stand between clients and an archive on a port of this machine."""
    proxy = Proxy(("127.0.0.1", 0), _Handler)
    proxy.port, proxy.behaviour = port, Behaviour()
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
