"""Saved queries, the builder, tables and files of what a search finds."""

import io
import json
import re
from urllib.parse import urlencode

import pyarrow.parquet as pq
import pytest
from tests import factories
from tests.web import visitor
from tests.web.visitor import Site

from invivo import accounts
from invivo.web import builder, search, search_files, searches

site = visitor.site
PAGES = [*search.routes, *search_files.routes, *searches.routes, *builder.routes]


@pytest.fixture
def ada(site: Site) -> accounts.Actor:
    factories.make_person(site.archive, "ada")
    return factories.actor_named(site.archive, "ada")


def test_a_saved_query_is_listed_opened_followed_shared_and_removed(site: Site, ada: accounts.Actor) -> None:
    kept = site.post(
        "/searches",
        PAGES,
        actor=ada,
        data={"name": "Thin", "query": "modality:CT", "form": "view=table", "next": "/search?modality=CT"},
    )
    assert (kept.status_code, kept.headers["location"]) == (303, "/search?modality=CT")
    page = site.get("/searches", PAGES, ada).text
    number, token = re.search(r"/searches/(\d+)\"", page), re.search(r'href="/searches/([\w-]{10,})"', page)
    assert number and token and "modality:CT" in page
    assert site.get(f"/searches/{token[1]}", PAGES, ada).headers["location"] == "/search?modality=CT&view=table"
    assert site.get(f"/searches/{token[1]}", PAGES).status_code == 404
    for act in ("share", "follow"):
        assert site.post(f"/searches/{number[1]}", PAGES, actor=ada, data={"act": act}).status_code == 303
    assert site.get(f"/searches/{token[1]}", PAGES).status_code == 303
    assert "You are told" in site.get("/searches", PAGES, ada).text
    site.post(f"/searches/{number[1]}", PAGES, actor=ada, data={"act": "forget"})
    assert "Nothing saved yet" in site.get("/searches", PAGES, ada).text


def test_who_is_not_signed_in_is_sent_to_do_so(site: Site) -> None:
    assert site.get("/searches", PAGES).headers["location"].startswith("/sign-in")
    assert (
        site.post("/searches", PAGES, data={"name": "x", "query": "chest"}).headers["location"].startswith("/sign-in")
    )


def test_a_query_and_its_outline_say_the_same_to_the_builder(site: Site) -> None:
    told = site.get("/search/outline.json?" + urlencode({"q": "modality:CT not modality:MR"}), PAGES).json()
    assert told["series"] > 0
    again = site.get("/search/outline.json?" + urlencode({"outline": json.dumps(told["outline"])}), PAGES).json()
    assert (again["text"], again["series"], again["faults"]) == (told["text"], told["series"], [])
    wrong = site.get("/search/outline.json?" + urlencode({"q": "colour:red"}), PAGES).json()
    assert (wrong["series"], wrong["fault"]["start"]) == (None, 0)
    assert site.get("/search/outline.json?outline=%7B", PAGES).status_code == 400
    assert "<script>x" not in site.get("/search/build?" + urlencode({"q": "<script>x"}), PAGES).text


def test_the_builder_proposes_attributes_and_values(site: Site) -> None:
    names = [one["value"] for one in site.get("/search/fields.json?q=thick", PAGES).json()]
    assert names[0] == "slice-thickness"
    values = site.get("/search/values.json?field=modality", PAGES).json()
    assert all(one["note"].endswith(" series") for one in values)
    assert "CT" in {one["value"] for one in values}
    assert site.get("/search/values.json?field=colour", PAGES).status_code == 400


def test_a_table_has_the_wanted_columns_and_sorts(site: Site) -> None:
    page = site.get("/search?view=table&show=modality,size&order=-size", PAGES).text
    assert 'aria-sort="descending"' in page
    assert re.findall(r'<th scope="col"[^>]*>(?:<a[^>]*>)?([A-Z][a-z]+)', page) == ["Modality", "Size"]
    for level in ("series", "study", "subject", "collection"):
        shown = site.get(f"/search?view=table&level={level}", PAGES)
        assert shown.status_code == 200
        assert "result-table" in shown.text
    assert site.get("/search?view=table&show=colour", PAGES).status_code == 400
    assert site.get("/search?order=colour", PAGES).status_code == 400


def test_collections_are_counted_as_the_query_finds_them(site: Site) -> None:
    page = site.get("/search?level=collection&modality=CT", PAGES).text
    assert "Title of" in page
    assert "PRIVATE-1" not in page


def test_the_parquet_file_holds_the_same_as_the_table(site: Site) -> None:
    rows = site.get("/search.json?modality=CT", PAGES).json()
    table = pq.read_table(io.BytesIO(site.get("/search.parquet?modality=CT", PAGES).content))
    assert table.column("series_uid").to_pylist() == [row["series_uid"] for row in rows]
    empty = pq.read_table(io.BytesIO(site.get("/search.parquet?modality=XX", PAGES).content))
    assert empty.num_rows == 0
    assert empty.schema == table.schema


def test_a_page_token_of_another_question_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "A_PAGE", 1)
    first = site.get("/search?order=size", PAGES).text
    token = re.search(r"token=([\w-]+)", first)
    assert token
    assert site.get(f"/search?order=size&token={token[1]}", PAGES).status_code == 200
    assert site.get(f"/search?order=-size&token={token[1]}", PAGES).status_code == 400
