"""What a pass over an object tells: what was done, and what a person should look at. Never a value of the object."""

from dataclasses import dataclass
from typing import Literal

from pydicom.dataset import Dataset

from invivo.errors import Invalid

Severity = Literal["info", "warning", "hold"]


class CannotDeidentify(Invalid):
    """The object is not understood well enough to be cleaned: nothing of it may pass."""

    code = "deidentification.not-understood"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing done to one element.

    ``path`` is the place in the object (keywords and item numbers), ``code`` the letter of Annex E, ``rule`` why.
    """

    path: str
    code: str
    rule: str


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something a program cannot settle: ``hold`` keeps the object from everyone until a person has looked."""

    code: str
    path: str
    text: str
    severity: Severity = "warning"


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The cleaned copy of an object, what was done to it, what is doubtful, and the subject's new label.

    ``regions`` are rectangles (x, y, width, height) of its pictures that are still to be filled.
    """

    dataset: Dataset
    actions: tuple[Action, ...]
    doubts: tuple[Doubt, ...]
    subject_label: str
    regions: tuple[tuple[int, int, int, int], ...] = ()
