"""Distinct values on the desk's pages: chosen by number, never in an address; cleaned after a preview."""

import re

import pytest
from tests.factories import SYSTEM, advance_all, deliver, make_collection, make_person, make_series, make_submission
from tests.web import desk
from tests.web.desk import Browser

from invivo import collections, quarantine, submissions
from invivo.archive import Archive
from invivo.web import moving, values

BASE = "/admin/collections/LUNG-1/values"


@pytest.fixture(autouse=True)
def pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "PAGES", (*(one for one in desk.PAGES if one not in (values, moving)), values, moving))


@pytest.fixture
def curator(archive: Archive) -> Browser:
    make_person(archive, "cora", "curator")
    return Browser(archive).sign_in("cora")


@pytest.fixture
def collection(archive: Archive) -> collections.Collection:
    made = make_collection(archive)
    files = [*make_series(2, ImageComments="Zweig <b>was</b> here"), *make_series(1, ImageComments="=1+1")]
    deliver(archive, make_submission(archive, made), files)
    advance_all(archive)
    submissions.gather_values(archive, made.id, None, rest_s=0)
    return made


def value_id(archive: Archive, collection: collections.Collection, part: str) -> str:
    choice = quarantine.ValueChoice(collection.id, path="ImageComments", fresh_only=False)
    found = submissions.report_values(archive, SYSTEM, choice).values
    return next(str(one.id) for one in found if part in one.value)


def test_the_report_lists_values_as_text(curator: Browser, collection: collections.Collection) -> None:
    shown = curator.get(BASE).text
    assert "Zweig &lt;b&gt;was&lt;/b&gt; here" in shown
    assert "ImageComments" in shown
    assert shown.index("ImageComments") < shown.index("SeriesDescription</label>")


def test_terms_and_numbers_come_when_asked_for(curator: Browser, collection: collections.Collection) -> None:
    assert "SliceThickness" not in curator.get(BASE).text
    assert "SliceThickness" in curator.get(f"{BASE}?kind=all").text
    only_one = curator.get(f"{BASE}?kind=all&path=SliceThickness").text
    assert "Zweig" not in only_one


def test_what_is_looked_for_is_in_no_address(curator: Browser, collection: collections.Collection) -> None:
    answer = curator.post(BASE, words="zweig")
    assert answer.status_code == 200
    assert "1 value found" in answer.text
    assert not re.search(r'(?:href|action|src)="[^"]*[Zz]weig', answer.text)
    assert curator.get(f"{BASE}?words=zweig").status_code == 400


def test_accepted_values_are_not_shown_again(
    archive: Archive, curator: Browser, collection: collections.Collection
) -> None:
    chosen = value_id(archive, collection, "Zweig")
    assert curator.post(f"{BASE}/chosen", page=BASE, act="accept", value=chosen).status_code == 303
    assert "Zweig" not in curator.get(BASE).text
    everything = curator.get(f"{BASE}?show=all").text
    assert "Zweig" in everything
    assert re.search(r'data-l="Looked at">cora', everything)


def test_all_values_of_an_attribute_are_accepted_at_once(curator: Browser, collection: collections.Collection) -> None:
    page = f"{BASE}?path=ImageComments"
    assert curator.post(f"{BASE}/chosen?path=ImageComments", page=page, act="accept-all").status_code == 303
    assert "Nothing new to look at" in curator.get(page).text


def test_a_value_is_cleaned_after_it_was_seen_what_it_hits(
    archive: Archive, curator: Browser, collection: collections.Collection
) -> None:
    chosen = value_id(archive, collection, "Zweig")
    seen = curator.post(f"{BASE}/chosen", page=BASE, act="clean", value=chosen)
    assert seen.status_code == 200
    assert "What it hits" in seen.text
    assert submissions.value_rules(archive, SYSTEM, collection.id) == []
    done = curator.post(f"{BASE}/clean", page=BASE, act="do", value=chosen, action="remove")
    assert re.fullmatch(r"/admin/collections/LUNG-1/rules/runs/\d+", done.headers["location"])
    assert curator.get(done.headers["location"]).status_code == 200
    assert "Zweig" in curator.get(BASE).text  # in the list of what is cleaned everywhere
    again = curator.post(f"{BASE}/clean", page=BASE, act="do", value=chosen, action="remove")
    assert again.status_code == 409


def test_a_word_is_cleaned_after_it_was_seen_what_it_hits(curator: Browser, collection: collections.Collection) -> None:
    seen = curator.post(f"{BASE}/clean", page=BASE, word="zweig")
    assert seen.text.count("Zweig &lt;b&gt;") == 1
    assert "=1+1" not in seen.text


@pytest.mark.parametrize("fields", [{"value": "999999999"}, {"value": "x"}, {"word": "z"}, {}])
def test_what_makes_no_sense_is_refused_in_words(
    curator: Browser, collection: collections.Collection, fields: dict[str, str]
) -> None:
    assert curator.post(f"{BASE}/clean", page=BASE, act="do", **fields).status_code in (400, 404)


def test_only_an_owner_drops_a_rule(archive: Archive, curator: Browser, collection: collections.Collection) -> None:
    wanted = submissions.Cleaning((int(value_id(archive, collection, "Zweig")),))
    submissions.clean_everywhere(archive, SYSTEM, collection.id, wanted)
    (rule,) = submissions.value_rules(archive, SYSTEM, collection.id)
    assert curator.post(f"{BASE}/rules", page=BASE, rule=str(rule.id)).status_code == 403
    make_person(archive, "ann", "administrator")
    administrator = Browser(archive).sign_in("ann")
    assert administrator.post(f"{BASE}/rules", page=BASE, rule=str(rule.id)).status_code == 303


def test_the_csv_has_no_formulas_and_its_name_no_value(curator: Browser, collection: collections.Collection) -> None:
    answer = curator.get(f"{BASE}.csv?kind=all&show=all")
    assert answer.headers["content-disposition"] == 'attachment; filename="LUNG-1-values.csv"'
    lines = answer.text.splitlines()
    assert lines[0] == "attribute,private creator,vr,risk,value,series,objects,accepted"
    assert any(",'=1+1," in line for line in lines)
    assert any(line.startswith("SliceThickness,,DS,numbers,5,2,3,no") for line in lines)


def test_nobody_but_a_curator_sees_values(archive: Archive, collection: collections.Collection) -> None:
    make_person(archive, "bob")
    bob = Browser(archive).sign_in("bob")
    for address in (BASE, f"{BASE}.csv", "/admin/collections/LUNG-1/moves", "/admin/collections/LUNG-1/gates"):
        assert bob.get(address).status_code == 403
    assert bob.post(f"{BASE}/clean", page="/account", act="do", word="zweig").status_code == 403


def test_a_delivery_has_its_own_values(archive: Archive, curator: Browser, collection: collections.Collection) -> None:
    second = make_submission(archive, collection)
    deliver(archive, second, make_series(1, ImageComments="another text"))
    advance_all(archive)
    submissions.gather_values(archive, collection.id, None, rest_s=0)
    shown = curator.get(f"{BASE}?submission={second.id}").text
    assert "another text" in shown
    assert "Zweig" not in shown
    foreign = make_submission(archive, make_collection(archive, "BRAIN-1"))
    assert curator.get(f"{BASE}?submission={foreign.id}").status_code == 404


def test_an_empty_collection_says_so(archive: Archive, curator: Browser) -> None:
    make_collection(archive)
    assert "No values yet" in curator.get(BASE).text
