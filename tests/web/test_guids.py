"""The page of GUIDs sends codes only, and the close matches are decided by those who may."""

import json
import re
from html.parser import HTMLParser

import pytest
from tests.factories import SYSTEM, actor_named, make_collection, make_person
from tests.web import desk
from tests.web.desk import Browser

from invivo import client, collections, subjects
from invivo.archive import Archive
from invivo.web import guids

desk.PAGES = (*(page for page in desk.PAGES if page is not guids), guids)
CODES = {name: (name.encode().hex() + "0" * 64)[:64] for name in ("full", "names", "family", "given", "date")}
TYPO = CODES | {name: CODES[name][:-1] + "1" for name in ("full", "names", "given", "date")}


@pytest.fixture
def sam(archive: Archive) -> Browser:
    make_person(archive, "sam")
    made = make_collection(archive)
    collections.add_member(archive, SYSTEM, made.id, actor_named(archive, "sam").person_id or 0, "submitter")
    return Browser(archive).sign_in("sam")


@pytest.fixture
def curator(archive: Archive) -> Browser:
    make_person(archive, "cora", "curator")
    return Browser(archive).sign_in("cora")


class Form(HTMLParser):
    """What a browser would send of the form for a person, and the fields that it would not."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.inside = False
        self.named: set[str] = set()
        self.nameless: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag == "form":
            self.inside = "data-guid" in known
        elif self.inside and tag in ("input", "select", "textarea", "button"):
            if "name" in known:
                self.named.add(known["name"] or "")
            if "data-field" in known:
                self.nameless.add(known["data-field"] or "")
                assert "name" not in known
                assert "value" not in known
                assert known.get("autocomplete") == "off"


def test_no_personal_field_has_a_name_so_none_is_sent(sam: Browser) -> None:
    form = Form(sam.get("/guids").text)
    assert form.named == {"csrf", "codes", "pseudo"}
    assert form.nameless == set(client.COLUMNS)


def test_the_page_gives_the_script_the_rules_and_the_salt(archive: Archive, sam: Browser) -> None:
    written = re.search(r'data-rules="([^"]+)"', sam.get("/guids").text)
    assert written
    told = json.loads(
        written[1]
        .replace("&#34;", '"')
        .replace("&#39;", "'")
        .replace("&amp;", "&")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
    )
    assert told == subjects.guid_parameters(archive, SYSTEM)


def test_codes_give_a_guid_and_the_same_codes_the_same(sam: Browser) -> None:
    first = sam.post("/guids", codes=json.dumps(CODES)).headers["location"]
    again = sam.post("/guids", codes=json.dumps(CODES)).headers["location"]
    assert first == again
    assert first.startswith("/guids?guid=INV-")
    page = sam.get(first).text
    assert first.partition("=")[2] in page
    assert "known already" in page


@pytest.mark.parametrize(
    "codes", ["", "[]", "{", '{"full": 1}', '{"full": "' + "0" * 64 + '"}', "[" * 3000, "x" * 9000]
)
def test_without_right_codes_the_form_is_shown_again(sam: Browser, codes: str) -> None:
    answer = sam.post("/guids", codes=codes)
    assert answer.status_code == 400
    assert "data-guid" in answer.text


def test_a_pseudo_guid_is_made_and_promoted_and_its_page_says_so(sam: Browser) -> None:
    pseudo = sam.post("/guids/pseudo", page="/guids").headers["location"].partition("=")[2]
    assert pseudo.startswith("INVP-")
    answer = sam.post("/guids", codes=json.dumps(CODES), pseudo=pseudo)
    real = answer.headers["location"].partition("=")[2]
    assert real in sam.get(f"/guids?guid={pseudo}").text
    refused = sam.post("/guids", codes=json.dumps(CODES), pseudo=pseudo)
    assert refused.status_code == 409
    assert "stands for a GUID already" in refused.text


@pytest.mark.parametrize(
    ("label", "said"), [("INV-7K3M-9QXD-X", "check character"), ("INV-7K3M-9QXD-Y", "never given out")]
)
def test_a_lookup_tells_a_slip_from_an_unknown_one(sam: Browser, label: str, said: str) -> None:
    assert said in sam.get(f"/guids?guid={label}").text


def test_close_matches_are_for_the_archives_curators_only(archive: Archive, sam: Browser, curator: Browser) -> None:
    sam.post("/guids", codes=json.dumps(CODES))
    told = sam.post("/guids", codes=json.dumps(TYPO)).headers["location"]
    assert "Waits for a decision" in sam.get(told).text
    assert "Close matches" not in sam.get("/guids").text
    page = curator.get("/guids").text
    assert "May differ: family name." in page
    match = subjects.guid_matches(archive, SYSTEM)[0][0].id
    assert sam.post(f"/guids/matches/{match}", page="/guids", verdict="same", reason="x").status_code == 403
    curator.post(f"/guids/matches/{match}", page="/guids", verdict="same", reason="")
    assert subjects.guid_matches(archive, SYSTEM)[1] == 1
    curator.post(f"/guids/matches/{match}", page="/guids", verdict="same", reason="compared the files")
    assert subjects.guid_matches(archive, SYSTEM)[1] == 0
    assert "It stands for" in sam.get(told).text


def test_an_exhausted_quota_is_said_on_the_form(sam: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("invivo.subjects.guid_quota.BURST", 0)
    answer = sam.post("/guids", codes=json.dumps(CODES))
    assert answer.status_code == 503
    assert "try again after" in answer.text


def test_who_neither_delivers_nor_curates_is_refused(archive: Archive) -> None:
    make_person(archive, "reader")
    assert Browser(archive).sign_in("reader").get("/guids").status_code == 403


def test_a_form_of_another_site_is_refused(sam: Browser) -> None:
    assert sam.ask("POST", "/guids", data={"codes": json.dumps(CODES)}).status_code == 403


def test_an_unknown_parameter_is_refused(sam: Browser) -> None:
    assert sam.get("/guids?page=2").status_code == 400
