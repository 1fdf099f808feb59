"""Telling the count, and the journal where it must know, what leaves by a door of programs."""

from starlette.requests import Request

from invivo import usage
from invivo.protocols.wire import actor_of, archive_of


def took(request: Request, door: str, taken: usage.Taken, *, is_picture: bool = False) -> None:
    """Tell that bytes of some series begin to leave; a question that asks for no body tells nothing.

    Parameters
    ----------
    is_picture : bool
        It is drawn to be looked at: a look, not a download; the journal knows no difference.
    """
    if request.method == "HEAD":
        return
    address = request.client.host if request.client else ""
    visitor = usage.Visitor(actor_of(request), address, request.headers.get("user-agent", ""))
    usage.took(archive_of(request), visitor, door, taken, kind="view" if is_picture else "download")
