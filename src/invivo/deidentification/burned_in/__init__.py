"""Text burned into pixels: found, judged, hidden, and looked for again. It keeps nothing and has no states.

Nothing that was read is in an error, a doubt or a log. What cannot be decoded or written is refused, never passed.
Reading needs the extra ``[ocr]``; screening, judging and filling do not.
"""

from invivo.deidentification.burned_in.attention import Attention
from invivo.deidentification.burned_in.cleaning import clean_pixels
from invivo.deidentification.burned_in.fill import clear_unused_bits, hide
from invivo.deidentification.burned_in.judgement import judge, judge_all
from invivo.deidentification.burned_in.known import Known
from invivo.deidentification.burned_in.outcome import PixelOutcome
from invivo.deidentification.burned_in.picture import CannotHide
from invivo.deidentification.burned_in.reading import Found, read_text, reader
from invivo.deidentification.burned_in.screen import screen
from invivo.deidentification.burned_in.ultrasound import ultrasound_regions

__all__ = [
    "Attention",
    "CannotHide",
    "Found",
    "Known",
    "PixelOutcome",
    "clean_pixels",
    "clear_unused_bits",
    "hide",
    "judge",
    "judge_all",
    "read_text",
    "reader",
    "screen",
    "ultrasound_regions",
]
