"""A sender as a program of its own: ``python sender.py dimse|stow HOST PORT FOLDER ACKNOWLEDGED``.

It sends every file of a folder, and writes the name of each acknowledged one to a list. What fails is sent again, as a
real sender would, until everything is acknowledged.
"""

import os
import sys
import time
import uuid
from pathlib import Path

import httpx
from pydicom import dcmread
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE, build_context

PATIENCE_S = 600


def by_dimse(host: str, port: int, files: list[Path], acknowledged: "Acknowledged") -> None:
    """Send over one association, a new one whenever it breaks."""
    waiting = list(files)
    deadline = time.monotonic() + PATIENCE_S
    while waiting and time.monotonic() < deadline:
        entity = AE("SENDER")
        entity.network_timeout = entity.acse_timeout = entity.dimse_timeout = 20
        association = entity.associate(host, port, [build_context(CTImageStorage, ExplicitVRLittleEndian)])
        while association.is_established and waiting:
            try:
                answer = association.send_c_store(dcmread(waiting[0]))
            except (RuntimeError, ValueError):
                break
            if getattr(answer, "Status", 0xFFFF) != 0:
                time.sleep(0.1)
                break
            acknowledged.note([waiting.pop(0)])
        if association.is_established:
            association.release()
        elif waiting:
            time.sleep(0.1)


def by_stow(host: str, port: int, files: list[Path], acknowledged: "Acknowledged") -> None:
    """Send twenty a request; a request that fails is sent again whole."""
    token = os.environ["TOKEN"]
    batches = [files[start : start + 20] for start in range(0, len(files), 20)]
    deadline = time.monotonic() + PATIENCE_S
    while batches and time.monotonic() < deadline:
        boundary = uuid.uuid4().hex
        body = b"".join(
            f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode() + path.read_bytes() + b"\r\n"
            for path in batches[0]
        )
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
            "Accept": "application/dicom+json",
        }
        try:
            answer = httpx.post(
                f"http://{host}:{port}/dicom-web/studies",
                content=body + f"--{boundary}--\r\n".encode(),
                headers=headers,
                timeout=30,
            )
        except httpx.TransportError:
            time.sleep(0.1)
            continue
        if answer.status_code == 200:
            acknowledged.note(batches.pop(0))
        else:
            time.sleep(0.2)


class Acknowledged:
    """The list of what the archive has acknowledged."""

    def __init__(self, path: Path) -> None:
        self._out = path.open("a")

    def note(self, files: list[Path]) -> None:
        self._out.write("".join(f"{path.name}\n" for path in files))
        self._out.flush()


if __name__ == "__main__":
    door, host, port, folder, listed = sys.argv[1:]
    {"dimse": by_dimse, "stow": by_stow}[door](
        host, int(port), sorted(Path(folder).iterdir()), Acknowledged(Path(listed))
    )
