"""Links for reviewers: giving and ending them, and what a reviewer finds behind one."""

from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from invivo import collections, images
from invivo.errors import Invalid, NotFound
from invivo.web.access import own_collection
from invivo.web.errors import status_of
from invivo.web.form import Form, form_endpoint, only, redirect, text
from invivo.web.render import page

PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"}
REVIEWER_COOKIE = "invivo_reviewer"


def links_page(request: Request) -> Response:
    """Show a collection's links."""
    only(request)
    return _links(request)


def _links(request: Request, status: int = 200, made: str = "", error: str = "", **tried: Any) -> Response:
    known = own_collection(request)
    return page(
        request,
        "access/links.html",
        status=status,
        headers=PRIVATE,
        collection=known,
        links=collections.links_of(request.state.archive, request.state.actor, known.id),
        made=made,
        error=error,
        tried={"label": "", "days": 60, "is_blind": True} | tried,
    )


@form_endpoint
def make(request: Request, form: Form) -> Response:
    """Make a link and show its address this once, or end one."""
    archive, actor, known = request.state.archive, request.state.actor, own_collection(request)
    ended = text(form, "end")
    if ended.isdecimal():
        try:
            collections.revoke_link(archive, actor, known.id, int(ended[:18]))
        except NotFound as error:
            return _links(request, status_of(error), error=error.message)
        target = f"/access/collections/{quote(known.short_name)}/links"
        return redirect(request, target, message="The link has ended: it opens nothing any more.")
    label, days, is_blind = text(form, "label"), text(form, "days"), text(form, "is_blind") == "yes"
    try:
        number = int(days) if days.isdecimal() and len(days) < 6 else 0
        address, _ = collections.make_link(archive, actor, known.id, label, number, is_blind=is_blind)
    except Invalid as error:
        return _links(request, status_of(error), error=error.message, label=label, days=days, is_blind=is_blind)
    return _links(request, made=address)


def enter(request: Request) -> Response:
    """Let a reviewer in: the link's secret goes into a cookie of its own, and out of the address."""
    only(request)
    secret = request.path_params["secret"][:200]
    link = collections.enter_by_link(request.state.archive, secret)
    response = RedirectResponse("/reviewer", status_code=303, headers=PRIVATE)
    left_s = max(1, int((link.expires_at - request.state.archive.clock()).total_seconds()))
    is_secure = request.state.archive.settings.http.secure_cookies
    response.set_cookie(
        REVIEWER_COOKIE, secret, max_age=left_s, httponly=True, samesite="lax", path="/", secure=is_secure
    )
    return response


def landing_page(request: Request) -> Response:
    """Show a reviewer the collection that the link is for; a blind link hides who made it."""
    only(request)
    archive, actor = request.state.archive, request.state.actor
    known = collections.reviewed_by(archive, actor)
    if known is None:
        signed_in = actor.has_account
        return page(request, "access/reviewer.html", 404, PRIVATE, collection=None, signed_in=signed_in)
    return page(
        request,
        "access/reviewer.html",
        headers=PRIVATE,
        collection=known,
        is_blind=collections.is_blind(actor, known.id),
        totals=images.totals(archive, actor, known.id),
        licence=collections.licence_named(known.licence),
    )


@form_endpoint
def leave(request: Request, _form: Form) -> Response:
    """Forget the link in this browser."""
    response = redirect(request, "/", message="This browser has forgotten the link.")
    response.delete_cookie(REVIEWER_COOKIE, path="/")
    return response


routes: list[Route] = [
    Route("/reviewer", landing_page),
    Route("/reviewer/leave", leave, methods=["POST"]),
    Route("/reviewer/{secret}", enter, methods=["GET"]),
]
desk_routes: list[Route] = [
    Route("/access/collections/{collection}/links", links_page, methods=["GET"]),
    Route("/access/collections/{collection}/links", make, methods=["POST"]),
]
