"""Pages of collections."""

import pytest
from tests import factories
from tests.web import visitor
from tests.web.visitor import Site

from invivo import collections, downloads
from invivo.web import collections as pages

site = visitor.site


def test_the_list_shows_what_a_visitor_may_know_of(site: Site) -> None:
    page = site.get("/collections", pages.routes).text
    assert all(f"Title of {name}" in page for name in ("OPEN-1", "REG-1", "CTRL-1", "EMPTY-1"))
    assert "PRIVATE-1" not in page


def test_a_member_of_staff_sees_private_collections_too(site: Site) -> None:
    assert "PRIVATE-1" in site.get("/collections", pages.routes, factories.SYSTEM).text


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("/collections?access=registered", {"REG-1"}),
        ("/collections?modality=SR", {"OPEN-1"}),
        ("/collections?modality=CT&site=Chest", {"OPEN-1"}),
        ("/collections?access=registered&access=open", {"OPEN-1", "REG-1", "EMPTY-1"}),
        ("/collections?access=registered&modality=SR", set()),
        ("/collections?disease=Nodules", {"OPEN-1"}),
        ("/collections?beside=Reports+and+annotations", {"OPEN-1"}),
        ("/collections?size=below+1+GB&access=open", {"OPEN-1"}),
    ],
)
def test_filters_of_one_kind_are_alternatives_and_kinds_must_all_hold(
    site: Site, address: str, found: set[str]
) -> None:
    page = site.get(f"{address}&view=table", pages.routes).text
    names = ("OPEN-1", "REG-1", "CTRL-1", "EMPTY-1")
    assert {name for name in names if f'<a href="/collections/{name}">{name}</a>' in page} == found


def test_facet_counts_are_counts_of_collections_under_the_other_filters(site: Site) -> None:
    page = site.get("/collections?site=Chest", pages.routes).text
    access = page.split('data-facet="access"')[1].split("</details>")[0]
    assert "Open" in access
    assert "Account needed" not in access


@pytest.mark.parametrize("query", ["view=heap", "sort=luck", "page=x", "colour=red"])
def test_what_the_list_does_not_know_is_refused(site: Site, query: str) -> None:
    assert site.get(f"/collections?{query}", pages.routes).status_code == 400


@pytest.mark.parametrize("tab", ["", "/data", "/versions", "/files", "/access"])
@pytest.mark.parametrize("name", ["OPEN-1", "EMPTY-1", "REG-1"])
def test_every_tab_answers_with_data_and_without(site: Site, name: str, tab: str) -> None:
    page = site.get(f"/collections/{name}{tab}", pages.routes)
    assert page.status_code == 200
    assert f"Title of {name}" in page.text


def test_a_description_cannot_run_a_script(site: Site) -> None:
    page = site.get("/collections/OPEN-1", pages.routes).text
    assert "<h3>Why</h3>" in page
    assert "<script>x" not in page


def test_versions_show_every_release_and_the_tombstones(site: Site) -> None:
    page = site.get("/collections/OPEN-1/versions", pages.routes).text
    assert all(f"Release {number}" in page for number in range(1, 7))
    assert site.series["GONE"].series_uid in page
    assert "The slices are out of order." in page


def test_files_list_attachments_with_their_digest(site: Site) -> None:
    page = site.get("/collections/OPEN-1/files", pages.routes).text
    assert "table.csv</a>" in page


def test_a_private_collection_is_not_there_for_a_visitor(site: Site) -> None:
    assert site.get("/collections/PRIVATE-1", pages.routes).status_code == 404
    assert site.get("/collections/%00", pages.routes).status_code == 404


def test_the_citation_is_the_one_that_the_package_gives(site: Site) -> None:
    told = site.get("/collections/OPEN-1.json", pages.routes).json()
    selection = downloads.select(site.archive, factories.SYSTEM, collection="OPEN-1")
    assert told["cite"] == downloads.citation(selection)


def test_the_form_for_machines_has_totals_licence_and_releases(site: Site) -> None:
    told = site.get("/collections/OPEN-1.json", pages.routes).json()
    assert told["totals"]["series"] == 3
    assert told["licence"]["id"] == "CC-BY-4.0"
    assert [one["number"] for one in told["releases"]] == [6, 5, 4, 3, 2, 1]
    assert told["access"] in collections.ACCESS_CLASSES
