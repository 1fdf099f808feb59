"""How the slices of a series lie in space, from the positions that their headers give.

References
----------
DICOM PS3.3 C.7.6.2 (Image Plane), C.7.6.16.2 (plane position, plane orientation and pixel measures of frames).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

SAME_PLACE_MM = 0.01
UNEVEN = 0.02
SAME_DIRECTION = 1e-3
MOST_FRAMES = 400_000
MOST_GAPS = 100
MOST_STEPS = 100_000
_PLANES = ("sagittal", "coronal", "axial")
_SHARED, _EACH = "52009229", "52009230"
_IN_PARTS = frozenset({"SEG"})

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Geometry:
    """How the slices of a series lie.

    Attributes
    ----------
    state : {"regular", "irregular", "unknown"}
        ``regular``: one orientation, one distance between neighbours, none missing, one above the other. ``unknown``: there
        are less than two positions.
    slices : int or None
        Different positions along the normal; None where no header tells a position.
    spacing_mm : float or None
        The distance between neighbours that most have.
    extent_mm : tuple of float
        Along rows, along columns, along the normal, each with half a voxel at both ends; empty if unknown.
    first_mm, last_mm : float or None
        Along the normal, from the origin of the frame of reference.
    missing_mm : tuple of float
        Where a slice is missing, at most `MOST_GAPS`; `missing` counts all.
    per_position : int
        How often each position is there at most: phases, echoes, segments.
    reasons : tuple of str
        Why it is not regular, for people.
    """

    state: str = "unknown"
    slices: int | None = None
    spacing_mm: float | None = None
    plane: str = ""
    orientation: tuple[float, ...] = ()
    extent_mm: tuple[float, ...] = ()
    first_mm: float | None = None
    last_mm: float | None = None
    missing: int = 0
    missing_mm: tuple[float, ...] = ()
    per_position: int = 0
    reasons: tuple[str, ...] = ()

    @property
    def volume_ml(self) -> float | None:
        """What the extent holds, ml (1000 mm3)."""
        return round(float(np.prod(self.extent_mm)) / 1000, 6) if self.extent_mm else None

    def told(self) -> dict[str, Any]:
        """Return it as plain values for JSON."""
        return asdict(self)


@dataclass(slots=True)
class Planes:
    """The planes of the frames of a series, gathered header by header."""

    places: list[tuple[float, ...]] = field(default_factory=list)
    directions: Counter[tuple[float, ...]] = field(default_factory=Counter)
    exact: dict[tuple[float, ...], tuple[float, ...]] = field(default_factory=dict)
    grids: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    modality: str = ""

    def add(self, header: Mapping[str, Any]) -> None:
        """Add the frames of one instance, DICOM JSON."""
        self.modality = self.modality or str(_first(header, "00080060") or "")
        size = (_first(header, "00280010"), _first(header, "00280011"))
        for place, direction, spacing in islice(_planes(header), MOST_FRAMES - len(self.places)):
            self.places.append(place)
            rounded = tuple(round(number, 4) for number in direction)
            self.directions[rounded] += 1
            self.exact.setdefault(rounded, direction)
            self.grids[*size, *spacing] += 1

    def geometry(self) -> Geometry:
        """Return how they lie."""
        if not self.places:
            return Geometry()
        main = self.directions.most_common(1)[0][0]
        main = self.exact[main]
        rows, columns = np.array(main[:3]), np.array(main[3:])
        normal = np.cross(rows, columns)
        if not 0.9 < float(np.linalg.norm(normal)) < 1.1:
            return Geometry("irregular", len(set(self.places)), reasons=("The orientation is no orientation.",))
        reasons = []
        if any(max(abs(a - b) for a, b in zip(one, main, strict=True)) > SAME_DIRECTION for one in self.directions):
            reasons.append("The slices do not all lie in one direction.")
        if len(self.grids) > 1:
            reasons.append("The slices differ in matrix or pixel spacing.")
        return self._stacked(main, normal, reasons)

    def _stacked(self, main: tuple[float, ...], normal: Vector, reasons: list[str]) -> Geometry:
        places = np.array(self.places)
        along = places @ normal
        levels, often = _levels(along)
        spacing, gaps, evenness = _spacing(levels)
        if evenness:
            reasons.append(evenness)
        if gaps:
            reasons.append(f"{len(gaps)} slices are missing." if len(gaps) > 1 else "A slice is missing.")
        if len(often) > 1 and len(set(often)) > 1 and self.modality not in _IN_PARTS:
            reasons.append("Some positions are there more often than others.")
        reach = float(levels[-1] - levels[0])
        aside = places - np.outer(along, normal)
        if len(levels) > 1 and float(np.abs(aside - aside[0]).max()) > max(0.1, 0.01 * reach):
            reasons.append("The slices are shifted against each other, as with a tilted gantry.")
        state = "unknown" if len(levels) < 2 else "irregular" if reasons else "regular"
        return Geometry(
            state,
            len(levels),
            spacing,
            _PLANES[int(np.argmax(np.abs(normal)))],
            main,
            self._extent(reach, spacing),
            round(float(levels[0]), 4),
            round(float(levels[-1]), 4),
            len(gaps),
            tuple(gaps[:MOST_GAPS]),
            max(often),
            tuple(reasons),
        )

    def _extent(self, reach: float, spacing: float | None) -> tuple[float, ...]:
        rows, columns, down, across = self.grids.most_common(1)[0][0]
        if not (rows and columns and down and across and spacing) or len(self.directions) > 1:
            return ()
        return tuple(round(float(one), 4) for one in (columns * across, rows * down, reach + spacing))


def _levels(along: Vector) -> tuple[Vector, list[int]]:
    """Return the different places along the normal, in order, and how often each is there."""
    ordered = np.sort(along)
    starts = np.concatenate([[0], np.nonzero(np.diff(ordered) > SAME_PLACE_MM)[0] + 1])
    return ordered[starts], np.diff([*starts, len(ordered)]).tolist()


def _spacing(levels: Vector) -> tuple[float | None, list[float], str]:
    """Return the distance that most neighbours have, where slices are missing, and what is uneven."""
    if len(levels) < 2:
        return None, [], ""
    steps = np.diff(levels)
    usual = float(np.median(steps))
    times = np.maximum(np.rint(steps / usual), 1)
    even = steps[times == 1]
    if len(even):
        usual = float(np.mean(even))
    is_whole = np.abs(steps - times * usual) <= np.maximum(UNEVEN * usual, SAME_PLACE_MM) * times
    if not is_whole.all():
        return round(usual, 4), [], "The distances between the slices differ."
    gaps = [
        round(float(levels[place] + number * usual), 3)
        for place in np.nonzero(times > 1)[0]
        for number in range(1, min(int(times[place]), MOST_STEPS))
    ]
    return round(usual, 4), gaps[:MOST_STEPS], ""


def _planes(header: Mapping[str, Any]) -> Iterator[tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]]:
    """Yield position, orientation and pixel spacing of each frame that tells its position."""
    each = _items(header, _EACH)
    shared = next(iter(_items(header, _SHARED)), {})
    for frame in each or [header]:
        place = _told((frame, shared, header), "00209113", "00200032", 3)
        direction = _told((frame, shared, header), "00209116", "00200037", 6)
        if place and direction:
            yield place, direction, _told((frame, shared, header), "00289110", "00280030", 2) or (0.0, 0.0)


def _told(among: Sequence[Mapping[str, Any]], group: str, tag: str, count: int) -> tuple[float, ...]:
    """Return the numbers of an attribute: of the frame, of what all frames share, or of the instance."""
    for one in among:
        for holder in (one, *_items(one, group)[:1]):
            numbers = _numbers(holder, tag)
            if len(numbers) == count:
                return numbers
    return ()


def _items(header: Mapping[str, Any], tag: str) -> list[Mapping[str, Any]]:
    values = header.get(tag, {}).get("Value") or []
    return [one for one in values if isinstance(one, Mapping)] if isinstance(values, list) else []


def _numbers(header: Mapping[str, Any], tag: str) -> tuple[float, ...]:
    try:
        found = tuple(float(one) for one in header.get(tag, {}).get("Value") or [])
    except (TypeError, ValueError):
        return ()
    return found if all(abs(one) < 1e7 for one in found) else ()  # NaN is not less either


def _first(header: Mapping[str, Any], tag: str) -> Any:
    return next(iter(header.get(tag, {}).get("Value") or []), None)
