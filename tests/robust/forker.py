"""A process that forks one child a deed and kills it where it is told to: clean of threads, with all modules imported.

A point is where a crash could come between: before and after each commit of what was written, and before each step with
files (written, renamed, linked, removed); after one step is before the next. The product knows nothing of it.
"""

import os
import pickle
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import psycopg
from psycopg.pq import TransactionStatus

from invivo.archive import Archive, open_archive
from invivo.errors import InvivoError
from invivo.settings import Settings

FILE_STEPS = ("rename", "replace", "link", "unlink", "writev")


@dataclass(frozen=True)
class Errand:
    """What a child is to do: a deed on an archive, and at which point it is killed; 0 is never."""

    settings: Settings
    dsn: str
    deed: Callable[..., object]
    given: tuple[Any, ...]
    kill_at: int
    role: str = "invivo_staff"


@dataclass(frozen=True)
class Ending:
    """How a child ended: by which signal, past how many points, and what it was told."""

    killed_by: int
    points: int
    outcome: str


class Counter:
    """Counts the points and ends the process at one."""

    def __init__(self, kill_at: int) -> None:
        self.kill_at, self.passed = kill_at, 0

    def pass_one(self) -> None:
        self.passed += 1
        if self.passed == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def before(self, step: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*given: Any, **named: Any) -> Any:
            self.pass_one()
            return step(*given, **named)

        return counted

    def around(self, step: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*given: Any, **named: Any) -> Any:
            self.pass_one()
            result = step(*given, **named)
            self.pass_one()
            return result

        return counted


def _has_written(tx: psycopg.Connection[Any]) -> bool:
    """Return whether a transaction changes anything: what only read leaves the same whenever it is killed."""
    if tx.info.transaction_status != TransactionStatus.INTRANS:
        return False
    row = tx.execute("select pg_current_xact_id_if_assigned()::text").fetchone()
    return row is not None and row[0] is not None


def _watch(counter: Counter) -> None:
    for name in FILE_STEPS:
        setattr(os, name, counter.before(getattr(os, name)))
    commit = psycopg.Connection.commit
    counted = counter.around(commit)
    psycopg.Connection.commit = lambda tx: (counted if _has_written(tx) else commit)(tx)  # type: ignore[method-assign]


def _do(errand: Errand) -> Ending:
    archive: Archive = open_archive(errand.settings, errand.dsn, errand.role)
    counter = Counter(errand.kill_at)
    _watch(counter)
    try:
        errand.deed(archive, *errand.given)
        outcome = "done"
    except InvivoError as error:
        outcome = error.kind
    return Ending(0, counter.passed, outcome)


def _serve_one(errand: Errand) -> Ending:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            with os.fdopen(writing, "wb") as out:
                out.write(pickle.dumps(_do(errand)))
        except BaseException as error:
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            os._exit(1)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as source:
        told = source.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return Ending(os.WTERMSIG(status), errand.kill_at, "")
    return pickle.loads(told) if told else Ending(0, 0, "crashed")


def _write(out: BinaryIO, content: bytes) -> None:
    out.write(struct.pack(">I", len(content)) + content)
    out.flush()


def _read(source: BinaryIO) -> bytes:
    head = source.read(4)
    return source.read(struct.unpack(">I", head)[0]) if head else b""


class Forker:
    """The forking process, as a test speaks to it."""

    def __init__(self) -> None:
        words = [sys.executable, "-c", "from tests.robust.forker import main; main()"]
        root = Path(__file__).parents[2]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(["src", ".", os.environ.get("PYTHONPATH", "")])}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(words, cwd=root, env=environment, **pipes)  # type: ignore[call-overload]

    def run(self, errand: Errand) -> Ending:
        _write(self._process.stdin, pickle.dumps(errand))
        told = _read(self._process.stdout)
        assert told, "the forking process has ended"
        ending = pickle.loads(told)
        assert isinstance(ending, Ending)
        return ending

    def close(self) -> None:
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(30)


def main() -> None:
    """Serve errands until the test has no more."""
    out = sys.stdout.buffer
    while told := _read(sys.stdin.buffer):
        errand = pickle.loads(told)
        _write(out, pickle.dumps(_serve_one(errand)))
