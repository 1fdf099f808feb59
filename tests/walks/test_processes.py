"""Several processes serve the web door: one that dies is not missed, and comes again."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.walks.tree import Served

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="more than one process serves the door on Linux only")


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path / "home", is_direct=True)
    try:
        served.await_answer()
        yield served
    finally:
        served.close()


def listening(archive: Served) -> set[int]:
    """Return the children that listen at the web door."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    sockets = {f"socket:[{line[9]}]" for line in lines if line[3] == "0A" and line[1].endswith(f":{archive.http:04X}")}
    found = set()
    for child in archive.children():
        try:
            held = {str(path.readlink()) for path in Path(f"/proc/{child}/fd").iterdir()}
        except OSError:
            continue
        if held & sockets:
            found.add(child)
    return found


def await_two(archive: Served, without: int = 0) -> set[int]:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = listening(archive) - {without}
        if len(found) == 2:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{len(found)} listen")


def test_a_web_process_that_dies_is_not_missed_and_comes_again(archive: Served) -> None:
    victim = min(await_two(archive))
    os.kill(victim, signal.SIGKILL)
    answers = []
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        try:
            answers.append(httpx.get(archive.url + "/health", timeout=5).status_code)
        except httpx.TransportError:
            continue  # a connection that the dead one had taken
    assert answers.count(200) > 10 and set(answers) == {200}
    assert victim not in await_two(archive, victim)
    headers = {"Authorization": f"Bearer {archive.token}"}
    told = {httpx.get(archive.url + "/api/me", headers=headers).status_code for _ in range(20)}
    assert told == {200}
