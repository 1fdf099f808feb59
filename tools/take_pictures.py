"""Take the pictures of the guides from a running demo: ``python tools/take_pictures.py demo/demo.json``.

Each picture is the demo as one of its people sees it, 1440 pixels wide, cropped to what the guide speaks of, with a palette. Names
of pictures on the command line take only these. Chromium must be installed; the packages are those of the extra ``dev``.
"""

import io
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
WIDTH, MOST_BYTES = 1440, 200_000


@dataclass(frozen=True)
class Picture:
    """What is taken: a name, who looks at which address, and how much of the page from its top.

    Attributes
    ----------
    who : str
        Account of the demo; empty: a visitor. An address that begins with ``link:`` is one of the demo's links.
    follow : str
        Selector of a link that leads on from the address.
    """

    name: str
    who: str
    address: str
    height: int
    follow: str = ""


PICTURES = (
    Picture("home", "", "/", 1010),
    Picture("history", "", "/collections/DEMO-TRIAL", 1010),
    Picture("versions", "", "/collections/DEMO-TRIAL/versions", 1060),
    Picture("figures", "", "/figures", 900),
    Picture("apply", "visitor", "/access", 620),
    Picture("application-form", "researcher", "/access/requests/1", 900),
    Picture("proposal", "submitter", "/proposals/1", 1000),
    Picture("delivery", "coordinator", "/submissions/6/delivery", 1000),
    Picture("upload-link", "", "link:upload", 900),
    Picture("queue", "curator", "/reviews?collection=DEMO-TRIAL", 620),
    Picture("checklist", "curator", "/reviews/checklists/DEMO-TRIAL", 1000),
    Picture("second-reader", "reader", "/reviews", 900, follow="a:has-text('Begin')"),
    Picture("values", "curator", "/admin/collections/DEMO-TRIAL/values", 900),
    Picture("schedule", "owner", "/releases/DEMO-TRIAL", 1000),
    Picture("embargo", "owner", "/releases/DEMO-TRIAL/schedule", 1500),
    Picture("applications", "owner", "/access/collections/DEMO-TRIAL-CLINICAL", 760),
    Picture("vote", "committee", "/access/requests/3", 900),
    Picture("official", "", "link:official", 900),
    Picture("editor", "editor", "/releases/DEMO-TRIAL/editor", 620),
    Picture("admin", "admin", "/admin", 770),
    Picture("outbox", "admin", "/admin/outbox", 560),
    Picture("helpdesk", "curator", "/desk/helpdesk", 560),
)


def main(told: dict[str, Any], names: list[str]) -> None:
    """Take all pictures, or those of some names."""
    with sync_playwright() as playing:
        browser = playing.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for picture in PICTURES:
            if not names or picture.name in names:
                content = take(browser, told, picture)
                (FOLDER / f"{picture.name}.png").write_bytes(content)
                sys.stdout.write(f"{picture.name}: {len(content):,} bytes\n")
        browser.close()


def take(browser: Browser, told: dict[str, Any], picture: Picture) -> bytes:
    """Take one picture in a browser of its own; raises SystemExit where the page is not what it should be."""
    context = browser.new_context(viewport={"width": WIDTH, "height": picture.height}, color_scheme="light")
    page = context.new_page()
    if picture.who:
        sign_in(page, told["http"], told["accounts"][picture.who])
    is_link = picture.address.startswith("link:")
    address = told["links"][picture.address[5:]] if is_link else told["http"] + picture.address
    answer = page.goto(address, wait_until="networkidle")
    if answer is None or answer.status != 200:
        raise SystemExit(f"{picture.name}: {picture.address} was not shown.")
    if picture.follow:
        with page.expect_navigation():
            page.click(f"main {picture.follow}")
        page.wait_for_load_state("networkidle")
    page.wait_for_timeout(300)
    shown = page.screenshot(clip={"x": 0, "y": 0, "width": WIDTH, "height": picture.height})
    context.close()
    return with_palette(shown)


def sign_in(page: Page, url: str, account: dict[str, str]) -> None:
    """Sign in as one of the people of the demo."""
    page.goto(url + "/sign-in")
    page.fill("main input[name=name]", account["name"])
    page.fill("main input[name=password]", account["password"])
    with page.expect_navigation():
        page.click("main button[type=submit]")


def with_palette(shown: bytes) -> bytes:
    """Reduce a picture to 128 colours, or fewer if it would be too large."""
    image = Image.open(io.BytesIO(shown)).convert("RGB")
    for colours in (128, 64, 32):
        out = io.BytesIO()
        image.quantize(colours, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
        if out.tell() < MOST_BYTES:
            break
    return out.getvalue()


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()), sys.argv[2:])
