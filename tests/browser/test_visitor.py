"""What a visitor does without an account: find, see, take home."""

import hashlib
import re
import zipfile
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Demo, Open, changed, drawn, picture

pytestmark = pytest.mark.browser


def lesion(page: Page) -> None:
    """Go from the home page to a series with two slices."""
    page.fill("#home-q", "lesion collection:DEMO-ATLAS")
    page.press("#home-q", "Enter")
    page.click(".row-title:has-text('marked lesion')")
    page.wait_for_url("**/series/*")


def check_package(path: Path) -> int:
    """Check every file of a package against its own manifest; return how many DICOM files it has."""
    with zipfile.ZipFile(path) as package:
        name = next(name for name in package.namelist() if name.endswith("manifest-sha256.txt"))
        folder = name.removesuffix("manifest-sha256.txt")
        lines = package.read(name).decode().splitlines()
        for line in lines:
            digest, _, member = line.partition("  ")
            assert hashlib.sha256(package.read(folder + member)).hexdigest() == digest
        return sum(line.endswith(".dcm") for line in lines)


def test_a_visitor_finds_a_series_sees_it_and_takes_home_a_package_that_verifies(visit: Open, tmp_path: Path) -> None:
    visitor = visit()
    page = visitor.go("/")
    lesion(page)
    assert drawn(page) > 400
    with page.expect_download() as coming:
        page.click(".page-head-actions a:has-text('Download')")
    coming.value.save_as(tmp_path / "package.zip")
    assert check_package(tmp_path / "package.zip") == 2
    assert visitor.complaints == []


def test_a_facet_narrows_the_results_without_loading_the_page_again(visit: Open) -> None:
    visitor = visit()
    page = visitor.go("/search")
    page.evaluate("window.stays = true")
    choice = page.locator('.facet[data-facet="modality"] a', has_text="CR")
    promised = choice.locator(".count").inner_text()
    choice.click()
    expect(page.locator(".results-count strong")).to_have_text(f"{promised} series")
    assert page.url.endswith("/search?modality=CR")
    assert page.evaluate("window.stays") is True
    assert page.locator(".rows > .row").count() == int(promised)
    page.go_back()
    expect(page.locator(".results-count strong")).not_to_have_text(f"{promised} series")
    assert visitor.complaints == []


def test_the_search_box_proposes_and_takes_a_proposal_by_keys(visit: Open) -> None:
    page = visit().go("/")
    page.keyboard.press("/")
    expect(page.locator("#top-q")).to_be_focused()
    page.keyboard.type("pancr", delay=20)
    page.wait_for_selector("#top-q-list li")
    page.keyboard.press("ArrowDown")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.locator(".row-title").count() >= 1
    assert "body-part=" in page.url


def test_a_cart_is_filled_thinned_and_downloaded(visit: Open, tmp_path: Path) -> None:
    page = visit().go("/search?collection=DEMO-ATLAS&modality=MR")
    page.check(".row:nth-child(1) input[name=series]")
    page.check(".row:nth-child(2) input[name=series]")
    page.click("button:has-text('Add ticked')")
    expect(page.locator("[data-cart-count]")).to_have_text("2")
    page.goto(page.url.split("/search")[0] + "/cart")
    page.locator("button:has-text('Remove')").first.click()
    expect(page.locator("[data-cart-count]")).to_have_text("1")
    page.click(".page-head-actions a:has-text('Download')")
    with page.expect_download() as coming:
        page.click("main .button.primary:has-text('Download')")
    coming.value.save_as(tmp_path / "cart.zip")
    assert check_package(tmp_path / "cart.zip") >= 1


