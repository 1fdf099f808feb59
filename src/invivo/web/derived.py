"""From which collections derived results were made."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from invivo import collections
from invivo.errors import Invalid, NotFound, Refused
from invivo.web.errors import status_of
from invivo.web.form import Form, form_endpoint, only, redirect, text
from invivo.web.policies import PRIVATE, own_collection
from invivo.web.render import page


def derived_page(request: Request) -> Response:
    """Show what a collection was made from, and what was made from it."""
    only(request)
    return _page(request)


def _page(request: Request, status: int = 200, **tried: Any) -> Response:
    archive, actor, collection = request.state.archive, request.state.actor, own_collection(request)
    with archive.database.transaction() as tx:
        is_derived = collections.is_derived(tx, collection.id)
    sources = collections.sources_of(archive, actor, collection.id)
    shown = {"sources": "\n".join(one.short_name for one in sources), "is_derived": is_derived, "error": ""}
    return page(
        request,
        "releases/derived.html",
        status=status,
        headers=PRIVATE,
        collection=collection,
        results=collections.results_of(archive, actor, collection.id),
        may_own=actor.may_own(collection.id),
        value=shown | tried,
    )


@form_endpoint
def write(request: Request, form: Form) -> Response:
    """Say what a collection was made from."""
    collection, named, is_derived = own_collection(request), text(form, "sources"), text(form, "is_derived") == "yes"
    names = [line.strip() for line in named.splitlines() if line.strip()]
    try:
        collections.set_sources(request.state.archive, request.state.actor, collection.id, names, is_derived=is_derived)
    except (Invalid, NotFound, Refused) as error:
        return _page(request, status_of(error), sources=named, is_derived=is_derived, error=error.message)
    return redirect(request, f"/releases/{collection.short_name}/derived", message="Saved.")


routes: list[Route] = [
    Route("/releases/{collection}/derived", derived_page, methods=["GET"]),
    Route("/releases/{collection}/derived", write, methods=["POST"]),
]
