"""Films of frames: MP4 with H.264 where the build of the library has it, else with MPEG-4 part 2.

The library, PyAV, is the extra `video`; it is loaded when the first film is made. It is given bare pixels only, never a
file of others.
"""

import importlib
import importlib.util
import math
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image
from pydicom.dataset import Dataset

LARGEST_SIDE = 1920  # pixels; larger pictures are made smaller
SMALLEST_SIDE = 16  # that every encoder takes; smaller pictures get a black rim
USUAL_RATE = Fraction(10)
SLOWEST, FASTEST = 1.0, 60.0  # frames a second
_ENCODERS = ("libx264", "libopenh264", "mpeg4")
_OPTIONS = {"libx264": {"preset": "veryfast", "crf": "18"}, "mpeg4": {"qscale": "3"}}
# PS3.3 C.7.6.5 (Cine Rate, Recommended Display Frame Rate: a second), Frame Time: ms.
_RATES: tuple[tuple[str, Callable[[float], float]], ...] = (
    ("CineRate", lambda value: value),
    ("FrameTime", lambda value: 1000 / value),
    ("RecommendedDisplayFrameRate", lambda value: value),
)


def is_installed() -> bool:
    """Return whether films can be made here."""
    return importlib.util.find_spec("av") is not None


@cache
def _library() -> Any:
    return importlib.import_module("av")


@cache
def encoder() -> str:
    """Return the encoder that is used, by the library's name."""
    known = _library().codecs_available
    return next(name for name in _ENCODERS if name in known)


def rate_of(dataset: Dataset) -> Fraction:
    """Return how many frames a second the object wants to be shown with; ten where it does not say, or says nonsense.

    References
    ----------
    DICOM PS3.3 C.7.6.5.
    """
    for keyword, per_second in _RATES:
        try:
            value = float(str(dataset.get(keyword, "")))
        except Exception:  # noqa: S112 - because a malformed value breaks pydicom in any way; the next may tell
            continue
        if math.isfinite(value) and value > 0:
            return Fraction(min(max(per_second(value), SLOWEST), FASTEST)).limit_denominator(1001)
    return USUAL_RATE


def fitted(picture: Image.Image) -> Image.Image:
    """Return a picture as a film takes it: in colour, not too large, with even sides."""
    picture = picture.convert("RGB")
    if max(picture.size) > LARGEST_SIDE:
        picture.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    width, height = (max(side + side % 2, SMALLEST_SIDE) for side in picture.size)
    if (width, height) == picture.size:
        return picture
    whole = Image.new("RGB", (width, height))
    whole.paste(picture)
    return whole


class Film:
    """An MP4 that is being written; all its pictures have one size."""

    def __init__(self, path: Path, size: tuple[int, int], rate: Fraction) -> None:
        self.path, self.size, self.frames = path, size, 0
        self._container = _library().open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        self._stream = self._container.add_stream(encoder(), rate=rate, options=_OPTIONS.get(encoder(), {}))
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.thread_count = 2
        self._step = 1 / rate

    def add(self, picture: Image.Image) -> None:
        """Add a picture as `fitted` returns it."""
        frame = _library().VideoFrame.from_image(picture)
        frame.pts, frame.time_base = self.frames, self._step
        self._container.mux(self._stream.encode(frame))
        self.frames += 1

    def close(self) -> Path:
        """Write the end and return where the film is."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self.path

    def drop(self) -> None:
        """Close the file without its end."""
        self._container.close()
