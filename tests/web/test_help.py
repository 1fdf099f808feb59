"""The help page."""

import html
import re
from urllib.parse import parse_qs, urlsplit

from tests.web import visitor
from tests.web.visitor import Site

from invivo import accounts, search
from invivo.web import help as help_pages

site = visitor.site


LARGEST_PAGE = 150_000


def test_the_guide_lists_every_field_that_can_be_asked_with_an_example(site: Site) -> None:
    page = site.get("/help/search", help_pages.routes)
    assert page.status_code == 200
    assert len(page.content) < LARGEST_PAGE
    for field in search.FIELDS:
        assert f'<th scope="row"><code>{field.name}</code></th>' in page.text
        read = search.read(search.example_of(field.name, field.choices))
        assert field.name in search.write(read)


def test_each_example_of_the_guide_is_a_link_with_what_it_finds_now(site: Site) -> None:
    page = site.get("/help/search", help_pages.routes).text
    links = re.findall(r'<dt><a href="(/search\?q=[^"]+)"[^>]*>.*?</a>(?:<span class="count num"[^>]*>([\d,]+))?', page)
    told = {parse_qs(urlsplit(html.unescape(url)).query)["q"][0]: number for url, number in links}
    assert set(told) >= {one.text for one in search.examples()}
    for text, number in told.items():
        if number:
            assert int(number.replace(",", "")) == search.count(site.archive, accounts.ANONYMOUS, search.read(text))
    assert int(told["modality:CT"]) > 0
    assert told["new:yes"] == ""  # nobody is signed in


def test_the_guide_has_a_form_for_machines(site: Site) -> None:
    told = site.get("/help/search.json", help_pages.routes).json()
    assert {one["name"] for one in told["fields"]} == {field.name for field in search.FIELDS}
    texts = {one["text"]: one for part in told["passages"] for one in part["examples"]}
    assert texts["modality:(CT or MR)"]["series"] == search.count(
        site.archive, accounts.ANONYMOUS, search.read("modality:(CT or MR)")
    )
    assert texts["new:yes"]["series"] is None
    assert texts["modalty:CT"]["is_fault"]


def test_help_leads_to_the_guide(site: Site) -> None:
    assert 'href="/help/search"' in site.get("/help", help_pages.routes).text


def test_help_has_a_part_for_each_kind_of_reader(site: Site) -> None:
    page = site.get("/help", help_pages.routes).text
    assert all(f'id="{part}"' in page for part in ("visitors", "researchers", "submitters", "curators"))
