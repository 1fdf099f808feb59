from collections.abc import Callable

import pytest
from pydicom.dataset import Dataset

from invivo.deidentification import known_regions, pixel_risks
from invivo.deidentification.region import UnreadableCondition, holds, known, parse_condition

Make = Callable[..., Dataset]
SC, US = "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.6.1"


@pytest.mark.parametrize(
    ("changes", "code", "severity"),
    [
        ({"SOPClassUID": SC}, "pixel.secondary-capture", "hold"),
        ({"SOPClassUID": SC + ".4"}, "pixel.secondary-capture", "hold"),
        ({"SOPClassUID": SC, "BurnedInAnnotation": "NO"}, "pixel.secondary-capture", "hold"),
        ({"SOPClassUID": US, "BurnedInAnnotation": "NO"}, "pixel.ultrasound", "hold"),
        ({"BurnedInAnnotation": "YES"}, "pixel.burned-in", "hold"),
        ({"Modality": "XC"}, "pixel.photograph", "hold"),
        ({"Modality": "XA", "ConversionType": "DF"}, "pixel.secondary-capture", "hold"),
        ({"SeriesDescription": "Dose Report"}, "pixel.screen", "hold"),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "pixel.screen", "hold"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.104.1"}, "pixel.document", "hold"),
        ({"BodyPartExamined": "HEAD"}, "pixel.head", "info"),
        ({"SeriesDescription": "AX BRAIN", "Modality": "MR"}, "pixel.head", "info"),
        ({"ManufacturerModelName": "LOGIQE9"}, "pixel.known-region", "hold"),
    ],
)
def test_a_risky_header_is_told(ct: Make, changes: dict[str, object], code: str, severity: str) -> None:
    ds = ct()
    for keyword, value in changes.items():
        setattr(ds, keyword, value)
    assert (code, severity) in {(doubt.code, doubt.severity) for doubt in pixel_risks(ds)}


def test_a_plain_image_is_no_risk(ct: Make) -> None:
    ds = ct()
    ds.BodyPartExamined, ds.SeriesDescription = "ABDOMEN", "AX 5mm"
    assert pixel_risks(ds) == []


def test_an_overlay_without_data_may_lie_in_the_pixels(ct: Make) -> None:
    ds = ct()
    ds.add_new(0x60000010, "US", 512)
    assert [doubt.code for doubt in pixel_risks(ds)] == ["pixel.overlay-in-bits"]


def test_every_shipped_condition_can_be_read() -> None:
    assert len(known()) == 52
    assert all(entry.rectangles for entry in known())


def test_known_regions_lie_inside_the_picture(ct: Make) -> None:
    ds = ct()
    ds.ManufacturerModelName, ds.Rows, ds.Columns = "iU22", 480, 600
    assert known_regions(ds) == [(0, 0, 600, 47)]


@pytest.mark.parametrize(
    ("texts", "truth"),
    [
        ({"8": "GE MEDICAL", "9": "1041"}, True),
        ({"8": "ge medical x", "9": "7"}, False),
        ({"8": "", "9": "1041"}, False),
    ],
)
def test_conditions_are_evaluated(texts: dict[str, str], truth: bool) -> None:
    condition = parse_condition("Manufacturer has-i 'GE' AND ( Rows == '1041' OR Rows == '1042' )")
    assert holds(condition, lambda tag: texts["8" if tag == 0x00080070 else "9"]) is truth


@pytest.mark.parametrize("text", ["", "Rows ==", "( Rows == '1'", "Rows == '1' Rows == '2'", "AND Rows == '1'", "?"])
def test_a_condition_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(UnreadableCondition):
        parse_condition(text)
