"""Decisions about many items: what they would do, said before, and made about exactly what was shown."""

from starlette.requests import Request
from starlette.responses import Response

from invivo import reviews
from invivo.errors import Conflict, Invalid, NotFound, Refused
from invivo.web.form import Form, form_endpoint, only, redirect, text, texts
from invivo.web.render import counted, page
from invivo.web.review_queue import ASKED, PRIVATE, Queue, queue_of
from invivo.web.review_words import row_of

DONE = {"approve": "Approved", "reject": "Rejected", "defer": "Deferred", "reopen": "Opened again"}
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
# Who decides by which button on which of the groups that the preview shows.
GROUPS: dict[str, tuple[str, ...]] = {
    "clear": ("clear",),
    "held": ("held",),
    "undecided": reviews.UNDECIDED,
    "approved": ("approved",),
}


def _chosen(queue: Queue, is_all: bool, ticked: list[str]) -> reviews.Chosen:
    """Return what a decision is to be about: all of a queue, or the ticked items."""
    if is_all:
        return queue.chosen()
    return reviews.Chosen(ticked=tuple(dict.fromkeys(int(one[:18]) for one in ticked if one.isdecimal())))


def bulk_page(request: Request) -> Response:
    """Show what a decision about many items would do, before it is made."""
    only(request, *ASKED, "item", "all", "to", "csrf")
    archive, actor, asked = request.state.archive, request.state.actor, request.query_params
    queue = queue_of(request, asked, "waiting")
    is_all = asked.get("all") == "yes"
    chosen = _chosen(queue, is_all, asked.getlist("item"))
    found = reviews.gather(archive, actor, chosen)
    if not found.groups:
        return redirect(request, queue.address("/reviews"), message="Tick the series to decide on first.", kind="info")
    rows = {
        name: [row_of(one, queue.address(f"/reviews/{one.id}"), actor.person_id) for one in group.first]
        for name, group in found.groups.items()
    }
    return page(
        request,
        "reviews/bulk.html",
        headers=PRIVATE,
        queue=queue,
        found=found,
        undecided=reviews.UNDECIDED,
        rows=rows,
        is_all=is_all,
        ticked=chosen.ticked or (),
        digests={name: found.digest(*names) for name, names in GROUPS.items()},
        reasons=REASONS,
    )


@form_endpoint
def bulk_decide(request: Request, form: Form) -> Response:
    """Decide on many items at once: all of them or none."""
    archive, actor = request.state.archive, request.state.actor
    queue = queue_of(request, form, "waiting")
    verdict, group = text(form, "verdict"), text(form, "group")
    target = queue.address("/reviews")
    try:
        if group not in GROUPS:
            raise Invalid("Choose what to decide on.", code="review.group")
        states = reviews.decide_groups(
            archive,
            actor,
            _chosen(queue, text(form, "all") == "yes", texts(form, "item")),
            GROUPS[group],
            digest=text(form, "digest"),
            verdict=verdict,
            reason=text(form, "reason"),
        )
    except (Invalid, Conflict, Refused, NotFound) as error:
        return redirect(request, target, message=f"Nothing was decided. {error.message}", kind="danger")
    halves = sum(1 for state in states.values() if verdict == "approve" and state == "open")
    words = f"{DONE[verdict]}: {counted(len(states), 'series', 'series')}."
    return redirect(request, target, message=words + (f" {halves:,} need a second person." if halves else ""))
