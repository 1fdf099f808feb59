"""Telling the count who takes what by the pages, and who looks at what."""

from starlette.requests import Request

from invivo import usage


def visitor_of(request: Request) -> usage.Visitor:
    """Return who asks, as far as counting goes."""
    address = request.client.host if request.client else ""
    return usage.Visitor(request.state.actor, address, request.headers.get("user-agent", ""))


def took(request: Request, taken: usage.Taken) -> None:
    """Tell that bytes of some series, or files of a collection, begin to leave."""
    usage.took(request.state.archive, visitor_of(request), "web", taken)


def saw(request: Request, collection_id: int, thing: str) -> None:
    """Tell that somebody looks at a page of a collection."""
    if request.method == "GET":
        usage.saw(request.state.archive, visitor_of(request), collection_id, thing)
