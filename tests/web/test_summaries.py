"""The summary of a delivery counts what was done and tells no value; its digest is that of the file."""

import hashlib
import json
import re
from typing import Any

import pytest
from tests.factories import (
    SYSTEM,
    actor_named,
    advance_all,
    approve_all,
    deliver,
    make_collection,
    make_person,
    make_series,
    make_submission,
)
from tests.web import desk
from tests.web.desk import Browser

from invivo import collections, releases, submissions
from invivo.archive import Archive
from invivo.web import summaries

desk.PAGES = (*(page for page in desk.PAGES if page is not summaries), summaries)


@pytest.fixture
def sam(archive: Archive) -> Browser:
    make_person(archive, "sam")
    made = make_collection(archive, profile="tcia")
    collections.add_member(archive, SYSTEM, made.id, actor_named(archive, "sam").person_id or 0, "submitter")
    return Browser(archive).sign_in("sam")


@pytest.fixture
def delivery(archive: Archive, sam: Browser) -> submissions.Submission:
    made = make_submission(archive, collections.collection_named(archive, SYSTEM, "LUNG-1"))
    deliver(archive, made, make_series(3, OperatorsName="SECRET^OPERATOR"))
    return made


def told(browser: Browser, delivery: submissions.Submission) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(browser.get(f"/submissions/{delivery.id}/summary.json").text)
    return found


def test_actions_are_counted_by_attribute_and_no_value_is_told(
    archive: Archive, sam: Browser, delivery: submissions.Submission
) -> None:
    advance_all(archive)
    summary = told(sam, delivery)
    assert {"path": "OperatorsName", "action": "X", "objects": 3} in summary["actions"]
    assert summary["objects"] == {"total": 3, "cleaned": 3}
    assert summary["with_record"] == 3
    assert "113107" in summary["rules"]["options"]
    page = sam.get(f"/submissions/{delivery.id}/summary").text
    assert "OperatorsName" in page
    for text in (page, json.dumps(summary)):
        assert "SECRET" not in text
        assert "Doe" not in text
        assert "Axial 5 mm" not in text


def test_the_digest_on_the_page_is_that_of_the_file(
    archive: Archive, sam: Browser, delivery: submissions.Submission
) -> None:
    advance_all(archive)
    shown = re.search(r'class="digest">([0-9a-f]{64})<', sam.get(f"/submissions/{delivery.id}/summary").text)
    written = sam.get(f"/submissions/{delivery.id}/summary.json")
    assert shown
    assert shown[1] == hashlib.sha256(written.content).hexdigest()
    assert "attachment" in written.headers["content-disposition"]


def test_what_is_not_done_yet_makes_it_not_final(sam: Browser, delivery: submissions.Submission) -> None:
    assert "Not final: 3 objects wait" in sam.get(f"/submissions/{delivery.id}/summary").text


def test_after_the_release_the_counts_stay(archive: Archive, sam: Browser, delivery: submissions.Submission) -> None:
    advance_all(archive)
    approve_all(archive)
    releases.publish(archive, SYSTEM, delivery.collection_id, "for a test")
    assert told(sam, delivery)["objects"] == {"total": 3, "released": 3}


def test_an_empty_delivery_says_what_comes_next(archive: Archive, sam: Browser) -> None:
    made = make_submission(archive, collections.collection_named(archive, SYSTEM, "LUNG-1"))
    page = sam.get(f"/submissions/{made.id}/summary").text
    assert "Nothing has arrived yet" in page
    assert "Signature" not in page
    assert "Summary to sign" not in sam.get(f"/submissions/{made.id}").text


def test_a_summary_of_others_is_not_found(archive: Archive, delivery: submissions.Submission) -> None:
    make_person(archive, "eve")
    eve = Browser(archive).sign_in("eve")
    for name in ("summary", "summary.json"):
        assert eve.get(f"/submissions/{delivery.id}/{name}").status_code == 404
