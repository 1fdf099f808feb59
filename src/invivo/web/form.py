"""Forms: reading them within limits, proof that they come from our own page, and where to go afterwards."""

import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, TypeAlias

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from invivo.errors import Invalid, Refused, TooLarge

Form: TypeAlias = FormData
MESSAGE_COOKIE = "invivo_message"


class ForeignForm(Refused):
    """The form did not come from one of our pages, or the page is too old."""

    code = "form.foreign"


def form_endpoint(page: Callable[[Request, Form], Response]) -> Callable[[Request], Awaitable[Response]]:
    """Make a route of a page function that takes a form: read, bounded, checked, then run in a thread."""

    @wraps(page)
    async def endpoint(request: Request) -> Response:
        limit = request.state.archive.settings.limits.request_bytes
        size = request.headers.get("content-length", "")
        if not size.isdigit() or int(size) > limit:
            raise TooLarge(f"The form is larger than {limit} bytes (limits.request_bytes).", code="form.too-large")
        async with request.form(max_files=0, max_fields=20_000, max_part_size=limit) as form:
            sent = str(form.get("csrf", "")) or request.headers.get("x-csrf-token", "")
            if not hmac.compare_digest(sent.encode(), request.state.csrf.encode()):
                raise ForeignForm(
                    "This form did not come from a page of this session; go back, reload the page and try again."
                )
            return await run_in_threadpool(page, request, form)

    return endpoint


def text(form: Form, name: str, default: str = "") -> str:
    """Return a field's text, without U+0000 and blanks around it."""
    value = form.get(name, default)
    return value.replace("\x00", "").strip() if isinstance(value, str) else default


def texts(form: Form, name: str) -> list[str]:
    """Return all values of a field."""
    return [value.replace("\x00", "") for value in form.getlist(name) if isinstance(value, str)]


def only(request: Request, *names: str) -> None:
    """Refuse query parameters that a page does not know, naming them."""
    unknown = sorted(set(request.query_params) - set(names))
    if unknown:
        allowed = f"; allowed are {', '.join(names)}" if names else ""
        raise Invalid(
            f"The address has an unknown parameter {unknown[0][:60]!r}{allowed}.", code="page.unknown-parameter"
        )


def local_path(target: str, default: str = "/") -> str:
    """Return a path of our own to go on to; anything that could lead elsewhere becomes the default."""
    is_local = target.startswith("/") and not target.startswith(("//", "/\\")) and "\\" not in target
    return target if is_local and all(ord(c) > 31 for c in target) else default


def redirect(_request: Request, url: str, message: str = "", kind: str = "good") -> RedirectResponse:
    """Answer 303 to a page of ours, which shows the message once."""
    response = RedirectResponse(local_path(url), status_code=303)
    if message:
        packed = base64.urlsafe_b64encode(orjson.dumps([kind, message[:500]])).decode()
        response.set_cookie(MESSAGE_COOKIE, packed, max_age=60, httponly=True, samesite="lax", path="/")
    return response


def messages_of(request: Request) -> list[tuple[str, str]]:
    """Return the message that the page before left, as pairs of kind and text."""
    packed = request.cookies.get(MESSAGE_COOKIE, "")
    if not packed:
        return []
    try:
        found: Any = orjson.loads(base64.urlsafe_b64decode(packed))
    except (binascii.Error, ValueError):
        return []
    is_pair = isinstance(found, list) and len(found) == 2 and all(isinstance(one, str) for one in found)
    return [(found[0], found[1])] if is_pair and found[0] in ("good", "warn", "danger", "info") else []
