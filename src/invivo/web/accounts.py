"""Signing in and out, and one's own account: who am I, profile, password, API tokens, closing it. Served by the public process."""

from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from invivo import accounts, collections
from invivo.errors import Busy, Conflict, Invalid, InvivoError
from invivo.web.errors import status_of
from invivo.web.form import Form, form_endpoint, local_path, only, redirect, text, texts
from invivo.web.render import page
from invivo.web.sessions import (
    PRIVATE,
    SESSION_COOKIE,
    STEP_PAGES,
    address_of,
    agent_of,
    go_on,
    landing,
    session_of,
    to_sign_in,
)

SITE_ROLES_IN_WORDS = {
    "administrator": "Administrator: manages accounts, collections and settings of the whole archive",
    "curator": "Curator of the archive: reviews, decides and publishes in every collection",
}


def _sign_in_form(request: Request, status: int = 200, **context: str) -> Response:
    archive = request.state.archive
    shown: dict[str, Any] = {"name": "", "target": "", "problem": "", "error": ""} | context
    shown |= {"elsewhere": accounts.providers(archive), "registration": archive.settings.accounts.registration}
    shown |= {"contact": archive.settings.site.contact}
    return page(request, "accounts/sign_in.html", status=status, headers=PRIVATE, **shown)


def sign_in_page(request: Request) -> Response:
    """Show the form, or go on when one is signed in already, or half."""
    only(request, "next")
    target = local_path(request.query_params.get("next", ""), "")
    actor = request.state.actor
    if actor.step:
        goal = STEP_PAGES[actor.step]
        return RedirectResponse(f"{goal}?next={quote(target)}" if target else goal, status_code=303)
    if actor.person_id is not None:
        return RedirectResponse(target or landing(actor), status_code=303)
    return _sign_in_form(request, target=target)


@form_endpoint
def sign_in(request: Request, form: Form) -> Response:
    """Check name and password, and set the session's cookie."""
    archive = request.state.archive
    name, target = text(form, "name"), local_path(text(form, "next"), "")
    accounts.sign_out(archive, session_of(request))
    try:
        session, _ = accounts.sign_in(
            archive, name, str(form.get("password", "")), address_of(request), agent_of(request)
        )
    except accounts.WrongCredentials as error:
        return _sign_in_form(request, 403, name=name, target=target, error=error.message)
    except Busy as error:
        if error.kind != "account.too-many-attempts":
            raise
        return _sign_in_form(request, 429, name=name, target=target, problem=error.message)
    return go_on(request, session, target)


@form_endpoint
def sign_out(request: Request, _form: Form) -> Response:
    """End the session."""
    accounts.sign_out(request.state.archive, session_of(request))
    response = redirect(request, "/", message="You are signed out.")
    response.delete_cookie(SESSION_COOKIE, path="/")
    return response


def account_page(request: Request) -> Response:
    """Say who one is and what one may do."""
    if away := to_sign_in(request):
        return away
    actor = request.state.actor
    known = {one.id: one for one in collections.listed(request.state.archive, actor)}
    memberships = [
        (known[key], [(role, collections.ROLES[role]) for role in sorted(roles)])
        for key, roles in actor.memberships.items()
        if key in known
    ]
    memberships.sort(key=lambda one: one[0].short_name.lower())
    return page(
        request,
        "accounts/account.html",
        headers=PRIVATE,
        site_roles=[SITE_ROLES_IN_WORDS[role] for role in sorted(actor.site_roles)],
        memberships=memberships,
        tokens=accounts.list_tokens(request.state.archive, actor),
        factors=accounts.factors_of(request.state.archive, actor),
        sessions=accounts.list_sessions(request.state.archive, actor, request.state.session),
        person=accounts.person_of(request.state.archive, actor, actor.person_id),
        is_due=accounts.is_due_soon(request.state.archive, actor),
    )


PROFILE_FIELDS = ("display_name", "affiliation", "country", "orcid")


def profile_page(request: Request) -> Response:
    """Show what one's account says of oneself, to be changed."""
    return to_sign_in(request) or _profile(request)


def _profile(request: Request, status: int = 200, **tried: Any) -> Response:
    archive, actor = request.state.archive, request.state.actor
    person = accounts.person_of(archive, actor, actor.person_id)
    given = {name: getattr(person, name) for name in PROFILE_FIELDS}
    shown = given | {"email": "", "errors": {}} | tried
    return page(
        request,
        "accounts/profile.html",
        status=status,
        headers=PRIVATE,
        person=person,
        tried=shown,
        has_password=accounts.has_password(archive, actor),
    )


@form_endpoint
def change_profile(request: Request, form: Form) -> Response:
    """Change what one's account says of oneself."""
    given = {name: text(form, name) for name in PROFILE_FIELDS}
    try:
        accounts.change_profile(request.state.archive, request.state.actor, **given)
    except Invalid as error:
        field = "orcid" if error.kind == "account.orcid" else "display_name"
        return _profile(request, 400, **given, errors={field: error.message})
    return redirect(request, "/account/profile", message="Your profile is changed.")


@form_endpoint
def change_mail(request: Request, form: Form) -> Response:
    """Ask for another mail address: a link goes to it."""
    email = text(form, "email")
    try:
        accounts.change_mail(request.state.archive, request.state.actor, email, str(form.get("password", "")))
    except (accounts.WrongCredentials, Invalid) as error:
        field = "email" if isinstance(error, Invalid) else "password"
        return _profile(request, status_of(error), email=email, errors={field: error.message})
    return redirect(
        request, "/account/profile", message=f"A link was mailed to {email}; the address counts when it has been used."
    )


