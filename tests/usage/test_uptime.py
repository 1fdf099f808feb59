"""Uptime is what was measured: a real door that answers, then does not."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from invivo import usage
from invivo.archive import Archive

BEGAN = datetime(2026, 11, 1, 12, tzinfo=UTC)


class _Door(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, *_told: object) -> None:
        return


@pytest.fixture
def door() -> Iterator[HTTPServer]:
    _Door.status = 200
    server = HTTPServer(("127.0.0.1", 0), _Door)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def at(archive: Archive, door: HTTPServer, minutes: float) -> Archive:
    watched = archive.settings.usage.model_copy(update={"watched": f"http://127.0.0.1:{door.server_port}"})
    now = BEGAN + timedelta(minutes=minutes)
    return replace(archive, settings=archive.settings.model_copy(update={"usage": watched}), clock=lambda: now)


def test_nothing_measured_is_said_so(archive: Archive) -> None:
    assert usage.uptime(archive, 30).share is None


def test_an_hour_of_answers_is_all_of_it(archive: Archive, door: HTTPServer) -> None:
    assert all(usage.watch(at(archive, door, minute)) for minute in range(0, 61, 2))
    assert usage.uptime(at(archive, door, 60), 30).share == pytest.approx(1.0)


def test_a_door_that_fails_is_down_for_as_long_as_it_does(archive: Archive, door: HTTPServer) -> None:
    for minute in range(0, 101, 2):
        _Door.status = 503 if 20 <= minute < 70 else 200
        assert usage.watch(at(archive, door, minute)) is (_Door.status == 200)
    found = usage.uptime(at(archive, door, 100), 30)
    assert found.share == pytest.approx(0.48, abs=0.005)  # from the last answer, 18, to the next, 70
    assert found.days == 1


def test_a_watcher_that_slept_is_not_taken_for_an_archive_that_answered(archive: Archive, door: HTTPServer) -> None:
    usage.watch(at(archive, door, 0))
    usage.watch(at(archive, door, 60))
    assert usage.uptime(at(archive, door, 60), 30).share == pytest.approx(0.0, abs=0.001)


def test_a_door_that_is_closed_is_down(archive: Archive, door: HTTPServer) -> None:
    closed = at(archive, door, 0)
    door.shutdown()
    door.server_close()
    assert usage.watch(closed) is False
