"""Which mode of OHIF a page leads to, and when to none."""

from dataclasses import dataclass, field

import pytest

from invivo.web import ohif

CT, SEG, STRUCTURES, SLIDE, PDF, SR, ECG = (
    f"1.2.840.10008.5.1.4.1.1.{part}" for part in ("2", "66.4", "481.3", "77.1.6", "104.1", "88.11", "9.1.1")
)


@dataclass
class Series:
    uid: str
    sop_classes: list[str]
    cover_uid: str | None = None
    study_uid: str = "1.2"


@dataclass
class Known:
    ct: Series = field(default_factory=lambda: Series("1.2.1", [CT], "1.2.1.1"))
    elsewhere: Series = field(default_factory=lambda: Series("1.3.1", [CT], "1.3.1.1", "1.3"))
    segmentation: Series = field(default_factory=lambda: Series("1.2.2", [SEG], "1.2.2.1"))
    structures: Series = field(default_factory=lambda: Series("1.2.3", [STRUCTURES]))
    slide: Series = field(default_factory=lambda: Series("1.2.4", [SLIDE], "1.2.4.1"))
    document: Series = field(default_factory=lambda: Series("1.2.5", [PDF]))
    report: Series = field(default_factory=lambda: Series("1.2.6", [SR]))
    ecg: Series = field(default_factory=lambda: Series("1.2.7", [ECG]))


KNOWN = Known()


@pytest.mark.parametrize("name", ["ct", "document", "report"])
def test_images_and_documents_are_opened_by_themselves(name: str) -> None:
    series = getattr(KNOWN, name)
    expected = f"/viewer/ohif/viewer?StudyInstanceUIDs=1.2&initialSeriesInstanceUID={series.uid}"
    assert ohif.series_address(series, {}, []) == expected


def test_a_slide_is_opened_for_microscopy() -> None:
    assert str(ohif.series_address(KNOWN.slide, {}, [])).startswith("/viewer/ohif/microscopy?StudyInstanceUIDs=1.2&")
    assert ohif.study_address([KNOWN.slide]) == "/viewer/ohif/microscopy?StudyInstanceUIDs=1.2"
    assert ohif.study_address([KNOWN.slide, KNOWN.ct]) == "/viewer/ohif/viewer?StudyInstanceUIDs=1.2"


@pytest.mark.parametrize("name", ["segmentation", "structures"])
def test_what_is_drawn_on_images_is_opened_with_their_studies_and_not_without(name: str) -> None:
    series = getattr(KNOWN, name)
    assert ohif.series_address(series, {}, []) is None
    assert ohif.series_address(series, {}, [KNOWN.slide]) is None
    assert "StudyInstanceUIDs=1.2,1.3&" in str(ohif.series_address(series, {}, [KNOWN.elsewhere]))


def test_measurements_are_opened_with_their_image_and_not_without() -> None:
    title = {"0040A043": {"vr": "SQ", "Value": [{"00080100": {"vr": "SH", "Value": ["126000"]}}]}}
    assert ohif.series_address(KNOWN.report, title, []) is None
    assert "StudyInstanceUIDs=1.2,1.3&" in str(ohif.series_address(KNOWN.report, title, [KNOWN.elsewhere]))


def test_nothing_leads_to_a_black_screen() -> None:
    assert ohif.series_address(KNOWN.ecg, {}, []) is None
    assert ohif.study_address([]) is None
    assert ohif.study_address([KNOWN.ecg, KNOWN.segmentation]) is None
