"""What the archive tells people: one's inbox and subscriptions (public process), mail that has not left (desk)."""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from invivo import collections, notices
from invivo.errors import InvivoError, NotFound, Refused
from invivo.web.form import Form, form_endpoint, local_path, only, redirect, text
from invivo.web.render import page
from invivo.web.sessions import PRIVATE, to_sign_in

A_PAGE = 50


def inbox_page(request: Request) -> Response:
    """Show one's messages, newest first, and what one is told of."""
    if away := to_sign_in(request):
        return away
    only(request, "before")
    archive, actor = request.state.archive, request.state.actor
    asked = request.query_params.get("before", "")
    before = int(asked) if asked.isdecimal() and len(asked) < 18 else None
    with archive.database.transaction() as tx:
        found = notices.inbox(tx, actor.person_id, A_PAGE + 1, before)
        topics = notices.subscriptions_of(tx, actor.person_id)
    known = {f"collection:{one.id}": one for one in collections.listed(archive, actor)} if topics else {}
    shown = found[:A_PAGE]
    return page(
        request,
        "accounts/inbox.html",
        headers=PRIVATE,
        inbox=shown,
        older=f"/account/inbox?before={shown[-1].id}" if len(found) > A_PAGE else None,
        newest="/account/inbox" if before else None,
        topics=[(topic, known.get(topic)) for topic in topics],
    )


@form_endpoint
def read(request: Request, form: Form) -> Response:
    """Mark a message, or all, as read; with a link the page goes on to what the message is about."""
    if away := to_sign_in(request):
        return away
    asked = text(form, "message")
    with request.state.archive.database.transaction() as tx:
        notices.mark_read(tx, request.state.actor.person_id, int(asked) if asked.isdecimal() else None)
    return redirect(request, local_path(text(form, "next"), "/account/inbox"))


@form_endpoint
def subscribe(request: Request, form: Form) -> Response:
    """Be told of a collection's releases, or no more; what one may not see one cannot ask for."""
    if away := to_sign_in(request):
        return away
    archive, actor = request.state.archive, request.state.actor
    topic, is_wanted = text(form, "topic"), text(form, "act") == "on"
    back = local_path(text(form, "next"), "/account/inbox")
    if not is_wanted:
        with archive.database.transaction() as tx:
            notices.unsubscribe(tx, actor.person_id, topic)
        return redirect(request, back, message="You are told of it no more.")
    known = {f"collection:{one.id}": one for one in collections.listed(archive, actor)}.get(topic)
    if known is None:
        raise NotFound("There is no such collection, or you may not see it.", code="collection.unknown")
    with archive.database.transaction() as tx:
        notices.subscribe(tx, actor.person_id, topic)
    target = back if text(form, "next") else f"/collections/{quote(known.short_name)}"
    return redirect(request, target, message=f"You are told when {known.short_name} has a new release.")


def outbox_page(request: Request) -> Response:
    """Show mail that has not left."""
    only(request)
    _need_administrator(request)
    archive = request.state.archive
    with archive.database.transaction() as tx:
        waiting = notices.outbox(tx)
    host, days = archive.settings.mail.host, notices.MAIL_DAYS
    return page(request, "admin/outbox.html", headers=PRIVATE, mail=waiting, host=host, days=days)


def _need_administrator(request: Request) -> None:
    if not request.state.actor.is_administrator:
        raise Refused("Only an administrator may see this page.", code="admin.not-administrator")


@form_endpoint
def send_again(request: Request, _form: Form) -> Response:
    """Try to send a mail once more."""
    _need_administrator(request)
    try:
        with request.state.archive.database.transaction() as tx:
            notices.send_again(tx, request.path_params["mail"])
    except InvivoError as error:
        return redirect(request, "/admin/outbox", message=error.message, kind="danger")
    return redirect(request, "/admin/outbox", message="The message is tried again now.")


routes: list[Route] = [
    Route("/account/inbox", inbox_page, methods=["GET"]),
    Route("/account/inbox", read, methods=["POST"]),
    Route("/account/subscriptions", subscribe, methods=["POST"]),
]
desk_routes: list[Route] = [
    Route("/admin/outbox", outbox_page, methods=["GET"]),
    Route("/admin/outbox/{mail:int}", send_again, methods=["POST"]),
]
