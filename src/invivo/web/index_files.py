"""The published index: a page about it, its manifest, and its Parquet files by range."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from invivo import releases
from invivo.web.downloads import ranged_response
from invivo.web.form import only
from invivo.web.render import page

PARQUET = "application/vnd.apache.parquet"
ABOUT = {
    "series": "one row a series",
    "study": "one row a study",
    "subject": "one row a subject of a collection",
    "collection": "one row a collection, with its citation",
    "geometry": "how the slices of each series lie",
    "reference": "which series refers to which",
    "seg": "one row a segment",
    "sr": "one row a value of a structured report",
    "rt": "one row a structure, plan or dose",
    "sm": "one row a slide",
    "clinical": "tables beside the images, one row a cell",
    "columns": "what every column means",
}


def index_page(request: Request) -> Response:
    """Show the files of the index, what their columns mean, and how to read them."""
    only(request)
    archive = request.state.archive
    newest: dict[str, Any] | None = None
    reason = ""
    try:
        newest = releases.newest_index(archive)
    except (releases.NoIndex, releases.IndexBeingWritten) as error:
        reason = error.message
    dictionary = [
        (table, [one for one in releases.INDEX_COLUMNS if one.table == table])
        for table in (*releases.INDEX_TABLES, "columns")
    ]
    return page(
        request,
        "home/index_files.html",
        newest=newest,
        reason=reason,
        about=ABOUT,
        dictionary=dictionary,
        url=archive.settings.public_url,
        size_bytes=sum(one["size_bytes"] for one in newest["files"]) if newest else 0,
    )


def _manifest(told: dict[str, Any], *, stays: bool) -> Response:
    kept = "public, max-age=300" if stays else "no-cache"
    return JSONResponse(told, headers={"Cache-Control": kept, "ETag": f'"index-{told["number"]}"'})


def latest_manifest(request: Request) -> Response:
    """Give the manifest of the newest index."""
    only(request)
    return _manifest(releases.newest_index(request.state.archive), stays=False)


def numbered_manifest(request: Request) -> Response:
    """Give the manifest of one number of the index."""
    only(request)
    return _manifest(releases.index_manifest(request.state.archive, request.path_params["number"]), stays=True)


def table_file(request: Request) -> Response:
    """Give a table of the index, any range of it."""
    only(request)
    found = releases.index_file(request.state.archive, request.path_params["number"], request.path_params["table"])
    return ranged_response(request, found, PARQUET)


routes: list[Route] = [
    Route("/index", index_page),
    Route("/index/latest.json", latest_manifest),
    Route("/index/{number:int}.json", numbered_manifest),
    Route("/index/{number:int}/{table}.parquet", table_file),
]
