"""Every page, wide and narrow: nothing sticks out, and the browser has nothing to complain about."""

import re

import pytest

from tests.browser.conftest import DESK, PHONE, Open, Visitor

pytestmark = pytest.mark.browser

PUBLIC = (
    *("/", "/collections", "/collections?view=table", "/collections/DEMO-ATLAS", "/collections/DEMO-ATLAS/data"),
    *("/collections/DEMO-ATLAS/versions", "/collections/DEMO-ATLAS/files", "/collections/DEMO-BRAIN/access"),
    *("/search", "/search?level=study", "/search?level=subject&pictures=l", "/search?q=nothing-like-this", "/cart"),
    *("/help", "/about", "/survey", "/survey?kind=software", "/survey/archives/tcia", "/api", "/sign-in"),
    "/download?collection=DEMO-ATLAS",
)
FOLLOWED = (
    ("/search?modality=SR", ".row-title"),
    ("/search?modality=SEG", ".row-title"),
    ("/search?modality=US", ".row-title"),
    ("/search?collection=DEMO-BRAIN", ".row-title"),
    ("/search?level=study&modality=CT", ".row-title"),
    ("/search?level=subject&modality=CT", ".row-title"),
)
STAFF = (
    *("/account", "/account/password", "/account/tokens", "/submissions", "/submissions/1", "/submissions/3"),
    *("/submissions/3?show=problems", "/submissions/3/upload", "/reviews", "/reviews?state=approved"),
    *("/reviews?collection=DEMO-INTAKE&state=open", "/releases/DEMO-INTAKE", "/releases/DEMO-ATLAS/withdraw"),
    *("/admin", "/admin/accounts", "/admin/collections", "/admin/collections/new", "/admin/settings", "/admin/journal"),
    *("/admin/collections/DEMO-ATLAS/edit", "/admin/collections/DEMO-ATLAS/people"),
    "/admin/collections/DEMO-ATLAS/rules",
)


def stick_out(visitor: Visitor) -> int:
    return int(visitor.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def check(visitor: Visitor, path: str, follow: str = "") -> None:
    visitor.complaints.clear()
    page = visitor.page
    for width, scheme in ((DESK, "light"), (PHONE, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.goto(visitor.url + path, wait_until="load")
        if follow:
            with page.expect_navigation():
                page.click(f"{follow} >> nth=0")
        page.wait_for_timeout(200)
        assert page.locator("h1").count() == 1
        assert stick_out(visitor) <= 0, f"{path} is wider than a window of {width} pixels"
    assert visitor.complaints == []


@pytest.fixture(scope="module")
def stranger(stay: Open) -> Visitor:
    return stay()


@pytest.fixture(scope="module")
def administrator(stay: Open) -> Visitor:
    return stay("admin")


@pytest.mark.parametrize("path", PUBLIC)
def test_a_public_page_fits_and_runs_without_a_complaint(stranger: Visitor, path: str) -> None:
    check(stranger, path)


@pytest.mark.parametrize(("path", "follow"), FOLLOWED)
def test_a_page_behind_a_result_fits_and_runs_without_a_complaint(stranger: Visitor, path: str, follow: str) -> None:
    check(stranger, path, follow)


@pytest.mark.parametrize("path", STAFF)
def test_a_desk_page_fits_and_runs_without_a_complaint(administrator: Visitor, path: str) -> None:
    check(administrator, path)


def test_a_review_fits_and_runs_without_a_complaint(visit: Open) -> None:
    check(visit("curator"), "/reviews?collection=DEMO-INTAKE", ".row-title:has-text('OT')")


@pytest.mark.parametrize(
    "path", ["/submissions/1", "/reviews", "/releases/DEMO-ATLAS", "/admin/journal?thing=person%3A1"]
)
def test_a_stranger_at_the_desk_is_sent_to_sign_in_and_back(visit: Open, path: str) -> None:
    visitor = visit()
    page = visitor.go(path)
    assert re.search(r"/sign-in\?next=", page.url)
    page.fill("main input[name=name]", "nobody")
    assert page.locator("main input[name=next]").input_value() == path


def test_the_account_menu_calls_people_by_their_names(visit: Open) -> None:
    page = visit("visitor").go("/")
    assert page.locator(".menu-name").inner_text() == "Vera Visitor"
