"""Programs have masks applied by the desk's REST, within the same limits as people."""

import pytest
from tests import factories
from tests.protocols.conftest import Asking

from invivo import reviews, submissions
from invivo.protocols.rest import desk_routes


@pytest.fixture
def desk(archive):
    return Asking(archive, desk_routes)


@pytest.fixture
def item(archive):
    submission = factories.make_submission(archive, factories.make_collection(archive))
    factories.deliver(archive, submission, factories.make_series(2))
    factories.advance_all(archive)
    return reviews.queue(archive, factories.SYSTEM).items[0]


def test_masks_are_applied_by_rest(desk, archive, item):
    url, asked = f"/api/desk/reviews/{item.id}/masks", {"rectangles": [[1, 2, 3, 4]]}
    answer = desk.request("POST", url, json=asked, actor=factories.SYSTEM)
    assert (answer.status_code, answer.json()) == (202, {"objects": 2})
    submissions.apply_masks(archive, item.series_id)
    assert [one.done for one in submissions.masks_of(archive, item)] == [2]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"rectangles": []},
        {"rectangles": [[1, 2, 3]]},
        {"rectangles": [[-1, 2, 3, 4]]},
        {"rectangles": [[1, 2, 3, 1e300]]},
        {"rectangles": [["nan", 2, 3, 4]]},
        {"rectangles": [[1, 1, 1, 1]] * 10_000},
        {"rectangles": [[1, 2, 3, 4]], "objects": [10**30]},
        {"rectangles": [[1, 2, 3, 4]], "frames": [1]},
    ],
    ids=lambda one: str(one)[:40],
)
def test_masks_that_make_no_sense_are_refused(desk, archive, item, asked):
    url = f"/api/desk/reviews/{item.id}/masks"
    assert desk.request("POST", url, json=asked, actor=factories.SYSTEM).status_code == 400
    assert submissions.masks_of(archive, item) == []


def test_a_visitor_has_no_masks_applied(desk, archive, item):
    asked = {"rectangles": [[1, 2, 3, 4]]}
    assert desk.request("POST", f"/api/desk/reviews/{item.id}/masks", json=asked).status_code in (401, 404)
    assert submissions.masks_of(archive, item) == []
