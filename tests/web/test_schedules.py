"""Scheduling, embargoes, licences, derived results and webhooks by the pages."""

import re
from datetime import UTC, datetime, timedelta

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

from invivo import collections, releases
from invivo.archive import Archive

SOON = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()


@pytest.fixture
def lung(archive: Archive) -> collections.Collection:
    made = make_collection(archive)
    deliver(archive, make_submission(archive, made), make_series(2))
    advance_all(archive)
    approve_all(archive)
    return made


@pytest.fixture
def admin(archive: Archive) -> Browser:
    make_person(archive, "root", "administrator")
    return Browser(archive).sign_in("root")


def test_a_release_is_scheduled_changed_and_cancelled(
    archive: Archive, lung: collections.Collection, admin: Browser
) -> None:
    page = "/releases/LUNG-1/schedule"
    assert admin.post(page, day=SOON, time="18:00", notes="n", is_embargo="yes").status_code == 303
    due = releases.due_of(archive, SYSTEM, lung.id)
    assert due is not None
    assert (due.due_at.hour, due.is_embargo) == (18, True)
    assert "under an embargo" in admin.post("/releases/LUNG-1").text
    assert admin.post(page, schedule=str(due.id), day=SOON, time="19:00", notes="m").status_code == 303
    assert admin.post(page + "/cancel", page, schedule=str(due.id)).status_code == 303
    assert "Cancelled" in admin.get(page).text


@pytest.mark.parametrize("fields", [{"day": "soon"}, {"day": "2001-01-01"}, {"day": SOON, "time": "25:99"}, {}])
def test_a_time_that_is_none_is_refused_beside_the_form(
    lung: collections.Collection, admin: Browser, fields: dict[str, str]
) -> None:
    assert admin.post("/releases/LUNG-1/schedule", **fields).status_code == 400


def test_a_large_release_is_made_by_the_worker_and_its_page_survives_a_reload(
    archive: Archive, lung: collections.Collection, admin: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("invivo.releases.scheduled.LARGE_SERIES", 0)
    page = admin.post("/releases/LUNG-1").headers["location"]
    assert "Waiting for the worker" in admin.get(page).text
    assert "Waiting for the worker" in admin.get(page).text
    releases.run_scheduled(archive, page.rpartition("/")[2])
    assert "Release 1 is published." in admin.get(page).text


def test_an_embargo_begins_and_is_ended(archive: Archive, lung: collections.Collection, admin: Browser) -> None:
    page = "/releases/LUNG-1/schedule"
    assert admin.post("/releases/LUNG-1/embargo", page, day=SOON, into="registered").status_code == 303
    assert collections.collection_named(archive, SYSTEM, "LUNG-1").access == "embargoed"
    assert admin.post("/releases/LUNG-1/embargo", page, end="now").status_code == 303
    assert collections.collection_named(archive, SYSTEM, "LUNG-1").access == "registered"


def test_an_editor_s_link_shows_one_button_and_needs_no_account(
    archive: Archive, lung: collections.Collection, admin: Browser
) -> None:
    admin.post("/releases/LUNG-1/embargo", "/releases/LUNG-1/schedule", day=SOON, into="open")
    shown = admin.post("/releases/LUNG-1/links", "/releases/LUNG-1/schedule", label="Journal", days="30").text
    found = re.search(r"/editor/[\w-]{40,}", shown)
    assert found is not None
    visitor = Browser(archive)
    page = visitor.get(found[0])
    assert (page.headers["cache-control"], page.headers["referrer-policy"]) == ("no-store", "same-origin")
    assert "Release the data now" in page.text
    assert visitor.ask("POST", found[0], data={}).status_code == 403  # no token of a form
    for _ in range(2):
        assert visitor.post(found[0], found[0]).status_code in (303, 403)
    with archive.database.transaction() as tx:
        link = tx.execute("select id, clicked_at from releases.editor_link").fetchone()
    assert link is not None and link.clicked_at is not None
    releases.open_by_link(archive, str(link.id))
    assert "The data are released." in visitor.get(found[0]).text
    assert visitor.get("/editor/" + "x" * 43).status_code == 404


def test_a_licence_is_chosen_by_the_page(archive: Archive, lung: collections.Collection, admin: Browser) -> None:
    page = "/releases/LUNG-1/licences"
    assert admin.post(page, kind="modality", value="CT", licence="CC-BY-NC-4.0").status_code == 303
    assert "CC-BY-NC-4.0" in admin.get("/releases/LUNG-1").text
    releases.publish(archive, SYSTEM, lung.id)
    with archive.database.transaction() as tx:
        uid = str(tx.execute("select uid from images.series").fetchall()[0].uid)
    refused = admin.post(page, kind="series", value=uid, licence="CC0-1.0")
    assert refused.status_code == 409
    assert "needs a new release" in refused.text


def test_what_it_was_made_from_is_written(archive: Archive, lung: collections.Collection, admin: Browser) -> None:
    make_collection(archive, "SEG-1")
    assert admin.post("/releases/SEG-1/derived", is_derived="yes", sources="LUNG-1").status_code == 303
    assert "SEG-1" in admin.get("/releases/LUNG-1/derived").text
    assert admin.post("/releases/LUNG-1/derived", is_derived="yes", sources="SEG-1").status_code == 400
    assert admin.post("/releases/LUNG-1/derived", is_derived="yes", sources="NONE-9").status_code == 404


def test_a_hook_s_secret_is_shown_once(archive: Archive, lung: collections.Collection, admin: Browser) -> None:
    page = "/releases/LUNG-1/hooks"
    assert "whsec_" in admin.post(page, url="https://mirror.example.org/x").text
    assert "whsec_" not in admin.get(page).text
    number = releases.hooks_of(archive, SYSTEM, lung.id)[0].id
    assert "Nothing told yet" in admin.get(f"{page}/{number}").text
    assert admin.get(f"/admin/hooks/{number}").status_code == 404  # it is the collection's
    assert admin.post(f"{page}/{number}", change="remove").status_code == 303
    assert releases.hooks_of(archive, SYSTEM, lung.id) == []
    assert admin.post("/admin/hooks", url="http://169.254.169.254/").status_code == 400


@pytest.mark.parametrize("page", ["schedule", "licences", "derived", "hooks", "editor"])
def test_others_see_none_of_it(archive: Archive, lung: collections.Collection, page: str) -> None:
    make_person(archive, "bob")
    assert Browser(archive).sign_in("bob").get(f"/releases/LUNG-1/{page}").status_code == 403
