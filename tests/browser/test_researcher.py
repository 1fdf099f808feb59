"""What a researcher with a question does: ask it, see the answer, keep it, choose, take it home, cite it."""

import csv
import io
import re
import zipfile
from pathlib import Path

import httpx
import pyarrow.parquet
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Demo, Open, Visitor, drawn
from tests.browser.question import COLLECTION, TEXT, Answer, publish_answer
from tests.browser.test_visitor import check_package

pytestmark = pytest.mark.browser

CONDITIONS = (
    ("modality", "is", "CT"),
    ("contrast", "has no value", ""),
    ("slice-thickness", "less than", "1.5mm"),
    ("sex", "is", "F"),
    ("age", "more than", "60"),
    ("segmented", "is", "lung"),
    ("commercial", "is", "yes"),
)


@pytest.fixture(scope="module")
def answer(demo: Demo) -> Answer:
    return publish_answer(demo.home, demo.url)


@pytest.fixture(scope="module")
def researcher(stay: Open, answer: Answer) -> Visitor:
    assert answer.series_uid
    return stay("researcher")


def tab_to(page: Page, selector: str, most: int = 120) -> None:
    """Press Tab until something has the focus."""
    for _ in range(most):
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"Tab never reaches {selector}")


def write_condition(page: Page, field: str, operator: str, value: str) -> None:
    """Fill the condition whose field has the focus, by keys alone."""
    page.keyboard.type(field)
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_attribute("aria-label", "How")
    chosen = page.locator(":focus option:checked")
    while chosen.inner_text() != operator:
        before = chosen.inner_text()
        page.keyboard.press("ArrowDown")
        expect(chosen).not_to_have_text(before)  # stays at the last one if there is no such operator
    if value:
        page.keyboard.press("Tab")
        page.keyboard.type(value)


def saved(visitor: Visitor, words: str) -> bytes:
    """What a choice under *Save as* gives."""
    address = visitor.page.locator("details:has-text('Save as') a", has_text=words).get_attribute("href")
    return httpx.get(f"{visitor.url}{address}").raise_for_status().content


def number_of(page: Page) -> str:
    return page.locator(".results-count strong").inner_text()


def test_the_question_is_built_by_keys_alone_and_read_as_text(visit: Open, answer: Answer) -> None:
    visitor = visit()
    page = visitor.go("/search/build")
    tab_to(page, "[data-tree] input[aria-label='Field or attribute']")
    write_condition(page, *CONDITIONS[0])
    for condition in CONDITIONS[1:]:
        tab_to(page, "[data-tree] .actions button:first-child")
        page.keyboard.press("Enter")
        tab_to(page, "[data-tree] li:last-child input[aria-label='Field or attribute']", 200)
        write_condition(page, *condition)
    tab_to(page, "[data-tree] .actions button:nth-child(2)")
    page.keyboard.press("Enter")
    tab_to(page, "[data-tree] input[aria-label='Words anywhere']", 200)
    page.keyboard.type("chest")
    expect(page.locator("[data-told]")).to_have_text("1 series of 1 subject")
    expect(page.locator("#b-q")).to_have_value(re.compile("chest"))
    assert set(page.input_value("#b-q").split()) == set(TEXT.replace("age>60", "age>60y").split())
    tab_to(page, ".builder-text button")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert number_of(page) == "1 series"
    assert page.locator(".row-title").get_attribute("href") == f"/series/{answer.series_uid}"
    assert visitor.complaints == []


def test_the_text_fills_the_boxes_and_a_changed_box_changes_the_text(visit: Open, answer: Answer) -> None:
    page = visit().go("/search/build")
    page.fill("#b-q", TEXT)
    rows = page.locator("[data-tree] [data-node]")
    expect(rows).to_have_count(8)
    expect(page.locator("[data-told]")).to_have_text("1 series of 1 subject")
    age = rows.filter(has=page.locator("input[value=age]"))
    age.locator("select").select_option("<")
    expect(page.locator("#b-q")).to_have_value(re.compile("age<60"))
    expect(page.locator("[data-told]")).to_have_text("1 series of 1 subject")
    age.locator("input[aria-label=value]").fill("old")
    expect(age.locator(".builder-fault")).to_be_visible()
    assert answer.subject