def test_the_viewer_obeys_wheel_keys_and_drags(visit: Open) -> None:
    visitor = visit()
    page = visitor.go("/")
    lesion(page)
    assert drawn(page) > 400
    corner, values = page.locator(".viewer-corner.is-left"), page.locator(".viewer-corner.is-right")
    expect(corner).to_contain_text("2 / 2")
    now = picture(page)
    page.hover(".viewer-stage")
    page.mouse.wheel(0, -120)
    expect(corner).to_contain_text("1 / 2")
    now = changed(page, now)
    page.focus(".viewer")
    page.keyboard.press("End")
    expect(corner).to_contain_text("2 / 2")
    now = changed(page, now)
    page.keyboard.press("i")
    now = changed(page, now)
    page.keyboard.press("+")
    expect(values).to_contain_text("1.3×")
    now = changed(page, now)
    before = values.inner_text()
    box = page.locator(".viewer-stage").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down(button="right")
    page.mouse.move(box["x"] + 300, box["y"] + 260, steps=5)
    page.mouse.up(button="right")
    expect(values).not_to_have_text(before)
    now = changed(page, now)
    page.keyboard.press("r")
    expect(values).to_have_text(re.compile(r"^C \S+ +W \S+$"))
    page.keyboard.press("Space")
    expect(corner).to_contain_text("1 / 2")
    page.keyboard.press("Space")
    assert visitor.complaints == []


def test_the_viewer_draws_and_scrolls_under_a_finger_on_a_phone(visit: Open) -> None:
    page = visit(width=PHONE, device_scale_factor=3).go("/")
    lesion(page)
    assert drawn(page) > 300
    corner = page.locator(".viewer-corner.is-left")
    expect(corner).to_contain_text("2 / 2")
    page.locator(".viewer-stage").scroll_into_view_if_needed()
    box = page.locator(".viewer-stage").bounding_box()
    assert box is not None
    finger = page.context.new_cdp_session(page)
    x, y = box["x"] + 150, box["y"] + 200
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(1, 5):
        finger.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": y - 8 * step}]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(corner).to_contain_text("1 / 2")


def test_without_javascript_one_can_search_narrow_look_and_download(visit: Open, tmp_path: Path) -> None:
    visitor = visit(java_script_enabled=False)
    page = visitor.go("/")
    page.fill("#home-q", "collection:DEMO-ATLAS")
    page.click(".hero-search button")
    page.click('.facet[data-facet="modality"] a:has-text("MR")')
    page.click(".row-title:has-text('marked lesion')")
    still = page.locator("img.viewer-still")
    width = still.bounding_box()
    assert width is not None and width["width"] > 100
    address = page.get_attribute(".page-head-actions a:has-text('Download')", "href") or ""
    answer = httpx.get(visitor.url + address)
    (tmp_path / "package.zip").write_bytes(answer.content)
    assert check_package(tmp_path / "package.zip") == 2


def test_the_keyboard_reaches_the_content_and_shows_where_it_is(visit: Open) -> None:
    page = visit().go("/collections")
    page.keyboard.press("Tab")
    skip = page.locator("a.skip")
    expect(skip).to_be_focused()
    box = skip.bounding_box()
    assert box is not None and box["y"] >= 0 and box["width"] > 50
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    for _ in range(4):
        page.keyboard.press("Tab")
        outline = page.evaluate(
            "(() => { const s = getComputedStyle(document.activeElement); return parseFloat(s.outlineWidth) })()"
        )
        assert outline >= 2


def test_a_chosen_theme_is_kept_on_the_next_page(visit: Open) -> None:
    page = visit(color_scheme="light").go("/")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.click(".top-wide [data-theme-switch]")
    dark = page.evaluate(ground)
    assert dark != light
    page.goto(page.url + "survey")
    assert page.evaluate(ground) == dark


def test_pictures_of_a_closed_collection_are_not_even_asked_for(visit: Open, demo: Demo) -> None:
    visitor = visit()
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url))
    page = visitor.go("/search?collection=DEMO-BRAIN")
    assert page.locator(".row").count() > 5
    assert not [url for url in asked if "/thumbnail" in url]
    assert visitor.complaints == []
    reader = visit("visitor")
    reader.go("/search?collection=DEMO-BRAIN")
    assert reader.page.locator(".row .thumb img").count() > 5


def test_the_header_filter_leaves_only_what_was_asked(visit: Open) -> None:
    page = visit().go("/")
    lesion(page)
    page.fill(".tag-filter input", "modality")
    expect(page.locator(".tag-table tbody tr:visible", has_text="PatientID")).to_have_count(0)
    expect(page.locator(".tag-table tbody tr:visible .keyword", has_text=re.compile("^Modality$"))).to_have_count(1)
