"""The geometry of a series is what the positions of its slices say, however they are told."""

import math
from typing import Any

import pytest

from invivo import images
from invivo.images.geometry import Planes

AXIAL = (1, 0, 0, 0, 1, 0)


def header(place: Any = (0, 0, 0), direction: Any = AXIAL, spacing: Any = (1, 2), size: int = 10) -> dict[str, Any]:
    told = {"00200032": place, "00200037": direction, "00280030": spacing, "00280010": [size], "00280011": [size]}
    return {tag: {"vr": "DS", "Value": list(values)} for tag, values in told.items()}


def geometry(*headers: dict[str, Any]) -> images.Geometry:
    planes = Planes()
    for one in headers:
        planes.add(one)
    return planes.geometry()


def at(*places: float) -> list[dict[str, Any]]:
    return [header((0, 0, place)) for place in places]


def test_even_slices_are_regular_in_any_order_and_with_rounded_positions() -> None:
    told = geometry(*at(2.5, 0, 5.001, 7.499))
    assert (told.state, told.slices, told.plane, told.missing) == ("regular", 4, "axial", 0)
    assert told.spacing_mm == pytest.approx(2.5, abs=1e-3)
    assert told.extent_mm == pytest.approx((20, 10, 10), abs=1e-2)
    assert told.volume_ml == pytest.approx(2, abs=1e-2)


@pytest.mark.parametrize(
    ("places", "missing", "reason"),
    [
        ((0, 2, 4, 8, 10), (6,), "A slice is missing"),
        ((0, 2, 4, 10, 12, 14), (6, 8), "2 slices are missing"),
        ((0, 2, 4, 7, 9, 11), (), "distances between the slices differ"),
        ((0, 0, 2, 4), (), "more often than others"),
    ],
)
def test_what_is_uneven_or_missing_is_named(places: tuple[float, ...], missing: tuple[float, ...], reason: str) -> None:
    told = geometry(*at(*places))
    assert told.state == "irregular"
    assert told.missing_mm == missing
    assert reason in " ".join(told.reasons)


def test_several_phases_at_the_same_places_are_regular() -> None:
    told = geometry(*at(0, 2, 4, 0, 2, 4))
    assert (told.state, told.slices, told.per_position) == ("regular", 3, 2)


def test_oblique_slices_are_measured_along_their_normal() -> None:
    turned = (1, 0, 0, 0, math.cos(0.3), math.sin(0.3))
    normal = (0, -math.sin(0.3), math.cos(0.3))
    told = geometry(*[header(tuple(3 * number * one for one in normal), turned) for number in range(4)])
    assert (told.state, told.spacing_mm) == ("regular", 3)


def test_a_tilted_gantry_and_two_directions_are_irregular() -> None:
    tilted = geometry(*[header((0, number, 2 * number)) for number in range(5)])
    assert tilted.state == "irregular"
    assert "tilted" in tilted.reasons[0]
    two = geometry(*at(0, 2), header((0, 0, 4), (0, 1, 0, 0, 0, 1)))
    assert two.state == "irregular"
    assert not two.extent_mm


def test_frames_of_one_file_are_slices_like_files() -> None:
    def frame(place: float) -> dict[str, Any]:
        return {"00209113": {"vr": "SQ", "Value": [{"00200032": {"vr": "DS", "Value": [0, 0, place]}}]}}

    shared = {
        "00209116": {"vr": "SQ", "Value": [{"00200037": {"vr": "DS", "Value": list(AXIAL)}}]},
        "00289110": {"vr": "SQ", "Value": [{"00280030": {"vr": "DS", "Value": [1, 1]}}]},
    }
    one = {
        "00280010": {"vr": "US", "Value": [4]},
        "00280011": {"vr": "US", "Value": [4]},
        "52009229": {"vr": "SQ", "Value": [shared]},
        "52009230": {"vr": "SQ", "Value": [frame(place) for place in (0, 1.5, 3)]},
    }
    told = geometry(one)
    assert (told.state, told.slices, told.spacing_mm, told.extent_mm) == ("regular", 3, 1.5, (4, 4, 4.5))


@pytest.mark.parametrize(
    "odd",
    [
        {},
        header(()),
        header((0, 0)),
        header(("x", 0, 0)),
        header((math.nan, 0, 0)),
        header((0, 0, 1e300)),
        header((0, 0, 0), (0, 0, 0, 0, 0, 0)),
        {"00200032": {"vr": "DS"}, "52009230": {"vr": "SQ", "Value": ["a", None]}},
        {"00200032": {"vr": "DS", "Value": [None, 1, 2]}, "00200037": {"Value": list(AXIAL)}},
    ],
)
def test_nonsense_is_no_geometry_and_no_fault(odd: dict[str, Any]) -> None:
    assert geometry(odd, odd).state in ("unknown", "irregular")


def test_a_single_slice_tells_no_distance() -> None:
    told = geometry(*at(3))
    assert (told.state, told.slices, told.spacing_mm, told.volume_ml) == ("unknown", 1, None, None)


def test_a_far_away_slice_does_not_name_millions_of_gaps() -> None:
    told = geometry(*at(0, 0.02, 0.04, 9e6))
    assert len(told.missing_mm) <= 100
