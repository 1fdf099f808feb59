"""What the HTTP protocols share: errors, paging, multipart answers, and bodies read by synchronous verbs.

References
----------
RFC 9457 (problem details), RFC 9110 (conditional requests, ranges), RFC 2387 (multipart/related); DICOM PS3.18 8.
"""

import gzip
import hashlib
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any, TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread
import orjson
import structlog
from anyio.lowlevel import RunVar
from starlette.concurrency import iterate_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route, Router
from starlette.types import Receive, Scope, Send

from invivo import accounts, errors
from invivo.archive import Archive
from invivo.protocols.negotiation import NotAcceptable, UnsupportedMediaType, accepts_gzip

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
    304: "Not modified",
    400: "The request is malformed",
    401: "Sign in first",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not available in this form",
    409: "Not in this state",
    410: "Withdrawn",
    412: "Precondition failed",
    413: "Too large",
    415: "Media type not supported",
    416: "Range not satisfiable",
    500: "The archive failed",
    501: "Not implemented",
    503: "Try again later",
}
ADDRESS = {404: "Nothing answers at this address.", 405: "This address does not take the method."}
VARY = "Accept, Accept-Encoding, Cookie, Authorization"
BLOCK = 256 << 10
LARGE, SMALL = 1 << 20, 32 << 10
UPLOADS_AT_ONCE = 64
SILENCE_S = 60.0
LEAST_RATE = 1024  # bytes a second, on the average of the time that a sender is waited for
RETRY_AFTER_S = 2
_SECRET = secrets.token_bytes(32)
_log = structlog.get_logger()
_Answer = TypeVar("_Answer")
Endpoint = Callable[[Request], Any]


class BadParameter(errors.Invalid):
    """A parameter of the address or a header is malformed or unknown."""

    code = "request.parameter"


class Gone(errors.NotFound):
    """It was here once and was taken away for a reason that is told."""

    code = "request.gone"


SPECIAL: dict[type[errors.InvivoError], int] = {NotAcceptable: 406, UnsupportedMediaType: 415, Gone: 410}


def status_of(error: errors.InvivoError) -> int:
    """Return the HTTP status of an error: by its family, but for what HTTP itself has a number for."""
    for kind, status in (*SPECIAL.items(), *STATUS.items()):
        if isinstance(error, kind):
            return status
    return 500


def archive_of(request: Request) -> Archive:
    """Return the archive that the server put into the request."""
    archive: Archive = request.state.archive
    return archive


def actor_of(request: Request) -> accounts.Actor:
    """Return who asks, as the server's middleware found out."""
    actor: accounts.Actor = getattr(request.state, "actor", accounts.ANONYMOUS)
    return actor


def problem_response(
    status: int, detail: str, code: str, headers: Mapping[str, str] | None = None, **facts: object
) -> Response:
    """Answer with problem details (RFC 9457): type, title, status, detail and our stable code."""
    body = {
        "type": f"urn:invivo:{code}",
        "title": TITLES.get(status, "Problem"),
        "status": status,
        "detail": detail,
        "code": code,
    }
    content = orjson.dumps({**body, **facts}, default=str)
    more = {"Cache-Control": "no-store", **(headers or {})}
    return Response(content, status, media_type="application/problem+json", headers=more)


def challenge(request: Request) -> str:
    """Return the WWW-Authenticate header; pages in a browser are not made to open its password box."""
    if "sec-fetch-mode" in request.headers:
        return 'Bearer realm="invivo"'
    return 'Basic realm="invivo", charset="UTF-8", Bearer realm="invivo"'


def problem_of(request: Request, error: Exception) -> Response:
    """Turn any error into problem details; a fault of ours goes to the log by kind and place, never by value."""
    if isinstance(error, errors.InvivoError):
        status, headers = status_of(error), {}
        if isinstance(error, errors.Refused) and actor_of(request).is_anonymous:
            status, headers = 401, {"WWW-Authenticate": challenge(request)}
        if status == 503:
            headers = {"Retry-After": str(error.facts.get("retry_after_s", RETRY_AFTER_S))}
        if status == 500:
            _log.error("protocol.failed", code=error.kind)
        return problem_response(status, error.message, error.kind, headers)
    if isinstance(error, HTTPException):
        return problem_response(
            error.status_code, str(error.detail), f"request.http-{error.status_code}", error.headers
        )
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f"{Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}" if frame else ""
    _log.error("protocol.broken", error=type(error).__name__, place=place)
    return problem_response(500, "Something of ours failed; it is written in the log.", "broken")


