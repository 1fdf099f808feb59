"""The refusal of bytes that the actor may know of."""

from invivo import errors


class NotYours(errors.Refused):
    """The actor may know of the object but not have its bytes."""

    code = "dicomweb.not-yours"


def not_yours() -> NotYours:
    """Return the refusal of bytes that the actor may know of."""
    return NotYours(
        "You may see that this is there, but not have its images. Sign in, or ask the owner of the collection."
    )
