"""Whether the archive is well, for load balancers and monitoring."""

import shutil

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from invivo import __version__
from invivo.errors import InvivoError


def health(request: Request) -> JSONResponse:
    """Answer 200 when the database answers and there is room on the disk, else 503 with what is wrong."""
    archive = request.state.archive
    problems = []
    try:
        with archive.database.transaction() as tx:
            tx.execute("select 1")
    except InvivoError as error:
        problems.append(error.kind)
    if shutil.disk_usage(archive.held.root).free < archive.settings.limits.free_bytes:
        problems.append("storage.full")
    body = {"status": "failing" if problems else "ok", "problems": problems, "version": __version__}
    return JSONResponse(body, status_code=503 if problems else 200, headers={"Cache-Control": "no-store"})


def metrics(_request: Request) -> Response:
    """Answer the process's counters in Prometheus' text form."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


routes = [Route("/health", health), Route("/metrics", metrics)]
