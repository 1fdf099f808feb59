"""How people come in: registration, invitations, links out of mails, the terms. Served by the public process."""

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from invivo import accounts
from invivo.errors import Busy, Conflict, Invalid, InvivoError
from invivo.web.errors import status_of
from invivo.web.form import Form, form_endpoint, only, redirect, text
from invivo.web.render import page
from invivo.web.sessions import PRIVATE, address_of

ASKED = ("display_name", "email", "affiliation", "country")
_FIELDS = {
    "account.display-name": "display_name",
    "account.email": "email",
    "account.terms": "terms",
    "account.name": "name",
    "account.name-taken": "name",
}


def _field_of(error: InvivoError) -> str:
    return _FIELDS.get(error.kind, "password" if "password" in error.kind else "")


def _asking(form: Form) -> tuple[accounts.Asking, dict[str, str]]:
    given = {name: text(form, name)[:300] for name in ASKED}
    return accounts.Asking(**given, terms_version=text(form, "terms")), given


def _form(request: Request, action: str, status: int = 200, **tried: Any) -> Response:
    archive = request.state.archive
    shown: dict[str, Any] = dict.fromkeys(ASKED, "") | {"errors": {}, "elsewhere": "", "problem": ""} | tried
    return page(
        request,
        "accounts/register.html",
        status=status,
        headers=PRIVATE,
        tried=shown,
        action=action,
        terms=accounts.current_terms(archive),
        registration=archive.settings.accounts.registration,
        elsewhere=accounts.providers(archive),
    )


def register_page(request: Request) -> Response:
    """Show the form for an account, or say how accounts are made here."""
    only(request)
    if request.state.actor.has_account:
        return RedirectResponse("/account", status_code=303)
    return _form(request, "/register")


@form_endpoint
def register(request: Request, form: Form) -> Response:
    """Mail a link; the answer is the same whether the address is known."""
    return _ask(request, form, "/register")


def _ask(request: Request, form: Form, action: str, **more: Any) -> Response:
    asking, given = _asking(form)
    checked = more.pop("is_mail_checked", False)
    try:
        secret = accounts.ask_for_account(
            request.state.archive, asking, address_of(request), more.get("identity"), is_mail_checked=checked
        )
    except Invalid as error:
        return _form(request, action, 400, **given, errors={_field_of(error): error.message})
    except Busy as error:
        if error.kind != "account.too-many-attempts":
            raise
        return _form(request, action, 429, **given, problem=error.message)
    if secret:
        return RedirectResponse(f"/register/{secret}", status_code=303)
    return _told(request, "Look into your mail", _MAILED.format(given["email"]))


_MAILED = "A message is on its way to {}. Open the link in it to go on; it works once, and not for long."


def _told(request: Request, title: str, words: str, link: tuple[str, str] | None = None, status: int = 200) -> Response:
    return page(request, "accounts/told.html", status=status, headers=PRIVATE, title=title, words=words, link=link)


def newcomer_page(request: Request) -> Response:
    """Show the form for an account to somebody who has signed in elsewhere."""
    only(request)
    proof = accounts.newcomer_of(request.state.archive, request.path_params["secret"])
    return _form(
        request,
        request.url.path,
        display_name=proof.display_name,
        email=proof.email,
        elsewhere=proof.provider,
    )


@form_endpoint
def newcomer(request: Request, form: Form) -> Response:
    """Go on with a registration after a sign-in elsewhere; an address that it vouches for is not checked again."""
    proof = accounts.newcomer_of(request.state.archive, request.path_params["secret"])
    is_checked = proof.is_mail_checked and text(form, "email").lower() == proof.email.lower()
    identity = accounts.Identity(proof.issuer, proof.subject)
    return _ask(request, form, request.url.path, identity=identity, is_mail_checked=is_checked)


def _choose(request: Request, status: int = 200, name: str = "", **errors: str) -> Response:
    """Show the form that asks for account name and password after a mail check."""
    archive = request.state.archive
    asking, identity = accounts.asked_with(archive, request.path_params["secret"])
    return page(
        request,
        "accounts/choose.html",
        status=status,
        headers=PRIVATE,
        asking=asking,
        needs_password=not identity.issuer,
        shortest=archive.settings.accounts.password_length,
        name=name,
        errors=errors,
    )


def choose_page(request: Request) -> Response:
    """Ask for account name and password after the mail check."""
    only(request)
    return _choose(request)


@form_endpoint
def choose(request: Request, form: Form) -> Response:
    """Make the account, or let it wait for an administrator."""
    archive, name, password = request.state.archive, text(form, "name"), str(form.get("password", ""))
    if "again" in form and password != str(form.get("again", "")):
        return _choose(request, 400, name, again="This is not the same as the password.")
    try:
        person_id = accounts.finish_registration(archive, request.path_params["secret"], name, password)
    except (Invalid, Conflict) as error:
        return _choose(request, status_of(error), name, **{_field_of(error) or "name": error.message})
    if person_id is None:
        words = "An administrator looks at what you wrote; you get a message at your address when that is done."
        return _told(request, "Your registration waits", words, ("Look around meanwhile", "/collections"))
    return redirect(request, "/sign-in", message=f"The account {name} is made. Sign in.")


