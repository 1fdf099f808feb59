"""Bytes on their way home: packages and single files by exact length, byte ranges and strong entity tags.

References
----------
RFC 9110: 13.1.5 (If-Range), 14 (range requests), 15.3.7 (206), 15.5.17 (416), 15.5.2 (401).
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote, urlencode

import anyio.to_thread
from starlette.background import BackgroundTask
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
        return None  # it is not the same any more: the whole of what it is now, never a mixture
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
    wanted = request.headers.get("if-match", "*")
    if "*" not in wanted and source.etag not in [tag.strip() for tag in wanted.split(",")]:
        return Response(status_code=412, headers={"ETag": source.etag, "Cache-Control": "private, no-cache"})
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
    downloads.need_files(selection)
    if not selection.files:
        return _none_to_have(request, selection)
    package = downloads.Package(state.archive, selection, request.url.path.rpartition(".")[2])
    version = request.query_params.get("version", version_of(package))
    if version != version_of(package):
        return page(request, "downloads/changed.html", status=412, headers={"ETag": package.etag}, selection=selection)
    response = ranged_response(request, package, package.media_type)
    if is_from_start(request) and response.status_code in (200, 206):
        took(request, selection.taken)
    return response


def version_of(package: downloads.Package) -> str:
    """Return what an address says of the state of a package that it began with, for programs that go on without asking."""
    return package.etag.strip('"')[:16]


def _none_to_have(request: Request, selection: downloads.Selection) -> Response:
    named = [one.collection for one in selection.refused if one.collection] or list(selection.collections)
    if not named:
        raise downloads.NothingChosen("Nothing of this is in the current release any more.")
    return refused_page(request, collections.collection_named(request.state.archive, request.state.actor, named[0]))


def layout_of(request: Request) -> str:
    """Read how the files are to be named."""
    return request.query_params.get("layout", downloads.LAYOUTS[0])


def series_package(request: Request) -> Response:
    """Give a series as a ZIP or a tar."""
    only(request, "layout", "version")
    state, uid = request.state, uid_of(request)
    return _package(request, downloads.select(state.archive, state.actor, series_uids=[uid], layout=layout_of(request)))


def converted_series(request: Request) -> Response:
    """Give a series as NIfTI, its frames as PNG or JPEG, or films of them as MP4, in a ZIP that is made on the way."""
    only(request, "form")
    state, uid, form = request.state, uid_of(request), request.query_params.get("form", "png")
    if form not in downloads.CONVERSIONS:
        raise Invalid(f"A form is one of {', '.join(downloads.CONVERSIONS)}.", code="download.form")
    chosen = downloads.select(state.archive, state.actor, series_uids=[uid])
    if not chosen.files and not any(one.url for one in chosen.refused):
        return _none_to_have(request, chosen)
    if request.method == "HEAD":
        return Response(media_type="application/zip")
    made = downloads.convert(state.archive, state.actor, uid, form)
    took(request, made.taken.taken)
    headers = {
        "Content-Length": str(made.size_bytes),
        "Content-Disposition": f'attachment; filename="{made.name}"',
        "Cache-Control": "private, no-store",
        "Accept-Ranges": "none",
    }
    return StreamingResponse(
        made.chunks(), media_type="application/zip", headers=headers, background=BackgroundTask(made.drop)
    )


def study_package(request: Request) -> Response:
    """Give a study as a ZIP or a tar."""
    only(request, "layout", "version")
    state, uid = request.state, uid_of(request)
    return _package(request, downloads.select(state.archive, state.actor, study_uid=uid, layout=layout_of(request)))


def collection_package(request: Request) -> Response:
    """Give the current release of a collection as a ZIP or a tar, its attachments included."""
    only(request, "layout", "version")
    state = request.state
    known = collections.collection_named(
        state.archive, state.actor, request.path_params["short_name"].replace("\0", "")
    )
    chosen = downloads.select(state.archive, state.actor, collection=known.short_name, layout=layout_of(request))
    return _package(request, chosen)


def _cart_selection(request: Request, named: str) -> downloads.Selection:
    state = request.state
    try:
        return downloads.select(state.archive, state.actor, cart=named, layout=layout_of(request))
    except downloads.NothingChosen:
        raise downloads.NothingChosen(
            "This cart is empty, or its link has ended, or it belongs to an account: then sign in, or send a token with the request."
        ) from None


def cart_package(request: Request) -> Response:
    """Give what a cart holds as a ZIP or a tar; the address names the cart, so that a script can go on with it."""
    only(request, "cart", "layout", "version")
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


@dataclass(frozen=True, slots=True)
class Asked:
    """What a download page is about.

    Attributes
    ----------
    path : str
        Address of its packages, without ending and layout.
    query : mapping of str to str
        What follows the path.
    words : str
    back : str
        Where it stands.
    manifest : str
        Address of its manifests without ending; empty where the packages' address serves as well.
    """

    selection: downloads.Selection
    path: str
    query: Mapping[str, str]
    words: str
    back: str
    manifest: str = ""

    def address(self, form: str, **more: str) -> str:
        """Return the address of a package."""
        query = urlencode({**self.query, **more})
        return f"{self.path}.{form}{'?' if query else ''}{query}"


def _asked(request: Request) -> Asked:
    state, asked = request.state, {key: one for key, one in request.query_params.items() if key != "layout"}
    if len(asked) != 1:
        raise Invalid("Say what to download by one of series, study, collection, cart.", code="download.no-criteria")
    kind, value = next(iter(asked.items()))
    value, layout = value.replace("\0", ""), layout_of(request)
    query = {"layout": layout} if layout != downloads.LAYOUTS[0] else {}
    if kind == "series":
        found = downloads.select(state.archive, state.actor, series_uids=[value], layout=layout)
        return Asked(found, f"/series/{quote(value)}/package", query, "one series", f"/series/{quote(value)}")
    if kind == "study":
        found = downloads.select(state.archive, state.actor, study_uid=value, layout=layout)
        return Asked(found, f"/studies/{quote(value)}/package", query, "one study", f"/studies/{quote(value)}")
    if kind == "collection":
        known = collections.collection_named(state.archive, state.actor, value)
        found = downloads.select(state.archive, state.actor, collection=known.short_name, layout=layout)
        where = f"/collections/{quote(known.short_name)}"
        return Asked(found, f"{where}/package", query, f"collection {known.short_name}", where)
    found = _cart_selection(request, value)
    back = f"/cart?{urlencode({'cart': value})}"
    return Asked(found, "/cart/package", {"cart": value, **query}, "a cart", back, "/cart/manifest")


def download_page(request: Request) -> Response:
    """Show what a download holds, how big it is, under which licences, and the ways to get it home."""
    only(request, "series", "study", "collection", "cart", "layout")
    asked, archive = _asked(request), request.state.archive
    selection = asked.selection
    package = downloads.Package(archive, selection) if selection.files else None
    cart = request.query_params.get("cart", "")
    known = carts.find_cart(archive, request.state.actor, cart) if cart else None
    return page(
        request,
        "downloads/download.html",
        asked=asked,
        selection=selection,
        package=package,
        url=archive.settings.public_url,
        state_now=version_of(package) if package else "",
        layouts=_layouts(request),
        conversions=_conversions(request) if package else [],
        cart=cart,
        needs_token=known is not None and known.has_owner and not cart.startswith(carts.LINK),
        series_count=sum(source.series_count for source in selection.sources),
        licences=[collections.licence_named(spdx) for spdx in selection.licences],
        citation=downloads.citation(selection).splitlines(),
        refused=_refused_by_collection(selection, elsewhere=False),
        elsewhere=_refused_by_collection(selection, elsewhere=True),
        most=(downloads.MOST_FILES, downloads.MOST_BYTES),
        sign_in=f"/sign-in?{urlencode({'next': f'{request.url.path}?{request.url.query}'})}",
    )


_LAYOUT_WORDS = {
    "folders": "Folders by collection, subject, study and series",
    "flat": "All files in one folder",
    "bids": "Folders like BIDS: sub-, ses-",
}


_CONVERSION_WORDS = {
    "nifti": "NIfTI, by dcm2niix",
    "png": "PNG of every frame",
    "jpeg": "JPEG of every frame",
    "mp4": "MP4, a film of the frames",
}


def _conversions(request: Request) -> list[tuple[str, str]]:
    """Return other forms of a single series as links: words and address."""
    uid = request.query_params.get("series", "")
    if not uid:
        return []
    return [
        (_CONVERSION_WORDS[form], f"/series/{quote(uid)}/converted.zip?form={form}") for form in downloads.CONVERSIONS
    ]


def _layouts(request: Request) -> list[tuple[str, str, bool]]:
    """Return the layouts as links: words, address, whether it is the one in use."""
    rest = [(key, value) for key, value in request.query_params.multi_items() if key != "layout"]
    now = layout_of(request)
    return [
        (_LAYOUT_WORDS[name], f"/download?{urlencode([*rest, ('layout', name)])}", name == now)
        for name in downloads.LAYOUTS
    ]


def _refused_by_collection(selection: downloads.Selection, *, elsewhere: bool) -> list[tuple[str, str, int]]:
    counted: dict[tuple[str, str], int] = {}
    for one in selection.refused:
        if (one.reason == downloads.KEPT_ELSEWHERE) is not elsewhere:
            continue
        counted[one.collection, one.reason] = counted.get((one.collection, one.reason), 0) + one.count
    return [(collection, reason, number) for (collection, reason), number in counted.items()]


routes: list[Route] = [
    Route("/download", download_page),
    Route("/series/{uid}/package.zip", series_package),
    Route("/series/{uid}/package.tar", series_package),
    Route("/series/{uid}/converted.zip", converted_series),
    Route("/series/{uid}/instances/{sop}.dcm", instance_file),
    Route("/studies/{uid}/package.zip", study_package),
    Route("/studies/{uid}/package.tar", study_package),
    Route("/collections/{short_name}/package.zip", collection_package),
    Route("/collections/{short_name}/package.tar", collection_package),
    Route("/cart/package.zip", cart_package),
    Route("/cart/package.tar", cart_package),
    Route("/files/{attachment_id:int}", attachment_file),
]
