"""Sending: acknowledged objects a second, and how long until QIDO finds them all."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.loads import Load, size_mb
from bench.server import Server
from bench.table import Figure
from bench.wire import Connection, together

BATCH = 20
BOUNDARY = "a-boundary-that-no-object-holds"
PDU = "131072"
PATIENCE_S = 180.0
LOADS = (
    Load("ct_dimse1", 101, "ct", 300, 300, 300),
    Load("ct_dimse4", 102, "ct", 600, 75, 75, 4),
    Load("mr_dimse4", 103, "mr", 1000, 1000, 250, 4),
    Load("hdr_dimse1", 104, "header", 1000, 50, 50),
    Load("hdr_dimse4", 105, "header", 3000, 50, 50, 4),
    Load("hdr_dimse1_nagle", 106, "header", 100, 50, 50),
    Load("emr_dimse1", 107, "enhanced", 10, 5, 5),
    Load("ct_stow20x4", 108, "ct", 600, 75, 75, 4),
    Load("hdr_stow20x4", 109, "header", 3200, 40, 40, 4),
)
QUICK = {
    "ct_dimse4": 300,
    "mr_dimse4": 1000,
    "hdr_dimse1": 300,
    "hdr_dimse4": 1000,
    "hdr_dimse1_nagle": 40,
    "emr_dimse1": 4,
    "ct_stow20x4": 300,
    "hdr_stow20x4": 3200,
}


def measure(server: Server, load: Load, folders: list[Path]) -> Iterator[Figure]:
    """Send a load; yield what was acknowledged in a second, and how long it took to be found."""
    size = size_mb(folders)
    os.sync()
    send, is_measured = _way(load)

    def client(number: int) -> int:
        send(server, folders[number])
        return 1

    server.found(load)
    _, seconds = together(load.shares, client)
    acknowledged = time.perf_counter()
    while (found := server.found(load)) < load.count:
        if time.perf_counter() > acknowledged + PATIENCE_S:
            raise SystemExit(f"{server.name}: only {found} of {load.count} instances of {load.row} were found in time.")
        time.sleep(0.02)
    waited = time.perf_counter() - acknowledged
    if not is_measured:
        return
    yield Figure(f"ingest.{load.row}", "objects/s", load.count / seconds)
    if load.kind != "header":
        yield Figure(f"ingest.{load.row}", "MB/s", size / seconds)
    yield Figure(f"ingest.{load.row}", "found after s", waited)


def _way(load: Load) -> tuple[Callable[[Server, Path], None], bool]:
    """Return how a load is sent, and whether that is what its row says: without DCMTK all goes by STOW."""
    if "stow" in load.row or shutil.which("storescu") is None:
        return by_stow, "stow" in load.row
    return (by_stock_sender if load.row.endswith("_nagle") else by_dimse), True


def by_dimse(server: Server, folder: Path) -> None:
    """Send a folder over one association."""
    # Without it DCMTK waits for acknowledgements, whatever the server does.
    _storescu(server, folder, {**os.environ, "TCP_NODELAY": "1"})


def by_stock_sender(server: Server, folder: Path) -> None:
    """Send a folder over one association as an installed storescu does."""
    _storescu(server, folder, {name: value for name, value in os.environ.items() if name != "TCP_NODELAY"})


def _storescu(server: Server, folder: Path, environment: dict[str, str]) -> None:
    command = ["storescu", "-R", "-aec", server.aet, "-pdu", PDU, "+sd", "127.0.0.1", str(server.dimse), str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)


def by_stow(server: Server, folder: Path) -> None:
    """Send a folder, twenty objects a request, over one connection."""
    files = sorted(folder.iterdir())
    connection = Connection(server.http)
    headers = {
        **server.headers,
        "Content-Type": f'multipart/related; type="application/dicom"; boundary={BOUNDARY}',
        "Accept": "application/dicom+json",
    }
    part = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    for start in range(0, len(files), BATCH):
        pieces = [piece for path in files[start : start + BATCH] for piece in (part, path.read_bytes(), b"\r\n")]
        connection.ask("/dicom-web/studies", headers, b"".join([*pieces, f"--{BOUNDARY}--\r\n".encode()]))
    connection.close()
