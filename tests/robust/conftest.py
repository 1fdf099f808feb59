"""What the tests that kill share: one forking process, and the proof on a ground of the test's own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from invivo.database import Postmaster
from tests.robust.forker import Forker
from tests.robust.killing import Case, Ground, prove


@pytest.fixture(scope="session")
def forker() -> Iterator[Forker]:
    made = Forker()
    yield made
    made.close()


@pytest.fixture(scope="session")
def kept(postmaster: Postmaster) -> Iterator[ExitStack]:
    """What several cases begin with, until the last one has ended."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def proves(
    postmaster: Postmaster, tmp_path_factory: pytest.TempPathFactory, forker: Forker, kept: ExitStack
) -> Callable[[Case], int]:
    """Return how a case is proven; a case may be changed by the test first."""
    folder = tmp_path_factory.mktemp("killing")
    return lambda case: prove(case, Ground(postmaster, folder, forker, case.settings), kept)
