"""What a pass over the pixels of an object gives."""

from dataclasses import dataclass

from pydicom.dataset import Dataset

from invivo.deidentification.burned_in.picture import Rectangle
from invivo.deidentification.report import Doubt


@dataclass(frozen=True, slots=True)
class PixelOutcome:
    """The object after its pixels were looked at. No text that was read is in it.

    Parameters
    ----------
    dataset : Dataset
        The given one where nothing was hidden.
    hidden : tuple of (frame, rectangle)
        What was filled; frames are counted from 0, None for all.
    kept_text : int
        How many pieces of clinical text stay.
    doubts : tuple of Doubt
    touched : bool
        Whether pixels were changed, so that the header must say so (BurnedInAnnotation NO).
    read_frames : int
        In how many frames text was looked for with the reader.
    recoded_frames : int
        Frames of lossy JPEG of which not only the filled blocks were written anew.
    """

    dataset: Dataset
    hidden: tuple[tuple[int | None, Rectangle], ...] = ()
    kept_text: int = 0
    doubts: tuple[Doubt, ...] = ()
    touched: bool = False
    read_frames: int = 0
    recoded_frames: int = 0
