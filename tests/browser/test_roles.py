"""A day of each role, on the collection with a history: what they see, what they do, and that it is done."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESK, PHONE, Demo, Open, Visitor

pytestmark = pytest.mark.browser
TRIAL, CLINICAL = "DEMO-TRIAL", "DEMO-TRIAL-CLINICAL"
LOOKS = [(DESK, "light"), (PHONE, "dark")]


def fits(page: Page) -> bool:
    """Whether nothing makes the page scroll sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def leave_by(page: Page, name: str, within: str = "main") -> None:
    """Press a button of a form that leads to another page."""
    with page.expect_navigation(timeout=30_000):
        page.locator(within).get_by_role("button", name=name).first.click()


def path_of(link: str) -> str:
    return urlsplit(link).path


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_pages_of_every_role_fit_the_screen_and_complain_of_nothing(visit: Open, width: int, scheme: str) -> None:
    pages = {
        "": [f"/collections/{TRIAL}", f"/collections/{TRIAL}/versions", f"/collections/{TRIAL}/use", "/figures"],
        "researcher": ["/access", f"/access/new/{CLINICAL}", "/account/inbox", "/helpdesk"],
        "submitter": ["/proposals", "/proposals/new", "/submissions"],
        "coordinator": ["/submissions", "/submissions/6/delivery"],
        "curator": [f"/reviews?collection={TRIAL}", "/reviews/batches", f"/reviews/checklists/{TRIAL}"],
        "reader": [f"/admin/collections/{TRIAL}/values", f"/admin/collections/{TRIAL}/moves"],
        "owner": [
            f"/releases/{TRIAL}",
            f"/releases/{TRIAL}/schedule",
            f"/releases/{TRIAL}/licences",
            f"/releases/{TRIAL}/trash",
        ],
        "committee": [f"/access/collections/{CLINICAL}", "/proposals"],
        "editor": [f"/releases/{TRIAL}/editor"],
        "admin": [
            "/admin",
            "/admin/assessment",
            "/admin/outbox",
            "/admin/trash",
            "/admin/reports",
            "/about/assessment",
        ],
    }
    for who, addresses in pages.items():
        visitor = visit(who, width, color_scheme=scheme)
        for address in addresses:
            page = visitor.go(address)
            assert page.locator("h1").count() == 1, f"{who} {address}"
            assert fits(page), f"{who} {address} is wider than {width}"
        assert visitor.complaints == [], who


def test_a_visitor_reads_what_changed_and_sees_nothing_that_waits(visit: Open) -> None:
    page = visit().go(f"/collections/{TRIAL}/versions")
    expect(page.locator("main")).to_contain_text("no longer wishes this series to be shared")
    expect(page.locator("main")).not_to_contain_text("with the article")
    page.click("text=Release 2")
    expect(page.locator("main")).to_contain_text("Coordinator")


def test_a_researcher_has_what_was_approved_and_a_visitor_has_not(visit: Open) -> None:
    approved, other = visit("researcher"), visit("visitor")
    page = approved.go("/access")
    expect(page.locator("main")).to_contain_text("Stability of segmentation")
    page = approved.go(f"/download?collection={CLINICAL}")
    expect(page.get_by_role("link", name=re.compile("ZIP|Download")).first).to_be_visible()
    answer = other.page.request.get(f"{other.url}/collections/{CLINICAL}/package.zip")
    assert answer.status == 403


def test_a_coordinator_sees_their_own_site_and_writes_to_the_curators(visit: Open) -> None:
    visitor = visit("coordinator")
    page = visitor.go("/submissions")
    expect(page.locator("main")).to_contain_text("Everything of South")
    assert page.locator("main .rows > li, main .row").count() <= 1  # the delivery of North is not theirs
    page.click("text=Everything of South")
    page.get_by_role("link", name=re.compile("Delivery")).first.click()
    expect(page.locator("main")).to_contain_text("of 6")
    page.fill("textarea[name=text]", "It leaves tomorrow.")
    leave_by(page, "Send")
    expect(page.locator("main")).to_contain_text("It leaves tomorrow.")
    assert visitor.complaints == []


def _first_waiting(visitor: Visitor, who: str) -> Page:
    page = visitor.go(f"/reviews?collection={TRIAL}&state=open&who={who}")
    page.locator(".row-title").first.click()
    page.wait_for_load_state("networkidle")
    return page


def test_a_second_reader_agrees_and_the_first_could_not(visit: Open) -> None:
    first, second = visit("curator"), visit("reader")
    page = _first_waiting(second, "second")
    item = page.url.split("?")[0].rpartition("/")[2]
    mine = first.go(f"/reviews/{item}")
    expect(mine.locator("main")).to_contain_text("second")
    second.page.wait_for_selector("html[data-live]", state="attached")
    page.keyboard.press("a")
    if page.locator("dialog[open]").count():
        page.keyboard.press("1")
    expect(page.locator(".notice.tone-good, .toast")).to_contain_text("Approved")
    expect(first.go(f"/reviews/{item}").locator("main")).to_contain_text("Approved")


