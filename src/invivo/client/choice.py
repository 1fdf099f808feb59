"""What to fetch, from whatever people have in hand: UIDs, manifests, addresses of pages, carts, DOIs, and queries."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import httpx

from invivo import carts, dicom
from invivo.errors import Invalid, InvivoError

RESOLVER = "https://doi.org"
LONGEST_MANIFEST = 64 << 20
PORTION = 50
MOST_ASKED = 1000
_NAMED = re.compile(r"([A-Za-z][\w-]*)=(.*)", re.DOTALL)
_DOI = re.compile(r"(?:doi:|https?://(?:dx\.)?doi\.org/)?(10\.\d{4,9}/\S{1,200})", re.IGNORECASE)
_ENDINGS = (".tcia", ".csv", ".txt", ".s5cmd")
_KINDS = {"series": "series", "studies": "study", "collections": "collection"}
_REASONS = {"registered": "An account is needed.", "controlled": "The owner's approval is needed."}


class Asked(Protocol):
    """What is needed of an archive to choose from it."""

    http: httpx.Client

    def get(self, path: str, params: Sequence[tuple[str, str]] = ()) -> Any: ...

    def content(self, path: str, most_bytes: int) -> bytes: ...

    def rows(self, pairs: Sequence[tuple[str, str]], level: str = "series") -> Iterator[dict[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class Barred:
    """A series of the choice that may not be had, and why."""

    series_uid: str
    reason: str


@dataclass(frozen=True, slots=True)
class Weight:
    """What a choice is, before it is fetched.

    Attributes
    ----------
    series_count, instance_count, size_bytes : int
        Of what may be had.
    licences : mapping of SPDX identifier to series
    collections : mapping of short name to series
    barred : tuple of Barred
    """

    series_count: int
    instance_count: int
    size_bytes: int
    licences: Mapping[str, int]
    collections: Mapping[str, int]
    barred: tuple[Barred, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """Series to fetch, each once.

    Attributes
    ----------
    rows : mapping of series_uid to a row of the search
        As far as they are known without asking again.
    """

    series_uids: tuple[str, ...]
    rows: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def pairs_of(criteria: Iterable[str]) -> list[tuple[str, str]]:
    """Read ``name=value`` as criteria of which those of one name are alternatives; all the rest is one query text."""
    told = list(criteria)
    named = [found for one in told if (found := _NAMED.fullmatch(one))]
    rest = " ".join(one for one in told if not _NAMED.fullmatch(one))
    return [*((found.group(1), found.group(2)) for found in named), *([("q", rest)] if rest else [])]


def address_of_doi(text: str, resolver: str = RESOLVER) -> str | None:
    """Return the landing page that a DOI leads to, None if the text is none.

    Raises
    ------
    Invalid
        Nobody answers for it.
    """
    found = _DOI.fullmatch(text)
    if found is None:
        return None
    try:
        with (
            httpx.Client(follow_redirects=True, timeout=30, max_redirects=10) as http,
            http.stream("GET", f"{resolver}/{found[1]}", headers={"Accept": "text/html"}) as answer,
        ):
            if answer.status_code < 400:
                return str(answer.url)
            reason = f"the answer was {answer.status_code}"
    except httpx.HTTPError as error:
        reason = type(error).__name__
    raise Invalid(f"The DOI {found[1]} could not be resolved ({reason}).", code="download.doi")


def base_of(what: Sequence[str], otherwise: str) -> str:
    """Return the archive to ask: the one of the first address, else the other."""
    for one in what:
        if one.startswith(("http://", "https://")):
            split = urlsplit(one)
            return f"{split.scheme}://{split.netloc}"
    return otherwise


def choose(archive: Asked, what: Sequence[str]) -> Choice:
    """Resolve what was named into series.

    Parameters
    ----------
    what : sequence of str
        Series UIDs, files or addresses of manifests, addresses of the archive's pages (series, study, subject, collection,
        landing page, search, cart, package), and criteria: ``collection=LUNG-1``, or a text of the query language. All
        criteria together are one query.

    Raises
    ------
    Invalid
        What is named is none of these, or a manifest cannot be read; the message says which line.
    Unreachable, NotFound, Refused
    """
    uids: list[str] = []
    rows: dict[str, Mapping[str, Any]] = {}
    criteria = []
    for one in what:
        path = Path(one)
        if one.startswith(("http://", "https://")):
            found = _at(archive, one)
        elif path.suffix in _ENDINGS or (len(one) < 1000 and path.is_file()):
            if not path.is_file():
                raise Invalid(f"There is no manifest {one}.", code="download.manifest")
            if path.stat().st_size > LONGEST_MANIFEST:
                raise Invalid(f"{one} is too long for a manifest.", code="download.manifest")
            found = Choice(tuple(read_list(path.read_bytes())))
        elif dicom.is_valid(one):
            found = Choice((one,))
        else:
            criteria.append(one)
            continue
        uids += found.series_uids
        rows |= found.rows
    if criteria:
        found = _found(archive, pairs_of(criteria))
        uids += found.series_uids
        rows |= found.rows
    return Choice(tuple(dict.fromkeys(uids)), rows)


def read_list(content: bytes) -> list[str]:
    """Read a manifest, or our own report of failures.

    Raises
    ------
    Invalid
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("That is no text, so it is no manifest.", code="download.manifest") from None
    if text.lstrip()[:1] == "<":
        raise Invalid("That is a page and no manifest; download the manifest itself.", code="download.manifest")
    if text.startswith("series_uid,"):
        return [line.partition(",")[0] for line in text.splitlines()[1:] if dicom.is_valid(line.partition(",")[0])]
    return carts.read_manifest(text)


