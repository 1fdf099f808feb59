"""Foreign de-identification scripts: CTP's anonymizer, filter and pixel scripts, DicomEdit 6 and 4.

Pure and fail-closed: a script is compiled wholly when it is loaded or refused with line and column (ScriptRefused); a
function that fails on an object stops that object (CannotDeidentify). Never does anything pass because it was not
understood.
"""

from invivo.deidentification.scripts.ctp_filter import Filter, load_filter
from invivo.deidentification.scripts.ctp_pixels import PixelScript, Rectangle, load_pixel_script
from invivo.deidentification.scripts.dicomedit_run import Fill
from invivo.deidentification.scripts.front import Applied, Script, apply, load_script
from invivo.deidentification.scripts.lookup import Lookup, MemoryNumbers, Numbers, read_lookup
from invivo.deidentification.scripts.refusal import ScriptRefused, Warned

__all__ = [
    "Applied",
    "Fill",
    "Filter",
    "Lookup",
    "MemoryNumbers",
    "Numbers",
    "PixelScript",
    "Rectangle",
    "Script",
    "ScriptRefused",
    "Warned",
    "apply",
    "load_filter",
    "load_pixel_script",
    "load_script",
    "read_lookup",
]
