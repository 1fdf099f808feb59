"""What the search box and the query builder propose."""

from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from invivo import collections, search
from invivo.web.form import only
from invivo.web.search_address import text_of

MOST_SUGGESTIONS = 8


def suggest(request: Request) -> Response:
    """Propose how to go on with what stands in the search box: collections, values of fields, subjects."""
    only(request, "q")
    text = request.query_params.get("q", "").replace("\0", "")[:200]
    before, _, word = text.rpartition(" ")
    start = word.rpartition(":")[2].strip('"').lower()
    if len(start) < 2:
        return JSONResponse([])
    lead = f"{before} " if before else ""
    proposals = [*_of_facets(request, start), *_of_titles(request, start), *_of_subjects(request, start)]
    told = dict(reversed(proposals))
    ordered = [{"text": lead + term, "note": told[term]} for term in dict.fromkeys(term for term, _ in proposals)]
    return JSONResponse(ordered[:MOST_SUGGESTIONS], headers={"Cache-Control": "private, max-age=30"})


def _of_facets(request: Request, start: str) -> Iterator[tuple[str, str]]:
    names = ("collection", "modality", "body-part", "manufacturer")
    for facet in search.facets(request.state.archive, request.state.actor, [], names, limit=200):
        for value, number in facet.values:
            if any(part.startswith(start) for part in (value.lower(), *value.lower().split())):
                yield text_of([(facet.name, value)]), f"{number:,} series"


def _of_titles(request: Request, start: str) -> Iterator[tuple[str, str]]:
    for one in collections.listed(request.state.archive, request.state.actor):
        if any(word.startswith(start) for word in one.title.lower().split()):
            yield text_of([("collection", one.short_name)]), one.title[:60]


def _of_subjects(request: Request, start: str) -> Iterator[tuple[str, str]]:
    compare = search.Compare(
        search.field_named("subject"), "like", (f"{start.upper().replace('*', '').replace('?', '')}*",)
    )
    for row in search.find(request.state.archive, request.state.actor, compare, "subject", limit=3).rows:
        yield text_of([("subject", row.subject)]), f"{row.series_count:,} series of {row.collection}"


routes: list[Route] = [
    Route("/search/suggest", suggest),
]
