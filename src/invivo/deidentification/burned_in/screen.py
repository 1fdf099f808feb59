"""A quick look whether text may be drawn into a picture, so that most pictures need not be read.

Drawn text is made of strokes. Along a row they follow one another closely, each begun and ended by a sharp edge. Large
letters reach one exact value again and again, which edges in the picture of a patient do not. Strokes of small letters
are lines of one or two pixels, brighter or darker than both sides by much, and many stand in a small block.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from invivo.deidentification.burned_in.picture import Array, Rectangle

_FARTHEST = 88  # three strokes of the largest letters lie within as many pixels
_STROKES = (2, 5, 10)  # one of so many pixels behind the beginning of a stroke has ended
_BLOCK_ROWS, _BLOCK_COLUMNS = 8, 128
_ENOUGH = 4
_VALUES = 6
_SMALLEST = 24
_NOISE_FACTOR, _MOST_BLOCKS = 6.3, 24
_LINE_FARTHEST, _LINE_COLUMNS = 32, 64
_SMALLEST_FOR_LINES = 97  # functional series of 64 or 96 pixels are texture all over, and too small for small letters
_SAMPLED = ((64, 1), (400, 2))  # up to so many rows every one, then every second, then every fourth is looked at
_LINE_ROWS, _LINES_ENOUGH = {1: 8, 2: 8, 4: 4}, {1: 9, 2: 9, 4: 6}
_HIGH = 256  # above, letters that are not small have strokes enough in every fourth row


@dataclass(frozen=True, slots=True)
class Screened:
    """What a screen saw; true where there may be text, which is no proof that some is.

    ``lines`` and ``strokes`` tell how many strokes of small and of large letters the fullest block holds: drawn text
    holds more of them than the texture of the same series. ``places`` are the blocks, (x, y, width, height).
    """

    lines: int = 0
    strokes: int = 0
    places: tuple[Rectangle, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.places)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Sampled rows of a picture, end to end; ``pitch`` of the picture's rows make one."""

    values: Array
    columns: int
    pitch: int
    spread: int

    def coarser(self) -> "_Rows":
        """Every second of them."""
        grid = self.values.reshape(-1, self.columns)
        return _Rows(np.ascontiguousarray(grid[::2]).ravel(), self.columns, self.pitch * 2, self.spread)


@dataclass(frozen=True, slots=True)
class _Block:
    """A block of sampled rows, and how many places it holds."""

    top: int
    left: int
    count: int


def screen(frame: Array, *, exact: bool = True) -> Screened:
    """Tell whether there may be drawn text in a picture, and where.

    Parameters
    ----------
    frame : ndarray, shape (rows, columns) or (rows, columns, 3)
        Stored values.
    exact : bool
        Whether values are as they were drawn. After lossy compression they are only similar.
    """
    grey = frame if frame.ndim == 2 else frame.max(axis=2)
    if min(grey.shape) < 8 or max(grey.shape) < _SMALLEST:
        return Screened()
    pitch = _pitch(grey.shape[0])
    values = _small_numbers(grey[::pitch]).ravel()
    some = values[::61]
    spread = _spread(some)
    if not spread and some.min() == some.max() and values.min() == values.max():
        return Screened()
    rows = _Rows(values, grey.shape[1], pitch, spread)
    lines = _lines_of(rows) if min(grey.shape) >= _SMALLEST_FOR_LINES else []
    coarse = rows.coarser() if pitch == _SAMPLED[1][1] and grey.shape[0] > _HIGH else rows
    strokes = _strokes_of(coarse, exact=exact)
    places = (
        *(_place(block, rows, _LINE_ROWS[pitch], _LINE_COLUMNS) for block in lines),
        *(_place(block, coarse, _BLOCK_ROWS, _BLOCK_COLUMNS) for block in strokes),
    )
    return Screened(_most(lines), _most(strokes), tuple(dict.fromkeys(places)))


def _pitch(rows: int) -> int:
    return next((pitch for most, pitch in _SAMPLED if rows <= most), 4)


def _most(blocks: list[_Block]) -> int:
    return max((block.count for block in blocks), default=0)


def _place(block: _Block, rows: _Rows, height: int, width: int) -> Rectangle:
    return block.left, block.top * rows.pitch, width, height * rows.pitch


def _small_numbers(grey: Array) -> Array:
    """Values of 16 bits whose differences are of 16 bits too."""
    if grey.dtype.kind == "f":
        low, high = float(np.nanmin(grey)), float(np.nanmax(grey))
        return np.nan_to_num((grey - low) * (32000 / max(high - low, 1e-30))).astype(np.int16)
    if grey.dtype.itemsize == 1:
        return grey.astype(np.int16)
    low, high = int(grey.min()), int(grey.max())
    if high - low < 32768:
        small = np.ascontiguousarray(grey)
        return small.view(np.int16) if small.dtype.itemsize == 2 and high < 32768 else (grey - low).astype(np.int16)
    shift = (high - low).bit_length() - 15
    return ((grey.astype(np.int64) - low) >> shift).astype(np.int16)


