"""What a curator does: decide by keys, the rest in bulk, publish, withdraw; and what a visitor sees of it."""

import io
import re

import httpx
import pydicom
import pydicom.data
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Demo, Open, drawn

pytestmark = pytest.mark.browser


def left(page: Page) -> int:
    return int((page.locator(".ways .badge").inner_text()).split()[0].replace(",", ""))


def test_a_series_is_settled_by_keys_published_and_seen_and_withdrawn_again(visit: Open) -> None:
    curator = visit("curator")
    page = curator.go("/reviews?collection=DEMO-INTAKE")
    curator.press("b")
    page.wait_for_selector("[data-review]")
    page.wait_for_load_state("networkidle")
    while page.locator(".viewer.is-live").count() == 0:
        curator.press("n")
        page.wait_for_load_state("networkidle")
    assert drawn(page) > 100
    subject = page.locator("h1").inner_text().rpartition(" ")[2]
    waiting = left(page)
    page.wait_for_selector("html[data-live]", state="attached")
    page.keyboard.press("a")
    if page.locator("dialog[open]").count():
        page.keyboard.press("1")
    expect(page.locator(".notice.tone-good")).to_contain_text("Approved")
    page.wait_for_load_state("networkidle")
    assert left(page) == waiting - 1
    assert subject not in page.locator("h1").inner_text()
    settle_the_rest(page, curator.url)
    release = publish(page, curator.url)
    visitor = visit()
    visitor.go(f"/search?collection=DEMO-INTAKE&subject={subject}")
    assert visitor.page.locator(".row-title").count() == 1
    visitor.go("/collections/DEMO-INTAKE/versions")
    assert f"Release {release}" in visitor.page.locator(".releases h2").first.inner_text()
    visitor.go(f"/search?collection=DEMO-INTAKE&subject={subject}")
    visitor.page.click(".row-title")
    uid = visitor.page.url.rsplit("/", 1)[-1]
    withdraw(page, curator.url, uid)
    visitor.page.reload()
    expect(visitor.page.locator("main")).to_contain_text("A face is recognisable.")
    assert curator.complaints == []


def settle_the_rest(page: Page, url: str) -> None:
    page.goto(url + "/reviews?collection=DEMO-INTAKE&state=open", wait_until="networkidle")
    page.check("[data-pick-all] input")
    page.click(".pick-bar button:not([name])")
    form = page.locator("form[aria-label='Defer or reject']")
    form.locator("input[name=reason]").fill("The submitter is asked.")
    form.locator("button[value=defer]").click()
    expect(page.locator("main")).to_contain_text("Nothing waits in DEMO-INTAKE")


def publish(page: Page, url: str) -> int:
    page.goto(url + "/releases/DEMO-INTAKE")
    page.fill("#f-notes", "One more picture.")
    page.click("button:has-text('Publish release')")
    page.wait_for_url(re.compile("/done/"))
    return int(page.url.rsplit("/", 1)[-1])


def withdraw(page: Page, url: str, uid: str) -> None:
    page.goto(f"{url}/releases/DEMO-INTAKE/withdraw")
    page.fill("main textarea[name=series]", uid)
    page.click("form[aria-label='What to withdraw'] button[type=submit]")
    page.locator("main input[type=radio]").first.check()
    page.fill("#f-reason", "A face is recognisable.")
    page.fill("#f-confirm", "DEMO-INTAKE")
    page.locator("main form[method=post] button.danger").click()
    page.wait_for_url("**/tombstones/*")


def deliver(demo: Demo, image: pydicom.Dataset) -> int:
    """Send an image by STOW-RS into the third submission and return the status."""
    written = io.BytesIO()
    image.save_as(written, enforce_file_format=True)
    body = b"--end\r\nContent-Type: application/dicom\r\n\r\n" + written.getvalue() + b"\r\n--end--\r\n"
    answer = httpx.post(
        demo.url + "/dicom-web/submissions/3/studies",
        content=body,
        headers={
            "Content-Type": 'multipart/related; type="application/dicom"; boundary=end',
            "Authorization": "Bearer " + demo.accounts["submitter"]["token"],
            "Accept": "application/dicom+json",
        },
    )
    return answer.status_code


def test_two_objects_with_one_uid_are_settled_by_discarding_the_second(visit: Open, demo: Demo) -> None:
    path = pydicom.data.get_testdata_file("MR_small.dcm", download=False)
    assert isinstance(path, str)
    image = pydicom.dcmread(path)
    image.PatientID = "conflict"
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.UID("2.25.771")
    image.SeriesInstanceUID, image.StudyInstanceUID = "2.25.772", "2.25.773"
    assert deliver(demo, image) == 200
    image.PixelData = bytes(len(image.PixelData))
    assert deliver(demo, image) == 202
    curator = visit("curator")
    page = curator.go("/reviews?collection=DEMO-INTAKE")
    row = page.locator(".row", has_text="1 conflict")
    for _ in range(40):
        if row.count():
            break
        page.wait_for_timeout(500)
        page.reload()
    row.locator(".row-title").click()
    expect(page.locator(".verdicts .primary")).to_be_disabled()
    page.click("button:has-text('Discard 1 object')")
    expect(page.locator(".settle")).to_have_count(0)
    expect(page.locator(".verdicts .primary")).to_be_enabled()
    page.wait_for_selector("html[data-live]", state="attached")
    page.keyboard.press("a")
    if page.locator("dialog[open]").count():  # the page was drawn before the checks had run again
        page.keyboard.press("1")
    expect(page.locator(".notice.tone-good, .empty")).to_contain_text(re.compile("Approved|Nothing waits"))
    assert curator.complaints == []
