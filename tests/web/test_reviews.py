"""The curator's desk shows what is held to curators only, decides, and goes on to the next series."""

import json
import re

import pytest
from tests.factories import (
    SYSTEM,
    advance_all,
    deliver,
    make_collection,
    make_image,
    make_person,
    make_series,
    make_submission,
)
from tests.web.desk import Browser

from invivo import audit, reviews, submissions
from invivo.archive import Archive


@pytest.fixture
def curator(archive: Archive) -> Browser:
    make_person(archive, "cora", "curator")
    return Browser(archive).sign_in("cora")


@pytest.fixture
def submission(archive: Archive) -> submissions.Submission:
    return make_submission(archive, make_collection(archive))


def _items(archive: Archive) -> list[reviews.Item]:
    return list(reviews.queue(archive, SYSTEM, limit=100, states=("open", "deferred", "approved", "rejected")).items)


def _hold(archive: Archive, submission: submissions.Submission, *series: list[bytes]) -> list[reviews.Item]:
    for files in series:
        deliver(archive, submission, files)
    advance_all(archive)
    return _items(archive)


def _read(archive: Archive) -> list[str]:
    with archive.database.transaction() as tx:
        return [str(one.detail["what"]) for one in audit.newest(tx, 100) if one.verb == "review.read-original"]


def test_an_empty_queue_says_what_comes_next(curator: Browser) -> None:
    assert "Nothing waits" in curator.get("/reviews").text


def test_nobody_but_a_curator_gets_anything_of_an_item(archive: Archive, submission: submissions.Submission) -> None:
    item = _hold(archive, submission, make_series(1))[0]
    make_person(archive, "bob")
    stranger, bob = Browser(archive), Browser(archive).sign_in("bob")
    below = f"/objects/{item.cover_object_id}"
    for path in ("", "/frames.json", "/thumbnail", f"{below}/frames/1/rendered", f"{below}/tags", f"{below}/file"):
        assert stranger.get(f"/reviews/{item.id}{path}").status_code == 404
        assert bob.get(f"/reviews/{item.id}{path}").status_code == 404


def test_an_object_is_not_reached_through_another_item(
    archive: Archive, submission: submissions.Submission, curator: Browser
) -> None:
    first, second = _hold(archive, submission, make_series(1), make_series(1))
    assert curator.get(f"/reviews/{first.id}/objects/{second.cover_object_id}/frames/1/rendered").status_code == 404


def test_the_frames_are_in_order_and_each_is_a_picture(
    archive: Archive, submission: submissions.Submission, curator: Browser
) -> None:
    item = _hold(archive, submission, list(reversed(make_series(3))))[0]
    told = curator.get(f"/reviews/{item.id}/frames.json").json()
    assert [one["label"].split()[0] for one in told["frames"]] == ["#1", "#2", "#3"]
    assert [one["name"] for one in told["presets"]][:2] == ["Soft tissue", "Lung"]
    picture = curator.get(told["frames"][0]["rendered"].replace("{window}", "40,400,linear"))
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.content[:2] == b"\xff\xd8"
    assert "private" in picture.headers["cache-control"]


def test_a_window_that_makes_no_sense_is_refused(
    archive: Archive, submission: submissions.Submission, curator: Browser
) -> None:
    item = _hold(archive, submission, make_series(1))[0]
    address = f"/reviews/{item.id}/objects/{item.cover_object_id}/frames/1/rendered?window="
    asked = ("1", "a,b", "40,400,cubic", "40,0,linear", "nan,nan", "1e400,2")
    assert {curator.get(address + window).status_code for window in asked} == {400}


def test_no_original_picture_is_given_out_without_an_entry_in_the_journal(
    archive: Archive, submission: submissions.Submission, curator: Browser
) -> None:
    item = _hold(archive, submission, make_series(2))[0]
    bare = f"/reviews/{item.id}/objects/{item.cover_object_id}/frames/1/rendered?source=original&pass=guess"
    assert curator.get(bare).status_code == 400
    assert _read(archive) == []
    told = curator.get(f"/reviews/{item.id}/frames.json?source=original").json()
    answers = [curator.get(one["rendered"].replace("window={window}&", "")) for one in told["frames"]]
    assert [one.status_code for one in answers] == [200, 200]
    assert answers[0].headers["cache-control"] == "no-store"
    assert _read(archive) == ["pictures"]


