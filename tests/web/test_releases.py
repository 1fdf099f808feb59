"""Publishing and withdrawing by the pages: what blocks is said, what is done is shown."""

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
    publish,
)
from tests.web.desk import Browser

from invivo import collections, releases
from invivo.archive import Archive


@pytest.fixture
def collection(archive: Archive) -> collections.Collection:
    return make_collection(archive)


@pytest.fixture
def curator(archive: Archive) -> Browser:
    make_person(archive, "cora", "curator")
    return Browser(archive).sign_in("cora")


def _series_uid(archive: Archive, collection: collections.Collection) -> str:
    with archive.database.transaction() as tx:
        row = tx.execute("select uid from images.series where collection_id = %s", [collection.id]).fetchone()
    assert row is not None
    return str(row.uid)


def test_an_empty_preview_says_what_comes_next(collection: collections.Collection, curator: Browser) -> None:
    assert "Nothing to publish" in curator.get("/releases/LUNG-1").text


def test_only_curators_see_the_preview(archive: Archive, collection: collections.Collection) -> None:
    make_person(archive, "bob")
    assert Browser(archive).sign_in("bob").get("/releases/LUNG-1").status_code == 403


def test_what_waits_blocks_the_release_and_is_linked(
    archive: Archive, collection: collections.Collection, curator: Browser
) -> None:
    submission = make_submission(archive, collection)
    deliver(archive, submission, make_series(2))
    advance_all(archive)
    approve_all(archive)
    deliver(archive, submission, make_series(1))
    advance_all(archive)
    page = curator.get("/releases/LUNG-1").text
    assert "1 series blocks this release." in page
    assert "/reviews?collection=LUNG-1&amp;state=open" in page
    answer = curator.post("/releases/LUNG-1", notes="kept text")
    assert answer.status_code == 409
    assert "kept text" in answer.text
    assert releases.releases_of(archive, SYSTEM, collection.id) == []


def test_publishing_leads_to_the_number_of_the_release(
    archive: Archive, collection: collections.Collection, curator: Browser
) -> None:
    deliver(archive, make_submission(archive, collection), make_series(2))
    advance_all(archive)
    approve_all(archive)
    assert "Publish release 1, 1 series" in curator.get("/releases/LUNG-1").text
    answer = curator.post("/releases/LUNG-1", notes="First.")
    assert answer.headers["location"] == "/releases/LUNG-1/done/1"
    assert "Release 1 of LUNG-1 is published" in curator.get(answer.headers["location"]).text


def test_withdrawing_needs_the_name_of_the_collection(
    archive: Archive, collection: collections.Collection, curator: Browser
) -> None:
    publish(archive, collection, make_series(1))
    uid = _series_uid(archive, collection)
    page = f"/releases/LUNG-1/withdraw?series={uid}"
    answer = curator.post(
        "/releases/LUNG-1/withdraw", page=page, series=uid, reason_class="privacy", reason="A name.", confirm="LUNG"
    )
    assert answer.status_code == 400
    assert "Write LUNG-1 to confirm." in answer.text
    assert releases.tombstone_of(archive, SYSTEM, uid) is None


def test_a_withdrawn_series_leaves_a_tombstone_that_is_shown(
    archive: Archive, collection: collections.Collection, curator: Browser
) -> None:
    publish(archive, collection, make_series(1))
    uid = _series_uid(archive, collection)
    page = f"/releases/LUNG-1/withdraw?series={uid}"
    answer = curator.post(
        "/releases/LUNG-1/withdraw",
        page=page,
        series=uid,
        reason_class="privacy",
        reason="Burned in.",
        confirm="LUNG-1",
    )
    shown = curator.get(answer.headers["location"]).text
    assert answer.status_code == 303
    assert "Burned in." in shown
    assert "release 2" in shown


def test_releases_alone_lists_what_one_may_publish(
    archive: Archive, collection: collections.Collection, curator: Browser
) -> None:
    publish(archive, collection, make_series(1))
    make_collection(archive, "BRAIN-2")
    deliver(archive, make_submission(archive, collection), make_series(2, patient="P-9"))
    advance_all(archive)
    text = curator.get("/releases").text
    assert 'href="/releases/LUNG-1"' in text
    assert 'href="/collections/LUNG-1/releases/1"' in text
    assert "1 series waits" in text
    assert 'href="/releases/BRAIN-2"' in text


def test_who_curates_one_collection_finds_only_that_below_releases(
    archive: Archive, collection: collections.Collection
) -> None:
    make_collection(archive, "BRAIN-2")
    bob = make_person(archive, "bob")
    assert Browser(archive).sign_in("bob").get("/releases").status_code == 403
    collections.add_member(archive, SYSTEM, collection.id, bob.id, "curator")
    text = Browser(archive).sign_in("bob").get("/releases").text
    assert 'href="/releases/LUNG-1"' in text
    assert "BRAIN-2" not in text