def _invitation(request: Request, status: int = 200, **tried: Any) -> Response:
    archive = request.state.archive
    known = accounts.invitation_of(archive, request.path_params["secret"])
    shown: dict[str, Any] = dict.fromkeys(ASKED, "") | {"name": "", "errors": {}} | tried
    return page(
        request,
        "accounts/invitation.html",
        status=status,
        headers=PRIVATE,
        invitation=known,
        roles=sorted({role for _, role in known.roles}),
        tried=shown | {"email": known.email},
        terms=accounts.current_terms(archive),
        shortest=archive.settings.accounts.password_length,
        action=request.url.path,
    )


def invitation_page(request: Request) -> Response:
    """Show an invitation: to make an account, or to take it with the one that is signed in."""
    only(request)
    return _invitation(request)


@form_endpoint
def take_invitation(request: Request, form: Form) -> Response:
    """Take an invitation."""
    state, secret = request.state, request.path_params["secret"]
    if text(form, "act") == "join":
        accounts.join_by_invitation(state.archive, state.actor, secret)
        return redirect(request, "/account", message="The invitation is taken; what it gives is below.")
    asking, given = _asking(form)
    name, password = text(form, "name"), str(form.get("password", ""))
    if password != str(form.get("again", "")):
        return _invitation(request, 400, **given, name=name, errors={"again": "This is not the same as the password."})
    try:
        accounts.accept_invitation(state.archive, secret, name, password, asking)
    except (Invalid, Conflict) as error:
        field = _field_of(error) or "name"
        return _invitation(request, status_of(error), **given, name=name, errors={field: error.message})
    return redirect(request, "/sign-in", message=f"The account {name} is made. Sign in.")


def forgotten_page(request: Request) -> Response:
    """Ask whose password is forgotten."""
    only(request)
    return page(request, "accounts/forgotten.html", headers=PRIVATE, problem="")


@form_endpoint
def forgotten(request: Request, form: Form) -> Response:
    """Mail a link; the answer is the same whether anybody has that name."""
    try:
        accounts.forgot_password(request.state.archive, text(form, "name"), address_of(request))
    except Busy as error:
        if error.kind != "account.too-many-attempts":
            raise
        return page(request, "accounts/forgotten.html", status=429, headers=PRIVATE, problem=error.message)
    words = "If there is such an account with a mail address, a message is on its way to it. Open the link in it."
    return _told(request, "Look into your mail", words, ("Sign in", "/sign-in"))


def _new_password(request: Request, status: int = 200, **errors: str) -> Response:
    archive = request.state.archive
    name = accounts.whose_password_link(archive, request.path_params["secret"])
    shortest = archive.settings.accounts.password_length
    shown: dict[str, Any] = {"name": name, "errors": errors, "shortest": shortest}
    return page(request, "accounts/new_password.html", status=status, headers=PRIVATE, **shown)


def new_password_page(request: Request) -> Response:
    """Ask for a new password."""
    only(request)
    return _new_password(request)


@form_endpoint
def new_password(request: Request, form: Form) -> Response:
    """Set a new password by a link."""
    new = str(form.get("new", ""))
    if new != str(form.get("again", "")):
        return _new_password(request, 400, again="This is not the same as the new password.")
    try:
        accounts.reset_password(request.state.archive, request.path_params["secret"], new)
    except Invalid as error:
        return _new_password(request, 400, new=error.message)
    return redirect(request, "/sign-in", message="The password is changed. Sign in with it.")


def mail_page(request: Request) -> Response:
    """Ask to confirm a new mail address: only a click counts, for mail programs open links by themselves."""
    only(request)
    email = accounts.new_mail_of(request.state.archive, request.path_params["secret"])
    return page(request, "accounts/mail.html", headers=PRIVATE, email=email)


@form_endpoint
def mail(request: Request, _form: Form) -> Response:
    """Confirm a new mail address."""
    accounts.confirm_mail(request.state.archive, request.path_params["secret"])
    return redirect(request, "/account/profile", message="The mail address is confirmed.")


def terms_page(request: Request) -> Response:
    """Show the terms in force, and since when earlier ones stood."""
    only(request)
    known = accounts.list_terms(request.state.archive)
    return page(request, "accounts/terms.html", terms=known[0] if known else None, earlier=known[1:])


def _both(path: str, shown: Callable[[Request], Response], taken: Callable[..., Any]) -> list[Route]:
    return [Route(path, shown, methods=["GET"]), Route(path, taken, methods=["POST"])]


routes: list[Route] = [
    *_both("/register", register_page, register),
    *_both("/register/newcomer/{secret}", newcomer_page, newcomer),
    *_both("/register/{secret}", choose_page, choose),
    *_both("/invitation/{secret}", invitation_page, take_invitation),
    *_both("/forgotten", forgotten_page, forgotten),
    *_both("/password/{secret}", new_password_page, new_password),
    *_both("/mail/{secret}", mail_page, mail),
    Route("/terms", terms_page, methods=["GET"]),
]
