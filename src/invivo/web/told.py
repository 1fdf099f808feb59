"""What the frame of every page knows of a person's messages: how many are unread, and whether a topic is subscribed to."""

from starlette.requests import Request

from invivo import notices


def unread_of(request: Request) -> int:
    """Count the unread messages of who is signed in; nobody else costs a question."""
    person_id = _signed_in(request)
    if person_id is None:
        return 0
    with request.state.archive.database.transaction() as tx:
        return notices.unread(tx, person_id)


def is_told(request: Request, topic: str) -> bool:
    """Return whether who is signed in is told of a topic."""
    person_id = _signed_in(request)
    if person_id is None:
        return False
    with request.state.archive.database.transaction() as tx:
        return notices.is_subscribed(tx, person_id, topic)


def _signed_in(request: Request) -> int | None:
    found: int | None = getattr(getattr(request.state, "actor", None), "person_id", None)
    return found if hasattr(request.state, "archive") else None
