"""The served archive of the matrix, one for all its tests."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest

from invivo.archive import opened
from invivo.settings import read_settings
from tests.permissions.world import PORTS, ROLES, World, client, command, fill, peer_port


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("matrix") / "home"
    PORTS["peer"] = peer_port(home)
    settings = read_settings(home, limits={"free_bytes": 0})
    with opened(settings) as archive:
        samples, secrets = fill(archive, archive.database.dsn)
    words, url, dimse = command(home)
    PORTS["dimse"] = dimse
    with (home / "serve.log").open("ab") as log:
        environment = {**os.environ, "INVIVO_LIMITS__FREE_BYTES": "0"}
        process = subprocess.Popen([sys.executable, *words], stdout=log, stderr=log, env=environment)
        try:
            _await(url)
            clients = {role: client(url, role, secrets) for role in ROLES}
            yield World(samples, clients, secrets["cart"], secrets["editor-link"], url)
            for one in clients.values():
                one.close()
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _await(url: str) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            answers = [httpx.get(url + path, timeout=5).status_code for path in ("/health", "/api/desk/openapi.json")]
        except httpx.TransportError:
            answers = []
        if answers == [200, 200]:
            return
        time.sleep(0.2)
    raise AssertionError("the archive does not answer")
