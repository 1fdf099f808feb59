import csv
import importlib.util
import io
from pathlib import Path
from typing import Any

import pytest

from invivo import images
from invivo.cli.idc_index import NoIndex, find_folder, parts_of, read_index
from invivo.errors import Invalid
from tests.fakes.idc_index import about, row, write_index

PAGES = [about("nlst", "NLST"), about("ct_colonography", "CT COLONOGRAPHY", species="Human, Mouse")]


def parts(folder: Path, rows: list[dict[str, Any]], *names: str, limit: int | None = None) -> dict[str, Any]:
    index = read_index(write_index(folder, rows, PAGES))
    return {part.page.name: part for _, part in parts_of(index, names, limit)}


def read(part: Any) -> list[dict[str, str]]:
    text = b"".join(part.portions()).decode()
    return list(csv.DictReader(io.StringIO(text), fieldnames=images.ARRIVING))


def test_a_row_is_told_in_our_words(tmp_path: Path) -> None:
    told = row(
        7,
        PatientAge="060Y",
        PatientSex="F",
        StudyDate="1880-09-09",
        SeriesNumber="-5",
        SeriesDescription='Thorax "weich", größer',
        TransferSyntaxUID="1.2.840.10008.1.2.1,1.2.840.10008.1.2.4.50",
        source_DOI="10.7937/K9/NLST",
        series_size_MB=26.405988,
    )
    (only,) = read(parts(tmp_path, [told])["nlst"])
    assert only["study_date"] == "1880-09-09"
    assert only["number"] == "-5"
    assert only["description"] == 'Thorax "weich", größer'
    assert only["transfer_syntaxes"] == "1.2.840.10008.1.2.1,1.2.840.10008.1.2.4.50"
    assert only["size_bytes"] == "26405988"
    assert only["dataset"] == "10.7937/k9/nlst"
    assert only["url"] == "s3://idc-open-data/00000000-0000-0000-0000-000000000007/"


@pytest.mark.parametrize(
    ("column", "value", "ours"),
    [
        ("StudyDate", "2005-02-30", "study_date"),
        ("SeriesNumber", "99999999999", "number"),
        ("SeriesNumber", "1.5", "number"),
        ("SeriesDescription", "\x00 \x1b", "description"),
        ("PatientAge", "", "patient_age"),
    ],
)
def test_a_value_that_is_none_is_left_out(tmp_path: Path, column: str, value: str, ours: str) -> None:
    (only,) = read(parts(tmp_path, [row(1, **{column: value})])["nlst"])
    assert only[ours] == ""


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("SeriesInstanceUID", "1.2.3/../4"),
        ("SeriesInstanceUID", None),
        ("series_aws_url", "s3://idc-open-data/../secret/*"),
        ("series_aws_url", "file:///etc/passwd"),
        ("TransferSyntaxUID", "1.2,"),
        ("PatientID", None),
    ],
)
def test_an_index_with_a_wrong_row_is_refused_whole(tmp_path: Path, column: str, value: str | None) -> None:
    with pytest.raises(Invalid, match="of the index"):
        parts(tmp_path, [row(1), row(2, **{column: value})])


def test_a_page_says_what_the_index_says(tmp_path: Path) -> None:
    page = parts(tmp_path, [row(1)])["nlst"].page
    assert page.draft.title == "Data of NLST"
    assert page.draft.sites == ("Lung", "Chest")
    assert "Lung Cancer" in page.draft.summary
    assert [(one.doi, one.is_result) for one in page.datasets] == [("10.7937/nlst", False), ("10.5281/zenodo.1", True)]
    assert page.datasets[0].citation == "Roe, R. & Doe, J. (2020). Data."


def test_a_short_name_has_no_blanks(tmp_path: Path) -> None:
    page = parts(tmp_path, [row(1, "ct_colonography")])["ct_colonography"].page
    assert page.draft.short_name == "CT-COLONOGRAPHY"
    assert page.draft.species == ("Human", "Mouse")


def test_the_most_frequent_licence_is_the_collections_own(tmp_path: Path) -> None:
    rows = [row(1), *(row(number, license_short_name="CC BY-NC 3.0") for number in (2, 3))]
    part = parts(tmp_path, rows)["nlst"]
    assert part.page.draft.licence == "CC-BY-NC-3.0"
    assert [one["licence"] for one in read(part)] == ["CC-BY-4.0", "", ""]


def test_an_unknown_licence_is_named_in_the_terms(tmp_path: Path) -> None:
    page = parts(tmp_path, [row(1, license_short_name="Terms of a library, 2019")])["nlst"].page
    assert page.draft.licence == "LicenseRef-restricted"
    assert "Terms of a library, 2019" in page.draft.terms


def test_rows_out_of_order_are_put_together(tmp_path: Path) -> None:
    found = parts(tmp_path, [row(1), row(2, "ct_colonography"), row(3)])
    assert [len(read(found[name])) for name in ("nlst", "ct_colonography")] == [2, 1]


def test_a_limit_takes_a_share_of_each_collection(tmp_path: Path) -> None:
    rows = [row(number) for number in range(90)] + [row(100 + number, "ct_colonography") for number in range(10)]
    found = parts(tmp_path, rows, limit=20)
    assert {name: len(read(part)) for name, part in found.items()} == {"nlst": 18, "ct_colonography": 2}
    assert not found["nlst"].is_whole


@pytest.mark.parametrize("name", ["ct_colonography", "CT COLONOGRAPHY"])
def test_a_collection_is_chosen_by_its_id_or_name(tmp_path: Path, name: str) -> None:
    assert list(parts(tmp_path, [row(1), row(2, "ct_colonography")], name)) == ["ct_colonography"]


def test_an_unknown_collection_is_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no collection nowhere"):
        parts(tmp_path, [row(1)], "nowhere")


def test_the_same_rows_have_the_same_digest(tmp_path: Path) -> None:
    first, again = (parts(tmp_path / one, [row(1), row(2)])["nlst"] for one in "ab")
    changed = parts(tmp_path / "c", [row(1), row(2, BodyPartExamined="CHEST")])["nlst"]
    assert first.digest == again.digest != changed.digest


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + bytes(200) + b"PAR1", b"a,b\n1,2\n"])
def test_a_damaged_table_is_refused(tmp_path: Path, content: bytes) -> None:
    write_index(tmp_path, [row(1)], PAGES)
    (tmp_path / "idc_index.parquet").write_bytes(content)
    with pytest.raises(Invalid):
        read_index(tmp_path)


def test_a_folder_without_the_index_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(NoIndex, match="There is no idc_index"):
        find_folder(tmp_path)


def test_without_the_package_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(NoIndex, match="pip install idc-index-data"):
        find_folder(None)


@pytest.mark.skipif(importlib.util.find_spec("idc_index_data") is None, reason="idc-index-data is not installed")
def test_the_real_index_is_read_whole() -> None:
    index = read_index(find_folder(None))
    assert index.rows.num_rows == sum(stop - start for start, stop in index.spans.values())
    assert index.spans.keys() <= index.pages.keys()
    for count, part in parts_of(index, ["nlm_visible_human_project", "4d_lung"]):
        assert sum(portion.count(b"\n") for portion in part.portions()) == count
