"""Segments are told with names, codes and colours, from real segmentations and structure sets."""

import io
from typing import Any

import pytest
from pydicom import dcmread

from invivo import images
from tests.search.objects import segmentation, stack, structures


def header_of(content: bytes) -> dict[str, Any]:
    return dict(dcmread(io.BytesIO(content)).to_json_dict(bulk_data_threshold=1 << 20, bulk_data_element_handler=str))


def test_a_segmentation_of_highdicom_is_told_with_its_codes_colour_and_algorithm() -> None:
    (one, two) = images.segments_in(header_of(segmentation(stack([0, 1]), ["Left Lung", "Tumor"])))
    assert (one.number, one.label, two.label) == (1, "Left Lung", "Tumor")
    assert one.property == images.Code("39607008", "SCT", "Lung")
    assert (one.algorithm_type, one.algorithm) == ("AUTOMATIC", "LungFinder")
    red, green, blue = (int(one.colour[place : place + 2], 16) for place in (1, 3, 5))
    assert red > green
    assert red > blue


def test_a_structure_set_is_told_with_its_colour() -> None:
    (one,) = images.segments_in(header_of(structures(stack([0, 1]))))
    assert (one.label, one.colour, one.algorithm_type) == ("Heart", "#ff8000", "MANUAL")


@pytest.mark.parametrize("tag", ["00620002", "30060020"])
@pytest.mark.parametrize("value", [None, "x", [None], [{}], [{"00620004": {"Value": ["x"]}}], [1] * 5])
def test_nonsense_is_told_as_far_as_it_goes(tag: str, value: Any) -> None:
    assert isinstance(images.segments_in({tag: {"vr": "SQ", "Value": value}}), tuple)