def test_the_answer_is_the_same_at_every_level_and_its_picture_is_seen(visit: Open, answer: Answer) -> None:
    visitor = visit()
    page = visitor.go(f"/search?q={TEXT.replace('<', '%3C').replace('>', '%3E')}")
    assert number_of(page) == "1 series"
    assert (
        page.locator(".row .thumb img").evaluate("async (img) => { await img.decode(); return img.naturalWidth }") > 0
    )
    groups = page.locator("nav[aria-label='Group by'] a")
    for word, told in (("subject", "1 subject"), ("stud", "1 study"), ("collection", "1 collection")):
        groups.filter(has_text=re.compile(word, re.IGNORECASE)).click()
        expect(page.locator(".results-count strong")).to_have_text(told)
        assert page.locator(".rows > .row").count() == 1
    groups.filter(has_text="Series").click()
    expect(page.locator(".results-count strong")).to_have_text("1 series")
    page.click(".row-title")
    assert drawn(page) > 400
    page.click("#references .row-title")
    expect(page.locator(".segment-table")).to_contain_text("Lung")
    assert visitor.complaints == []


def test_the_answer_goes_into_a_named_cart_and_home_as_a_bag_that_verifies_and_cites(
    researcher: Visitor, answer: Answer, tmp_path: Path
) -> None:
    page = researcher.go("/cart")
    page.fill("#other-name", "Thin lungs")
    page.click("button:has-text('Make a cart')")
    expect(page.locator("h1")).to_have_text("Thin lungs")
    researcher.go(f"/search?q={TEXT.replace('<', '%3C').replace('>', '%3E')}")
    page.click("button:has-text('Add to cart')")
    expect(page.locator("[data-cart-count]")).to_have_text("1")
    researcher.go("/cart")
    expect(page.locator("h1")).to_have_text("Thin lungs")
    expect(page.locator("main")).to_contain_text("commercial use allowed")
    page.click(".page-head-actions a:has-text('Download')")
    citation = page.locator(".cite code, .cite input").first
    words = citation.input_value() if citation.evaluate("(one) => one.tagName") == "INPUT" else citation.inner_text()
    with page.expect_download() as coming:
        page.click("main .button.primary:has-text('Download')")
    coming.value.save_as(tmp_path / "lungs.zip")
    assert check_package(tmp_path / "lungs.zip") == 4
    with zipfile.ZipFile(tmp_path / "lungs.zip") as bag:
        texts = [bag.read(name).decode() for name in bag.namelist() if name.endswith((".txt", ".bib", ".md"))]
    assert f"Title of {COLLECTION}" in words
    assert any(words in text for text in texts)
    assert answer.series_uid


def test_a_query_is_saved_shared_by_link_followed_and_forgotten(researcher: Visitor, visit: Open) -> None:
    page = researcher.go(f"/search?collection={COLLECTION}&modality=SEG")
    page.click("summary:has-text('Save query')")
    page.fill("#s-name", "Lungs drawn")
    page.check("input[name=follow]")
    page.click(".menu-form button:has-text('Save')")
    expect(page.locator("body")).to_contain_text("Saved as Lungs drawn")
    researcher.go("/searches")
    kept = page.locator("li.panel", has_text="Lungs drawn")
    expect(kept).to_contain_text("3 series now")
    kept.locator("button:has-text('Tell me no more')").click()
    expect(kept.locator("button:has-text('Tell me of new matches')")).to_be_visible()
    kept.locator("button:has-text('Share by link')").click()
    expect(kept.locator(".badge", has_text="Shared")).to_be_visible()
    link = re.search(r"/searches/[\w-]+", kept.locator(".copyline").inner_html())
    assert link is not None
    visitor = visit()
    visitor.go(link.group())
    assert number_of(visitor.page) == "3 series"
    kept.locator("button:has-text('Remove')").click()
    expect(page.locator("li.panel", has_text="Lungs drawn")).to_have_count(0)
    answer = httpx.get(visitor.url + link.group())
    assert answer.status_code == 404


