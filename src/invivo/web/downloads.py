"""Bytes on their way home: packages and single files by exact length, byte ranges and strong entity tags.

References
----------
RFC 9110: 13.1.5 (If-Range), 14 (range requests), 15.3.7 (206), 15.5.17 (416), 15.5.2 (401).
"""

import re
from collections.abc import AsyncIterator, Iterator
from typing import Protocol
from urllib.parse import quote, urlencode

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from invivo import attachments, carts, collections, downloads, images
from invivo.errors import Invalid
from invivo.web.form import only
from invivo.web.images import uid_of
from invivo.web.render import page
from invivo.web.taking import took

PIECE = 1 << 20
_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})$")
_UNPLAIN = re.compile(r"[^A-Za-z0-9._+-]+")


class Ranged(Protocol):
    """Bytes of which any part can be had: a `downloads.Package`, or one file."""

    @property
    def name(self) -> str: ...

    @property
    def length(self) -> int: ...

    @property
    def etag(self) -> str: ...

    def chunks(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]: ...


def _range_of(request: Request, source: Ranged) -> tuple[int, int] | None:
    """Read the one range that is asked for; None means the whole.

    Several ranges, and what is no range, are answered with the whole, as RFC 9110 14.2 allows.

    Raises
    ------
    ValueError
        The range lies beyond the end.
    """
    match = _RANGE.match(request.headers.get("range", "").strip().replace(" ", ""))
    if match is None or match.group(1) == match.group(2) == "":
        return None
    if request.headers.get("if-range", source.etag).strip() != source.etag:
        return None
    first, last = match.groups()
    if first == "":
        start, stop = max(0, source.length - int(last)), source.length
    else:
        start, stop = int(first), min(source.length, int(last) + 1 if last else source.length)
        if last and int(last) < start:
            return None
    if start >= stop:
        raise ValueError
    return start, stop


