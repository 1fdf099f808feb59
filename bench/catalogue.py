"""The catalogue of a million series: loaded, asked by the verbs, and as its users meet it, alone and twenty at once.

    python -m bench.catalogue [--home HOME] [--index FOLDER] [--users 20] [--seconds 20] [--processes 1]

Without HOME the catalogue of the package idc-index-data, or of its FOLDER, is loaded into a new archive, which is removed in the
end. HOME is an archive that has it already. It is served on a free port for the time of the measurement. Printed are the middle
and the 95th of a hundred answers in milliseconds, of the whole answer, with its size.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx

from bench.search import by_verbs
from bench.server import free_port

STARTS_WITHIN_S = 180.0
PAGES = (
    ("home", "/"),
    ("search page, everything", "/search"),
    ("search page, CT and CHEST", "/search?modality=CT&body-part=CHEST"),
    ("search page, two words", "/search?q=chest+lung"),
    ("search page, as a table, largest first", "/search?view=table&modality=CT&order=-size"),
    ("search page, collections", "/search?level=collection&modality=MR"),
    ("collections", "/collections"),
    ("the largest collection", "/collections/nlst"),
    ("proposals", "/search/suggest?q=sie"),
)
QUESTIONS = (
    ("three terms", 'modality:CT body-part:CHEST manufacturer:"GE MEDICAL SYSTEMS"', "series"),
    ("rare value", "subject:LIDC-IDRI-0001", "series"),
    ("part of a description", "description:*flair*", "series"),
    ("ten years of CT", "modality:CT study-date:2000..2009", "series"),
    ("two words", "chest lung", "series"),
    (
        "CT and PT on two days",
        "subject with (modality:CT) and subject with (modality:PT) and time-points>=2",
        "subject",
    ),
)
TRIES = 100


def main() -> None:
    """Serve, measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.catalogue", description=__doc__)
    for name in ("--home", "--index"):
        parser.add_argument(name, type=Path)
    for name, usual in (("--users", 20), ("--processes", 1)):
        parser.add_argument(name, type=int, default=usual)
    parser.add_argument("--seconds", type=float, default=20.0)
    asked = parser.parse_args()
    if asked.home:
        _measure(asked.home, asked)
        return
    if asked.index is None and importlib.util.find_spec("idc_index_data") is None:
        print("The catalogue is not measured: install idc-index-data, or name the folder in which it lies by --index.")
        return
    with tempfile.TemporaryDirectory() as scratch:
        _load(Path(scratch) / "home", asked.index)
        _measure(Path(scratch) / "home", asked)


def _load(home: Path, index: Path | None) -> None:
    """Load the catalogue, and print how long it took and what it fills."""
    invivo = [sys.executable, "-m", "invivo"]
    subprocess.run([*invivo, "init", "--home", str(home)], check=True, stdout=subprocess.DEVNULL)
    began = time.monotonic()
    command = [*invivo, "import", "--home", str(home), "--idc-index", *([str(index)] if index else [])]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    size = sum(path.stat().st_size for path in home.rglob("*") if path.is_file())
    print(f"loaded in {time.monotonic() - began:.0f} s; {size / 1e9:.1f} GB", flush=True)


def _measure(home: Path, asked: argparse.Namespace) -> None:
    by_verbs(home)
    with _served(home, asked.processes) as url, httpx.Client(base_url=url, timeout=60) as client:
        for name, path in PAGES:
            _line(name, client, path)
        for name, text, level in QUESTIONS:
            _line(f"REST: {name}", client, _address(text, level))
        _together(url, asked.users, asked.seconds)


def _address(text: str, level: str) -> str:
    return f"/api/search?q={quote(text)}&level={level}&limit=50"


@contextmanager
def _served(home: Path, processes: int) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "invivo", "serve", "--home", str(home), "--http", f"127.0.0.1:{port}"]
    more, told = {"INVIVO_HTTP__PROCESSES": str(processes)}, subprocess.DEVNULL
    command += ["--dimse", f"127.0.0.1:{free_port()}"]
    with subprocess.Popen(command, stdout=told, env={**os.environ, **more}) as served:
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(url, served)
            yield url
        finally:
            served.terminate()


def _wait(url: str, served: "subprocess.Popen[bytes]") -> None:
    """Wait until the archive answers from its columns."""
    until, quick = time.monotonic() + STARTS_WITHIN_S, 0
    while quick < 3:
        if time.monotonic() > until or served.poll() is not None:
            raise SystemExit("The archive does not answer.")
        began = time.monotonic()
        try:
            quick = quick + 1 if httpx.get(f"{url}/api/search?limit=1", timeout=60).status_code == 200 else 0
        except httpx.TransportError:
            quick = 0
        if time.monotonic() - began > 1 or not quick:
            quick = 0
            time.sleep(1)


def _line(name: str, client: httpx.Client, path: str) -> None:
    taken, size = [], 0
    for number in range(TRIES + 5):
        began = time.perf_counter()
        answer = client.get(path)
        answer.raise_for_status()
        if number >= 5:  # warm
            taken.append(1000 * (time.perf_counter() - began))
        size = len(answer.content)
    taken.sort()
    print(f"{name:45s} p50 {_at(taken, 0.5):7.1f}  p95 {_at(taken, 0.95):7.1f} ms  {size / 1000:7.1f} kB", flush=True)


def _at(taken: list[float], share: float) -> float:
    return taken[min(len(taken) - 1, int(share * len(taken)))]


def _together(url: str, users: int, seconds: float) -> None:
    """Let one user, then many at once, ask all questions in turn: without a pause, and each a second after his last answer."""
    paths = [path for _, path in PAGES[1:5]] + [_address(text, level) for _, text, level in QUESTIONS]
    for count, pause_s, words in ((1, 0.0, ""), (users, 0.0, ""), (users, 1.0, ", a second between")):
        taken, faults = _asked_by(url, paths, count, seconds, pause_s)
        taken.sort()
        told = f"p50 {_at(taken, 0.5):7.1f}  p95 {_at(taken, 0.95):7.1f} ms"
        print(
            f"{f'{count} at once, all of these{words}':45s} {told}  {len(taken) / seconds:7.1f} a second, {faults} errors",
            flush=True,
        )


def _asked_by(url: str, paths: list[str], users: int, seconds: float, pause_s: float = 0) -> tuple[list[float], int]:
    taken: list[float] = []
    faults: list[int] = []
    until = time.monotonic() + seconds

    def ask(first: int) -> None:
        number = first
        time.sleep(pause_s * first / (3 * users))
        with httpx.Client(base_url=url, timeout=60) as client:
            while time.monotonic() < until:
                began = time.perf_counter()
                status = client.get(paths[number % len(paths)]).status_code
                taken.append(1000 * (time.perf_counter() - began))
                if status != 200:
                    faults.append(status)
                number += 1
                time.sleep(pause_s)

    threads = [threading.Thread(target=ask, args=(number * 3,)) for number in range(users)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return taken, len(faults)


if __name__ == "__main__":
    main()
