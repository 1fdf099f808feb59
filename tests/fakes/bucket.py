"""A public store on this machine, as S3 answers, which misbehaves as a test says."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape


class Bucket(ThreadingHTTPServer):
    """Objects by key; the bucket's name is the first part of the path.

    Attributes
    ----------
    page : int
        Objects a page of a list.
    broken : list of int
        The next answers with bytes break off after so many; 0: an error 503 instead.
    spoiled, unlisted : set of str
        Keys whose bytes are wrong, and that are not in the list.
    tags : dict of str to str
        Entity tags that are not the MD5.
    answer : bytes
        What every list is, if it is not empty.
    """

    def __init__(self, objects: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects = objects
        self.page = 1000
        self.broken: list[int] = []
        self.spoiled: set[str] = set()
        self.unlisted: set[str] = set()
        self.tags: dict[str, str] = {}
        self.answer = b""
        self.asked: list[str] = []

    @property
    def store(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{{bucket}}"

    def tag(self, key: str) -> str:
        return self.tags.get(key) or hashlib.md5(self.objects[key], usedforsecurity=False).hexdigest()

    def list(self, prefix: str, token: str) -> bytes:
        keys = sorted(key for key in self.objects if key.startswith(prefix) and key not in self.unlisted)
        start = int(token or 0)
        shown, more = keys[start : start + self.page], start + self.page < len(keys)
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key><ETag>&quot;{self.tag(key)}&quot;</ETag>"
            f"<Size>{len(self.objects[key])}</Size></Contents>"
            for key in shown
        )
        after = f"<NextContinuationToken>{start + self.page}</NextContinuationToken>" if more else ""
        return (
            '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{after}{contents}</ListBucketResult>"
        ).encode()


class _Handler(BaseHTTPRequestHandler):
    server: Bucket

    def do_GET(self) -> None:
        split = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(split.query).items()}
        if "list-type" in asked:
            content = self.server.answer or self.server.list(asked["prefix"], asked.get("continuation-token", ""))
            self._send(200, content, len(content))
            return
        key = unquote(split.path).split("/", 2)[2]
        self.server.asked.append(f"{key} {self.headers.get('Range', '')}".strip())
        if key not in self.server.objects:
            self._send(404, b"", 0)
            return
        content = self.server.objects[key]
        content = bytes(len(content)) if key in self.server.spoiled else content
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        stop = self.server.broken.pop(0) if self.server.broken else None
        if stop == 0:
            self._send(503, b"", 0)
            return
        self._send(206 if start else 200, content[start:][:stop], len(content) - start)

    def _send(self, status: int, content: bytes, length: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(content)
        if len(content) < length:
            self.wfile.flush()
            self.connection.close()

    def log_message(self, *_args: object) -> None:
        """Be silent."""


@contextmanager
def served(objects: dict[str, bytes]) -> Iterator[Bucket]:
    """Serve a store for a while."""
    made = Bucket(objects)
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.shutdown()
        made.server_close()
        thread.join()
