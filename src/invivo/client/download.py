"""Fetching series: resumable, verified, and no file has its name before it is whole."""

import json
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx

from invivo.client.answer import reason_of
from invivo.client.layout import Layout, write_whole
from invivo.client.pace import Pace, Stopped
from invivo.client.package import Corrupt, Kept, is_full, listed_at_head, present, unpack
from invivo.client.store import STORE, fetch_kept, place_of
from invivo.errors import Busy, Invalid, InvivoError

PEEK = 256 << 10
MARKS = ".invivo"
_TOTAL = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+)")
_ACCESS = {
    "registered": "An account is needed: make an API token in your account and give it with --token.",
    "controlled": "The owner's approval is needed; the collection's page says how to apply.",
}
Progress = Callable[[int, int], None]


class NotData(Invalid):
    """Something between here and the archive answered in its place."""

    code = "client.not-data"


class DiskFull(Busy):
    """The disk here has no room."""

    code = "client.disk-full"


class Changed(httpx.TransportError):
    """The archive offers other bytes than before: begin anew."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of one series.

    Attributes
    ----------
    outcome : str
        ``fetched``, ``present`` (was here already) or ``failed``.
    code : str
        Of a failure: stable, such as ``client.disk-full``.
    paths : tuple of str
        Its files below the folder.
    """

    series_uid: str
    outcome: str
    files: int = 0
    size_bytes: int = 0
    reason: str = ""
    code: str = ""
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Way:
    """How series are fetched.

    Attributes
    ----------
    store : str
        Address of the public stores that series may lie in instead, with ``{bucket}`` in it; the archive says which bucket
        and folder. What comes from there is checked by size, and by MD5 where the store tells it.
    may_be_here : bool
        Files without a marker may be here: look at the package's list of digests before fetching all of it.
    is_asking_again : bool
        Ask for series that are here whether they have changed.
    """

    layout: Layout = field(default_factory=Layout)
    pace: Pace = field(default_factory=Pace)
    store: str = STORE
    may_be_here: bool = False
    is_asking_again: bool = False


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one series goes: the folder, the growing package, and the marker that says it is here."""

    uid: str
    folder: Path
    into: str

    @property
    def part(self) -> Path:
        return self.folder / MARKS / f"{self.uid}.part"

    @property
    def tag(self) -> Path:
        return self.folder / MARKS / f"{self.uid}.etag"

    @property
    def mark(self) -> Path:
        return self.folder / MARKS / f"{self.uid}.done"

    def forget(self) -> None:
        self.part.unlink(missing_ok=True)
        self.tag.unlink(missing_ok=True)


def fetch_series(
    http: httpx.Client,
    series_uid: str,
    folder: Path,
    progress: Progress | None = None,
    *,
    way: Way | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Fetched:
    """Fetch one series into a folder.

    The package grows as ``.part``; broken off, it goes on where it stopped as long as the archive offers the same bytes.
    Files are checked against the package's SHA-256 list, flushed to the disk and only then moved to their names. A marker
    per series says what is here, so that a second run does nothing. A fault never raises: it is the outcome.

    Parameters
    ----------
    progress : callable, optional
        Called with bytes so far and bytes in all.
    facts : mapping, optional
        The series as a row of a search, for a layout with places; asked for where it is needed.
    """
    chosen = way or Way()
    try:
        (folder / MARKS).mkdir(parents=True, exist_ok=True)
        into = chosen.layout.folder(facts or facts_of(http, series_uid)) if chosen.layout.template else ""
        place = _Place(series_uid, folder, into)
        kept, is_new = _kept(http, place, chosen, progress or (lambda _done, _total: None))
    except Stopped as error:
        return Fetched(series_uid, "failed", reason=error.message, code=error.kind)
    except (httpx.HTTPError, InvivoError, zipfile.BadZipFile, OSError, ValueError) as error:
        reason, code = _told(http, series_uid, error)
        if code == DiskFull.code:
            chosen.pace.stop("The disk is full; what is here is whole. Make room, then run the same again.")
        return Fetched(series_uid, "failed", reason=reason, code=code)
    size = sum(one.size_bytes for one in kept)
    return Fetched(
        series_uid, "fetched" if is_new else "present", len(kept), size, paths=tuple(one.path for one in kept)
    )


def facts_of(http: httpx.Client, series_uid: str) -> Mapping[str, Any]:
    """Return the row of a series in a search.

    Raises
    ------
    httpx.HTTPError
    """
    answer = http.get("/api/search", params={"series": series_uid}).raise_for_status()
    rows = answer.json()["rows"]
    if not rows:
        raise httpx.HTTPStatusError("", request=answer.request, response=httpx.Response(404, request=answer.request))
    found: Mapping[str, Any] = rows[0]
    return found


def _kept(http: httpx.Client, place: _Place, way: Way, progress: Progress) -> tuple[list[Kept], bool]:
    """Return the files of a series and whether any had to be fetched."""
    marked, etag = _marked(place)
    if marked is not None and (not way.is_asking_again or _is_unchanged(http, place, etag, way)):
        return marked, False
    is_likely = (way.may_be_here or marked is not None) and not place.part.exists()
    found = _here_already(http, place, way) if is_likely else None
    is_new = found is None
    if found is None:
        found = _fetch_here(http, place, way, progress)
    if found is None:
        found = _fetch_there(http, place, way, progress)
    told = {"etag": place.tag.read_text() if place.tag.exists() else "", "files": [asdict(one) for one in found]}
    write_whole(place.mark, json.dumps(told).encode())
    place.forget()
    return found, is_new


def _marked(place: _Place) -> tuple[list[Kept] | None, str]:
    """Return what the marker of a series names, if all of it is still here in its size."""
    try:
        told = json.loads(place.mark.read_text("utf-8"))
        kept = [Kept(str(one["path"]), int(one["size_bytes"]), str(one["sha256"])) for one in told["files"]]
        for one in kept:
            if (place.folder / one.path).stat().st_size != one.size_bytes:
                return None, ""
    except (OSError, ValueError, KeyError, TypeError):
        return None, ""
    return kept, str(told.get("etag", ""))


def _is_unchanged(http: httpx.Client, place: _Place, etag: str, way: Way) -> bool:
    if not etag:
        return True  # from a public store, where what has this name stays what it is
    headers = {"If-None-Match": etag, "Range": "bytes=0-0"}

    def ask() -> bool:
        with http.stream("GET", _path(place), headers=headers) as answer:
            if answer.status_code != 304 and answer.status_code >= 300:
                answer.read()
                answer.raise_for_status()
            return answer.status_code == 304

    return way.pace.persist(ask)


def _path(place: _Place) -> str:
    return f"/series/{place.uid}/package.zip"


def _here_already(http: httpx.Client, place: _Place, way: Way) -> list[Kept] | None:
    """Return the files of a series that are all here, as the beginning of its package lists them."""
    try:
        way.pace.persist(lambda: _fetch_rest(http, place, way.pace, lambda _done, _total: None, PEEK))
    except httpx.HTTPStatusError:
        return None
    listed = listed_at_head(place.part, place.into)
    return present(place.folder, listed) if listed is not None else None


def _fetch_here(http: httpx.Client, place: _Place, way: Way, progress: Progress) -> list[Kept] | None:
    """Fetch a series' package from the archive; None where the archive has none because the files are elsewhere."""

    def size() -> int:
        return place.part.stat().st_size if place.part.exists() else 0

    try:
        way.pace.persist(lambda: _fetch_rest(http, place, way.pace, progress), size)
    except httpx.HTTPStatusError as error:
        if error.response.status_code != 404:
            raise
        told = http.get(f"/series/{place.uid}/location.json")
        if told.status_code != 200 or told.json().get("is_here"):
            raise error from None
        return None
    try:
        return unpack(place.part, place.folder, place.into, way.pace)
    except (Corrupt, zipfile.BadZipFile):
        place.forget()
        raise


