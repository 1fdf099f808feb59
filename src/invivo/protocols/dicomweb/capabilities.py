"""What the service does, told by its own table of addresses, as WADL and as JSON.

References
----------
DICOM PS3.18 8.9 (retrieve capabilities), Annex H; W3C submission WADL of 31 August 2009.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from invivo.protocols.dicomweb.pictures import MEDIA
from invivo.protocols.dicomweb.queries import root_of
from invivo.protocols.dicomweb.syntax import DICOM, EXPLICIT, JPEG_2000, JPEG_LS, MEDIA_TYPES, OCTETS
from invivo.protocols.negotiation import MODELS, XML_MODEL, chosen
from invivo.protocols.wire import Endpoint, archive_of, guarded, route

WADL = "application/vnd.sun.wadl+xml"
_OFFERED = (WADL, "application/json", "application/xml")
_PLACE = re.compile(r"\{(\w+)(?::\w+)?\}")


@dataclass(frozen=True, slots=True)
class Service:
    """What an endpoint does: the name of its transaction, its parameters, what it takes and gives."""

    transaction: str
    parameters: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    statuses: tuple[int, ...] = (200, 304, 400, 401, 403, 404, 406)


_SEARCH = (
    "{attributeID}",
    *("fuzzymatching", "includefield", "limit", "offset", "emptyvaluematching", "multiplevaluematching", "accept"),
)
_PICTURE = ("viewport", "window", "quality", "accept")
_XML = f'multipart/related; type="{XML_MODEL}"'
_PICTURES = (*MEDIA, *(f'multipart/related; type="{one}"' for one in MEDIA))
_DICOM = tuple(
    f'multipart/related; type="{DICOM}"; transfer-syntax={one}' for one in (EXPLICIT, JPEG_LS, JPEG_2000, "*")
)
_FRAMES = tuple(f'multipart/related; type="{one}"' for one in (OCTETS, *sorted(set(MEDIA_TYPES.values()))))
_FOUND = (200, 204, 400, 406, 413)
SERVICES = {
    "studies": Service("SearchForStudies", _SEARCH, (*MODELS, _XML), statuses=_FOUND),
    "series": Service("SearchForSeries", _SEARCH, (*MODELS, _XML), statuses=_FOUND),
    "instances": Service("SearchForInstances", _SEARCH, (*MODELS, _XML), statuses=_FOUND),
    "retrieve": Service(
        "Retrieve", ("accept",), (*_DICOM, DICOM, "application/zip"), statuses=(200, 206, 304, 400, 401, 403, 404, 406)
    ),
    "metadata": Service("RetrieveMetadata", ("accept",), (*MODELS, _XML)),
    "frames": Service("RetrieveFrames", ("accept",), (*_FRAMES, OCTETS)),
    "bulkdata": Service("RetrieveBulkdata", ("accept",), (OCTETS, f'multipart/related; type="{OCTETS}"')),
    "rendered": Service("RetrieveRendered", _PICTURE, _PICTURES, statuses=(200, 304, 400, 401, 403, 404, 406, 501)),
    "thumbnail": Service("RetrieveThumbnail", _PICTURE, tuple(MEDIA)),
    "store": Service(
        "Store",
        (),
        (MODELS[0], XML_MODEL),
        (*(f'multipart/related; type="{one}"' for one in (DICOM, MODELS[0], XML_MODEL)), DICOM),
        (200, 202, 400, 401, 403, 409, 413, 415, 503),
    ),
    "capabilities": Service("RetrieveCapabilities", ("accept",), _OFFERED, statuses=(200, 406)),
}


class Describing(Route):
    """Answers OPTIONS at every address of the service, and is not there for other methods."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__("/{path:path}", guarded(endpoint), methods=["OPTIONS"])

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match OPTIONS only."""
        return super().matches(scope) if scope.get("method") == "OPTIONS" else (Match.NONE, {})


def telling(known: Sequence[Route]) -> list[Route]:
    """Return the routes that describe others: the address of the service itself, and OPTIONS at every address of it."""

    def capabilities(request: Request) -> Response:
        """Describe the service, or what can be done at one address of it."""
        return _description(request, [*known, *own])

    own = [route("/", capabilities), Describing(capabilities)]
    return own


def _description(request: Request, known: Sequence[Route]) -> Response:
    asked = "/" + str(request.path_params.get("path", "")).strip("/")
    told = [one for one in known if not isinstance(one, Describing)]
    here = told if asked == "/" else [one for one in told if one.path_regex.match(asked)]
    media_type = chosen(request, _OFFERED)
    root = root_of(archive_of(request))
    content = orjson.dumps(_described(here, root)) if media_type == _OFFERED[1] else _wadl(here, root)
    allowed = sorted({"OPTIONS", *(method for one in here for method in one.methods or ())})
    headers = {"Allow": ", ".join(allowed), "Vary": "Accept", "Cache-Control": "no-cache"}
    return Response(content, media_type=media_type, headers=headers)


def _methods(one: Route) -> list[str]:
    return sorted((one.methods or set()) - {"HEAD"})


def _service(one: Route) -> Service:
    return SERVICES[one.endpoint.__name__]


def _described(routes: Iterable[Route], root: str) -> dict[str, object]:
    resources = [
        {
            "path": _plain(one.path),
            "method": method,
            "transaction": _service(one).transaction,
            "description": (one.endpoint.__doc__ or "").split("\n")[0],
            "parameters": _service(one).parameters,
            "accepts": _service(one).takes,
            "gives": _service(one).gives,
            "statuses": _service(one).statuses,
        }
        for one in routes
        for method in _methods(one)
    ]
    return {"base": root, "standard": "DICOM PS3.18", "resources": resources}


def _plain(path: str) -> str:
    return _PLACE.sub(r"{\1}", path)


def _wadl(routes: Iterable[Route], root: str) -> bytes:
    pieces = [
        '<?xml version="1.0" encoding="UTF-8"?>\n<application xmlns="http://wadl.dev.java.net/2009/02">',
        f"<resources base={quoteattr(root + '/')}>",
        *(piece for one in routes for piece in _resource(one)),
        "</resources></application>\n",
    ]
    return "".join(pieces).encode()


def _resource(one: Route) -> Iterator[str]:
    service = _service(one)
    yield f"<resource path={quoteattr(_plain(one.path).lstrip('/'))}>"
    for name in _PLACE.findall(one.path):
        yield f'<param name={quoteattr(name)} style="template" required="true"/>'
    for method in _methods(one):
        yield f"<method name={quoteattr(method)} id={quoteattr(service.transaction)}><request>"
        yield '<param name="Accept" style="header"/>'
        yield from (f'<param name={quoteattr(name)} style="query"/>' for name in service.parameters)
        yield from (f"<representation mediaType={quoteattr(each)}/>" for each in service.takes)
        yield f'</request><response status="{" ".join(map(str, service.statuses))}">'
        yield from (f"<representation mediaType={quoteattr(each)}/>" for each in service.gives)
        yield "</response></method>"
    yield "</resource>"
