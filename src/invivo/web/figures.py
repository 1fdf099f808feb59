"""The public figures of the archive, and the use of one collection, for people and for programs."""

import csv
import io
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from invivo import accounts, collections, helpdesk, search, usage
from invivo.web.charts import charts
from invivo.web.charts import routes as chart_routes
from invivo.web.form import only
from invivo.web.render import page

DRAWN = ("modality", "age", "series-by-release", "size-by-release")
USED = ("downloads", "volume")
UPTIME_DAYS = (30, 365)
COLUMNS = ("month", "downloads", "by_machine", "views", "series", "size_bytes", "visitors", "registered", "countries")


def _gathered(request: Request) -> dict[str, Any]:
    archive, actor = request.state.archive, request.state.actor
    return {
        "totals": search.whole(search.totals_by_collection(archive, actor).values()),
        "collection_count": len(collections.listed(archive, actor)),
        "people": accounts.count_people(archive),
        "figures": usage.figures(archive, actor),
        "months": usage.months(archive, actor),
        "uptimes": [usage.uptime(archive, days) for days in UPTIME_DAYS],
        "hours": helpdesk.response_hours(archive),
    }


def figures_page(request: Request) -> Response:
    """Show what the archive holds, how it is used and how reliably it answers."""
    only(request)
    known = _gathered(request)
    return page(
        request,
        "home/figures.html",
        **known,
        charts=charts(request, (*DRAWN, *USED)),
        by_collection=usage.by_collection(request.state.archive, request.state.actor),
        counts_countries=request.state.archive.settings.usage.countries,
    )


def figures_json(request: Request) -> Response:
    """Give the same figures for programs."""
    only(request)
    known = _gathered(request)
    totals = known["totals"]
    return JSONResponse(
        {
            "collections": known["collection_count"],
            **{name: getattr(totals, name) for name in ("subjects", "studies", "series", "instances", "size_bytes")},
            "registered_people": known["people"],
            **{f"{name}_so_far": value for name, value in asdict(known["figures"]).items()},
            "months": [{**asdict(one), "month": f"{one.month:%Y-%m}"} for one in known["months"]],
            "growth": [
                {**one._asdict(), "month": f"{one.month:%Y-%m}"}
                for one in search.growth(request.state.archive, request.state.actor, search.ALL)
            ],
            "uptime": [asdict(one) for one in known["uptimes"]],
            "response_hours": known["hours"],
        }
    )


def _known(request: Request) -> collections.Collection:
    name = request.path_params["short_name"].replace("\0", "")
    return collections.collection_named(request.state.archive, request.state.actor, name)


def table_of_use(request: Request) -> Response:
    """Give the use of a collection month by month as CSV; sizes in bytes."""
    only(request)
    known = _known(request)
    text = io.StringIO()
    written = csv.writer(text)
    written.writerow(COLUMNS)
    for one in usage.months(request.state.archive, request.state.actor, known.id):
        written.writerow([f"{one.month:%Y-%m}", *[getattr(one, name) for name in COLUMNS[1:]]])
    headers = {"Content-Disposition": f'attachment; filename="{known.short_name}-use.csv"'}
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def use_of(request: Request, known: collections.Collection) -> dict[str, Any]:
    """Return what the tab "Use" of a collection shows."""
    archive, actor = request.state.archive, request.state.actor
    months = usage.months(archive, actor, known.id)
    return {
        "figures": usage.figures(archive, actor, known.id),
        "months": months,
        "charts": charts(request, ("downloads", "looks"), known),
        "counts_countries": archive.settings.usage.countries,
    }


routes: list[Route] = [
    Route("/figures", figures_page),
    Route("/figures.json", figures_json),
    Route("/collections/{short_name}/use.csv", table_of_use),
    *chart_routes,
]
