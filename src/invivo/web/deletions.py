"""The trash, with deletions that two people decide, and legal holds."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from invivo import collections, releases
from invivo.errors import Conflict, Invalid, NotFound, Refused
from invivo.web.errors import status_of
from invivo.web.form import Form, form_endpoint, only, redirect, text, texts
from invivo.web.policies import PRIVATE, own_collection
from invivo.web.render import page

STATES = {
    "asked": ("waiting", "Waits for approval"),
    "approved": ("conflict", "Approved"),
    "declined": ("done", "Declined"),
    "restored": ("done", "Restored"),
    "removing": ("running", "Being deleted"),
    "deleted": ("withdrawn", "Deleted"),
}
_FAULTS = (Conflict, Invalid, Refused, NotFound)


def next_step(one: releases.Deletion) -> str:
    """Say what happens next with a deletion."""
    if one.state == "removing":
        return "Its files go within minutes."
    if not one.is_open:
        return ""
    if one.on_hold:
        return f"Nothing: a legal hold covers {one.on_hold} of its series."
    if one.state == "asked":
        return "Another person approves or declines it. Until then nothing is deleted."
    return f"Deleted after {one.due_at:%Y-%m-%d}, unless it is restored before."


def trash_page(request: Request) -> Response:
    """Show what lies in the trash of a collection, and what could be put there."""
    only(request)
    return _trash(request)


def _trash(request: Request, status: int = 200, **tried: Any) -> Response:
    archive, actor, collection = request.state.archive, request.state.actor, own_collection(request)
    return page(
        request,
        "deletions/trash.html",
        status=status,
        headers=PRIVATE,
        collection=collection,
        deletions=releases.trash_of(archive, actor, collection.id),
        hidden=releases.hidden_series(archive, actor, collection.id),
        may_own=actor.may_own(collection.id),
        states=STATES,
        next_step=next_step,
        days=archive.settings.releases.trash_days,
        tried={"error": "", "reason": "", "series": []} | tried,
    )


def every_trash_page(request: Request) -> Response:
    """Show the trash of all collections that somebody curates."""
    only(request)
    archive, actor = request.state.archive, request.state.actor
    if not actor.is_curator:
        raise Refused("Only curators see the trash.", code="deletion.not-curator")
    found = releases.trash_of(archive, actor)
    return page(request, "deletions/all.html", headers=PRIVATE, deletions=found, states=STATES, next_step=next_step)


@form_endpoint
def mark(request: Request, form: Form) -> Response:
    """Mark series that are withdrawn everywhere for deletion."""
    collection, chosen, reason = own_collection(request), texts(form, "series"), text(form, "reason")
    try:
        releases.ask_deletion(request.state.archive, request.state.actor, collection.id, chosen, reason)
    except _FAULTS as error:
        return _trash(request, status_of(error), error=error.message, reason=reason, series=chosen)
    words = "They lie in the trash. An owner or an administrator other than you decides."
    return redirect(request, _base(collection), message=words)


@form_endpoint
def decide(request: Request, form: Form) -> Response:
    """Approve or decline a deletion."""
    collection, verdict = own_collection(request), text(form, "verdict")
    try:
        if verdict not in ("approve", "decline"):
            raise Invalid("Approve it or decline it.", code="deletion.verdict")
        releases.decide_deletion(
            request.state.archive,
            request.state.actor,
            request.path_params["deletion"],
            approve=verdict == "approve",
            remark=text(form, "remark"),
        )
    except _FAULTS as error:
        return _trash(request, status_of(error), error=error.message)
    done = (
        "It is approved and is deleted after its date."
        if verdict == "approve"
        else "It is declined; nothing is deleted."
    )
    return redirect(request, _base(collection), message=done)


@form_endpoint
def restore(request: Request, form: Form) -> Response:
    """Take a deletion back, or publish its series again."""
    collection = own_collection(request)
    try:
        number = releases.restore(
            request.state.archive,
            request.state.actor,
            request.path_params["deletion"],
            publish=text(form, "publish") == "yes",
            remark=text(form, "remark"),
        )
    except _FAULTS as error:
        return _trash(request, status_of(error), error=error.message)
    done = (
        "It stays withdrawn and is not deleted." if number is None else f"It is published again with release {number}."
    )
    return redirect(request, _base(collection), message=done)


def _base(collection: collections.Collection) -> str:
    return f"/releases/{collection.short_name}/trash"


def holds_page(request: Request) -> Response:
    """Show the legal holds of a collection."""
    only(request, "subject", "series")
    subject, series = (request.query_params.get(name, "")[:200] for name in ("subject", "series"))
    return _holds(request, subject=subject, series=series)


def _holds(request: Request, status: int = 200, **tried: Any) -> Response:
    archive, actor, collection = request.state.archive, request.state.actor, own_collection(request)
    return page(
        request,
        "deletions/holds.html",
        status=status,
        headers=PRIVATE,
        collection=collection,
        holds=releases.holds_of(archive, actor, collection.id),
        may_own=actor.may_own(collection.id),
        tried={"error": "", "reason": "", "subject": "", "series": ""} | tried,
    )


@form_endpoint
def set_hold(request: Request, form: Form) -> Response:
    """Put a collection, a subject or a series on hold."""
    collection = own_collection(request)
    kept = {name: text(form, name) for name in ("reason", "subject", "series")}
    try:
        releases.set_hold(
            request.state.archive,
            request.state.actor,
            collection.id,
            kept["reason"],
            subject_label=kept["subject"],
            series_uid=kept["series"],
        )
    except _FAULTS as error:
        return _holds(request, status_of(error), error=error.message, **kept)
    words = "It is on hold: nothing of it is deleted until an administrator lifts the hold."
    return redirect(request, f"/releases/{collection.short_name}/holds", message=words)


@form_endpoint
def lift(request: Request, form: Form) -> Response:
    """Lift a hold."""
    collection = own_collection(request)
    try:
        releases.lift_hold(
            request.state.archive, request.state.actor, request.path_params["hold"], text(form, "reason")
        )
    except _FAULTS as error:
        return _holds(request, status_of(error), error=error.message)
    return redirect(request, f"/releases/{collection.short_name}/holds", message="The hold is lifted.")


routes: list[Route] = [
    Route("/admin/trash", every_trash_page),
    Route("/releases/{collection}/trash", trash_page, methods=["GET"]),
    Route("/releases/{collection}/trash", mark, methods=["POST"]),
    Route("/releases/{collection}/trash/{deletion:int}/decide", decide, methods=["POST"]),
    Route("/releases/{collection}/trash/{deletion:int}/restore", restore, methods=["POST"]),
    Route("/releases/{collection}/holds", holds_page, methods=["GET"]),
    Route("/releases/{collection}/holds", set_hold, methods=["POST"]),
    Route("/releases/{collection}/holds/{hold:int}/lift", lift, methods=["POST"]),
]
