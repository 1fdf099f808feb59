"""Templates of folders: documented, safe, and remembered by the folder."""

from pathlib import Path

import pytest

from invivo.client import layout_of, read_layout
from invivo.client.layout import NAMED
from invivo.errors import Conflict, Invalid

FACTS = {
    "collection": "LUNG-1",
    "subject": "P/1 ..",
    "study_date": "2020-01-02",
    "study_uid": "1.2.3.4.5.6.7.8.9.10",
    "study_description": None,
    "modality": "CT",
    "series_number": 7,
    "series_description": "Axial: 5 mm\\..",
    "series_uid": "1.2.3.4.5.6.7.8.9.11",
}


@pytest.mark.parametrize(
    ("template", "folder"),
    [
        (
            "{collection}/{subject}/{study_date}-{study}/{modality}_{series}",
            "LUNG-1/P_1/2020-01-02-5.6.7.8.9.10/CT_3.4.5.6.7.8.9.11",
        ),
        ("{number}_{description}_{series_uid}", "007_Axial_5_mm_1.2.3.4.5.6.7.8.9.11"),
        ("{study_description}/{series}", "unknown/3.4.5.6.7.8.9.11"),
        ("uids", "LUNG-1/P_1/1.2.3.4.5.6.7.8.9.10/1.2.3.4.5.6.7.8.9.11"),
    ],
)
def test_places_are_filled_with_plain_names(template: str, folder: str) -> None:
    assert read_layout(template).folder(FACTS) == folder


@pytest.mark.parametrize(
    "template",
    [
        "{collection}",
        "{x}/{series}",
        "../{series}",
        "/abs/../{series}",
        "{series!r}",
        "{series:>9}",
        "{series",
        "a\\{series}",
        "{series.real}",
        "a//{series}",
    ],
)
def test_templates_that_lead_astray_are_refused(template: str) -> None:
    with pytest.raises(Invalid):
        read_layout(template)


def test_names_of_ours_are_templates() -> None:
    assert all(read_layout(name).template == template for name, template in NAMED.items())


def test_a_folder_remembers_its_layout(tmp_path: Path) -> None:
    first = layout_of(tmp_path, "uids")
    assert layout_of(tmp_path) == first == layout_of(tmp_path, NAMED["uids"])
    with pytest.raises(Conflict, match="another folder"):
        layout_of(tmp_path, "bids")


def test_a_record_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    layout_of(tmp_path)
    (tmp_path / ".invivo" / "layout.json").write_text("{")
    with pytest.raises(Invalid, match="cannot be read"):
        layout_of(tmp_path)
