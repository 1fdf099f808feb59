"""How data come in, for visitors, and the page of an upload link: what somebody without an account needs to deliver."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from invivo import submissions
from invivo.web.form import only
from invivo.web.render import page

PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"}


def ways_page(request: Request) -> Response:
    """Say by which way data come into this archive, and lead there."""
    only(request)
    settings = request.state.archive.settings
    return page(
        request,
        "deliveries/ways.html",
        ways=submissions.ways_in(request.state.archive),
        may_register=settings.accounts.registration in ("open", "moderated"),
    )


def link_page(request: Request) -> Response:
    """Show the drop zone to whoever knows the secret of an upload link."""
    only(request)
    archive, secret = request.state.archive, request.path_params["secret"]
    link = submissions.link_of(archive, secret)
    return page(
        request,
        "deliveries/deposit.html",
        headers=PRIVATE,
        link=link,
        secret=secret,
        uploads=submissions.uploads_by_link(archive, secret),
    )


routes: list[Route] = [Route("/deposit", ways_page), Route("/deposit/{secret}", link_page)]
