"""The page on which an owner says who made a collection, and makes its identifiers."""

import pytest
from tests.factories import make_collection, make_person, make_series, publish
from tests.web.desk import Browser

from invivo import collections, releases
from invivo.archive import Archive

BASE = "/admin/collections/LUNG-1/credit"
FORM = {
    "creators": "Lovelace, Ada | 0000-0002-1825-0097 | X | https://ror.org/03yrm5c26\nOrganisation: X Lab",
    "funders": "A Fund | R01 | https://ror.org/03yrm5c26 | https://example.org/R01",
    "related": "IsSupplementTo DOI 10.1000/xyz\n",
    "keywords": "lung, nodule",
    "methods": "As written.",
}


@pytest.fixture
def collection(archive: Archive) -> collections.Collection:
    return make_collection(archive)


@pytest.fixture
def admin(archive: Archive, collection: collections.Collection) -> Browser:
    make_person(archive, "ada", "administrator")
    return Browser(archive).sign_in("ada")


def written(archive: Archive, collection: collections.Collection) -> releases.Credit:
    with archive.database.transaction() as tx:
        return releases.credit_of(tx, collection.id)


def test_what_is_written_is_kept_and_shown_as_it_was_written(
    archive: Archive, collection: collections.Collection, admin: Browser
) -> None:
    assert admin.post(BASE, **FORM).status_code == 303
    credit = written(archive, collection)
    assert credit.creators[0] == releases.Creator(
        "Lovelace, Ada", "0000-0002-1825-0097", "X", "https://ror.org/03yrm5c26"
    )
    assert credit.creators[1] == releases.Creator("X Lab", is_organisation=True)
    assert credit.funders == (releases.Funder("A Fund", "https://ror.org/03yrm5c26", "R01", "https://example.org/R01"),)
    shown = admin.get(BASE).text
    assert "Organisation: X Lab" in shown
    assert "IsSupplementTo DOI 10.1000/xyz" in shown
    assert admin.post(BASE, **FORM).status_code == 303
    assert written(archive, collection) == credit


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("creators", "Lovelace, Ada | 0000-0002-1825-0098"),
        ("creators", " | 0000-0002-1825-0097"),
        ("funders", "A Fund | R01 | not a ror"),
        ("related", "IsSupplementTo"),
        ("related", "IsFriendOf DOI 10.1000/x"),
        ("keywords", "x" * 101),
    ],
)
def test_what_is_wrong_is_said_and_nothing_of_the_form_is_lost(
    archive: Archive, collection: collections.Collection, admin: Browser, field: str, value: str
) -> None:
    answer = admin.post(BASE, **{**FORM, field: value})
    assert answer.status_code == 400
    assert "Nothing was saved" in answer.text
    assert "nodule" in answer.text or field == "keywords"
    assert written(archive, collection) == releases.Credit()


def test_an_identifier_is_made_for_what_is_released(
    archive: Archive, collection: collections.Collection, admin: Browser
) -> None:
    assert "Nothing is released yet" in admin.get(BASE).text
    publish(archive, collection, make_series(1))
    target = "/admin/collections/LUNG-1/identifiers"
    assert admin.post(target, page=BASE, number="1", state="draft").status_code == 303
    assert "/id/" in admin.get(BASE).text
    for number, state in (("7", "draft"), ("x", "draft"), ("1", "gone")):
        assert admin.post(target, page=BASE, number=number, state=state).status_code in (403, 404)


def test_a_curator_looks_and_does_not_write(archive: Archive, collection: collections.Collection) -> None:
    make_person(archive, "cora", "curator")
    cora = Browser(archive).sign_in("cora")
    assert "Save the credit" not in cora.get(BASE).text
    assert cora.post(BASE, **FORM).status_code == 403
    assert Browser(archive).get(BASE).status_code in (303, 401, 403, 404)
