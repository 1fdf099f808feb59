"""Sending sample files by the real doors: DIMSE, STOW-RS, and a resumable upload of a ZIP."""

import io
import time
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
from pydicom import dcmread
from pynetdicom import AE, build_context

from invivo import client
from invivo.errors import Broken

TRIES = 8


class NotDelivered(Broken):
    """The demo's own archive did not take a sample."""

    code = "demo.not-delivered"


def send_by_dimse(address: tuple[str, int], called_aet: str, files: Sequence[Path]) -> int:
    """Send files by C-STORE, as many classes and syntaxes an association as fit; return how many were taken.

    An association that breaks is opened again and the file sent again, as any sender of patience does.
    """
    found = [(path, dcmread(path, stop_before_pixels=True, force=True)) for path in files]
    named = [(path, str(head.SOPClassUID), str(head.file_meta.get("TransferSyntaxUID", ""))) for path, head in found]
    kinds = sorted({(sop_class, syntax) for _, sop_class, syntax in named if syntax})
    taken = 0
    for start in range(0, len(kinds), 100):
        part = kinds[start : start + 100]
        waiting = [path for path, *kind in named if tuple(kind) in part]
        for _ in range(TRIES):
            done = _send_over_one(address, called_aet, part, waiting)
            taken += done[1]
            waiting = waiting[done[0] :]
            if not waiting:
                break
            time.sleep(1)
        else:
            raise NotDelivered("The DICOM door does not answer; see the log.")
    return taken


def _send_over_one(
    address: tuple[str, int], called_aet: str, kinds: Sequence[tuple[str, str]], files: Sequence[Path]
) -> tuple[int, int]:
    """Send files over one association until all are sent or it breaks; return how many were settled, and how many taken."""
    entity = AE(ae_title="DEMO-SCANNER")
    entity.dimse_timeout = 120
    association = entity.associate(*address, contexts=[build_context(*kind) for kind in kinds], ae_title=called_aet)
    settled = taken = 0
    for path in files:
        if not association.is_established:
            break
        try:
            status = getattr(association.send_c_store(path), "Status", None)
        except (ValueError, AttributeError):
            status = 0xC000  # pydicom cannot write this sample, which is made to be odd
        except RuntimeError:
            break  # the association ended just now
        if status is None:
            break
        settled, taken = settled + 1, taken + (status == 0)
    if association.is_established:
        association.release()
    return settled, taken


def send_by_stow(url: str, token: str, submission_id: int, files: Sequence[Path]) -> int:
    """Send files by STOW-RS, ten a request; return how many were taken."""
    taken = 0
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/dicom+json"}
    with httpx.Client(base_url=url, headers=headers, timeout=120) as http:
        for start in range(0, len(files), 10):
            boundary = uuid.uuid4().hex
            kind = f'multipart/related; type="application/dicom"; boundary={boundary}'
            body = b"".join(_parts(files[start : start + 10], boundary))
            answer = http.post(
                f"/dicom-web/submissions/{submission_id}/studies", content=body, headers={"Content-Type": kind}
            )
            if answer.status_code not in (200, 202, 409):
                raise NotDelivered(f"STOW-RS answered {answer.status_code}; see the log.")
            taken += len(answer.json().get("00081199", {}).get("Value", []))
    return taken


def _parts(files: Sequence[Path], boundary: str) -> Iterator[bytes]:
    for path in files:
        yield f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode() + path.read_bytes() + b"\r\n"
    yield f"--{boundary}--\r\n".encode()


def send_by_tus(url: str, token: str, submission_id: int, files: Sequence[Path], scratch: Path) -> None:
    """Send files as one ZIP by a resumable upload, as the upload page does."""
    package = scratch / "delivery.zip"
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as out:
        for number, path in enumerate(files):
            out.write(path, f"CD/{number:04d}_{path.name}")
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=120) as http:
        client.send_file(http, package, submission_id)
    package.unlink()


def table_file(scratch: Path) -> Path:
    """Write a small table that travels with the images, to show files that are not DICOM."""
    path = scratch / "scanner-settings.csv"
    text = io.StringIO()
    text.write("series,field_strength_t,sequence\nEPI resting state,3.0,EPI\n")
    path.write_text(text.getvalue())
    return path
