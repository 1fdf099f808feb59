"""Asking and fetching: QIDO, the search page, metadata, objects, frames and packages."""

import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from statistics import median, quantiles

from bench.images import write_images
from bench.ingest import by_dimse
from bench.installation import JSON, Installation, ask, number_of, text_of
from bench.table import Figure

LOAD, SIZE = 90, 512
OBJECTS = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
FRAMES = {"Accept": 'multipart/related; type="application/octet-stream"; transfer-syntax=*'}
PACKED = {**JSON, "Accept-Encoding": "gzip"}
BLOCK = 1 << 20


def deliver_series(archive: Installation, scratch: Path, slices: int) -> tuple[str, str]:
    """Send one series of CT slices of 512 x 512; return its study and series UID once it is released whole."""
    there = archive.found()
    folders = write_images(scratch, LOAD, slices, size=SIZE, per_series=slices)
    by_dimse(archive, folders[0])
    archive.await_found(there + slices)
    rows = archive.rows(f"/dicom-web/series?NumberOfSeriesRelatedInstances={slices}")
    row = max(rows, key=lambda one: number_of(one, "00280010"))
    return text_of(row, "0020000D"), text_of(row, "0020000E")


def times_ms(connection: HTTPConnection, paths: list[str], headers: dict[str, str]) -> list[float]:
    """Ask for addresses one after the other over one connection; return how long each took."""
    taken = []
    for path in paths:
        began = time.perf_counter()
        status, _ = ask(connection, path, headers)
        taken.append((time.perf_counter() - began) * 1000)
        if status != 200:
            raise SystemExit(f"The archive answered {status} to {path}.")
    return taken


def rate_mb_s(connection: HTTPConnection, path: str, headers: dict[str, str], times: int = 3) -> float:
    """Fetch an address some times; return the median rate."""
    rates = []
    for _ in range(times):
        began, size = time.perf_counter(), 0
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise SystemExit(f"The archive answered {answer.status} to {path}.")
        while block := answer.read(BLOCK):
            size += len(block)
        rates.append(size / 1e6 / (time.perf_counter() - began))
    return median(rates)


def searching(archive: Installation, study: str) -> Iterator[Figure]:
    """Yield the figures of QIDO and of the search page."""
    connection = archive.connect()
    times_ms(connection, [f"/dicom-web/studies?StudyInstanceUID={study}"] * 20, JSON)
    taken = times_ms(connection, [f"/dicom-web/studies?StudyInstanceUID={study}"] * 200, JSON)
    yield Figure("qido.one-hit", "p50 ms", median(taken))
    yield Figure("qido.one-hit", "p95 ms", quantiles(taken, n=20)[-1])
    pages = times_ms(connection, ["/search?modality=CT"] * 30, {"Accept": "text/html"})
    yield Figure("search.page", "p50 ms", median(pages))


def metadata(archive: Installation, study: str, series: str) -> Iterator[Figure]:
    """Yield how long the metadata of the series take, the first time and afterwards."""
    taken = times_ms(archive.connect(), [f"/dicom-web/studies/{study}/series/{series}/metadata"] * 11, PACKED)
    yield Figure("metadata.series300", "first ms", taken[0])
    yield Figure("metadata.series300", "warm ms", median(taken[1:]))


def fetching(archive: Installation, study: str, series: str) -> Iterator[Figure]:
    """Yield the rate of a whole series, and how long a frame takes."""
    connection, place = archive.connect(), f"/dicom-web/studies/{study}/series/{series}"
    yield Figure("wado.series", "MB/s", rate_mb_s(connection, place, OBJECTS))
    uids = [text_of(row, "00080018") for row in archive.rows(f"{place}/instances")][:200]
    taken = times_ms(connection, [f"{place}/instances/{uid}/frames/1" for uid in uids], FRAMES)
    yield Figure("wado.frame", "p50 ms", median(taken))


def packing(archive: Installation, study: str) -> Iterator[Figure]:
    """Yield the rate of a study as ZIP."""
    yield Figure("zip.study", "MB/s", rate_mb_s(archive.connect(), f"/studies/{study}/package.zip", {}))
