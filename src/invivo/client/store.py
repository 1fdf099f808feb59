"""Fetching a series from a public store: listed, resumed, checked by size and MD5, named only when it is whole.

References
----------
Amazon S3 API, ListObjectsV2 and GetObject: the entity tag of an object that came in one piece is its MD5; of one that came
in several it holds a dash and says nothing about its bytes.
"""

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree

import httpx
from defusedxml import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]

from invivo.client.pace import Pace
from invivo.client.package import sha256_of
from invivo.errors import Invalid

STORE = "https://{bucket}.s3.amazonaws.com"
LONGEST_LIST = 4 << 20
MOST_FILES = 1_000_000
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"[A-Za-z0-9._-]{1,200}(/[A-Za-z0-9._-]{1,200}){0,8}/")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,200}|")
_MD5 = re.compile(r"[0-9a-f]{32}")


class StoreDiffers(Invalid):
    """The store does not hold what the archive says of it."""

    code = "client.store-differs"


@dataclass(frozen=True, slots=True)
class Kept:
    """A file in a store; `md5` is empty where the store does not tell it."""

    key: str
    size_bytes: int
    md5: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a series is, as the archive says, and the folder that its files belong in."""

    bucket: str
    prefix: str
    instance_count: int
    size_bytes: int
    folder: str


def place_of(told: Any) -> Place:
    """Read what an archive says of a location; raises StoreDiffers for what leads anywhere else."""
    try:
        place = Place(
            str(told["bucket"]),
            str(told["prefix"]),
            int(told["instance_count"]),
            int(told["size_bytes"]),
            str(told["folder"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise StoreDiffers("The archive says nothing that can be used of where the series is.") from error
    parts = PurePosixPath(place.folder).parts
    leads_out = not parts or ".." in parts or PurePosixPath(place.folder).is_absolute() or "\\" in place.folder
    if leads_out or not _BUCKET.fullmatch(place.bucket) or not _PREFIX.fullmatch(place.prefix) or ".." in place.prefix:
        raise StoreDiffers("The archive names a place that is no folder of a public store.")
    return place


def list_kept(http: httpx.Client, store: str, place: Place, pace: Pace) -> list[Kept]:
    """Return the files of a folder of a store.

    Parameters
    ----------
    store : str
        Address of a bucket, with ``{bucket}`` where its name belongs.

    Raises
    ------
    StoreDiffers
        They are not as many, or not as large, as the archive says.
    """
    found: list[Kept] = []
    token = ""
    while True:
        asked = {"list-type": "2", "prefix": place.prefix, **({"continuation-token": token} if token else {})}
        page = _page(pace.persist(partial(_listed, http, f"{store.format(bucket=place.bucket)}/", asked)))
        found += [_kept(one, place) for one in page.findall("{*}Contents")]
        token = page.findtext("{*}NextContinuationToken") or ""
        if not token or page.findtext("{*}IsTruncated") != "true":
            break
        if len(found) > MOST_FILES:
            raise StoreDiffers("The store lists more files than a series can have.")
    found = [one for one in found if not one.key.endswith("/")]
    size = sum(one.size_bytes for one in found)
    if (len(found), size) != (place.instance_count, place.size_bytes):
        raise StoreDiffers(
            f"The store has {len(found)} files of {size} bytes, the archive says {place.instance_count} of"
            f" {place.size_bytes}; try again later, or tell the archive."
        )
    return found


def fetch_kept(
    http: httpx.Client,
    store: str,
    place: Place,
    folder: Path,
    progress: Callable[[int, int], None] | None = None,
    *,
    pace: Pace | None = None,
) -> list[tuple[str, int, str]]:
    """Fetch all files of a series. What is here and right is not fetched again.

    Returns
    -------
    list of (path below the folder, bytes, SHA-256 of what came)
    """
    base, going, done = store.format(bucket=place.bucket), pace or Pace(), []
    target = folder.joinpath(*PurePosixPath(place.folder).parts)
    if not target.resolve().is_relative_to(folder.resolve()):
        raise StoreDiffers("The archive names a folder that leads out of yours.")
    target.mkdir(parents=True, exist_ok=True)
    size = 0
    for one in list_kept(http, store, place, going):
        path = target / one.key.rpartition("/")[2]
        if not _is_right(path, one):
            _fetch(http, f"{base}/{one.key}", path, one, going)
        size += one.size_bytes
        done.append((f"{place.folder}/{path.name}", one.size_bytes, sha256_of(path)))
        if progress is not None:
            progress(size, place.size_bytes)
    return done


def _kept(one: ElementTree.Element, place: Place) -> Kept:
    key, size = one.findtext("{*}Key") or "", one.findtext("{*}Size") or ""
    tag = (one.findtext("{*}ETag") or "").strip('"').lower()
    name = key.removeprefix(place.prefix)
    if not key.startswith(place.prefix) or not size.isdigit() or not _NAME.fullmatch(name):
        raise StoreDiffers("The store lists something that is not in the series' folder.")
    return Kept(key, int(size), tag if _MD5.fullmatch(tag) else "")


def _listed(http: httpx.Client, address: str, asked: dict[str, str]) -> bytes:
    content = b""
    with http.stream("GET", address, params=asked) as answer:
        if answer.status_code != 200:
            answer.read()
            answer.raise_for_status()
        for chunk in answer.iter_bytes():
            content += chunk
            if len(content) > LONGEST_LIST:
                raise StoreDiffers("The store's list is longer than any of S3.")
    return content


def _page(content: bytes) -> ElementTree.Element:
    try:
        page: ElementTree.Element = fromstring(content, forbid_dtd=True)
    except (ElementTree.ParseError, DefusedXmlException) as error:
        raise StoreDiffers("The store answered something that is no list of files.") from error
    if page.tag.rpartition("}")[2] != "ListBucketResult":
        raise StoreDiffers("The store answered something that is no list of files.")
    return page


def _is_right(path: Path, one: Kept) -> bool:
    if not path.is_file() or path.stat().st_size != one.size_bytes:
        return False
    return not one.md5 or _md5(path) == one.md5


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _fetch(http: httpx.Client, address: str, path: Path, one: Kept, pace: Pace) -> None:
    part = path.with_name(path.name + ".part")
    pace.persist(
        partial(_fetch_rest, http, address, part, one, pace), lambda: part.stat().st_size if part.exists() else 0
    )
    if not _is_right(part, one):
        part.unlink(missing_ok=True)
        raise StoreDiffers("A file is not what the store's list says; fetch it again.")
    part.replace(path)


def _fetch_rest(http: httpx.Client, address: str, part: Path, one: Kept, pace: Pace) -> None:
    have = part.stat().st_size if part.exists() and one.md5 else 0
    if have >= one.size_bytes > 0:
        have = 0
    headers = {"Range": f"bytes={have}-", "If-Range": f'"{one.md5}"'} if have else {}
    with http.stream("GET", address, headers={**headers, "Accept-Encoding": "identity"}) as answer:
        if answer.status_code not in (200, 206):
            answer.read()
            answer.raise_for_status()
        if "html" in answer.headers.get("content-type", ""):
            raise StoreDiffers("The answer is a page instead of data: sign in to the network or proxy, then run again.")
        start = have if answer.status_code == 206 else 0
        with part.open("r+b" if start else "wb") as out:
            out.seek(start)
            for chunk in answer.iter_raw():
                start += len(chunk)
                if start > one.size_bytes:
                    raise StoreDiffers("The store sends more than its list says.")
                out.write(chunk)
                pace.spend(len(chunk))
            out.flush()
            os.fsync(out.fileno())
    if start != one.size_bytes:
        raise httpx.ReadError("the download broke off")
