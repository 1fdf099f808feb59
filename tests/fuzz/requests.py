"""Requests to the public web application, on a real archive with a few real files in it.

An input is a request as text: a line with method and address, lines with headers, an empty line, the body. ``@1`` to
``@9`` stand for the addresses of studies, series and instances that are there.
"""

import asyncio
import contextlib
import random
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pydicom.data

from invivo import accounts, images, releases, search, serving, submissions, web
from invivo.archive import Archive, make_folders, open_archive, prepare
from invivo.cli import presets
from invivo.database import Postmaster
from invivo.protocols import wire
from invivo.settings import read_settings
from tests.fuzz import bodies

FILES = ("CT_small.dcm", "MR_small_RLE.dcm", "JPEG2000.dcm", "test-SR.dcm", "rtplan.dcm", "examples_overlay.dcm")
LEVELS = ("/dicom-web/studies", "/dicom-web/series", "/dicom-web/instances")
KEYS = (
    "PatientName", "StudyDate", "StudyTime", "00080060", "ModalitiesInStudy", "ContentDate", "AcquisitionDateTime", "Rows",
    "RequestAttributesSequence.ScheduledProcedureStepID", "00091002", "includefield", "limit", "offset", "fuzzymatching",
    "InstanceNumber", "SOPInstanceUID", "emptyvaluematching", "00400275.00400009", "NumberOfFrames", "accept",
)  # fmt: skip
VALUES = (
    "*", "?", "**a*", "a*b*c*d*e", "20200101-", "-20200101", "20200101-20191231", "1", "-1", "99999999999", "1e5", "all",
    "CT\\MR", "CT,MR", '""', "%00", "%F0%9F%98%80", "%5C", "1.2.3", "true", "0x1", "^", "%25", "'", "[", "NaN", "1.5",
)  # fmt: skip
TAILS = (
    "", "/metadata", "/frames/1", "/frames/1,2", "/frames/0", "/frames/99999999999999999999", "/rendered", "/thumbnail",
    "/bulkdata/7FE00010", "/bulkdata/00081140/0/00081155", "/bulkdata/%2e%2e", "/frames/1/rendered", "/frames/1/thumbnail",
    "?viewport=64,64", "/rendered?viewport=10,10,0,0,5,5&quality=5", "/rendered?window=1,1,linear", "/rendered?viewport=-1,0",
    "/rendered?viewport=100000,100000", "/series", "/instances", "?accept=application/zip",
)  # fmt: skip
ACCEPT = (
    "*/*", "application/dicom+json", 'multipart/related; type="application/dicom"; transfer-syntax=*',
    'multipart/related; type="application/dicom+xml"', 'multipart/related; type="application/octet-stream"', "image/jpeg",
    'multipart/related; type="image/jls"', "application/zip", "image/png;q=0.5, image/gif", "text/html", "video/mp4",
)  # fmt: skip
HEADERS = (
    "Range: bytes=0-10", "Range: bytes=-1", "Range: bytes=5-2", "Range: bytes=99999999-", "If-None-Match: *",
    "If-Range: x", "Origin: http://x", "Accept-Encoding: gzip;q=0", "Authorization: Bearer x", "Authorization: Basic eDp5",
    "Cookie: session=x", "Content-Encoding: gzip", "Transfer-Encoding: chunked", "X-Forwarded-For: 1", "Invivo-Submission: -1",
    "Content-Type: multipart/related; type=\"application/dicom\"; boundary=b", "Content-Type: application/dicom",
    "Content-Type: multipart/related; type=\"application/dicom+json\"; boundary=b", "Tus-Resumable: 1.0.0", "Upload-Length: -1",
    "Upload-Length: 99", "Upload-Offset: 0",
)  # fmt: skip
OTHERS = (
    "/api/v1/collections",
    "/api/v1/series",
    "/uploads",
    "/",
    "/search?q=CT",
    "/health",
    "/wado?requestType=WADO&studyUID=1",
)


def _started() -> tuple[Postmaster, Archive, list[str]]:
    """Start a database and an archive of a house's own with some files in it."""
    home = Path(tempfile.mkdtemp(prefix="fuzz-"))
    settings = read_settings(home, limits={"free_bytes": 0}, inhouse={"identified": True})
    make_folders(home)
    server = Postmaster(home, "64MB")
    server.start()
    prepare(settings, server.dsn)
    staff = open_archive(settings, server.dsn, "invivo_staff")
    presets.make(staff, presets.preset_named("inhouse"))
    origin = submissions.Origin("dimse", called_aet="INVIVO", calling_aet="FUZZ", address="127.0.0.1")
    folder = Path(pydicom.data.__file__).parent / "test_files"
    for name in FILES:
        if (folder / name).exists():
            spooled = submissions.spool(staff, [(folder / name).read_bytes()])
            submissions.receive_many(staff, [submissions.Parcel(origin, spooled)])
    with staff.database.transaction() as tx:
        number = tx.execute("select max(id) as id from collections.collection").fetchone().id
    releases.grow(staff, number)
    rows = search.find(staff, accounts.ANONYMOUS, search.ALL).rows
    places = [f"/dicom-web/studies/{rows[0].study_uid}"]
    for row in rows:
        place = f"/dicom-web/studies/{row.study_uid}/series/{row.series_uid}"
        (one, *_) = images.instances_of_series(staff, accounts.ANONYMOUS, row.series_uid)
        places += [f"{place}/instances/{one.uid}", place][: 9 - len(places)]
    staff.database.close()
    return server, open_archive(settings, server.dsn, "invivo_public", 10.0), places


