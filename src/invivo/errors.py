"""The seven families of errors, and nothing about HTTP, DIMSE or exit codes: each door translates them in one table.

A room subclasses one family beside the verb that raises it and gives it a stable code, such as ``release.not-settled``.
The message says what happened, to which thing, and what to do next. It never holds a value of a patient.
"""

from typing import ClassVar


class InvivoError(Exception):
    """What every error of ours is."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, code: str | None = None, **facts: object) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts
        self.kind = code or self.code


class Invalid(InvivoError):
    """The request or the object is malformed."""

    code = "invalid"


class Refused(InvivoError):
    """The actor may not do this."""

    code = "refused"


class NotFound(InvivoError):
    """There is no such thing, or the actor may not know of it."""

    code = "not-found"


class Conflict(InvivoError):
    """The thing is in a state in which this cannot be done."""

    code = "conflict"


class TooLarge(InvivoError):
    """A named limit of the settings is exceeded."""

    code = "too-large"


class Busy(InvivoError):
    """Try again later: a resource is in use or a rate is exceeded."""

    code = "busy"


class Broken(InvivoError):
    """Our own fault: a stored file is missing, a child process failed."""

    code = "broken"


FAMILIES: tuple[type[InvivoError], ...] = (Invalid, Refused, NotFound, Conflict, TooLarge, Busy, Broken)
