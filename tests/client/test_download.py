"""The client: resumes, verifies, and never gives a bad file its name."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from invivo import accounts, downloads
from invivo.archive import Archive
from invivo.client import fetch_series
from tests.factories import make_collection, make_series, publish

UID = "1.2.3"


class Server(ThreadingHTTPServer):
    """Offers a package, and misbehaves as the test says."""

    package: downloads.Package
    break_after: list[int]
    spoil = False
    as_page = False
    asked: list[str]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        package, start = self.server.package, 0
        asked = self.headers.get("Range", "")
        self.server.asked.append(asked)
        if asked and self.headers.get("If-Range") == package.etag:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
        content = b"".join(package.chunks(start))
        if self.server.spoil:
            content = content[:-400] + bytes(100) + content[-300:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", "text/html" if self.server.as_page else "application/zip")
        self.send_header("ETag", package.etag)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.server.break_after:
            self.wfile.write(content[: self.server.break_after.pop(0)])
            self.wfile.flush()
            self.connection.close()
            return
        self.wfile.write(content)

    def log_message(self, *_args: object) -> None:
        """Be silent."""


@pytest.fixture
def server(archive: Archive) -> Iterator[Server]:
    publish(archive, make_collection(archive), make_series(4, size=64))
    made = Server(("127.0.0.1", 0), Handler)
    made.package = downloads.Package(archive, downloads.select(archive, accounts.ANONYMOUS, collection="LUNG-1"))
    made.break_after, made.asked = [], []
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


def fetch(server: Server, folder: Path):
    with httpx.Client(base_url=f"http://127.0.0.1:{server.server_address[1]}") as http:
        return fetch_series(http, UID, folder)


def dicom_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.dcm"))


def test_files_come_with_licence_and_the_right_digests(server: Server, tmp_path: Path, archive: Archive) -> None:
    fetched = fetch(server, tmp_path)
    assert (fetched.outcome, fetched.files) == ("fetched", 4)
    assert all(archive.objects.holds(hashlib.sha256(path.read_bytes()).hexdigest()) for path in dicom_files(tmp_path))
    assert (tmp_path / "LICENCE.txt").exists()


def test_a_broken_download_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    server.break_after = [5000, 9000]
    assert fetch(server, tmp_path).outcome == "fetched"
    assert server.asked[0] == ""
    assert server.asked[1] == "bytes=5000-"


def test_a_second_run_fetches_nothing(server: Server, tmp_path: Path) -> None:
    fetch(server, tmp_path)
    assert fetch(server, tmp_path).outcome == "present"
    assert len(server.asked) == 1


@pytest.mark.parametrize("fault", ["spoil", "as_page"])
def test_wrong_bytes_never_get_a_name(server: Server, tmp_path: Path, fault: str) -> None:
    setattr(server, fault, True)
    assert fetch(server, tmp_path).outcome == "failed"
    server.spoil = server.as_page = False
    assert fetch(server, tmp_path).outcome == "fetched"
