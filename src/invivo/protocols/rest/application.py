"""The frame of both REST applications: errors as problem details, unknown parameters refused, the OpenAPI document."""

from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from invivo import __version__, accounts, errors
from invivo.archive import Archive
from invivo.protocols.rest.writing import Problem
from invivo.protocols.wire import VARY, BadParameter, actor_of, archive_of, lasting, problem_of, problem_response

PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Problem, "description": "The request cannot be answered; `code` says why, `detail` what to do."}
}


def refuse_unknown(request: Request, response: Response) -> None:
    """Refuse a parameter of the address that the operation does not know; it would narrow nothing in silence."""
    response.headers["Cache-Control"] = lasting(request)
    response.headers["Vary"] = VARY
    operation = request.scope.get("route")
    if not isinstance(operation, APIRoute):
        return
    known = {one.alias for one in operation.dependant.query_params}
    known |= {one["name"] for one in (operation.openapi_extra or {}).get("parameters", ())}
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        allowed = f"known are {', '.join(sorted(known))}" if known else "there are none"
        raise BadParameter(f"There is no parameter {', '.join(repr(one[:60]) for one in unknown[:5])}; {allowed}.")


async def _on_own_error(request: Request, error: Exception) -> Response:
    return problem_of(request, error)


async def _on_invalid(_: Request, error: Exception) -> Response:
    """Name what is malformed, never its value."""
    assert isinstance(error, RequestValidationError)
    named = [f"{'.'.join(str(part) for part in one['loc'][1:]) or 'body'}: {one['msg']}" for one in error.errors()[:5]]
    return problem_response(400, "; ".join(named), "request.invalid")


def new_application(title: str, description: str) -> FastAPI:
    """Make a REST application; its page is ours, since the usual ones load scripts from other sites."""
    made = FastAPI(
        title=title,
        version=__version__,
        description=description,
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(refuse_unknown)],
        responses=PROBLEMS,
        redirect_slashes=False,
        exception_handlers={
            errors.InvivoError: _on_own_error,
            RequestValidationError: _on_invalid,
            HTTPException: _on_own_error,
            Exception: _on_own_error,
        },
    )
    return made


TheArchive = Annotated[Archive, Depends(archive_of)]
TheActor = Annotated[accounts.Actor, Depends(actor_of)]
