"""The page of a checklist shows what blocks, records steps with what is counted beside them, and keeps earlier rounds."""

import pytest
from tests.factories import (
    SYSTEM,
    advance_all,
    approve_all,
    deliver,
    make_collection,
    make_person,
    make_series,
    make_submission,
)
from tests.web.desk import Browser

from invivo import collections, releases, reviews, submissions
from invivo.archive import Archive

HERE = "/reviews/checklists/LUNG-1"


@pytest.fixture
def place(archive: Archive) -> collections.Collection:
    return make_collection(archive)


@pytest.fixture
def curator(archive: Archive) -> Browser:
    make_person(archive, "cora", "curator")
    return Browser(archive).sign_in("cora")


def test_a_collection_without_one_offers_the_usual_steps(place: collections.Collection, curator: Browser) -> None:
    assert "Begin with the usual steps" in curator.get(HERE).text
    page = curator.get(f"{HERE}/edit").text
    assert "Mapping of subjects" in page
    assert page.count('name="title"') == 13


def test_nobody_but_its_curators_sees_a_checklist(archive: Archive, place: collections.Collection) -> None:
    reviews.set_checklist(archive, SYSTEM, place.id, reviews.default_steps())
    make_person(archive, "bob")
    for browser in (Browser(archive), Browser(archive).sign_in("bob")):
        assert {browser.get(path).status_code for path in (HERE, f"{HERE}/edit")} == {404}


def test_steps_are_saved_in_the_order_of_their_numbers(
    archive: Archive, place: collections.Collection, curator: Browser
) -> None:
    curator.post(
        f"{HERE}/edit",
        place=["2", "1", "3"],
        name=["", "visual", ""],
        title=["Ask the radiologist", "Visual review", ""],
        guide=["", "Look.", "no title"],
        required=["0"],
    )
    found = reviews.checklist_of(archive, SYSTEM, place.id)
    assert found is not None
    assert [(one.step.name, one.step.is_required) for one in found.steps] == [
        ("visual", False),
        ("ask-the-radiologist", True),
    ]


def test_a_step_is_recorded_and_a_second_record_of_an_old_page_is_refused(
    archive: Archive, place: collections.Collection, curator: Browser
) -> None:
    reviews.set_checklist(archive, SYSTEM, place.id, reviews.default_steps())
    asked = {"step": "visual", "round": "1", "record": "0", "outcome": "remarks"}
    assert curator.post(HERE, page=HERE, **asked).status_code == 400
    assert curator.post(HERE, page=HERE, **asked, remark="<b>noisy</b>").status_code == 303
    page = curator.get(HERE).text
    assert "&lt;b&gt;noisy&lt;/b&gt;" in page
    assert "by cora" in page
    refused = curator.post(HERE, page=HERE, **asked, remark="mine")
    assert refused.status_code == 409
    assert "cora recorded" in refused.text
    assert ">mine</textarea>" in refused.text


def test_what_is_counted_stands_beside_the_steps(
    archive: Archive, place: collections.Collection, curator: Browser
) -> None:
    reviews.set_checklist(archive, SYSTEM, place.id, reviews.default_steps())
    submission = make_submission(archive, place)
    submissions.announce(archive, SYSTEM, submission.id, [submissions.Expected("", 1, 1, 2)])
    files = make_series(2)
    deliver(archive, submission, [files[0], files[0][:-2] + b"\x01\x02"])
    advance_all(archive)
    page = curator.get(HERE).text
    assert "all together: 1 of 1 subjects, 1 of 1 studies, 1 of 2 series." in page
    assert "object.conflict: 1 series, 1 undecided." in page
    assert "1 series waits for a decision." in page
    assert "/reviews?collection=LUNG-1&amp;code=object.conflict" in page


def test_the_page_says_what_blocks_and_the_next_round_is_empty(
    archive: Archive, place: collections.Collection, curator: Browser
) -> None:
    reviews.set_checklist(archive, SYSTEM, place.id, [reviews.Step("visual", "Visual review", "", True)])
    deliver(archive, make_submission(archive, place), make_series(1))
    advance_all(archive)
    assert "A release waits." in curator.get(HERE).text
    approve_all(archive)
    curator.post(HERE, page=HERE, step="visual", round="1", record="0", outcome="done")
    assert "No step of the checklist blocks a release." in curator.get(HERE).text
    releases.publish(archive, SYSTEM, place.id, "")
    page = curator.get(HERE).text
    assert "Round 1: " in page
    assert "Round 2, since" in page
    assert "A release waits." in page
