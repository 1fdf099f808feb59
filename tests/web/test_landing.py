"""Landing pages of releases, and their metadata for machines."""

import json
import re

import pytest
from tests import factories
from tests.web import visitor
from tests.web.visitor import Site

from invivo import collections, releases
from invivo.web import landing

site = visitor.site


def number_of(site: Site, name: str) -> int:
    return collections.collection_named(site.archive, factories.SYSTEM, name).id


def test_a_release_has_a_page_that_says_how_to_cite_it(site: Site) -> None:
    answer = site.get("/collections/OPEN-1/releases/1", landing.routes)
    assert answer.status_code == 200
    assert "[Data set]" in answer.text
    assert 'rel="describedby"' in answer.headers["Link"]
    told = re.search(r'<script type="application/ld\+json">(.*?)</script>', answer.text, re.DOTALL)
    assert told is not None
    assert json.loads(told[1])["@type"] == "Dataset"


def test_what_an_owner_writes_does_not_end_the_script_it_stands_in(site: Site) -> None:
    number = number_of(site, "OPEN-1")
    hostile = releases.Credit(keywords=("</script><script>alert(1)</script>",))
    releases.write_credit(site.archive, factories.SYSTEM, number, hostile)
    text = site.get("/collections/OPEN-1/releases/1", landing.routes).text
    assert "<script>alert" not in text
    told = re.search(r'<script type="application/ld\+json">(.*?)</script>', text, re.DOTALL)
    assert told is not None
    assert "</script><script>alert(1)</script>" in json.loads(told[1])["keywords"]


@pytest.mark.parametrize("form", landing.FORMS)
@pytest.mark.parametrize("path", ["/collections/OPEN-1", "/collections/OPEN-1/releases/1"])
def test_the_description_is_given_in_every_form(site: Site, form: str, path: str) -> None:
    answer = site.get(f"{path}/metadata?format={form}", landing.routes)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith(landing.FORMS[form][1])
    assert "Title of OPEN-1" in answer.text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/collections/OPEN-1/releases/99", 404),
        ("/collections/EMPTY-1/releases/1", 404),
        ("/collections/EMPTY-1/metadata", 404),
        ("/collections/PRIVATE-1/releases/1", 404),
        ("/collections/PRIVATE-1/metadata", 404),
        ("/collections/OPEN-1/metadata?format=word", 400),
        ("/collections/OPEN-1/metadata?format=apa&x=1", 400),
    ],
)
def test_what_is_not_there_or_not_for_a_visitor_is_said_alike(site: Site, path: str, status: int) -> None:
    answer = site.get(path, landing.routes)
    assert answer.status_code == status
    assert "Title of PRIVATE-1" not in answer.text


def test_what_changed_is_shown_and_given_as_a_table(site: Site) -> None:
    page = site.get("/collections/OPEN-1/releases/1/changes", landing.routes)
    assert page.status_code == 200
    assert "Added" in page.text
    table = site.get("/collections/OPEN-1/releases/1/changes?format=csv", landing.routes)
    assert table.text.splitlines()[0].startswith("kind,series_uid,study_uid,subject")
    assert all(line.startswith("added,") for line in table.text.splitlines()[1:])
    assert site.get("/collections/PRIVATE-1/releases/1/changes", landing.routes).status_code == 404
    assert site.get("/collections/OPEN-1/releases/1/changes?from=x", landing.routes).status_code == 400


def test_a_formula_in_a_name_stays_text() -> None:
    row = releases.Changed("added", "1.2", "1.3", "=cmd()", "CT", "@x", 1, 2)
    assert landing._csv("x.csv", [row]).body.splitlines()[1] == b"added,1.2,1.3,'=cmd(),CT,'@x,1,2"
