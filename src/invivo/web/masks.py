"""Masks: rectangles that a curator draws over the pictures of a held series and has applied."""

import re
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from invivo import quarantine, reviews, submissions
from invivo.errors import Conflict, Invalid
from invivo.web.errors import status_of
from invivo.web.form import Form, form_endpoint, only, redirect, text, texts
from invivo.web.held import NEVER
from invivo.web.render import counted
from invivo.web.review_queue import queue_of
from invivo.web.reviews import _item

SIDES = ("x", "y", "width", "height")
_RANGE = re.compile(r"(\d{1,7})(?:\s*-\s*(\d{1,7}))?")
_NUMBER = re.compile(r"\d{1,7}")


@form_endpoint
def apply(request: Request, form: Form) -> Response:
    """Hide rectangles in the pictures of an item."""
    archive, actor = request.state.archive, request.state.actor
    item = reviews.item_named(archive, actor, request.path_params["item"])
    queue = queue_of(request, form, "open")
    try:
        rectangles = _rectangles(form)
        chosen = _objects(form, reviews.objects_of_item(archive, item))
        frames = _frames(text(form, "frames")) if text(form, "scope") == "frames" else None
        count = submissions.mask(archive, actor, item.id, rectangles, chosen, frames)
    except (Invalid, Conflict) as error:
        tried = {f"mask_{name}": text(form, name) for name in ("scope", "object", "frames")}
        rows = ";".join(",".join(row) for row in zip(*(texts(form, side) for side in SIDES), strict=False))
        return _item(
            request,
            item,
            queue,
            status_of(error),
            error=error.message,
            mask_error=error.message,
            mask_rows=rows[:5000],
            **tried,
        )
    words = f"{counted(len(rectangles), 'rectangle')} {'is' if len(rectangles) == 1 else 'are'} being hidden in {counted(count, 'object')}."
    return redirect(request, queue.address(f"/reviews/{item.id}"), message=words)


def _rectangles(form: Form) -> list[list[int]]:
    """Read the rows of four numbers that are not empty."""
    columns = [texts(form, side) for side in SIDES]
    if len({len(column) for column in columns}) != 1:
        raise submissions.BadMask("A rectangle is x, y, width and height.")
    rows = [[one.strip() for one in row] for row in zip(*columns, strict=True)]
    rows = [row for row in rows if any(row)]
    if not all(_NUMBER.fullmatch(one) for row in rows for one in row):
        raise submissions.BadMask("A rectangle is x, y, width and height: four whole numbers of pixels.")
    return [[int(one) for one in row] for row in rows]


def _objects(form: Form, held: Sequence[quarantine.HeldObject]) -> list[int]:
    """Return the object that is named, or all with pictures of its size."""
    scope, named = text(form, "scope", "alike"), text(form, "object")
    if scope not in ("alike", "object", "frames") or not _NUMBER.fullmatch(named):
        raise submissions.BadMask("Say which objects the rectangles are for.")
    return submissions.alike(held, int(named)) if scope == "alike" else [int(named)]


def _frames(asked: str) -> list[int]:
    """Read frames as people write them: ``1-40, 55``."""
    frames: list[int] = []
    for part in filter(None, (one.strip() for one in asked.split(","))):
        found = _RANGE.fullmatch(part)
        if found is None:
            raise submissions.BadMask("Frames are written as 1-40, 55.")
        first, last = int(found[1]), int(found[2] or found[1])
        if last - first >= submissions.MOST_FRAMES or len(frames) > submissions.MOST_FRAMES:
            raise submissions.BadMask(f"Name at most {submissions.MOST_FRAMES} frames.")
        frames += range(first, last + 1)
    return frames


@form_endpoint
def undo(request: Request, form: Form) -> Response:
    """Start again from the originals of what has masks."""
    archive, actor = request.state.archive, request.state.actor
    item = reviews.item_named(archive, actor, request.path_params["item"])
    target = queue_of(request, form, "open").address(f"/reviews/{item.id}")
    try:
        count = submissions.unmask(archive, actor, item.id)
    except Conflict as error:
        return redirect(request, target, message=error.message, kind="danger")
    return redirect(
        request, target, message=f"{counted(count, 'object')} made anew from the original; no masks are left."
    )


def progress(request: Request) -> Response:
    """Say how far the masks of an item are applied."""
    only(request)
    archive, actor = request.state.archive, request.state.actor
    item = reviews.item_named(archive, actor, request.path_params["item"])
    masks = submissions.masks_of(archive, item)
    states = {one.state for one in reviews.objects_of_item(archive, item)}
    told = {name: sum(getattr(one, name) for one in masks) for name in ("waiting", "done", "failed")}
    return JSONResponse({**told, "pending": "received" in states}, headers=NEVER)


routes: list[Route] = [
    Route("/reviews/{item:int}/masks", apply, methods=["POST"]),
    Route("/reviews/{item:int}/masks/undo", undo, methods=["POST"]),
    Route("/reviews/{item:int}/masks.json", progress),
]
