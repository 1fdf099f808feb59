"""A served archive for tests: the real command in a process of its own, on free ports."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

from invivo import accounts, collections, submissions
from invivo.archive import opened
from invivo.settings import read_settings
from tests.factories import PASSWORD, SYSTEM


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Served:
    """An archive with one collection that releases on receipt, any loopback DICOM sender, and a curator's token.

    ``is_direct``: a house's own, which keeps objects as they come, with two processes at the web door and two at the DICOM door.
    """

    def __init__(self, home: Path, *, is_direct: bool = False) -> None:
        self.home = home
        if is_direct:
            home.mkdir(parents=True)
            (home / "invivo.toml").write_text(
                "[inhouse]\nidentified = true\n[dimse]\nprocesses = 2\n[http]\nprocesses = 2\n"
            )
        self.http, self.dimse = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.http}"
        with opened(read_settings(home)) as archive:
            rule, profile = ("direct", "verify") if is_direct else ("on-receipt", "tcia")
            draft = collections.Draft("WARD", "Ward", review_rule=rule, profile=profile)
            collection = collections.create(archive, SYSTEM, draft)
            submission = submissions.open_submission(archive, SYSTEM, collection.id, "All")
            submissions.add_sender(archive, SYSTEM, submission.id, address="127.0.0.0/8")
            person = accounts.create_person(archive, SYSTEM, "cora", PASSWORD, site_roles=["curator"])
            actor = accounts.actor_of_person(archive, person.id)
            self.token, _ = accounts.create_token(archive, actor, "test", ["read", "submit", "curate"])
        self.log = (home / "serve.log").open("ab")
        self.process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "invivo", "serve", "--home", str(self.home)]
        command += ["--http", f"127.0.0.1:{self.http}", "--dimse", f"127.0.0.1:{self.dimse}"]
        environment = {**os.environ, "INVIVO_LIMITS__FREE_BYTES": "0"}
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=environment)

    def await_answer(self, timeout_s: float = 30.0) -> float:
        """Wait until the web door answers; return how long it took."""
        began = time.monotonic()
        while time.monotonic() - began < timeout_s:
            try:
                if httpx.get(self.url + "/health", timeout=2).status_code == 200:
                    return time.monotonic() - began
            except httpx.TransportError:
                time.sleep(0.02)
        raise AssertionError("the archive does not answer: " + (self.home / "serve.log").read_text()[-2000:])

    def restart(self) -> None:
        self.stop()
        self.process = self._start()

    def children(self) -> dict[int, str]:
        """Return the process ids of the roles and of the postmaster, with what they are."""
        found = {}
        for folder in Path("/proc").iterdir():
            try:
                parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, ValueError, IndexError):
                continue
            if parent == self.process.pid:
                found[int(folder.name)] = "postmaster" if b"postgres" in (folder / "cmdline").read_bytes() else "role"
        return found

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def close(self) -> None:
        try:
            self.stop()
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.log.close()
