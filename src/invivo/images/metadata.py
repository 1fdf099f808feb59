"""Series metadata as DICOMweb asks for it: written once a revision, compressed, and served as it lies."""

import gzip
import os
import tempfile
from pathlib import Path

from invivo.archive import Archive
from invivo.images.facts import json_bytes
from invivo.images.instance import packed_headers_of
from invivo.images.series import Series, UnknownSeries


def _path(archive: Archive, key: int, revision: int, growth: int) -> Path:
    """Its own file for each revision, and for each time that one grew."""
    grown = f"-{growth}" if growth else ""
    return archive.derived / str(key % 1000) / str(key) / str(revision) / f"metadata{grown}.json.gz"


def write_metadata(archive: Archive, key: int) -> Path:
    """Write the metadata of a series' current revision: a JSON array of DICOM JSON objects, gzip.

    Bulk values are named by addresses relative to the series (PS3.18 F.2.6), so the file serves under any address.
    """
    with archive.database.transaction() as tx:
        row = tx.execute(
            "select revision, growth from images.series where key = %s and upper_inf(releases)", [key]
        ).fetchone()
    if row is None:
        raise UnknownSeries("The series is not in the current release.")
    target = _path(archive, key, row.revision, row.growth)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent)
    with (
        os.fdopen(handle, "wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=4, mtime=0) as out,
    ):
        out.write(b"[")  # a series whose files are elsewhere has no instance here
        for number, packed in enumerate(packed_headers_of(archive, key)):
            out.write(b"," if number else b"")
            out.write(json_bytes(packed))
        out.write(b"]")
    Path(name).replace(target)
    for old in target.parent.glob("metadata*.json.gz"):
        if old != target:
            old.unlink(missing_ok=True)
    return target


def read_metadata(archive: Archive, series: Series) -> Path:
    """Return the file with the metadata of a series, made now if it was not made before."""
    path = _path(archive, series.key, series.revision, series.growth)
    return path if path.exists() else write_metadata(archive, series.key)
