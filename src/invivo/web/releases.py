"""Publishing a collection's next release, and withdrawing a series."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from invivo import collections, releases, reviews
from invivo.errors import Conflict, Invalid, Refused
from invivo.web.errors import status_of
from invivo.web.form import Form, form_endpoint, only, redirect, text
from invivo.web.render import page

PRIVATE = {"Cache-Control": "no-store"}
REASONS = (
    ("privacy", "Privacy", "Something in it may identify a person"),
    ("consent", "Consent", "Consent was withdrawn or never given"),
    ("quality", "Quality", "It is wrong or of no use"),
    ("duplicate", "Duplicate", "It is published twice"),
    ("legal", "Legal", "It may not be published"),
    ("other", "Other", "None of these; say which below"),
)
SCOPES = (
    ("onward", "From now on", "Older releases keep it, as they were published and cited"),
    ("everywhere", "Everywhere", "No release shows it or gives it out any more; for privacy and consent"),
)
SHOWN = 500
MOST_PLACES, MOST_PLANNED = 100_000, 200


def _collection(request: Request) -> collections.Collection:
    return collections.collection_named(request.state.archive, request.state.actor, request.path_params["collection"])


def every_page(request: Request) -> Response:
    """Show the collections that somebody may publish: what waits in each, and its newest release."""
    only(request)
    archive, actor = request.state.archive, request.state.actor
    if not actor.is_curator:
        raise Refused("Only curators publish.", code="release.not-curator")
    places = [one for one in collections.listed(archive, actor) if actor.may_curate(one.id)]
    published = {one.collection: one for one in releases.newest(archive, actor, MOST_PLACES)}
    return page(
        request,
        "releases/all.html",
        headers=PRIVATE,
        rows=[(one, published.get(one.short_name)) for one in places],
        waiting=reviews.counts(archive, actor),
        planned={one.id: releases.due_of(archive, actor, one.id) for one in places[:MOST_PLANNED]},
    )


def preview_page(request: Request) -> Response:
    """Show what publishing now would do."""
    only(request)
    return _preview(request, _collection(request))


def _preview(
    request: Request, collection: collections.Collection, status: int = 200, notes: str = "", error: str = ""
) -> Response:
    archive, actor = request.state.archive, request.state.actor
    preview = releases.preview(archive, actor, collection.id)
    published = releases.releases_of(archive, actor, collection.id)
    return page(
        request,
        "releases/preview.html",
        status=status,
        headers=PRIVATE,
        collection=collection,
        preview=preview,
        added=sum(1 for one in preview.series if one[5]),
        revised=sum(1 for one in preview.series if not one[5]),
        objects=sum(one[3] for one in preview.series),
        subjects_count=len({one[2] for one in preview.series}),
        shown=preview.series[:SHOWN],
        access=collections.access_in_words(collection),
        newest=published[0] if published else None,
        waiting=reviews.counts(archive, actor).get(collection.id, {}),
        due=releases.due_of(archive, actor, collection.id),
        is_large=len(preview.series) > releases.LARGE_SERIES,
        notes=notes,
        error=error,
    )


@form_endpoint
def publish(request: Request, form: Form) -> Response:
    """Publish the next release."""
    collection = _collection(request)
    archive, actor, notes = request.state.archive, request.state.actor, text(form, "notes")
    try:
        if releases.is_large(archive, actor, collection.id):
            asked = releases.schedule(archive, actor, collection.id, notes=notes)
            return redirect(request, f"/releases/{collection.short_name}/progress/{asked.id}")
        number = releases.publish(archive, actor, collection.id, notes)
    except (Conflict, Invalid, Refused) as error:
        return _preview(request, collection, status_of(error), notes, error.message)
    return redirect(request, f"/releases/{collection.short_name}/done/{number}")


def progress_page(request: Request) -> Response:
    """Show how far the worker is with a release; it stays as it is, whatever becomes of the browser."""
    only(request)
    collection, number = _collection(request), request.path_params["schedule"]
    known = releases.schedules_of(request.state.archive, request.state.actor, collection.id)
    asked = next((one for one in known if one.id == number), None)
    if asked is None:
        return redirect(
            request, f"/releases/{collection.short_name}", message="There is no such release.", kind="danger"
        )
    now = request.state.archive.clock()
    return page(request, "releases/progress.html", headers=PRIVATE, collection=collection, asked=asked, now=now)


def done_page(request: Request) -> Response:
    """Say what was published."""
    only(request)
    collection = _collection(request)
    number = request.path_params["number"]
    published = releases.releases_of(request.state.archive, request.state.actor, collection.id)
    release = next((one for one in published if one.number == number), None)
    if release is None:
        return redirect(
            request, f"/releases/{collection.short_name}", message=f"There is no release {number}.", kind="danger"
        )
    return page(request, "releases/done.html", headers=PRIVATE, collection=collection, release=release)


def withdraw_page(request: Request) -> Response:
    """Show the form to withdraw subjects, studies or series, with what would go."""
    only(request, "subject", "study", "series", "scope")
    collection = _collection(request)
    named = _named({name: request.query_params.get(name, "") for name in ("subject", "study", "series")})
    return _withdraw_form(request, collection, named, request.query_params.get("scope", "onward"))


def _named(told: dict[str, str]) -> releases.Named:
    """Read names, one a line; UIDs may stand in one line."""
    lines = [one.strip() for one in told["subject"].replace("\0", "").splitlines()]
    return releases.Named(
        tuple(dict.fromkeys(one for one in lines if one)),
        tuple(dict.fromkeys(told["study"].replace("\0", "").replace(",", " ").split())),
        tuple(dict.fromkeys(told["series"].replace("\0", "").replace(",", " ").split())),
    )


def _withdraw_form(
    request: Request,
    collection: collections.Collection,
    named: releases.Named,
    scope: str,
    status: int = 200,
    **tried: Any,
) -> Response:
    archive, actor = request.state.archive, request.state.actor
    if not actor.may_curate(collection.id):
        raise Refused("Only the collection's owner or curators may withdraw.", code="release.not-curator")
    plan = releases.plan_withdrawal(archive, actor, collection.id, named, scope) if named.count else None
    return page(
        request,
        "releases/withdraw.html",
        status=status,
        headers=PRIVATE,
        collection=collection,
        named=named,
        plan=plan,
        scope=scope,
        scopes=SCOPES,
        classes=REASONS,
        shown=SHOWN,
        withdrawn=releases.tombstones_of(archive, actor, collection.id)[:50],
        tried={"reason_class": "", "reason": "", "confirm": "", "errors": {}} | tried,
    )


@form_endpoint
def withdraw(request: Request, form: Form) -> Response:
    """Withdraw what was named, and show what stays of it."""
    collection = _collection(request)
    named = _named({name: text(form, name) for name in ("subject", "study", "series")})
    scope, confirm, expected = text(form, "scope", "onward"), text(form, "confirm"), text(form, "expected")
    kept = {"reason_class": text(form, "reason_class"), "reason": text(form, "reason"), "confirm": confirm}
    if confirm.lower() != collection.short_name.lower():
        wrong = {"confirm": f"Write {collection.short_name} to confirm."}
        return _withdraw_form(request, collection, named, scope, 400, **kept, errors=wrong)
    try:
        number = releases.withdraw_named(
            *(request.state.archive, request.state.actor, collection.id, named, kept["reason_class"], kept["reason"]),
            scope=scope,
            expected=int(expected) if expected.isdigit() and len(expected) < 9 else None,
        )
    except (Invalid, Conflict) as error:
        field = {"release.reason-class": "reason_class", "release.reason": "reason"}.get(error.kind, "all")
        return _withdraw_form(
            request, collection, named, scope, status_of(error), **kept, errors={field: error.message}
        )
    base = f"/releases/{collection.short_name}"
    if named.subjects or named.studies or len(named.series) != 1:
        return redirect(request, f"{base}/withdraw", message=f"Withdrawn. From release {number} on it is gone.")
    message = f"The series is withdrawn. From release {number} on it is gone; this is what stays of it."
    return redirect(request, f"{base}/tombstones/{named.series[0]}", message=message)


def tombstone_page(request: Request) -> Response:
    """Show what stays of a withdrawn series."""
    only(request)
    collection = _collection(request)
    found = releases.tombstone_of(request.state.archive, request.state.actor, request.path_params["series"])
    return page(request, "releases/tombstone.html", headers=PRIVATE, collection=collection, tombstone=found)


routes: list[Route] = [
    Route("/releases", every_page, methods=["GET"]),
    Route("/releases/{collection}", preview_page, methods=["GET"]),
    Route("/releases/{collection}", publish, methods=["POST"]),
    Route("/releases/{collection}/progress/{schedule:int}", progress_page, methods=["GET"]),
    Route("/releases/{collection}/done/{number:int}", done_page),
    Route("/releases/{collection}/withdraw", withdraw_page, methods=["GET"]),
    Route("/releases/{collection}/withdraw", withdraw, methods=["POST"]),
    Route("/releases/{collection}/tombstones/{series}", tombstone_page),
]
