"""Where OHIF shows a study or a series: the address with the mode and the series to begin with, or none where it cannot."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol
from urllib.parse import urlencode

PREFIX = "/viewer/ohif"
SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
PDF = "1.2.840.10008.5.1.4.1.1.104.1"
# Basic Text, Enhanced, Comprehensive and Comprehensive 3D SR; the latter two may be nothing but measurements on images.
REPORTS = frozenset(f"1.2.840.10008.5.1.4.1.1.88.{number}" for number in (11, 22, 33, 34))
TEXTS = frozenset(f"1.2.840.10008.5.1.4.1.1.88.{number}" for number in (11, 22))
MEASUREMENTS = "126000"
# Segmentations, label maps, parametric maps and structure sets: drawn on the images that they refer to, else not at all.
DRAWN_ON_IMAGES = frozenset(f"1.2.840.10008.5.1.4.1.1.{part}" for part in ("66.4", "66.7", "30", "481.3"))


class Shown(Protocol):
    """What of a series decides how it is shown."""

    @property
    def uid(self) -> str: ...
    @property
    def study_uid(self) -> str: ...
    @property
    def sop_classes(self) -> list[str]: ...
    @property
    def cover_uid(self) -> str | None: ...


def study_address(series: Iterable[Shown]) -> str | None:
    """Return where OHIF shows the series of a study, None where it would stay black."""
    known = list(series)
    if any(_is_image(one) or PDF in one.sop_classes or TEXTS.intersection(one.sop_classes) for one in known):
        return _address("viewer", [known[0].study_uid])
    if any(_is_slide(one) for one in known):
        return _address("microscopy", [known[0].study_uid])
    return None


def series_address(series: Shown, header: dict[str, Any], referenced: Sequence[Shown]) -> str | None:
    """Return where OHIF shows a series, None where it cannot.

    Parameters
    ----------
    header : dict
        DICOM JSON of one of its objects.
    referenced : sequence of Shown
        The series that this one refers to, as far as the visitor may have them.
    """
    if _is_slide(series):
        return _address("microscopy", [series.study_uid], series.uid)
    below = [one for one in referenced if _is_image(one)]
    is_drawn_on_images = DRAWN_ON_IMAGES.intersection(series.sop_classes) or _is_measurements(header)
    if is_drawn_on_images and not below:
        return None
    if _is_image(series) or _is_document(series) or below:
        studies = [series.study_uid, *(one.study_uid for one in below)]
        return _address("viewer", list(dict.fromkeys(studies)), series.uid)
    return None


def _is_slide(one: Shown) -> bool:
    return SLIDE in one.sop_classes


def _is_image(one: Shown) -> bool:
    return bool(one.cover_uid) and not _is_slide(one) and not DRAWN_ON_IMAGES.intersection(one.sop_classes)


def _is_document(one: Shown) -> bool:
    return PDF in one.sop_classes or bool(REPORTS.intersection(one.sop_classes))


def _is_measurements(header: dict[str, Any]) -> bool:
    """Tell whether a report is one of measurements on images (TID 1500)."""
    titles = header.get("0040A043", {}).get("Value") or [{}]
    return MEASUREMENTS in (titles[0].get("00080100", {}).get("Value") or [])


def _address(mode: str, studies: Sequence[str], first: str = "") -> str:
    asked = {"StudyInstanceUIDs": ",".join(studies)} | ({"initialSeriesInstanceUID": first} if first else {})
    return f"{PREFIX}/{mode}?{urlencode(asked, safe=',')}"
