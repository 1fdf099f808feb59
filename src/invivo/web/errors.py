"""Errors of ours as pages: one table from family to status."""

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from invivo import errors
from invivo.web.render import page

STATUS: dict[type[errors.InvivoError], int] = {
    errors.Invalid: 400,
    errors.Refused: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.Busy: 503,
    errors.Broken: 500,
}
TITLES = {
    400: "This cannot be read",
    403: "This is not yours to do",
    404: "Nothing here",
    405: "Not this way",
    409: "Not in this state",
    413: "Too large",
    500: "Our fault",
    503: "Try again in a moment",
}
_log = structlog.get_logger()


def status_of(error: errors.InvivoError) -> int:
    """Return the HTTP status of an error's family."""
    return next(status for family, status in STATUS.items() if isinstance(error, family))


def error_page(request: Request, status: int, message: str, code: str = "", retry_after_s: object = 2) -> Response:
    """Render an error for a person: what happened, and what to do next."""
    headers = {"Retry-After": str(retry_after_s)} if status == 503 else None
    title = TITLES.get(status, "This did not work")
    return page(request, "error.html", status=status, headers=headers, title=title, message=message, code=code)


def on_own_error(request: Request, error: Exception) -> Response:
    """Answer an error of our seven families."""
    assert isinstance(error, errors.InvivoError)
    status = status_of(error)
    if status >= 500:
        _log.error("page.failed", code=error.kind, path=request.scope.get("route_path", ""))
    return error_page(request, status, error.message, error.kind, error.facts.get("retry_after_s", 2))


def on_http_error(request: Request, error: Exception) -> Response:
    """Answer what the routing refuses: no such page, wrong method."""
    assert isinstance(error, HTTPException)
    message = "There is no page at this address." if error.status_code == 404 else str(error.detail)
    return error_page(request, error.status_code, message)


def on_any_error(request: Request, error: Exception) -> Response:
    """Answer a fault of ours; the log gets its kind and place, never a value."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f"{frame.tb_frame.f_code.co_filename.rsplit('/', 2)[-1]}:{frame.tb_lineno}" if frame else ""
    _log.error("page.broken", error=type(error).__name__, place=place)
    return error_page(
        request, 500, "Something of ours failed; it is written in the log. Try again, or tell the administrator."
    )


HANDLERS = {errors.InvivoError: on_own_error, HTTPException: on_http_error, Exception: on_any_error}
