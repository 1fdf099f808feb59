"""Addresses of tus and the functions that answer them."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from invivo import submissions
from invivo.protocols.tus.reading import (
    VERSION,
    UnknownVersion,
    check_body,
    check_version,
    metadata_of,
    size_in,
    submission_in,
)
from invivo.protocols.wire import BadParameter, actor_of, archive_of, problem_of, problem_response, route, with_body

EXTENSIONS = "creation,creation-with-upload,termination"
NAMELESS = "unnamed"


def _headers(request: Request) -> dict[str, str]:
    return {
        "Tus-Resumable": VERSION,
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(archive_of(request).settings.limits.archive_bytes),
        "Cache-Control": "no-store",
    }


def _state(upload: submissions.Upload) -> dict[str, str]:
    """Write where an upload stands, and once it is whole what became of it."""
    headers = {"Tus-Resumable": VERSION, "Upload-Offset": str(upload.received), "Cache-Control": "no-store"}
    if upload.state != "open":
        # A ZIP has no receipt before the worker has taken it apart.
        headers["Invivo-Receipt"] = json.dumps(upload.receipt or {"outcome": "unpacking"})
    return headers


def speaking_tus(endpoint: Callable[[Request], Any]) -> Callable[[Request], Any]:
    """Wrap an endpoint: other versions are refused, and errors say which version is spoken."""

    async def answer(request: Request) -> Response:
        try:
            check_version(request)
            response: Response = await endpoint(request)
        except UnknownVersion as error:
            response = problem_response(412, error.message, error.kind, {"Tus-Version": VERSION})
        except Exception as error:  # because every answer names the version; problem_of logs what is ours
            response = problem_of(request, error)
        response.headers["Tus-Resumable"] = VERSION
        return response

    answer.__name__ = endpoint.__name__
    return answer


async def options(request: Request) -> Response:
    """Say what is spoken here."""
    return Response(status_code=204, headers=_headers(request))


async def create(request: Request) -> Response:
    """Begin an upload, perhaps with its first piece."""
    if "upload-defer-length" in request.headers:
        raise BadParameter("Say Upload-Length; a length that comes later is not supported.")
    length, metadata = size_in(request, "Upload-Length"), metadata_of(request)
    archive, actor = archive_of(request), await _sender(request)
    has_body = request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
    if has_body:
        check_body(request)
    name = metadata.get("filename") or metadata.get("name") or NAMELESS

    def begin(body: Iterator[bytes]) -> submissions.Upload:
        upload = submissions.create_upload(archive, actor, submission_in(metadata), name, length)
        return submissions.append_upload(archive, actor, upload.id, 0, body) if has_body else upload

    upload = await with_body(request, begin)
    return Response(status_code=201, headers={**_state(upload), "Location": f"/uploads/{upload.id}"})


async def state(request: Request) -> Response:
    """Say how much of an upload has come for sure."""
    upload = await anyio.to_thread.run_sync(submissions.find_upload, *await _who(request))
    return Response(status_code=200, headers={**_state(upload), "Upload-Length": str(upload.length)})


async def append(request: Request) -> Response:
    """Add a piece; if the connection breaks, what came is kept."""
    check_body(request)
    add = partial(submissions.append_upload, *await _who(request), size_in(request, "Upload-Offset"))
    upload = await with_body(request, add)
    return Response(status_code=204, headers=_state(upload))


async def abandon(request: Request) -> Response:
    """Throw an unfinished upload away."""
    await anyio.to_thread.run_sync(submissions.abandon_upload, *await _who(request))
    return Response(status_code=204)


async def override(request: Request) -> Response:
    """Answer clients that can send nothing but POST and say what they mean in X-HTTP-Method-Override."""
    meant = {"PATCH": append, "DELETE": abandon}.get(request.headers.get("x-http-method-override", "").upper())
    if meant is None:
        raise BadParameter("POST to an upload needs X-HTTP-Method-Override: PATCH or DELETE.")
    response: Response = await meant(request)
    return response


async def _sender(request: Request) -> Any:
    """Who sends: the bearer of an upload link if one is shown, else whoever is signed in."""
    secret = request.headers.get("invivo-deposit", "")
    if not secret:
        return actor_of(request)
    return await anyio.to_thread.run_sync(submissions.actor_of_link, archive_of(request), secret)


async def _who(request: Request) -> tuple[Any, Any, str]:
    return archive_of(request), await _sender(request), str(request.path_params["upload"])


ONE = "/uploads/{upload}"
routes: list[BaseRoute] = [
    route("/uploads", options, "OPTIONS"),
    route(ONE, options, "OPTIONS"),
    route("/uploads", speaking_tus(create), "POST"),
    route(ONE, speaking_tus(state), "HEAD"),
    route(ONE, speaking_tus(append), "PATCH"),
    route(ONE, speaking_tus(abandon), "DELETE"),
    route(ONE, speaking_tus(override), "POST"),
]
