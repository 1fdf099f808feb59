"""Every public page has a form for machines beside it: the page names it, it answers, and it refuses whom the page refuses."""

import html
import json
import re

import pytest
from starlette.routing import BaseRoute
from tests.factories import actor_named
from tests.web import visitor
from tests.web.visitor import Site

from invivo import carts, protocols, web

site = visitor.site
_LINK = re.compile(r'<link rel="alternate" type="application/(?:ld\+)?json" href="([^"]+)">')
PAGES = (
    "/",
    "/about",
    "/figures",
    "/help",
    "/help/search",
    "/collections",
    "/collections/OPEN-1",
    "/collections/OPEN-1/data",
    "/collections/OPEN-1/versions",
    "/collections/OPEN-1/use",
    "/collections/OPEN-1/releases/1",
    "/collections/OPEN-1/subjects/{subject}",
    "/studies/{study}",
    "/series/{series}",
    "/series/{series}/files",
    "/search?modality=CT",
    "/cart",
    "/searches",
)


def routes() -> list[BaseRoute]:
    return [*web.public_routes(), *protocols.rest.routes]


def filled(site: Site, address: str) -> str:
    one = site.series["CT"]
    return address.format(subject=one.subject, study=one.study_uid, series=one.series_uid)


@pytest.mark.parametrize("address", PAGES)
def test_a_page_names_its_form_for_machines_and_that_answers(site: Site, address: str) -> None:
    reader = actor_named(site.archive, "reader")
    page = site.get(filled(site, address), routes(), reader)
    assert page.status_code == 200
    found = _LINK.search(page.text)
    assert found is not None
    told = site.get(html.unescape(found[1]), routes(), reader)
    assert told.status_code == 200
    assert "json" in told.headers["content-type"]
    json.loads(told.text)


def test_a_shared_cart_names_its_form_for_machines(site: Site) -> None:
    reader = actor_named(site.archive, "reader")
    cart = carts.make_cart(site.archive, reader, "To share")
    carts.add_series(site.archive, reader, cart.id, [site.series["CT"].series_uid])
    secret = carts.make_share(site.archive, reader, cart.id, days=1)
    page = site.get(f"/cart/shared/{secret}", routes()).text
    found = _LINK.search(page)
    assert found is not None
    assert found[1] == f"/cart/shared/{secret}.json"
    told = site.get(found[1], routes()).json()
    assert [one["series_uid"] for one in told["series"]] == [site.series["CT"].series_uid]
    assert not told["may_change"]
    assert cart.id not in json.dumps(told)
