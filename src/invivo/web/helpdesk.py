"""The helpdesk: questions of visitors and people with accounts on the public side, the queue of the staff at the desk."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from invivo import collections, helpdesk
from invivo.errors import Busy, Conflict, Invalid, NotFound
from invivo.web.errors import status_of
from invivo.web.form import Form, form_endpoint, only, redirect, text
from invivo.web.render import page

PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"}
STATE_WORDS = {
    "open": ("waiting", "Open: we answer next"),
    "waiting": ("deferred", "Asked back: you answer next"),
    "answered": ("done", "Answered"),
    "closed": ("superseded", "Closed"),
}
DESK_WORDS = {**STATE_WORDS, "open": ("waiting", "Open"), "waiting": ("deferred", "Waiting for the asker")}
CHANGES = {
    "take": "This question is yours now.",
    "close": "The question is closed.",
    "open": "The question is open again.",
}


def ask_page(request: Request) -> Response:
    """Show the form for a question, and one's own questions."""
    only(request, "collection", "subject")
    return _ask(
        request, collection=request.query_params.get("collection", ""), subject=request.query_params.get("subject", "")
    )


def _ask(request: Request, status: int = 200, **tried: Any) -> Response:
    archive, actor = request.state.archive, request.state.actor
    listed = [(one.short_name, f"{one.short_name}: {one.title}") for one in collections.listed(archive, actor)]
    return page(
        request,
        "helpdesk/ask.html",
        status=status,
        headers=PRIVATE,
        hours=helpdesk.response_hours(archive),
        contact=archive.settings.site.contact,
        offered=listed,
        own=helpdesk.own_tickets(archive, actor),
        words=STATE_WORDS,
        tried={"subject": "", "text": "", "email": "", "name": "", "collection": "", "field": "", "error": ""} | tried,
    )


@form_endpoint
def ask(request: Request, form: Form) -> Response:
    """Take a question."""
    archive, actor = request.state.archive, request.state.actor
    given = {name: text(form, name) for name in ("subject", "text", "email", "name", "collection")}
    if text(form, "website"):  # a field that no person sees
        return redirect(request, "/helpdesk", message="Thank you.")
    address = request.client.host if request.client else ""
    try:
        ticket, secret = helpdesk.ask(archive, actor, helpdesk.Asked(**given), address)
    except (Invalid, Busy, NotFound) as error:
        field = {"helpdesk.subject": "subject", "helpdesk.text": "text", "helpdesk.email": "email"}
        named = field.get(error.kind, "collection" if isinstance(error, NotFound) else "")
        return _ask(request, status_of(error), **given, field=named, error=error.message)
    where = f"/helpdesk/tickets/{ticket.id}" if actor.person_id is not None else f"/helpdesk/follow/{secret}"
    told = "" if actor.person_id is not None else " A mail with a link to this page is on its way; keep it."
    return redirect(request, where, message=f"We have your question as {ticket.reference}.{told}")


def _ticket(request: Request, ticket: helpdesk.Ticket, status: int = 200, error: str = "") -> Response:
    return page(
        request,
        "helpdesk/ticket.html",
        status=status,
        headers=PRIVATE,
        ticket=ticket,
        words=STATE_WORDS,
        hours=helpdesk.response_hours(request.state.archive),
        action=request.url.path,
        error=error,
    )


def own_page(request: Request) -> Response:
    """Show a question of one's own."""
    only(request)
    return _ticket(request, _own(request))


def _own(request: Request) -> helpdesk.Ticket:
    return helpdesk.find_ticket(request.state.archive, request.state.actor, request.path_params["ticket"])


def follow_page(request: Request) -> Response:
    """Show a question to whoever has the link of its mail."""
    only(request)
    return _ticket(request, _followed(request))


def _followed(request: Request) -> helpdesk.Ticket:
    return helpdesk.ticket_of_secret(request.state.archive, request.path_params["secret"])


@form_endpoint
def write_more(request: Request, form: Form) -> Response:
    """Take another letter of who asked."""
    ticket = _followed(request) if "secret" in request.path_params else _own(request)
    try:
        helpdesk.reply(request.state.archive, request.state.actor, ticket, text(form, "text"))
    except (Invalid, Busy) as error:
        return _ticket(request, ticket, status_of(error), error.message)
    return redirect(request, request.url.path, message="Your letter is with the helpdesk.")


def queue_page(request: Request) -> Response:
    """Show the staff what waits."""
    only(request, "state")
    archive, actor = request.state.archive, request.state.actor
    state = request.query_params.get("state", "")
    if state not in ("", *helpdesk.STATES):
        raise Invalid(f"The state of a question is one of {', '.join(helpdesk.STATES)}.", code="helpdesk.state")
    counted = helpdesk.counts(archive, actor)
    return page(
        request,
        "helpdesk/queue.html",
        headers=PRIVATE,
        shown=helpdesk.queue(archive, actor, state),
        state=state,
        words=DESK_WORDS,
        counts={
            **{name: counted.get(name, 0) for name in helpdesk.STATES},
            "": sum(counted.values()) - counted.get("closed", 0),
        },
    )


def desk_page(request: Request) -> Response:
    """Show the staff one question."""
    only(request)
    return _desk(request)


def _desk(request: Request, status: int = 200, **tried: Any) -> Response:
    archive, actor = request.state.archive, request.state.actor
    helpdesk.counts(archive, actor)  # staff only: a question of one's own has a page of its own
    return page(
        request,
        "helpdesk/desk.html",
        status=status,
        headers=PRIVATE,
        ticket=helpdesk.find_ticket(archive, actor, request.path_params["ticket"]),
        words=DESK_WORDS,
        tried={"text": "", "error": ""} | tried,
    )


@form_endpoint
def answer(request: Request, form: Form) -> Response:
    """Answer, ask back, or close with a word."""
    archive, actor, ticket_id = request.state.archive, request.state.actor, request.path_params["ticket"]
    seen, words = text(form, "seen"), text(form, "text")
    try:
        helpdesk.answer(archive, actor, ticket_id, words, text(form, "state"), int(seen) if seen.isdecimal() else -1)
    except (Invalid, Conflict) as error:
        return _desk(request, status_of(error), text=words, error=error.message)
    return redirect(request, "/desk/helpdesk", message="The answer is on its way.")


@form_endpoint
def change(request: Request, form: Form) -> Response:
    """Take, close or open a question again."""
    ticket_id, wanted = request.path_params["ticket"], text(form, "change")
    target = f"/desk/helpdesk/{ticket_id}"
    try:
        helpdesk.change_ticket(request.state.archive, request.state.actor, ticket_id, wanted)
    except Conflict as error:
        return redirect(request, target, message=error.message, kind="danger")
    return redirect(request, target, message=CHANGES[wanted])


routes: list[Route] = [
    Route("/helpdesk", ask_page, methods=["GET"]),
    Route("/helpdesk", ask, methods=["POST"]),
    Route("/helpdesk/tickets/{ticket:int}", own_page, methods=["GET"]),
    Route("/helpdesk/tickets/{ticket:int}", write_more, methods=["POST"]),
    Route("/helpdesk/follow/{secret}", follow_page, methods=["GET"]),
    Route("/helpdesk/follow/{secret}", write_more, methods=["POST"]),
]
desk_routes: list[Route] = [
    Route("/desk/helpdesk", queue_page),
    Route("/desk/helpdesk/{ticket:int}", desk_page, methods=["GET"]),
    Route("/desk/helpdesk/{ticket:int}", answer, methods=["POST"]),
    Route("/desk/helpdesk/{ticket:int}/change", change, methods=["POST"]),
]
