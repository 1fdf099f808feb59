"""What a submitter does: send a folder and a ZIP from the page, watch, come back, and send by DICOM."""

import shutil
import subprocess
import zipfile
from pathlib import Path

import pydicom.data
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Demo, Open

pytestmark = pytest.mark.browser


def sample(name: str) -> Path:
    found = pydicom.data.get_testdata_file(name, download=False)
    assert isinstance(found, str)
    return Path(found)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A delivery of three images of pydicom's, a table, a program of a viewer and a ZIP with a fourth image."""
    made = tmp_path / "delivery"
    made.mkdir()
    for name in ("CT_small.dcm", "MR_small.dcm", "examples_rgb_color.dcm"):
        shutil.copy(sample(name), made / name)
    (made / "subjects.csv").write_text("subject,age\nS1,50\n")
    (made / "viewer.exe").write_bytes(b"MZ nothing")
    with zipfile.ZipFile(made / "more.zip", "w") as packed:
        packed.write(sample("examples_ybr_color.dcm"), "inner/examples_ybr_color.dcm")
    return made


def open_submission(page: Page, url: str, title: str) -> None:
    page.goto(url + "/submissions")
    page.select_option("#f-collection", label=page.locator("#f-collection option", has_text="DEMO-INTAKE").inner_text())
    page.fill("#f-title", title)
    page.click("button:has-text('Open the submission')")
    page.wait_for_url("**/submissions/*")


def test_a_dropped_folder_is_understood_sent_and_every_file_told_and_a_reload_sends_nothing_twice(
    visit: Open, folder: Path
) -> None:
    visitor = visit("submitter")
    page = visitor.page
    open_submission(page, visitor.url, "By the upload page")
    page.click("a:has-text('Upload a folder')")
    page.wait_for_selector(".drop")
    page.set_input_files(".upload input[type=file] >> nth=1", folder)
    found = page.locator(".understood")
    expect(found).to_contain_text("1 zip file")
    expect(found).to_contain_text("1 file left out")
    found.locator("button.primary").click()
    expect(page.locator(".upload-head h2")).to_have_text("5 files arrived")
    states = dict(
        zip(
            page.locator(".upload-row .path").all_inner_texts(),
            page.locator(".upload-row .what").all_inner_texts(),
            strict=True,
        )
    )
    assert {path.rsplit("/", 1)[-1]: state for path, state in states.items()} == {
        "CT_small.dcm": "Held for review",
        "MR_small.dcm": "Held for review",
        "examples_rgb_color.dcm": "Held for review",
        "subjects.csv": "Attached",
        "more.zip": "Held for review",
    }
    page.reload(wait_until="networkidle")
    page.set_input_files(".upload input[type=file] >> nth=1", folder)
    expect(found).to_contain_text("already arrived in an earlier attempt")
    page.click("button:has-text('Cancel')")
    page.goto(page.url.removesuffix("/upload"))
    expect(page.locator(".stepper")).to_contain_text("5 in all")
    assert visitor.complaints == []


@pytest.mark.skipif(shutil.which("storescu") is None, reason="DCMTK is not installed")
def test_what_storescu_sends_appears_for_a_reader_while_looking(visit: Open, demo: Demo) -> None:
    visitor = visit("curator")
    page = visitor.go("/submissions")
    page.click(".row:has-text('DEMO-WARD') .row-title")
    page.wait_for_load_state("networkidle")
    before = page.locator(".stepper .step-note").first.inner_text()
    arrived = int(before.split()[0])
    subprocess.run(
        ["storescu", "-aec", "INVIVO", "127.0.0.1", str(demo.dimse), str(sample("CT_small.dcm"))],
        check=True,
        timeout=60,
    )
    expect(page.locator(".stepper .step-note").first).to_have_text(f"{arrived + 1} in all", timeout=30_000)
    expect(page.locator("#objects .badge").first).to_contain_text("Released", timeout=60_000)
    reader = visit("visitor")
    reader.go("/search?collection=DEMO-WARD&pixel-spacing=0.66..0.67")
    assert reader.page.locator(".row-title").count() == 1
