"""When releases are made and embargoes end, under which licences, and the page of an article's editor."""

from datetime import UTC, date, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from invivo import collections, releases
from invivo.errors import Conflict, Invalid, NotFound, Refused
from invivo.web.errors import status_of
from invivo.web.form import Form, form_endpoint, only, redirect, text
from invivo.web.images import ACCESS_WORDS
from invivo.web.policies import PRIVATE, own_collection
from invivo.web.render import page

SEALED = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin", "X-Robots-Tag": "noindex"}
KINDS = (("modality", "Modality"), ("subject", "Subject"), ("series", "Series UID"))
_UNTRIED: dict[str, Any] = dict.fromkeys("error place made day time notes until label days address".split(), "") | {
    "is_embargo": False
}
_FAULTS = (Conflict, Invalid, Refused, NotFound)


def _when(form: Form) -> datetime:
    try:
        day = date.fromisoformat(text(form, "day"))
        clock = datetime.strptime(text(form, "time") or "00:00", "%H:%M").time()  # noqa: DTZ007 - the zone comes below
    except ValueError:
        raise Invalid("Write the day as 2027-01-31 and the time as 18:00.", code="release.due-at") from None
    return datetime.combine(day, clock, UTC)


def schedule_page(request: Request) -> Response:
    """Show what is scheduled, the embargo, and the links of editors."""
    only(request)
    return _schedule(request)


def _schedule(request: Request, status: int = 200, **tried: Any) -> Response:
    archive, actor, collection = request.state.archive, request.state.actor, own_collection(request)
    known = releases.schedules_of(archive, actor, collection.id)
    may_own = actor.may_own(collection.id)
    with archive.database.transaction() as tx:
        into = collections.opens_into(tx, collection.id)
    return page(
        request,
        "releases/schedule.html",
        status=status,
        headers=PRIVATE,
        collection=collection,
        due=next((one for one in known if one.state == "due"), None),
        ended=[one for one in known if one.state != "due"],
        may_own=may_own,
        links=releases.editor_links_of(archive, actor, collection.id) if may_own else [],
        into=into,
        classes=[(one, ACCESS_WORDS[one]) for one in collections.OPENS_INTO],
        tried=_UNTRIED | tried,
        now=archive.clock(),
        reminder_days=sorted(archive.settings.releases.reminder_days, reverse=True),
    )


@form_endpoint
def write_schedule(request: Request, form: Form) -> Response:
    """Schedule the next release, or change when it is made."""
    archive, actor, collection = request.state.archive, request.state.actor, own_collection(request)
    known, notes, is_embargo = text(form, "schedule"), text(form, "notes"), text(form, "is_embargo") == "yes"
    kept = {"day": text(form, "day"), "time": text(form, "time"), "notes": notes, "is_embargo": is_embargo}
    try:
        if known.isdigit() and len(known) < 18:
            releases.reschedule(archive, actor, int(known), _when(form), notes, is_embargo=is_embargo)
        else:
            releases.schedule(archive, actor, collection.id, _when(form), notes, is_embargo=is_embargo)
    except _FAULTS as error:
        return _schedule(request, status_of(error), error=error.message, place="schedule", **kept)
    return redirect(request, f"/releases/{collection.short_name}/schedule", message="The release is scheduled.")


@form_endpoint
def cancel(request: Request, form: Form) -> Response:
    """Cancel the scheduled release."""
    collection, number = own_collection(request), text(form, "schedule")
    try:
        releases.cancel(request.state.archive, request.state.actor, int(number) if number.isdigit() else 0)
    except _FAULTS as error:
        return _schedule(request, status_of(error), error=error.message, place="schedule")
    message = "The release is cancelled; what is cleared waits for the next one."
    return redirect(request, f"/releases/{collection.short_name}/schedule", message=message)


@form_endpoint
def write_embargo(request: Request, form: Form) -> Response:
    """Set or move the end of the collection's embargo, or end it now."""
    archive, actor, collection = request.state.archive, request.state.actor, own_collection(request)
    try:
        if text(form, "end") == "now":
            releases.open_now(archive, actor, collection.id)
            message = "The embargo has ended; the scheduled release, if there is one, is made now."
        else:
            until = _when(form).date()
            collections.set_embargo(archive, actor, collection.id, until, text(form, "into"))
            message = f"Nothing of the collection is shown before {until.isoformat()}."
    except _FAULTS as error:
        return _schedule(request, status_of(error), error=error.message, place="embargo", until=text(form, "day"))
    return redirect(request, f"/releases/{collection.short_name}/schedule", message=message)


@form_endpoint
def make_link(request: Request, form: Form) -> Response:
    """Make a link for a journal's editor and show it once."""
    collection, days = own_collection(request), text(form, "days")
    label, address = text(form, "label"), text(form, "address")
    try:
        made, _ = releases.make_editor_link(
            request.state.archive,
            request.state.actor,
            collection.id,
            label,
            int(days) if days.isdigit() and len(days) < 6 else 0,
            address,
        )
    except _FAULTS as error:
        kept = {"label": label, "days": days, "address": address}
        return _schedule(request, status_of(error), error=error.message, place="links", **kept)
    return _schedule(request, made=made)


