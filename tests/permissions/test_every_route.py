"""Every address of every application stands in the table of the matrix; a new one fails here until it does."""

from collections.abc import Iterator
from typing import Any

from starlette.routing import Mount

from invivo import protocols, web
from tests.permissions.routes import CLASSIFIED, KINDS


def _paths(routes: Any, before: str = "") -> Iterator[str]:
    for route in routes:
        path = before + str(getattr(route, "path", ""))
        application = getattr(route, "app", None)
        if hasattr(application, "openapi"):
            yield from (path + one for one in application.openapi()["paths"])
            yield path + application.openapi_url
        elif isinstance(route, Mount) and route.routes:
            yield from _paths(route.routes, path)
        else:
            yield path


def every_path() -> set[str]:
    """Return the addresses of the public process, the desk, DICOMweb, REST and uploads."""
    public = [*protocols.dicomweb.routes, *protocols.tus.routes, *protocols.rest.routes, *web.public_routes()]
    return set(_paths(public)) | set(_paths([*protocols.rest.desk_routes, *web.desk_routes()]))


def test_every_route_is_in_the_matrix() -> None:
    assert sorted(every_path() - CLASSIFIED.keys()) == []


def test_no_kind_is_made_up() -> None:
    assert set(CLASSIFIED.values()) <= set(KINDS)


def test_the_applications_have_the_routes_that_the_table_is_about() -> None:
    assert len(every_path() & CLASSIFIED.keys()) > 150