class _Log:
    """Notes the place of what was answered as a fault of ours."""

    place = ""

    def error(self, _event: str, *, place: str = "", error: str = "", **_words: Any) -> None:
        self.place = f"{error} {place}".replace(":", " ")

    def warning(self, _event: str, **_words: Any) -> None:
        """A refusal is no finding."""

    info = warning


LOG = wire._log = web.errors._log = _Log()
SERVER, ARCHIVE, PLACES = _started()
APPLICATION = serving.application.public_application(ARCHIVE, ARCHIVE.settings.home / "run" / "none.sock")
LOOP = asyncio.new_event_loop()


def written(rnd: random.Random) -> bytes:
    """Write a request that has something to find."""
    kind = rnd.randrange(5)
    if kind <= 1:
        pairs = "&".join(f"{rnd.choice(KEYS)}={rnd.choice(VALUES)}" for _ in range(rnd.randrange(4)))
        target = f"{rnd.choice((*LEVELS, '@1/series', '@4/instances'))}?{pairs}"
    elif kind == 2:
        target = rnd.choice(OTHERS)
    else:
        target = f"@{rnd.randrange(1, 10)}{rnd.choice(TAILS)}"
    method = "POST" if rnd.random() < 0.15 else rnd.choice(("GET", "GET", "GET", "HEAD", "OPTIONS", "PATCH", "DELETE"))
    lines = [f"{method} {target}", f"Accept: {rnd.choice(ACCEPT)}", *rnd.sample(HEADERS, rnd.randrange(3))]
    body = bodies.changed(bytearray(rnd.choice(bodies.seeds())[1:]), rnd) if method in ("POST", "PATCH") else b""
    return "\n".join(lines).encode() + b"\n\n" + body


def seeds() -> list[bytes]:
    rnd = random.Random(5)
    return [written(rnd) for _ in range(200)]


def mutated(content: bytes, rnd: random.Random) -> bytes:
    return written(rnd) if rnd.random() < 0.5 else bodies.changed(bytearray(content), rnd)


def _is_http(head: bytes) -> bool:
    """Tell whether the server in front of the application would let it through (RFC 9110 5.5, RFC 3986 2)."""
    target, *headers = head.split(b"\n")
    return all(0x20 <= one < 0x7F for one in target) and all(
        one.strip() and all(byte >= 0x20 and byte != 0x7F for byte in one) and one.partition(b":")[0].strip().isascii()
        for one in headers
    )


def _scope(head: bytes) -> dict[str, Any]:
    first, *lines = head.split(b"\n")
    method, _, target = first.partition(b" ")
    for number, place in enumerate(PLACES, 1):
        target = target.replace(b"@%d" % number, place.encode())
    path, _, query = target.partition(b"?")
    headers = [(name.strip().lower(), value.strip()) for name, _, value in (one.partition(b":") for one in lines)]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method.decode("latin-1").upper(),
        "scheme": "http",
        "path": "/" + path.decode("utf-8", "replace").lstrip("/"),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": [(b"host", b"archive.test"), *headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }


async def _asked(content: bytes) -> tuple[int, bytes]:
    head, _, body = content.partition(b"\n\n")
    messages = [{"type": "http.request", "body": body, "more_body": False}]
    answer: dict[str, Any] = {"status": 0, "body": b"", "ended": False}

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        while not answer["ended"]:
            await asyncio.sleep(0.01)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answer["status"] = message["status"]
            assert all(b"\n" not in value for _, value in message["headers"]), "a header holds a line's end"
        elif len(answer["body"]) < 2000:
            answer["body"] += bytes(message.get("body", b""))

    try:
        await APPLICATION(_scope(head), receive, send)
    finally:
        answer["ended"] = True
    return answer["status"], answer["body"]


def check(content: bytes) -> None:
    """Ask it, and want an answer that is no failure of ours; what belongs to the desk is away."""
    LOG.place = ""
    if not _is_http(content.partition(b"\n\n")[0]):
        return
    status, body = LOOP.run_until_complete(_asked(content))
    assert 200 <= status < 500 or status in (501, 503), f"status {status} at {LOG.place}: {body[:200]!r}"


def close() -> None:
    """Stop the database and remove the archive."""
    with contextlib.suppress(Exception):  # because what is left of it is removed anyway
        ARCHIVE.database.close()
        LOOP.close()
    SERVER.stop()
    shutil.rmtree(ARCHIVE.settings.home, ignore_errors=True)
