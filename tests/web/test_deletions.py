"""The pages of withdrawing, the trash and legal holds: what is shown is what is done, and by whom it may be."""

import pytest
from starlette.applications import Starlette
from tests.factories import SYSTEM, actor_named, make_collection, make_person, make_series, publish
from tests.web.desk import Browser

from invivo import images, releases, search, web
from invivo.archive import Archive
from invivo.serving.identify import Identify
from invivo.web import accounts, carts, downloads, render

TRASH, HOLDS, WITHDRAW = "/releases/LUNG-1/trash", "/releases/LUNG-1/holds", "/releases/LUNG-1/withdraw"


@pytest.fixture
def lung(archive: Archive) -> int:
    collection = make_collection(archive)
    publish(archive, collection, make_series(2, patient="A"))
    publish(archive, collection, make_series(1, patient="B"))
    return collection.id


@pytest.fixture
def cora(archive: Archive) -> Browser:
    make_person(archive, "cora", "curator")
    return Browser(archive).sign_in("cora")


@pytest.fixture
def ada(archive: Archive) -> Browser:
    make_person(archive, "ada", "administrator")
    return Browser(archive).sign_in("ada")


def first(archive: Archive) -> search.Found:
    return search.find(archive, SYSTEM, search.ALL).rows[0]


def gone(archive: Archive, lung: int) -> str:
    uid = str(first(archive).series_uid)
    named = releases.Named(series=(uid,))
    releases.withdraw_named(archive, SYSTEM, lung, named, "privacy", "A face.", scope="everywhere")
    return uid


def test_a_subject_is_withdrawn_everywhere_after_a_look_at_what_goes(
    archive: Archive, lung: int, cora: Browser
) -> None:
    row = first(archive)
    look = f"{WITHDRAW}?subject={row.subject}&scope=everywhere"
    shown = cora.get(look).text
    assert row.series_uid in shown
    assert "Withdraw 1 series of 2 objects" in shown
    given = {"subject": row.subject, "scope": "everywhere", "expected": "1", "confirm": "LUNG-1"}
    answer = cora.post(WITHDRAW, page=look, reason_class="consent", reason="Asked for.", **given)
    assert answer.status_code == 303
    assert cora.get(f"/series/{row.series_uid}").status_code == 410
    assert "do not show it any more either" in cora.get(f"/series/{row.series_uid}").text
    older = cora.get("/collections/LUNG-1/releases/1").text
    assert "No longer given out" in older
    assert row.series_uid in older
    assert "No longer given out" not in cora.get("/collections/LUNG-1/releases/3").text


def test_a_stale_look_is_told(archive: Archive, lung: int, cora: Browser) -> None:
    row = first(archive)
    look = f"{WITHDRAW}?subject={row.subject}"
    given = {"subject": row.subject, "expected": "7", "confirm": "LUNG-1"}
    answer = cora.post(WITHDRAW, page=look, reason_class="consent", reason="Asked for.", **given)
    assert answer.status_code == 409
    assert "look again" in answer.text


def test_one_marks_another_approves_and_the_trash_says_what_comes_next(
    archive: Archive, lung: int, cora: Browser, ada: Browser
) -> None:
    assert "The trash is empty" in cora.get(TRASH).text
    uid = gone(archive, lung)
    assert uid in cora.get(TRASH).text
    assert cora.post(TRASH, series=uid, reason="A face.").status_code == 303
    assert "Waits for approval" in cora.get(TRASH).text
    number = releases.trash_of(archive, SYSTEM, lung)[0].id
    refused = cora.post(f"{TRASH}/{number}/decide", page=TRASH, verdict="approve")
    assert refused.status_code == 403
    assert ada.post(f"{TRASH}/{number}/decide", page=TRASH, verdict="approve").status_code == 303
    assert "Deleted after" in ada.get("/admin/trash").text
    again = ada.post(f"{TRASH}/{number}/decide", page=TRASH, verdict="decline")
    assert again.status_code == 409
    assert cora.post(f"{TRASH}/{number}/restore", page=TRASH, publish="yes").status_code == 303
    assert first(archive) is not None
    assert cora.get(f"/series/{uid}").status_code == 200


def test_who_asked_is_not_offered_to_approve(archive: Archive, lung: int, ada: Browser) -> None:
    uid = gone(archive, lung)
    ada.post(TRASH, series=uid, reason="A face.")
    shown = ada.get(TRASH).text
    assert "somebody else decides" in shown
    assert "Approve the deletion" not in shown
    number = releases.trash_of(archive, SYSTEM, lung)[0].id
    assert ada.post(f"{TRASH}/{number}/decide", page=TRASH, verdict="approve").status_code == 403


def test_the_trash_of_others_is_not_shown(archive: Archive, lung: int) -> None:
    make_person(archive, "bob")
    bob = Browser(archive).sign_in("bob")
    for address in (TRASH, HOLDS, "/admin/trash", "/admin/reports", "/admin/reports/history.csv"):
        assert bob.get(address).status_code == 403, address


def test_a_hold_is_set_shown_and_lifted(archive: Archive, lung: int, cora: Browser, ada: Browser) -> None:
    uid = gone(archive, lung)
    assert "No legal holds" in cora.get(HOLDS).text
    assert ada.post(HOLDS, reason="Lawsuit 4.", subject="", series="").status_code == 303
    assert "An administrator can lift it." in cora.get(HOLDS).text
    assert "On legal hold" in cora.get(f"/series/{first(archive).series_uid}").text
    assert "On legal hold" not in Browser(archive).get(f"/series/{first(archive).series_uid}").text
    refused = cora.post(TRASH, series=uid, reason="A face.")
    assert refused.status_code == 409
    assert "A legal hold covers 1 of 1 series" in refused.text
    hold = releases.holds_of(archive, actor_named(archive, "cora"), lung)[0].id
    assert ada.post(f"{HOLDS}/{hold}/lift", page=HOLDS, reason="Settled.").status_code == 303
    assert "Settled." in cora.get(HOLDS).text


def test_a_misspelt_subject_is_not_put_on_hold(archive: Archive, lung: int, ada: Browser) -> None:
    answer = ada.post(HOLDS, reason="Lawsuit.", subject="nobody", series="")
    assert answer.status_code == 400
    assert "no such subject" in answer.text


def test_no_page_package_or_manifest_gives_what_is_withdrawn_everywhere(archive: Archive, lung: int) -> None:
    row = first(archive)
    sop = images.instances_of_series(archive, SYSTEM, row.series_uid)[0].uid
    routes = [render.static_mount(), *downloads.routes, *carts.routes, *accounts.routes]
    reader = Browser(archive)
    reader.pages = Identify(Starlette(routes=routes, exception_handlers=web.HANDLERS), archive)
    addresses = [f"/series/{row.series_uid}/package.zip", f"/series/{row.series_uid}/instances/{sop}.dcm"]
    assert [reader.get(one).status_code for one in addresses] == [200, 200]
    reader.post("/cart/add", page="/sign-in", series=row.series_uid)
    assert row.series_uid in reader.get("/cart/manifest.tcia").text
    gone(archive, lung)
    assert {reader.get(one).status_code for one in addresses} <= {404, 410}
    for one in ("/cart/manifest.tcia", "/cart/manifest.csv", "/cart/manifest.txt"):
        assert row.series_uid not in reader.get(one).text, one
    assert reader.get("/cart/package.zip").status_code in (303, 403, 404)
    package = reader.get("/collections/LUNG-1/package.zip")
    assert package.status_code == 200
    assert row.series_uid[-8:].encode() not in package.content
