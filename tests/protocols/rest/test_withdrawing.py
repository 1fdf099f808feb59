"""Withdrawing by REST: what would go is said first, and all that is named goes, or nothing."""

from typing import Any

import pytest
from tests.factories import SYSTEM, make_collection, make_series, publish
from tests.protocols.conftest import Asking

from invivo import images, releases, search
from invivo.archive import Archive
from invivo.protocols.rest import desk_routes

URL = "/api/desk/collections/LUNG-1/withdrawal"
WHY = {"reason_class": "consent", "reason": "They withdrew."}


@pytest.fixture
def desk(archive: Archive) -> Asking:
    return Asking(archive, desk_routes)


@pytest.fixture
def rows(archive: Archive) -> list[Any]:
    collection = make_collection(archive)
    publish(archive, collection, make_series(2, patient="A"))
    publish(archive, collection, make_series(1, patient="B"))
    return sorted(search.find(archive, SYSTEM, search.ALL).rows, key=lambda one: one.instance_count)


def test_a_subject_is_withdrawn_with_all_its_series_after_a_look(desk: Any, archive: Archive, rows: list[Any]) -> None:
    one = images.find_series(archive, SYSTEM, rows[0].series_uid)
    assert desk.get(URL, params={"subject": one.subject}).status_code in (401, 403)
    plan = desk.request("GET", URL, params={"subject": one.subject}, actor=SYSTEM).json()
    assert [(known["uid"], known["is_current"]) for known in plan["series"]] == [(one.uid, True)]
    asked = {**WHY, "subjects": [one.subject], "expected": 1}
    assert desk.request("POST", URL, json=asked, actor=SYSTEM).json() == {"number": 3}
    assert [row.series_uid for row in search.find(archive, SYSTEM, search.ALL).rows] == [rows[1].series_uid]


def test_a_study_is_withdrawn_everywhere(desk: Any, archive: Archive, rows: list[Any]) -> None:
    one = images.find_series(archive, SYSTEM, rows[1].series_uid)
    asked = {**WHY, "studies": [one.study_uid], "scope": "everywhere"}
    assert desk.request("POST", URL, json=asked, actor=SYSTEM).status_code == 201
    with pytest.raises(images.UnknownSeries):
        images.find_series(archive, SYSTEM, one.uid, release=1)


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        ({"subjects": ["NOBODY"]}, 404, "release.withdrawal-unknown"),
        ({}, 400, "release.withdrawal-names"),
        ({"series": [], "scope": "nowhere"}, 400, None),
        ({"expected": 7}, 409, "release.withdrawal-changed"),
    ],
)
def test_what_is_not_as_it_was_named_changes_nothing(
    desk: Any, archive: Archive, rows: list[Any], wrong: dict[str, Any], status: int, code: str | None
) -> None:
    asked = {**WHY, **({"series": [rows[0].series_uid]} if "expected" in wrong else {}), **wrong}
    answer = desk.request("POST", URL, json=asked, actor=SYSTEM)
    assert answer.status_code == status, answer.text
    assert code is None or answer.json()["code"] == code
    assert len(releases.releases_of(archive, SYSTEM, 1)) == 2