def test_values_before_are_shown_on_demand_only_and_journalled(
    archive: Archive, submission: submissions.Submission, curator: Browser
) -> None:
    item = _hold(archive, submission, make_series(1, patient="SECRET-17"))[0]
    address = f"/reviews/{item.id}/objects/{item.cover_object_id}/tags"
    assert "SECRET-17" not in curator.get(address).text
    assert _read(archive) == []
    assert "SECRET-17" in curator.get(f"{address}?values=before").text
    assert _read(archive) == ["values"]


def test_the_report_of_an_object_tells_actions_and_findings_without_a_value(
    archive: Archive, submission: submissions.Submission, curator: Browser
) -> None:
    item = _hold(archive, submission, make_series(1, patient="SECRET-17", Modality="OT"))[0]
    address = f"/reviews/{item.id}/objects/{item.cover_object_id}"
    answer = curator.get(f"{address}/report.json")
    report = json.loads(answer.text)
    assert "attachment" in answer.headers["content-disposition"]
    assert "PatientID" in {one["path"] for one in report["actions"]}
    assert set(report["actions"][0]) == {"path", "action", "rule"}
    seen = [(one.severity, one.code, one.path) for one in reviews.findings_of(archive, item)]
    assert seen
    assert [(one["severity"], one["code"], one["path"]) for one in report["findings"]] == seen
    assert "SECRET-17" not in answer.text
    assert "LUNG-1-" not in answer.text
    assert _read(archive) == []
    assert "Findings at this object" in curator.get(f"{address}/tags").text


def test_why_a_tag_was_changed_leads_to_the_rules(
    archive: Archive, submission: submissions.Submission, curator: Browser
) -> None:
    item = _hold(archive, submission, make_series(1))[0]
    page = curator.get(f"/reviews/{item.id}/objects/{item.cover_object_id}/tags").text
    assert 'href="/admin/collections/LUNG-1/rules?all=yes&amp;q=StudyDate">' in page
    assert "E.1-1 C by option" not in page


def test_the_item_page_never_asks_dicomweb_for_what_is_held(
    archive: Archive, submission: submissions.Submission, curator: Browser
) -> None:
    item = _hold(archive, submission, make_series(2))[0]
    page = curator.get(f"/reviews/{item.id}").text
    assert "/dicom-web" not in page
    assert f"/reviews/{item.id}/frames.json" in page


def test_approving_goes_on_to_the_next_series_and_can_be_taken_back(
    archive: Archive, submission: submissions.Submission, curator: Browser
) -> None:
    first, second = _hold(archive, submission, make_series(1), make_series(1))
    answer = curator.post(f"/reviews/{first.id}/decide", page=f"/reviews/{first.id}", verdict="approve")
    assert answer.headers["location"] == f"/reviews/{second.id}?last={first.id}"
    assert "Take back" in curator.get(answer.headers["location"]).text
    curator.post(f"/reviews/{first.id}/decide", page=f"/reviews/{first.id}", verdict="reopen")
    assert [one.state for one in _items(archive)] == ["open", "open"]


def test_after_the_last_series_the_queue_says_that_nothing_waits(
    archive: Archive, submission: submissions.Submission, curator: Browser
) -> None:
    item = _hold(archive, submission, make_series(1))[0]
    answer = curator.post(
        f"/reviews/{item.id}/decide", page=f"/reviews/{item.id}", verdict="approve", collection="LUNG-1"
    )
    assert answer.headers["location"] == "/reviews?collection=LUNG-1&state=open"
    assert "Nothing more waits here." in curator.get(answer.headers["location"]).text


