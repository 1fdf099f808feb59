"""What the HTTP protocols share."""

import time

import anyio
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from invivo import accounts, errors
from invivo.protocols import wire
from invivo.protocols.negotiation import NotAcceptable, UnsupportedMediaType, accepted, accepts_gzip, media_ranges
from invivo.protocols.wire import (
    LARGE,
    STATUS,
    Gone,
    Part,
    batches,
    byte_range,
    multipart_response,
    problem_of,
    status_of,
)


def request(headers=(), actor=accounts.ANONYMOUS, query=b""):
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": query, "state": {"actor": actor}}
    return Request({**scope, "headers": [(name.lower().encode(), value.encode()) for name, value in headers]})


def test_every_family_of_errors_has_a_status():
    assert set(STATUS) == set(errors.FAMILIES)


def every_error(kind=errors.InvivoError):
    for below in kind.__subclasses__():
        yield below
        yield from every_error(below)


@pytest.mark.parametrize(
    "kind", sorted(set(every_error()), key=lambda one: (one.__module__, one.__name__)), ids=lambda one: one.code
)
def test_every_error_becomes_problem_details(kind):
    answer = problem_of(request(), kind("What happened, and what to do."))
    assert answer.media_type == "application/problem+json"
    assert 400 <= answer.status_code < 600
    assert b'"code":"' + kind.code.encode() in answer.body


def test_a_visitor_is_asked_to_sign_in_and_a_person_is_refused():
    error = errors.Refused("no")
    assert problem_of(request(), error).status_code == 401
    person = accounts.Actor("person:1", person_id=1)
    assert problem_of(request(actor=person), error).status_code == 403


def test_busy_says_when_to_come_back():
    assert problem_of(request(), errors.Busy("later")).headers["retry-after"] == "2"


def test_a_fault_of_ours_tells_nothing_of_it():
    answer = problem_of(request(), ValueError("Doe^Jane"))
    assert answer.status_code == 500
    assert b"Doe" not in answer.body


def test_a_special_error_has_its_own_status():
    assert [status_of(kind("x")) for kind in (errors.Invalid, NotAcceptable, UnsupportedMediaType, Gone)] == [
        400,
        406,
        415,
        410,
    ]


@pytest.mark.parametrize(
    ("text", "first", "inner", "syntax"),
    [
        ('multipart/related; type="application/dicom"', "multipart/related", "application/dicom", ""),
        ("multipart/related;type=application/dicom;transfer-syntax=*", "multipart/related", "application/dicom", "*"),
        ('multipart/related; type="*/*"', "multipart/related", "*/*", ""),
        ("text/html;q=0.2, image/*", "image/*", "*/*", ""),
        ('a/b; x="1,2;q=0"; q=0.1, c/d;q=0', "a/b", "*/*", ""),
        (";;;, ,application/dicom+json", "application/dicom+json", "*/*", ""),
    ],
)
def test_accept_headers_of_real_clients_are_read(text, first, inner, syntax):
    best = media_ranges(text)[0]
    assert (best.type, best.inner, best.transfer_syntax) == (first, inner, syntax)


@pytest.mark.parametrize(
    "text", ['a/b;x="' + "\\" * 100_000, "a/b" + ";" * 100_000, "a/b;" + "x=1;" * 50_000, "," * 100_000]
)
def test_a_hostile_accept_header_is_read_in_time(text):
    began = time.monotonic()
    assert len(media_ranges(text)) <= 1
    assert time.monotonic() - began < 1


def test_no_accept_header_accepts_everything():
    assert accepted(request())[0].type == "*/*"


@pytest.mark.parametrize(
    ("text", "takes"), [("gzip, br", True), ("*", True), ("gzip;q=0", False), ("br", False), ("", False)]
)
def test_gzip_is_used_only_where_it_is_taken(text, takes):
    assert accepts_gzip(request([("Accept-Encoding", text)])) is takes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=5-", (5, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=2-99", (2, 10)),
        ("bytes=-99", (0, 10)),
        ("bytes=1-2,4-5", None),
        ("bytes=-", None),
        ("items=1-2", None),
        ("", None),
        ("bytes=5-2", None),
    ],
)
def test_a_range_is_read(text, expected):
    assert byte_range(request([("Range", text)]), 10) == expected


def test_a_range_behind_the_end_cannot_be_satisfied():
    with pytest.raises(HTTPException) as caught:
        byte_range(request([("Range", "bytes=10-")]), 10)
    assert caught.value.headers == {"Content-Range": "bytes */10"}


def test_small_chunks_are_joined_and_large_ones_are_not_copied():
    large = bytes(40_000)
    gathered = list(batches([b"abc"] * 1000 + [large] + [b"d"] * 5, 10_000))
    assert b"".join(piece for batch in gathered for piece in batch) == b"abc" * 1000 + large + b"ddddd"
    assert [len(batch) for batch in gathered] == [2, 1]
    assert gathered[0][1] is large


def test_the_length_of_a_multipart_is_exact():
    large = bytes(LARGE)
    small = multipart_response([Part("a/b", [b"xyz"], 3), Part("a/b", [b""], 0)], "a/b", "bound")
    assert len(small.body) == int(small.headers["content-length"])
    answer = multipart_response([Part("a/b", [large], LARGE), Part("a/b", [b""], 0)], "a/b", "bound")

    async def whole():
        return b"".join([chunk async for chunk in answer.body_iterator])

    assert len(anyio.run(whole)) == int(answer.headers["content-length"])


def test_a_sender_that_falls_silent_counts_as_gone(monkeypatch):
    monkeypatch.setattr(wire, "SILENCE_S", 0.05)
    messages = [{"type": "http.request", "body": b"abc", "more_body": True}]
    came = []

    async def receive():
        if messages:
            return messages.pop()
        await anyio.sleep(30)
        raise AssertionError("nobody waits so long")

    def read(body):
        for block in body:
            came.append(block)

    async def run():
        await wire.with_body(Request({"type": "http", "method": "POST", "headers": []}, receive), read)

    with pytest.raises(wire.Disconnected):
        anyio.run(run)
    assert came == [b"abc"]


def test_a_sender_that_trickles_counts_as_gone(monkeypatch):
    monkeypatch.setattr(wire, "SILENCE_S", 0.3)
    monkeypatch.setattr(wire, "BLOCK", 4)

    async def receive():
        await anyio.sleep(0.02)
        return {"type": "http.request", "body": b"a", "more_body": True}

    async def run():
        await wire.with_body(Request({"type": "http", "method": "POST", "headers": []}, receive), list)

    with anyio.from_thread.start_blocking_portal() as portal, pytest.raises(wire.Disconnected):
        portal.start_task_soon(run).result(20)


def test_one_that_is_waited_for_no_longer_than_it_sends_is_not_gone(monkeypatch):
    monkeypatch.setattr(wire, "SILENCE_S", 0.05)
    messages = [{"type": "http.request", "body": bytes(1024), "more_body": number > 0} for number in range(30)]

    async def receive():
        await anyio.sleep(0.005)
        return messages.pop()

    def read(body):
        return sum(len(block) for block in body)

    async def run():
        return await wire.with_body(Request({"type": "http", "method": "POST", "headers": []}, receive), read)

    assert anyio.run(run) == 30 * 1024
