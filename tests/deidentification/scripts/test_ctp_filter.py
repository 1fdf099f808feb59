"""CTP's filter language and pixel scripts."""

import pytest
from pydicom.dataset import Dataset

from invivo.deidentification.scripts import ScriptRefused, load_filter, load_pixel_script
from tests.deidentification.conftest import make_ct


def ct() -> Dataset:
    dataset = make_ct()
    dataset.Rows, dataset.Columns = 100, 200
    return dataset


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true", True),
        ("!true", False),
        ("true + false * false", True),
        ("(true + false) * false", False),
        ('Modality.equals("CT") // a comment', True),
        ('Modality.equalsIgnoreCase("ct")', True),
        ('[0008,0060].equals("CT") * !ImageType.contains("SAVE")', True),
        (r'ImageType.startsWith("ORIGINAL\\PRIMARY")', True),
        (r'ImageType.startsWith("ORIGINAL\PRIMARY")', True),
        ('Manufacturer.endsWithIgnoreCase("me")', True),
        ('SeriesDescription.equals("")', True),
        ('StudyDate.matches("2020.*")', True),
        ('StudyDate.matches("2020")', False),
        ('Rows.isLessThan("101") * Rows.isGreaterThan("99")', True),
        ('Manufacturer.isLessThan("101")', False),
        ('RequestAttributesSeq::RequestedProcedureID.equals("")', True),
        ('!!Modality.containsIgnoreCase("t")', True),
    ],
)
def test_expressions_mean_what_they_say(text: str, expected: bool) -> None:
    assert load_filter(text).matches(ct()) is expected


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", (1, 1)),
        ("true true", (1, 6)),
        ('Modality.equals("CT"', (1, 1)),
        ('Modality.is("CT")', (1, 10)),
        ('true *\n Nodality.equals("CT")', (2, 2)),
        ("(true", (1, 6)),
        ("*", (1, 1)),
        ('Modality.matches("(")', (1, 19)),
        ("!" * 1000 + "true", (1, 42)),
    ],
)
def test_what_is_no_expression_is_refused_with_its_place(text: str, place: tuple[int, int]) -> None:
    with pytest.raises(ScriptRefused) as caught:
        load_filter(text)
    assert (caught.value.line, caught.value.column) == place


PIXELS = """
Title of a device
{ Modality.equals("US") } (0, 0, 10, 10)
{ // braces } in comments
  Modality.equals("CT") * !Manufacturer.contains("}") }
  top (0,0,50,20) and the corner (-10,-5,100,100) left ( -300 , 0 , 10, 10 )
{ Modality.equals("CT") } (1,1,1,1)
"""


def test_the_first_signature_that_matches_gives_its_rectangles() -> None:
    """Edges belong to the rectangle; negative places count from the far edge; everything is clipped."""
    assert load_pixel_script(PIXELS).rectangles(ct()) == ((0, 0, 51, 21), (190, 95, 10, 5))


def test_an_object_without_signature_has_no_rectangles() -> None:
    dataset = ct()
    dataset.Modality = "MR"
    assert load_pixel_script(PIXELS).rectangles(dataset) == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing",
        "{ true",
        "{ true }",
        "{ true } (1,2,3)",
        "{ maybe } (1,2,3,4)",
        "{ true } (1,2,-3,4)",
        "{{true}(1,2,3,4)",
    ],
)
def test_a_pixel_script_that_would_miss_something_is_refused(text: str) -> None:
    with pytest.raises(ScriptRefused):
        load_pixel_script(text)
