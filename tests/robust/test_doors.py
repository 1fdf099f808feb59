"""Both doors when there is no room, when others say nothing, and when there are many."""

import socket
import time
from collections.abc import Iterator

import pytest
from tools import sender

from invivo import collections, releases, search, submissions
from invivo.archive import Archive
from invivo.protocols import dimse
from invivo.protocols.dimse import association
from invivo.protocols.dimse.server import Running
from invivo.settings import read_settings
from tests.factories import SYSTEM, make_collection, make_submission
from tests.protocols.dimse.conftest import with_dimse

LARGE = 2 << 20


@pytest.fixture
def settings(tmp_path):
    return read_settings(tmp_path / "home", limits={"free_bytes": 0}, inhouse={"identified": True})


@pytest.fixture
def house(archive: Archive) -> collections.Collection:
    made = make_collection(archive, "INHOUSE", access="open", review_rule="direct", profile="verify")
    submissions.add_sender(archive, SYSTEM, make_submission(archive, made).id, address="127.0.0.0/8")
    submissions.receipt._destinations.clear()
    return made


@pytest.fixture
def door(public_archive: Archive, house: collections.Collection) -> Iterator[Running]:
    running = dimse.start(with_dimse(public_archive, idle_timeout_s=1.0), "127.0.0.1", 0)
    yield running
    running.shutdown()


def content_of(number: int, size: int = 0) -> tuple[str, bytes]:
    uid = f"2.25.1.1.{number}"
    more = {"Rows": size >> 10, "Columns": 1024, "BitsAllocated": 8, "PixelData": bytes(size)} if size else {}
    return uid, sender.encoded(sender.data_set("2.25.1", "2.25.1.1", uid, number, **more))[1]


def test_without_room_a_large_object_is_refused_for_now_and_taken_when_there_is_some(
    door: Running, public_archive: Archive
) -> None:
    held = public_archive.held
    one = sender.Association(door.server_address[1])
    held.reserve = 1 << 60
    refused = one.store(*content_of(1, LARGE))
    held.reserve = 0
    taken = one.store(*content_of(1, LARGE))
    one.release()
    assert (refused, taken) == (0xA700, 0)
    assert not [path for path in (held.root / "spool").iterdir() if path.is_file()]


def test_connections_that_say_nothing_are_ended_and_others_served(
    door: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(association, "ARTIM_S", 0.5)
    port = door.server_address[1]
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(150)]
    for one in silent[:75]:
        one.sendall(b"\x01\0\0\0\1\0")
    began = time.monotonic()
    assert sender.echo_ms(port) < 3000
    for one in silent:
        one.settimeout(10)
        while one.recv(100):
            pass
        one.close()
    assert time.monotonic() - began < 8


def test_half_open_associations_are_ended_and_others_served(door: Running) -> None:
    port = door.server_address[1]
    idle = [sender.Association(port) for _ in range(40)]
    assert sender.echo_ms(port) < 3000
    for one in idle:
        with pytest.raises(sender.Refused):
            while one.unit():
                pass
        one.connection.close()
    assert sender.echo_ms(port) < 3000


def test_a_study_of_very_many_series_is_found_whole(
    door: Running, archive: Archive, house: collections.Collection
) -> None:
    one = sender.Association(door.server_address[1])
    for number in range(1, 236):
        uid = f"2.25.2.{number}.1"
        assert one.store(uid, sender.encoded(sender.data_set("2.25.2", f"2.25.2.{number}", uid))[1]) == 0
    one.release()
    releases.grow(archive, house.id)
    (study,) = search.find(archive, SYSTEM, search.ALL, "study").rows
    assert len(search.find(archive, SYSTEM, search.ALL, limit=500).rows) == 235
    assert study.study_uid == "2.25.2"
