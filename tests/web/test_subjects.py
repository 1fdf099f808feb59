"""The page of a subject."""

from datetime import date
from types import SimpleNamespace
from typing import Any

from tests.web import visitor
from tests.web.visitor import Site

from invivo.web import subjects
from invivo.web.images import subject_address

site = visitor.site


def series(study: str, day: date | None) -> Any:
    return SimpleNamespace(
        study_uid=study,
        uid="1.2",
        study_date=day,
        cover_uid=None,
        modality="CT",
        size_bytes=1,
        instance_count=1,
        frame_count=1,
        study_description=None,
    )


def test_studies_are_counted_in_days_from_the_first_and_without_a_date_have_none() -> None:
    visits = subjects.visits_of(
        [series("1", date(2020, 1, 2)), series("2", date(2020, 1, 11)), series("3", None)], frozenset()
    )
    assert [visit.day for visit in visits] == [0, 9, None]


def test_the_page_shows_the_studies_of_the_subject_and_no_other(site: Site) -> None:
    ct, mr = site.series["CT"], site.series["MR"]
    page = site.get(subject_address("OPEN-1", ct.subject), subjects.routes)
    assert page.status_code == 200
    assert {ct.study_uid, mr.study_uid} <= {
        one for one in (ct.study_uid, mr.study_uid) if f"/studies/{one}" in page.text
    }
    assert site.series["SR"].study_uid not in page.text


def test_a_label_may_hold_any_character_in_its_address() -> None:
    assert subject_address("A", "x/y ?#") == "/collections/A/subjects/x%2Fy%20%3F%23"


def test_an_unknown_subject_is_not_there(site: Site) -> None:
    assert site.get("/collections/OPEN-1/subjects/nobody", subjects.routes).status_code == 404
    assert site.get("/collections/OPEN-1/subjects/%00", subjects.routes).status_code == 404
    assert (
        site.get(f"/collections/PRIVATE-1/subjects/{site.series['PRIVATE'].subject}", subjects.routes).status_code
        == 404
    )
