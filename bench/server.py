"""What is measured: a server as a whole tree of processes, with a web door and a DICOM door."""

import multiprocessing
import signal
import socket
import subprocess
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Protocol

from bench.loads import Load

START_S = 60.0
LOOK_S = 0.5


class Server(Protocol):
    """One server: how it is started and stopped, and where its things are.

    Attributes
    ----------
    name : str
        What its column is called.
    http, dimse : int
        Ports on loopback.
    aet : str
        Its application entity title.
    headers : dict of str to str
        What a delivery by STOW must bring along.
    """

    name: str
    http: int
    dimse: int
    aet: str
    headers: dict[str, str]

    def start(self) -> float:
        """Serve; return the seconds until the web door answered."""
        ...

    def stop(self) -> None:
        """Stop the whole tree."""
        ...

    def pids(self) -> list[int]:
        """Return the processes of the tree."""
        ...

    def found(self, load: Load) -> int:
        """Return how many instances of a load QIDO finds."""
        ...

    def package(self, study_uid: str) -> str:
        """Return the address of a study as ZIP."""
        ...


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_answer(process: subprocess.Popen[bytes], port: int, path: str, log: Path) -> None:
    """Wait until a web door answers 200; ends the program with the log's last lines when it does not."""
    deadline = time.perf_counter() + START_S
    while time.perf_counter() < deadline and process.poll() is None:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        except (OSError, HTTPException):
            time.sleep(0.01)
        finally:
            connection.close()
    raise SystemExit("The server does not answer:\n" + log.read_text(errors="replace")[-2000:])


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask a server to stop, and wait for it."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def tree_of(pid: int) -> list[int]:
    """Return a process and all below it; empty where the system does not tell."""
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        try:
            below = Path(f"/proc/{one}/task/{one}/children").read_text().split()
        except OSError:
            continue
        found.append(one)
        waiting += [int(child) for child in below]
    return found


def memory_mb(pids: list[int]) -> tuple[float, float]:
    """Return the proportional memory of processes in MB: all but PostgreSQL's shared memory, and that."""
    own = shared = 0
    for pid in pids:
        try:
            name = Path(f"/proc/{pid}/comm").read_text().strip()
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
        except OSError:
            continue
        sizes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
        buffers = sizes.get("Pss_Shmem", 0) if name == "postgres" else 0
        own, shared = own + sizes.get("Pss", 0) - buffers, shared + buffers
    return own / 1024, shared / 1024


class Watch:
    """Looks at the memory of a server twice a second, from a process of its own, and keeps the peak."""

    def __init__(self, server: Server) -> None:
        context = multiprocessing.get_context("fork")
        self._own, self._shared = context.Value("d", 0.0), context.Value("d", 0.0)
        self._process = context.Process(target=self._look, args=(server,), daemon=True)
        self._process.start()

    def _look(self, server: Server) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        while True:
            own, shared = memory_mb(server.pids())
            self._own.value, self._shared.value = max(self._own.value, own), max(self._shared.value, shared)
            time.sleep(LOOK_S)

    def peak(self) -> tuple[float, float]:
        """Stop looking; return the peaks in MB: all but PostgreSQL's shared memory, and that."""
        self._process.terminate()
        self._process.join()
        return self._own.value, self._shared.value
