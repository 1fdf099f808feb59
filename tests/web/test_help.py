"""The help page."""

from tests.web import visitor
from tests.web.visitor import Site

from invivo import search
from invivo.web import help as help_pages

site = visitor.site


def test_help_lists_every_field_that_can_be_asked(site: Site) -> None:
    page = site.get("/help", help_pages.routes)
    assert page.status_code == 200
    assert all(f"<td>{field.name}</td>" in page.text for field in search.FIELDS)


def test_help_has_a_part_for_each_kind_of_reader(site: Site) -> None:
    page = site.get("/help", help_pages.routes).text
    assert all(f'id="{part}"' in page for part in ("visitors", "researchers", "submitters", "curators"))