def _fetch_there(http: httpx.Client, place: _Place, way: Way, progress: Progress) -> list[Kept]:
    folder = place.folder
    told = http.get(f"/series/{place.uid}/location.json").raise_for_status().json()
    where = place_of({**told, "folder": place.into} if place.into and isinstance(told, dict) else told)
    with httpx.Client(timeout=http.timeout, headers={"User-Agent": http.headers["User-Agent"]}) as public:
        done = fetch_kept(public, way.store, where, folder, progress, pace=way.pace)
    about = folder / "CITATIONS.txt"
    line = f"{told.get('collection', '')}: {told.get('citation', '')} Licence: {told.get('licence', '')}.\n"
    known = about.read_text("utf-8") if about.exists() else ""
    if line not in known:
        with about.open("a", encoding="utf-8") as out:
            out.write(line)
    return [Kept(name, size, digest) for name, size, digest in done]


def _fetch_rest(http: httpx.Client, place: _Place, pace: Pace, progress: Progress, until: int | None = None) -> None:
    """Fetch what is missing of a package, or of its first `until` bytes; a package that has changed begins anew."""
    part, known = place.part, place.tag.read_text() if place.tag.exists() else ""
    have = part.stat().st_size if part.exists() and known else 0
    asked = {"Range": f"bytes={have}-{until - 1 if until else ''}"} if have or until else {}
    headers = {"Accept-Encoding": "identity", **asked, **({"If-Range": known} if have else {})}
    with http.stream("GET", _path(place), headers=headers) as answer:
        if answer.status_code == 416:
            told = _TOTAL.fullmatch(answer.headers.get("content-range", ""))
            if told is None or int(told[2]) == have:
                return
            place.forget()
            raise Changed("the package is shorter than before")
        if answer.status_code not in (200, 206):
            answer.read()
            _need_no_redirect(answer)
            answer.raise_for_status()
        start, total = _start_of(answer, place, have)
        place.tag.write_text(answer.headers.get("etag", ""))
        with part.open("r+b" if start else "wb") as out:
            out.seek(start)
            for chunk in answer.iter_raw():
                out.write(chunk)
                start += len(chunk)
                pace.spend(len(chunk))
                progress(start, total or start)
                if until is not None and start >= until:
                    return
    if total is not None and start != total and until is None:
        raise httpx.ReadError("the download broke off")


