"""The depositor's pages say what arrived, what is wrong with it, and how to send more."""

import pytest
from tests.factories import (
    SYSTEM,
    actor_named,
    advance_all,
    deliver,
    make_collection,
    make_person,
    make_series,
    make_submission,
)
from tests.web.desk import Browser

from invivo import collections, submissions
from invivo.archive import Archive


@pytest.fixture
def sam(archive: Archive) -> Browser:
    """Somebody who submits into LUNG-1."""
    make_person(archive, "sam")
    collection = make_collection(archive)
    collections.add_member(archive, SYSTEM, collection.id, actor_named(archive, "sam").person_id or 0, "submitter")
    return Browser(archive).sign_in("sam")


@pytest.fixture
def submission(archive: Archive, sam: Browser) -> submissions.Submission:
    return make_submission(archive, collections.collection_named(archive, SYSTEM, "LUNG-1"))


def test_an_empty_list_says_what_comes_next(sam: Browser) -> None:
    page = sam.get("/submissions").text
    assert "No submissions yet" in page
    assert "Open the submission" in page


def test_a_submission_is_opened_by_whoever_may_submit(sam: Browser) -> None:
    answer = sam.post("/submissions", collection="LUNG-1", title="Site 4")
    page = sam.get(answer.headers["location"]).text
    assert answer.status_code == 303
    assert "Nothing has arrived yet" in page


def test_only_collections_that_one_may_submit_to_are_offered(archive: Archive, sam: Browser) -> None:
    make_collection(archive, "OTHER-1")
    assert "OTHER-1" not in sam.get("/submissions").text
    assert sam.post("/submissions", collection="OTHER-1", title="x").status_code == 403


def test_a_submission_of_others_is_not_found(archive: Archive, submission: submissions.Submission) -> None:
    make_person(archive, "eve")
    eve = Browser(archive).sign_in("eve")
    for path in ("", "/upload", "/progress.json"):
        assert eve.get(f"/submissions/{submission.id}{path}").status_code == 404


def test_what_arrived_is_counted_by_state(archive: Archive, sam: Browser, submission: submissions.Submission) -> None:
    deliver(archive, submission, make_series(3))
    assert sam.get(f"/submissions/{submission.id}/progress.json").json()["counts"] == {"received": 3}
    advance_all(archive)
    told = sam.get(f"/submissions/{submission.id}/progress.json").json()
    assert told["counts"] == {"cleaned": 3}
    assert told["uploads_waiting"] == 0
    assert "waiting for a decision" in sam.get(f"/submissions/{submission.id}").text


def test_a_problem_is_told_in_words_with_what_to_do(
    archive: Archive, sam: Browser, submission: submissions.Submission
) -> None:
    files = make_series(1)
    deliver(archive, submission, [files[0], files[0][:-2] + b"\x01\x02"])
    advance_all(archive)
    page = sam.get(f"/submissions/{submission.id}").text
    assert "1 object in conflict." in page
    assert "Send it under a UID of its own" in page
    assert "In conflict" in sam.get(f"/submissions/{submission.id}?show=problems").text


def test_the_lines_to_copy_have_the_real_host_port_and_title(sam: Browser, submission: submissions.Submission) -> None:
    page = sam.get(f"/submissions/{submission.id}").text
    assert "storescu -aec INVIVO +sd +r 127.0.0.1 11112" in page
    assert f"http://127.0.0.1:8042/dicom-web/submissions/{submission.id}/studies" in page


def test_a_submitter_cannot_register_senders_and_a_curator_can(
    archive: Archive, sam: Browser, submission: submissions.Submission
) -> None:
    address = f"/submissions/{submission.id}/senders"
    page = f"/submissions/{submission.id}"
    assert sam.post(address, page=page, calling_aet="SCANNER").status_code == 403
    make_person(archive, "cora", "curator")
    cora = Browser(archive).sign_in("cora")
    assert cora.post(address, page=page, calling_aet="SCANNER").status_code == 303
    assert "storescu -aet SCANNER -aec INVIVO" in cora.get(page).text
    sender = submissions.senders_of(archive, SYSTEM, submission.id)[0]
    cora.post(f"{address}/remove", page=page, sender=str(sender.id))
    assert submissions.senders_of(archive, SYSTEM, submission.id) == []


def test_a_malformed_sender_is_told_beside_the_form(
    archive: Archive, sam: Browser, submission: submissions.Submission
) -> None:
    make_person(archive, "cora", "curator")
    page = f"/submissions/{submission.id}"
    answer = Browser(archive).sign_in("cora").post(f"{page}/senders", page=page, address="10.0.0.0/99")
    assert answer.status_code == 400
    assert "The address must be an IP address" in answer.text


def test_a_closed_submission_offers_no_way_in(
    archive: Archive, sam: Browser, submission: submissions.Submission
) -> None:
    page = f"/submissions/{submission.id}"
    sam.post(f"{page}/state", page=page, state="closed")
    assert submissions.find_submission(archive, SYSTEM, submission.id).state == "closed"
    assert "Ways in" not in sam.get(page).text
    assert 'class="upload"' not in sam.get(f"{page}/upload").text
