"""A series as an array that knows where it is.

References
----------
DICOM PS3.3 C.7.6.2.1.1 (Image Position and Orientation), C.7.6.16.2 (functional groups), C.11.1 (Modality LUT), C.8.20.2
(Segmentation Image).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from invivo import dicom
from invivo.client.slices import Slice, slices_of
from invivo.errors import Invalid

UNEVEN = 0.02
MOST_BYTES = 16 << 30


class NoVolume(Invalid):
    """The files make no volume: no image among them, or no positions."""

    code = "client.no-volume"


class Irregular(Invalid):
    """The slices are not at one distance, not parallel, or not of one size."""

    code = "client.irregular"


@dataclass(frozen=True, slots=True)
class Volume:
    """Voxels and where they are.

    Attributes
    ----------
    array : ndarray, shape (slices, rows, columns) or (slices, rows, columns, samples)
        Values after the rescale, in `units`; of a segmentation the number of the segment, 0 outside.
    spacing : tuple of float, mm
        Between slices, rows and columns: in the order of the array's axes.
    origin : ndarray, shape (3,), mm
        Centre of voxel [0, 0, 0] in patient coordinates (LPS).
    direction : ndarray, shape (3, 3)
        Columns are the directions of the array's axes, unit vectors in LPS.
    units : str
        ``HU`` for CT, ``BQML`` and the like for PET, ``segment`` for labels, else what the header says or ``""``.
    modality : str
    segments : mapping of int to str
        Names of the labels of a segmentation.
    """

    array: NDArray[Any]
    spacing: tuple[float, float, float]
    origin: NDArray[np.float64]
    direction: NDArray[np.float64]
    units: str
    modality: str
    series_uid: str
    frame_of_reference_uid: str
    segments: dict[int, str]

    @property
    def affine(self) -> NDArray[np.float64]:
        """Matrix, shape (4, 4), from indices [slice, row, column, 1] to mm in LPS."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.direction * np.asarray(self.spacing)
        matrix[:3, 3] = self.origin
        return matrix


def read_volume(paths: Sequence[str | Path], *, may_be_irregular: bool = False) -> Volume:
    """Read the files of one series.

    Slices are sorted by their position along the normal, not by their numbers. Frames of multi-frame objects are slices.

    Parameters
    ----------
    paths : sequence of path
    may_be_irregular : bool
        Take uneven distances too; `spacing` then holds their median. Several slices at one place stay behind one another.

    Returns
    -------
    Volume

    Raises
    ------
    NoVolume
    Irregular
        The message says what is irregular, and where.
    Damaged, NotDicom, Undecodable
    """
    slices = [one for path in paths for one in slices_of(Path(path))]
    if not slices:
        raise NoVolume("There is no image with a position among the files.")
    first, names = slices[0], slices[0].names
    if any(one.series_uid != first.series_uid for one in slices):
        raise NoVolume("The files are of more than one series; read them one by one.")
    if any(one.shape != first.shape or not np.allclose(one.spacing, first.spacing, rtol=1e-3) for one in slices):
        raise Irregular("The slices differ in rows, columns or pixel spacing; read them one by one.")
    if any(np.abs(one.orientation - first.orientation).max() > 1e-3 for one in slices):
        raise Irregular("The slices are not parallel, as in a localizer; read them one by one.")
    row, column = first.orientation[:3], first.orientation[3:]
    normal = np.cross(row, column)
    slices.sort(key=lambda one: float(one.position @ normal))
    places = np.array([float(one.position @ normal) for one in slices])
    is_labels = bool(first.segment)
    levels = places if not is_labels else np.unique(places.round(3))
    step = _step(levels, first, normal, slices, may_be_irregular=may_be_irregular or is_labels)
    if first.shape[0] * first.shape[1] * len(slices) * 4 > MOST_BYTES:
        raise NoVolume("The series is too large for one array; read its files one by one.")
    array = _labels(slices, normal, levels, step) if is_labels else _stacked(slices)
    return Volume(
        array=array,
        spacing=(step, first.spacing[0], first.spacing[1]),
        origin=slices[0].position,
        direction=np.stack([normal, column, row], axis=1),
        units="segment" if is_labels else first.units,
        modality=first.modality,
        series_uid=first.series_uid,
        frame_of_reference_uid=first.frame_of_reference_uid,
        segments=names,
    )


def _step(
    places: NDArray[np.float64],
    first: Slice,
    normal: NDArray[np.float64],
    slices: Sequence[Slice],
    *,
    may_be_irregular: bool,
) -> float:
    """Return the distance between slices in mm; raises Irregular for uneven ones."""
    if len(places) < 2:
        return float(first.thickness or 1.0)
    steps = np.diff(places)
    found = float(np.median(steps))
    if may_be_irregular:
        positive = steps[steps > 1e-3]
        return float(np.min(positive)) if first.segment and len(positive) else found or float(first.thickness or 1.0)
    if found < 1e-3:
        raise Irregular("Several slices are at one place (phases or echoes); separate them, or ask for irregular ones.")
    wrong = np.flatnonzero(np.abs(steps - found) > UNEVEN * found)
    if len(wrong):
        where = int(wrong[0])
        raise Irregular(
            f"Slices {where} and {where + 1} are {steps[where]:.3f} mm apart where {found:.3f} mm are usual"
            f" ({len(wrong)} such places); pass may_be_irregular=True to take them as they are."
        )
    offsets = np.array([one.position - one.position @ normal * normal for one in slices])
    if np.abs(offsets - offsets[0]).max() > UNEVEN * max(first.spacing) + 0.01 and not may_be_irregular:
        raise Irregular("The slices are sheared against one another, as with a tilted gantry; resample them first.")
    return found


def _stacked(slices: Sequence[Slice]) -> NDArray[Any]:
    planes = []
    is_plain = all(one.slope == 1 and float(one.intercept).is_integer() for one in slices)
    for one in slices:
        plane = dicom.decode_frame(one.path, one.frame)
        if plane.ndim == 3:
            planes.append(plane)
        elif is_plain and plane.dtype.itemsize <= 2:
            planes.append(plane.astype(np.int32) + np.int32(one.intercept))
        else:
            planes.append((plane * np.float64(one.slope) + one.intercept).astype(np.float32))
    stacked = np.stack(planes)
    if stacked.dtype == np.int32 and stacked.min() >= -32768 and stacked.max() <= 32767:
        return stacked.astype(np.int16)
    return stacked


def _labels(
    slices: Sequence[Slice], normal: NDArray[np.float64], levels: NDArray[np.float64], step: float
) -> NDArray[np.uint16]:
    """Paint segments into one array, later numbers above earlier ones; empty slices between are there too."""
    low = float(levels[0])
    count = round((float(levels[-1]) - low) / step) + 1 if len(levels) > 1 else 1
    if count * slices[0].shape[0] * slices[0].shape[1] * 2 > MOST_BYTES:
        raise NoVolume("The segmentation is too large for one array.")
    array = np.zeros((count, *slices[0].shape), np.uint16)
    for one in sorted(slices, key=lambda each: each.segment):
        mask = dicom.decode_frame(one.path, one.frame)
        target = array[round((float(one.position @ normal) - low) / step)]
        if one.segment < 0:  # a label map holds the numbers itself
            np.copyto(target, mask.astype(np.uint16), where=mask > 0)
        else:
            target[mask > 0] = one.segment
    return array
