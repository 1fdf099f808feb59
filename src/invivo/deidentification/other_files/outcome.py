"""What becomes of a file that is not DICOM. Never a value of the file."""

from dataclasses import dataclass, field

from invivo.deidentification.identifier import Trace
from invivo.deidentification.report import Action, CannotDeidentify, Doubt


@dataclass(frozen=True, slots=True, repr=False)
class CleanedOther:
    """A cleaned file in memory. ``leftovers`` must be empty before it is passed on; ``name`` is safe to show."""

    output: bytes
    kind: str
    actions: tuple[Action, ...]
    doubts: tuple[Doubt, ...]
    leftovers: tuple[str, ...]
    name: str

    def __repr__(self) -> str:
        return "CleanedOther(...)"


@dataclass(frozen=True, slots=True, repr=False)
class Written:
    """What the writer of one kind made.

    ``opaque`` are the spans of the output that are coded numbers (voxels, compressed pixels), ``traces`` the
    identifiers that the file itself told of somebody, ``text`` what can be read where the bytes do not say it.
    """

    output: bytes
    kind: str
    actions: tuple[Action, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    opaque: tuple[tuple[int, int], ...] = ()
    traces: tuple[Trace, ...] = field(default=())
    text: str = ""

    def __repr__(self) -> str:
        return "Written(...)"


def refusal(message: str, code: str) -> CannotDeidentify:
    """Why a file may not pass; the caller holds it."""
    return CannotDeidentify(message, code=f"deidentification.{code}")


def broken(what: str) -> CannotDeidentify:
    """The file is damaged or not what it says."""
    return refusal(f"The file is damaged: {what}.", "broken")


def photograph() -> Doubt:
    """Every picture waits for a person."""
    return Doubt("pixel.photograph", "pixels", "Text and faces in a picture are not read here; look at it.", "hold")
