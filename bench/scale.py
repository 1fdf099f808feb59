"""How taking in and asking hold out while the index grows: header-only objects, a hundred a study, four senders."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from bench.ingest import by_dimse
from bench.loads import Load, size_mb, write
from bench.reading import spread
from bench.server import Server
from bench.table import Figure
from bench.wire import JSON, Connection, times_ms, together

STEP = 10_000
FIRST_NUMBER = 200


def measure(server: Server, count: int, scratch: Path) -> Iterator[Figure]:
    """Send instances until there are `count`; yield the rate and a search at 10,000 and at every power of ten, and at the end."""
    first = 0.0
    marks = {10**power for power in range(4, 8)} | {count}
    for there in range(STEP, count + 1, STEP):
        load = Load("scale", FIRST_NUMBER + there // STEP, "header", STEP, 100, 100, 4)
        rate = _send(server, load, scratch)
        first = first or rate
        if there in marks:
            yield Figure(f"scale.{there}", "objects/s", rate)
            yield Figure(f"scale.{there}", "rate to first", rate / first)
            paths = [f"/dicom-web/studies?PatientID={load.patient(one % load.studies)}" for one in range(200)]
            connection = Connection(server.http)
            times_ms(connection, paths[:20], JSON)
            yield from spread(f"scale.{there}.qido", times_ms(connection, paths, JSON))


def _send(server: Server, load: Load, scratch: Path) -> float:
    folders = write(load, scratch)
    size_mb(folders)

    def client(number: int) -> int:
        by_dimse(server, folders[number])
        return 1

    _, seconds = together(load.shares, client)
    for folder in folders:
        shutil.rmtree(folder)
    return load.count / seconds