def _need_no_redirect(answer: httpx.Response) -> None:
    if answer.is_redirect or answer.status_code == 511:
        raise NotData(
            "Something between here and the archive leads elsewhere; sign in to the network or proxy, then run again."
        )


def _start_of(answer: httpx.Response, place: _Place, have: int) -> tuple[int, int | None]:
    """Return where the answer's bytes belong and how many the whole has, if that is told."""
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/zip" or answer.headers.get("content-encoding", "identity") != "identity":
        raise NotData(
            f"The answer is {kind or 'of no kind'} instead of a package: something between here and the archive answered in"
            " its place. Sign in to the network or proxy, or check the address, then run again."
        )
    length = answer.headers.get("content-length", "")
    if answer.status_code == 200:
        return 0, int(length) if length.isdigit() else None
    told = _TOTAL.fullmatch(answer.headers.get("content-range", ""))
    first = int(told[1]) if told and told[1] else have
    same = not have or answer.headers.get("etag", "") == place.tag.read_text()
    if first != have or not same:
        place.forget()
        raise Changed("the package has changed")
    return have, int(told[2]) if told else (have + int(length) if length.isdigit() else None)


def _told(http: httpx.Client, series_uid: str, error: Exception) -> tuple[str, str]:
    """Return reason and code of a failure, in words."""
    if isinstance(error, InvivoError):
        return error.message, error.kind
    if isinstance(error, httpx.HTTPStatusError):
        return _why(http, series_uid, error.response)
    if isinstance(error, httpx.TransportError):
        return (
            f"The archive does not answer ({type(error).__name__}); run the same again to go on.",
            "client.unreachable",
        )
    if isinstance(error, zipfile.BadZipFile):
        return "The package is broken; run the same again to fetch it anew.", Corrupt.code
    if isinstance(error, OSError):
        full = "The disk is full; what has its name is whole. Make room, then run the same again."
        return (
            (full, DiskFull.code) if is_full(error) else (f"{error.strerror or type(error).__name__}.", "client.disk")
        )
    return "The archive answered something that is no archive's.", NotData.code


def _why(http: httpx.Client, series_uid: str, answer: httpx.Response) -> tuple[str, str]:
    """Return why a series is refused: its withdrawal, what it takes to have it, or that nobody knows of it."""
    status = answer.status_code
    if status not in (401, 403, 404, 410):
        return f"The archive answered {status}; run the same again later.", f"client.http-{status}"
    try:
        told = http.get(f"/api/series/{series_uid}")
        if told.status_code != 200:
            return reason_of(told), "client.withdrawn" if told.status_code == 410 else "client.not-found"
        access = str(told.json().get("access", ""))
    except (httpx.HTTPError, ValueError, AttributeError):
        access = ""
    return _ACCESS.get(access, "You may not download it."), "client.refused"
