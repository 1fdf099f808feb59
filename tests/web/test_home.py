"""The home page and what the archive says about itself."""

from tests.web import visitor
from tests.web.visitor import Site

from invivo.web import home

site = visitor.site


def test_the_figures_count_what_a_visitor_may_see_and_link_to_it(site: Site) -> None:
    page = site.get("/", home.routes)
    assert page.status_code == 200
    assert '<a href="/search">5</a></dd>' in page.text
    assert '<a href="/collections">4</a></dd>' in page.text


def test_newest_releases_show_pictures_of_what_the_visitor_may_have(site: Site) -> None:
    page = site.get("/", home.routes).text
    ct, registered = site.series["CT"], site.series["REG"]
    assert f"/dicom-web/studies/{ct.study_uid}/series/{ct.series_uid}/thumbnail" in page
    assert registered.series_uid not in page
    assert "Title of REG-1" in page


def test_nothing_of_a_private_collection_is_told(site: Site) -> None:
    assert "PRIVATE-1" not in site.get("/", home.routes).text


def test_a_parameter_is_refused_by_its_name(site: Site) -> None:
    page = site.get("/?colour=red", home.routes)
    assert page.status_code == 400
    assert "colour" in page.text


def test_about_names_the_software_its_licence_and_the_contact(site: Site) -> None:
    page = site.get("/about", home.routes).text
    assert "Apache License 2.0" in page
    assert "desk@archive.test" in page
