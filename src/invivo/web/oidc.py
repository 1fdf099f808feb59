"""Signing in by another site (OpenID Connect). Served by the public process."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from invivo import accounts
from invivo.errors import InvivoError
from invivo.web.errors import status_of
from invivo.web.form import Form, form_endpoint, local_path, only, redirect, text
from invivo.web.render import page
from invivo.web.sessions import PRIVATE, agent_of, go_on, to_sign_in


def _failed(request: Request, error: InvivoError) -> Response:
    return page(
        request,
        "accounts/elsewhere.html",
        status=status_of(error),
        headers=PRIVATE,
        problem=error.message,
        url="",
        label="",
    )


def begin(request: Request) -> Response:
    """Go to another site to sign in there."""
    only(request, "next")
    target = local_path(request.query_params.get("next", ""), "")
    try:
        url = accounts.begin_oidc(request.state.archive, request.path_params["provider"], request.state.csrf, target)
    except InvivoError as error:
        return _failed(request, error)
    return RedirectResponse(url, status_code=303)


@form_endpoint
def link(request: Request, _form: Form) -> Response:
    """Show the way to another site whose identity is to be linked: a form may not lead there itself."""
    if away := to_sign_in(request):
        return away
    provider, archive = request.path_params["provider"], request.state.archive
    try:
        url = accounts.begin_oidc(archive, provider, request.state.csrf, "", request.state.actor)
    except InvivoError as error:
        return _failed(request, error)
    label = accounts.providers(archive)[provider]
    return page(request, "accounts/elsewhere.html", headers=PRIVATE, problem="", url=url, label=label)


def callback(request: Request) -> Response:
    """Take the answer of another site."""
    state = request.state
    try:
        ended = accounts.finish_oidc(state.archive, request.query_params, state.csrf, state.actor, agent_of(request))
    except InvivoError as error:
        return _failed(request, error)
    if ended.kind == "session":
        return go_on(request, ended.secret, ended.target)
    if ended.kind == "newcomer":
        return RedirectResponse(f"/register/newcomer/{ended.secret}", status_code=303)
    return redirect(request, ended.target, message="The identity is linked; you can sign in with it.")


@form_endpoint
def unlink(request: Request, form: Form) -> Response:
    """Take an identity off one's account."""
    if away := to_sign_in(request):
        return away
    try:
        accounts.unlink_identity(request.state.archive, request.state.actor, text(form, "issuer"))
    except InvivoError as error:
        return redirect(request, "/account/factors", message=error.message, kind="danger")
    return redirect(request, "/account/factors", message="The identity is taken off.")


routes: list[Route] = [
    Route("/sign-in/with/{provider}", begin, methods=["GET"]),
    Route("/sign-in/oidc", callback, methods=["GET"]),
    Route("/account/identities/remove", unlink, methods=["POST"]),
    Route("/account/identities/{provider}", link, methods=["POST"]),
]
