"""Fetching series: resumable, verified, and no file has its name before it is whole."""

import hashlib
import shutil
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import httpx

from invivo.errors import Invalid

TRIES = 6
CHUNK = 1 << 20
RETRIED = {408, 429, 500, 502, 503, 504}


class Corrupt(Invalid):
    """What came is not what the archive says it is."""

    code = "client.corrupt"


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of one series: ``fetched``, ``present`` (was here already) or ``failed`` with the reason."""

    series_uid: str
    outcome: str
    files: int = 0
    size_bytes: int = 0
    reason: str = ""


def fetch_series(
    http: httpx.Client, series_uid: str, folder: Path, progress: Callable[[int, int], None] | None = None
) -> Fetched:
    """Fetch one series into a folder.

    The package grows as ``.part``; broken off, it goes on where it stopped as long as the archive offers the same bytes.
    Files are checked against the package's SHA-256 list and only then moved to their names. A marker per series says that it
    is here, so that a second run does nothing.

    Parameters
    ----------
    progress : callable, optional
        Called with bytes so far and bytes in all.
    """
    marks = folder / ".invivo"
    marks.mkdir(parents=True, exist_ok=True)
    done, part = marks / f"{series_uid}.done", marks / f"{series_uid}.part"
    if done.exists():
        return Fetched(series_uid, "present")
    try:
        _fetch(http, f"/series/{series_uid}/package.zip", part, progress)
        count, size = _unpack(part, folder)
    except (httpx.HTTPError, Corrupt, zipfile.BadZipFile, OSError) as error:
        if isinstance(error, Corrupt | zipfile.BadZipFile):
            part.unlink(missing_ok=True)
        return Fetched(
            series_uid, "failed", reason=getattr(error, "message", "") or f"{type(error).__name__}: {error}"[:300]
        )
    done.write_text(f"{count} files, {size} bytes\n")
    part.unlink()
    part.with_suffix(".etag").unlink(missing_ok=True)
    return Fetched(series_uid, "fetched", count, size)


def _fetch(http: httpx.Client, path: str, part: Path, progress: Callable[[int, int], None] | None) -> None:
    for attempt in range(TRIES):
        try:
            _fetch_rest(http, path, part, progress)
        except httpx.HTTPStatusError as error:
            if error.response.status_code not in RETRIED or attempt == TRIES - 1:
                raise
        except httpx.TransportError:
            if attempt == TRIES - 1:
                raise
        else:
            return
        time.sleep(min(0.5 * 2**attempt, 10))


def _fetch_rest(http: httpx.Client, path: str, part: Path, progress: Callable[[int, int], None] | None) -> None:
    """Fetch what is missing of a package; a package that has changed begins anew."""
    etag_file = part.with_suffix(".etag")
    have = part.stat().st_size if part.exists() and etag_file.exists() else 0
    headers = {"Range": f"bytes={have}-", "If-Range": etag_file.read_text()} if have else {}
    with http.stream("GET", path, headers=headers) as answer:
        if answer.status_code == 416:
            return
        if answer.status_code not in (200, 206):
            answer.read()
            answer.raise_for_status()
        if answer.headers.get("content-type", "").split(";")[0] != "application/zip":
            raise Corrupt("The archive answered something that is no package.")
        etag_file.write_text(answer.headers.get("etag", ""))
        start = have if answer.status_code == 206 else 0
        total = start + int(answer.headers.get("content-length", 0))
        with part.open("r+b" if start else "wb") as out:
            out.seek(start)
            for chunk in answer.iter_raw():
                out.write(chunk)
                start += len(chunk)
                if progress is not None:
                    progress(start, total)
    if start != total:
        raise httpx.ReadError("the download broke off")


def _unpack(part: Path, folder: Path) -> tuple[int, int]:
    with zipfile.ZipFile(part) as package:
        lines = package.read("manifest-sha256.txt").decode().splitlines()
        listed = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
        if not listed.keys() <= set(package.namelist()):
            raise Corrupt("The package lacks a file that its list names; fetch it again.")
        size = 0
        for name, digest in listed.items():
            target = folder.joinpath(*PurePosixPath(name).parts)
            if ".." in PurePosixPath(name).parts or not target.resolve().is_relative_to(folder.resolve()):
                raise Corrupt("The package holds a name that leads out of the folder.")
            target.parent.mkdir(parents=True, exist_ok=True)
            growing = target.with_name(target.name + ".part")
            with package.open(name) as source, growing.open("wb") as out:
                shutil.copyfileobj(source, out, CHUNK)
            with growing.open("rb") as stream:
                if hashlib.file_digest(stream, "sha256").hexdigest() != digest:
                    growing.unlink()
                    raise Corrupt("A file is not what the archive's digest says; fetch it again.")
            size += growing.stat().st_size
            growing.replace(target)
        for name in ("LICENCE.txt", "README.txt"):
            (folder / name).write_bytes(package.read(name))
    return len(listed), size
