"""Frames as pictures for the screen: JPEG and PNG.

References
----------
DICOM PS3.3 C.11.1 (modality LUT), C.11.2 (VOI LUT), C.7.6.3.1.5 (palettes); PS3.18 8.3.5.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut

from invivo import errors
from invivo.dicom.decoding import Array, Undecodable, decoded
from invivo.dicom.frames import OpenPixels, opened_pixels
from invivo.dicom.handover import dataset_from
from invivo.dicom.source import Limits, OverLimit

Media = Literal["image/jpeg", "image/png"]
Function = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]

_LARGEST_SIDE = 16384
_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG"}


class BadRendering(errors.Invalid):
    """The window, size or region asked for makes no sense."""

    code = "dicom.bad-rendering"


@dataclass(frozen=True, slots=True)
class Window:
    """Window of rescaled values, such as Hounsfield units, with the function that applies it."""

    center: float
    width: float
    function: Function = "LINEAR"


def render(
    source: Path | BinaryIO,
    frame: int = 1,
    *,
    window: Window | None = None,
    size: tuple[int, int] | None = None,
    media: Media = "image/jpeg",
    quality: int = 85,
    region: tuple[int, int, int, int] | None = None,
) -> bytes:
    """Render one frame with its own display attributes, or with a window.

    Parameters
    ----------
    source : Path or seekable binary stream
    frame : int
        From 1.
    window : Window, optional
        In place of the VOI LUT or window of the image; without any of them the range of most values is shown.
    size : (width, height), optional
        Box that the picture fills as far as its proportions allow. Without it, one pixel stays one pixel, except that
        pixels which are not square are stretched.
    quality : int
        Of JPEG, 1 to 100.
    region : (left, top, width, height), optional
        Part of the frame, in its pixels.

    Returns
    -------
    bytes

    Raises
    ------
    NotAnImage, NoSuchFrame, Undecodable, BadRendering, Damaged, NotDicom, OverLimit
    """
    limits = Limits()
    _check(window, size, media, quality)
    with opened_pixels(source, limits) as found:
        dataset = dataset_from(found.contents, limits, pixels=False)
        picture = _picture(found, dataset, frame, window, region)
        aspect = _aspect(dataset, frame)
    return _written(_sized(picture, size, aspect, enlarge=True), media, quality)


def thumbnail(source: Path | BinaryIO, size: int = 256) -> bytes:
    """Render the middle frame as a JPEG whose longer side is at most size pixels.

    Raises
    ------
    NotAnImage, Undecodable, BadRendering, Damaged, NotDicom, OverLimit
    """
    limits = Limits()
    _check(None, (size, size), "image/jpeg", 80)
    with opened_pixels(source, limits) as found:
        dataset = dataset_from(found.contents, limits, pixels=False)
        middle = (found.picture.frames + 1) // 2
        picture = _picture(found, dataset, middle, None, None)
        aspect = _aspect(dataset, middle)
    return _written(_sized(picture, (size, size), aspect, enlarge=False), "image/jpeg", 80)


def _check(window: Window | None, size: tuple[int, int] | None, media: str, quality: int) -> None:
    if media not in _FORMATS:
        raise BadRendering("The picture can be image/jpeg or image/png.")
    if not 1 <= quality <= 100:
        raise BadRendering("The quality of a JPEG is a number from 1 to 100.")
    if size is not None and not all(1 <= side <= _LARGEST_SIDE for side in size):
        raise BadRendering(f"The sides of the picture are numbers from 1 to {_LARGEST_SIDE}.")
    if window is not None:
        least = 1 if window.function == "LINEAR" else 1e-9
        if not (np.isfinite(window.center) and np.isfinite(window.width) and window.width >= least):
            raise BadRendering("The window is too narrow, or no number.")


def _picture(
    found: OpenPixels, dataset: Dataset, frame: int, window: Window | None, region: tuple[int, int, int, int] | None
) -> Image.Image:
    """The frame in 8 bits, grey or RGB, cut to the region."""
    array = decoded(found, frame, Limits())
    if region is not None:
        array = _cut(array, region)
    photometric = found.picture.photometric
    try:
        if photometric == "PALETTE COLOR" and array.ndim == 2:
            array = _eight_bits(apply_color_lut(array, dataset))[..., :3]
        elif array.ndim == 2:
            array = _grey(array, dataset, frame, window, inverted=photometric == "MONOCHROME1")
        else:
            array = _eight_bits(array, found.picture.bits_stored)[..., :3]
    except errors.InvivoError:
        raise
    except Exception:  # because a hostile LUT breaks numpy and pydicom in any way
        raise Undecodable("The display attributes of the image cannot be applied.") from None
    if array.ndim == 3 and array.shape[2] == 2:
        array = array[..., 0]
    return Image.fromarray(np.ascontiguousarray(array))


def _cut(array: Array, region: tuple[int, int, int, int]) -> Array:
    left, top, width, height = region
    rows, columns = array.shape[:2]
    if left < 0 or top < 0 or width < 1 or height < 1 or left + width > columns or top + height > rows:
        raise BadRendering("The region does not lie inside the frame.")
    return array[top : top + height, left : left + width]


def _eight_bits(array: Array, stored: int = 0) -> Array:
    if array.dtype == np.uint8 and stored in (0, 8):
        return array
    bits = stored or array.dtype.itemsize * 8
    scaled: Array = np.clip(array.astype(np.float32) * (255 / (2**bits - 1)), 0, 255)
    return scaled.astype(np.uint8)


def _grey(array: Array, dataset: Dataset, frame: int, window: Window | None, *, inverted: bool) -> Array:
    """Modality LUT, then VOI LUT or window, to 8 bits.

    Stored values of up to 16 bits go through a table of all values between the least and the largest.
    """
    groups = list(_groups(dataset, frame))
    if array.dtype.kind == "f" or array.dtype.itemsize > 2:
        shown = _displayed(array.astype(np.float64), array, groups, window)
        return 255 - shown if inverted else shown
    low, high = int(array.min()), int(array.max())
    domain = np.arange(low, high + 1, dtype=np.float64)
    table = _displayed(domain, array, groups, window)
    if inverted:
        table = 255 - table
    return table[array.astype(np.int32) - low if low else array]


def _displayed(values: Array, array: Array, groups: list[Dataset], window: Window | None) -> Array:
    """Display values from 0 to 255 of stored values."""
    rescaled = _rescaled(values, groups)
    lut = None if window else _voi_lut(rescaled, groups)
    if lut is not None:
        return lut
    window = window or _own_window(groups)
    if window is None:
        sample = array[:: max(array.shape[0] // 256, 1), :: max(array.shape[1] // 256, 1)].astype(np.float64)
        window = _window_of(_rescaled(_without_padding(sample, groups), groups))
    return _windowed(rescaled, window)


def _groups(dataset: Dataset, frame: int) -> Iterator[Dataset]:
    """Where display attributes may stand: the functional groups of the frame and of all frames, then the image."""
    frames = _items(dataset, "PerFrameFunctionalGroupsSequence")
    places = [*frames[frame - 1 : frame], *_items(dataset, "SharedFunctionalGroupsSequence")[:1]]
    for place in places:
        for keyword in ("PixelValueTransformationSequence", "FrameVOILUTSequence", "PixelMeasuresSequence"):
            yield from _items(place, keyword)[:1]
    yield dataset


def _items(dataset: Dataset, keyword: str) -> list[Dataset]:
    value = dataset.get(keyword)
    return list(value) if value and not isinstance(value, str | bytes) else []


def _numbers(dataset: Dataset, keyword: str) -> list[float]:
    """The numbers of an attribute; none where a value is no number."""
    try:
        value: Any = dataset.get(keyword)
        many = [] if value is None or value == "" else value if hasattr(value, "__iter__") else [value]
        numbers = [float(one) for one in many]
    except Exception:  # because a value that is no number shall not keep the picture from being shown
        return []
    return numbers if all(np.isfinite(numbers)) else []


def _rescaled(values: Array, groups: list[Dataset]) -> Array:
    for group in groups:
        for item in _items(group, "ModalityLUTSequence")[:1]:
            entries, first, _ = _table(item)
            return _looked_up(entries, values - first)
        slope, intercept = _numbers(group, "RescaleSlope"), _numbers(group, "RescaleIntercept")
        if slope and intercept:
            return values * slope[0] + intercept[0]
    return values


def _looked_up(entries: Array, indices: Array) -> Array:
    chosen: Array = entries[np.clip(indices, 0, len(entries) - 1).astype(np.intp)]
    return chosen


def _table(item: Dataset) -> tuple[Array, float, int]:
    """Entries of a LUT, the first value mapped, and its bits. Zero entries mean 65536."""
    descriptor = _numbers(item, "LUTDescriptor")
    count, first, bits = int(descriptor[0]) & 0xFFFF or 65536, descriptor[1], int(descriptor[2])
    stored = item["LUTData"].value
    if isinstance(stored, bytes):
        wide = len(stored) >= count * 2
        entries = np.frombuffer(stored, "<u2" if wide else "u1")
    else:
        entries = np.atleast_1d(np.asarray(stored))
    return entries[:count].astype(np.float64), first, bits


def _voi_lut(values: Array, groups: list[Dataset]) -> Array | None:
    for group in groups:
        for item in _items(group, "VOILUTSequence")[:1]:
            entries, first, bits = _table(item)
            chosen = _looked_up(entries, values - first) * (255 / (2**bits - 1))
            shown: Array = np.clip(chosen, 0, 255)
            return shown.astype(np.uint8)
    return None


def _own_window(groups: list[Dataset]) -> Window | None:
    for group in groups:
        center, width = _numbers(group, "WindowCenter"), _numbers(group, "WindowWidth")
        if center and width and width[0] >= 1:
            function: Any = str(group.get("VOILUTFunction") or "LINEAR").upper()
            return Window(center[0], width[0], function if function in ("LINEAR_EXACT", "SIGMOID") else "LINEAR")
    return None


def _without_padding(sample: Array, groups: list[Dataset]) -> Array:
    """Sampled values that are not padding, or all where nothing would be left."""
    padding = _numbers(groups[-1], "PixelPaddingValue")
    kept = sample[np.isfinite(sample)]
    if padding:
        inside = kept[kept != padding[0]]
        kept = inside if inside.size else kept
    return kept if kept.size else np.zeros(1)


def _window_of(values: Array) -> Window:
    """The range of nearly all values; of all where that would be nothing."""
    low, high = np.percentile(values, (0.5, 99.5))
    if high <= low:
        low, high = values.min(), values.max()
    return Window((low + high) / 2, max(high - low, 1e-6), "LINEAR_EXACT")


def _windowed(values: Array, window: Window) -> Array:
    """Apply a window (PS3.3 C.11.2.1.2 and C.11.2.1.3)."""
    center, width = window.center, window.width
    if window.function == "SIGMOID":
        shown = 255 / (1 + np.exp(np.clip(-4 * (values - center) / width, -60, 60)))
    else:
        if window.function == "LINEAR":
            center, width = center - 0.5, max(width - 1, 1e-9)
        shown = ((values - center) / width + 0.5) * 255
    return np.clip(np.nan_to_num(shown, nan=0.0, posinf=255.0, neginf=0.0), 0, 255).astype(np.uint8)


def _aspect(dataset: Dataset, frame: int) -> float:
    """Height of a pixel by its width; 1 where it is not known or absurd."""
    for group in _groups(dataset, frame):
        for keyword in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio"):
            pair = _numbers(group, keyword)
            if len(pair) == 2 and min(pair) > 0:
                aspect = pair[0] / pair[1]
                return aspect if 0.05 <= aspect <= 20 else 1.0
    return 1.0


def _sized(picture: Image.Image, size: tuple[int, int] | None, aspect: float, *, enlarge: bool) -> Image.Image:
    """Stretch to square pixels and fit into the box."""
    width, height = (float(picture.width), float(picture.height))
    if aspect > 1:
        height *= aspect
    else:
        width /= aspect
    if size is not None:
        scale = min(size[0] / width, size[1] / height)
        scale = scale if enlarge else min(scale, 1.0)
        width, height = width * scale, height * scale
    wanted = (max(round(width), 1), max(round(height), 1))
    if wanted == picture.size:
        return picture
    if max(wanted) > _LARGEST_SIDE * 4:
        raise OverLimit("The picture would be larger than may be rendered; ask for a size.")
    smooth = Image.Resampling.BILINEAR
    return picture.resize(wanted, smooth, reducing_gap=2.0)


def _written(picture: Image.Image, media: str, quality: int) -> bytes:
    out = BytesIO()
    if media == "image/jpeg":
        picture.save(out, "JPEG", quality=quality)
    else:
        picture.save(out, "PNG", compress_level=3)
    return out.getvalue()
