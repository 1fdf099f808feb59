"""What programs of others look for at known places: robots.txt, a map of the pages, and a feed of releases."""

from datetime import datetime
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, tostring

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from invivo import accounts, collections, releases
from invivo.web.form import only

NEWEST = 50
_ATOM = "http://www.w3.org/2005/Atom"
_MAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
_PAGES = ("/", "/collections", "/search", "/figures", "/about", "/help", "/survey")
# What has an address for every series, or for every question, is not for machines that fetch everything.
_NOT_FETCHED = (
    "/search",
    "/searches",
    "/series/",
    "/studies/",
    "/dicom-web/",
    "/wado",
    "/cart",
    "/account",
    "/sign-in",
    "/api/",
)


def robots(request: Request) -> Response:
    """Tell robots what not to fetch, and where the map is (RFC 9309)."""
    only(request)
    url = request.state.archive.settings.public_url
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in _NOT_FETCHED), "", f"Sitemap: {url}/sitemap.xml", ""]
    return PlainTextResponse("\n".join(lines))


def sitemap(request: Request) -> Response:
    """List the pages that everybody may see: of the archive, its collections and their releases (sitemaps.org 0.9)."""
    only(request)
    archive = request.state.archive
    url = archive.settings.public_url
    top = Element("urlset", xmlns=_MAP)
    for path in _PAGES:
        _place(top, f"{url}{path}")
    for one in collections.listed(archive, accounts.ANONYMOUS):
        page = f"{url}/collections/{quote(one.short_name)}"
        published = releases.releases_of(archive, accounts.ANONYMOUS, one.id)
        _place(top, page, published[0].published_at if published else None)
        for release in published:
            _place(top, f"{page}/releases/{release.number}", release.published_at)
    return _xml(top, "application/xml")


def _place(top: Element, address: str, changed: datetime | None = None) -> None:
    place = SubElement(top, "url")
    SubElement(place, "loc").text = address
    if changed is not None:
        SubElement(place, "lastmod").text = changed.isoformat(timespec="seconds")


def feed(request: Request) -> Response:
    """Give the newest releases that everybody may know of as an Atom feed (RFC 4287)."""
    only(request)
    archive = request.state.archive
    url, name = archive.settings.public_url, archive.settings.site.name
    known = {one.id: one for one in collections.listed(archive, accounts.ANONYMOUS)}
    found = [one for one in releases.newest(archive, accounts.ANONYMOUS, limit=NEWEST) if one.collection_id in known]
    top = Element("feed", xmlns=_ATOM)
    SubElement(top, "title").text = f"{name}: releases"
    SubElement(top, "id").text = f"{url}/feed.xml"
    SubElement(top, "link", rel="self", href=f"{url}/feed.xml")
    SubElement(top, "link", href=f"{url}/collections?sort=newest")
    newest = found[0].published_at if found else datetime.fromtimestamp(0).astimezone()
    SubElement(top, "updated").text = newest.isoformat(timespec="seconds")
    SubElement(SubElement(top, "author"), "name").text = name
    for one in found:
        of = known[one.collection_id]
        page = f"{url}/collections/{quote(of.short_name)}/releases/{one.number}"
        entry = SubElement(top, "entry")
        SubElement(entry, "title").text = f"{of.title}, release {one.number}"
        SubElement(entry, "id").text = page
        SubElement(entry, "link", href=page)
        SubElement(entry, "updated").text = one.published_at.isoformat(timespec="seconds")
        SubElement(entry, "summary").text = one.notes or of.summary or of.title
    return _xml(top, "application/atom+xml")


def _xml(top: Element, media_type: str) -> Response:
    return Response(
        tostring(top, encoding="utf-8", xml_declaration=True),
        media_type=f"{media_type}; charset=utf-8",
        headers={"Cache-Control": "public, max-age=300"},
    )


routes: list[Route] = [
    Route("/robots.txt", robots),
    Route("/sitemap.xml", sitemap),
    Route("/feed.xml", feed),
]