def _found(archive: Asked, pairs: Sequence[tuple[str, str]]) -> Choice:
    rows = {str(row["series_uid"]): row for row in archive.rows(pairs)}
    return Choice(tuple(rows), rows)


def _at(archive: Asked, address: str) -> Choice:
    """Return what an address of the archive's own pages names."""
    split = urlsplit(address)
    parts = [unquote(part) for part in split.path.split("/") if part]
    asked = [pair for pair in parse_qsl(split.query) if pair[0] not in ("view", "sort", "page", "level")]
    if parts[:1] in (["search"], ["download"], ["api"]) and asked and not any(name == "cart" for name, _ in asked):
        return _found(archive, [pair for pair in asked if pair[0] not in ("after", "limit", "columns")])
    if parts[:1] in (["cart"], ["carts"], ["download"]) or split.path.endswith(_ENDINGS):
        return Choice(tuple(_manifest(archive, parts, split.query)))
    if parts[:1] == ["id"] and len(parts) > 1:
        landed = _landed(archive, address)
        if landed != address:
            return _at(archive, landed)
    if parts[-1:] == ["package.zip"]:
        parts = parts[:-1]
    if len(parts) >= 4 and parts[0] == "collections" and parts[2] == "subjects":
        return _found(archive, [("collection", parts[1]), ("subject", f"={'/'.join(parts[3:])}")])
    if len(parts) < 2 or parts[0] not in _KINDS:
        raise Invalid("The address names no series, study, cart or collection of the archive.", code="download.address")
    return Choice((parts[1],)) if parts[0] == "series" else _found(archive, [(_KINDS[parts[0]], parts[1])])


def _landed(archive: Asked, address: str) -> str:
    answer = archive.http.get(address, follow_redirects=True)
    return str(answer.url) if answer.status_code < 400 else address


def _manifest(archive: Asked, parts: Sequence[str], query: str) -> list[str]:
    """Fetch the manifest at an address, or that of a cart's page."""
    path = "/" + "/".join(parts)
    if parts[:2] == ["cart", "shared"] and len(parts) == 3:
        path, query = "/cart/manifest.csv", urlencode({"cart": f"{carts.LINK}{parts[2]}"})
    elif not path.endswith(_ENDINGS):
        stem = "/cart" if parts[0] in ("cart", "download") else "/" + "/".join(parts[:2])
        path = f"{stem}/manifest.csv"
    content = archive.content(f"{path}?{query}" if query else path, LONGEST_MANIFEST)
    return read_list(content)


def weigh(archive: Asked, choice: Choice) -> Weight:
    """Ask what a choice is: how much, under which licences, and what of it may not be had.

    Raises
    ------
    Unreachable, Invalid
    """
    rows: dict[str, Mapping[str, Any]] = dict(choice.rows)
    missing = [uid for uid in choice.series_uids if uid not in rows]
    for begin in range(0, len(missing), PORTION):
        for row in archive.rows([("series", uid) for uid in missing[begin : begin + PORTION]]):
            rows[str(row["series_uid"])] = row
    barred: list[Barred] = []
    free: list[Mapping[str, Any]] = []
    for uid in choice.series_uids:
        known = rows.get(uid)
        reason = _unknown(archive, uid, len(barred)) if known is None else _bar(archive, known, len(barred))
        if known is not None and not reason:
            free.append(known)
        else:
            barred.append(Barred(uid, reason))
    return Weight(
        len(free),
        sum(int(row["instance_count"]) for row in free),
        sum(int(row["size_bytes"]) for row in free),
        dict(Counter(str(row["licence"]) for row in free).most_common()),
        dict(Counter(str(row["collection"]) for row in free).most_common()),
        tuple(barred),
    )


def _unknown(archive: Asked, uid: str, asked: int) -> str:
    """Return why a series is not found: where it was withdrawn, the archive says when and why."""
    if asked < MOST_ASKED:
        try:
            archive.get(f"/api/series/{uid}")
        except InvivoError as error:
            return error.message
    return "The archive has no such series, or shows it only to others."


def _bar(archive: Asked, row: Mapping[str, Any], asked: int) -> str:
    """Return why a series that is shown may not be had; empty if it may."""
    classes = [str(row.get("access") or "open"), str(row.get("series_access") or "open")]
    if set(classes) == {"open"}:
        return ""
    if asked < MOST_ASKED and archive.get(f"/api/series/{row['series_uid']}/files"):
        return ""
    return next((_REASONS[one] for one in reversed(classes) if one in _REASONS), "You may not download it.")
