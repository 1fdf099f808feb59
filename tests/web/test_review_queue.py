"""The queue is narrowed, taken, given and worked off in batches; an item says where it stands and what is next."""

import re

import pytest
from tests.factories import (
    SYSTEM,
    actor_named,
    advance_all,
    deliver,
    make_collection,
    make_image,
    make_person,
    make_series,
    make_submission,
)
from tests.web.desk import Browser

from invivo import reviews
from invivo.archive import Archive


@pytest.fixture
def items(archive: Archive) -> list[int]:
    submission = make_submission(archive, make_collection(archive, review_rule="two-persons"))
    for modality in ("CT", "CT", "MR"):
        deliver(archive, submission, [make_image(Modality=modality)])
    advance_all(archive)
    return [one.id for one in reviews.queue(archive, SYSTEM).items]


@pytest.fixture
def curator(archive: Archive) -> Browser:
    make_person(archive, "cora", "curator")
    make_person(archive, "carl", "curator")
    return Browser(archive).sign_in("cora")


def test_each_facet_leads_to_what_it_counts(items: list[int], curator: Browser) -> None:
    page = curator.get("/reviews?collection=LUNG-1").text
    assert "modality=MR" in page
    assert curator.get("/reviews?collection=LUNG-1&modality=MR").text.count('class="row"') == 1
    assert "Nothing of this kind" in curator.get("/reviews?collection=LUNG-1&who=mine").text
    assert curator.get("/reviews?who=me").status_code == 400
    assert curator.get("/reviews?batch=x").status_code == 400


def test_what_is_taken_is_mine_until_it_is_given(archive: Archive, items: list[int], curator: Browser) -> None:
    curator.post("/reviews/assign", page="/reviews", item=[str(items[0])], to="me")
    assert curator.get("/reviews?who=mine").text.count('class="row"') == 1
    carl = actor_named(archive, "carl").person_id
    curator.post("/reviews/assign", page="/reviews", item=[str(items[0])], to=str(carl))
    assert "With carl" in curator.get("/reviews").text
    answer = curator.post("/reviews/assign", page="/reviews", item=[str(items[0])], to="me")
    assert "It is with carl." in curator.get(answer.headers["location"]).text


def test_an_item_says_where_it_stands_and_one_thing_to_do(archive: Archive, items: list[int], curator: Browser) -> None:
    def stands() -> str:
        found = re.search(r'standing"><b>(.*?)</b> (.*?)[<\n]', curator.get(f"/reviews/{items[0]}").text)
        return f"{found[1]} {found[2]}".strip() if found else ""

    assert stands().startswith("Nobody has decided on it. Look at the pictures")
    reviews.decide(archive, actor_named(archive, "carl"), items[:1], "approve")
    assert stands() == "One person has approved it; two must. Read it yourself, then approve or reject."
    reviews.decide(archive, SYSTEM, items[:1], "defer", "asked")
    assert stands().startswith("It is deferred and blocks no release.")
    reviews.decide(archive, SYSTEM, items[:1], "reject", "no")
    assert stands().startswith("It is rejected; its objects are discarded.")


def test_who_read_first_is_not_told_and_cannot_be_second(archive: Archive, items: list[int], curator: Browser) -> None:
    reviews.decide(archive, actor_named(archive, "carl"), items[:1], "approve")
    assert "carl has approved" not in curator.get(f"/reviews/{items[0]}").text
    reviews.decide(archive, actor_named(archive, "cora"), items[1:2], "approve")
    page = curator.get(f"/reviews/{items[1]}").text
    assert "You have approved it; two persons must." in page
    refused = curator.post(f"/reviews/{items[1]}/decide", page="/reviews", verdict="approve")
    assert refused.status_code == 403


def test_batches_are_made_given_and_taken_apart(archive: Archive, items: list[int], curator: Browser) -> None:
    here = "/reviews/batches"
    assert "Choose the collection first" in curator.get(here).text
    cora = str(actor_named(archive, "cora").person_id)
    curator.post(here, page=f"{here}?collection=LUNG-1", collection="LUNG-1", name="May", size="2", person=[cora])
    page = curator.get(f"{here}?collection=LUNG-1").text
    assert "May 1" in page
    assert "0 of 2 decided" in page
    batch = reviews.batches_of(archive, SYSTEM)[0].id
    assert curator.get(f"/reviews?batch={batch}").text.count('class="row"') == 2
    curator.post(f"{here}/{batch}", page=f"{here}?collection=LUNG-1", to="dissolve")
    assert len(reviews.batches_of(archive, SYSTEM)) == 1


def test_what_was_not_shown_is_not_decided(archive: Archive, items: list[int], curator: Browser) -> None:
    page = curator.get("/reviews/bulk?all=yes").text
    digest = re.search(r'value="clear"><input type="hidden" name="digest" value="(\w+)"', page)
    assert digest
    submission = make_submission(archive, make_collection(archive, "OTHER-1"))
    deliver(archive, submission, make_series(1))
    advance_all(archive)
    answer = curator.post(
        "/reviews/bulk", page="/reviews/bulk?all=yes", group="clear", digest=digest[1], verdict="approve", all="yes"
    )
    assert "Nothing was decided." in curator.get(answer.headers["location"]).text
    assert {one.approved_once_by for one in reviews.queue(archive, SYSTEM).items} == {None}


def test_approvals_are_taken_back_together(archive: Archive, items: list[int], curator: Browser) -> None:
    for name in ("carl", "cora"):
        reviews.decide(archive, actor_named(archive, name), items, "approve")
    address = "/reviews/bulk?all=yes&state=approved"
    page = curator.get(address).text
    digest = re.search(r'value="approved"><input type="hidden" name="digest" value="(\w+)"', page)
    assert digest
    curator.post(
        "/reviews/bulk", page=address, all="yes", state="approved", group="approved", digest=digest[1], verdict="reopen"
    )
    assert [one.state for one in reviews.queue(archive, SYSTEM).items] == ["open"] * 3


def test_a_finding_leads_to_its_tag(archive: Archive, curator: Browser) -> None:
    submission = make_submission(archive, make_collection(archive))
    files = make_series(1)
    deliver(archive, submission, [files[0], files[0][:-2] + b"\x01\x02"])
    advance_all(archive)
    item = reviews.queue(archive, SYSTEM).items[0].id
    found = re.search(
        rf'href="(/reviews/{item}/objects/\d+/tags\?at=SOPInstanceUID)"', curator.get(f"/reviews/{item}").text
    )
    assert found
    assert curator.get(found[1]).status_code == 200
