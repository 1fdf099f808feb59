"""The pages of quality marks and of reports."""

import csv
import io

import pytest
from tests.factories import SYSTEM, make_collection, make_person, make_series, publish
from tests.web.desk import Browser

from invivo import collections, images, releases, search
from invivo.archive import Archive

QUALITY = "/releases/LUNG-1/quality"


@pytest.fixture
def uid(archive: Archive) -> str:
    publish(archive, make_collection(archive), make_series(2))
    return str(search.find(archive, SYSTEM, search.ALL).rows[0].series_uid)


@pytest.fixture
def cora(archive: Archive) -> Browser:
    make_person(archive, "cora", "curator")
    return Browser(archive).sign_in("cora")


def lung(archive: Archive) -> int:
    return collections.collection_named(archive, SYSTEM, "LUNG-1").id


def test_a_mark_is_set_for_a_series_and_shown_without_its_note(archive: Archive, uid: str, cora: Browser) -> None:
    page = f"{QUALITY}?series={uid}"
    answer = cora.post(
        QUALITY, page=page, series=uid, mark="questionable", reasons="motion", note="Ask Ada.", part="staff"
    )
    assert answer.headers["location"] == f"/series/{uid}"
    shown = Browser(archive).get(f"/series/{uid}").text
    assert "Quality: questionable" in shown
    assert "Ask Ada." not in shown
    assert "Ask Ada." in cora.get(page).text


def test_a_mark_without_a_reason_shows_the_form_again(archive: Archive, uid: str, cora: Browser) -> None:
    answer = cora.post(QUALITY, page=f"{QUALITY}?series={uid}", series=uid, mark="unusable", part="staff")
    assert answer.status_code == 400
    assert "say why it is unusable" in answer.text


def test_a_list_is_looked_at_before_it_is_set(archive: Archive, uid: str, cora: Browser) -> None:
    listed = f"series_uid,mark,reason\n{uid},unusable,noise\n1.2.3,usable,\n"
    looked = cora.post(QUALITY, csv=listed, part="contractor").text
    assert "1 series of this collection gets a mark" in looked
    assert "1.2.3" in looked
    assert images.marks_of(archive, SYSTEM, lung(archive), uid) == []
    assert cora.post(QUALITY, csv=listed, part="contractor", step="set").status_code == 303
    assert [one.part for one in images.marks_of(archive, SYSTEM, lung(archive), uid)] == ["contractor"]


def test_what_a_search_found_is_marked(archive: Archive, uid: str, cora: Browser) -> None:
    page = f"{QUALITY}?collection=LUNG-1&modality=CT"
    assert "1 series that the search found" in cora.get(page).text
    looked = cora.post(QUALITY, page=page, found=uid, mark="usable", part="staff").text
    assert uid in looked
    assert cora.post(QUALITY, page=page, found=uid, mark="usable", part="staff", step="set").status_code == 303
    assert images.find_series(archive, SYSTEM, uid).quality == "usable"


def test_reports_are_csv_without_formulas(archive: Archive, uid: str, cora: Browser) -> None:
    releases.withdraw(archive, SYSTEM, lung(archive), uid, "quality", "Blurred.")
    with archive.database.transaction() as tx:
        tx.execute("update reviews.item set reason = '=HYPERLINK()'")
        tx.execute("update quarantine.series set site = '=1+1'")
    assert "NBIA" in cora.get("/admin/reports").text
    answer = cora.get("/admin/reports/history.csv?collection=LUNG-1")
    found = list(csv.DictReader(io.StringIO(answer.text)))
    assert [one["newStatus"] for one in found] == ["Not Yet Reviewed", "Stage 2", "Visible", "Not Visible"]
    assert {one["site"] for one in found} == {"'=1+1"}
    series = list(csv.DictReader(io.StringIO(cora.get("/admin/reports/series.csv").text)))
    assert [one["visibilityStatus"] for one in series] == ["Not Visible"]
    assert cora.get("/admin/reports/series.csv?since=yesterday").status_code == 400
