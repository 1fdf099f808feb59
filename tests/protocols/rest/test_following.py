"""The feed of changes over REST."""

import pytest
from tests import factories
from tests.protocols.conftest import Asking

from invivo.protocols.rest import desk_routes, routes


@pytest.fixture
def api(archive):
    lung = factories.make_collection(archive)
    factories.publish(archive, lung, factories.make_series(1))
    factories.publish(
        archive, factories.make_collection(archive, "HIDDEN-1", access="private"), factories.make_series(1)
    )
    return Asking(archive, [*desk_routes, *routes])


def test_the_feed_is_read_on_from_where_one_stopped(api):
    first = api.get("/api/changes?limit=1").json()
    second = api.get(f"/api/changes?limit=1&after={first['after']}").json()
    rest = api.get(f"/api/changes?after={second['after']}").json()
    assert [one["kind"] for part in (first, second) for one in part["changes"]] == ["created", "released"]
    assert (rest["changes"], rest["after"], rest["is_more"]) == ([], second["after"], False)
    assert first["is_more"]


def test_nothing_of_what_is_hidden_is_told(api, archive):
    assert "HIDDEN-1" not in api.get("/api/changes").text
    assert api.get("/api/changes?collection=HIDDEN-1").status_code == 404
    assert api.get("/api/changes?collection=NONE-1").status_code == 404


@pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=0", "limit=1001", "collection=" + "x" * 65, "since=1"])
def test_a_malformed_question_is_a_problem(api, query):
    answer = api.get(f"/api/changes?{query}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_answer_that_is_known_is_not_sent_again_until_something_changes(api, archive):
    answer = api.get("/api/changes")
    assert "no-cache" in answer.headers["cache-control"]
    known = {"If-None-Match": answer.headers["etag"]}
    assert api.get("/api/changes", headers=known).status_code == 304
    with archive.database.transaction() as tx:
        tx.execute(
            "update collections.collection set access = 'embargoed', embargo_until = current_date + 9 where short_name = 'LUNG-1'"
        )
    again = api.get("/api/changes", headers=known)
    assert again.status_code == 200
    assert [one["kind"] for one in again.json()["changes"]] == ["policy"]  # under the embargo, no word of the release
