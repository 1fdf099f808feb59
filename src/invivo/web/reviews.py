"""One series at a time: the pictures, what the checks found, where it stands, and the decision, by keys."""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from invivo import accounts, collections, quarantine, reviews, submissions
from invivo.errors import Conflict, Invalid, InvivoError, NotFound, Refused
from invivo.web import checklists, held, review_bulk, review_queue
from invivo.web.errors import status_of
from invivo.web.form import Form, form_endpoint, only, redirect, text, texts
from invivo.web.render import counted, page
from invivo.web.review_bulk import DONE, REASONS
from invivo.web.review_queue import ASKED, PRIVATE, Queue, queue_of
from invivo.web.review_words import row_of, standing, title_of

SETTLED = {
    "discard": "Discarded",
    "retry": "Tried again; look again in a moment:",
    "replace": "Put in the place of the first one; look again in a moment:",
}


def item_page(request: Request) -> Response:
    """Show one item."""
    only(request, *ASKED, "last")
    item = reviews.item_named(request.state.archive, request.state.actor, request.path_params["item"])
    return _item(request, item, queue_of(request, request.query_params, "open"))


def _waits(objects: Sequence[quarantine.HeldObject], problems: Sequence[Any], masks: Sequence[submissions.Mask]) -> str:
    """Say what must end before a decision: pending, unsettled, masks, or nothing."""
    if any(one.state == "received" for one in objects):
        return "pending"
    if problems:
        return "unsettled"
    return "masks" if any(one.waiting for one in masks) else ""


def _is_own(actor: accounts.Actor, item: reviews.Item) -> bool:
    """Whether who asks has approved an item that waits for a second person."""
    if not item.approved_once_by:
        return False
    return item.approved_once_by == actor.name or item.approved_once_person == (actor.person_id or -1)


def _item(request: Request, item: reviews.Item, queue: Queue, status: int = 200, **tried: str) -> Response:
    archive, actor = request.state.archive, request.state.actor
    objects = reviews.objects_of_item(archive, item)
    earlier, later = reviews.around(
        archive, actor, item.id, collection_id=queue.collection_id, states=queue.states, narrow=queue.narrow
    )
    left = reviews.queue(
        archive, actor, collection_id=queue.collection_id, states=queue.states, narrow=queue.narrow, limit=1
    )
    policy = collections.collection_by_id(archive, actor, item.collection_id)
    pictured = next((one for one in objects if one.id == item.cover_object_id), None)
    shown = pictured or next((one for one in objects if one.clean_digest and one.sop_uid), None)
    masks, problems = submissions.masks_of(archive, item), _problems(archive, objects)
    waits = _waits(objects, problems, masks)
    is_own = _is_own(actor, item)

    def row(one: reviews.Item) -> dict[str, Any]:
        return row_of(one, queue.address(f"/reviews/{one.id}"), actor.person_id)

    return page(
        request,
        "reviews/item.html",
        status=status,
        headers=PRIVATE,
        queue=queue,
        row=row(item),
        item=item,
        policy=policy,
        standing=standing(
            item,
            waits=waits,
            objects=len(objects),
            first=reviews.first_reader(archive, actor, item),
            is_own=is_own,
            two=policy.review_rule == "two-persons",
        ),
        waits=waits,
        is_own=is_own,
        facts=(shown.facts or {}).get("facts") if shown else None,
        tagged=shown,
        findings=reviews.findings_of(archive, item),
        problems=problems,
        files=[one for one in objects if not one.sop_uid],
        objects=objects,
        size_bytes=sum(one.clean_size_bytes or one.size_bytes for one in objects),
        has_hold=item.worst == "hold",
        curators=reviews.curators_of(archive, actor, item.collection_id),
        decider=reviews.decider(archive, item),
        earlier=[row(one) for one in earlier],
        later=[row(one) for one in later],
        left=left.total,
        last=_last(request),
        reasons=REASONS,
        masks=masks,
        tried={"verdict": "", "reason": "", "error": ""} | tried,
    )


