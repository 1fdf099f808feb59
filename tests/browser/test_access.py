"""Every public page for those who use keys, a screen reader or a phone: names, order, contrast, focus, and nothing that sticks out."""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import DESK, PHONE, Open, Visitor

pytestmark = pytest.mark.browser

PAGES = (
    *("/", "/collections", "/collections?view=table", "/collections/DEMO-ATLAS", "/collections/DEMO-ATLAS/data"),
    *("/collections/DEMO-ATLAS/versions", "/collections/DEMO-ATLAS/files", "/collections/DEMO-BRAIN/access"),
    *(
        "/search",
        "/search?view=table",
        "/search?level=subject",
        "/search?level=collection",
        "/search?q=modality%3Ano%3Away",
    ),
    *(
        "/search/build",
        "/search/build?q=modality%3ACT%20not%20(chest%20or%20age%3E60)",
        "/searches",
        "/cart",
        "/cart/compare",
    ),
    *(
        "/help",
        "/help/search",
        "/about",
        "/survey",
        "/survey?kind=software",
        "/survey/archives/tcia",
        "/api",
        "/sign-in",
    ),
    *("/download?collection=DEMO-ATLAS", "/account"),
    *("{series}", "{series}/header", "{series}/files", "{study}", "{subject}", "{report}", "{segmentation}"),
)
NAMELESS = """() => {
  const faults = [];
  const seen = (one) => one.checkVisibility({ checkVisibilityCSS: true });
  const words = (one) => (one?.textContent ?? "").trim();
  const named = (one) => one.getAttribute("aria-label")?.trim() || one.getAttribute("title")
    || (one.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => words(document.getElementById(id))).join("")
    || [...(one.labels ?? [])].map(words).join("");
  for (const one of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
    if (seen(one) && !named(one) && !(["submit", "button"].includes(one.type) && one.value)) faults.push(one.outerHTML.slice(0, 120));
  }
  for (const one of document.querySelectorAll("a[href], button, summary, [role=button]")) {
    const pictured = [...one.querySelectorAll("img[alt], [aria-label]")].some((inner) => inner.alt || inner.ariaLabel);
    if (seen(one) && !named(one) && !words(one) && !pictured) faults.push(one.outerHTML.slice(0, 120));
  }
  const unnamed = "svg[role=img]:not([aria-label]):not([aria-labelledby]):not(:has(title))";
  for (const one of document.querySelectorAll(`img:not([alt]), iframe:not([title]), ${unnamed}`)) faults.push(one.outerHTML.slice(0, 120));
  for (const one of document.querySelectorAll("[aria-labelledby], [aria-describedby], [aria-controls]")) {
    for (const name of ["aria-labelledby", "aria-describedby", "aria-controls"]) {
      for (const id of (one.getAttribute(name) ?? "").split(" ").filter(Boolean)) if (!document.getElementById(id)) faults.push(`${name}=${id} leads nowhere`);
    }
  }
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at))) faults.push(`id ${id} is there twice`);
  return faults;
}"""
# Without those within the texts that people wrote.
HEADINGS = """() => [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")]
  .filter((one) => one.checkVisibility({ checkVisibilityCSS: true }))
  .filter((one) => !one.closest("[hidden], .prose, dialog:not([open])"))
  .map((one) => Number(one.tagName[1]))"""
