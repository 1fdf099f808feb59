"""Fuzz one target for a while: guided by coverage where atheris is installed, else by mutation alone.

    python -m tests.fuzz objects --seconds 600 --findings found

Findings are kept by where they were raised, the shortest input of each; the exit code tells whether there are any.
"""

import argparse
import hashlib
import importlib
import logging
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from types import FrameType, ModuleType

import structlog

try:
    import atheris
except ImportError:
    atheris = None

TARGETS = ("objects", "identifiers", "associations", "bodies", "requests")
SLOWEST_S = 5.0


class Hang(BaseException):
    """An input takes too long; no code under test may catch this."""


def _too_long(_number: int, _frame: FrameType | None) -> None:
    raise Hang("too slow")


class Run:
    """One target, its findings and its figures."""

    def __init__(self, target: ModuleType, folder: Path, until: float) -> None:
        self.target, self.folder, self.until = target, folder, until
        self.count, self.slowest = 0, 0.0
        self.found: dict[str, int] = {}
        self.started = time.monotonic()
        folder.mkdir(parents=True, exist_ok=True)
        signal.signal(signal.SIGALRM, _too_long)

    def try_one(self, content: bytes) -> None:
        """Check one input, and keep it if it leads to a finding."""
        began = time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, SLOWEST_S)
        try:
            self.target.check(bytes(content))
        except (Exception, Hang) as error:  # because whatever escapes is what is looked for
            self._keep(bytes(content), error)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        self.count += 1
        self.slowest = max(self.slowest, time.monotonic() - began)
        if began > self.until:
            self.end()

    def _keep(self, content: bytes, error: BaseException) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        where = " ".join(f"{Path(one.filename).name}:{one.lineno}" for one in frames[-4:])
        if isinstance(error, Hang):
            where = " ".join(f"{Path(one.filename).name}:{one.name}" for one in frames[1:4])
        elif isinstance(error, AssertionError):
            where += str(error).partition(":")[0]
        name = hashlib.sha256((type(error).__name__ + where).encode()).hexdigest()[:12]
        if len(content) < self.found.get(name, 1 << 60):
            self.found[name] = len(content)
            (self.folder / f"{name}.bin").write_bytes(content)
            (self.folder / f"{name}.txt").write_text(
                f"{type(error).__name__}: {error}\n{''.join(traceback.format_tb(error.__traceback__)[-8:])}"
            )

    def end(self) -> None:
        """Say what was done, and leave."""
        spent = time.monotonic() - self.started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        print(
            f"{self.target.__name__.split('.')[-1]}: {self.count} inputs in {spent:.0f} s, {self.count / spent:.0f}/s, "
            f"slowest {self.slowest:.2f} s, peak {peak} MB, {len(self.found)} findings: {sorted(self.found)}",
            flush=True,
        )
        close = getattr(self.target, "close", None)
        if close is not None:
            close()
        os._exit(1 if self.found else 0)


def blindly(run: Run, seeds: list[bytes], seed: int) -> None:
    """Mutate seeds, and what mutation made of them."""
    rnd = random.Random(seed)
    pool = list(seeds)
    while True:
        content = run.target.mutated(rnd.choice(pool), rnd)
        run.try_one(content)
        if rnd.random() < 0.02:
            pool[rnd.randrange(len(pool))] = rnd.choice((content, rnd.choice(seeds)))


def guided(run: Run, seeds: list[bytes], seed: int, corpus: Path) -> None:
    """Let libFuzzer choose what to mutate by what code it reaches."""
    corpus.mkdir(parents=True, exist_ok=True)
    for one in seeds:
        (corpus / hashlib.sha256(one).hexdigest()[:16]).write_bytes(one)

    def mutator(content: bytes, longest: int, number: int) -> bytes:
        rnd = random.Random(number)
        if rnd.random() < 0.15:
            return atheris.Mutate(content, longest)
        return run.target.mutated(content, rnd)[:longest]

    options = [sys.argv[0], str(corpus), f"-seed={seed}", "-max_len=60000", "-rss_limit_mb=1500", "-timeout=60"]
    options += ["-verbosity=0", "-print_final_stats=0", "-len_control=0"]
    atheris.Setup(options, run.try_one, custom_mutator=mutator)
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--findings", type=Path, default=Path(tempfile.gettempdir()) / "invivo-fuzz")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--blind", action="store_true", help="do without atheris")
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    is_guided = atheris is not None and not asked.blind
    if is_guided:
        with atheris.instrument_imports(include=["invivo.dicom", "invivo.protocols", "invivo.search"]):
            target = importlib.import_module(f"tests.fuzz.{asked.target}")
    else:
        target = importlib.import_module(f"tests.fuzz.{asked.target}")
    folder = asked.findings / asked.target
    run = Run(target, folder, time.monotonic() + asked.seconds)
    kept = Path(__file__).parent / "corpus" / asked.target
    seeds = target.seeds() + [path.read_bytes() for path in sorted(kept.glob("*.bin"))]
    if is_guided:
        guided(run, seeds, asked.seed, folder / "corpus")
    else:
        blindly(run, seeds, asked.seed)


if __name__ == "__main__":
    main()
