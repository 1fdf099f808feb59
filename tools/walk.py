"""What every walk of ``tools.endurance`` needs: an archive that is served, questions to it, and what was seen."""

import contextlib
import http.client
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.ours import Invivo
from bench.server import memory_mb


def told(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def need(is_so: bool, claim: str) -> None:
    """Say whether a claim holds; end where it does not."""
    told(f"  {'yes' if is_so else 'NO '}  {claim}")
    if not is_so:
        FAILED.append(claim)


FAILED: list[str] = []


@contextlib.contextmanager
def served(home: Path, destination: int = 1) -> Iterator[Invivo]:
    """Serve a new archive for a while."""
    archive = Invivo(home / "archive", destination)
    archive.start()
    try:
        yield archive
    finally:
        archive.stop()
        said(archive)


def said(archive: Invivo) -> None:
    """Tell what the archive wrote to its log, counted."""
    events: Counter[str] = Counter()
    for line in (archive.home / "serve.log").read_text(errors="replace").splitlines():
        try:
            one = json.loads(line)
        except ValueError:
            events[line[:100]] += line.startswith(("Traceback", "FATAL", "PANIC"))
            continue
        events[
            " ".join(str(one[key]) for key in ("role", "event", "code", "error", "reason", "place") if key in one)
        ] += 1
    for event, count in events.most_common(20):
        if count:
            told(f"  log: {count} x {event}")


def asked(archive: Invivo, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    """Ask the web door; return status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", archive.http, timeout=600)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def count_of(archive: Invivo, query: str = "") -> int:
    """Return how many instances QIDO's series tell of, all pages together."""
    total, offset = 0, 0
    while True:
        status, body = asked(archive, f"/dicom-web/series?limit=500&offset={offset}&includefield=00201209{query}")
        page = json.loads(body) if status == 200 and body else []
        total += sum(one["00201209"]["Value"][0] for one in page)
        offset += 500
        if len(page) < 500:
            return total


def await_count(archive: Invivo, expected: int, timeout_s: float = 120.0) -> int:
    """Wait until so many instances are found; return how many were."""
    until = time.monotonic() + timeout_s
    while (found := count_of(archive)) < expected and time.monotonic() < until:
        time.sleep(0.5)
    return found


def timed(name: str, act: Callable[[], tuple[int, bytes] | int]) -> object:
    """Do something, and tell how long it took."""
    began = time.perf_counter()
    found = act()
    size = f", {len(found[1]) / 1e6:.1f} MB, status {found[0]}" if isinstance(found, tuple) else f", {found}"
    told(f"  {name}: {time.perf_counter() - began:.2f} s{size}")
    return found


def pss(archive: Invivo) -> float:
    return memory_mb(archive.pids())[0]


def spool_is_empty(archive: Invivo) -> bool:
    return not [path for path in (archive.home / "quarantine" / "spool").iterdir() if path.is_file()]