def _pieces(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Join small chunks, so that a package of many small files does not cross threads for each of them."""
    waiting: list[bytes] = []
    size = 0
    for chunk in chunks:
        waiting.append(chunk)
        size += len(chunk)
        if size >= PIECE:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)


async def _flow(source: Ranged, start: int, stop: int) -> AsyncIterator[bytes]:
    pieces = _pieces(source.chunks(start, stop))
    while (piece := await anyio.to_thread.run_sync(next, pieces, None)) is not None:
        yield piece


def ranged_response(request: Request, source: Ranged, media_type: str) -> Response:
    """Answer with the whole, a range, or 304 or 416; HEAD gets the same headers without a body."""
    plain = _UNPLAIN.sub("_", source.name) or "file"
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": source.etag,
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(source.name, safe='')}",
        "Content-Type": media_type,
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox",
    }
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if source.etag in known or "*" in known:
        return Response(status_code=304, headers={key: headers[key] for key in ("ETag", "Cache-Control")})
    try:
        part = _range_of(request, source)
    except ValueError:
        beyond = {"Content-Range": f"bytes */{source.length}", "Accept-Ranges": "bytes", "ETag": source.etag}
        return Response(status_code=416, headers=beyond)
    start, stop = part or (0, source.length)
    headers["Content-Length"] = str(stop - start)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{source.length}"
    status = 200 if part is None else 206
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    return StreamingResponse(_flow(source, start, stop), status_code=status, headers=headers)


def is_from_start(request: Request) -> bool:
    """Return whether a request begins a download: what goes on with one, or only asks its size, is not counted."""
    asked = request.headers.get("range", "")
    return request.method == "GET" and (not asked or asked.replace(" ", "").startswith("bytes=0-"))


def refused_page(request: Request, collection: collections.Collection) -> Response:
    """Say that a download needs a sign-in (401) or somebody's approval (403), and what to do."""
    needs_account = not request.state.actor.has_account
    status = 401 if needs_account and collection.access == "registered" else 403
    headers = {"WWW-Authenticate": 'Bearer realm="invivo"'} if status == 401 else None
    came = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return page(
        request,
        "downloads/refused.html",
        status=status,
        headers=headers,
        collection=collection,
        access=collections.access_in_words(collection),
        needs_account=needs_account,
        sign_in=f"/sign-in?{urlencode({'next': came})}",
    )


def _package(request: Request, selection: downloads.Selection) -> Response:
    state = request.state
    if not selection.files:
        first = selection.refused[0].collection if selection.refused else selection.collections[0]
        return refused_page(request, collections.collection_named(state.archive, state.actor, first))
    package = downloads.Package(state.archive, selection)
    response = ranged_response(request, package, "application/zip")
    if is_from_start(request) and response.status_code in (200, 206):
        took(request, selection.taken)
    return response


def series_package(request: Request) -> Response:
    """Give a series as a ZIP."""
    only(request)
    uid = uid_of(request)
    return _package(request, downloads.select(request.state.archive, request.state.actor, series_uids=[uid]))


def study_package(request: Request) -> Response:
    """Give a study as a ZIP."""
    only(request)
    uid = uid_of(request)
    return _package(request, downloads.select(request.state.archive, request.state.actor, study_uid=uid))


def collection_package(request: Request) -> Response:
    """Give the current release of a collection as a ZIP, its attachments included."""
    only(request)
    state = request.state
    known = collections.collection_named(
        state.archive, state.actor, request.path_params["short_name"].replace("\0", "")
    )
    return _package(request, downloads.select(state.archive, state.actor, collection=known.short_name))


def _cart_selection(request: Request, cart_id: str) -> downloads.Selection:
    state = request.state
    lines = carts.contents(state.archive, state.actor, cart_id.replace("\0", ""))
    if not lines:
        raise downloads.NothingChosen("This cart is empty, or its link is too old; put series into it and try again.")
    uids = [line.series_uid for line in lines]
    return downloads.select(state.archive, state.actor, series_uids=uids, name=f"cart-{len(uids)}-series")


def cart_package(request: Request) -> Response:
    """Give what a cart holds as a ZIP; the address names the cart, so that a script can go on with it."""
    only(request, "cart")
    asked = request.query_params.get("cart", "") or request.state.cart_id
    return _package(request, _cart_selection(request, asked))


def instance_file(request: Request) -> Response:
    """Give one instance as the DICOM file that was released."""
    only(request)
    state, uid, series_uid = request.state, uid_of(request, "sop"), uid_of(request)
    seen = images.find_instance(state.archive, state.actor, uid, series_uid=series_uid, bytes_too=False)
    try:
        images.find_instance(state.archive, state.actor, uid, series_uid=series_uid)
    except images.UnknownInstance:
        return refused_page(request, collections.collection_by_id(state.archive, state.actor, seen.collection_id))
    stored = downloads.StoredFile(state.archive, seen.digest, f"{uid}.dcm", seen.size_bytes)
    response = ranged_response(request, stored, "application/dicom")
    if is_from_start(request) and response.status_code in (200, 206):
        took(request, {(seen.collection_id, series_uid): seen.size_bytes})
    return response


def attachment_file(request: Request) -> Response:
    """Give a file of a collection that is not DICOM."""
    only(request)
    state = request.state
    found = attachments.find_attachment(state.archive, state.actor, request.path_params["attachment_id"])
    name = found.name.rpartition("/")[2] or "file"
    response = ranged_response(
        request, downloads.StoredFile(state.archive, found.digest, name, found.size_bytes), found.media_type
    )
    if is_from_start(request) and response.status_code in (200, 206):
        took(request, {(found.collection_id, ""): found.size_bytes})
    return response


def _chosen(request: Request) -> tuple[downloads.Selection, str, str, str]:
    """Return what the download page is about: its selection, the ZIP's path, words for it, and where it stands."""
    state, asked = request.state, request.query_params
    if len(asked) != 1:
        raise Invalid("Say what to download by one of series, study, collection, cart.", code="download.no-criteria")
    kind, value = next(iter(asked.items()))
    value = value.replace("\0", "")
    if kind == "series":
        found = downloads.select(state.archive, state.actor, series_uids=[value])
        return found, f"/series/{quote(value)}/package.zip", "one series", f"/series/{quote(value)}"
    if kind == "study":
        found = downloads.select(state.archive, state.actor, study_uid=value)
        return found, f"/studies/{quote(value)}/package.zip", "one study", f"/studies/{quote(value)}"
    if kind == "collection":
        known = collections.collection_named(state.archive, state.actor, value)
        found = downloads.select(state.archive, state.actor, collection=known.short_name)
        where = f"/collections/{quote(known.short_name)}"
        return found, f"{where}/package.zip", f"collection {known.short_name}", where
    return _cart_selection(request, value), f"/cart/package.zip?cart={quote(value)}", "your cart", "/cart"


def download_page(request: Request) -> Response:
    """Show what a download holds, how big it is, under which licences, and the ways to get it home."""
    only(request, "series", "study", "collection", "cart")
    selection, path, words, back = _chosen(request)
    archive = request.state.archive
    name, url = archive.settings.site.name, archive.settings.public_url
    package = downloads.Package(archive, selection) if selection.files else None
    return page(
        request,
        "downloads/download.html",
        selection=selection,
        package=package,
        path=path,
        words=words,
        back=back,
        address=url + path,
        series_count=sum(source.series_count for source in selection.sources),
        licences=[collections.licence_named(spdx) for spdx in selection.licences],
        citation=downloads.citation(selection, name, url).splitlines(),
        refused=_refused_by_collection(selection),
        sign_in=f"/sign-in?{urlencode({'next': f'{request.url.path}?{request.url.query}'})}",
    )


def _refused_by_collection(selection: downloads.Selection) -> list[tuple[str, str, int]]:
    counted: dict[tuple[str, str], int] = {}
    for one in selection.refused:
        counted[one.collection, one.reason] = counted.get((one.collection, one.reason), 0) + 1
    return [(collection, reason, number) for (collection, reason), number in counted.items()]


routes: list[Route] = [
    Route("/download", download_page),
    Route("/series/{uid}/package.zip", series_package),
    Route("/series/{uid}/instances/{sop}.dcm", instance_file),
    Route("/studies/{uid}/package.zip", study_package),
    Route("/collections/{short_name}/package.zip", collection_package),
    Route("/cart/package.zip", cart_package),
    Route("/files/{attachment_id:int}", attachment_file),
]
