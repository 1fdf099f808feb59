"""invivo as a server to measure: a plain DICOM server in the house, and an archive that de-identifies all it gets."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from bench.loads import Load
from bench.server import await_answer, end, free_port, tree_of
from bench.wire import counted
from invivo import accounts, collections, submissions
from invivo.archive import opened
from invivo.settings import read_settings


class Invivo:
    """A new installation by `invivo init --preset inhouse`."""

    name, aet = "invivo", "INVIVO"

    def __init__(self, home: Path, destination: int) -> None:
        self.home, self.http, self.dimse = home, free_port(), free_port()
        self._environment = {**os.environ, "INVIVO_DIMSE__PEERS__BENCH": f"127.0.0.1:{destination}"}
        self._process: subprocess.Popen[bytes] | None = None
        self._make()
        self.headers = {"Authorization": f"Bearer {self._token()}"}

    def _make(self) -> None:
        command = [sys.executable, "-m", "invivo", "init", "--preset", "inhouse", "--home", str(self.home)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def _token(self) -> str:
        """Make an account that delivers by STOW; senders are known by address at the DICOM door only."""
        with opened(read_settings(self.home)) as archive:
            person = accounts.create_person(
                archive, accounts.system(), "bench", "a password for nobody", site_roles=["curator"]
            )
            actor = accounts.actor_of_person(archive, person.id)
            return accounts.create_token(archive, actor, "bench", ["read", "submit"])[0]

    def start(self) -> float:
        """Serve; return the seconds until the web door answered."""
        command = [sys.executable, "-m", "invivo", "serve", "--home", str(self.home)]
        command += ["--http", f"127.0.0.1:{self.http}", "--dimse", f"127.0.0.1:{self.dimse}"]
        path = self.home / "serve.log"
        began = time.perf_counter()
        with path.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment
            )
        await_answer(self._process, self.http, "/health", path)
        return time.perf_counter() - began

    def stop(self) -> None:
        """Stop the tree."""
        if self._process is not None:
            end(self._process)
            self._process = None

    def pids(self) -> list[int]:
        """Return the processes of the tree, PostgreSQL's too."""
        return tree_of(self._process.pid) if self._process else []

    def found(self, load: Load) -> int:
        """Return how many instances of a load QIDO finds."""
        return counted(self.http, f"PatientID={load.prefix}*")

    def package(self, study_uid: str) -> str:
        """Return the address of a study as ZIP."""
        return f"/studies/{study_uid}/package.zip"


class Deidentifying(Invivo):
    """An archive whose one collection de-identifies with the profile *tcia* and releases on receipt.

    It gives objects other UIDs and patients, so that a load is known by how many instances came.
    """

    def __init__(self, home: Path, destination: int) -> None:
        super().__init__(home, destination)
        self._there, self._load = 0, ""

    def _make(self) -> None:
        me = accounts.system()
        with opened(read_settings(self.home)) as archive:
            made = collections.create(archive, me, collections.Draft("BENCH", "Benchmark", review_rule="on-receipt"))
            submission = submissions.open_submission(archive, me, made.id, "Loads")
            submissions.add_sender(archive, me, submission.id, address="127.0.0.0/8")

    def found(self, load: Load) -> int:
        """Return how many instances QIDO finds beyond those of the loads before."""
        now = counted(self.http, "")
        if load.row != self._load:
            self._load, self._before = load.row, self._there
        self._there = now
        return now - self._before


def remove(home: Path) -> None:
    """Remove an installation that has stopped."""
    shutil.rmtree(home, ignore_errors=True)
