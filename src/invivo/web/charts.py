"""The charts of the archive and of its collections: drawn on pages, and each as CSV and SVG for whoever wants to go on with it."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from invivo import collections, search, usage
from invivo.errors import NotFound
from invivo.settings import Settings
from invivo.web.drawing import Bar, Chart, csv_of, svg_of
from invivo.web.form import only

SHOWN_VALUES = 12
SHOWN_MONTHS = 24
MOST_MONTHS = 48  # that a growth is drawn by; a longer one is drawn by years
_IN_FILES = 1000
_FACETS = {
    "modality": "Series by modality",
    "body-part": "Series by body part",
    "manufacturer": "Series by manufacturer",
    "sex": "Series by sex of the subject",
}
_SVG = {"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff"}

Make = Callable[[Request, collections.Collection | None, int], Chart]


def _base(known: collections.Collection | None) -> str:
    return "/figures" if known is None else f"/collections/{quote(known.short_name)}/charts"


def _query(known: collections.Collection | None) -> search.Query:
    if known is None:
        return search.ALL
    return search.Compare(search.field_named("collection"), "is", (known.short_name,))


def _found(known: collections.Collection | None, **asked: str) -> str:
    """Return the address of a search, in a collection or in all of them."""
    own = {} if known is None else {"collection": known.short_name}
    return f"/search?{urlencode({**own, **asked}, quote_via=quote)}"


def _by_value(name: str) -> Make:
    def made(request: Request, known: collections.Collection | None, most: int) -> Chart:
        state = request.state
        facet = search.facets(state.archive, state.actor, [("", _query(known))], (name,), limit=most + 1)[0]
        bars = tuple(Bar(value, number, _found(known, **{name: value})) for value, number in facet.values[:most])
        note = f"The {most} most frequent values." if len(facet.values) > most else ""
        return Chart(f"{_base(known)}/{name}", _FACETS[name], (name, "series"), bars, note=note)

    return made


def _ages(request: Request, known: collections.Collection | None, _most: int) -> Chart:
    counted = search.ages(request.state.archive, request.state.actor, _query(known))
    bars = []
    for decade, number in enumerate(counted.decades):
        low, is_last = decade * 10, decade == len(counted.decades) - 1
        asked = f"age>={low}" if is_last else f"age>={low} age<{low + 10}"
        label = f"{low} and over" if is_last else f"{low}-{low + 9}"
        bars.append(Bar(label, number, _found(known, level="subject", q=asked), f"{low}+" if is_last else str(low)))
    unknown = Bar("unknown", counted.unknown, _found(known, level="subject", q="age:none"))
    return Chart(
        f"{_base(known)}/age",
        "Subjects by age at the study, years",
        ("age_years", "subjects"),
        tuple(bars) if any(counted.decades) else (),
        is_standing=True,
        beside=(unknown,) if counted.unknown else (),
        note="Who was seen in two decades counts in both." if any(counted.decades) else "",
    )


def _next(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _steps(grown: tuple[search.Growth, ...]) -> list[tuple[str, str, int, int]]:
    """Return (label, as it is asked, series, bytes) of each month, or year, from the first to the last: without gaps."""
    if not grown:
        return []
    first, last = grown[0].month, grown[-1].month
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    if months > MOST_MONTHS:
        years = range(first.year, last.year + 1)
        in_year = {year: [one for one in grown if one.month.year == year] for year in years}
        return [
            (str(year), str(year), sum(one.series for one in came), sum(one.size_bytes for one in came))
            for year, came in in_year.items()
        ]
    came_in, steps, month = {one.month: one for one in grown}, [], first
    while month <= last:
        came = came_in.get(month, search.Growth(month, 0, 0))
        steps.append((f"{month:%b %Y}", f"{month:%Y-%m}", came.series, came.size_bytes))
        month = _next(month)
    return steps


def _growth(name: str) -> Make:
    is_size = name == "size-by-release"

    def made(request: Request, known: collections.Collection | None, _most: int) -> Chart:
        bars, whole = [], 0
        for label, asked, series, size_bytes in _steps(
            search.growth(request.state.archive, request.state.actor, _query(known))
        ):
            came = size_bytes if is_size else series
            whole += came
            bars.append(Bar(label, whole, _found(known, q=f"released<={asked}"), asked, (came,)))
        return Chart(
            f"{_base(known)}/{name}",
            "Size, cumulative" if is_size else "Series, cumulative",
            ("released", "size_bytes", "size_bytes_so_far") if is_size else ("released", "series", "series_so_far"),
            tuple(bars),
            is_standing=True,
            form="bytes" if is_size else "count",
            note="What is here now, by its first release.",
        )

    return made


def _used(name: str, title: str, column: str, form: str = "count") -> Make:
    def made(request: Request, known: collections.Collection | None, most: int) -> Chart:
        months = usage.months(request.state.archive, request.state.actor, known.id if known else None)
        bars = tuple(Bar(f"{one.month:%b %Y}", getattr(one, column)) for one in months[-max(most, SHOWN_MONTHS) :])
        return Chart(f"{_base(known)}/{name}", title, ("month", column), bars, form=form)

    return made


_GROWN: Mapping[str, Make] = {name: _growth(name) for name in ("series-by-release", "size-by-release")}
_USED: Mapping[str, Make] = {
    "downloads": _used("downloads", "Downloads", "downloads"),
    "volume": _used("volume", "Volume downloaded", "size_bytes", "bytes"),
    "looks": _used("looks", "Looks", "views"),
}
CHARTS: Mapping[str, Make] = {**{name: _by_value(name) for name in _FACETS}, "age": _ages, **_GROWN, **_USED}


def charts(request: Request, names: tuple[str, ...], known: collections.Collection | None = None) -> dict[str, Chart]:
    """Return some charts of a collection, or of the archive, as pages draw them; keys are names with underscores."""
    return {name.replace("-", "_"): CHARTS[name](request, known, SHOWN_VALUES) for name in names}


def _asked(request: Request, most: int) -> tuple[Chart, str]:
    """Return the chart that an address names, and how its file is called."""
    only(request)
    params = request.path_params
    make = CHARTS.get(params["chart"])
    if make is None:
        raise NotFound(f"A chart is one of {', '.join(CHARTS)}.", code="chart.unknown")
    known = None
    if "short_name" in params:
        name = params["short_name"].replace("\0", "")
        known = collections.collection_named(request.state.archive, request.state.actor, name)
    return make(request, known, most), f"{known.short_name if known else 'archive'}-{params['chart']}"


def _file(content: str, media_type: str, name: str, headers: Mapping[str, str]) -> Response:
    sent = {**headers, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media_type, headers=sent)


def chart_csv(request: Request) -> Response:
    """Give the table of a chart as CSV; sizes in bytes."""
    chart, name = _asked(request, _IN_FILES)
    return _file(csv_of(chart), "text/csv; charset=utf-8", f"{name}.csv", {})


def chart_svg(request: Request) -> Response:
    """Give a chart as an SVG that stands alone."""
    chart, name = _asked(request, SHOWN_VALUES)
    settings: Settings = request.state.archive.settings
    place = chart.address.rpartition("/")[0].removesuffix("/charts")
    source = f"{settings.site.name}, {settings.public_url}{place}, {datetime.now(UTC):%Y-%m-%d}"
    return _file(svg_of(chart, source), "image/svg+xml", f"{name}.svg", _SVG)


routes: list[Route] = [
    Route("/figures/{chart}.csv", chart_csv),
    Route("/figures/{chart}.svg", chart_svg),
    Route("/collections/{short_name}/charts/{chart}.csv", chart_csv),
    Route("/collections/{short_name}/charts/{chart}.svg", chart_svg),
]
