"""A curator draws masks over a held series by mouse, finger, keys or numbers, and what lies under them is dark afterwards."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Open, Visitor, drawn

pytestmark = pytest.mark.browser

BOX = (0.44, 0.44, 0.56, 0.56)  # of the stage: left, top, right, bottom
BRIGHTEST = """(canvas, box) => {
  const [left, top, right, bottom] = box.map((part, at) => Math.round(part * (at % 2 ? canvas.height : canvas.width)));
  const values = canvas.getContext("2d").getImageData(left, top, right - left, bottom - top).data;
  let most = 0;
  for (let at = 0; at < values.length; at += 4) most = Math.max(most, values[at], values[at + 1], values[at + 2]);
  return most;
}"""


def brightest(page: Page, inset: float = 0.02) -> int:
    """The brightest value within the box, without its edges."""
    left, top, right, bottom = BOX
    within = [left + inset, top + inset, right - inset, bottom - inset]
    return int(page.eval_on_selector(".viewer-canvas", BRIGHTEST, within))


def open_bright_series(visitor: Visitor) -> Page:
    """Open a waiting series whose picture is bright in the middle."""
    page = visitor.go("/reviews?collection=DEMO-INTAKE&state=waiting")
    for address in [str(row.get_attribute("href")) for row in page.query_selector_all(".row-title")]:
        visitor.go(address)
        if page.locator("[data-mask-draw]:visible").count() and drawn(page, timeout_s=3) > 100 and brightest(page) > 90:
            return page
    pytest.fail("no series of the demo is bright in the middle")


def corners(page: Page) -> tuple[float, float, float, float]:
    page.evaluate("scrollTo(0, 0)")
    box: Any = page.locator(".viewer-stage").bounding_box()
    left, top, right, bottom = BOX
    return (
        box["x"] + left * box["width"],
        box["y"] + top * box["height"],
        box["x"] + right * box["width"],
        box["y"] + bottom * box["height"],
    )


def numbers(page: Page) -> list[int]:
    return [int(one.input_value()) for one in page.locator("[data-mask-rows] input").all()]


def start_again(page: Page) -> None:
    page.click("button:has-text('Start again from the original')")
    expect(page.locator("[data-mask-draw]")).to_be_visible(timeout=60_000)
    expect(page.locator(".masking .sign-line")).to_have_count(0)


def test_a_mask_is_drawn_moved_applied_and_taken_back(visit: Open) -> None:
    curator = visit("curator")
    page = open_bright_series(curator)
    page.wait_for_selector("html[data-live]", state="attached")
    page.keyboard.press("m")
    left, top, right, bottom = corners(page)
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move((left + right) / 2, bottom)
    page.mouse.move(right, bottom)
    page.mouse.up()
    expect(page.locator(".mask-box")).to_have_count(1)
    x, y, width, height = numbers(page)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    assert numbers(page) == [x + 1, y, width, height + 1]
    page.keyboard.press("ArrowLeft")
    page.locator("[data-mask-send]").click()
    expect(page.locator(".masking .sign-line.is-good")).to_contain_text("1 rectangle hidden in", timeout=60_000)
    page.wait_for_load_state("networkidle")
    page.reload(wait_until="networkidle")
    assert drawn(page) > 100
    assert brightest(page) < 40
    start_again(page)
    page.wait_for_load_state("networkidle")
    assert drawn(page) > 100
    assert brightest(page) > 90
    assert curator.complaints == []


def test_a_rectangle_is_sized_by_its_corner_and_removed_by_a_key(visit: Open) -> None:
    curator = visit("curator")
    page = open_bright_series(curator)
    page.click("[data-mask-draw]")
    left, top, right, bottom = corners(page)
    for shift in (0, -60):
        page.mouse.move(left, top + shift)
        page.mouse.down()
        page.mouse.move(right, (top if shift else bottom) + shift / 2)
        page.mouse.up()
    expect(page.locator(".mask-box")).to_have_count(2)
    page.keyboard.press("Delete")
    expect(page.locator(".mask-box")).to_have_count(1)
    was = numbers(page)
    page.mouse.move(right, bottom)
    page.mouse.down()
    page.mouse.move(right - 20, bottom + 20, steps=4)
    page.mouse.up()
    now = numbers(page)
    assert now[:2] == was[:2]
    assert now[2] < was[2]
    assert now[3] > was[3]
    assert curator.complaints == []


def test_masks_are_previewed_and_the_last_change_is_undone(visit: Open) -> None:
    curator = visit("curator")
    page = open_bright_series(curator)
    page.wait_for_selector("html[data-live]", state="attached")
    expect(page.locator("[data-mask-preview]")).to_be_hidden()
    page.click("[data-mask-draw]")
    left, top, right, bottom = corners(page)
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(right, bottom, steps=3)
    page.mouse.up()
    box = page.locator(".mask-box")
    drawn_at = numbers(page)
    page.keyboard.press("v")
    expect(box).to_have_css("background-color", "rgb(0, 0, 0)")
    expect(page.locator(".mask-corner")).to_be_hidden()
    page.keyboard.press("v")
    expect(page.locator(".mask-corner")).to_be_visible()
    box.focus()
    page.keyboard.press("ArrowRight")
    assert numbers(page) != drawn_at
    page.keyboard.press("Control+z")
    assert numbers(page) == drawn_at
    box.focus()
    page.keyboard.press("Delete")
    expect(box).to_have_count(0)
    page.click("[data-mask-back]")
    expect(box).to_have_count(1)
    assert numbers(page) == drawn_at
    page.click("[data-mask-back]")
    expect(box).to_have_count(0)
    expect(page.locator("[data-mask-back]")).to_be_hidden()
    assert curator.complaints == []


def test_a_finger_draws_on_a_phone(visit: Open) -> None:
    curator = visit("curator", width=PHONE)
    page = open_bright_series(curator)
    page.locator("[data-mask-draw]").tap()
    left, top, right, bottom = corners(page)
    wire = page.context.new_cdp_session(page)
    for kind, points in (
        ("touchStart", [{"x": left, "y": top}]),
        ("touchMove", [{"x": (left + right) / 2, "y": (top + bottom) / 2}]),
        ("touchMove", [{"x": right, "y": bottom}]),
        ("touchEnd", []),
    ):
        wire.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    expect(page.locator(".mask-box")).to_have_count(1)
    expect(page.locator(".review-under button[type=submit]")).to_contain_text("Hide 1 rectangle")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
    assert curator.complaints == []


def test_numbers_alone_do_without_any_script(visit: Open) -> None:
    found = visit("curator")
    open_bright_series(found)
    address = found.page.url.removeprefix(found.url)
    curator = visit("curator", java_script_enabled=False)
    page = curator.go(address)
    page.click(".mask-editor > summary")
    for side, value in (("x", 1), ("y", 2), ("width", 3), ("height", 4)):
        page.locator(f"#mask-form input[name={side}]").first.fill(str(value))
    page.locator("[data-mask-send]").click()
    for _ in range(60):
        if page.locator(".masking .sign-line.is-good").count():
            break
        page.wait_for_timeout(500)
        page.goto(curator.url + address)
    expect(page.locator(".masking .sign-line")).to_contain_text(re.compile(r"1 rectangle hidden in .*3 × 4 at 1, 2"))
    page.click("button:has-text('Start again from the original')")
    assert curator.complaints == []
