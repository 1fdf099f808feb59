"""One demo archive for all browser tests, served by the real command, and Chromium to walk through it."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from tests.walks.tree import free_port

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
DESK, PHONE = 1440, 390
READY_S = 280.0
expect.set_options(timeout=20_000)  # a busy machine is slow, not wrong


@dataclass(frozen=True)
class Demo:
    """A served demo archive."""

    home: Path
    url: str
    dimse: int
    accounts: dict[str, dict[str, str]]
    links: dict[str, str]


@dataclass
class Visitor:
    """Somebody at a browser, with what the browser complained about."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def watch(self) -> "Visitor":
        page = self.page
        page.on("console", lambda told: self._complain(told.text) if told.type == "error" else None)
        page.on("pageerror", lambda error: self._complain(str(error)))
        page.on(
            "response", lambda answer: self._complain(f"{answer.status} {answer.url}") if answer.status >= 400 else None
        )
        return self

    def _complain(self, text: str) -> None:
        self.complaints.append(text)

    def go(self, path: str) -> Page:
        """Open an address and wait until the page and its modules have come to rest."""
        self.page.goto(self.url + path, wait_until="networkidle")
        return self.page

    def press(self, key: str) -> None:
        """Press a single key that leads to another page, once this page listens."""
        self.page.wait_for_selector("html[data-live]", state="attached")
        with self.page.expect_navigation(timeout=30_000):
            self.page.keyboard.press(key)

    def sign_in(self, account: dict[str, str]) -> "Visitor":
        self.go("/sign-in")
        self.page.fill("main input[name=name]", account["name"])
        self.page.fill("main input[name=password]", account["password"])
        with self.page.expect_navigation():
            self.page.click("main button[type=submit]")
        return self


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Demo]:
    assert chromium.is_connected()
    home, http, dimse = tmp_path_factory.mktemp("browser") / "demo", free_port(), free_port()
    command = [sys.executable, "-m", "invivo", "demo", "--home", str(home), "--no-viewer", "--no-browser"]
    command += ["--http", f"127.0.0.1:{http}", "--dimse", f"127.0.0.1:{dimse}"]
    told = home.parent / "demo.log"
    with told.open("wb") as log:
        environment = {**os.environ, "INVIVO_LIMITS__FREE_BYTES": "0"}
        running = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        try:
            _await(told, running)
            known: dict[str, Any] = json.loads((home / "demo.json").read_text())
            yield Demo(home, known["http"], dimse, known["accounts"], known["links"])
        finally:
            running.terminate()
            running.wait(30)


def _await(told: Path, running: "subprocess.Popen[bytes]") -> None:
    began = time.monotonic()
    while "The demo is ready" not in told.read_text():
        assert running.poll() is None, told.read_text()[-2000:]
        assert time.monotonic() - began < READY_S, told.read_text()[-2000:]
        time.sleep(0.1)


@pytest.fixture(scope="session")
def player() -> Iterator[Playwright]:
    if not Path(CHROMIUM).exists():
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playing:
        yield playing


@pytest.fixture(scope="session")
def chromium(player: Playwright) -> Iterator[Browser]:
    browser = player.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
    yield browser
    browser.close()


Open = Callable[..., Visitor]


def _opening(demo: Demo, chromium: Browser) -> Iterator[Open]:
    opened: list[BrowserContext] = []

    def begin(who: str = "", width: int = DESK, **options: Any) -> Visitor:
        is_phone = width < 600
        context = chromium.new_context(
            viewport={"width": width, "height": 844 if is_phone else 1000},
            is_mobile=is_phone,
            has_touch=is_phone,
            **options,
        )
        context.set_default_timeout(30_000)
        opened.append(context)
        visitor = Visitor(context.new_page(), demo.url).watch()
        return visitor.sign_in(demo.accounts[who]) if who else visitor

    yield begin
    for context in opened:
        context.close()


@pytest.fixture
def visit(demo: Demo, chromium: Browser) -> Iterator[Open]:
    """Open a browser of somebody's own: ``visit("curator", width=390, color_scheme="dark")``."""
    yield from _opening(demo, chromium)


@pytest.fixture(scope="session")
def stay(demo: Demo, chromium: Browser) -> Iterator[Open]:
    """Like `visit`, for browsers that several tests use."""
    yield from _opening(demo, chromium)


BRIGHT = """canvas => {
  const small = document.createElement("canvas");
  small.width = small.height = 64;
  const brush = small.getContext("2d", { willReadFrequently: true });
  brush.drawImage(canvas, 0, 0, 64, 64);
  const values = brush.getImageData(0, 0, 64, 64).data;
  let bright = 0;
  for (let at = 0; at < values.length; at += 4) if (values[at] + values[at + 1] + values[at + 2] > 90) bright += 1;
  return bright;
}"""
SUM = """canvas => {
  const values = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let sum = 0;
  for (let at = 0; at < values.length; at += 1) sum = (sum * 31 + values[at]) % 1000003;
  return sum;
}"""


def drawn(page: Page, selector: str = ".viewer-canvas", timeout_s: float = 15.0) -> int:
    """Wait until a canvas shows something and return how many of 4,096 samples of it are not dark."""
    began = time.monotonic()
    while True:
        found = page.query_selector(selector)
        bright = int(found.evaluate(BRIGHT)) if found else 0
        if bright > 100 or time.monotonic() - began > timeout_s:
            return bright
        page.wait_for_timeout(100)


def changed(page: Page, before: int, selector: str = ".viewer-canvas", timeout_s: float = 8.0) -> int:
    """Wait until a canvas shows something else than before and return the sum of its values."""
    began = time.monotonic()
    while True:
        now = int(page.eval_on_selector(selector, SUM))
        if now != before:
            return now
        assert time.monotonic() - began < timeout_s, "the picture stays the same"
        page.wait_for_timeout(50)


def picture(page: Page, selector: str = ".viewer-canvas") -> int:
    """Return the sum of a canvas' values."""
    return int(page.eval_on_selector(selector, SUM))
