"""Series metadata as DICOMweb asks for it: written once a revision, compressed, and served as it lies."""

import gzip
import os
import tempfile
from pathlib import Path

import orjson

from invivo.archive import Archive
from invivo.images.instance import headers_of
from invivo.images.series import Series


def _path(archive: Archive, key: int, revision: int) -> Path:
    return archive.derived / str(key % 1000) / str(key) / str(revision) / "metadata.json.gz"


def write_metadata(archive: Archive, key: int, revision: int) -> Path:
    """Write the metadata of a series' current revision: a JSON array of DICOM JSON objects, gzip.

    Bulk values are named by addresses relative to the series (PS3.18 F.2.6), so the file serves under any address.
    """
    target = _path(archive, key, revision)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent)
    with (
        os.fdopen(handle, "wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=4, mtime=0) as out,
    ):
        for number, header in enumerate(headers_of(archive, key)):
            out.write(b"[" if number == 0 else b",")
            out.write(orjson.dumps(header))
        out.write(b"]")
    Path(name).replace(target)
    return target


def read_metadata(archive: Archive, series: Series) -> Path:
    """Return the file with the metadata of a series, made now if it was not made before."""
    path = _path(archive, series.key, series.revision)
    return path if path.exists() else write_metadata(archive, series.key, series.revision)
