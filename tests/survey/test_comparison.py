"""Comparisons say what differs, and write it as CSV and JSON."""

import csv
import io
import json

import pytest

from invivo import survey


def row_of(comparison: survey.Comparison, key: str) -> survey.Row:
    return next(row for row in comparison.rows if row.key == key)


def test_no_choice_compares_everything() -> None:
    whole = survey.compare("archives")
    assert (len(whole.systems), len(whole.rows)) == (13, 18)


def test_systems_come_in_the_order_asked_and_once() -> None:
    made = survey.compare("archives", ["ndar", "tcia", "ndar"], ["helpdesk"])
    assert [entry.id for entry in made.systems] == ["ndar", "tcia"]
    assert [row.key for row in made.rows] == ["helpdesk"]


def test_rows_keep_the_order_of_the_survey() -> None:
    made = survey.compare("software", rows=["multi_site_submissions", "interface"])
    assert [row.key for row in made.rows] == ["interface", "multi_site_submissions"]


def test_one_reading_in_two_wordings_does_not_differ() -> None:
    row = row_of(survey.compare("archives", ["tcia", "nbia"]), "login_required")
    first, second = row.values
    assert first is not None
    assert second is not None
    assert first.text != second.text
    assert not row.differs


def test_a_qualifier_alone_makes_no_difference() -> None:
    row = row_of(survey.compare("archives", ["insight-journal", "fitbir"]), "availability")
    assert not row.differs


def test_the_order_of_a_set_makes_no_difference_but_its_members_do() -> None:
    whole = row_of(survey.compare("archives", ["osa", "nitrc-ir"]), "central_curation")
    parts = row_of(survey.compare("archives", ["osa", "tcia"]), "central_curation")
    assert (whole.differs, parts.differs) == (False, True)


def test_an_empty_cell_differs_from_a_filled_one() -> None:
    row = row_of(survey.compare("archives", ["osa", "tcia"]), "registered_users")
    assert row.values[0] is None
    assert row.differs


def test_the_cell_unlike_most_is_marked() -> None:
    row = row_of(survey.compare("archives"), "collection_grouping")
    assert [entry.id for entry, apart in zip(survey.systems("archives"), row.apart, strict=True) if apart] == [
        "pediatric-mri"
    ]


def test_one_system_alone_differs_from_nobody() -> None:
    assert not any(row.differs for row in survey.compare("archives", ["tcia"]).rows)


@pytest.mark.parametrize("asked", [{"system_ids": ["nowhere"]}, {"rows": ["nothing"]}, {"system_ids": ["xnat"]}])
def test_what_the_table_has_not_is_refused(asked: dict[str, list[str]]) -> None:
    with pytest.raises(survey.UnknownEntry):
        survey.compare("archives", **asked)


def test_csv_has_a_line_a_row_and_survives_commas() -> None:
    made = survey.compare("archives", ["tcia", "osa"])
    lines = list(csv.DictReader(io.StringIO(survey.as_csv(made))))
    assert [line["row"] for line in lines] == list(survey.row_labels("archives"))
    users = next(line for line in lines if line["row"] == "registered_users")
    assert users["The Cancer Imaging Archive (TCIA)"] == "6,117"
    assert users["Optical Society of America (OSA)"] == ""


def test_json_keeps_text_reading_and_links() -> None:
    book = json.loads(survey.as_json(survey.compare("archives", ["ndar"], ["helpdesk"])))
    cell = book["rows"][0]["cells"]["ndar"]
    assert (cell["normalised"], cell["words"]) == ("email", "an address")
    assert cell["links"] == [{"text": "ndarhelp@mail.nih.gov", "address": "mailto:ndarhelp@mail.nih.gov"}]
