"""A delivery of very many series, as its curator lives through it: the queue, one decision about all, the release.

    python -m bench.delivery --series 10000 --objects 1

Objects come by STOW into a served archive whose collection a person reviews. Pages are asked over HTTP as a browser asks them.
Printed are seconds by the clock, and what the queue page takes in the middle of five.
"""

import argparse
import html
import io
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import httpx
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from bench.ours import Invivo
from invivo import accounts, collections, submissions
from invivo.archive import opened
from invivo.settings import read_settings

PASSWORD = "a password for nobody"  # noqa: S105 - of an archive that is thrown away
BATCH = 200
PATIENCE_S = 3600.0


class Curated(Invivo):
    """A served archive with one collection that a person reviews."""

    submission = 0

    def _make(self) -> None:
        me = accounts.system()
        with opened(read_settings(self.home)) as archive:
            draft = collections.Draft("MANY", "Very many series", review_rule="person", profile="basic")
            made = collections.create(archive, me, draft)
            self.submission = submissions.open_submission(archive, me, made.id, "All of them").id

    def _token(self) -> str:
        with opened(read_settings(self.home)) as archive:
            person = accounts.create_person(archive, accounts.system(), "cora", PASSWORD, site_roles=["curator"])
            actor = accounts.actor_of_person(archive, person.id)
            return accounts.create_token(archive, actor, "bench", ["read", "submit", "curate"])[0]


def _object(series: int, number: int) -> bytes:
    dataset = Dataset()
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = f"2.25.77.{series}.3.{number}"
    dataset.SeriesInstanceUID, dataset.StudyInstanceUID = f"2.25.77.{series}.2", f"2.25.77.{series // 4}.1"
    dataset.PatientID, dataset.PatientName = f"P-{series // 8}", f"Familyname{series // 8}^Given"
    dataset.PatientBirthDate, dataset.PatientSex = "19700101", "O"
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID = "20200102", "101112", "1"
    dataset.AccessionNumber, dataset.ReferringPhysicianName = f"A{series // 4}", "Roe^Richard"
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = "CT", series % 4 + 1, number
    dataset.SeriesDescription, dataset.Manufacturer = "Axial 5 mm", "ACME"
    dataset.ImageType, dataset.KVP = ["ORIGINAL", "PRIMARY", "AXIAL"], 120
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [0, 0, 5 * number], [1, 0, 0, 0, 1, 0]
    dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator = f"2.25.77.{series}.4", ""
    dataset.PixelSpacing, dataset.Rows, dataset.Columns, dataset.SliceThickness = [1, 1], 16, 16, 5
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.RescaleIntercept, dataset.RescaleSlope = 0, 1
    pixels = np.random.default_rng(series * 1000 + number).integers(0, 4000, (16, 16), dtype=np.uint16)
    dataset.PixelData = pixels.tobytes()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    written = io.BytesIO()
    dataset.save_as(written, enforce_file_format=True)
    return written.getvalue()


def _bodies(series: int, objects: int) -> Iterator[bytes]:
    some: list[bytes] = []
    for place in range(series):
        some += [_object(place, number) for number in range(1, objects + 1)]
        if len(some) >= BATCH or place + 1 == series:
            parts = (b"--b\r\nContent-Type: application/dicom\r\n\r\n" + one + b"\r\n" for one in some)
            yield b"".join(parts) + b"--b--\r\n"
            some = []


def _deliver(server: Curated, series: int, objects: int) -> float:
    began = time.perf_counter()
    address = f"http://127.0.0.1:{server.http}/dicom-web/submissions/{server.submission}/studies"
    headers = {**server.headers, "Content-Type": 'multipart/related; type="application/dicom"; boundary=b'}
    with httpx.Client(timeout=120) as client:
        for body in _bodies(series, objects):
            client.post(address, content=body, headers=headers).raise_for_status()
    return time.perf_counter() - began


def _counted(server: Curated, question: str) -> int:
    with opened(read_settings(server.home)) as archive, archive.database.transaction() as tx:
        row = tx.execute(question.encode()).fetchone()
        return int(row[0]) if row else 0


