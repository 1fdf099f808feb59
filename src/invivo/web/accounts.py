"""Signing in and out, and one's own account: who am I, password, API tokens. Served by the public process."""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from invivo import accounts, collections
from invivo.errors import Busy, Invalid, InvivoError
from invivo.web.form import Form, form_endpoint, local_path, only, redirect, text, texts
from invivo.web.render import page

SESSION_COOKIE = "invivo_session"
SITE_ROLES_IN_WORDS = {
    "administrator": "Administrator: manages accounts, collections and settings of the whole archive",
    "curator": "Curator of the archive: reviews, decides and publishes in every collection",
}
PRIVATE = {"Cache-Control": "no-store"}


def landing(actor: accounts.Actor) -> str:
    """Return the page where somebody's work begins."""
    if actor.is_curator:
        return "/reviews"
    return "/submissions" if actor.is_submitter else "/"


def _sign_in_form(request: Request, status: int = 200, **context: str) -> Response:
    shown = {"name": "", "target": "", "problem": "", "error": ""} | context
    return page(request, "accounts/sign_in.html", status=status, headers=PRIVATE, **shown)


def sign_in_page(request: Request) -> Response:
    """Show the form, or go on when one is signed in already."""
    only(request, "next")
    target = local_path(request.query_params.get("next", ""), "")
    actor = request.state.actor
    if not actor.is_anonymous:
        return RedirectResponse(target or landing(actor), status_code=303)
    return _sign_in_form(request, target=target)


@form_endpoint
def sign_in(request: Request, form: Form) -> Response:
    """Check name and password, and set the session's cookie."""
    archive = request.state.archive
    name, target = text(form, "name"), local_path(text(form, "next"), "")
    address = request.client.host if request.client else ""
    try:
        session, actor = accounts.sign_in(archive, name, str(form.get("password", "")), address)
    except accounts.WrongCredentials as error:
        return _sign_in_form(request, 403, name=name, target=target, error=error.message)
    except Busy as error:
        if error.kind != "account.too-many-attempts":
            raise
        return _sign_in_form(request, 429, name=name, target=target, problem=error.message)
    response = RedirectResponse(target or landing(actor), status_code=303)
    secure = archive.settings.http.secure_cookies
    response.set_cookie(SESSION_COOKIE, session, httponly=True, samesite="lax", path="/", secure=secure)
    return response


@form_endpoint
def sign_out(request: Request, _form: Form) -> Response:
    """End the session."""
    accounts.sign_out(request.state.archive, request.state.session)
    response = redirect(request, "/", message="You are signed out.")
    response.delete_cookie(SESSION_COOKIE, path="/")
    return response


def _to_sign_in(request: Request) -> Response | None:
    if not request.state.actor.is_anonymous:
        return None
    return RedirectResponse(f"/sign-in?next={quote(request.url.path)}", status_code=303)


def account_page(request: Request) -> Response:
    """Say who one is and what one may do."""
    if away := _to_sign_in(request):
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
    )


def password_page(request: Request) -> Response:
    """Show the form to change one's password."""
    return _to_sign_in(request) or _password_form(request)


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
    return _to_sign_in(request) or _tokens(request)


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
    Route("/account/password", password_page, methods=["GET"]),
    Route("/account/password", change_password, methods=["POST"]),
    Route("/account/tokens", tokens_page, methods=["GET"]),
    Route("/account/tokens", create_token, methods=["POST"]),
    Route("/account/tokens/{token:int}/revoke", revoke_token, methods=["POST"]),
]
