"""Several carts on the pages: names, links, copies, queries that are pinned, and what a link does not open."""

import io
import tarfile
import zipfile
from urllib.parse import quote

import httpx
import pytest
from tests import factories
from tests.web import visitor
from tests.web.visitor import CSRF, Site

from invivo import accounts, search
from invivo import carts as room
from invivo.web import cart_keeping, carts, downloads

site = visitor.site
ROUTES = [*cart_keeping.routes, *carts.routes, *downloads.routes]
ANYBODY = accounts.ANONYMOUS


@pytest.fixture
def reader(site: Site) -> accounts.Actor:
    return factories.actor_named(site.archive, "reader")


def pinned(site: Site, text: str = "collection:OPEN-1") -> str:
    made = room.open_cart(site.archive, ANYBODY)
    room.pin(site.archive, ANYBODY, made.id, search.read(text))
    return made.id


def send(site: Site, path: str, actor: accounts.Actor | None = None, **data: object) -> httpx.Response:
    return site.request("POST", path, ROUTES, actor, data={"csrf": CSRF, **data})


def shared(site: Site, cart: str, right: str = "look") -> str:
    """Make a link on the page and return its path."""
    answer = send(site, "/cart/share", cart=cart, right=right, days="7")
    assert answer.status_code == 200
    return str(answer.text.split("/cart/shared/")[1].split("<")[0].split('"')[0].split("&")[0])


def test_a_query_is_one_item_and_its_line_says_what_it_was_pinned_to(site: Site) -> None:
    answer = site.post("/cart/add", ROUTES, data={"query": "collection=OPEN-1&modality=CT"})
    page = site.get("/cart", ROUTES, cookies={"invivo_cart": answer.cookies["invivo_cart"]}).text
    assert "collection:OPEN-1 modality:CT" in page
    assert "Nothing has changed since." in page
    assert "Single series" not in page


def test_a_study_goes_in_series_by_series(site: Site) -> None:
    answer = site.post("/cart/add", ROUTES, data={"query": f"study={site.series['CT'].study_uid}"})
    page = site.get("/cart", ROUTES, cookies={"invivo_cart": answer.cookies["invivo_cart"]}).text
    assert "Single series" in page


def test_an_account_makes_names_and_deletes_carts(site: Site, reader: accounts.Actor) -> None:
    made = send(site, "/cart/new", reader, name="Lung")
    cart = made.cookies["invivo_cart"]
    assert "Lung" in site.get("/cart", ROUTES, reader, cookies={"invivo_cart": cart}).text
    assert send(site, "/cart/rename", reader, cart=cart, name="Head").status_code == 303
    assert [one.name for one in room.carts_of(site.archive, reader)] == ["Head"]
    assert site.get(f"/cart?cart={cart}", ROUTES).status_code == 404
    assert send(site, "/cart/delete", None, cart=cart).status_code == 404
    assert send(site, "/cart/delete", reader, cart=cart).status_code == 303
    assert room.carts_of(site.archive, reader) == []


def test_a_link_shows_a_cart_and_its_bytes_as_far_as_the_visitor_may(site: Site) -> None:
    full = room.open_cart(site.archive, factories.SYSTEM)
    uids = [site.series[name].series_uid for name in ("CT", "CTRL", "PRIVATE", "REG")]
    room.add_series(site.archive, factories.SYSTEM, full.id, uids)
    secret = shared(site, full.id)
    page = site.get(f"/cart/shared/{secret}", ROUTES).text
    assert site.series["CT"].series_uid in page
    assert site.series["PRIVATE"].series_uid not in page
    assert "PRIVATE-1" not in page
    answer = site.get(f"/cart/package.zip?cart={quote('~' + secret)}", ROUTES)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as opened:
        names = "\n".join(opened.namelist())
        refused = opened.read("refused.csv").decode()
    assert [one in names for one in ("data/OPEN-1/", "CTRL-1", "REG-1", "PRIVATE-1")] == [True, False, False, False]
    assert "CTRL-1,1,The owner" in refused
    assert site.series["PRIVATE"].series_uid not in refused


def test_a_link_to_look_changes_nothing_and_one_to_change_does(site: Site) -> None:
    cart = pinned(site)
    look, change = f"~{shared(site, cart)}", f"~{shared(site, cart, 'change')}"
    assert send(site, "/cart/empty", cart=look).status_code == 403
    assert send(site, "/cart/delete", cart=change).status_code == 403
    assert send(site, "/cart/share", cart=change, right="change", days="7").status_code == 403
    assert room.cart_size(site.archive, cart) == 3
    assert send(site, "/cart/empty", cart=change).status_code == 303
    assert room.cart_size(site.archive, cart) == 0


