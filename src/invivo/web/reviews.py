"""The curator's desk: the queue, one series at a time by keys, decisions singly and in bulk."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from invivo import collections, quarantine, reviews, submissions
from invivo.errors import Conflict, Invalid, InvivoError, NotFound, Refused
from invivo.web import held
from invivo.web.errors import status_of
from invivo.web.form import Form, form_endpoint, only, redirect, text, texts
from invivo.web.render import counted, page

PRIVATE = {"Cache-Control": "no-store"}
STATES: dict[str, tuple[str, ...]] = {
    "waiting": ("open", "deferred"),
    "open": ("open",),
    "deferred": ("deferred",),
    "approved": ("approved",),
    "rejected": ("rejected",),
}
STATE_WORDS = {
    "waiting": "Waiting, all",
    "open": "Open",
    "deferred": "Deferred",
    "approved": "Approved",
    "rejected": "Rejected",
}
DONE = {"approve": "Approved", "reject": "Rejected", "defer": "Deferred", "reopen": "Opened again"}
SETTLED = {
    "discard": "Discarded",
    "retry": "Tried again; look again in a moment:",
    "replace": "Put in the place of the first one; look again in a moment:",
}
REASONS = {
    "reject": (
        "Text burned into the pixels identifies somebody.",
        "Face or other features identify the subject.",
        "Wrong subject or study.",
        "Does not belong to this collection.",
        "Damaged or of no use.",
        "The same as another series.",
    ),
    "defer": (
        "The submitter is asked.",
        "A second opinion is needed.",
        "More objects of this series are to come.",
        "Pixels are to be cleaned first.",
    ),
    "approve": (
        "Looked at every picture: nothing identifies.",
        "The finding is harmless.",
        "The file was read: nothing identifies.",
    ),
}
AT_ONCE = 50
MOST_IN_BULK = 500


@dataclass(frozen=True, slots=True)
class Queue:
    """Which queue a page stands in, as its address says."""

    collection: collections.Collection | None
    state: str

    @property
    def states(self) -> tuple[str, ...]:
        return STATES[self.state]

    @property
    def collection_id(self) -> int | None:
        return self.collection.id if self.collection else None

    def address(self, path: str, **more: Any) -> str:
        """Write an address that stays in this queue."""
        pairs = {"collection": self.collection.short_name if self.collection else "", "state": self.state} | more
        if pairs["state"] == "open" and path != "/reviews":
            pairs["state"] = ""
        if pairs["state"] == "waiting" and path == "/reviews":
            pairs["state"] = ""
        query = urlencode({key: value for key, value in pairs.items() if value not in ("", None)})
        return f"{path}?{query}" if query else path


def _queue(request: Request, values: Any, default: str) -> Queue:
    state = values.get("state") or default
    if state not in STATES:
        raise Invalid(f"A state of the queue is one of {', '.join(STATES)}.", code="review.state")
    name = values.get("collection") or ""
    return Queue(
        collections.collection_named(request.state.archive, request.state.actor, name) if name else None, state
    )


def _title(item: reviews.Item) -> str:
    if item.kind == "files":
        return "Files that are not DICOM" if item.object_count != 1 else "A file that is not DICOM"
    if item.kind == "damaged":
        return "Damaged objects" if item.object_count != 1 else "A damaged object"
    return f"{item.modality or 'Series'} of {item.subject_label or 'nobody yet'}"


def _row(queue: Queue, item: reviews.Item) -> dict[str, Any]:
    """Gather what a row of a queue shows."""
    label = item.subject_label.removeprefix(f"{item.collection}-")
    picture = f"/reviews/{item.id}/thumbnail?object={item.cover_object_id}" if item.cover_object_id else None
    signs = {"hold": ("refused", "Hold"), "warning": ("finding", "Warning"), "info": ("info", "Note")}
    badges = [] if item.state == "open" else [(item.state, "")]
    badges += [signs[item.worst]] if item.worst in ("hold", "warning") else []
    badges += [("failed", f"{item.stuck_count} stuck")] if item.stuck_count else []
    badges += [("conflict", counted(item.conflict_count, "conflict"))] if item.conflict_count else []
    badges += [("waiting", "Second person needed")] if item.approved_once_by and item.state == "open" else []
    return {
        "item": item,
        "title": _title(item),
        "brief": f"{item.modality} {label}" if item.kind == "images" and label else _title(item),
        "url": queue.address(f"/reviews/{item.id}"),
        "src": picture,
        "badges": badges,
    }


def _facets(queue: Queue, known: dict[int, collections.Collection], counts: dict[int, dict[str, int]]) -> list[Any]:
    def value(label: str, count: int, chosen: bool, url: str) -> dict[str, Any]:
        return {"value": label, "label": label, "count": count, "selected": chosen, "url": url}

    def number(of: dict[str, int], state: str) -> int:
        return sum(of.get(one, 0) for one in STATES[state])

    here = [one for key, one in counts.items() if queue.collection_id in (None, key)]
    states = [
        value(
            STATE_WORDS[state],
            sum(number(of, state) for of in here),
            state == queue.state,
            queue.address("/reviews", state=state),
        )
        for state in STATES
    ]
    places = []
    for key in sorted(counts, key=lambda one: known[one].short_name.lower() if one in known else ""):
        if key in known:
            chosen = key == queue.collection_id
            target = "" if chosen else known[key].short_name
            url = queue.address("/reviews", collection=target)
            places.append(value(known[key].short_name, number(counts[key], queue.state), chosen, url))
    clear = queue.address("/reviews", collection="") if queue.collection else None
    return [
        {"name": "state", "title": "State", "values": states, "clear": None},
        {"name": "collection", "title": "Collection", "values": places, "clear": clear},
    ]


def queue_page(request: Request) -> Response:
    """Show the queue."""
    only(request, "collection", "state", "after")
    archive, actor = request.state.archive, request.state.actor
    queue = _queue(request, request.query_params, "waiting")
    after = request.query_params.get("after", "0")
    found = reviews.queue(
        archive,
        actor,
        collection_id=queue.collection_id,
        states=queue.states,
        after=int(after) if after.isdecimal() else 0,
        limit=AT_ONCE,
    )
    counts = reviews.counts(archive, actor)
    known = {one.id: one for one in collections.listed(archive, actor)}
    cleared = counts.get(queue.collection.id, {}).get("approved", 0) if queue.collection else 0
    return page(
        request,
        "reviews/queue.html",
        headers=PRIVATE,
        queue=queue,
        rows=[_row(queue, item) for item in found.items],
        total=found.total,
        waiting=sum(of.get("open", 0) for of in counts.values()),
        facets=_facets(queue, known, counts),
        next_url=queue.address("/reviews", after=found.after) if found.after else None,
        previous_url=queue.address("/reviews") if after != "0" else None,
        can_decide=queue.state in ("waiting", "open", "deferred"),
        cleared=cleared,
        state_words=STATE_WORDS,
    )


def _chosen(request: Request) -> tuple[Queue, Sequence[reviews.Item]]:
    """Return what a bulk decision is to be about: the ticked items, or all that match."""
    archive, actor, asked = request.state.archive, request.state.actor, request.query_params
    queue = _queue(request, asked, "waiting")
    if asked.get("all") == "yes":
        found = reviews.queue(
            archive, actor, collection_id=queue.collection_id, states=queue.states, limit=MOST_IN_BULK
        )
        return queue, found.items
    ids = [int(one) for one in asked.getlist("item") if one.isdecimal()][:MOST_IN_BULK]
    return queue, [reviews.item_named(archive, actor, one) for one in dict.fromkeys(ids)]


def bulk_page(request: Request, status: int = 200, error: str = "") -> Response:
    """Show what a decision about many items would do, before it is made."""
    only(request, "collection", "state", "item", "all", "csrf")
    queue, items = _chosen(request)
    if not items:
        return redirect(request, queue.address("/reviews"), message="Tick the series to decide on first.", kind="info")
    undecided = [one for one in items if one.state in ("open", "deferred")]
    stuck = [one for one in undecided if one.stuck_count or one.conflict_count]
    rest = [one for one in undecided if one not in stuck]
    return page(
        request,
        "reviews/bulk.html",
        status=status,
        headers=PRIVATE,
        queue=queue,
        undecided=undecided,
        clear=[_row(queue, one) for one in rest if one.worst != "hold"],
        held=[_row(queue, one) for one in rest if one.worst == "hold"],
        stuck=[_row(queue, one) for one in stuck],
        decided=len(items) - len(undecided),
        objects=sum(one.object_count for one in undecided),
        error=error,
        reasons=REASONS,
    )


@form_endpoint
def bulk_decide(request: Request, form: Form) -> Response:
    """Decide on many items at once: all of them or none."""
    archive, actor = request.state.archive, request.state.actor
    queue = _queue(request, form, "waiting")
    verdict, reason = text(form, "verdict"), text(form, "reason")
    ids = [int(one) for one in texts(form, "item") if one.isdecimal()][:MOST_IN_BULK]
    target = queue.address("/reviews")
    if not ids:
        return redirect(request, target, message="Nothing was left to decide on.", kind="info")
    try:
        states = reviews.decide(archive, actor, ids, verdict, reason)
    except (Invalid, Conflict, Refused, NotFound) as error:
        return redirect(request, target, message=f"Nothing was decided. {error.message}", kind="danger")
    halves = sum(1 for state in states.values() if verdict == "approve" and state == "open")
    words = f"{DONE[verdict]}: {counted(len(states), 'series', 'series')}."
    return redirect(request, target, message=words + (f" {halves} need a second person." if halves else ""))


def item_page(request: Request) -> Response:
    """Show one item."""
    only(request, "collection", "state", "last")
    item = reviews.item_named(request.state.archive, request.state.actor, request.path_params["item"])
    return _item(request, item, _queue(request, request.query_params, "open"))


def _item(request: Request, item: reviews.Item, queue: Queue, status: int = 200, **tried: str) -> Response:
    archive, actor = request.state.archive, request.state.actor
    objects = reviews.objects_of_item(archive, item)
    earlier, later = reviews.around(archive, actor, item.id, collection_id=queue.collection_id, states=queue.states)
    counts = reviews.counts(archive, actor)
    here = [of for key, of in counts.items() if queue.collection_id in (None, key)]
    policy = collections.collection_by_id(archive, actor, item.collection_id)
    pictured = next((one for one in objects if one.id == item.cover_object_id), None)
    shown = pictured or next((one for one in objects if one.clean_digest and one.sop_uid), None)
    return page(
        request,
        "reviews/item.html",
        status=status,
        headers=PRIVATE,
        queue=queue,
        row=_row(queue, item),
        item=item,
        policy=policy,
        facts=(shown.facts or {}).get("facts") if shown else None,
        tagged=shown,
        findings=reviews.findings_of(archive, item),
        problems=_problems(archive, objects),
        files=[one for one in objects if not one.sop_uid],
        objects=objects,
        size_bytes=sum(one.clean_size_bytes or one.size_bytes for one in objects),
        has_hold=item.worst == "hold",
        is_pending=any(one.state == "received" for one in objects),
        earlier=[_row(queue, one) for one in earlier],
        later=[_row(queue, one) for one in later],
        left=sum(of.get(state, 0) for of in here for state in queue.states),
        last=_last(request),
        reasons=REASONS,
        masks=submissions.masks_of(archive, item),
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
    return {"item": item, "title": _title(item), "can_reopen": item.state in ("approved", "deferred")}


def _onward(request: Request, queue: Queue, item_id: int, message: str) -> Response:
    """Go to the next item that waits, or to the queue when there is none."""
    archive, actor = request.state.archive, request.state.actor
    _, later = reviews.around(
        archive, actor, item_id, collection_id=queue.collection_id, states=queue.states, before=0, after=1
    )
    found = (
        later or reviews.queue(archive, actor, collection_id=queue.collection_id, states=queue.states, limit=2).items
    )
    following = next((one for one in found if one.id != item_id), None)
    if following is None:
        return redirect(request, queue.address("/reviews"), message=f"{message} Nothing more waits here.")
    return RedirectResponse(queue.address(f"/reviews/{following.id}", last=item_id), status_code=303)


@form_endpoint
def decide(request: Request, form: Form) -> Response:
    """Decide on an item and go on to the next."""
    archive, actor = request.state.archive, request.state.actor
    item = reviews.item_named(archive, actor, request.path_params["item"])
    queue = _queue(request, form, "open")
    verdict, reason = text(form, "verdict"), text(form, "reason")
    try:
        state = reviews.decide(archive, actor, [item.id], verdict, reason)[item.id]
    except (Invalid, Conflict, Refused) as error:
        return _item(request, item, queue, status_of(error), verdict=verdict, reason=reason, error=error.message)
    if verdict == "reopen":
        return redirect(request, queue.address(f"/reviews/{item.id}"), message="The decision is taken back.")
    if verdict == "approve" and state == "open":
        return _onward(request, queue, item.id, f"{_title(item)}: approved once; a second person must approve it.")
    return _onward(request, queue, item.id, f"{DONE[verdict]}: {_title(item)}.")


@form_endpoint
def settle(request: Request, form: Form) -> Response:
    """Settle objects that are stuck or in conflict."""
    archive, actor = request.state.archive, request.state.actor
    item = reviews.item_named(archive, actor, request.path_params["item"])
    queue = _queue(request, form, "open")
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
    Route("/reviews", queue_page),
    Route("/reviews/bulk", bulk_page, methods=["GET"]),
    Route("/reviews/bulk", bulk_decide, methods=["POST"]),
    Route("/reviews/{item:int}", item_page),
    Route("/reviews/{item:int}/decide", decide, methods=["POST"]),
    Route("/reviews/{item:int}/settle", settle, methods=["POST"]),
    *held.routes,
]