@form_endpoint
def revoke_link(request: Request, form: Form) -> Response:
    """End a link of an editor."""
    collection, link = own_collection(request), text(form, "link")
    try:
        number = int(link) if link.isdigit() and len(link) < 18 else 0
        releases.revoke_editor_link(request.state.archive, request.state.actor, collection.id, number)
    except _FAULTS as error:
        return _schedule(request, status_of(error), error=error.message, place="links")
    return redirect(request, f"/releases/{collection.short_name}/schedule", message="The link has ended.")


def licences_page(request: Request) -> Response:
    """Show under which licences the next release is made, and the one before was."""
    only(request)
    return _licences(request)


def _licences(request: Request, status: int = 200, **tried: Any) -> Response:
    archive, actor, collection = request.state.archive, request.state.actor, own_collection(request)
    preview = releases.preview(archive, actor, collection.id)
    counts: dict[str, int] = {}
    for spdx in preview.licences.values():
        counts[spdx] = counts.get(spdx, 0) + 1
    return page(
        request,
        "releases/licences.html",
        status=status,
        headers=PRIVATE,
        collection=collection,
        choices=releases.licence_choices(archive, actor, collection.id),
        coming=sorted(counts.items(), key=lambda one: -one[1]),
        shares=releases.licence_shares(archive, actor, collection.id),
        modalities=sorted({one[1] for one in preview.series}),
        kinds=KINDS,
        licences=[(one.id, f"{one.name} ({one.id})") for one in collections.licences()],
        tried={"kind": "modality", "value": "", "licence": collection.licence, "error": ""} | tried,
    )


@form_endpoint
def choose_licence(request: Request, form: Form) -> Response:
    """Choose the licence of a modality, a subject or a series, or take a choice back."""
    collection = own_collection(request)
    kind, value, licence = text(form, "kind"), text(form, "value"), text(form, "licence")
    try:
        releases.choose_licence(request.state.archive, request.state.actor, collection.id, kind, value, licence)
    except _FAULTS as error:
        return _licences(request, status_of(error), kind=kind, value=value, licence=licence, error=error.message)
    message = f"{value}: {licence} from the next release on." if licence else f"{value} has the collection's licence."
    return redirect(request, f"/releases/{collection.short_name}/licences", message=message)


def editor_page(request: Request) -> Response:
    """Show an editor who is signed in the one button."""
    only(request)
    archive, actor = request.state.archive, request.state.actor
    collection = collections.collection_named(archive, actor, request.path_params["collection"])
    if not releases.may_open(actor, collection.id):
        raise Refused("Only the article's editor or the collection's owner may see this.", code="release.not-editor")
    waiting = releases.is_waiting(archive, collection.id)
    return page(
        request,
        "releases/editor.html",
        headers=SEALED,
        title=collection.title,
        short_name=collection.short_name,
        is_released=collection.access not in ("embargoed", "private") and not waiting,
        is_asked=False,
        expires_at=None,
        action=f"/releases/{collection.short_name}/editor",
    )


@form_endpoint
def editor_opens(request: Request, _form: Form) -> Response:
    """Release an article's data, as somebody with the role asks."""
    archive, actor = request.state.archive, request.state.actor
    collection = collections.collection_named(archive, actor, request.path_params["collection"])
    was_waiting = releases.open_now(archive, actor, collection.id)
    message = "The data are being released." if was_waiting else "Nothing was waiting; the data are as they were."
    return redirect(request, f"/releases/{collection.short_name}/editor", message=message)


def link_page(request: Request) -> Response:
    """Show whoever has an editor's link the one button; looking changes nothing."""
    only(request)
    shown = releases.shown_by_link(request.state.archive, request.path_params["secret"].replace("\0", ""))
    return page(
        request,
        "releases/editor.html",
        headers=SEALED,
        title=shown.title,
        short_name=shown.short_name,
        is_released=shown.is_released,
        is_asked=shown.clicked_at is not None,
        expires_at=shown.expires_at,
        action=request.url.path,
    )


@form_endpoint
def link_opens(request: Request, _form: Form) -> Response:
    """Ask for the release by a link; a second time changes nothing."""
    releases.click(request.state.archive, request.path_params["secret"].replace("\0", ""))
    return redirect(request, request.url.path, message="Thank you. The data are being released.")


public_routes: list[Route] = [
    Route("/editor/{secret}", link_page, methods=["GET"]),
    Route("/editor/{secret}", link_opens, methods=["POST"]),
]
routes: list[Route] = [
    Route("/releases/{collection}/schedule", schedule_page, methods=["GET"]),
    Route("/releases/{collection}/schedule", write_schedule, methods=["POST"]),
    Route("/releases/{collection}/schedule/cancel", cancel, methods=["POST"]),
    Route("/releases/{collection}/embargo", write_embargo, methods=["POST"]),
    Route("/releases/{collection}/links", make_link, methods=["POST"]),
    Route("/releases/{collection}/links/revoke", revoke_link, methods=["POST"]),
    Route("/releases/{collection}/licences", licences_page, methods=["GET"]),
    Route("/releases/{collection}/licences", choose_licence, methods=["POST"]),
    Route("/releases/{collection}/editor", editor_page, methods=["GET"]),
    Route("/releases/{collection}/editor", editor_opens, methods=["POST"]),
]
