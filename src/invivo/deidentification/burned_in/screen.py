"""A quick look whether text may be drawn into a picture, so that most pictures need not be read.

Drawn text is made of strokes. Along a row they follow one another closely, each begun and ended by a sharp edge. Large
letters reach one exact value again and again, which edges in the picture of a patient do not. Strokes of small letters
are lines of one or two pixels, brighter or darker than both sides by much, and many stand in a small block.
"""

from collections.abc import Iterator

import numpy as np

from invivo.deidentification.burned_in.picture import Array

_FARTHEST = 88  # three strokes of the largest letters lie within as many pixels
_STROKES = (2, 5, 10)  # one of so many pixels behind the beginning of a stroke has ended
_BLOCK_ROWS, _BLOCK_COLUMNS = 16, 128
_ENOUGH = 4
_VALUES = 6
_MOST_EDGES = 40_000
_SMALLEST = 24
_NOISE_FACTOR, _MOST_BLOCKS = 6.3, 24
_LINE_FARTHEST, _LINE_COLUMNS, _LINES_ENOUGH = 32, 64, 9
_SMALLEST_FOR_LINES = 97  # functional series of 64 or 96 pixels are texture all over, and too small for small letters


def screen(frame: Array, *, exact: bool = True) -> bool:
    """Tell whether there may be drawn text in a picture.

    Parameters
    ----------
    frame : ndarray, shape (rows, columns) or (rows, columns, 3)
        Stored values.
    exact : bool
        Whether values are as they were drawn. After lossy compression they are only similar.

    Returns
    -------
    bool
        False where no text is; True is no proof that some is.
    """
    grey = frame if frame.ndim == 2 else frame.max(axis=2)
    if min(grey.shape) < 8 or max(grey.shape) < _SMALLEST:
        return False
    rows = _small_numbers(grey[::2] if grey.shape[0] > 64 else grey)
    values = rows.ravel()
    some = values[::61]
    spread = _spread(some)
    if not spread and some.min() == some.max() and values.min() == values.max():
        return False
    has_lines = min(grey.shape) >= _SMALLEST_FOR_LINES and _has_lines(values, rows.shape[1], spread)
    return has_lines or _has_strokes(values, rows.shape[1], spread, exact=exact)


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


def _has_lines(values: Array, columns: int, spread: int) -> bool:
    """Whether many lines of a pixel or two stand together, and out of the noise around them."""
    steps = values[1:] - values[:-1]
    least = int(max(min(2.5 * _usual(steps), spread * 0.25), spread * 0.1, 3))
    for sign in (1, -1):
        places = _lines(steps, least * sign)
        places = places[:-2][places[2:] - places[:-2] < _LINE_FARTHEST] if len(places) > 3 else places[:0]
        if len(places) < _LINES_ENOUGH:
            continue
        for block in _crowded_blocks(places, columns, (8, _LINE_COLUMNS), _LINES_ENOUGH):
            if _stand_out(steps, block, columns, least, sign):
                return True
    return False


def _lines(steps: Array, least: int) -> Array:
    """Where a step of at least so much is undone within three pixels."""
    rise, fall = (steps > least, steps < -least) if least > 0 else (steps < least, steps > -least)
    near = fall[1:-2] | fall[2:-1]
    near |= fall[3:]
    near &= rise[:-3]
    return np.flatnonzero(near)


def _stand_out(steps: Array, block: tuple[int, int], columns: int, least: int, sign: int) -> bool:
    """Whether the lines of a block are more than its own noise: a picture that is mostly air has a small usual step,
    beside which all tissue is lines. Letters leave a third of the steps of their block as they were."""
    top, left = block
    whole = len(steps) // columns * columns
    part = steps[:whole].reshape(-1, columns)[top : top + 8, left : left + _LINE_COLUMNS]
    if not part.size:
        return True
    calm = int(np.partition(np.abs(part).ravel(), part.size * 35 // 100)[part.size * 35 // 100])
    needed = max(least, round(_NOISE_FACTOR * calm))
    return needed == least or len(_lines(part.ravel(), needed * sign)) >= _LINES_ENOUGH


def _has_strokes(values: Array, columns: int, spread: int, *, exact: bool) -> bool:
    """Whether edges that reach one value again and again stand together."""
    steps = values[2:] - values[:-2]
    least = int(max(2 * _usual(steps), spread * 0.04, 3))
    for rising in (True, False):
        starts = np.flatnonzero(steps > least if rising else steps < -least)
        if len(starts) > _MOST_EDGES:
            starts = starts[:_MOST_EDGES]
        if len(starts) >= _ENOUGH and _found(values, starts + 2, columns, least, rising=rising, exact=exact):
            return True
    return False


def _found(values: Array, starts: Array, columns: int, least: int, *, rising: bool, exact: bool) -> bool:
    """Whether strokes of one value, thin and close to one another, lie above each other."""
    starts = starts[starts < len(values) - _STROKES[-1]]
    reached = values[starts]
    ended = np.zeros(len(starts), bool)
    for width in _STROKES:
        beyond = reached - values[starts + width]
        ended |= beyond > least if rising else beyond < -least
    starts, reached = starts[ended], reached[ended]
    if not exact:
        reached = reached // max(least, 1)
    return any(_dense(starts[reached == value], columns) for value in _frequent(reached))


def _frequent(reached: Array) -> list[int]:
    ordered = np.sort(reached)
    if not len(ordered):
        return []
    firsts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    counts = np.diff(np.concatenate((firsts, [len(ordered)])))
    best = np.argsort(counts)[-_VALUES:]
    return [int(ordered[firsts[place]]) for place in best if counts[place] >= _ENOUGH * 3]


def _dense(places: Array, columns: int) -> bool:
    middle = places[1:-1][places[2:] - places[:-2] < _FARTHEST]
    return len(middle) >= _ENOUGH and _crowded(middle, columns, (_BLOCK_ROWS // 2, _BLOCK_COLUMNS), _ENOUGH)


def _crowded(places: Array, columns: int, block: tuple[int, int], enough: int) -> bool:
    """Whether a block of sampled rows and of columns, on one of two grids, holds enough of the places."""
    return any(True for _ in _crowded_blocks(places, columns, block, enough))


def _crowded_blocks(places: Array, columns: int, block: tuple[int, int], enough: int) -> Iterator[tuple[int, int]]:
    """Row and column of the blocks, on one of two grids, that hold enough of the places; the fullest first."""
    rows, across = places // columns, places % columns
    wide = columns // block[1] + 2
    for down, right in ((0, 0), (block[0] // 2, block[1] // 2)):
        counts = np.bincount((rows + down) // block[0] * wide + (across + right) // block[1])
        full = np.flatnonzero(counts >= enough)
        for one in full[np.argsort(-counts[full])][:_MOST_BLOCKS].tolist():
            yield max(one // wide * block[0] - down, 0), max(one % wide * block[1] - right, 0)
