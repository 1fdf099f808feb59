"""OHIF, installed as the demo does it, draws a series of this archive, to those who may have it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from tests.browser.conftest import Demo, Visitor, drawn
from tests.browser.viewer import SCREEN, install_ohif, launch_with_gl

pytestmark = pytest.mark.browser
CANVAS = ".cornerstone-viewport-element canvas"


@pytest.fixture(scope="module")
def browser(demo: Demo, player: Playwright) -> Iterator[Browser]:
    install_ohif(demo.home)
    started = launch_with_gl(player)
    yield started
    started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport=SCREEN)
    yield context.new_page()
    context.close()


def test_ohif_draws_a_series_of_the_archive(demo: Demo, page: Page) -> None:
    page.goto(f"{demo.url}/search?q=lesion&collection=DEMO-ATLAS&modality=MR")
    page.click(".row-title")
    address = page.get_attribute("a:has-text('Open in OHIF')", "href")
    refused: list[str] = []
    page.on("response", lambda answer: refused.append(answer.url) if answer.status >= 400 else None)
    page.goto(demo.url + (address or ""))
    assert drawn(page, CANVAS, 60) > 400
    assert refused == []


def test_images_for_accounts_are_drawn_for_who_signs_in_and_a_visitor_is_told_why_not(demo: Demo, page: Page) -> None:
    page.goto(f"{demo.url}/search?collection=DEMO-BRAIN")
    page.click(".row-title")
    series = page.url
    assert page.locator("a:has-text('Open in OHIF')").count() == 0
    study = str(page.locator("main a[href^='/studies/']").first.get_attribute("href")).removeprefix("/studies/")
    given: list[str] = []
    page.on("response", lambda answer: given.append(answer.url) if "/frames/" in answer.url and answer.ok else None)
    page.goto(f"{demo.url}/viewer/ohif/viewer?StudyInstanceUIDs={study}")
    told = page.locator("#invivo-refusal")
    expect(told).to_contain_text("have an account", timeout=60_000)
    assert given == []
    told.locator("a").click()
    page.fill("main input[name=name]", demo.accounts["visitor"]["name"])
    page.fill("main input[name=password]", demo.accounts["visitor"]["password"])
    page.click("main button[type=submit]")
    assert drawn(page, CANVAS, 60) > 100
    assert told.count() == 0
    signed_in = Visitor(page, demo.url)
    signed_in.go(series.removeprefix(demo.url))
    assert page.locator("a:has-text('Open in OHIF')").count() == 1
