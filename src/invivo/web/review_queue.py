"""The review queue: narrowed by facets, taken and given to people, worked off in batches."""

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from invivo import collections, reviews
from invivo.errors import Conflict, Invalid, NotFound, Refused
from invivo.web.form import Form, form_endpoint, only, redirect, text, texts
from invivo.web.render import counted, page
from invivo.web.review_words import row_of

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
WHO_WORDS = {
    "mine": "Mine",
    "nobody": "Nobody's",
    "others": "Of others",
    "second": "For a second reader",
    "read": "Read by me, for another",
}
WORST_WORDS = {"hold": "Held by a finding", "warning": "Warning", "none": "Nothing found"}
NARROWED = ("who", "worst", "code", "modality", "batch")
ASKED = ("collection", "state", *NARROWED)
AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Queue:
    """Which queue a page stands in, as its address says."""

    collection: collections.Collection | None
    state: str
    narrow: reviews.Narrow = reviews.EVERYTHING

    @property
    def states(self) -> tuple[str, ...]:
        return STATES[self.state]

    @property
    def collection_id(self) -> int | None:
        return self.collection.id if self.collection else None

    @property
    def asked(self) -> dict[str, str]:
        """What the address says, by parameter; forms keep it in hidden fields."""
        pairs: dict[str, Any] = {
            "collection": self.collection.short_name if self.collection else "",
            "state": self.state,
            "batch": self.narrow.batch_id or "",
        }
        pairs |= {name: getattr(self.narrow, name) for name in ("who", "worst", "code", "modality")}
        return {name: str(value) for name, value in pairs.items()}

    @property
    def chosen_count(self) -> int:
        return sum(1 for name, value in self.asked.items() if value and name != "state")

    def chosen(self) -> reviews.Chosen:
        """All that stand in it."""
        return reviews.Chosen(self.collection_id, self.states, self.narrow)

    def address(self, path: str, **more: Any) -> str:
        """Write an address that stays in this queue."""
        pairs: dict[str, Any] = self.asked | more
        if pairs["state"] == "open" and path != "/reviews":
            pairs["state"] = ""
        if pairs["state"] == "waiting" and path == "/reviews":
            pairs["state"] = ""
        query = urlencode({key: value for key, value in pairs.items() if value not in ("", None)})
        return f"{path}?{query}" if query else path


def queue_of(request: Request, values: Any, default: str) -> Queue:
    """Read which queue is asked for, from an address or a form."""
    state = values.get("state") or default
    if state not in STATES:
        raise Invalid(f"A state of the queue is one of {', '.join(STATES)}.", code="review.state")
    name, batch = values.get("collection") or "", values.get("batch") or ""
    if batch and not batch.isdecimal():
        raise Invalid("A batch is asked for by its number.", code="review.batch")
    who, worst, code, modality = (str(values.get(key) or "")[:80] for key in ("who", "worst", "code", "modality"))
    narrow = reviews.Narrow(who, worst, code, int(batch[:18]) if batch else None, modality=modality)
    archive, actor = request.state.archive, request.state.actor
    return Queue(collections.collection_named(archive, actor, name) if name else None, state, narrow)


def _value(label: str, count: int, chosen: bool, url: str) -> dict[str, Any]:
    return {"value": label, "label": label, "count": count, "selected": chosen, "url": url}


def _facets(request: Request, queue: Queue, counts: dict[int, dict[str, int]]) -> list[dict[str, Any]]:
    archive, actor = request.state.archive, request.state.actor
    known = {one.id: one for one in collections.listed(archive, actor)}
    found = reviews.facets(archive, actor, collection_id=queue.collection_id, states=queue.states, narrow=queue.narrow)
    here = [one for key, one in counts.items() if queue.collection_id in (None, key)]
    states = [
        _value(
            STATE_WORDS[state],
            sum(of.get(one, 0) for of in here for one in STATES[state]),
            state == queue.state,
            queue.address("/reviews", state=state),
        )
        for state in STATES
    ]
    places = []
    for key in sorted((one for one in counts if one in known), key=lambda one: known[one].short_name.lower()):
        chosen = key == queue.collection_id
        url = queue.address("/reviews", collection="" if chosen else known[key].short_name, batch="")
        places.append(_value(known[key].short_name, sum(counts[key].get(one, 0) for one in queue.states), chosen, url))
    batches = {str(number): (name, count) for (number, name), count in found.batch.items()}
    narrowed = [
        ("who", "Who has it", {key: (WHO_WORDS[key], found.who[key]) for key in WHO_WORDS}),
        ("worst", "Gravest finding", {key: (WORST_WORDS[key], found.worst[key]) for key in WORST_WORDS}),
        ("code", "Finding", {key: (key, count) for key, count in found.code.items()}),
        ("modality", "Modality", {key: (key, count) for key, count in found.modality.items()}),
        ("batch", "Batch", batches),
    ]
    facets = [
        {"name": "state", "title": "State", "values": states, "clear": None},
        _narrowed(queue, *narrowed[0]),
        {"name": "collection", "title": "Collection", "values": places, "clear": None},
    ]
    return facets + [_narrowed(queue, *one) for one in narrowed[1:] if len(one[2]) > 1 or queue.asked[one[0]]]


def _narrowed(queue: Queue, name: str, title: str, words: dict[str, tuple[str, int]]) -> dict[str, Any]:
    chosen = queue.asked[name]
    values = [
        _value(label, count, key == chosen, queue.address("/reviews", **{name: "" if key == chosen else key}))
        for key, (label, count) in words.items()
        if count or key == chosen or name == "who"
    ]
    return {"name": name, "title": title, "values": values, "clear": None}


