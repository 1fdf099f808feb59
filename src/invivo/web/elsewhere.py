"""Where else a collection is at home: the place where it is talked about, and, when it is archived, its successor."""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from invivo import collections, helpdesk, submissions
from invivo.errors import Conflict, Invalid
from invivo.web.errors import status_of
from invivo.web.form import Form, form_endpoint, only, redirect, text
from invivo.web.policies import PRIVATE, own_collection
from invivo.web.render import page


def elsewhere_page(request: Request) -> Response:
    """Show both addresses."""
    only(request)
    return _page(request, own_collection(request))


def _page(
    request: Request, collection: collections.Collection, status: int = 200, at: str = "", error: str = ""
) -> Response:
    archive = request.state.archive
    return page(
        request,
        "admin/elsewhere.html",
        status=status,
        headers=PRIVATE,
        collection=collection,
        discussion=helpdesk.discussion_of(archive, collection.id),
        successor=submissions.successor_of(archive, collection.id),
        at=at,
        error=error,
    )


@form_endpoint
def change(request: Request, form: Form) -> Response:
    """Write one of the two addresses; an empty one takes it back."""
    archive, actor, collection = request.state.archive, request.state.actor, own_collection(request)
    at, url = text(form, "change"), text(form, "url")
    try:
        if at == "discussion":
            helpdesk.set_discussion(archive, actor, collection.id, url)
        elif at == "successor":
            submissions.set_successor(archive, actor, collection.id, url, text(form, "note"))
        else:
            raise Invalid("There is no such address of a collection.", code="collection.elsewhere")
    except (Invalid, Conflict) as error:
        return _page(request, collection, status_of(error), at, error.message)
    return redirect(request, f"/admin/collections/{quote(collection.short_name)}/elsewhere", message="Saved.")


routes: list[Route] = [
    Route("/admin/collections/{collection}/elsewhere", elsewhere_page, methods=["GET"]),
    Route("/admin/collections/{collection}/elsewhere", change, methods=["POST"]),
]
