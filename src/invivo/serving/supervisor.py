"""`invivo serve`: one tree of processes that starts together, mends itself, and stops cleanly."""

import gc
import ipaddress
import multiprocessing
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any

import structlog

from invivo import database, releases
from invivo.archive import make_folders, prepare
from invivo.errors import Broken, Conflict
from invivo.serving.process import ROLES, configure_log, run_role
from invivo.settings import Settings

STOP_S = 12.0
_log = structlog.get_logger()


class OpenDoors(Conflict):
    """An archive with identified objects would listen on a network."""

    code = "serve.open-doors"


class AddressTaken(Conflict):
    """Another program listens on an address of ours."""

    code = "serve.address-taken"


class DidNotAnswer(Broken):
    """The web door did not answer in time."""

    code = "serve.no-answer"


@dataclass
class Child:
    """A process of the tree and when it was started."""

    role: str
    process: BaseProcess | None
    started: float
    quick_deaths: int = 0
    not_before: float = 0.0


class Tree:
    """The supervisor.

    On Linux children are forked from a supervisor that has loaded everything and has no thread, so they start at once and
    share its memory; elsewhere they are spawned.
    """

    def __init__(self, settings: Settings, roles: Sequence[str] = tuple(ROLES)) -> None:
        self.settings = settings
        self.roles = [role for role in roles if role != "dimse" or settings.dimse.bind]
        self.postmaster: database.Postmaster | None = None
        self.dsn = settings.database.dsn
        self.children: dict[str, Child] = {}
        self._context: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
        self._reading, self._writing = os.pipe()
        self.must_stop = False

    def start(self) -> None:
        """Start the database and all roles; returns when they are started, see `await_answer`."""
        make_folders(self.settings.home)
        self._check_addresses()
        if not self.dsn:
            self.postmaster = database.Postmaster(self.settings.home, self.settings.database.shared_buffers)
            self.postmaster.start()
            self.dsn = self.postmaster.dsn
        prepare(self.settings, self.dsn)
        if self._has_identified():
            need_closed_doors(self.settings, is_identified=True)
        gc.collect()
        gc.freeze()
        processes = {"web": self.settings.http.processes, "dimse": self.settings.dimse.processes}
        for role in self.roles:
            for number in range(processes.get(role, 1)):
                self._start(f"{role}-{number + 1}" if number else role)

    def _has_identified(self) -> bool:
        """Whether anything was ever kept as it came, whatever the settings say today."""
        pool = database.Database(self.dsn, "invivo_staff", 1)
        pool.open()
        try:
            return releases.has_grown(pool)
        finally:
            pool.close()

    def _check_addresses(self) -> None:
        need_closed_doors(self.settings)
        for name, address in (("http", self.settings.http_address), ("dimse", self.settings.dimse_address)):
            role = {"http": "web", "dimse": "dimse"}[name]
            if role not in self.roles:
                continue
            with socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(address)
                except OSError as error:
                    raise AddressTaken(
                        f"{address[0]}:{address[1]} cannot be used ({error.strerror}); choose another with --{name} or {name}.bind."
                    ) from None

    def _start(self, role: str) -> None:
        """Start a process under a name: its role, with a number where there are several."""
        before = self.children.get(role)
        process = self._context.Process(
            target=_child,
            args=(role.partition("-")[0], self.settings, self.dsn, self._reading, self._writing),
            name=role,
        )
        process.start()
        self.children[role] = Child(role, process, time.monotonic(), before.quick_deaths if before else 0)

    def await_answer(self, timeout_s: float = 60.0) -> None:
        """Wait until the web door answers ``/health``; raises DidNotAnswer."""
        host, port = self.settings.http_address
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and not self.must_stop:
            self.mend()
            try:
                with urllib.request.urlopen(f"http://{host}:{port}/health", timeout=2) as answer:  # noqa: S310 - our own
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                time.sleep(0.03)
        if not self.must_stop:
            raise DidNotAnswer("The web door does not answer; see the log above.")

    def mend(self) -> None:
        """Start again whatever has died: the database first, then the roles, slower if they keep dying."""
        if self.postmaster is not None and self.postmaster.revive():
            _log.warning("serve.revived", role="postgres")
        now = time.monotonic()
        for role, child in list(self.children.items()):
            if child.process is not None and child.process.is_alive():
                continue
            if child.process is not None:
                lived = now - child.started
                child.quick_deaths = child.quick_deaths + 1 if lived < 10 else 0
                child.not_before = now + min(0.1 * 2**child.quick_deaths, 15.0) - 0.1
                _log.warning("serve.died", role=role, exit=child.process.exitcode, lived_s=round(lived, 1))
                child.process.close()
                child.process = None
            if now >= child.not_before:
                self._start(role)

    def run(self, while_running: Callable[[], None] | None = None) -> None:
        """Mend until SIGTERM or SIGINT, then stop."""
        while not self.must_stop:
            self.mend()
            if while_running is not None:
                while_running()
            time.sleep(0.1)
        self.stop()

    def heed_signals(self) -> None:
        """Stop in good order on SIGTERM and SIGINT, from now on."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.must_stop = True

    def stop(self) -> None:
        """Stop the roles, then the database; what does not stop in time is killed (nothing acknowledged is lost by that)."""
        living = [
            child.process for child in self.children.values() if child.process is not None and child.process.is_alive()
        ]
        for process in living:
            process.terminate()
        deadline = time.monotonic() + STOP_S
        for process in living:
            process.join(max(0.0, deadline - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()
        if self.postmaster is not None:
            self.postmaster.stop()


def _is_this_machine(host: str) -> bool:
    try:
        return host in ("", "localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def need_closed_doors(settings: Settings, *, is_identified: bool = False) -> None:
    """An archive that keeps objects as they come listens on this machine only, unless its administrator answers for more.

    Raises
    ------
    OpenDoors
    """
    if not (settings.inhouse.identified or is_identified) or settings.inhouse.network:
        return
    doors = {
        "http.bind": settings.http.bind,
        "dimse.bind": settings.dimse.bind,
        "dimse.tls_bind": settings.dimse.tls_bind,
    }
    for name, text in doors.items():
        host = text.rpartition(":")[0].strip("[]")
        if text and not _is_this_machine(host):
            raise OpenDoors(
                f"This archive keeps identified objects, and {name} is {text}. Let it listen on"
                " 127.0.0.1, or set inhouse.network if everybody on that network may read everything."
            )


def forget_signals() -> None:
    """Take back, in a forked child, what the supervisor does on signals."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def _child(role: str, settings: Settings, dsn: str, reading: int, writing: int) -> None:
    """Begin a role in its new process."""
    os.close(writing)
    forget_signals()
    run_role(role, settings, dsn, reading)


def serve(
    settings: Settings, roles: Sequence[str] = tuple(ROLES), on_ready: Callable[[Tree], None] | None = None
) -> None:
    """Run the whole tree until told to stop.

    Parameters
    ----------
    on_ready : callable, optional
        Called once when the web door answers.
    """
    configure_log("supervisor")
    tree = Tree(settings, roles)
    tree.heed_signals()
    try:
        tree.start()
        if "web" in tree.roles:
            tree.await_answer()
        if on_ready is not None and not tree.must_stop:
            on_ready(tree)
        tree.run()
    finally:
        tree.stop()
