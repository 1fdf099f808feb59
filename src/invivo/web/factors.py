"""The second factor: setting one up, giving it when signing in. Served by the public process."""

from urllib.parse import quote

import segno
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from invivo import accounts
from invivo.errors import Busy, Conflict, Invalid, InvivoError
from invivo.web.errors import status_of
from invivo.web.form import Form, form_endpoint, local_path, only, redirect, text
from invivo.web.render import page
from invivo.web.sessions import PRIVATE, SESSION_COOKIE, acting, go_on, session_of, to_sign_in

PAGE = "/account/factors"
_TRIED = (accounts.WrongCode, accounts.SpentLink, Busy, Invalid, Conflict)


def _away() -> Response:
    return RedirectResponse(f"/sign-in?next={PAGE}", status_code=303)


def factors_page(request: Request) -> Response:
    """Show one's second factors, and where else one proves who one is."""
    only(request, "next")
    actor = acting(request, "enrol")
    if actor is None:
        return _away()
    return _factors(request, actor)


def _factors(request: Request, actor: accounts.Actor, status: int = 200, error: str = "") -> Response:
    archive = request.state.archive
    linked = accounts.identities_of(archive, actor)
    known = {label for _, label in linked}
    return page(
        request,
        "accounts/factors.html",
        status=status,
        headers=PRIVATE,
        factors=accounts.factors_of(archive, actor),
        policy=archive.settings.accounts.second_factor,
        has_password=accounts.has_password(archive, actor),
        must=request.state.actor.step == "enrol",
        has_place=accounts.has_place_for_passkeys(archive),
        linked=linked,
        linkable=[(name, label) for name, label in accounts.providers(archive).items() if label not in known],
        target=local_path(request.query_params.get("next", ""), ""),
        error=error,
    )


def _picture(address: str) -> Markup:
    """Draw what an authenticator's camera reads; inline, so that the secret has no address of its own."""
    drawn = segno.make(address, error="m").svg_inline(scale=4, border=4, dark="#000", light="#fff", omitsize=True)
    return Markup(drawn)  # noqa: S704 - our own drawing


def authenticator_page(request: Request) -> Response:
    """Show a new secret for an authenticator."""
    only(request)
    actor = acting(request, "enrol")
    if actor is None:
        return _away()
    return _authenticator(request, accounts.begin_totp(request.state.archive, actor))


def _authenticator(request: Request, enrolment: accounts.Enrolment, status: int = 200, error: str = "") -> Response:
    return page(
        request,
        "accounts/authenticator.html",
        status=status,
        headers=PRIVATE,
        enrolment=enrolment,
        picture=_picture(enrolment.address),
        error=error,
    )


@form_endpoint
def confirm_authenticator(request: Request, form: Form) -> Response:
    """Take an authenticator into use with its first code; a wrong code shows a new secret."""
    actor, archive = acting(request, "enrol"), request.state.archive
    if actor is None:
        return _away()
    given = accounts.Enrolment(text(form, "once"), "", "")
    try:
        session, codes = accounts.confirm_totp(archive, actor, given, text(form, "code"), session_of(request))
    except _TRIED as error:
        return _authenticator(request, accounts.begin_totp(archive, actor), status_of(error), error.message)
    return _enrolled(request, session, codes)


def _enrolled(request: Request, session: str, codes: list[str]) -> Response:
    """Show recovery codes, once: no address holds them, so this page answers the form itself."""
    if not codes:
        return go_on(request, session, PAGE, "The second factor is added.")
    response = page(request, "accounts/recovery.html", headers=PRIVATE, codes=codes)
    secure = request.state.archive.settings.http.secure_cookies
    response.set_cookie(SESSION_COOKIE, session, httponly=True, samesite="lax", path="/", secure=secure)
    return response