def test_a_curator_records_a_step_and_a_release_waits_for_the_others(visit: Open) -> None:
    curator = visit("curator")
    page = curator.go(f"/reviews/checklists/{TRIAL}")
    before = page.locator(".notice.tone-warn").first.inner_text()
    page.get_by_text("Record", exact=True).first.click()
    with page.expect_navigation():
        page.locator("details[open]").get_by_role("button", name="Done", exact=True).click()
    expect(page.locator(".toast, .notice")).to_contain_text(["Recorded"])
    assert page.locator(".notice.tone-warn").first.inner_text() != before
    page = curator.go(f"/releases/{TRIAL}")
    expect(page.locator("main")).to_contain_text("checklist")


def test_a_curator_finds_the_building_in_the_scanners_name(visit: Open) -> None:
    curator = visit("curator")
    page = curator.go(f"/admin/collections/{TRIAL}/values")
    page.fill("main input[type=search], main input[name=words]", "wing")
    leave_by(page, "Look")
    expect(page.locator("main table, main .data-table").first).to_contain_text("south wing")
    page.locator("main tbody input[type=checkbox]").first.check()
    leave_by(page, "Clean everywhere")
    expect(page.locator("main")).to_contain_text("What it hits")
    expect(page.get_by_role("button", name="Clean it everywhere")).to_be_visible()


def test_a_committee_member_decides_and_the_applicant_reads_why(visit: Open) -> None:
    member = visit("committee")
    page = member.go(f"/access/collections/{CLINICAL}")
    page.click("text=Second opinion on the lesions")
    page.wait_for_load_state("networkidle")
    page.locator("label", has_text="Decline").first.click()
    page.fill("textarea[name=reason]", "Please say how the copies are kept.")
    leave_by(page, "Vote")
    applicant = visit("coordinator")
    told = applicant.go("/access")
    told.click("text=Second opinion on the lesions")
    expect(told.locator("main")).to_contain_text("Please say how the copies are kept.")
    assert member.complaints == applicant.complaints == []


def test_a_signing_official_confirms_without_an_account(visit: Open, demo: Demo) -> None:
    visitor = visit()
    page = visitor.go(path_of(demo.links["official"]))
    expect(page.locator("main")).to_contain_text("Teaching set of FLAIR lesions")
    leave_by(page, "Confirm")
    expect(visit("committee").go(f"/access/collections/{CLINICAL}").locator("main")).to_contain_text("Teaching set")
    assert visitor.complaints == []


def test_a_reviewer_by_link_reads_everything_but_who_made_it(visit: Open, demo: Demo) -> None:
    visitor = visit()
    page = visitor.go(path_of(demo.links["reviewer"]))
    expect(page.locator("main")).to_contain_text("clinical part")
    page = visitor.go(f"/collections/{CLINICAL}")
    expect(page.locator("main")).not_to_contain_text("trial@example.org")
    expect(page.locator("header.top")).to_contain_text("Sign in")


def test_an_editor_sees_one_button_and_what_it_waits_for(visit: Open, demo: Demo) -> None:
    page = visit().go(path_of(demo.links["editor"]))
    expect(page.get_by_role("button", name="Release the data now")).to_be_visible()
    assert page.locator("main form").count() == 1


def test_an_owner_moves_a_scheduled_release_and_marks_quality(visit: Open) -> None:
    owner = visit("owner")
    page = owner.go(f"/releases/{TRIAL}/schedule")
    page.fill("form[aria-label=Schedule] textarea[name=notes]", "With the article, a little later.")
    leave_by(page, "Change it", "form[aria-label=Schedule]")
    expect(page.locator("main")).to_contain_text("a little later")
    page = owner.go(f"/search?collection={TRIAL}")
    page.locator(".row-title").first.click()
    page.wait_for_load_state("networkidle")
    page.get_by_role("link", name="Mark its quality").click()
    page.wait_for_load_state("networkidle")
    expect(page.locator("h1")).to_be_visible()
    assert owner.complaints == []


def test_an_administrator_speaks_for_the_archive(visit: Open) -> None:
    admin = visit("admin")
    page = admin.go("/admin/assessment")
    page.locator("summary", has_text="Retention policy").click()
    page.locator("#nih-retention textarea").fill("Ten years after the last release.")
    leave_by(page, "Save", "#nih-retention")
    expect(visit().go("/about/assessment").locator("#nih-retention")).to_contain_text(
        "Ten years after the last release."
    )
    assert admin.complaints == []