def close_page(request: Request) -> Response:
    """Ask once more before one's account is closed."""
    return to_sign_in(request) or _closing(request)


def _closing(request: Request, status: int = 200, problem: str = "", error: str = "") -> Response:
    has_password = accounts.has_password(request.state.archive, request.state.actor)
    shown: dict[str, Any] = {"problem": problem, "error": error, "has_password": has_password}
    return page(request, "accounts/close.html", status=status, headers=PRIVATE, **shown)


@form_endpoint
def close(request: Request, form: Form) -> Response:
    """Close one's own account."""
    try:
        accounts.close_own(request.state.archive, request.state.actor, str(form.get("password", "")))
    except accounts.WrongCredentials as error:
        return _closing(request, 403, error=error.message)
    except Conflict as error:
        return _closing(request, 409, problem=error.message)
    response = redirect(request, "/", message="Your account is closed. An administrator can open it again.")
    response.delete_cookie(SESSION_COOKIE, path="/")
    return response


def password_page(request: Request) -> Response:
    """Show the form to change one's password."""
    return to_sign_in(request) or _password_form(request)


def _password_form(request: Request, status: int = 200, errors: dict[str, str] | None = None) -> Response:
    least = request.state.archive.settings.accounts.password_length
    return page(request, "accounts/password.html", status=status, headers=PRIVATE, errors=errors or {}, shortest=least)


@form_endpoint
def change_password(request: Request, form: Form) -> Response:
    """Change one's password; all sessions end, this one too."""
    old, new, again = (str(form.get(name, "")) for name in ("old", "new", "again"))
    if new != again:
        return _password_form(request, 400, {"again": "This is not the same as the new password."})
    try:
        accounts.change_password(request.state.archive, request.state.actor, old, new)
    except accounts.WrongCredentials as error:
        return _password_form(request, 403, {"old": error.message})
    except Invalid as error:
        return _password_form(request, 400, {"new": error.message})
    response = redirect(request, "/sign-in?next=/account", message="The password is changed. Sign in with the new one.")
    response.delete_cookie(SESSION_COOKIE, path="/")
    return response


def _tokens(request: Request, status: int = 200, **context: object) -> Response:
    archive, actor = request.state.archive, request.state.actor
    shown: dict[str, object] = {"errors": {}, "secret": "", "made": None, "chosen": ["read"], "name": "", "days": 30}
    return page(
        request,
        "accounts/tokens.html",
        status=status,
        headers=PRIVATE,
        tokens=accounts.list_tokens(archive, actor),
        scopes=_scopes_for(actor),
        longest=archive.settings.accounts.token_days,
        url=archive.settings.public_url,
        now=archive.clock(),
        **(shown | context),
    )


def _scopes_for(actor: accounts.Actor) -> list[tuple[str, str, str]]:
    """Offer the scopes that are of use to an account."""
    offered = {
        "read": True,
        "submit": actor.is_submitter,
        "curate": actor.is_curator,
        "administer": actor.is_administrator,
    }
    return [(key, key.capitalize(), words) for key, words in accounts.SCOPES.items() if offered[key]]


def tokens_page(request: Request) -> Response:
    """List one's tokens, with the form to make one."""
    return to_sign_in(request) or _tokens(request)


@form_endpoint
def create_token(request: Request, form: Form) -> Response:
    """Make a token and show its secret, once: no address holds it, so this page answers the form itself."""
    name, scopes, days = text(form, "name"), texts(form, "scopes"), text(form, "days")
    kept = {"chosen": scopes, "name": name, "days": days}
    if not name:
        return _tokens(request, 400, errors={"name": "Give it a name, such as the machine that will use it."}, **kept)
    try:
        term = int(days)
    except ValueError:
        return _tokens(request, 400, errors={"days": "Give a number of days."}, **kept)
    try:
        secret, made = accounts.create_token(request.state.archive, request.state.actor, name, scopes, term)
    except Invalid as error:
        field = {"account.token-term": "days", "account.scope": "scopes"}.get(error.kind, "name")
        return _tokens(request, 400, errors={field: error.message}, **kept)
    return _tokens(request, secret=secret, made=made)


@form_endpoint
def revoke_token(request: Request, _form: Form) -> Response:
    """End a token."""
    try:
        accounts.revoke_token(request.state.archive, request.state.actor, request.path_params["token"])
    except InvivoError as error:
        return redirect(request, "/account/tokens", message=error.message, kind="danger")
    return redirect(request, "/account/tokens", message="The token is revoked; it does not work any more.")


routes: list[Route] = [
    Route("/sign-in", sign_in_page, methods=["GET"]),
    Route("/sign-in", sign_in, methods=["POST"]),
    Route("/sign-out", sign_out, methods=["POST"]),
    Route("/account", account_page),
    Route("/account/profile", profile_page, methods=["GET"]),
    Route("/account/profile", change_profile, methods=["POST"]),
    Route("/account/mail", change_mail, methods=["POST"]),
    Route("/account/close", close_page, methods=["GET"]),
    Route("/account/close", close, methods=["POST"]),
    Route("/account/password", password_page, methods=["GET"]),
    Route("/account/password", change_password, methods=["POST"]),
    Route("/account/tokens", tokens_page, methods=["GET"]),
    Route("/account/tokens", create_token, methods=["POST"]),
    Route("/account/tokens/{token:int}/revoke", revoke_token, methods=["POST"]),
]
