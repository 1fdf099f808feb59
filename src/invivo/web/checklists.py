"""The checklist of a collection: its steps with what can be counted beside them, what was recorded, and earlier rounds."""

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from invivo import collections, reviews, submissions
from invivo.errors import Conflict, Invalid, NotFound, Refused
from invivo.web.checklist_words import Counted, evidence_lines
from invivo.web.form import Form, form_endpoint, only, redirect, text, texts
from invivo.web.render import page

PRIVATE = {"Cache-Control": "no-store"}
OUTCOME_WORDS = {
    "done": "Done",
    "remarks": "Done, with remarks",
    "not-applicable": "Not applicable",
    "taken-back": "Taken back",
}
ON_PAGE = 20


def _place(request: Request) -> collections.Collection:
    """Return the collection of the address, for its curators only; others do not learn that it is there."""
    archive, actor = request.state.archive, request.state.actor
    found = collections.collection_named(archive, actor, request.path_params["collection"])
    if not actor.may_curate(found.id):
        raise NotFound("There is no such collection, or you may not see its checklist.", code="collection.unknown")
    return found


def checklist_page(
    request: Request, status: int = 200, error: str = "", tried: dict[str, str] | None = None
) -> Response:
    """Show where the checklist of the coming release stands."""
    only(request)
    archive, actor = request.state.archive, request.state.actor
    place = _place(request)
    found = reviews.checklist_of(archive, actor, place.id)
    lines: dict[str, list[Any]] = {}
    if found is not None:
        seen = reviews.evidence_of(archive, actor, place.id, found.begun_at)
        balances = {one: submissions.balance_of(archive, actor, one) for one in seen.submission_ids[:ON_PAGE]}
        known = Counted(place.short_name, seen, balances, place.review_rule)
        lines = {one.step.name: evidence_lines(one.step.name, known) for one in found.steps}
    with archive.database.transaction() as tx:
        blocking = reviews.blocking(tx, place.id)
    return page(
        request,
        "checklists/checklist.html",
        status=status,
        headers=PRIVATE,
        place=place,
        checklist=found,
        lines=lines,
        blocking=blocking,
        rounds=reviews.rounds_of(archive, actor, place.id),
        shows_first=reviews.shows_first_reader(archive, place.id),
        may_own=actor.may_own(place.id),
        outcomes=OUTCOME_WORDS,
        error=error,
        tried=tried or {},
    )


@form_endpoint
def record(request: Request, form: Form) -> Response:
    """Record how a step went."""
    place = _place(request)
    step, outcome, remark = text(form, "step"), text(form, "outcome"), text(form, "remark")
    numbers = [text(form, "round"), text(form, "record")]
    seen = [int(one[:18]) if one.isdecimal() else 0 for one in numbers]
    try:
        reviews.record_step(
            request.state.archive, request.state.actor, place.id, step, outcome, remark, seen=(seen[0], seen[1])
        )
    except Invalid as error:
        return checklist_page(request, 400, error.message, {"step": step, "outcome": outcome, "remark": remark})
    except Conflict as error:
        return checklist_page(request, 409, error.message, {"step": step, "outcome": outcome, "remark": remark})
    words = f"Recorded: {OUTCOME_WORDS.get(outcome, outcome).lower()}."
    return redirect(request, f"/reviews/checklists/{place.short_name}#step-{step}", message=words)


def edit_page(request: Request, status: int = 200, error: str = "", rows: list[Any] | None = None) -> Response:
    """Show the form with the steps of a checklist."""
    only(request)
    archive, actor = request.state.archive, request.state.actor
    place = _place(request)
    found = reviews.checklist_of(archive, actor, place.id)
    steps = rows if rows is not None else [one.step for one in found.steps] if found else reviews.default_steps()
    return page(
        request,
        "checklists/edit.html",
        status=status,
        headers=PRIVATE,
        place=place,
        steps=steps,
        is_new=found is None,
        error=error,
    )


@form_endpoint
def edit(request: Request, form: Form) -> Response:
    """Set the steps of a checklist, or take it away."""
    place = _place(request)
    target = f"/reviews/checklists/{place.short_name}"
    steps = [] if text(form, "remove") == "yes" else _steps(form)
    try:
        reviews.set_checklist(request.state.archive, request.state.actor, place.id, steps)
    except Invalid as error:
        return edit_page(request, 400, error.message, steps)
    return redirect(
        request, target, message="The checklist is saved." if steps else "The collection has no checklist now."
    )


def _steps(form: Form) -> list[reviews.Step]:
    """Read the rows of the form in the order of their numbers; a row without a title is left out."""
    names, titles, guides = texts(form, "name"), texts(form, "title"), texts(form, "guide")
    places, required = texts(form, "place"), set(texts(form, "required"))
    rows = []
    for at, (name, title, guide) in enumerate(zip(names, titles, guides, strict=False)):
        if title.strip():
            number = places[at] if at < len(places) and places[at].isdecimal() else "9999"
            is_required = str(at) in required
            rows.append(
                (int(number[:4]), at, reviews.Step(name or _name(title, names), title.strip(), guide, is_required))
            )
    return [step for _, _, step in sorted(rows, key=lambda one: one[:2])]


def _name(title: str, taken: list[str]) -> str:
    """Make a name for a new step out of its title."""
    stem = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:32] or "step"
    stem = stem if stem[0].isalpha() else f"step-{stem}"
    return next(name for name in (stem, *(f"{stem}-{n}" for n in range(2, 100))) if name not in taken)


@form_endpoint
def second_reading(request: Request, form: Form) -> Response:
    """Say whether a second reader is told who read first."""
    place = _place(request)
    target = f"/reviews/checklists/{place.short_name}"
    shows = text(form, "shows_first") == "yes"
    try:
        reviews.set_second_reading(request.state.archive, request.state.actor, place.id, shows_first=shows)
    except Refused as error:
        return redirect(request, target, message=error.message, kind="danger")
    return redirect(request, target, message=f"A second reader {'is told' if shows else 'is not told'} who read first.")


routes: list[Route] = [
    Route("/reviews/checklists/{collection}", checklist_page, methods=["GET"]),
    Route("/reviews/checklists/{collection}", record, methods=["POST"]),
    Route("/reviews/checklists/{collection}/edit", edit_page, methods=["GET"]),
    Route("/reviews/checklists/{collection}/edit", edit, methods=["POST"]),
    Route("/reviews/checklists/{collection}/second-reading", second_reading, methods=["POST"]),
]
