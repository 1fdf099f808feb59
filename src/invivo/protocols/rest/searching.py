"""Searching, with the names of the search page."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request

from invivo import search
from invivo.protocols.rest import writing
from invivo.protocols.rest.application import TheActor, TheArchive

router = APIRouter(tags=["Search"])
# Columns that mean something only inside the archive.
INNER = frozenset({"place", "key", "revision", "cover_instance_id", "collection_id"})
_KINDS = {
    "number": "a number, or a range such as 1..2.5",
    "date": "a date such as 2024-01-31, or a range 2024-01-01..2024-12-31",
    "uid": "a UID",
}


def _parameters() -> dict[str, Any]:
    """Describe every field of the search; values of one name are alternatives."""
    listed = [("q", "Words", "words anywhere in the descriptions; a star at the end finds beginnings")]
    listed += [
        (
            field.name,
            field.title,
            _KINDS.get(field.kind, "a value; * and ? stand for any text") + (f", {field.unit}" if field.unit else ""),
        )
        for field in search.FIELDS
    ]
    return {
        "parameters": [
            {
                "name": name,
                "in": "query",
                "required": False,
                "description": f"{title}: {words}.",
                "schema": {"type": "array", "items": {"type": "string"}},
            }
            for name, title, words in listed
        ]
    }


def _pairs(request: Request) -> list[tuple[str, str]]:
    return search.pairs_of(request.query_params.multi_items())


@router.get("/search", openapi_extra=_parameters())
def search_archive(
    request: Request,
    archive: TheArchive,
    actor: TheActor,
    level: Literal["series", "study", "subject", "collection"] = "series",
    after: Annotated[int, Query(ge=0, le=2**62, description="The `after` of the page before")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    order: Annotated[str, Query(max_length=100, description="A column, `-size` for descending; else as it came")] = "",
    token: Annotated[str, Query(max_length=2000, description="The `token` of the page before, in any order")] = "",
) -> writing.Found:
    """Search series, studies, subjects or collections; different fields must all hold, values of one field are alternatives."""
    query = search.parse_pairs(_pairs(request))
    page = search.find(archive, actor, query, level, after=after, limit=limit, order=order, token=token)
    rows = [{name: value for name, value in row._asdict().items() if name not in INNER} for row in page.rows]
    return writing.Found(total=page.total, after=page.after, token=page.token or None, rows=rows)


@router.get("/facets", openapi_extra=_parameters())
def get_facets(
    request: Request,
    archive: TheArchive,
    actor: TheActor,
    limit: Annotated[int, Query(ge=1, le=100)] = 12,
) -> list[writing.Facet]:
    """Count the values of some fields over the series that a search finds."""
    grouped: dict[str, list[tuple[str, str]]] = {}
    for name, value in _pairs(request):
        grouped.setdefault(name, []).append((name, value))
    parts = [(name, search.parse_pairs(pairs)) for name, pairs in grouped.items()]
    return [
        writing.Facet(
            name=one.name,
            title=one.title,
            values=[writing.FacetValue(value=value, series=number) for value, number in one.values],
        )
        for one in search.facets(archive, actor, parts, limit=limit)
    ]


@router.get("/searches")
def list_saved(archive: TheArchive, actor: TheActor) -> list[writing.SavedQuery]:
    """List the queries that you keep by name; none without an account."""
    url = archive.settings.public_url
    return [
        writing.SavedQuery(
            name=one.name,
            query=one.query,
            is_shared=one.is_shared,
            is_subscribed=one.is_subscribed,
            link=f"{url}/searches/{one.token}",
            created_at=one.created_at,
        )
        for one in search.saved_of(archive, actor)
    ]
