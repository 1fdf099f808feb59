"""A whole archive to measure: the real command in processes of its own, in a folder that goes away."""

import os
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import orjson

from invivo import accounts, collections, submissions
from invivo.archive import opened
from invivo.settings import read_settings

PATIENCE_S = 240.0
JSON = {"Accept": "application/dicom+json"}


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Installation:
    """An archive with one open collection that releases on receipt, and a token that may deliver."""

    def __init__(self, home: Path) -> None:
        self.home, self.http, self.dimse = home, free_port(), free_port()
        me = accounts.system()
        with opened(read_settings(home)) as archive:
            made = collections.create(archive, me, collections.Draft("BENCH", "Benchmark", review_rule="on-receipt"))
            submission = submissions.open_submission(archive, me, made.id, "Loads")
            submissions.add_sender(archive, me, submission.id, address="127.0.0.0/8")
            person = accounts.create_person(archive, me, "bench", "a password for nobody", site_roles=["curator"])
            actor = accounts.actor_of_person(archive, person.id)
            self.token, _ = accounts.create_token(archive, actor, "bench", ["read", "submit"])
        self._log = (home / "serve.log").open("ab")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Serve; return the seconds until the web door answered."""
        command = [sys.executable, "-m", "invivo", "serve", "--home", str(self.home)]
        command += ["--http", f"127.0.0.1:{self.http}", "--dimse", f"127.0.0.1:{self.dimse}"]
        began = time.perf_counter()
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, env=dict(os.environ)
        )
        while time.perf_counter() - began < 60:
            try:
                if self.get("/health")[0] == 200:
                    return time.perf_counter() - began
            except (OSError, HTTPException):
                time.sleep(0.01)
        raise SystemExit("The archive does not answer:\n" + (self.home / "serve.log").read_text()[-2000:])

    def stop(self) -> None:
        """Stop the tree."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(60)
            self._process = None

    def connect(self) -> HTTPConnection:
        """Return a connection that stays open from one request to the next."""
        return HTTPConnection("127.0.0.1", self.http, timeout=120)

    def get(self, path: str) -> tuple[int, bytes]:
        """Ask once; return status and body."""
        connection = self.connect()
        try:
            return ask(connection, path)
        finally:
            connection.close()

    def rows(self, path: str) -> list[dict[str, Any]]:
        """Return the rows of a QIDO answer, all pages of it."""
        found: list[dict[str, Any]] = []
        connection = self.connect()
        while True:
            separator = "&" if "?" in path else "?"
            status, body = ask(connection, f"{path}{separator}limit=500&offset={len(found)}", JSON)
            page = orjson.loads(body) if status == 200 else []
            found += page
            if len(page) < 500:
                connection.close()
                return found

    def found(self) -> int:
        """Return how many instances QIDO finds in all."""
        return sum(number_of(row, "00201209") for row in self.rows("/dicom-web/series"))

    def await_found(self, expected: int) -> None:
        """Wait until QIDO finds so many instances."""
        deadline = time.perf_counter() + PATIENCE_S
        while (now := self.found()) < expected:
            if time.perf_counter() > deadline:
                raise SystemExit(f"Only {now} of {expected} instances were found in time.")
            time.sleep(0.1)

    def memory_mb(self) -> float | None:
        """Return the proportional memory of the whole tree in MB, None where the system does not tell."""
        assert self._process is not None
        waiting, total = [self._process.pid], 0
        try:
            while waiting:
                pid = waiting.pop()
                text = Path(f"/proc/{pid}/smaps_rollup").read_text()
                total += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
                waiting += [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        except OSError:
            return None
        return total / 1024


def ask(connection: HTTPConnection, path: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    """Ask over an open connection; return status and body."""
    connection.request("GET", path, headers=headers or {})
    answer = connection.getresponse()
    return answer.status, answer.read()


def number_of(row: dict[str, Any], tag: str) -> int:
    """Return a number of a DICOM JSON row, 0 where it has none."""
    return int(next(iter(row.get(tag, {}).get("Value", [])), 0))


def text_of(row: dict[str, Any], tag: str) -> str:
    """Return a text of a DICOM JSON row, empty where it has none."""
    return str(next(iter(row.get(tag, {}).get("Value", [])), ""))
