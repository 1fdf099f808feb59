"""Quality marks of series, one by one or many at once; and the reports of quality control as CSV."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from invivo import collections, images, releases, search
from invivo.errors import Conflict, Invalid, NotFound, Refused
from invivo.web.errors import status_of
from invivo.web.form import Form, form_endpoint, only, redirect, text, texts
from invivo.web.policies import PRIVATE, own_collection
from invivo.web.render import page

MARK_WORDS = (
    ("usable", "Usable", "Nothing stands against using it"),
    ("questionable", "Questionable", "Look before you use it"),
    ("unusable", "Unusable", "Do not use it"),
)
BADGES = {"usable": "done", "questionable": "waiting", "unusable": "rejected"}
SHOWN = 200
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_FAULTS = (Conflict, Invalid, Refused, NotFound)


def quality_page(request: Request) -> Response:
    """Show the form for one series, for what a search found, or for a list."""
    collection = own_collection(request)
    uid = request.query_params.get("series", "")[:64]
    pairs = request.query_params.multi_items()
    if pairs and [name for name, _ in pairs] != ["series"]:
        return _form(request, collection, found=_found(request, collection, pairs))
    return _form(request, collection, uid=uid)


def _found(request: Request, collection: collections.Collection, pairs: list[tuple[str, str]]) -> list[str]:
    """Return the series of the collection that a search finds."""
    named = [(name, value.replace("\0", "")) for name, value in pairs if name not in ("level", "after", "pictures")]
    rest = [one for one in named if one[0] != "collection"]
    query = search.parse_pairs([*rest, ("collection", collection.short_name)])
    uids: list[str] = []
    after: int | None = 0
    while after is not None and len(uids) < images.MOST_MARKS:
        some = search.find(request.state.archive, request.state.actor, query, after=after, limit=1000)
        uids += [row.series_uid for row in some.rows]
        after = some.after
    return uids[: images.MOST_MARKS]


def _form(
    request: Request,
    collection: collections.Collection,
    status: int = 200,
    *,
    uid: str = "",
    found: Sequence[str] = (),
    **tried: Any,
) -> Response:
    archive, actor = request.state.archive, request.state.actor
    parts = [("staff", "Staff"), ("contractor", "Contractor")]
    return page(
        request,
        "quality/marks.html",
        status=status,
        headers=PRIVATE,
        collection=collection,
        uid=uid,
        found=found,
        marks=images.marks_of(archive, actor, collection.id, uid) if uid else [],
        mark_words=MARK_WORDS,
        reasons=[(one, one.replace("-", " ").capitalize()) for one in images.REASONS],
        parts=[("owner", "Owner"), *parts] if actor.may_own(collection.id) else parts,
        badges=BADGES,
        tried={"error": "", "mark": "", "reasons": [], "note": "", "part": "staff", "csv": "", "plan": None} | tried,
        shown=SHOWN,
    )


@form_endpoint
def mark(request: Request, form: Form) -> Response:
    """Set the mark of one series, or look at what many would get, and then set them."""
    collection, actor = own_collection(request), request.state.actor
    uid, listed, part = text(form, "series")[:64], text(form, "csv"), text(form, "part", "staff")
    found = text(form, "found").split()
    kept: dict[str, Any] = {
        "mark": text(form, "mark"),
        "reasons": texts(form, "reasons"),
        "note": text(form, "note"),
        "part": part,
    }
    try:
        wanted = images.read_marks(listed) if listed else _alike(uid, found, kept)
        if uid or text(form, "step") == "set":
            marked = images.mark_series(request.state.archive, actor, collection.id, wanted, part)
            back = f"/series/{uid}" if uid else f"/releases/{collection.short_name}/quality"
            return redirect(request, back, message="The mark is set." if uid else f"{marked:,} series are marked.")
        plan = images.weigh_marks(request.state.archive, actor, collection.id, wanted)
    except _FAULTS as error:
        told = {"csv": listed, "error": error.message}
        return _form(request, collection, status_of(error), uid=uid, found=found, **told, **kept)
    return _form(request, collection, csv=_written(wanted), plan=plan, **kept)


def _alike(uid: str, found: Sequence[str], kept: dict[str, Any]) -> list[images.Wanted]:
    uids = [uid] if uid else list(found)
    if not uids:
        raise Invalid("Name the series to mark.", code="quality.no-series")
    return [images.Wanted(one, kept["mark"], tuple(kept["reasons"]), kept["note"]) for one in uids]


def _written(wanted: Sequence[images.Wanted]) -> str:
    lines = [("series_uid", "mark", "reason", "note")]
    lines += [(one.series_uid, one.mark, ";".join(one.reasons), " ".join(one.note.split())) for one in wanted]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(lines)
    return out.getvalue()


def reports_page(request: Request) -> Response:
    """Offer the reports of quality control."""
    only(request, "collection", "site", "since", "until")
    actor = request.state.actor
    if not actor.is_curator:
        raise Refused("Only curators get reports.", code="report.not-curator")
    known = collections.listed(request.state.archive, actor)
    asked = {name: request.query_params.get(name, "")[:200] for name in ("collection", "site", "since", "until")}
    return page(
        request,
        "quality/reports.html",
        headers=PRIVATE,
        collections=[(one.short_name, f"{one.short_name}: {one.title}") for one in known if actor.may_curate(one.id)],
        asked=asked,
        visibilities=releases.VISIBILITIES,
    )


def history_file(request: Request) -> Response:
    """Give each change of each series' state as CSV."""
    found = releases.qc_history(request.state.archive, request.state.actor, _asked(request))
    return _table("qc-history.csv", releases.EVENT_COLUMNS, found)


def series_file(request: Request) -> Response:
    """Give where each series stands as CSV."""
    found = releases.qc_series(request.state.archive, request.state.actor, _asked(request))
    return _table("qc-series.csv", releases.SERIES_COLUMNS, found)


def _asked(request: Request) -> releases.ReportAsked:
    """Read what a report is about, and refuse before anything is sent."""
    only(request, "collection", "site", "since", "until")
    named, site, since, until = (
        request.query_params.get(name, "").replace("\0", "").strip()
        for name in ("collection", "site", "since", "until")
    )
    actor = request.state.actor
    known = collections.collection_named(request.state.archive, actor, named) if named else None
    if not (actor.may_curate(known.id) if known else actor.is_curator):
        raise Refused("Only the collection's owner or curators get its reports.", code="report.not-curator")
    return releases.asked_from(known.id if known else None, site, since, until)


def _table(name: str, columns: Sequence[str], found: Iterator[tuple[str, ...]]) -> Response:
    headers = PRIVATE | {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(
        _lines(columns, found), media_type="text/csv; charset=utf-8; header=present", headers=headers
    )


def _lines(columns: Sequence[str], found: Iterator[tuple[str, ...]]) -> Iterator[str]:
    """Write lines of CSV, some at a time; what a spreadsheet would take for a formula gets an apostrophe before it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    for row in found:
        writer.writerow([f"'{one}" if one.startswith(_FORMULA) else one for one in row])
        if out.tell() > 1 << 16:
            yield out.getvalue()
            out.seek(0)
            out.truncate()
    yield out.getvalue()


routes: list[Route] = [
    Route("/releases/{collection}/quality", quality_page, methods=["GET"]),
    Route("/releases/{collection}/quality", mark, methods=["POST"]),
    Route("/admin/reports", reports_page),
    Route("/admin/reports/history.csv", history_file),
    Route("/admin/reports/series.csv", series_file),
]
