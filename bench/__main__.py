"""Measure a fresh archive and print a table."""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench import ingest, reading, table
from bench.installation import Installation
from bench.table import Figure

ROWS = ("start", "ingest", "search", "metadata", "wado", "zip")


def wanted() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rows", default=",".join(ROWS), help=f"some of {', '.join(ROWS)}")
    parser.add_argument("--count", type=int, default=500, help="instances of each load of ingest")
    parser.add_argument("--slices", type=int, default=300, help="slices of the series that is fetched")
    parsed = parser.parse_args()
    parsed.rows = parsed.rows.split(",")
    unknown = [row for row in parsed.rows if row not in ROWS]
    if unknown or parsed.count < 4 or parsed.slices < 2:
        parser.error(f"rows are {', '.join(ROWS)}; count is at least 4, slices 2")
    return parsed


def starting(archive: Installation) -> Iterator[Figure]:
    """Yield how long a start on an existing installation takes, and the memory of the idle tree."""
    archive.stop()
    yield Figure("start.existing", "answers after s", archive.start())
    time.sleep(1)
    memory = archive.memory_mb()
    if memory is not None:
        yield Figure("start.idle", "PSS MB", memory)


def measured(archive: Installation, scratch: Path, asked: argparse.Namespace) -> Iterator[Figure]:
    """Yield all figures asked for, as they are known."""
    if "start" in asked.rows:
        yield from starting(archive)
    if "ingest" in asked.rows:
        yield from ingest.measure(archive, scratch / "small", asked.count)
    if not {"search", "metadata", "wado", "zip"} & set(asked.rows):
        return
    study, series = reading.deliver_series(archive, scratch / "large", asked.slices)
    time.sleep(2)  # the worker writes what it derives from the release
    if "search" in asked.rows:
        yield from reading.searching(archive, study)
    if "metadata" in asked.rows:
        yield from reading.metadata(archive, study, series)
    if "wado" in asked.rows:
        yield from reading.fetching(archive, study, series)
    if "zip" in asked.rows:
        yield from reading.packing(archive, study)


def main() -> None:
    """Measure and print."""
    asked = wanted()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped."))  # so that the tree is stopped too
    with tempfile.TemporaryDirectory(prefix="invivo-bench-") as folder:
        archive = Installation(Path(folder) / "home")
        archive.start()
        print(table.machine())
        if hasattr(os, "getloadavg"):
            print(f"Load of the machine before: {os.getloadavg()[0]:.1f}")
        print(f"Ingest: {asked.count} instances a row. Series: {asked.slices} slices of 512 x 512.\n", flush=True)
        print(table.header(), flush=True)
        try:
            for figure in measured(archive, Path(folder), asked):
                print(table.line(figure), flush=True)
        finally:
            archive.stop()


if __name__ == "__main__":
    main()
