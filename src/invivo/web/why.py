"""Why somebody can, or cannot, see a series: for administrators, and for a collection's owner."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from invivo import accounts, collections
from invivo.errors import NotFound, Refused
from invivo.web.access import own_collection
from invivo.web.errors import status_of
from invivo.web.form import only
from invivo.web.render import page

PRIVATE = {"Cache-Control": "no-store"}


def why_page(request: Request) -> Response:
    """Answer for any series of the archive."""
    if not request.state.actor.is_administrator:
        raise Refused("Only an administrator may ask this.", code="why.not-owner")
    return _answered(request, None)


def owner_page(request: Request) -> Response:
    """Answer for a series of the owner's collection."""
    return _answered(request, own_collection(request))


def _answered(request: Request, collection: collections.Collection | None) -> Response:
    only(request, "person", "series")
    archive, actor = request.state.archive, request.state.actor
    person, series = (
        request.query_params.get(name, "").replace("\0", "").strip()[:200] for name in ("person", "series")
    )
    shown: dict[str, Any] = {"answers": [], "error": "", "who": ""}
    status = 200
    if series:
        try:
            found = accounts.person_named(archive, person) if person else None
            where = collection.id if collection else None
            shown["answers"] = collections.why(archive, actor, found.id if found else None, series, where)
            shown["who"] = (found.display_name or found.name) if found else "A visitor without an account"
        except NotFound as error:
            shown["error"], status = error.message, status_of(error)
    return page(
        request,
        "access/why.html",
        status=status,
        headers=PRIVATE,
        collection=collection,
        person=person,
        series=series,
        **shown,
    )


routes: list[Route] = [
    Route("/admin/why", why_page),
    Route("/access/collections/{collection}/why", owner_page),
]