def _spread(some: Array) -> int:
    """The range of a sample of values without its ends."""
    ordered = np.sort(some)
    margin = len(ordered) // 200
    return int(ordered[-1 - margin]) - int(ordered[margin])


def _usual(steps: Array) -> int:
    """What three of four steps are below."""
    some = np.sort(np.abs(steps[::67]))
    return int(some[len(some) * 3 // 4])


def _lines_of(rows: _Rows) -> list[_Block]:
    """Blocks in which many lines of a pixel or two stand together, and out of the noise around them."""
    enough, size = _LINES_ENOUGH[rows.pitch], (_LINE_ROWS[rows.pitch], _LINE_COLUMNS)
    steps = rows.values[1:] - rows.values[:-1]
    least = int(max(min(2.5 * _usual(steps), rows.spread * 0.25), rows.spread * 0.1, 3))
    found = []
    for sign in (1, -1):
        places = _lines(steps, least * sign)
        places = places[:-2][places[2:] - places[:-2] < _LINE_FARTHEST] if len(places) > 3 else places[:0]
        if len(places) < enough:
            continue
        for block in _crowded(places, rows.columns, size, enough):
            part = _part(steps, block, size, rows.columns)
            count = _standing_out(part, least, sign) if part.size else block.count
            if count >= enough:
                found.append(_Block(block.top, block.left, count))
    return found


def _lines(steps: Array, least: int) -> Array:
    """Where a step of at least so much is undone within three pixels."""
    rise, fall = (steps > least, steps < -least) if least > 0 else (steps < least, steps > -least)
    near = fall[1:-2] | fall[2:-1]
    near |= fall[3:]
    near &= rise[:-3]
    return np.flatnonzero(near)


def _part(steps: Array, block: _Block, size: tuple[int, int], columns: int) -> Array:
    grid = steps[: len(steps) // columns * columns].reshape(-1, columns)
    return grid[block.top : block.top + size[0], block.left : block.left + size[1]]


def _standing_out(part: Array, least: int, sign: int) -> int:
    """How many lines of a block are more than its own noise: a picture that is mostly air has a small usual step,
    beside which all tissue is lines. Letters leave a third of the steps of their block as they were."""
    some = np.abs(part[:, ::2]).ravel()
    some.partition(some.size * 35 // 100)
    needed = max(least, round(_NOISE_FACTOR * int(some[some.size * 35 // 100])))
    return len(_lines(part.ravel(), needed * sign)) if part.max() > needed else 0


def _strokes_of(rows: _Rows, *, exact: bool) -> list[_Block]:
    """Blocks in which strokes of one value, thin and close to one another, lie above each other."""
    values = rows.values
    ends = len(values) - 2 - _STROKES[-1]
    steps = values[2:] - values[:-2]
    least = int(max(2 * _usual(steps), rows.spread * 0.04, 3))
    beyond = [values[2 : ends + 2] - values[2 + width : ends + 2 + width] for width in _STROKES]
    found: list[_Block] = []
    for rising in (True, False):
        begun = steps[:ends] > least if rising else steps[:ends] < -least
        ended = np.zeros(ends, bool)
        for difference in beyond:
            ended |= difference > least if rising else difference < -least
        starts = np.flatnonzero(begun & ended) + 2
        reached = values[starts]
        if not exact:
            reached = reached // max(least, 1)
        for value in _frequent(reached):
            found += _dense(starts[reached == value], rows.columns)
    return found


def _frequent(reached: Array) -> list[int]:
    ordered = np.sort(reached)
    if not len(ordered):
        return []
    firsts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    counts = np.diff(np.concatenate((firsts, [len(ordered)])))
    best = np.argsort(counts)[-_VALUES:]
    return [int(ordered[firsts[place]]) for place in best if counts[place] >= _ENOUGH * 3]


def _dense(places: Array, columns: int) -> list[_Block]:
    middle = places[1:-1][places[2:] - places[:-2] < _FARTHEST]
    if len(middle) < _ENOUGH:
        return []
    return list(_crowded(middle, columns, (_BLOCK_ROWS, _BLOCK_COLUMNS), _ENOUGH))


def _crowded(places: Array, columns: int, size: tuple[int, int], enough: int) -> Iterator[_Block]:
    """The blocks of sampled rows and of columns, on one of two grids, that hold enough of the places; fullest first."""
    rows, across = places // columns, places % columns
    wide = columns // size[1] + 2
    for down, right in ((0, 0), (size[0] // 2, size[1] // 2)):
        counts = np.bincount((rows + down) // size[0] * wide + (across + right) // size[1])
        if counts.max() < enough:
            continue
        full = np.flatnonzero(counts >= enough)
        for one in full[np.argsort(-counts[full])][:_MOST_BLOCKS].tolist():
            top, left = one // wide * size[0] - down, one % wide * size[1] - right
            yield _Block(max(top, 0), max(left, 0), int(counts[one]))
