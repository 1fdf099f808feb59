"""OHIF opens each kind of object from the page of its series and draws it: judged by colours that nothing else has."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect
from pydicom import dcmread
from pynetdicom import AE

from tests.browser import studies
from tests.browser.viewer import LEFT, SCREEN, Colours, install_ohif, launch_with_gl, near, pixels_seen
from tests.walks.tree import Served

pytestmark = pytest.mark.browser
# A square that goes over changing ground, coded by the browser itself; nothing where it cannot code H.264.
FILM = """async () => {
  const kind = "video/mp4;codecs=avc1.42E01E";
  if (!window.MediaRecorder || !MediaRecorder.isTypeSupported(kind)) return "";
  const canvas = document.createElement("canvas");
  canvas.width = 320; canvas.height = 240;
  const brush = canvas.getContext("2d");
  const recorder = new MediaRecorder(canvas.captureStream(25), { mimeType: kind });
  const parts = [];
  recorder.ondataavailable = (event) => parts.push(event.data);
  const done = new Promise((stopped) => (recorder.onstop = stopped));
  recorder.start();
  for (let at = 0; at < 20; at += 1) {
    brush.fillStyle = "rgb(230 30 30)"; brush.fillRect(0, 0, 320, 240);
    brush.fillStyle = "white"; brush.fillRect(at * 10, 100, 40, 40);
    await new Promise((next) => setTimeout(next, 40));
  }
  recorder.stop();
  await done;
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  return btoa(Array.from(bytes, (one) => String.fromCharCode(one)).join(""));
}"""


@dataclass(frozen=True)
class House:
    """An archive that has all kinds, and a browser that draws."""

    url: str
    visitor: BrowserContext
    has_film: bool


@pytest.fixture(scope="module")
def house(player: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("kinds")
    objects = studies.write_studies(folder / "objects").folder
    browser = launch_with_gl(player)
    has_film = _film(browser, objects / "film.dcm")
    served = Served(folder / "home", is_direct=True)
    try:
        install_ohif(served.home)
        served.await_answer()
        sent = _send(served.dimse, objects)
        _await_all(served.url, sent)
        visitor = browser.new_context(viewport=SCREEN)
        visitor.set_default_timeout(60_000)
        yield House(served.url, visitor, has_film)
    finally:
        served.close()
        browser.close()


def _film(browser: Browser, path: Path) -> bool:
    page = browser.new_page()
    # A busy machine may end a recording before its first picture.
    stream = next(filter(None, (base64.b64decode(page.evaluate(FILM)) for _ in range(3))), b"")
    page.close()
    if stream:
        studies.film(stream, 240, 320, 20).save_as(path, enforce_file_format=True)
    return bool(stream)


def _send(port: int, folder: Path) -> int:
    """Send all objects of a folder as they are; return how many."""
    found = [dcmread(path) for path in sorted(folder.glob("*.dcm"))]
    sender = AE("KINDS")
    for sop_class, syntax in {(str(one.SOPClassUID), str(one.file_meta.TransferSyntaxUID)) for one in found}:
        sender.add_requested_context(sop_class, syntax)
    association = sender.associate("127.0.0.1", port, ae_title="INVIVO")
    assert association.is_established
    assert {association.send_c_store(one).Status for one in found} == {0}
    association.release()
    return len(found)


def _await_all(url: str, count: int) -> None:
    for _ in range(100):
        answer = httpx.get(f"{url}/dicom-web/instances", params={"limit": 1000})
        if answer.status_code == 200 and len(answer.json()) == count:
            return
    raise AssertionError("What was sent is not found.")


@pytest.fixture
def page(house: House) -> Iterator[Page]:
    """A page of the one visitor, who has OHIF's files at hand after the first."""
    opened = house.visitor.new_page()
    yield opened
    opened.close()


def _open(page: Page, house: House, series: str, more: str = "") -> list[str]:
    """Follow the link to OHIF on the page of a series; return the list that gathers what is refused."""
    page.goto(f"{house.url}/series/{studies.uid('series', series)}", wait_until="domcontentloaded")
    address = str(page.get_attribute("a:has-text('Open in OHIF')", "href"))
    refused: list[str] = []
    page.on("response", lambda answer: refused.append(answer.url) if answer.status >= 400 else None)
    page.goto(house.url + address + more)
    return refused


def _greener(seen: np.ndarray) -> np.ndarray:
    return np.asarray(seen[..., 1] - np.maximum(seen[..., 0], seen[..., 2]) > 40)


def _between(left: float, right: float) -> Colours:
    return lambda seen: GREY(seen)[:, max(0, int(left)) : int(right)]


GREY: Colours = near(132, 132, 132)
KINDS = {
    "segmentation": (_greener, 800),
    "structures": (near(240, 220, 40, 70), 150),
    "measurements": (near(0, 255, 0, 60), 20),
    "report as PDF": (near(204, 26, 26), 5000),
    "level": (near(110, 40, 130), 5000),
}


@pytest.mark.parametrize("series", KINDS)
def test_ohif_draws_what_the_page_of_a_series_leads_to(house: House, page: Page, series: str) -> None:
    refused = _open(page, house, series)
    colours, least = KINDS[series]
    assert pixels_seen(page, colours, least) >= least
    assert refused == []
    assert page.get_by_text("Something went wrong").count() == 0


def test_ohif_draws_a_stack_and_cuts_its_volume_in_three(house: House, page: Page) -> None:
    refused = _open(page, house, "slices")
    stack = pixels_seen(page, GREY, 40_000)
    assert stack >= 40_000
    refused += _open(page, house, "slices", "&hangingprotocolId=mpr")
    expect(page.locator(".cornerstone-viewport-element")).to_have_count(3)
    for number in range(3):
        box = page.locator(".cornerstone-viewport-element").nth(number).bounding_box()
        assert box is not None
        part = _between(box["x"] - LEFT, box["x"] - LEFT + box["width"])
        assert pixels_seen(page, part, 1500) >= 1500
    assert refused == []


def test_ohif_shows_a_report_as_text(house: House, page: Page) -> None:
    refused = _open(page, house, "report")
    expect(page.get_by_text("The ball is round, the rod is straight.")).to_be_visible()
    assert refused == []


def test_a_film_plays_in_ohif_and_on_its_page(house: House, page: Page) -> None:
    if not house.has_film:
        pytest.skip("This Chromium codes no H.264")
    assert _open(page, house, "film") == []
    assert pixels_seen(page, near(230, 30, 30), 40_000) >= 40_000
    page.goto(f"{house.url}/series/{studies.uid('series', 'film')}")
    page.wait_for_function("document.querySelector('video').readyState >= 2")
    assert page.evaluate("document.querySelector('video').videoWidth") == 320


def test_what_ohif_cannot_show_is_not_led_to_it(house: House, page: Page) -> None:
    page.goto(f"{house.url}/series/{studies.uid('series', 'ecg')}")
    expect(page.get_by_text("This kind of object has no picture of its own.")).to_be_visible()
    assert page.locator("a:has-text('Open in OHIF')").count() == 0
