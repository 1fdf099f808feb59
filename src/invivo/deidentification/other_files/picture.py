"""Pictures: written again without metadata, and compared: what is drawn must be the same, pixel by pixel."""

import warnings
from io import BytesIO

from PIL import Image, ImageSequence

from invivo.deidentification.other_files.gif import clean_gif
from invivo.deidentification.other_files.jpeg import clean_jpeg
from invivo.deidentification.other_files.outcome import Written, broken, photograph, refusal
from invivo.deidentification.other_files.png import clean_png
from invivo.deidentification.other_files.tiff import clean_tiff
from invivo.deidentification.other_files.webp import clean_webp
from invivo.deidentification.other_files.wording import Wording
from invivo.deidentification.report import Action, CannotDeidentify

MOST_PIXELS = 150_000_000
MOST_FRAMES = 2000
_FORMATS = {"jpeg": ["JPEG", "MPO"], "png": ["PNG"], "tiff": ["TIFF"], "gif": ["GIF"], "webp": ["WEBP"], "bmp": ["BMP"]}
_SINGLE = frozenset({"jpeg", "bmp"})


def clean_picture(content: bytes, kind: str, wording: Wording) -> Written:
    """Clean a picture; what it shows is not read, so that it always waits for a person.

    Parameters
    ----------
    content : bytes
    kind : {'jpeg', 'png', 'tiff', 'gif', 'webp', 'bmp'}
    wording : Wording

    Raises
    ------
    CannotDeidentify
        Damaged, larger than what is decoded, or not drawn the same when its metadata is gone.
    """
    orientation = 1
    if kind == "jpeg":
        output, actions, orientation = clean_jpeg(content, wording)
    elif kind == "bmp":
        output, actions = _clean_bitmap(content)
    elif kind == "gif":
        output, actions = clean_gif(content)
    else:
        output, actions = {"png": clean_png, "tiff": clean_tiff, "webp": clean_webp}[kind](content, wording)
    if orientation != 1:
        actions.append(Action("orientation", "K", "jpeg"))
    _compare(content, output, kind)
    opaque = ((0, len(output)),)
    return Written(output, kind, tuple(actions), (photograph(),), opaque)


def _clean_bitmap(content: bytes) -> tuple[bytes, list[Action]]:
    """A bitmap is drawn anew: its gaps, its profile and the ends of its rows may hold anything."""
    target = BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(BytesIO(content), formats=["BMP"]) as picture:
                _check_size(picture)
                picture.save(target, "BMP")
    except CannotDeidentify:
        raise
    except Exception as error:  # because a decoder may fail in any way, and none of its words may show a value
        raise broken(f"its pixels cannot be read ({type(error).__name__})") from None
    return target.getvalue(), [Action("file", "Z", "bmp")]


def _compare(before: bytes, after: bytes, kind: str) -> None:
    """Decode both, and refuse where they differ."""
    try:
        with (
            warnings.catch_warnings(),
            Image.open(BytesIO(before), formats=_FORMATS[kind]) as old,
            Image.open(BytesIO(after), formats=_FORMATS[kind]) as new,
        ):
            warnings.simplefilter("ignore")
            is_same = _are_same(old, new, is_single=kind in _SINGLE)
    except CannotDeidentify:
        raise
    except Exception as error:  # because a decoder may fail in any way, and none of its words may show a value
        raise broken(f"its pixels cannot be read ({type(error).__name__})") from None
    if not is_same:
        raise refusal("The picture is not drawn the same without its metadata.", "pixels-changed")


def _are_same(old: Image.Image, new: Image.Image, *, is_single: bool) -> bool:
    _check_size(old)
    _check_size(new)
    if is_single:
        return _drawn(old) == _drawn(new)
    pixels = 0
    both = zip(ImageSequence.Iterator(old), ImageSequence.Iterator(new), strict=True)
    for frames, (one, other) in enumerate(both, 1):
        pixels += one.width * one.height
        if frames > MOST_FRAMES or pixels > 4 * MOST_PIXELS:
            raise refusal("The picture has more pages than are compared.", "too-large")
        if _drawn(one) != _drawn(other):
            return False
    return True


def _drawn(picture: Image.Image) -> tuple[object, ...]:
    palette = picture.getpalette() if picture.mode == "P" else None
    return picture.mode, picture.size, palette, picture.tobytes()


def _check_size(picture: Image.Image) -> None:
    if picture.width * picture.height > MOST_PIXELS:
        raise refusal("The picture is larger than what can be cleaned at once.", "too-large")
