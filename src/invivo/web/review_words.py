"""What the desk says of an item: its title, its signs, and where it stands with one thing to do next."""

from typing import Any

from invivo import reviews
from invivo.web.render import counted

SIGNS = {"hold": ("refused", "Hold"), "warning": ("finding", "Warning"), "info": ("info", "Note")}


def title_of(item: reviews.Item) -> str:
    """Name an item for people."""
    if item.kind == "files":
        return "Files that are not DICOM" if item.object_count != 1 else "A file that is not DICOM"
    if item.kind == "damaged":
        return "Damaged objects" if item.object_count != 1 else "A damaged object"
    return f"{item.modality or 'Series'} of {item.subject_label or 'nobody yet'}"


def row_of(item: reviews.Item, url: str, person_id: int | None) -> dict[str, Any]:
    """Gather what a row of a queue shows."""
    label = item.subject_label.removeprefix(f"{item.collection}-")
    title = title_of(item)
    badges = [] if item.state == "open" else [(item.state, "")]
    badges += [SIGNS[item.worst]] if item.worst in ("hold", "warning") else []
    badges += [("failed", f"{item.stuck_count} stuck")] if item.stuck_count else []
    badges += [("conflict", counted(item.conflict_count, "conflict"))] if item.conflict_count else []
    badges += [("waiting", "Second person needed")] if item.approved_once_by and item.state == "open" else []
    if item.assigned_to and item.state in ("open", "deferred"):
        badges.append(("plain", "Yours" if item.assigned_to == person_id else f"With {item.assignee}"))
    return {
        "item": item,
        "title": title,
        "brief": f"{item.modality} {label}" if item.kind == "images" and label else title,
        "url": url,
        "src": f"/reviews/{item.id}/thumbnail?object={item.cover_object_id}" if item.cover_object_id else None,
        "badges": badges,
    }


def standing(item: reviews.Item, *, waits: str, objects: int, first: str, is_own: bool, two: bool) -> tuple[str, str]:
    """Return why an item stands where it stands, and the one thing to do next.

    Parameters
    ----------
    waits : {"", "pending", "unsettled", "masks"}
        What must end before a decision.
    first : str
        Who read it first, if the reader may know.
    is_own : bool
        Whether that was the reader.
    two : bool
        Whether the collection asks for two persons.
    """
    who = f"{first} has" if first else "One person has"
    second = " Then a second person reads it." if two else ""
    stands: list[tuple[bool, str, str]] = [
        (
            item.state == "rejected",
            "It is rejected; its objects are discarded.",
            "To have it back it must be sent again.",
        ),
        (
            item.state == "approved" and objects > 0,
            "It is approved.",
            "Publish the collection, or take the decision back.",
        ),
        (item.state == "approved", "It is approved and released.", "If it must go, withdraw it from the release."),
        (waits == "pending", "Objects of it are being processed.", "Wait a moment, then look again."),
        (waits == "unsettled", "Objects of it are stuck or in conflict.", "Settle each of them below."),
        (waits == "masks", "Masks are being applied; approve when they are.", "The page says how far they are."),
        (not objects, "Every object of it was settled one by one.", "Reject it, which closes it."),
        (item.state == "deferred", "It is deferred and blocks no release.", "Decide once the reason is gone."),
        (is_own, "You have approved it; two persons must.", "Go on to the next; somebody else reads it."),
        (bool(item.approved_once_by), f"{who} approved it; two must.", "Read it yourself, then approve or reject."),
        (
            item.worst == "hold",
            "A finding holds it: no rule may let it go.",
            "Look at the place; approve with a reason, or reject.",
        ),
    ]
    fresh = ("Nobody has decided on it.", f"Look at the pictures, then approve or reject.{second}")
    return next(((cause, action) for holds, cause, action in stands if holds), fresh)
