"""Questions to a large catalogue, by the verbs of `search`: exact count and first page, nothing kept from the time before.

    python -m bench.search --home HOME    (HOME: an archive into which `invivo import --idc-index` loaded the catalogue)

Printed are the middle and the longest of some tries in milliseconds, and what was found.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from invivo import accounts, search
from invivo.archive import Archive, opened
from invivo.search import keeper
from invivo.settings import read_settings

ANYBODY = accounts.ANONYMOUS
TRIES = 7
QUESTIONS = (
    ("three terms", 'modality:CT body-part:CHEST manufacturer:"GE MEDICAL SYSTEMS"', "series"),
    ("one subject", "subject:LIDC-IDRI-0001", "series"),
    ("part of a description", "description:*flair*", "series"),
    ("date range and modality", "modality:CT study-date:2000..2009", "series"),
    ("two words", "chest lung", "series"),
    ("beginning of a word", "mamm*", "series"),
    ("not one modality", "not modality:CT", "series"),
    ("studies", "modality:CT", "study"),
    (
        "CT and PT on two days",
        "subject with (modality:CT) and subject with (modality:PT) and time-points>=2",
        "subject",
    ),
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.search", description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    by_verbs(parser.parse_args().home)


def by_verbs(home: Path) -> None:
    """Ask the verbs of `search` and print."""
    with opened(read_settings(home)) as archive:
        began = time.perf_counter()
        index = keeper.read_now(archive)
        print(f"{index.size:,} series read in {time.perf_counter() - began:.1f} s", flush=True)
        for name, text, level in QUESTIONS:
            _measure(name, archive, lambda text=text, level=level: _found(archive, text, level))
        whole = search.read("modality:CT body-part:CHEST")
        _measure("facets under CT and CHEST", archive, lambda: _facets(archive, whole))
        _measure("facets of everything", archive, lambda: _facets(archive, search.ALL))
        _measure("facets of everything, kept", archive, lambda: _facets(archive, search.ALL), is_kept=True)


def _found(archive: Archive, text: str, level: str) -> int:
    return search.find(archive, ANYBODY, search.read(text), level, limit=50).total


def _facets(archive: Archive, query: search.Query) -> int:
    return sum(len(one.values) for one in search.facets(archive, ANYBODY, [("q", query)], limit=40))


def _measure(name: str, archive: Archive, ask: Callable[[], int], *, is_kept: bool = False) -> None:
    taken, found = [], 0
    for _ in range(TRIES):
        seen = keeper.seen_by(archive, ANYBODY)
        if seen is not None and not is_kept:
            seen.index.kept.forget()
        began = time.perf_counter()
        found = ask()
        taken.append(1000 * (time.perf_counter() - began))
    print(f"{name:30s} {median(taken):8.1f} ms  longest {max(taken):8.1f} ms  {found:>9,}", flush=True)


if __name__ == "__main__":
    main()