def test_rejecting_without_a_reason_is_asked_again(
    archive: Archive, submission: submissions.Submission, curator: Browser
) -> None:
    item = _hold(archive, submission, make_series(1))[0]
    answer = curator.post(f"/reviews/{item.id}/decide", page=f"/reviews/{item.id}", verdict="reject")
    assert answer.status_code == 400
    assert "Give a reason to reject." in answer.text
    assert _items(archive)[0].state == "open"


def test_a_conflict_blocks_approval_until_it_is_settled(
    archive: Archive, submission: submissions.Submission, curator: Browser
) -> None:
    files = make_series(1)
    twin = files[0][:-2] + b"\x01\x02"
    item = _hold(archive, submission, [files[0], twin])[0]
    page = curator.get(f"/reviews/{item.id}").text
    assert "1 object in conflict" in page
    found = re.search(r'name="object" value="(\d+)"', page)
    assert found
    refused = curator.post(f"/reviews/{item.id}/decide", page=f"/reviews/{item.id}", verdict="approve")
    assert refused.status_code == 409
    curator.post(f"/reviews/{item.id}/settle", page=f"/reviews/{item.id}", object=found[1], verdict="discard")
    advance_all(archive)
    curator.post(f"/reviews/{item.id}/decide", page=f"/reviews/{item.id}", verdict="approve")
    assert _items(archive)[0].state == "approved"


def test_a_file_that_is_not_dicom_is_downloaded_as_an_attachment_and_journalled(
    archive: Archive, submission: submissions.Submission, curator: Browser
) -> None:
    origin = submissions.Origin("import", SYSTEM, submission.id)
    receipt = submissions.receive(archive, origin, [b"<script>alert(1)</script>"], "folder/notes.html")
    advance_all(archive)
    item = _items(archive)[0]
    assert "notes.html" in curator.get(f"/reviews/{item.id}").text
    answer = curator.get(f"/reviews/{item.id}/objects/{receipt.object_id}/file")
    assert answer.headers["content-disposition"] == 'attachment; filename="notes.html"'
    assert answer.headers["content-type"] == "application/octet-stream"
    assert _read(archive) == ["file"]


def test_many_are_decided_together_after_a_preview_that_counts_them(
    archive: Archive, submission: submissions.Submission, curator: Browser
) -> None:
    items = _hold(archive, submission, make_series(2), make_series(2), make_series(2))
    ids = [str(one.id) for one in items[:2]]
    address = f"/reviews/bulk?item={ids[0]}&item={ids[1]}"
    page = curator.get(address).text
    assert "Approve 2 series" in page
    assert "4 objects in all" in page
    digest = re.search(r'name="group" value="clear"><input type="hidden" name="digest" value="(\w+)"', page)
    assert digest
    curator.post("/reviews/bulk", page=address, item=ids, group="clear", digest=digest[1], verdict="approve")
    assert [one.state for one in _items(archive)] == ["approved", "approved", "open"]


def test_all_that_match_a_filter_can_be_previewed(
    archive: Archive, submission: submissions.Submission, curator: Browser
) -> None:
    _hold(archive, submission, make_series(1), make_series(1), make_series(1))
    assert "Decide on 3 series" in curator.get("/reviews/bulk?all=yes&collection=LUNG-1").text


def test_the_queue_counts_what_its_links_open(
    archive: Archive, submission: submissions.Submission, curator: Browser
) -> None:
    _hold(archive, submission, make_series(1), make_series(1))
    page = curator.get("/reviews?collection=LUNG-1").text
    assert "2 series wait for a decision." in page
    assert page.count('class="row"') == 2


def test_text_of_a_file_is_never_markup(archive: Archive, submission: submissions.Submission, curator: Browser) -> None:
    image = make_image(SeriesDescription="<img src=x onerror=alert(1)>")
    item = _hold(archive, submission, [image])[0]
    for address in (f"/reviews/{item.id}", f"/reviews/{item.id}/objects/{item.cover_object_id}/tags?values=before"):
        assert "<img src=x" not in curator.get(address).text


def test_an_unknown_parameter_is_refused(curator: Browser) -> None:
    assert curator.get("/reviews?sort=size").status_code == 400
