"""Moving held series to another subject or study, with what it changes shown before; and how strict a collection's gates are."""

from itertools import groupby
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from invivo import collections, submissions
from invivo.errors import Conflict, Invalid, NotFound
from invivo.web.errors import status_of
from invivo.web.form import Form, form_endpoint, only, redirect, text, texts
from invivo.web.policies import PRIVATE, own_collection
from invivo.web.render import counted, page
from invivo.web.rules import names_of_people, number_of

MOST_SHOWN = 500
KIND_WORDS = {"subject": "To another subject", "split": "Study of its own", "merge": "Into another study"}
STRICTNESS = {
    "missing": (
        ("allow", "Note it", "References that lead nowhere are written down and hold nothing"),
        ("warn", "Warn", "The curator reads it before deciding"),
        ("hold", "Hold", "No rule may clear the series, only a person"),
    ),
    "form": (
        ("allow", "Note it", "What an object lacks is written down"),
        ("warn", "Warn", "The curator reads it before deciding"),
        ("hold", "Hold", "An object that lacks what its definition requires waits for a person"),
    ),
}


def _base(collection: collections.Collection) -> str:
    return f"/admin/collections/{collection.short_name}/moves"


def moves_page(request: Request) -> Response:
    """List the held series by subject and study, and the moves of before."""
    only(request, "submission")
    return _show(request)


def _show(request: Request, status: int = 200, error: str = "", ticked: tuple[int, ...] = ()) -> Response:
    collection = own_collection(request)
    archive, actor = request.state.archive, request.state.actor
    submission = number_of(request.query_params.get("submission", "")) or None
    series = submissions.movable_of(archive, actor, collection.id, submission, MOST_SHOWN + 1)
    studies = [list(group) for _, group in groupby(series[:MOST_SHOWN], lambda one: (one.subject_label, one.study_uid))]
    return page(
        request,
        "moving/series.html",
        status=status,
        headers=PRIVATE,
        collection=collection,
        base=_base(collection),
        studies=studies,
        mixed=_mixed(studies),
        is_cut=len(series) > MOST_SHOWN,
        submission=submission,
        labels=[(one, one) for one in sorted({one.subject_label for one in series if one.subject_label})],
        targets=[(str(group[0].id), _study_words(group)) for group in studies if group[0].study_uid],
        moves=submissions.moves_of(archive, actor, collection.id),
        kind_words=KIND_WORDS,
        names=names_of_people(request, collection),
        error=error,
        ticked=ticked,
    )


def _study_words(group: list[submissions.Movable]) -> str:
    modalities = ", ".join(sorted({one.modality for one in group if one.modality}))
    return f"{group[0].subject_label}: study …{group[0].study_uid[-8:]}, {counted(len(group), 'series', 'series')} {modalities}"


def _mixed(studies: list[list[submissions.Movable]]) -> set[str]:
    """Studies that are held under more than one subject."""
    labels: dict[str, set[str]] = {}
    for group in studies:
        labels.setdefault(group[0].study_uid, set()).add(group[0].subject_label)
    return {study for study, found in labels.items() if study and len(found) > 1}


def _wanted(form: Form) -> submissions.Wanted:
    ids = sorted({number for one in texts(form, "series") if (number := number_of(one))})
    return submissions.Wanted(
        text(form, "kind"),
        tuple(ids),
        subject_label=text(form, "new_label") or text(form, "label"),
        into_series=number_of(text(form, "into")),
        reason=text(form, "reason"),
    )


