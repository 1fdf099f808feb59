"""The page of a delivery, upload links and sites, and the helpdesk, as they are clicked."""

import html
import re
from typing import Any

import pytest
from tests.factories import (
    SYSTEM,
    actor_named,
    make_collection,
    make_image,
    make_person,
    make_series,
    make_submission,
    publish,
)
from tests.web.test_proposals import Browser

from invivo import collections, helpdesk, releases, submissions
from invivo.archive import Archive


@pytest.fixture
def sam(archive: Archive) -> Browser:
    make_person(archive, "sam")
    known = make_collection(archive)
    collections.add_member(archive, SYSTEM, known.id, actor_named(archive, "sam").person_id or 0, "submitter")
    return Browser(archive).sign_in("sam")


@pytest.fixture
def where(archive: Archive, sam: Browser) -> str:
    made = make_submission(archive, collections.collection_named(archive, SYSTEM, "LUNG-1"))
    return f"/submissions/{made.id}"


def test_what_is_announced_and_written_is_shown(sam: Browser, where: str) -> None:
    page = f"{where}/delivery"
    lines: Any = {
        "modality": ["ct", ""],
        "subjects": ["3", ""],
        "studies": ["", ""],
        "series": ["", ""],
        "due": ["", ""],
    }
    assert sam.post(f"{where}/expected", page, **lines).status_code == 303
    assert sam.post(f"{where}/letters", page, text="More comes in March.").status_code == 303
    shown = sam.get(page).text
    assert "More comes in March." in shown
    assert "of 3" in shown
    assert sam.post(f"{where}/expected", page, **{**lines, "subjects": ["three", ""]}).status_code == 400


def test_a_link_made_on_the_page_takes_a_file(archive: Archive, sam: Browser, where: str) -> None:
    made = sam.post(f"{where}/links", f"{where}/delivery", label="Dr Outside", days="7", gigabytes="1")
    found = re.search(r"/deposit/([\w-]{20,})", html.unescape(made.text))
    assert found
    outsider = Browser(archive)
    assert "Dr Outside" in outsider.get(f"/deposit/{found[1]}").text
    assert found[1] not in sam.get(f"{where}/delivery").text
    assert outsider.get("/deposit/" + "x" * 43).status_code == 404
    assert outsider.get(f"{where}/delivery").status_code in (303, 404)
    submissions.receive(
        archive, submissions.Origin("upload", submissions.actor_of_link(archive, found[1])), [make_image()]
    )
    assert "Dr Outside (link)" in sam.get(f"{where}/delivery").text


def test_replacing_shows_before_it_drops(archive: Archive, sam: Browser, where: str) -> None:
    actor = actor_named(archive, "sam")
    number = int(where.rpartition("/")[2])
    submissions.receive(archive, submissions.Origin("upload", actor, number), [make_image()])
    other = make_submission(archive, collections.collection_named(archive, SYSTEM, "LUNG-1"))
    page = f"/submissions/{other.id}/replacing?of={number}"
    shown = sam.get(page).text
    token = re.search(r'name="token" value="(\w+)"', shown)
    assert token
    done = sam.post(
        f"/submissions/{other.id}/replacing", page, of=str(number), uids="", token=token[1], reason="Wrong."
    )
    assert done.status_code == 303
    assert submissions.progress_of(archive, actor, number).counts == {"discarded": 1}


def test_a_submitter_does_not_change_sites(sam: Browser) -> None:
    assert sam.get("/submissions/sites/LUNG-1").status_code == 403


def test_an_archived_collection_shows_its_successor(archive: Archive, sam: Browser) -> None:
    known = collections.collection_named(archive, SYSTEM, "LUNG-1")
    collections.edit(archive, SYSTEM, known.id, collections.Draft("LUNG-1", "Lungs", state="archived"))
    submissions.set_successor(archive, SYSTEM, known.id, "https://data.example.org/lung")
    assert "https://data.example.org/lung" in Browser(archive).get("/collections/LUNG-1").text


def test_an_owner_says_where_a_collection_is_talked_about_and_where_it_moved(archive: Archive, sam: Browser) -> None:
    known = collections.collection_named(archive, SYSTEM, "LUNG-1")
    page = "/admin/collections/LUNG-1/elsewhere"
    assert sam.get(page).status_code == 403
    make_person(archive, "olga")
    collections.add_member(archive, SYSTEM, known.id, actor_named(archive, "olga").person_id or 0, "owner")
    olga = Browser(archive).sign_in("olga")
    refused = olga.post(page, change="discussion", url="javascript:alert(1)")
    assert refused.status_code == 400 and "begins with https://" in refused.text
    assert olga.post(page, change="discussion", url="https://forum.example.org/lung").status_code == 303
    assert "https://forum.example.org/lung" in Browser(archive).get("/collections/LUNG-1").text
    assert olga.post(page, change="successor", url="https://data.example.org/lung").status_code == 409
    publish(archive, known, make_series(1))
    name = releases.want_identifier(archive, SYSTEM, known.id, 0, "local").name
    assert Browser(archive).get(f"/id/{name}").headers["location"] == "/collections/LUNG-1"
    collections.edit(archive, SYSTEM, known.id, collections.Draft("LUNG-1", "Lungs", state="archived"))
    assert olga.post(page, change="successor", url="https://data.example.org/lung", note="Moved.").status_code == 303
    assert Browser(archive).get(f"/id/{name}").headers["location"] == "https://data.example.org/lung"
    assert "https://data.example.org/lung" in Browser(archive).get("/collections/LUNG-1").text


def test_a_visitor_asks_and_the_staff_answers(archive: Archive) -> None:
    make_person(archive, "root", "administrator")
    visitor, root = Browser(archive), Browser(archive).sign_in("root")
    asked = visitor.post("/helpdesk", subject="How do I cite?", text="A paper.", email="ada@example.org")
    assert asked.headers["location"].startswith("/helpdesk/follow/")
    desk = "/desk/helpdesk/1"
    assert "ada@example.org" in root.get("/desk/helpdesk").text
    assert root.post(desk, text="By its DOI.", state="answered", seen="1").status_code == 303
    assert "By its DOI." in visitor.get(asked.headers["location"]).text
    assert root.post(desk, text="Once more.", state="answered", seen="1").status_code == 409
    assert helpdesk.find_ticket(archive, actor_named(archive, "root"), 1).state == "answered"


def test_the_queue_is_for_the_staff(sam: Browser) -> None:
    assert sam.get("/desk/helpdesk").status_code == 403
    assert sam.get("/desk/helpdesk/1").status_code == 403


def test_a_question_without_an_address_is_refused_at_its_field(archive: Archive) -> None:
    refused = Browser(archive).post("/helpdesk", subject="How do I cite?", text="A paper.", email="nobody")
    assert refused.status_code == 400
    assert "A paper." in refused.text
