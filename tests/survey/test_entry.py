"""The survey's tables are whole, and their cells say what was written."""

import json
from pathlib import Path

import pytest

from invivo import errors, survey

SEED = Path(__file__).parents[2].parent / "shared" / "survey"


@pytest.mark.parametrize(("kind", "systems", "rows", "empty"), [("archives", 13, 18, 2), ("software", 3, 16, 0)])
def test_a_table_has_every_cell_of_the_survey(kind: survey.Kind, systems: int, rows: int, empty: int) -> None:
    found = survey.systems(kind)
    cells = [value for entry in found for value in entry.values.values()]
    assert (len(found), len(survey.row_labels(kind)), len(cells)) == (systems, rows, systems * rows)
    assert sum(cell is None for cell in cells) == empty


@pytest.mark.skipif(not SEED.is_dir(), reason="the survey's files are not beside this project")
@pytest.mark.parametrize("kind", survey.KINDS)
def test_a_cell_says_what_the_source_says(kind: survey.Kind) -> None:
    book = json.loads((SEED / f"{kind}.json").read_text("utf-8"))
    for entry, told in zip(survey.systems(kind), book["systems"], strict=True):
        assert entry.name == told["name"]
        said = {key: value and value.text for key, value in entry.values.items()}
        assert said == {key: cell and cell["text"] for key, cell in told["attributes"].items()}


def test_a_lost_address_is_no_link() -> None:
    cell = survey.system("archives", "tcia").values["data_sharing_policy"]
    assert cell is not None
    assert cell.links == (survey.Link("link", None),)
    assert cell.parts == (cell.text,)


def test_a_kept_address_stands_in_its_place_in_the_text() -> None:
    cell = survey.system("archives", "ndar").values["helpdesk"]
    assert cell is not None
    link = survey.Link("ndarhelp@mail.nih.gov", "mailto:ndarhelp@mail.nih.gov")
    assert cell.parts == ("Yes, available at ", link, ".")


@pytest.mark.parametrize("kind", survey.KINDS)
def test_the_parts_of_a_cell_together_are_its_text(kind: survey.Kind) -> None:
    for entry in survey.systems(kind):
        for value in filter(None, entry.values.values()):
            assert "".join(part if isinstance(part, str) else part.text for part in value.parts) == value.text


@pytest.mark.parametrize(
    ("system_id", "key", "words"),
    [
        ("tcia", "registered_users", "6,117"),
        ("loni-ida", "registered_users", "more than 1,000"),
        ("tcia", "current_volume", "13.6 TB"),
        ("loni-ida", "availability", "continuous"),
        ("ndar", "registered_users", "about data access 60, data submission 100 to 200"),
        ("pediatric-mri", "collection_grouping", "no"),
        ("tcia", "accepting_new_data", "proposal reviewed by a board"),
        (
            "nbia",
            "submission_download_methods",
            "submission: DICOM, HTTPS, CTP; download: ZIP by web, FTP, Java Web Start",
        ),
    ],
)
def test_a_reading_is_written_in_words(system_id: str, key: str, words: str) -> None:
    cell = survey.system("archives", system_id).values[key]
    assert cell is not None
    assert cell.words == words


def test_no_reading_is_left_as_a_word_of_the_machine() -> None:
    for kind in survey.KINDS:
        for entry in survey.systems(kind):
            assert not [value for value in entry.values.values() if value and "_" in value.words]


def test_an_unknown_system_and_an_unknown_table_are_not_found() -> None:
    with pytest.raises(errors.NotFound):
        survey.system("archives", "nowhere")
    with pytest.raises(survey.UnknownEntry):
        survey.kind_of("../archives")