def guarded(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    """Wrap an endpoint, plain or async, so that whatever it raises becomes problem details and never a page."""

    async def answer(request: Request) -> Response:
        try:
            if iscoroutinefunction(endpoint):
                response: Response = await endpoint(request)
            else:
                response = await anyio.to_thread.run_sync(endpoint, request)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as error:  # because no error may leave a protocol as a page; problem_of logs what is ours
            return problem_of(request, error)
        if request.method == "HEAD" and isinstance(response, StreamingResponse):
            response.body_iterator = iterate_in_threadpool(())
        elif request.method == "HEAD" and not isinstance(response, FileResponse):
            response.body = b""
        return response

    answer.__name__ = getattr(endpoint, "__name__", "answer")
    answer.__doc__ = endpoint.__doc__
    return answer


def route(path: str, endpoint: Endpoint, *methods: str) -> Route:
    """Make a guarded route; without methods it answers GET."""
    return Route(path, guarded(endpoint), methods=list(methods or ("GET",)))


class Door:
    """The routes of one protocol below one address; what none of them takes is answered by problem details too."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self.routes = list(routes)
        self._router = Router(self.routes, redirect_slashes=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._router({"app": self, **scope}, receive, send)
        except HTTPException as error:
            await problem_of(Request(scope), error)(scope, receive, send)


# ---- paging --------------------------------------------------------------------------------------------------------


def whole_number(text: str, name: str, largest: int = 2**31 - 1) -> int:
    """Read a number of an address; raises BadParameter naming it."""
    if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) > largest:
        raise BadParameter(f"{name} must be a whole number from 0 to {largest}.")
    return int(text)


# ---- answers -------------------------------------------------------------------------------------------------------


def lasting(request: Request, max_age_s: int = 0) -> str:
    """Return Cache-Control: what a visitor without account may have is public, everything else is the actor's own."""
    whose = "public" if actor_of(request).is_anonymous else "private"
    return f"{whose}, max-age={max_age_s}" if max_age_s else f"{whose}, no-cache"


def kept_headers(request: Request, etag: str, max_age_s: int = 0) -> dict[str, str]:
    """Return the headers of an answer that may be kept."""
    return {"ETag": f'"{etag}"', "Cache-Control": lasting(request, max_age_s), "Vary": VARY}


def not_modified(request: Request, headers: Mapping[str, str]) -> Response | None:
    """Return 304 where the client has the answer already (RFC 9110 13.1.2)."""
    asked = request.headers.get("if-none-match", "")
    known = {one.strip().removeprefix("W/") for one in asked.split(",")}
    if "*" in known or headers["ETag"] in known:
        return Response(status_code=304, headers=dict(headers))
    return None


def file_response(
    request: Request, path: Path, media_type: str, headers: Mapping[str, str], status: int = 200
) -> Response:
    """Answer with a whole file, or with the part that a Range header asks for; a small one is read at once."""
    more = {"X-Content-Type-Options": "nosniff", **headers}
    if "range" not in request.headers and path.stat().st_size <= LARGE:
        return Response(path.read_bytes(), status, {"Accept-Ranges": "bytes", **more}, media_type)
    return FileResponse(path, status, headers=more, media_type=media_type)


def gzip_response(request: Request, path: Path, media_type: str, headers: Mapping[str, str]) -> Response:
    """Answer with a file that lies compressed, as it lies where the client takes gzip."""
    if accepts_gzip(request):
        return file_response(request, path, media_type, {**headers, "Content-Encoding": "gzip"})
    return streamed(_inflated(path), media_type, headers=headers)


def _inflated(path: Path) -> Iterator[bytes]:
    with gzip.open(path, "rb") as stream:
        while block := stream.read(BLOCK):
            yield block


def slice_of(path: Path, offset: int, length: int) -> Iterator[bytes]:
    """Yield a part of a file in blocks; a file that ends too early breaks the answer off."""
    with path.open("rb", buffering=0) as stream:
        if offset:
            stream.seek(offset)
        while length:
            block = stream.read(min(length, LARGE))
            if not block:
                raise OSError("a stored object is shorter than the database says")
            length -= len(block)
            yield block


def batches(chunks: Iterable[bytes], size: int = LARGE) -> Iterator[list[bytes]]:
    """Gather chunks to so many bytes; small neighbours are joined, large ones are never copied."""
    batch: list[bytes] = []
    small: list[bytes] = []
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if len(chunk) < SMALL:
            small.append(chunk)
        else:
            batch += [b"".join(small), chunk] if small else [chunk]
            small = []
        if total >= size:
            yield [*batch, b"".join(small)] if small else batch
            batch, small, total = [], [], 0
    if batch or small:
        yield [*batch, b"".join(small)] if small else batch


async def pieces(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Yield what a generator makes in a thread: one change of threads a batch, not one a chunk."""
    iterator = batches(chunks)
    while (batch := await anyio.to_thread.run_sync(next, iterator, None)) is not None:
        for piece in batch:
            yield piece


def streamed(
    chunks: Iterable[bytes], media_type: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> StreamingResponse:
    """Answer with chunks as they are made."""
    return StreamingResponse(pieces(chunks), status, media_type=media_type, headers=dict(headers or {}))


def byte_range(request: Request, length: int, etag: str = "") -> tuple[int, int] | None:
    """Read ``Range: bytes=a-b`` into (start, stop); None where there is none that must be followed (RFC 9110 14.2).

    Parameters
    ----------
    etag : str
        Of the answer; a range that is asked if another one still stands is not followed (``If-Range``).

    Raises
    ------
    HTTPException
        416: the range begins behind the end.
    """
    match = re.fullmatch(r"bytes=([0-9]{0,18})-([0-9]{0,18})", request.headers.get("range", "").replace(" ", ""))
    if match is None or match[0] == "bytes=-" or request.headers.get("if-range", etag) != etag:
        return None
    if match[1] == "":
        return max(length - int(match[2]), 0), length
    start, stop = int(match[1]), min(int(match[2]) + 1, length) if match[2] else length
    if start >= length:
        raise HTTPException(416, "The range begins behind the end.", {"Content-Range": f"bytes */{length}"})
    return (start, stop) if start < stop else None


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a multipart answer: its Content-Type, its bytes, and their number where it is known before."""

    content_type: str
    chunks: Iterable[bytes]
    length: int | None = None


def multipart_response(
    parts: Iterable[Part], inner: str, boundary: str, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer multipart/related, part by part, in memory that does not grow with their number; a small answer at once.

    Parameters
    ----------
    inner : str
        Media type of the parts.
    boundary : str
        Must not occur in a part: a digest of what names the parts cannot, for nobody can write it into one of them.
    """
    media_type = f'multipart/related; type="{inner}"; boundary={boundary}'
    more = dict(headers or {})
    if isinstance(parts, list) and all(part.length is not None for part in parts):
        framing = sum(len(_head(part, boundary)) + 2 + (part.length or 0) for part in parts)
        total = framing + len(boundary) + 6
        if total <= LARGE:
            return Response(b"".join(_framed(parts, boundary)), status, more, media_type)
        more["Content-Length"] = str(total)
    return streamed(_framed(parts, boundary), media_type, status, more)


def named_digest(text: str) -> str:
    """Return a boundary made of what names an answer and of a secret of this process, so that no part can hold it."""
    return hashlib.blake2b(text.encode(), key=_SECRET, digest_size=20).hexdigest()


def _head(part: Part, boundary: str) -> bytes:
    length = "" if part.length is None else f"Content-Length: {part.length}\r\n"
    return f"--{boundary}\r\nContent-Type: {part.content_type}\r\n{length}\r\n".encode("ascii", "replace")


def _framed(parts: Iterable[Part], boundary: str) -> Iterator[bytes]:
    for part in parts:
        yield _head(part, boundary)
        yield from part.chunks
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()


# ---- bodies --------------------------------------------------------------------------------------------------------

_limiter: RunVar[anyio.CapacityLimiter] = RunVar("uploads")


class Disconnected(errors.Invalid):
    """The sender went away before the end of the body."""

    code = "request.broken-off"


async def with_body(request: Request, verb: Callable[[Iterator[bytes]], _Answer]) -> _Answer:
    """Run a synchronous verb in a thread with the body as an iterator of blocks, read as the verb asks for them.

    Slow senders occupy threads of their own, at most `UPLOADS_AT_ONCE`, never those that serve pages; one that is silent
    for `SILENCE_S`, or trickles with less than `LEAST_RATE`, counts as gone.
    """
    limiter = _limiter.get(None)
    if limiter is None:
        limiter = anyio.CapacityLimiter(UPLOADS_AT_ONCE)
        _limiter.set(limiter)
    stream = request.stream()
    is_over = is_broken = False
    came, waited_s = 0, 0.0

    async def next_block() -> bytes:
        nonlocal is_over, is_broken, came, waited_s
        gathered: list[bytes] = []
        total = 0
        while total < BLOCK and not is_broken:
            chunk = b""
            began = anyio.current_time()
            try:
                with anyio.move_on_after(SILENCE_S) as patience:
                    chunk = await anext(stream)
                came, waited_s = came + len(chunk), waited_s + anyio.current_time() - began
                is_broken = patience.cancelled_caught or (waited_s > SILENCE_S and came < waited_s * LEAST_RATE)
            except StopAsyncIteration:
                is_over = True
                break
            except ClientDisconnect:
                is_broken = True
            gathered.append(chunk)
            total += len(chunk)
        if is_broken and not gathered:  # what came is handed over first
            raise Disconnected("The connection ended before the body did.")
        return b"".join(gathered)

    def body() -> Iterator[bytes]:
        while not is_over:
            block = anyio.from_thread.run(next_block)
            if block:
                yield block

    return await anyio.to_thread.run_sync(partial(verb, body()), limiter=limiter)
