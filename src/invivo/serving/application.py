"""The two web applications, put together out of the doors."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from invivo import protocols, web
from invivo.archive import Archive
from invivo.serving.identify import Identify
from invivo.serving.proxy import Desk
from invivo.serving.viewer import OhifFiles

DICOMWEB = "/dicom-web"


def public_application(archive: Archive, desk_socket: Path) -> Identify:
    """Return the application of the public process: pages, DICOMweb, REST, uploads; the rest goes to the desk."""
    routes: list[BaseRoute] = []
    routes.append(Mount("/viewer/ohif", OhifFiles(archive.settings.home)))
    routes += [*protocols.dicomweb.routes, *protocols.tus.routes, *protocols.rest.routes, *web.public_routes()]
    application = Starlette(routes=routes, exception_handlers=web.HANDLERS)
    return Identify(_Split(application, Desk(desk_socket)), archive)


class _Split:
    """Hands what only the staff process may answer to it, and all else to the public application.

    DICOMweb, which is asked most, does not go through the table of all pages.
    """

    def __init__(self, public: ASGIApp, desk: ASGIApp) -> None:
        self._public, self._desk = public, desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path.startswith(f"{DICOMWEB}/") and not scope.get("root_path"):
            await protocols.dicomweb.service({**scope, "root_path": DICOMWEB}, receive, send)
            return
        is_desk = any(path == prefix or path.startswith(prefix + "/") for prefix in web.DESK_PREFIXES)
        await (self._desk if is_desk else self._public)(scope, receive, send)


def desk_application(archive: Archive) -> Identify:
    """Return the application of the desk process: what submitters, curators and administrators do."""
    routes = [*protocols.rest.desk_routes, *web.desk_routes()]
    application = Starlette(routes=routes, exception_handlers=web.HANDLERS)
    return Identify(application, archive, is_private=True)
