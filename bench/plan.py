"""Which rows there are, what each needs, and one server's way through them."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench import exchange, ingest, loads, reading, scale
from bench.loads import Load
from bench.server import Server, Watch, memory_mb
from bench.table import Figure, Key


@dataclass(frozen=True, slots=True)
class Reading:
    """A group of rows that ask: the loads that it needs, in the order in which it takes them."""

    needs: tuple[str, ...]
    measure: Callable[..., Iterator[Figure]]


READINGS = {
    "qido": Reading(("hdr_stow20x4",), reading.searching),
    "names": Reading(("hdr_stow20x4",), reading.searching_names),
    "cfind": Reading(("hdr_stow20x4",), exchange.finding),
    "metadata": Reading(("ct_dimse1", "mr_dimse4"), reading.metadata),
    "series": Reading(("ct_dimse1",), reading.whole_series),
    "frame": Reading(("ct_dimse1",), reading.frames),
    "multiframe": Reading(("emr_dimse1",), reading.frames_of_one),
    "rendered": Reading(("ct_dimse1",), reading.pictures),
    "zip": Reading(("ct_dimse1",), reading.packing),
    "cget": Reading(("ct_dimse1",), exchange.getting),
    "cmove": Reading(("ct_dimse1",), exchange.moving),
}
ROWS = ("start", *(load.row for load in ingest.LOADS), *READINGS, "memory")
DEIDENTIFIED = ("start", "hdr_dimse1", "hdr_dimse4", "hdr_stow20x4", "ct_dimse4", "memory")


def loads_for(rows: Sequence[str], *, quick: bool) -> list[Load]:
    """Return the loads that some rows need, in order; fewer objects where it is to be quick."""
    needed = {*rows, *(one for row in rows if row in READINGS for one in READINGS[row].needs)}
    chosen = [load for load in ingest.LOADS if load.row in needed]
    return [replace(load, count=ingest.QUICK.get(load.row, load.count)) for load in chosen] if quick else chosen


def written(chosen: Sequence[Load], folder: Path) -> dict[str, list[Path]]:
    """Write the loads; return the folders of each."""
    return {load.row: loads.write(load, folder) for load in chosen}


class Course:
    """One server's way through the rows. A row that fails is told and left out, the others go on."""

    def __init__(self, server: Server, told: Callable[[str, Figure], None]) -> None:
        self.server, self._told = server, told
        self.figures: dict[Key, float] = {}

    def run(
        self, rows: Sequence[str], chosen: Sequence[Load], folders: dict[str, list[Path]], scale_to: int, scratch: Path
    ) -> None:
        """Start the server, go through the rows, stop it."""
        self.server.start()
        try:
            if "start" in rows:
                self._take("start", self._starting())
            watch = Watch(self.server)
            try:
                for load in chosen:
                    self._take(load.row, ingest.measure(self.server, load, folders[load.row]))
                time.sleep(2)  # what is written behind a release is being written
                by_row = {load.row: load for load in chosen}
                for row in [one for one in READINGS if one in rows]:
                    needs = [by_row[one] for one in READINGS[row].needs]
                    self._take(row, READINGS[row].measure(self.server, *needs))
                if scale_to:
                    self._take("scale", scale.measure(self.server, scale_to, scratch))
            finally:
                own, buffers = watch.peak()
            if "memory" in rows:
                self._take("memory", iter([Figure("memory.peak", "PSS MB", own)]))
                self._take("memory", iter([Figure("memory.peak", "buffers MB", buffers)]))
        finally:
            self.server.stop()

    def _take(self, row: str, figures: Iterator[Figure]) -> None:
        try:
            for figure in figures:
                self.figures[figure.key] = figure.value
                self._told(self.server.name, figure)
        except (SystemExit, subprocess.SubprocessError, OSError) as error:
            # because one row that fails must not hide all others
            print(f"{self.server.name}: {row} failed: {error}", file=sys.stderr)

    def _starting(self) -> Iterator[Figure]:
        self.server.stop()
        yield Figure("start.existing", "answers after s", self.server.start())
        time.sleep(1)
        yield Figure("start.idle", "PSS MB", memory_mb(self.server.pids())[0])


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """Make a folder that goes away."""
    return tempfile.TemporaryDirectory(prefix="invivo-bench-", ignore_cleanup_errors=True)
