"""Reading the text in a picture with the optional recogniser, offline and without a word in any log."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from invivo.deidentification.burned_in.picture import Array, Rectangle

try:
    import rapidocr
except ImportError:  # the extra [ocr] is not installed: nothing can be read, and what is risky is held
    rapidocr = None  # type: ignore[assignment]

_MODELS = {"Det": "*_det_*.onnx", "Rec": "*_rec_*.onnx", "Cls": "*_cls_*.onnx"}
_TILE, _OVERLAP = 960, 160
_ENLARGED_BELOW, _ENLARGED_TOO_BELOW = 640, 1300
_NARROW = 8
_BESIDE, _ABOVE = 48, 24
_SMALL_PICTURE, _HIGHEST_LINE = 320, 72
_UPRIGHT = 2.2  # higher than wide by so much: the text stands on its end
_LEAST_BOX = 0.3
_LOW_CONTRAST = 2.5
_MOST_FOUND = 2000


class Found(NamedTuple):
    """A piece of text in a picture: its box in pixels, what it says, and how sure that is. Text may be empty."""

    x: int
    y: int
    width: int
    height: int
    text: str
    confidence: float


Reader = Callable[[Array], list[Found]]


@dataclass(frozen=True, slots=True)
class _View:
    """A part of a picture as it is shown to the recogniser."""

    picture: Array
    x: int
    y: int
    scale: float


def has_reader() -> bool:
    """Tell whether the recogniser and its models are installed."""
    return rapidocr is not None and all(_model(kind) for kind in _MODELS)


def reader() -> Reader | None:
    """The reader of text, or None where the extra ``[ocr]`` is not installed: then risky objects must be held."""
    return read_text if has_reader() else None


def read_text(frame: Array) -> list[Found]:
    """Find the text in a frame, small letters too; see ``glance``, which is twice as fast."""
    return _read(frame, closely=True)


def glance(frame: Array) -> list[Found]:
    """Find the text in a frame.

    Parameters
    ----------
    frame : ndarray, shape (rows, columns) or (rows, columns, 3)
        Values of any type, large ones bright; colours are RGB.

    Returns
    -------
    list of Found
        Boxes of text from all looks at the frame; those of the same place are one. A box without text is where text
        was seen but not understood.

    Raises
    ------
    RuntimeError
        There is no reader; ask ``has_reader`` first.
    """
    return _read(frame, closely=False)


def may_have_text(frame: Array) -> bool:
    """Tell by a quick look at its own size whether a frame has lines of text; a tenth of the time of reading it.

    Raises
    ------
    RuntimeError
        There is no reader.
    """
    return _has_lines(frame, 2 if max(frame.shape[:2]) <= _SMALL_PICTURE else 1)


def may_have_text_at(frame: Array, places: Sequence[Rectangle]) -> bool:
    """Tell by a look at some places of a frame, and what is around them, whether there are lines of text.

    The places are enlarged, so that small letters are seen as well as when the frame is read; some 30 ms a place.

    Parameters
    ----------
    frame : ndarray, shape (rows, columns) or (rows, columns, 3)
    places : sequence of (x, y, width, height)

    Raises
    ------
    RuntimeError
        There is no reader.
    """
    scale = _closest_scale(max(frame.shape[:2]))
    return any(
        _has_lines(frame[y : y + height, x : x + width], scale) for x, y, width, height in _around_all(places, frame)
    )


def _closest_scale(longest: int) -> float:
    return 2 if longest <= _ENLARGED_BELOW else 1.5 if longest <= _ENLARGED_TOO_BELOW else 1


def _has_lines(part: Array, scale: float) -> bool:
    for shown in _windows(part, closely=False):
        for view in _tiles(shown, _TILE, _OVERLAP, scale):
            if any(min(sides) <= _HIGHEST_LINE for sides in _detected(view.picture, view.scale)):
                return True
    return False


def _around_all(places: Iterable[Rectangle], frame: Array) -> list[Rectangle]:
    """The places with a margin; those that overlap then are one."""
    rows, columns = frame.shape[:2]
    parts: list[Rectangle] = []
    for x, y, width, height in places:
        left, top = max(x - _BESIDE, 0), max(y - _ABOVE, 0)
        right, bottom = min(x + width + _BESIDE, columns), min(y + height + _ABOVE, rows)
        part = (left, top, right - left, bottom - top)
        while touching := [other for other in parts if _overlap(part, other)]:
            parts = [other for other in parts if other not in touching]
            part = _hull([part, *touching])
        parts.append(part)
    return parts


def _overlap(one: Rectangle, other: Rectangle) -> bool:
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    return across > 0 and min(one[1] + one[3], other[1] + other[3]) > max(one[1], other[1])


def _hull(parts: Sequence[Rectangle]) -> Rectangle:
    left, top = min(part[0] for part in parts), min(part[1] for part in parts)
    right, bottom = max(part[0] + part[2] for part in parts), max(part[1] + part[3] for part in parts)
    return left, top, right - left, bottom - top


def _detected(picture: Array, scale: float) -> list[tuple[float, float]]:
    """Sides of the boxes in which something stands that may be text, in pixels of the frame."""
    with _LOCK:
        said = _engine()(picture, use_det=True, use_cls=False, use_rec=False)
    boxes = [] if getattr(said, "boxes", None) is None else [np.asarray(box, np.float32) for box in said.boxes]
    spans = [(box.max(axis=0) - box.min(axis=0)) / scale for box in boxes]
    return [(float(width), float(height)) for width, height in spans]


def _read(frame: Array, *, closely: bool) -> list[Found]:
    found: list[Found] = []
    for number, grey in enumerate(_windows(frame, closely=closely)):
        for view in _views(grey, closely=closely and number == 0):
            found.extend(_seen(view, second=number > 0))
        if len(found) > _MOST_FOUND:
            break
    return _without_doubles(found)[:_MOST_FOUND]


def _windows(frame: Array, *, closely: bool) -> Iterator[Array]:
    """The frame in 8 bits: by its whole range, its bulk where that differs much, and its brightest part, in which
    bright letters stand without the speckle behind them."""
    values = frame.astype(np.float32)
    if not np.isfinite(values).all():
        values = np.nan_to_num(values, posinf=0, neginf=0)
    ends = (float(values.min()), float(values.max()))
    if frame.dtype == np.uint8:
        ends = (0.0, 255.0)
    sample = values.ravel()[:: max(values.size // 60_000, 1)]
    low, high = (float(end) for end in np.percentile(sample, (1, 99)))
    bright = float(np.percentile(sample, 98))
    spans = [ends]
    if high > low and ends[1] - ends[0] > (8 if frame.dtype == np.uint8 else _LOW_CONTRAST) * (high - low):
        spans.append((low, high))
    if closely and frame.size and bright < ends[0] + 0.75 * (float(values.max()) - ends[0]):
        spans.append((bright, float(values.max())))
    for first, last in spans:
        yield np.clip((values - first) * (255 / max(last - first, 1e-20)), 0, 255).astype(np.uint8)


def _views(shown: Array, *, closely: bool) -> Iterator[_View]:
    """The picture enlarged where it is small, in overlapping tiles where it is large, and a little in between."""
    rows, columns = shown.shape[:2]
    if rows < _NARROW or columns < _NARROW:
        return
    if max(rows, columns) <= _ENLARGED_BELOW:
        scale = 2 if max(rows, columns) > 200 else 3
        yield _View(_enlarged(shown, scale), 0, 0, scale)
        return
    enlarged = closely and max(rows, columns) <= _ENLARGED_TOO_BELOW
    yield from _tiles(shown, _TILE, _OVERLAP, 1.5 if enlarged else 1)


def _tiles(shown: Array, size: int, overlap: int, scale: float) -> Iterator[_View]:
    for top in _starts(shown.shape[0], size, overlap):
        for left in _starts(shown.shape[1], size, overlap):
            tile = shown[top : top + size + overlap, left : left + size + overlap]
            if int(tile.max()) - int(tile.min()) > 8:
                yield _View(_enlarged(tile, scale), left, top, scale)


def _starts(length: int, size: int, overlap: int) -> list[int]:
    """Where tiles begin; each reaches its size and the overlap."""
    if length <= size + overlap:
        return [0]
    count = -(-(length - overlap) // size)
    return [round(number * (length - size - overlap) / (count - 1)) for number in range(count)]


def _enlarged(shown: Array, scale: float) -> Array:
    picture = Image.fromarray(np.ascontiguousarray(shown))
    if scale > 1:
        picture = picture.resize(
            (round(picture.width * scale), round(picture.height * scale)), Image.Resampling.BICUBIC
        )
    coloured: Array = np.asarray(picture.convert("RGB"))[:, :, ::-1]
    return np.ascontiguousarray(coloured)


def _seen(view: _View, *, second: bool) -> Iterator[Found]:
    """Boxes of one view in the pixels of the frame; upright text is turned both ways and read again."""
    for quad, text, confidence in _recognised(view.picture):
        left, top = np.floor(quad.min(axis=0) / view.scale).astype(int)
        right, bottom = np.ceil(quad.max(axis=0) / view.scale).astype(int)
        x, y = max(int(left), 0), max(int(top), 0)
        width, height = int(right) - x, int(bottom) - y
        if height > _UPRIGHT * width and height > 2 * _NARROW:
            first, last = (round(edge * view.scale) for edge in (top, bottom))
            turned = view.picture[first:last, round(left * view.scale) : round(right * view.scale)]
            said, sure = _upright(turned, text, confidence)
        else:
            said, sure = text, confidence
        if second and not said.strip():
            continue  # the second look finds texture; only what it can read counts
        if width > 0 and height > 0:
            yield Found(x + view.x, y + view.y, width, height, said.strip(), sure)


@cache
def _engine() -> Any:
    """The recogniser with models from its package, one thread, and no log."""
    if rapidocr is None:
        raise RuntimeError("The extra [ocr] is not installed.")
    for name in ("RapidOCR", "rapidocr"):
        logging.getLogger(name).disabled = True
    parameters: dict[str, Any] = {
        "Global.log_level": "critical",
        "Global.text_score": 0.0,
        "Global.max_side_len": 2200,
        "Det.thresh": _LEAST_BOX - 0.1,
        "Det.box_thresh": _LEAST_BOX,
        "Det.limit_side_len": 64,
        "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    }
    for kind in _MODELS:
        parameters[f"{kind}.model_path"] = _model(kind)
    engine = rapidocr.RapidOCR(params=parameters)
    for name in ("RapidOCR", "rapidocr"):
        logging.getLogger(name).disabled = True
    return engine


@cache
def _model(kind: str) -> str:
    """A model that is in the package; nothing is ever fetched."""
    if rapidocr is None or rapidocr.__file__ is None:
        return ""
    found = sorted(Path(rapidocr.__file__).parent.glob("models/" + _MODELS[kind]))
    return str(found[0]) if found else ""


_LOCK = threading.Lock()


def _recognised(picture: Array) -> list[tuple[Array, str, float]]:
    """Quadrilaterals, texts and confidences."""
    with _LOCK:  # the recogniser keeps settings of a call in itself
        engine = _engine()
        said = engine(picture, use_det=True, use_cls=False, use_rec=True)
    if getattr(said, "boxes", None) is None:
        return []
    texts = getattr(said, "txts", None) or ("",) * len(said.boxes)
    scores = getattr(said, "scores", None) or (0.0,) * len(said.boxes)
    found = []
    for box, text, score in zip(said.boxes, texts, scores, strict=True):
        quad = np.asarray(box, np.float32)
        found.append((quad, str(text), float(score)))
    return found


def _upright(part: Array, text: str, confidence: float) -> tuple[str, float]:
    """The surest reading of text that stands on its end."""
    best = (text, confidence)
    if min(part.shape[:2]) < _NARROW:
        return best
    for turns in (1, 3):
        with _LOCK:
            said = _engine()(np.ascontiguousarray(np.rot90(part, turns)), use_det=False, use_cls=False, use_rec=True)
        for word, score in zip(getattr(said, "txts", None) or (), getattr(said, "scores", None) or (), strict=True):
            if float(score) > best[1] + 0.05:
                best = (str(word), float(score))
    return best


def _without_doubles(found: list[Found]) -> list[Found]:
    """Of boxes that cover one another the surest reading stays; its box covers them all where they are alike."""
    kept: list[Found] = []
    for one in sorted(found, key=lambda each: (-round(each.confidence, 1), -each.width * each.height)):
        for place, other in enumerate(kept):
            if _shared(one, other) > 0.6:
                if one.text and other.text and len(one.text) > len(other.text) + 2:
                    continue
                kept[place] = _around(one, other)
                break
        else:
            kept.append(one)
    return kept


def _shared(one: Found, other: Found) -> float:
    across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    if across <= 0 or down <= 0:
        return 0.0
    return across * down / max(min(one.width * one.height, other.width * other.height), 1)


def _around(one: Found, other: Found) -> Found:
    left, top = min(one.x, other.x), min(one.y, other.y)
    right = max(one.x + one.width, other.x + other.width)
    bottom = max(one.y + one.height, other.y + other.height)
    return Found(left, top, right - left, bottom - top, other.text, other.confidence)
