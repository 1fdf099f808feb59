"""What the checks see."""

from typing import Any

from invivo import reviews


def slices(places: list[float], **facts: Any) -> list[reviews.Inspected]:
    kept = {"instance_number": None, "modality": "CT", "rows": 16, "columns": 16, **facts}
    return [
        reviews.Inspected(
            number,
            "cleaned",
            "",
            {
                "facts": {**kept, "instance_number": number},
                "position": [0, 0, place],
                "orientation": [1, 0, 0, 0, 1, 0],
                "doubts": [],
            },
        )
        for number, place in enumerate(places, 1)
    ]


def codes(objects: list[reviews.Inspected], labels: list[str] = ["S1"], kind: str = "images") -> set[str]:  # noqa: B006
    return {finding.code for finding in reviews.inspect(objects, labels, kind)}


def test_a_regular_stack_has_no_finding() -> None:
    assert codes(slices([0, 5, 10, 15, 20])) == set()


def test_a_missing_slice_is_found_with_how_many_are_gone() -> None:
    findings = reviews.inspect(slices([0, 5, 10, 25, 30, 35]), ["S1"], "images")
    assert [(one.code, "about 2 slices" in one.text) for one in findings] == [("geometry.gap", True)]


def test_a_study_of_two_subjects_is_held() -> None:
    assert "study.mixed-subjects" in codes(slices([0, 5, 10]), ["S1", "S2"])


def test_two_modalities_in_a_series_are_found() -> None:
    assert "series.mixed-modality" in codes(slices([0, 5]) + slices([10], modality="MR"))


def test_files_that_are_not_dicom_are_always_held() -> None:
    assert codes([reviews.Inspected(1, "cleaned", "", {"doubts": []})], [], "files") == {"file.not-dicom"}


def test_a_doubt_of_many_objects_is_one_finding_that_counts_them() -> None:
    doubted = [
        reviews.Inspected(n, "cleaned", "", {"doubts": [["hold", "pixel.burned-in", "PixelData", "May hold text."]]})
        for n in (1, 2, 3)
    ]
    findings = reviews.inspect(doubted, [], "images")
    assert [(one.severity, one.text) for one in findings] == [("hold", "May hold text. (3 objects)")]


def test_a_finding_points_to_the_object_that_it_is_about() -> None:
    gap = reviews.inspect(slices([0, 5, 10, 25, 30, 35]), ["S1"], "images")[0]
    assert (gap.path, gap.object_id) == ("ImagePositionPatient", 3)
    odd = [*slices([0, 5, 10]), reviews.Inspected(9, "cleaned", "", slices([15], modality="MR")[0].facts)]
    found = {one.code: one.object_id for one in reviews.inspect(odd, ["S1"], "images")}
    assert found["series.mixed-modality"] == 9
