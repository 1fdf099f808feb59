"""What fuzzing once found stays found; and a few hundred inputs more, the same each time."""

import importlib
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

CORPUS = Path(__file__).parent / "corpus"
KEPT = sorted(CORPUS.rglob("*.bin"))
EACH = {"objects": 150, "identifiers": 300, "associations": 300, "bodies": 1500}
SLOWEST_S = 10


@pytest.fixture(scope="module", autouse=True)
def closed() -> Iterator[None]:
    """Remove what targets keep between inputs."""
    yield
    for target in EACH:
        getattr(importlib.import_module(f"tests.fuzz.{target}"), "close", lambda: None)()


@pytest.fixture(autouse=True)
def limited() -> Iterator[None]:
    """End a test that hangs in one input."""

    def too_long(*_: object) -> None:
        raise TimeoutError("an input takes too long")

    before = signal.signal(signal.SIGALRM, too_long)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def check(target: str, content: bytes) -> None:
    signal.setitimer(signal.ITIMER_REAL, SLOWEST_S)
    importlib.import_module(f"tests.fuzz.{target}").check(content)
    signal.setitimer(signal.ITIMER_REAL, 0)


@pytest.mark.parametrize("path", KEPT, ids=[f"{path.parent.name}/{path.stem}" for path in KEPT])
def test_what_was_found_is_mended(path: Path) -> None:
    assert path.stat().st_size < 2048
    check(path.parent.name, path.read_bytes())


@pytest.mark.parametrize("target", EACH)
def test_hostile_input_is_read_or_refused(target: str) -> None:
    module = importlib.import_module(f"tests.fuzz.{target}")
    rnd, seeds = random.Random(7), module.seeds()
    for _ in range(EACH[target]):
        check(target, module.mutated(rnd.choice(seeds), rnd))