def _await(server: Curated, question: str, wanted: int) -> float:
    began = time.perf_counter()
    while _counted(server, question) < wanted:
        if time.perf_counter() - began > PATIENCE_S:
            raise TimeoutError(f"Waited {PATIENCE_S:.0f} s for {wanted}: {question}")
        time.sleep(0.25)
    return time.perf_counter() - began


class Desk:
    """A curator's browser."""

    def __init__(self, server: Curated) -> None:
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{server.http}", timeout=120, headers={"Accept": "text/html"}
        )
        self._send("/sign-in", self._hidden("/sign-in") | {"name": "cora", "password": PASSWORD})

    def _hidden(self, page: str, label: str = "") -> dict[str, str]:
        """Return the hidden fields of a page's first form that changes something, or of the one with a label."""
        text = self.client.get(page).text
        place = text.index(f'aria-label="{label}"') if label else text.index('name="csrf"') - 200
        form = text[place : text.index("</form>", place)]
        found = re.findall(r'<input type="hidden" name="([\w-]+)" value="([^"]*)"', form)
        return {name: html.unescape(value) for name, value in found}

    def _send(self, address: str, fields: dict[str, str]) -> httpx.Response:
        answer = self.client.post(address, data=fields)
        if answer.status_code != httpx.codes.SEE_OTHER:
            raise RuntimeError(f"{address} answered {answer.status_code}")
        return answer

    def timed(self, page: str, times: int = 5) -> float:
        """Return the middle of the seconds that a page takes."""
        taken = []
        for _ in range(times):
            began = time.perf_counter()
            self.client.get(page).raise_for_status()
            taken.append(time.perf_counter() - began)
        return median(taken)

    def approve_all(self) -> float:
        """Approve all that waits, by the preview's own form; return the seconds of the decision."""
        fields = self._hidden("/reviews/bulk?collection=MANY&all=yes", "Approve")
        began = time.perf_counter()
        self._send("/reviews/bulk", fields | {"verdict": "approve", "reason": "Looked at."})
        return time.perf_counter() - began

    def publish(self) -> None:
        """Ask for the release."""
        self._send("/releases/MANY", self._hidden("/releases/MANY") | {"notes": "All of them."})


def measure(home: Path, series: int, objects: int) -> list[tuple[str, str]]:
    """Return what was measured, in rows of words."""
    server = Curated(home, 1)
    server.start()
    try:
        rows = [("delivered by STOW", f"{_deliver(server, series, objects):.1f} s")]
        opened_items = "select count(*) from reviews.item where state = 'open'"
        rows.append(("cleaned and inspected after that", f"{_await(server, opened_items, series):.1f} s"))
        desk = Desk(server)
        rows.append(("queue page", f"{desk.timed('/reviews') * 1000:.0f} ms"))
        rows.append(("preview of a decision about all", f"{desk.timed('/reviews/bulk?all=yes', 3) * 1000:.0f} ms"))
        rows.append(("decision about all", f"{desk.approve_all():.2f} s"))
        cleared = "select count(*) from quarantine.object where state = 'cleared'"
        rows.append(("carried over to its objects", f"{_await(server, cleared, series * objects):.1f} s"))
        rows.append(("preview of the release", f"{desk.timed('/releases/MANY', 3):.2f} s"))
        desk.publish()
        released = "select count(*) from images.series where upper_inf(releases)"
        rows.append(("release", f"{_await(server, released, series):.1f} s"))
        left = "select case when exists (select from jobs.procrastinate_jobs where task_name = 'derive' and status in ('todo', 'doing')) then 0 else 1 end"
        rows.append(("metadata after that", f"{_await(server, left, 1):.1f} s"))
        return rows
    finally:
        server.stop()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.delivery", description=__doc__)
    parser.add_argument("--series", type=int, default=10_000)
    parser.add_argument("--objects", type=int, default=1, help="objects a series")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name, value in measure(Path(folder) / "home", asked.series, asked.objects):
            print(f"{name:40s} {value}", flush=True)


if __name__ == "__main__":
    main()