def passkey_page(request: Request) -> Response:
    """Ask the browser to make a passkey."""
    only(request)
    actor = acting(request, "enrol")
    if actor is None:
        return _away()
    once, question = accounts.begin_passkey(request.state.archive, actor)
    return page(request, "accounts/passkey.html", headers=PRIVATE, once=once, question=question, error="")


@form_endpoint
def confirm_passkey(request: Request, form: Form) -> Response:
    """Take a passkey into use."""
    actor, archive = acting(request, "enrol"), request.state.archive
    if actor is None:
        return _away()
    answer, label = text(form, "answer"), text(form, "label")
    try:
        session, codes = accounts.confirm_passkey(
            archive, actor, text(form, "once"), answer, label=label, session=session_of(request)
        )
    except _TRIED as error:
        once, question = accounts.begin_passkey(archive, actor)
        shown = {"once": once, "question": question, "error": error.message}
        return page(request, "accounts/passkey.html", status=status_of(error), headers=PRIVATE, **shown)
    return _enrolled(request, session, codes)


@form_endpoint
def remove(request: Request, form: Form) -> Response:
    """Take a second factor off one's account."""
    if away := to_sign_in(request):
        return away
    passkey = text(form, "passkey")
    number = int(passkey) if passkey.isdecimal() else None
    archive, actor = request.state.archive, request.state.actor
    try:
        accounts.remove_factor(archive, actor, str(form.get("password", "")), number)
    except (accounts.WrongCredentials, Busy, InvivoError) as error:
        return redirect(request, PAGE, message=error.message, kind="danger")
    return redirect(request, PAGE, message="The second factor is taken off.")


@form_endpoint
def renew_codes(request: Request, _form: Form) -> Response:
    """Make new recovery codes and show them, once."""
    codes = accounts.renew_recovery_codes(request.state.archive, request.state.actor)
    return page(request, "accounts/recovery.html", headers=PRIVATE, codes=codes)


def code_page(request: Request) -> Response:
    """Ask for the second factor."""
    only(request, "next")
    target = local_path(request.query_params.get("next", ""), "")
    if request.state.actor.step != "code":
        return RedirectResponse(f"/sign-in?next={quote(target)}" if target else "/sign-in", status_code=303)
    return _code(request, target)


def _code(request: Request, target: str, status: int = 200, error: str = "") -> Response:
    archive, session = request.state.archive, session_of(request)
    arrival = accounts.arrival_of(archive, session)
    if arrival is None:
        return _away()
    once, question = accounts.ask_passkey(archive, session) or ("", "")
    return page(
        request,
        "accounts/code.html",
        status=status,
        headers=PRIVATE,
        factors=accounts.factors_of(archive, arrival.actor),
        once=once,
        question=question,
        target=target,
        error=error,
    )


@form_endpoint
def give(request: Request, form: Form) -> Response:
    """Pass the second step with a code or a passkey."""
    archive, target = request.state.archive, local_path(text(form, "next"), "")
    answer = text(form, "answer")
    try:
        if answer:
            session = accounts.give_passkey(archive, session_of(request), text(form, "once"), answer)
        else:
            session = accounts.give_code(archive, session_of(request), text(form, "code"))
    except _TRIED as error:
        is_locked = error.kind == "account.too-many-attempts"
        return _code(request, target, 429 if is_locked else status_of(error), error.message)
    return go_on(request, session, target)


routes: list[Route] = [
    Route("/sign-in/code", code_page, methods=["GET"]),
    Route("/sign-in/code", give, methods=["POST"]),
    Route(PAGE, factors_page, methods=["GET"]),
    Route("/account/factors/authenticator", authenticator_page, methods=["GET"]),
    Route("/account/factors/authenticator", confirm_authenticator, methods=["POST"]),
    Route("/account/factors/passkey", passkey_page, methods=["GET"]),
    Route("/account/factors/passkey", confirm_passkey, methods=["POST"]),
    Route("/account/factors/remove", remove, methods=["POST"]),
    Route("/account/factors/recovery", renew_codes, methods=["POST"]),
]