@form_endpoint
def decide(request: Request, form: Form) -> Response:
    """Show what a move changes; when that was seen, decide it."""
    only(request, "submission")
    collection = own_collection(request)
    archive, actor = request.state.archive, request.state.actor
    wanted = _wanted(form)
    try:
        if text(form, "act") == "do":
            number = submissions.move(archive, actor, collection.id, wanted)
            told = f"Move {number} is decided. The series are made anew from their originals."
            return redirect(request, _base(collection), message=told)
        seen = submissions.preview_move(archive, actor, collection.id, wanted)
    except Invalid as error:
        return _show(request, status_of(error), error.message, wanted.series_ids)
    except Conflict:
        # Somebody was quicker: the preview says what is so now.
        seen = submissions.preview_move(archive, actor, collection.id, wanted)
        return _preview(request, collection, seen, 409)
    return _preview(request, collection, seen)


def _preview(
    request: Request, collection: collections.Collection, seen: submissions.MovePreview, status: int = 200
) -> Response:
    return page(
        request,
        "moving/preview.html",
        status=status,
        headers=PRIVATE,
        collection=collection,
        base=_base(collection),
        seen=seen,
        kind_words=KIND_WORDS,
    )


@form_endpoint
def undo(request: Request, form: Form) -> Response:
    """Take a move back."""
    only(request)
    collection = own_collection(request)
    number = number_of(text(form, "move"))
    try:
        count = submissions.undo_move(request.state.archive, request.state.actor, collection.id, number)
    except (Conflict, NotFound) as error:
        return redirect(request, _base(collection), message=error.message, kind="danger")
    told = f"Move {number} is undone: {counted(count, 'object is', 'objects are')} made anew."
    return redirect(request, _base(collection), message=told)


def gates_page(request: Request) -> Response:
    """Show how strict a collection is about references and the form of objects."""
    only(request)
    collection = own_collection(request)
    gates = submissions.find_gates(request.state.archive, request.state.actor, collection.id)
    others = {one.id: one.short_name for one in _others(request, collection)}
    tried = {
        "missing": gates.missing,
        "form": gates.form,
        "named": [others[one] for one in gates.named if one in others],
    }
    return _gates(request, collection, tried, gates)


def _others(request: Request, collection: collections.Collection) -> list[collections.Collection]:
    found = collections.listed(request.state.archive, request.state.actor)
    return [one for one in found if one.id != collection.id]


def _gates(
    request: Request,
    collection: collections.Collection,
    tried: dict[str, Any],
    gates: submissions.Gates,
    status: int = 200,
    error: str = "",
) -> Response:
    return page(
        request,
        "moving/gates.html",
        status=status,
        headers=PRIVATE,
        collection=collection,
        tried=tried,
        gates=gates,
        strictness=STRICTNESS,
        others=[(one.short_name, one.short_name, one.title) for one in _others(request, collection)],
        names=names_of_people(request, collection),
        may_own=request.state.actor.may_own(collection.id),
        error=error,
    )


@form_endpoint
def set_gates(request: Request, form: Form) -> Response:
    """Set how strict a collection is."""
    only(request)
    collection = own_collection(request)
    archive, actor = request.state.archive, request.state.actor
    missing, formed, named = text(form, "missing"), text(form, "form"), texts(form, "named")
    try:
        count = submissions.set_gates(archive, actor, collection.id, missing, formed, named)
    except (Invalid, NotFound) as error:
        gates = submissions.find_gates(archive, actor, collection.id)
        tried = {"missing": missing, "form": formed, "named": named}
        return _gates(request, collection, tried, gates, status_of(error), error.message)
    told = f"Kept. {counted(count, 'series that waits is', 'series that wait are')} inspected anew."
    return redirect(request, f"/admin/collections/{collection.short_name}/gates", message=told)


_BASE = "/admin/collections/{collection}"
routes: list[Route] = [
    Route(f"{_BASE}/moves", moves_page, methods=["GET"]),
    Route(f"{_BASE}/moves", decide, methods=["POST"]),
    Route(f"{_BASE}/moves/undo", undo, methods=["POST"]),
    Route(f"{_BASE}/gates", gates_page, methods=["GET"]),
    Route(f"{_BASE}/gates", set_gates, methods=["POST"]),
]
