"""Masks on the curator's page: numbers typed or drawn are applied, the page says how far, and nobody else may."""

import pytest
from tests.factories import (
    SYSTEM,
    advance_all,
    deliver,
    make_collection,
    make_person,
    make_series,
    make_submission,
)
from tests.web import desk
from tests.web.desk import Browser

from invivo import reviews, submissions
from invivo.archive import Archive
from invivo.web import masks

ROW = {"x": "2", "y": "3", "width": "5", "height": "4"}


@pytest.fixture(autouse=True)
def pages(monkeypatch: pytest.MonkeyPatch) -> None:
    if masks not in desk.PAGES:
        monkeypatch.setattr(desk, "PAGES", (*desk.PAGES, masks))


@pytest.fixture
def curator(archive: Archive) -> Browser:
    make_person(archive, "cora", "curator")
    return Browser(archive).sign_in("cora")


@pytest.fixture
def item(archive: Archive) -> reviews.Item:
    deliver(archive, make_submission(archive, make_collection(archive)), make_series(3))
    advance_all(archive)
    return reviews.queue(archive, SYSTEM).items[0]


def work(archive: Archive, item: reviews.Item) -> None:
    submissions.apply_masks(archive, item.series_id)
    advance_all(archive)


def apply(curator: Browser, item: reviews.Item, **fields: object) -> int:
    address = f"/reviews/{item.id}"
    chosen = {"scope": "alike", "object": str(item.cover_object_id), **ROW, **fields}
    return curator.post(f"{address}/masks", page=address, **chosen).status_code


def test_the_page_has_number_fields_without_any_script(curator: Browser, item: reviews.Item) -> None:
    shown = curator.get(f"/reviews/{item.id}").text
    assert shown.count('name="width"') == 4  # three rows, and the one that scripts copy
    assert f'name="object" min="1" value="{item.cover_object_id}"' in shown
    assert "these frames of this object" not in shown


def test_masks_are_applied_and_the_page_says_how_far(archive: Archive, curator: Browser, item: reviews.Item) -> None:
    assert apply(curator, item) == 303
    shown = curator.get(f"/reviews/{item.id}").text
    assert "Applied to 0 of 3 objects" in shown
    assert "Masks are being applied; approve when they are." in shown
    assert curator.get(f"/reviews/{item.id}/masks.json").json() == {
        "waiting": 3,
        "done": 0,
        "failed": 0,
        "pending": False,
    }
    work(archive, item)
    shown = curator.get(f"/reviews/{item.id}").text
    assert "1 rectangle hidden in 3 objects" in shown
    assert "Applied to" not in shown


def test_pictures_have_another_address_once_they_are_other_pictures(
    archive: Archive, curator: Browser, item: reviews.Item
) -> None:
    def addresses() -> list[str]:
        return [one["rendered"] for one in curator.get(f"/reviews/{item.id}/frames.json").json()["frames"]]

    before = addresses()
    thumbnail = curator.get(f"/reviews/{item.id}/thumbnail")
    assert "no-cache" in thumbnail.headers["cache-control"]
    apply(curator, item)
    work(archive, item)
    assert not set(before) & set(addresses())
    assert curator.get(addresses()[0].replace("{window}", "40,400,linear")).status_code == 200
    assert curator.get(f"/reviews/{item.id}/thumbnail").headers["etag"] != thumbnail.headers["etag"]


def test_one_object_is_masked_alone(archive: Archive, curator: Browser, item: reviews.Item) -> None:
    assert apply(curator, item, scope="object") == 303
    assert [one.object_ids for one in submissions.masks_of(archive, item)] == [(item.cover_object_id,)]


def test_starting_again_brings_the_pictures_back(archive: Archive, curator: Browser, item: reviews.Item) -> None:
    before = [one.clean_digest for one in reviews.objects_of_item(archive, item)]
    apply(curator, item)
    work(archive, item)
    address = f"/reviews/{item.id}"
    assert curator.post(f"{address}/masks/undo", page=address).status_code == 303
    assert curator.get(f"{address}/masks.json").json()["pending"]
    advance_all(archive)
    assert [one.clean_digest for one in reviews.objects_of_item(archive, item)] == before


@pytest.mark.parametrize(
    "fields",
    [
        {"x": "-1"},
        {"x": "nan"},
        {"x": "1e3"},
        {"x": "9" * 40},
        {"x": "12"},
        {"width": ""},
        {"width": "0"},
        {"x": ["1", "2"]},
        {name: [value] * 4000 for name, value in ROW.items()},
        {"x": ""} | {"y": ""} | {"width": ""} | {"height": ""},
        {"scope": "everything"},
        {"object": "x"},
        {"object": "999999"},
        {"scope": "object", "object": "999999"},
        {"scope": "frames", "frames": "1-99999999999"},
        {"scope": "frames", "frames": "1-9999999"},
        {"scope": "frames", "frames": "2"},
        {"scope": "frames", "frames": ""},
        {"scope": "frames", "frames": "a"},
    ],
    ids=lambda one: str(one)[:40],
)
def test_what_makes_no_sense_is_refused_in_words(
    archive: Archive, curator: Browser, item: reviews.Item, fields: dict[str, object]
) -> None:
    assert apply(curator, item, **fields) == 400
    assert submissions.masks_of(archive, item) == []


def test_refused_numbers_stand_in_the_form_again(curator: Browser, item: reviews.Item) -> None:
    address = f"/reviews/{item.id}"
    fields = {"scope": "object", "object": "77", **ROW, "x": "14"}
    shown = curator.post(f"{address}/masks", page=address, **fields).text
    assert "belong" in shown
    assert 'name="x" inputmode="numeric" min="0" max="65535" step="1" value="14"' in shown
    assert 'name="object" min="1" value="77"' in shown


def test_nobody_but_a_curator_draws_drops_or_sees_masks(archive: Archive, item: reviews.Item) -> None:
    make_person(archive, "bob")
    bob = Browser(archive).sign_in("bob")
    for path in ("masks", "masks/undo"):
        answer = bob.post(f"/reviews/{item.id}/{path}", page="/account", scope="alike", object="1", **ROW)
        assert answer.status_code == 404
    assert bob.get(f"/reviews/{item.id}/masks.json").status_code == 404
    assert submissions.masks_of(archive, item) == []


def test_a_form_of_somebody_elses_page_changes_nothing(archive: Archive, curator: Browser, item: reviews.Item) -> None:
    fields = {"csrf": "guess", "scope": "alike", "object": str(item.cover_object_id), **ROW}
    assert curator.ask("POST", f"/reviews/{item.id}/masks", data=fields).status_code == 403
    assert submissions.masks_of(archive, item) == []
