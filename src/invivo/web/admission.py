"""Who comes in and who stays: registrations, invitations, terms, one account in full. Served by the desk."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from invivo import accounts, audit, collections
from invivo.errors import Conflict, Invalid, InvivoError, NotFound, Refused
from invivo.web.errors import status_of
from invivo.web.form import Form, form_endpoint, only, redirect, text
from invivo.web.render import page
from invivo.web.sessions import PRIVATE

REGISTRATION_WORDS = {
    "closed": "Administrators make accounts and invite people.",
    "invited": "Administrators and owners of collections invite people.",
    "moderated": "Everybody may ask; an administrator approves.",
    "open": "Everybody may make an account after a check of the mail address.",
}


def registrations_page(request: Request) -> Response:
    """Show who waits for an account, and whom was decided upon."""
    only(request)
    return _registrations(request)


def _registrations(request: Request, status: int = 200, failed: int = 0, error: str = "") -> Response:
    archive, actor = request.state.archive, request.state.actor
    policy = archive.settings.accounts.registration
    return page(
        request,
        "admin/registrations.html",
        status=status,
        headers=PRIVATE,
        waiting=accounts.registrations(archive, actor),
        decided=accounts.registrations(archive, actor, only_waiting=False),
        policy=policy,
        policy_words=REGISTRATION_WORDS[policy],
        failed=failed,
        error=error,
    )


@form_endpoint
def decide(request: Request, form: Form) -> Response:
    """Approve or decline a registration."""
    archive, actor, number = request.state.archive, request.state.actor, request.path_params["registration"]
    try:
        if text(form, "act") == "approve":
            accounts.approve_registration(archive, actor, number)
            message = "The account is open; its owner gets a message."
        else:
            accounts.decline_registration(archive, actor, number, text(form, "reason"))
            message = "Declined; the person gets a message with your reason."
    except (Invalid, Conflict) as error:
        return _registrations(request, status_of(error), number, error.message)
    return redirect(request, "/admin/registrations", message=message)


def invitations_page(request: Request) -> Response:
    """Show invitations, with the form to make one."""
    only(request)
    return _invitations(request)


def _invitations(request: Request, status: int = 200, **tried: Any) -> Response:
    archive, actor = request.state.archive, request.state.actor
    known = collections.listed(archive, actor)
    return page(
        request,
        "admin/invitations.html",
        status=status,
        headers=PRIVATE,
        invitations=accounts.invitations(archive, actor),
        names={one.id: one.short_name for one in known},
        choices=[(str(one.id), f"{one.short_name}: {one.title}") for one in known if actor.may_own(one.id)],
        roles=[(role, role.capitalize(), collections.ROLES[role]) for role in accounts.GRANTS],
        days=archive.settings.accounts.invitation_days,
        tried={"email": "", "collection": "", "role": "submitter", "errors": {}} | tried,
    )


@form_endpoint
def invite(request: Request, form: Form) -> Response:
    """Invite somebody by mail."""
    email, collection, role = text(form, "email"), text(form, "collection"), text(form, "role")
    roles = [(int(collection), role)] if collection.isdecimal() else []
    try:
        accounts.invite(request.state.archive, request.state.actor, email, roles)
    except Invalid as error:
        field = {"account.role": "role", "account.invitation-empty": "collection"}.get(error.kind, "email")
        shown = {"email": email, "collection": collection, "role": role, "errors": {field: error.message}}
        return _invitations(request, 400, **shown)
    return redirect(request, "/admin/invitations", message=f"An invitation is on its way to {email}.")


@form_endpoint
def withdraw(request: Request, _form: Form) -> Response:
    """Make an invitation worthless."""
    try:
        accounts.withdraw_invitation(request.state.archive, request.state.actor, request.path_params["invitation"])
    except NotFound as error:
        return redirect(request, "/admin/invitations", message=error.message, kind="danger")
    return redirect(request, "/admin/invitations", message="The invitation is withdrawn.")


def terms_page(request: Request) -> Response:
    """Show the terms, with the form for a new version."""
    only(request)
    return _terms(request)


def _terms(request: Request, status: int = 200, **tried: str) -> Response:
    if not request.state.actor.is_administrator:
        raise Refused("Only an administrator may see this page.", code="admin.not-administrator")
    known = accounts.list_terms(request.state.archive)
    shown = {"version": "", "text": known[0].text if known else "", "error": ""} | tried
    return page(request, "admin/terms.html", status=status, headers=PRIVATE, terms=known, tried=shown)


@form_endpoint
def publish_terms(request: Request, form: Form) -> Response:
    """Put a new version of the terms into force."""
    version, words = text(form, "version"), text(form, "text")
    try:
        accounts.publish_terms(request.state.archive, request.state.actor, version, words)
    except (Invalid, Conflict) as error:
        return _terms(request, status_of(error), version=version, text=words, error=error.message)
    return redirect(request, "/admin/terms", message=f"Terms {version} are in force; everybody accepts them next.")


def person_page(request: Request) -> Response:
    """Show one account in full: what it says, how it signs in, what happened to it."""
    only(request)
    archive, actor, number = request.state.archive, request.state.actor, request.path_params["person"]
    if not actor.is_administrator:
        raise Refused("Only an administrator may see this page.", code="admin.not-administrator")
    person = accounts.person_of(archive, actor, number)
    mine = {f"name:{person.name.lower()}", f"factor:{person.id}"}
    with archive.database.transaction() as tx:
        history = audit.history(tx, f"person:{number}", 200)
    return page(
        request,
        "admin/person.html",
        headers=PRIVATE,
        person=person,
        factors=accounts.factors_of(archive, actor, number),
        accepted=accounts.accepted_by(archive, actor, number),
        locks=[one for one in accounts.locked(archive, actor) if one.subject in mine],
        history=history,
        names={f"person:{one.id}": one.name for one in accounts.list_people(archive, actor)},
    )


@form_endpoint
def change_person(request: Request, form: Form) -> Response:
    """Take second factors off a person who lost them, or lift what holds them back."""
    archive, actor, number = request.state.archive, request.state.actor, request.path_params["person"]
    back = f"/admin/accounts/{number}"
    try:
        if text(form, "act") == "factors":
            accounts.reset_factors(archive, actor, number)
            message = "The second factors are taken off; the person is told and signs in anew."
        else:
            accounts.lift(archive, actor, text(form, "subject"))
            message = "Nothing holds the account back any more."
    except InvivoError as error:
        return redirect(request, back, message=error.message, kind="danger")
    return redirect(request, back, message=message)


routes: list[Route] = [
    Route("/admin/registrations", registrations_page, methods=["GET"]),
    Route("/admin/registrations/{registration:int}", decide, methods=["POST"]),
    Route("/admin/invitations", invitations_page, methods=["GET"]),
    Route("/admin/invitations", invite, methods=["POST"]),
    Route("/admin/invitations/{invitation:int}/withdraw", withdraw, methods=["POST"]),
    Route("/admin/terms", terms_page, methods=["GET"]),
    Route("/admin/terms", publish_terms, methods=["POST"]),
    Route("/admin/accounts/{person:int}", person_page, methods=["GET"]),
    Route("/admin/accounts/{person:int}/sign-in", change_person, methods=["POST"]),
]