# WCAG 2.2, 1.4.3: 4.5 for text, 3 for large text; what is switched off, or stands on a picture, is left out.
CONTRAST = """() => {
  const brush = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const parsed = new Map();
  const read = (text) => {
    if (!parsed.has(text)) {
      brush.clearRect(0, 0, 1, 1); brush.fillStyle = "#000"; brush.fillStyle = text; brush.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = brush.getImageData(0, 0, 1, 1).data;
      parsed.set(text, [r, g, b, a / 255]);
    }
    return parsed.get(text);
  };
  const over = ([r, g, b, a], under) => [r, g, b].map((one, at) => one * a + under[at] * (1 - a));
  const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  const light = (colour) => { const [r, g, b] = colour.map((one) => linear(one / 255)); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = (one) => {
    const layers = [];
    for (let at = one; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.backgroundImage !== "none") return null;
      const colour = read(style.backgroundColor);
      if (colour[3] > 0) layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255]);
  };
  const faults = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const one = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !one.checkVisibility({ checkVisibilityCSS: true, checkOpacity: true })) continue;
    if (one.closest("svg, noscript, script, style, option, [disabled], [aria-disabled=true], .thumb, .viewer, .unseen, .skip")) continue;
    const style = getComputedStyle(one), under = ground(one);
    if (!under) continue;
    const [bright, dark] = [light(over(read(style.color), under)), light(under)].sort((a, b) => b - a);
    const size = parseFloat(style.fontSize), ratio = (bright + 0.05) / (dark + 0.05);
    const least = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    if (ratio < least - 0.01) faults.add(`${ratio.toFixed(2)} ${one.tagName.toLowerCase()}.${one.className} ${walker.currentNode.data.trim().slice(0, 30)}`);
  }
  return [...faults].slice(0, 8);
}"""
# Where the focus is: what, whether it is seen, and how many controls of the page Tab should reach.
FOCUS = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  one.scrollIntoView({ block: "nearest" });
  const style = getComputedStyle(one), box = one.getBoundingClientRect();
  const rim = getComputedStyle(one.closest("label") ?? one);
  const isLined = (it) => parseFloat(it.outlineWidth) > 0 && it.outlineStyle !== "none";
  const isSeen = isLined(style) || isLined(rim) || style.boxShadow !== "none";
  window.reached ??= new Set();
  const isNew = !window.reached.has(one);
  window.reached.add(one);
  return { what: one.outerHTML.slice(0, 140), isSeen, isNew, hasSize: box.width > 0 && box.height > 0, isHidden: Boolean(one.closest("[aria-hidden=true]")) };
}"""
UNREACHED = """() => {
  return [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")].filter((one) => {
    if (!one.checkVisibility({ checkVisibilityCSS: true }) || one.disabled || window.reached.has(one)) return false;
    if (one.type === "radio") return ![...document.querySelectorAll(`input[type=radio][name="${one.name}"]`)].some((other) => window.reached.has(other));
    return !one.closest("[inert], [aria-hidden=true], video, ul[role=listbox]");
  }).map((one) => one.outerHTML.slice(0, 140));
}"""


@pytest.fixture(scope="module")
def stranger(stay: Open) -> Visitor:
    return stay("researcher", reduced_motion="reduce")


@pytest.fixture(scope="module")
def addresses(stranger: Visitor) -> dict[str, str]:
    """The pages that only the data know the addresses of."""
    found = {}
    for name, search in (
        *(("series", "/search?collection=DEMO-ATLAS&modality=MR"), ("report", "/search?modality=SR")),
        *(("segmentation", "/search?modality=SEG"), ("study", "/search?collection=DEMO-ATLAS&level=study")),
        ("subject", "/search?collection=DEMO-ATLAS&level=subject"),
    ):
        page = stranger.go(search)
        found[name] = str(page.locator(".row-title").first.get_attribute("href"))
    return found


@pytest.fixture(params=PAGES)
def opened(request: pytest.FixtureRequest, stranger: Visitor, addresses: dict[str, str]) -> Page:
    """A public page, at rest."""
    page = stranger.page
    page.set_viewport_size({"width": DESK, "height": 900})
    page.emulate_media(color_scheme="light")
    page.goto(stranger.url + str(request.param).format(**addresses), wait_until="load")
    page.wait_for_timeout(100)
    return page


def stick_out(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def nodes(page: Page) -> list[dict[str, Any]]:
    """What Chromium tells a screen reader of."""
    session = page.context.new_cdp_session(page)
    told: list[dict[str, Any]] = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    return [one for one in told if not one.get("ignored")]


def test_a_page_is_named_ordered_legible_and_fits(opened: Page) -> None:
    assert opened.evaluate(NAMELESS) == []
    levels = opened.evaluate(HEADINGS)
    assert levels.count(1) == 1
    steps = [(before, after) for before, after in zip(levels, levels[1:], strict=False) if after > before + 1]
    assert steps == [], f"headings {levels}"
    controls = {"button", "link", "textbox", "searchbox", "combobox", "checkbox", "radio", "listbox", "spinbutton"}
    assert [one for one in nodes(opened) if one["role"]["value"] in controls and not one["name"]["value"]] == []
    assert opened.evaluate(CONTRAST) == []
    opened.emulate_media(color_scheme="dark")
    assert opened.evaluate(CONTRAST) == []
    opened.set_viewport_size({"width": PHONE, "height": 844})
    assert stick_out(opened) <= 0
    inner = "(all) => all.map((one) => one.scrollWidth - one.clientWidth)"
    assert max(opened.locator(".tag-table .scroll").evaluate_all(inner), default=0) <= 0, "the header scrolls sideways"


KEYED = (
    *(
        "/search",
        "/search?view=table",
        "/search/build?q=modality%3ACT%20not%20(chest%20or%20age%3E60)",
        "/searches",
        "/cart",
    ),
    *("/collections/DEMO-ATLAS", "/download?collection=DEMO-ATLAS", "{series}"),
)


@pytest.mark.parametrize("path", KEYED)
def test_tab_reaches_every_control_once_and_shows_where_it_is(
    stranger: Visitor, addresses: dict[str, str], path: str
) -> None:
    page = stranger.page
    page.set_viewport_size({"width": DESK, "height": 900})
    page.goto(stranger.url + path.format(**addresses), wait_until="load")
    page.wait_for_timeout(200)
    faults = []
    for _ in range(600):
        page.keyboard.press("Tab")
        now = page.evaluate(FOCUS)
        if now is None or not now["isNew"]:
            break
        if not now["isSeen"] or not now["hasSize"] or now["isHidden"]:
            faults.append(now)
    assert faults == []
    assert page.evaluate(UNREACHED) == []


@pytest.mark.parametrize("path", ["/search", "/search/build", "{series}/header"])
def test_a_count_that_changes_is_told(stranger: Visitor, addresses: dict[str, str], path: str) -> None:
    page = stranger.page
    page.goto(stranger.url + path.format(**addresses), wait_until="load")
    told = page.locator("main [role=status]").all_inner_texts()
    assert any(any(letter.isdigit() for letter in one) for one in told), told