def _problems(archive: Any, objects: Sequence[quarantine.HeldObject]) -> list[dict[str, Any]]:
    """Group the stuck objects by why; each conflict stands alone, beside what it is in conflict with."""
    found: dict[tuple[str, str, int], dict[str, Any]] = {}
    for one in objects:
        if one.state in ("stuck", "conflict"):
            key = (one.state, one.reason, one.id if one.state == "conflict" else 0)
            group = found.setdefault(key, {"state": one.state, "reason": one.reason, "objects": []})
            group["objects"].append(one)
    groups = list(found.values())
    for group in groups:
        rivals = reviews.rivals_of(archive, group["objects"][0]) if group["state"] == "conflict" else []
        group["rival"] = rivals[0] if rivals else None
    return groups


def _last(request: Request) -> dict[str, Any] | None:
    """Return what was decided just before, so that it can be taken back."""
    asked = request.query_params.get("last", "")
    if not asked.isdecimal():
        return None
    try:
        item = reviews.item_named(request.state.archive, request.state.actor, int(asked))
    except NotFound:
        return None
    is_half = item.state == "open" and item.approved_once_by is not None
    return {"item": item, "title": title_of(item), "can_reopen": is_half or item.state in ("approved", "deferred")}


def _onward(request: Request, queue: Queue, item_id: int, message: str) -> Response:
    """Go to the next item that waits, or to the queue when there is none."""
    archive, actor = request.state.archive, request.state.actor
    asked: dict[str, Any] = {"collection_id": queue.collection_id, "states": queue.states, "narrow": queue.narrow}
    _, later = reviews.around(archive, actor, item_id, **asked, sides=(0, 1))
    found = later or reviews.queue(archive, actor, **asked, limit=2).items
    following = next((one for one in found if one.id != item_id), None)
    if following is None:
        return redirect(request, queue.address("/reviews"), message=f"{message} Nothing more waits here.")
    return RedirectResponse(queue.address(f"/reviews/{following.id}", last=item_id), status_code=303)


@form_endpoint
def decide(request: Request, form: Form) -> Response:
    """Decide on an item and go on to the next."""
    archive, actor = request.state.archive, request.state.actor
    item = reviews.item_named(archive, actor, request.path_params["item"])
    queue = queue_of(request, form, "open")
    verdict, reason = text(form, "verdict"), text(form, "reason")
    try:
        state = reviews.decide(archive, actor, [item.id], verdict, reason)[item.id]
    except (Invalid, Conflict, Refused) as error:
        return _item(request, item, queue, status_of(error), verdict=verdict, reason=reason, error=error.message)
    if verdict == "reopen":
        return redirect(request, queue.address(f"/reviews/{item.id}"), message="The decision is taken back.")
    if verdict == "approve" and state == "open":
        return _onward(request, queue, item.id, f"{title_of(item)}: approved once; a second person must approve it.")
    return _onward(request, queue, item.id, f"{DONE[verdict]}: {title_of(item)}.")


@form_endpoint
def settle(request: Request, form: Form) -> Response:
    """Settle objects that are stuck or in conflict."""
    archive, actor = request.state.archive, request.state.actor
    item = reviews.item_named(archive, actor, request.path_params["item"])
    queue = queue_of(request, form, "open")
    verdict = text(form, "verdict")
    ids = [int(one) for one in texts(form, "object") if one.isdecimal()]
    target = queue.address(f"/reviews/{item.id}")
    done = 0
    try:
        for object_id in ids:
            reviews.object_of(archive, actor, item.id, object_id)
            reviews.settle_object(archive, actor, object_id, verdict)
            done += 1
    except InvivoError as error:
        return redirect(request, target, message=f"Settled {done} of {len(ids)}. {error.message}", kind="danger")
    return redirect(request, target, message=f"{SETTLED[verdict]} {counted(done, 'object')}.")


routes: list[Route] = [
    Route("/reviews", review_queue.queue_page),
    Route("/reviews/assign", review_queue.assign, methods=["POST"]),
    Route("/reviews/batches", review_queue.batches_page, methods=["GET"]),
    Route("/reviews/batches", review_queue.make_batches, methods=["POST"]),
    Route("/reviews/batches/{batch:int}", review_queue.change_batch, methods=["POST"]),
    Route("/reviews/bulk", review_bulk.bulk_page, methods=["GET"]),
    Route("/reviews/bulk", review_bulk.bulk_decide, methods=["POST"]),
    Route("/reviews/{item:int}", item_page),
    Route("/reviews/{item:int}/decide", decide, methods=["POST"]),
    Route("/reviews/{item:int}/settle", settle, methods=["POST"]),
    *checklists.routes,
    *held.routes,
]