def test_a_link_that_was_taken_back_shows_nothing(site: Site) -> None:
    cart = pinned(site)
    secret = shared(site, cart)
    (link,) = room.shares_of(site.archive, ANYBODY, cart)
    assert send(site, "/cart/share/revoke", cart=cart, link=str(link.id)).status_code == 303
    for path in (f"/cart/shared/{secret}", f"/cart?cart=~{secret}", f"/cart/package.zip?cart=~{secret}"):
        assert site.get(path, ROUTES).status_code == 404


@pytest.mark.parametrize("secret", ["x", "%00", "~", "..%2f..", "'%20or%201=1", "a" * 500, "%F0%9F%92%A9"])
def test_a_guessed_link_is_unknown(site: Site, secret: str) -> None:
    assert site.get(f"/cart/shared/{secret}", ROUTES).status_code == 404
    assert site.get(f"/cart?cart=~{secret}", ROUTES).status_code == 404
    assert site.get(f"/cart/package.tar?cart=~{secret}", ROUTES).status_code == 404


def test_carts_are_compared_and_merged_on_the_pages(site: Site) -> None:
    one, other = pinned(site, "modality:CT"), pinned(site, "collection:OPEN-1")
    page = site.get(f"/cart/compare?cart={one}&other={other}", ROUTES).text
    assert "In both" in page
    assert send(site, "/cart/merge", cart=one, other=other).status_code == 303
    assert room.cart_size(site.archive, one) == 5


def test_a_copy_is_in_use_at_once(site: Site) -> None:
    answer = send(site, "/cart/copy", cart=pinned(site), name="Copy")
    assert room.cart_size(site.archive, answer.cookies["invivo_cart"]) == 3


@pytest.mark.parametrize("number", ["", "x", "9" * 30, "-1", "1"])
def test_an_item_that_is_not_there_is_refused(site: Site, number: str) -> None:
    for path, name in (("/cart/choices/anew", "choice"), ("/cart/share/revoke", "link")):
        assert send(site, path, cart=room.open_cart(site.archive, ANYBODY).id, **{name: number}).status_code in (
            400,
            404,
        )


def test_an_address_with_a_state_is_refused_when_the_package_is_another(site: Site) -> None:
    path = f"/series/{site.series['CT'].series_uid}/package.tar"
    whole = site.get(path, ROUTES)
    state = whole.headers["etag"].strip('"')[:16]
    assert site.get(f"{path}?version={state}", ROUTES, headers={"Range": "bytes=9-"}).content == whole.content[9:]
    assert site.get(f"{path}?version={'0' * 16}", ROUTES, headers={"Range": "bytes=9-"}).status_code == 412
    assert site.get(path, ROUTES, headers={"If-Match": '"other"'}).status_code == 412
    with tarfile.open(fileobj=io.BytesIO(whole.content)) as opened:
        assert any(name.endswith("/bagit.txt") for name in opened.getnames())


@pytest.mark.parametrize("layout", ["folders", "flat", "bids"])
def test_the_download_page_offers_every_way_home(site: Site, layout: str) -> None:
    uid = site.series["CT"].series_uid
    page = site.get(f"/download?series={uid}&layout={layout}", ROUTES).text
    for way in ("package.zip", "package.tar", "invivo download", "curl -C -", "form=nifti", "form=png"):
        assert way in page
    assert site.get(f"/download?series={uid}&layout=other", ROUTES).status_code == 400


def test_pictures_are_given_on_the_way_to_whom_may_have_the_series(site: Site) -> None:
    given = site.get(f"/series/{site.series['CT'].series_uid}/converted.zip?form=png", ROUTES)
    with zipfile.ZipFile(io.BytesIO(given.content)) as opened:
        assert sum(name.endswith(".png") for name in opened.namelist()) == 3
    for name, status in (("REG", 401), ("CTRL", 403), ("PRIVATE", 404)):
        assert site.get(f"/series/{site.series[name].series_uid}/converted.zip", ROUTES).status_code == status
    assert site.get(f"/series/{site.series['CT'].series_uid}/converted.zip?form=exe", ROUTES).status_code == 400
