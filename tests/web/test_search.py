"""The search page, its exports and its proposals."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import factories
from tests.web import visitor
from tests.web.visitor import Site

from invivo import search as questions
from invivo.web import search, search_address, search_files, search_suggesting

site = visitor.site
NAMES = st.sampled_from(
    [field.name for field in questions.FIELDS if field.kind in ("text", "name", "uid") and not field.choices]
)
VALUES = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=12)


def counted(page: str) -> str:
    return page.split('results-count num" role="status"><strong>')[1].split("</strong>", maxsplit=1)[0]


def test_everything_that_may_be_seen_is_found_and_counted(site: Site) -> None:
    assert counted(site.get("/search", search.routes).text) == "5 series"
    assert counted(site.get("/search", search.routes, factories.SYSTEM).text) == "6 series"


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("modality=CT", "3 series"),
        ("modality=CT&modality=MR", "4 series"),
        ("modality=MR&body-part=HEAD", "1 series"),
        ("slice-thickness=..4", "0 series"),
        ("q=axial", "4 series"),
        ("q=axial+zebra", "0 series"),
        ("collection=OPEN-1&level=subject", "2 subjects"),
        ("collection=OPEN-1&level=study", "3 studies"),
        ("study-date=1700-01-01..", "4 series"),
        ("study-date=..1700-01-01", "0 series"),
    ],
)
def test_a_query_finds_exactly_what_it_says(site: Site, query: str, number: str) -> None:
    assert counted(site.get(f"/search?{query}", search.routes).text) == number


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("q=modality:MR+axial", "q=axial&modality=MR"),
        ("q=&modality=CT&kvp=", "modality=CT"),
        ("slice-thickness.from=1&slice-thickness.to=6", "slice-thickness=1..6"),
        ("kvp.from=120&kvp.to=", "kvp=120.."),
        ("Modality=CT&level=study", "modality=CT&level=study"),
    ],
)
def test_a_query_stands_in_the_address_in_one_way_only(site: Site, written: str, meant: str) -> None:
    answer = site.get(f"/search?{written}", search.routes)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/search?{meant}"
    assert site.get(answer.headers["location"], search.routes).status_code == 200


@pytest.mark.parametrize(
    "query", ["modalty=CT", "modalty=", "level=heap", "after=x", "pictures=xxl", "kvp=hundred", "study-date=soon"]
)
def test_what_cannot_be_asked_is_refused_and_named(site: Site, query: str) -> None:
    answer = site.get(f"/search?{query}", search.routes)
    assert answer.status_code == 400
    assert query.split("=", maxsplit=1)[0] in answer.text


def test_an_unknown_field_gets_a_proposal(site: Site) -> None:
    assert "modality" in site.get("/search?modalty=CT", search.routes).text


def test_a_facet_offers_its_other_values_and_how_to_take_one_back(site: Site) -> None:
    page = site.get("/search?modality=MR", search.routes).text
    facet = page.split('data-facet="modality"')[1].split("</details>")[0]
    assert 'href="/search?modality=MR&amp;modality=CT"' in facet
    assert 'href="/search" rel="nofollow" role="checkbox" aria-checked="true"' in facet


def test_pages_go_on_where_the_one_before_ended(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "A_PAGE", 2)
    seen, address = [], "/search"
    for _ in range(3):
        page = site.get(address, search.routes).text
        seen += [name for name, row in site.series.items() if f'value="{row.series_uid}"' in page]
        address = page.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&") if 'rel="next"' in page else ""
    assert address == ""
    assert sorted(seen) == ["CT", "CTRL", "MR", "REG", "SR"]


def test_nothing_found_says_so_and_offers_a_way_out(site: Site) -> None:
    assert "Nothing matches" in site.get("/search?q=zebra", search.routes).text


def test_script_in_a_query_stays_text(site: Site) -> None:
    assert "<script>alert" not in site.get("/search?q=%3Cscript%3Ealert(1)%3C/script%3E", search.routes).text


def test_the_table_holds_all_that_is_found(site: Site) -> None:
    answer = site.get("/search.csv?modality=CT", search_files.routes)
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert {row["series_uid"] for row in rows} == {site.series[name].series_uid for name in ("CT", "REG", "CTRL")}


def test_the_table_asks_terms_of_the_text_too(site: Site) -> None:
    assert site.get("/search.csv?q=modality:MR", search_files.routes).text.count("\r\n") == 1 + 1


def test_the_json_holds_the_same_as_the_table(site: Site) -> None:
    assert len(site.get("/search.json", search_files.routes).json()) == 5
    assert site.get("/search.json?q=zebra", search_files.routes).json() == []


@pytest.mark.parametrize(("value", "cell"), [("=1+1", "'=1+1"), ("-x", "'-x"), (-5, "-5"), (None, ""), ("CT", "CT")])
def test_a_cell_never_becomes_a_formula(value: object, cell: str) -> None:
    assert search_files._cell(value) == cell


def test_proposals_name_collections_values_and_subjects(site: Site) -> None:
    texts = [one["text"] for one in site.get("/search/suggest?q=chest+OPE", search_suggesting.routes).json()]
    assert texts[0] == "chest collection:OPEN-1"
    texts = [one["text"] for one in site.get("/search/suggest?q=modality:mr", search_suggesting.routes).json()]
    assert texts == ["modality:MR"]
    label = site.series["CT"].subject
    assert f"subject:{label}" in [
        one["text"] for one in site.get(f"/search/suggest?q={label[:9]}", search_suggesting.routes).json()
    ]


def test_proposals_know_nothing_of_private_collections(site: Site) -> None:
    assert site.get("/search/suggest?q=priv", search_suggesting.routes).json() == []


@given(st.lists(st.tuples(NAMES, VALUES), max_size=5, unique_by=lambda pair: pair[0]))
def test_terms_survive_being_written_as_text(pairs: list[tuple[str, str]]) -> None:
    text = search_address.text_of(pairs)
    assert questions.read(text) == questions.read(questions.write(questions.parse_pairs(pairs)))
    if pairs:
        again = search_address.split_text(text)
        assert questions.read(search_address.text_of(again)) == questions.read(text)


def test_a_fault_is_shown_at_the_word(site: Site) -> None:
    answer = site.get("/search?q=chest+modalty:CT", search.routes)
    assert answer.status_code == 400
    assert "<mark>modalty</mark>:CT" in answer.text
    assert "modality" in answer.text


def test_what_no_box_can_say_stays_a_text(site: Site) -> None:
    answer = site.get("/search?q=modality:CT+or+zebra", search.routes)
    assert answer.status_code == 200
    assert counted(answer.text) == counted(site.get("/search?modality=CT", search.routes).text)


def test_pictures_stand_only_before_what_the_visitor_may_have(site: Site) -> None:
    registered, opened = site.series["REG"], site.series["CT"]
    stranger = site.get("/search", search.routes).text
    reader = site.get("/search", search.routes, factories.actor_named(site.archive, "reader")).text
    assert f"{opened.series_uid}/thumbnail" in stranger
    assert f"{registered.series_uid}/thumbnail" not in stranger
    assert f"{registered.series_uid}/thumbnail" in reader
