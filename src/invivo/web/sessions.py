"""Who is signed in where; and the steps that a sign-in may wait for. Served by the public process."""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from invivo import accounts
from invivo.errors import Conflict, InvivoError
from invivo.web.form import Form, form_endpoint, local_path, only, redirect, text
from invivo.web.render import page

SESSION_COOKIE = "invivo_session"
PRIVATE = {"Cache-Control": "no-store"}
STEP_PAGES = {
    "code": "/sign-in/code",
    "enrol": "/account/factors",
    "terms": "/account/terms",
    "renewal": "/account/renewal",
}


def landing(actor: accounts.Actor) -> str:
    """Return the page where somebody's work begins."""
    if actor.is_curator:
        return "/reviews"
    return "/submissions" if actor.is_submitter else "/"


def session_of(request: Request) -> str:
    """Return the session's secret, also while its sign-in waits for a step."""
    return str(request.state.session or request.cookies.get(SESSION_COOKIE, ""))


def agent_of(request: Request) -> str:
    """Say which program asks, in words."""
    return accounts.device_words(request.headers.get("user-agent", ""))


def address_of(request: Request) -> str:
    """Return the address that asks."""
    return request.client.host if request.client else ""


def to_sign_in(request: Request) -> Response | None:
    """Send a visitor who is not signed in to do so; None for everybody else."""
    if request.state.actor.person_id is not None:
        return None
    return RedirectResponse(f"/sign-in?next={quote(request.url.path)}", status_code=303)


def acting(request: Request, step: str) -> accounts.Actor | None:
    """Return who is signed in, or who waits at a step of the sign-in, then without any right; else None."""
    if request.state.actor.has_account:
        return request.state.actor  # type: ignore[no-any-return]
    arrival = accounts.arrival_of(request.state.archive, session_of(request))
    return arrival.actor if arrival is not None and arrival.step == step else None


def go_on(request: Request, session: str, target: str, message: str = "") -> Response:
    """Set the session's cookie and go to the next step of the sign-in, or where it leads."""
    archive = request.state.archive
    actor = accounts.actor_of_session(archive, session)
    goal = local_path(target, "") or landing(actor)
    if actor.step:
        goal = f"{STEP_PAGES[actor.step]}?next={quote(goal)}" if target else STEP_PAGES[actor.step]
    response = redirect(request, goal, message=message)
    secure = archive.settings.http.secure_cookies
    response.set_cookie(SESSION_COOKIE, session, httponly=True, samesite="lax", path="/", secure=secure)
    return response


def sessions_page(request: Request) -> Response:
    """List where one is signed in."""
    if away := to_sign_in(request):
        return away
    only(request)
    known = accounts.list_sessions(request.state.archive, request.state.actor, request.state.session)
    return page(request, "accounts/sessions.html", headers=PRIVATE, sessions=known)


@form_endpoint
def end_session(request: Request, _form: Form) -> Response:
    """End one session."""
    try:
        accounts.end_session(request.state.archive, request.state.actor, request.path_params["session"])
    except InvivoError as error:
        return redirect(request, "/account/sessions", message=error.message, kind="danger")
    return redirect(request, "/account/sessions", message="That device is signed out.")


@form_endpoint
def end_others(request: Request, _form: Form) -> Response:
    """End all sessions but this."""
    ended = accounts.end_other_sessions(request.state.archive, request.state.actor, request.state.session)
    words = "1 other device is" if ended == 1 else f"{ended} other devices are"
    return redirect(request, "/account/sessions", message=f"{words} signed out.")


def accept_page(request: Request) -> Response:
    """Show the terms that must be accepted before one goes on."""
    only(request, "next")
    actor = acting(request, "terms")
    if actor is None:
        return RedirectResponse("/sign-in?next=/account/terms", status_code=303)
    archive = request.state.archive
    accepted = accounts.accepted_by(archive, actor, actor.person_id or 0)
    shown = accounts.current_terms(archive)
    waits = shown is not None and shown.version not in [version for version, _ in accepted]
    target = local_path(request.query_params.get("next", ""), "")
    return page(
        request, "accounts/accept.html", headers=PRIVATE, terms=shown, accepted=accepted, waits=waits, target=target
    )


@form_endpoint
def accept(request: Request, form: Form) -> Response:
    """Record that the terms are accepted."""
    actor = acting(request, "terms")
    if actor is None:
        return RedirectResponse("/sign-in?next=/account/terms", status_code=303)
    try:
        accounts.accept_terms(request.state.archive, actor, text(form, "version"))
    except Conflict as error:
        return redirect(request, "/account/terms", message=error.message, kind="warn")
    return go_on(request, session_of(request), text(form, "next"), "Thank you. The terms are accepted.")


def renewal_page(request: Request) -> Response:
    """Ask whether the account is still used."""
    only(request, "next")
    actor = acting(request, "renewal")
    if actor is None:
        return RedirectResponse("/sign-in?next=/account/renewal", status_code=303)
    archive = request.state.archive
    return page(
        request,
        "accounts/renewal.html",
        headers=PRIVATE,
        person=accounts.person_of(archive, actor, actor.person_id or 0),
        months=archive.settings.accounts.renewal_months,
        target=local_path(request.query_params.get("next", ""), ""),
    )


@form_endpoint
def renew(request: Request, form: Form) -> Response:
    """Confirm that the account is still used."""
    actor = acting(request, "renewal")
    if actor is None:
        return RedirectResponse("/sign-in?next=/account/renewal", status_code=303)
    accounts.renew(request.state.archive, actor)
    return go_on(request, session_of(request), text(form, "next"), "Your account is confirmed.")


routes: list[Route] = [
    Route("/account/sessions", sessions_page, methods=["GET"]),
    Route("/account/sessions/others", end_others, methods=["POST"]),
    Route("/account/sessions/{session:int}/end", end_session, methods=["POST"]),
    Route("/account/terms", accept_page, methods=["GET"]),
    Route("/account/terms", accept, methods=["POST"]),
    Route("/account/renewal", renewal_page, methods=["GET"]),
    Route("/account/renewal", renew, methods=["POST"]),
]
