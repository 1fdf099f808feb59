"""Addresses of REST: the public application, the desk's, and the page about both."""

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from invivo.protocols.rest import catalogue, delivering, desk, following, guids, page, searching
from invivo.protocols.rest.application import new_application
from invivo.protocols.wire import archive_of, route

public = new_application("Public", "Collections, searches and what is released.")
for part in (catalogue, searching, following, delivering):
    public.include_router(part.router)


def about(request: Request) -> Response:
    """List all operations for people."""
    settings = archive_of(request).settings
    applications = [("/api", public), ("/api/desk", desk.application)]
    return HTMLResponse(page.written(settings.site.name, settings.public_url, applications))


# Described with the desk's, and served under the short address too: `/api/guids`.
desk.application.include_router(guids.router)
desk_routes: list[BaseRoute] = [
    Mount("/api/desk", app=desk.application, name="rest-desk"),
    Route("/api/guids", guids.ShortAddress(), name="rest-guids"),
    Route("/api/guids/{rest:path}", guids.ShortAddress(), name="rest-guid"),
]
routes: list[BaseRoute] = [route("/api", about), Mount("/api", app=public, name="rest")]
