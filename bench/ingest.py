"""Sending small images by DIMSE and STOW: acknowledged instances a second, and when QIDO finds them all."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

from pydicom import dcmread
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE, build_context

from bench.images import PER_SERIES, write_images
from bench.installation import Installation
from bench.table import Figure

SMALL = 32
BATCH = 20
BOUNDARY = "a-boundary-that-no-object-holds"
PDU = 131072


def measure(archive: Installation, scratch: Path, count: int) -> Iterator[Figure]:
    """Yield the figures of ingest, a load of `count` instances each."""
    there = archive.found()
    for load, (row, send, clients) in enumerate(
        [
            ("ingest.dimse1", by_dimse, 1),
            ("ingest.dimse4", by_dimse, 4),
            ("ingest.stow20", by_stow, 1),
            ("ingest.stow20x4", by_stow, 4),
        ],
        1,
    ):
        per_series = min(PER_SERIES, count // clients)
        folders = write_images(scratch, load, count, size=SMALL, shares=clients, per_series=per_series)
        began = time.perf_counter()
        with ThreadPoolExecutor(clients) as pool:
            list(pool.map(lambda folder, to=send: to(archive, folder), folders))
        acknowledged = time.perf_counter() - began
        there += count
        archive.await_found(there)
        yield Figure(row, "instances/s", count / acknowledged)
        yield Figure(row, "found after s", time.perf_counter() - began)
        shutil.rmtree(folders[0].parent)


def by_dimse(archive: Installation, folder: Path) -> None:
    """Send a folder over one association, with DCMTK's storescu where there is one."""
    program = shutil.which("storescu")
    if program is None:
        return _by_pynetdicom(archive, folder)
    command = [program, "-aec", "INVIVO", "-pdu", str(PDU), "+sd", "127.0.0.1", str(archive.dimse), str(folder)]
    # As for the anchors: without it DCMTK waits for acknowledgements, whatever the server does.
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "TCP_NODELAY": "1"})
    return None


def _by_pynetdicom(archive: Installation, folder: Path) -> None:
    entity = AE("BENCH")
    entity.maximum_pdu_size = PDU
    context = build_context(CTImageStorage, ExplicitVRLittleEndian)
    association = entity.associate("127.0.0.1", archive.dimse, [context])
    for path in sorted(folder.iterdir()):
        if association.send_c_store(dcmread(path)).Status != 0:
            raise SystemExit("The archive did not take an object.")
    association.release()


def by_stow(archive: Installation, folder: Path) -> None:
    """Send a folder, twenty objects a request, over one connection."""
    files = sorted(folder.iterdir())
    connection: HTTPConnection = archive.connect()
    headers = {
        "Authorization": f"Bearer {archive.token}",
        "Content-Type": f'multipart/related; type="application/dicom"; boundary={BOUNDARY}',
        "Accept": "application/dicom+json",
    }
    part = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    for start in range(0, len(files), BATCH):
        body = b"".join(part + path.read_bytes() + b"\r\n" for path in files[start : start + BATCH])
        connection.request("POST", "/dicom-web/studies", body + f"--{BOUNDARY}--\r\n".encode(), headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise SystemExit(f"The archive answered {answer.status} to STOW.")
    connection.close()
