"""Where the picture of an ultrasound frame ends and the banner around it begins."""

from pydicom.dataset import Dataset

from invivo.deidentification.burned_in.picture import Picture, Rectangle, picture_of

_CORNERS = ("RegionLocationMinX0", "RegionLocationMinY0", "RegionLocationMaxX1", "RegionLocationMaxY1")
_MOST_REGIONS = 64


def ultrasound_regions(dataset: Dataset) -> tuple[Rectangle, ...]:
    """Rectangles outside of all calibrated regions, in which only text and marks of the device can be.

    Returns
    -------
    tuple of (x, y, width, height)
        Above, below, left and right of what the regions span together; empty without regions.

    Raises
    ------
    CannotHide
        The description of the pixels makes no sense.

    References
    ----------
    DICOM PS3.3 C.8.5.5.1.
    """
    regions = dataset.get("SequenceOfUltrasoundRegions")
    picture = picture_of(dataset) if regions else None
    if picture is None or not regions:
        return ()
    corners = [_corners_of(item) for item in list(regions)[:_MOST_REGIONS]]
    found = [corner for corner in corners if corner is not None]
    if not found:
        return ()
    left, top = min(corner[0] for corner in found), min(corner[1] for corner in found)
    right, bottom = max(corner[2] for corner in found) + 1, max(corner[3] for corner in found) + 1
    return tuple(_bands(picture, left, top, right, bottom))


def _corners_of(item: Dataset) -> tuple[int, int, int, int] | None:
    try:
        x0, y0, x1, y1 = (int(item[keyword].value) for keyword in _CORNERS)
    except (KeyError, TypeError, ValueError):
        return None
    return (x0, y0, x1, y1) if x1 > x0 >= 0 and y1 > y0 >= 0 else None


def _bands(picture: Picture, left: int, top: int, right: int, bottom: int) -> list[Rectangle]:
    rows, columns = picture.rows, picture.columns
    left, top, right, bottom = min(left, columns), min(top, rows), min(right, columns), min(bottom, rows)
    bands = [
        (0, 0, columns, top),
        (0, bottom, columns, rows - bottom),
        (0, top, left, bottom - top),
        (right, top, columns - right, bottom - top),
    ]
    return [band for band in bands if band[2] > 0 and band[3] > 0]