def test_carts_are_copied_renamed_compared_and_merged(researcher: Visitor, answer: Answer) -> None:
    page = researcher.go("/cart")
    page.fill("#other-name", "First")
    page.click("button:has-text('Make a cart')")
    expect(page.locator("h1")).to_have_text("First")
    researcher.go(f"/search?collection={COLLECTION}&modality=CT")
    page.check(".row:nth-child(1) input[name=series]")
    page.click("button:has-text('Add ticked')")
    expect(page.locator("[data-cart-count]")).to_have_text("1")
    researcher.go("/cart")
    page.fill("#copy-name", "Second")
    page.click("button:has-text('Make a copy')")
    expect(page.locator("h1")).to_have_text("Second")
    page.fill("#new-name", "Two of them")
    page.click("button:has-text('Rename')")
    expect(page.locator("h1")).to_have_text("Two of them")
    researcher.go(f"/search?collection={COLLECTION}&modality=CT")
    page.check(".row:nth-child(2) input[name=series]")
    page.click("button:has-text('Add ticked')")
    expect(page.locator("[data-cart-count]")).to_have_text("2")
    researcher.go("/cart")
    expect(page.locator("h1")).to_have_text("Two of them")
    page.select_option("#compare-other", label="First, 1 series")
    page.click("button:has-text('Compare')")
    told = [one.inner_text() for one in page.locator("main section .figures .figure:first-child dd").all()]
    assert told == ["1", "0", "1"]
    page.click("a:has-text('Open First')")
    expect(page.locator("h1")).to_have_text("First")
    page.select_option("#merge-other", label="Two of them, 2 series")
    page.click("form[aria-label='Add another cart to this one'] button")
    expect(page.locator("main .figures")).to_contain_text(re.compile(r"series\s*2\b"))
    assert answer.subject
    assert researcher.complaints == []


def test_a_visitor_opens_a_shared_cart_by_its_link_until_it_is_taken_back(researcher: Visitor, visit: Open) -> None:
    page = researcher.go("/cart")
    name = page.locator("h1").inner_text()
    page.click("button:has-text('Make a link')")
    link = re.search(r"/cart/shared/[\w-]+", page.locator(".notice .copyline").inner_html())
    assert link is not None
    visitor = visit(width=PHONE)
    visitor.go(link.group())
    expect(visitor.page.locator("h1")).to_have_text(name)
    expect(visitor.page.locator(".row-title").first).to_be_visible()
    assert visitor.page.locator("button:has-text('Empty the cart')").count() == 0
    page.click("button:has-text('Take back')")
    gone = httpx.get(visitor.url + link.group())
    assert gone.status_code in (404, 410)


def test_the_search_box_closes_its_proposals_by_escape_and_goes_up_and_down_by_arrows(
    visit: Open, answer: Answer
) -> None:
    page = visit().go("/search")
    page.focus("#top-q")
    page.keyboard.type("WALK-L", delay=20)
    page.wait_for_selector("#top-q-list li")
    expect(page.locator("#top-q")).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowDown")
    chosen = page.get_attribute("#top-q", "aria-activedescendant")
    expect(page.locator(f"#{chosen}")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    expect(page.locator("#top-q-list")).to_be_hidden()
    expect(page.locator("#top-q")).to_be_focused()
    assert page.input_value("#top-q") == "WALK-L"
    assert answer.subject


def test_columns_are_chosen_and_sorted_and_the_files_say_what_the_table_says(researcher: Visitor) -> None:
    page = researcher.go(f"/search?collection={COLLECTION}&modality=CT&view=table")
    page.click("summary:has-text('Columns')")
    page.check(".column-ticks input[value=slice-thickness]")
    page.click("button:has-text('Show these')")
    head = page.locator(".result-table th", has_text="Slice thickness")
    expect(head).to_be_visible()
    head.locator("a").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    place = [one.strip() for one in page.locator(".result-table th").all_inner_texts()]
    at = next(number for number, one in enumerate(place) if one.startswith("Slice thickness"))
    shown = page.locator(f".result-table tbody td:nth-child({at + 1})").all_inner_texts()
    assert shown == ["1", "1", "5"]
    read = list(csv.DictReader(io.StringIO(saved(researcher, "CSV").decode())))
    assert sorted(float(row["slice_thickness_mm"]) for row in read) == [1, 1, 5]
    table = pyarrow.parquet.read_table(io.BytesIO(saved(researcher, "Parquet")))
    assert sorted(table.column("slice_thickness_mm").to_pylist()) == [1, 1, 5]
    assert table.column("series_uid").to_pylist() == [row["series_uid"] for row in read]
