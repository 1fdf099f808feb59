"""Landing pages of releases, and what a collection or a release says to machines and reference lists."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import astuple, fields
from typing import Any
from urllib.parse import quote

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from invivo import collections, releases, search, submissions
from invivo.errors import Invalid
from invivo.web.form import only
from invivo.web.images import ACCESS_WORDS
from invivo.web.render import page

SHOWN = 200
FORMULA = ("=", "+", "-", "@", "\t", "\r")
Writer = Callable[[releases.Description], bytes]


def _json(read: Callable[[releases.Description], Any]) -> Writer:
    return lambda one: orjson.dumps(read(one))


FORMS: dict[str, tuple[str, str, Writer]] = {
    "bibtex": ("BibTeX", "application/x-bibtex", lambda one: releases.bibtex(one).encode()),
    "ris": ("RIS", "application/x-research-info-systems", lambda one: releases.ris(one).encode()),
    "csl": ("CSL JSON", "application/vnd.citationstyles.csl+json", _json(releases.csl)),
    "apa": ("Text", "text/x-bibliography", lambda one: f"{releases.apa(one)}\n".encode()),
    "json-ld": ("schema.org", "application/ld+json", _json(releases.json_ld)),
    "croissant": ("Croissant", "application/ld+json", _json(releases.croissant)),
    "datacite-json": ("DataCite JSON", "application/vnd.datacite.datacite+json", _json(releases.datacite_attributes)),
    "datacite-xml": ("DataCite XML", "application/vnd.datacite.datacite+xml", releases.datacite_xml),
}
_ENDINGS = {"bibtex": "bib", "ris": "ris", "datacite-xml": "xml", "apa": "txt"}


def _collection(request: Request) -> collections.Collection:
    name = request.path_params["short_name"].replace("\0", "")
    return collections.collection_named(request.state.archive, request.state.actor, name)


def _described(request: Request) -> releases.Description:
    number = request.path_params.get("number")
    return releases.describe(request.state.archive, request.state.actor, _collection(request).id, number)


def metadata(request: Request) -> Response:
    """Give the description of a collection or of a release in one of the forms."""
    only(request, "format")
    wanted = request.query_params.get("format", "json-ld")
    if wanted not in FORMS:
        raise Invalid(f"format must be one of {', '.join(FORMS)}.", code="page.format")
    one = _described(request)
    _, media_type, write = FORMS[wanted]
    name = f"{one.short_name}-{one.number or one.newest}.{_ENDINGS.get(wanted, 'json')}"
    headers = {"Content-Disposition": f'inline; filename="{name}"', "Link": releases.signposts(one)}
    return Response(write(one), media_type=f"{media_type}; charset=utf-8", headers=headers)


def script_of(one: releases.Description) -> str:
    """Write the description as JSON-LD for a page; nothing in it can end the element it stands in."""
    return orjson.dumps(releases.json_ld(one)).decode().replace("<", "\\u003c").replace("&", "\\u0026")


def shares_in_words(shares: Sequence[tuple[str, int, int]]) -> str:
    """Return how many series have which licence, as `search.Totals` tells; empty where all have one."""
    if len(shares) < 2:
        return ""
    return "; ".join(f"{licence}: {series:,} series" for licence, series, _ in shares)


def _shares_of(request: Request, collection_id: int, release: releases.Release, is_newest: bool) -> str:
    archive, actor = request.state.archive, request.state.actor
    if is_newest:
        return shares_in_words(search.totals_of(archive, actor, collection_id).licences)
    found = releases.licence_shares(archive, actor, collection_id, release.number)
    return shares_in_words([(one.licence.id, one.series, one.size_bytes) for one in found])


def release_page(request: Request) -> Response:
    """Show one release of a collection, the newest or an older one: what DOIs lead to."""
    only(request)
    one, known = _described(request), _collection(request)
    published = releases.releases_of(request.state.archive, request.state.actor, known.id)
    release = next(each for each in published if each.number == one.number)
    return page(
        request,
        "collections/release.html",
        headers={"Link": releases.signposts(one)},
        collection=known,
        one=one,
        release=release,
        citation=releases.apa(one),
        missing=[
            stone
            for stone in releases.tombstones_of(request.state.archive, request.state.actor, known.id)
            if stone.is_missing_from(one.number)
        ],
        shares_words=_shares_of(request, known.id, release, release is published[0]),
        forms=[(key, title) for key, (title, _, _) in FORMS.items()],
        access_words=ACCESS_WORDS,
        json_ld=script_of(one),
    )


def changes_page(request: Request) -> Response:
    """Show, or give as CSV, what changed from one release to another."""
    only(request, "from", "format")
    known, newer = _collection(request), request.path_params["number"]
    older = request.query_params.get("from", str(newer - 1))
    if not older.isdigit() or len(older) > 9:
        raise Invalid("from is the number of an older release, or 0.", code="release.order")
    archive, actor = request.state.archive, request.state.actor
    releases.describe(archive, actor, known.id, newer)
    found = releases.difference(archive, actor, known.id, int(older), newer)
    if request.query_params.get("format") == "csv":
        return _csv(f"{known.short_name}-{older}-{newer}.csv", found)
    kinds = [(kind, [one for one in found if one.kind == kind]) for kind in ("added", "revised", "withdrawn")]
    return page(
        request,
        "collections/changes.html",
        collection=known,
        older=int(older),
        newer=newer,
        kinds=[(kind, len(some), some[:SHOWN]) for kind, some in kinds],
        numbers=[one.number for one in releases.releases_of(archive, actor, known.id) if one.number < newer],
    )


def _csv(name: str, found: list[releases.Changed]) -> Response:
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow([field.name for field in fields(releases.Changed)])
    writer.writerows([_plain(value) for value in astuple(one)] for one in found)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(stream.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _plain(value: object) -> object:
    """What a spreadsheet would take for a formula is kept as text."""
    return f"'{value}" if isinstance(value, str) and value[:1] in FORMULA else value


def identifier_page(request: Request) -> Response:
    """Lead on from a name of ours to the landing page."""
    only(request)
    name = request.path_params["name"].replace("\0", "")
    page = releases.page_of(request.state.archive, request.state.actor, name)
    moved = submissions.successor_of(request.state.archive, _named_in(request, page).id)
    return RedirectResponse(moved.url if moved else quote(page), 302)


def _named_in(request: Request, page: str) -> collections.Collection:
    """Return the collection whose page an identifier leads to."""
    return collections.collection_named(request.state.archive, request.state.actor, page.split("/")[2])


routes: list[Route] = [
    Route("/id/{name}", identifier_page),
    Route("/collections/{short_name}/metadata", metadata),
    Route("/collections/{short_name}/releases/{number:int}", release_page),
    Route("/collections/{short_name}/releases/{number:int}/changes", changes_page),
    Route("/collections/{short_name}/releases/{number:int}/metadata", metadata),
]