def queue_page(request: Request) -> Response:
    """Show the queue."""
    only(request, *ASKED, "after")
    archive, actor = request.state.archive, request.state.actor
    queue = queue_of(request, request.query_params, "waiting")
    after = request.query_params.get("after", "0")
    found = reviews.queue(
        archive,
        actor,
        collection_id=queue.collection_id,
        states=queue.states,
        narrow=queue.narrow,
        after=int(after[:18]) if after.isdecimal() else 0,
        limit=AT_ONCE,
    )
    counts = reviews.counts(archive, actor)
    place = queue.collection
    return page(
        request,
        "reviews/queue.html",
        headers=PRIVATE,
        queue=queue,
        rows=[row_of(one, queue.address(f"/reviews/{one.id}"), actor.person_id) for one in found.items],
        total=found.total,
        waiting=sum(of.get("open", 0) for key, of in counts.items() if queue.collection_id in (None, key)),
        facets=_facets(request, queue, counts),
        next_url=queue.address("/reviews", after=found.after) if found.after else None,
        previous_url=queue.address("/reviews") if after != "0" else None,
        can_decide=queue.state in ("waiting", "open", "deferred"),
        can_reopen=queue.state == "approved",
        curators=reviews.curators_of(archive, actor, place.id) if place and actor.may_curate(place.id) else [],
        state_words=STATE_WORDS,
    )


@form_endpoint
def assign(request: Request, form: Form) -> Response:
    """Take items, give them to somebody, or give them back."""
    archive, actor = request.state.archive, request.state.actor
    queue = queue_of(request, form, "waiting")
    ids = [int(one[:18]) for one in texts(form, "item") if one.isdecimal()]
    target = queue.address(f"/reviews/{ids[0]}" if text(form, "back") == "item" and ids else "/reviews")
    to = text(form, "to", "me")
    person = actor.person_id if to == "me" else None if to == "nobody" else int(to[:18]) if to.isdecimal() else -1
    try:
        if not ids or person == -1 or (to == "me" and person is None):
            raise Invalid("Tick the series, and say who gets them.", code="review.assign")
        given = reviews.assign(archive, actor, ids, person)
    except (Invalid, Conflict, Refused, NotFound) as error:
        return redirect(request, target, message=f"Nothing was given. {error.message}", kind="danger")
    who = {"me": "yours now", "nobody": "nobody's again"}.get(to, "given")
    return redirect(request, target, message=f"{counted(given, 'series is', 'series are')} {who}.")


def batches_page(request: Request, status: int = 200, error: str = "", tried: dict[str, str] | None = None) -> Response:
    """Show the batches, and a form that makes some out of what a queue shows."""
    only(request, *ASKED)
    archive, actor = request.state.archive, request.state.actor
    queue = queue_of(request, request.query_params, "waiting")
    place = queue.collection
    free = 0
    if place is not None:
        found = reviews.queue(archive, actor, collection_id=place.id, narrow=queue.narrow, limit=1)
        free = found.total - sum(
            count
            for count in reviews.facets(archive, actor, collection_id=place.id, narrow=queue.narrow).batch.values()
        )
    return page(
        request,
        "reviews/batches.html",
        status=status,
        headers=PRIVATE,
        queue=queue,
        batches=reviews.batches_of(archive, actor, queue.collection_id),
        free=free,
        curators=reviews.curators_of(archive, actor, place.id) if place else [],
        places=[one for one in collections.listed(archive, actor) if actor.may_curate(one.id)],
        error=error,
        tried=tried or {},
    )


@form_endpoint
def make_batches(request: Request, form: Form) -> Response:
    """Make batches out of what a queue shows."""
    archive, actor = request.state.archive, request.state.actor
    queue = queue_of(request, form, "waiting")
    target = queue.address("/reviews/batches")
    size, name = text(form, "size"), text(form, "name")
    people = [int(one[:18]) for one in texts(form, "person") if one.isdecimal()]
    try:
        if queue.collection is None or not size.isdecimal():
            raise Invalid("Choose a collection and a size in whole numbers.", code="review.batch-size")
        narrow = replace(queue.narrow, batch_id=None)
        made = reviews.make_batches(
            archive, actor, queue.collection.id, name=name, size=int(size[:9]), narrow=narrow, people=people
        )
    except (Invalid, Conflict, Refused) as error:
        return redirect(request, target, message=error.message, kind="danger")
    return redirect(request, target, message=f"{counted(len(made), 'batch is', 'batches are')} made.")


@form_endpoint
def change_batch(request: Request, form: Form) -> Response:
    """Give a batch to somebody, or take it apart."""
    archive, actor, batch = request.state.archive, request.state.actor, request.path_params["batch"]
    target = queue_of(request, form, "waiting").address("/reviews/batches")
    to = text(form, "to")
    try:
        if to == "dissolve":
            reviews.dissolve_batch(archive, actor, batch)
            return redirect(request, target, message="The batch is taken apart; its series stay in the queue.")
        person = actor.person_id if to == "me" else int(to[:18]) if to.isdecimal() else None
        given = reviews.give_batch(archive, actor, batch, person)
    except (Invalid, Conflict, Refused) as error:
        return redirect(request, target, message=error.message, kind="danger")
    return redirect(request, target, message=f"The batch is given, with {counted(given, 'series', 'series')}.")
