"""The cart."""

import pytest
from tests.web import visitor
from tests.web.visitor import Site

from invivo import carts as room
from invivo.web import carts

site = visitor.site


def test_an_empty_cart_says_how_to_fill_it(site: Site) -> None:
    page = site.get("/cart", carts.routes)
    assert page.status_code == 200
    assert "Your cart is empty" in page.text


def test_adding_makes_a_cart_remembers_it_and_goes_back(site: Site) -> None:
    uid = site.series["CT"].series_uid
    answer = site.post("/cart/add", carts.routes, data={"series": [uid, "1.2.3"], "next": "/search?modality=CT"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/search?modality=CT"
    cart_id = answer.cookies["invivo_cart"]
    assert room.cart_size(site.archive, cart_id) == 1
    assert uid in site.get("/cart", carts.routes, cookies={"invivo_cart": cart_id}).text


def test_all_that_a_query_finds_can_be_added(site: Site) -> None:
    answer = site.post("/cart/add", carts.routes, data={"query": "collection=OPEN-1"})
    assert room.cart_size(site.archive, answer.cookies["invivo_cart"]) == 3


def test_one_row_of_the_results_can_be_added_whatever_is_ticked(site: Site) -> None:
    data = {"one": site.series["MR"].series_uid, "series": [site.series["CT"].series_uid]}
    answer = site.post("/cart/add", carts.routes, data=data)
    assert room.cart_size(site.archive, answer.cookies["invivo_cart"]) == 1


def test_nothing_ticked_makes_no_cart(site: Site) -> None:
    answer = site.post("/cart/add", carts.routes)
    assert answer.status_code == 303
    assert "invivo_cart" not in answer.cookies


def test_a_private_series_does_not_go_into_a_visitors_cart(site: Site) -> None:
    answer = site.post("/cart/add", carts.routes, data={"series": site.series["PRIVATE"].series_uid})
    assert room.cart_size(site.archive, answer.cookies["invivo_cart"]) == 0


@pytest.mark.parametrize("target", ["https://evil.test/", "//evil.test", "/\\evil.test", "javascript:alert(1)"])
def test_the_way_back_never_leads_elsewhere(site: Site, target: str) -> None:
    answer = site.post("/cart/add", carts.routes, data={"query": "collection=OPEN-1", "next": target})
    assert answer.headers["location"] == "/cart"


def test_a_form_of_another_site_is_refused(site: Site) -> None:
    answer = site.post("/cart/add", carts.routes, data={"csrf": "wrong", "query": ""})
    assert answer.status_code == 403


def test_an_unknown_field_in_a_query_is_refused(site: Site) -> None:
    assert site.post("/cart/add", carts.routes, data={"query": "modalty=CT"}).status_code == 400


def test_series_are_removed_one_by_one_and_all(site: Site) -> None:
    cart_id = site.filled_cart("CT", "MR", "SR")
    cookies = {"invivo_cart": cart_id}
    site.post("/cart/remove", carts.routes, data={"one": site.series["CT"].series_uid}, cookies=cookies)
    assert room.cart_size(site.archive, cart_id) == 2
    assert site.post("/cart/empty", carts.routes, cookies=cookies).headers["location"] == "/cart"
    assert room.cart_size(site.archive, cart_id) == 0


def test_the_cart_says_what_is_left_out_and_why(site: Site) -> None:
    page = site.get("/cart", carts.routes, cookies={"invivo_cart": site.filled_cart("CT", "REG", "CTRL")}).text
    assert "Download 1 series" in page
    assert "Sign in to download it." in page
    assert "approval is needed" in page


@pytest.mark.parametrize("ending", ["tcia", "csv", "txt"])
def test_a_manifest_names_every_series_of_the_cart(site: Site, ending: str) -> None:
    cookies = {"invivo_cart": site.filled_cart("CT", "REG")}
    answer = site.get(f"/cart/manifest.{ending}", carts.routes, cookies=cookies)
    assert room.read_manifest(answer.text) == [site.series[name].series_uid for name in ("CT", "REG")]
    assert f"manifest.{ending}" in answer.headers["content-disposition"]


def test_a_forged_cart_is_an_empty_one(site: Site) -> None:
    assert "Your cart is empty" in site.get("/cart", carts.routes, cookies={"invivo_cart": "x' or 1=1"}).text


def test_a_cart_has_a_form_for_machines(site: Site) -> None:
    cookies = {"invivo_cart": site.filled_cart("CT", "REG")}
    told = site.get("/cart.json", carts.routes, cookies=cookies)
    assert told.headers["cache-control"] == "no-store"
    cart = told.json()
    assert cart["series_count"] == cart["single_series"] == 2
    assert {one["series_uid"] for one in cart["series"]} == {site.series[name].series_uid for name in ("CT", "REG")}
    assert cart["packed"]["series"] == 1
    reasons = {one["collection"]: one["not_packed"] for one in cart["collections"]}
    assert reasons["OPEN-1"] == []
    assert reasons["REG-1"][0]["series"] == 1
    assert cookies["invivo_cart"] not in told.text


def test_without_a_cart_its_form_for_machines_is_empty(site: Site) -> None:
    assert site.get("/cart.json", carts.routes).json()["series"] == []


def test_a_cart_of_nobody_has_no_form_for_machines(site: Site) -> None:
    assert site.get("/cart.json?cart=nobody", carts.routes).status_code == 404
    assert site.get("/cart/shared/nobody.json", carts.routes).status_code == 404


def test_a_query_in_a_cart_is_told_to_machines(site: Site) -> None:
    answer = site.post("/cart/add", carts.routes, data={"query": "collection=OPEN-1&modality=CT"})
    cookies = {"invivo_cart": answer.cookies["invivo_cart"]}
    (one,) = site.get("/cart.json", carts.routes, cookies=cookies).json()["queries"]
    assert one["query"] == "collection:OPEN-1 modality:CT"
    assert one["series_count"] == one["named_count"] == 1
