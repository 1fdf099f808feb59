"""The slices in a DICOM file: one of a classic image, one a frame of a multi-frame object.

References
----------
DICOM PS3.3 C.7.6.2.1.1, C.7.6.16.2, C.8.20.2, C.11.1.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from invivo import dicom

_LABELS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
_UNITS = {"CT": "HU"}
MOST_FRAMES = 400_000


@dataclass(frozen=True, slots=True)
class Slice:
    """A slice, its place, and what its stored values mean.

    Attributes
    ----------
    frame : int
        In the file, from 1.
    position : ndarray, shape (3,), mm, LPS
    orientation : ndarray, shape (6,)
        Row cosines, then column cosines.
    spacing : tuple of float, mm
        Between rows, between columns.
    segment : int
        Of a segmentation; 0 of an image, -1 where the values are segment numbers.
    names : mapping of segment number to label
    """

    path: Path
    frame: int
    position: NDArray[np.float64]
    orientation: NDArray[np.float64]
    spacing: tuple[float, float]
    shape: tuple[int, int]
    thickness: float | None
    slope: float
    intercept: float
    units: str
    modality: str
    series_uid: str
    frame_of_reference_uid: str
    segment: int = 0
    names: dict[int, str] = field(default_factory=dict)


def slices_of(path: Path) -> Iterator[Slice]:
    """Yield the slices of a file; nothing for a file without images or positions.

    Raises
    ------
    NotDicom, Damaged, OverLimit
    """
    header = dicom.read_dataset(path, pixels=False)
    if "Rows" not in header or "Columns" not in header:
        return
    shared = _first(header, "SharedFunctionalGroupsSequence")
    frames = header.get("PerFrameFunctionalGroupsSequence")
    if not frames:
        one = _slice(path, 1, header, [header])
        if one is not None and int(header.get("NumberOfFrames") or 1) == 1:
            yield one
        return
    for number, frame in enumerate(frames[:MOST_FRAMES], 1):
        one = _slice(path, number, header, [frame, shared, header])
        if one is not None:
            yield one


def _first(dataset: Dataset | None, keyword: str) -> Dataset | None:
    found = dataset.get(keyword) if dataset is not None else None
    return found[0] if found else None


def _told(places: list[Dataset | None], group: str, keyword: str) -> Any:
    """Return an attribute from the first place that has it: the frame, what all share, the header itself."""
    for place in places:
        inside = _first(place, group)
        for dataset in (inside, place):
            if dataset is not None and dataset.get(keyword) is not None and dataset.get(keyword) != "":
                return dataset.get(keyword)
    return None


def _slice(path: Path, number: int, header: Dataset, places: list[Dataset | None]) -> Slice | None:
    position = _told(places, "PlanePositionSequence", "ImagePositionPatient")
    orientation = _told(places, "PlaneOrientationSequence", "ImageOrientationPatient")
    spacing = _told(places, "PixelMeasuresSequence", "PixelSpacing")
    if position is None or orientation is None or spacing is None:
        return None
    thickness = _told(places, "PixelMeasuresSequence", "SpacingBetweenSlices") or _told(
        places, "PixelMeasuresSequence", "SliceThickness"
    )
    slope = _told(places, "PixelValueTransformationSequence", "RescaleSlope")
    intercept = _told(places, "PixelValueTransformationSequence", "RescaleIntercept")
    modality = str(header.get("Modality", ""))
    told_units = _told(places, "PixelValueTransformationSequence", "RescaleType") or header.get("Units")
    is_labels = str(header.get("SOPClassUID", "")) in _LABELS
    return Slice(
        path=path,
        frame=number,
        position=np.array([float(one) for one in position], np.float64),
        orientation=np.array([float(one) for one in orientation], np.float64),
        spacing=(float(spacing[0]), float(spacing[1])),
        shape=(int(header.Rows), int(header.Columns)),
        thickness=float(thickness) if thickness else None,
        slope=float(slope) if slope is not None else 1.0,
        intercept=float(intercept) if intercept is not None else 0.0,
        units=_UNITS.get(modality, str(told_units or "")),
        modality=modality,
        series_uid=str(header.get("SeriesInstanceUID", "")),
        frame_of_reference_uid=str(header.get("FrameOfReferenceUID", "")),
        segment=_segment(header, places) if is_labels else 0,
        names=_names(header) if is_labels and number == 1 else {},
    )


def _segment(header: Dataset, places: list[Dataset | None]) -> int:
    if str(header.get("SegmentationType", "")) == "LABELMAP":
        return -1
    return int(_told(places, "SegmentIdentificationSequence", "ReferencedSegmentNumber") or 1)


def _names(header: Dataset) -> dict[int, str]:
    return {
        int(one.SegmentNumber): str(one.get("SegmentLabel", "") or f"segment {one.SegmentNumber}")
        for one in header.get("SegmentSequence") or []
        if one.get("SegmentNumber")
    }
