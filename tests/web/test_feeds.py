"""What programs of others look for at known places."""

from xml.etree import ElementTree

from tests import factories
from tests.web import visitor
from tests.web.visitor import Site

from invivo.web import feeds

site = visitor.site
ATOM = "{http://www.w3.org/2005/Atom}"
MAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


def test_the_map_lists_what_everybody_may_see_and_nothing_else(site: Site) -> None:
    for actor in (None, factories.SYSTEM):
        found = ElementTree.fromstring(site.get("/sitemap.xml", feeds.routes, actor).content)
        places = [one.text or "" for one in found.iter(f"{MAP}loc")]
        assert any(place.endswith("/collections/OPEN-1/releases/1") for place in places)
        assert not any("PRIVATE-1" in place for place in places)


def test_the_feed_has_an_entry_for_each_public_release(site: Site) -> None:
    answer = site.get("/feed.xml", feeds.routes, factories.SYSTEM)
    assert answer.headers["content-type"].startswith("application/atom+xml")
    found = ElementTree.fromstring(answer.content)
    titles = [one.findtext(f"{ATOM}title") or "" for one in found.iter(f"{ATOM}entry")]
    assert "Title of REG-1, release 1" in titles
    assert not any("PRIVATE" in title for title in titles)
    assert len({one.findtext(f"{ATOM}id") for one in found.iter(f"{ATOM}entry")}) == len(titles)


def test_robots_are_told_where_the_map_is_and_what_has_no_end(site: Site) -> None:
    lines = site.get("/robots.txt", feeds.routes).text.splitlines()
    assert "Disallow: /search" in lines
    assert any(line.startswith("Sitemap: http") and line.endswith("/sitemap.xml") for line in lines)
