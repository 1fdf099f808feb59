"""Our REST, public and of the desk."""

import pytest
from tests import factories
from tests.protocols.conftest import Asking

from invivo import accounts, releases, search, submissions
from invivo.protocols.rest import desk_routes, routes


@pytest.fixture
def api(released):
    return Asking(released.archive, routes)


@pytest.fixture
def desk(archive):
    return Asking(archive, [*desk_routes, *routes])


def test_collections_are_listed_with_their_policy(api):
    answer = api.get("/api/collections")
    assert {(one["short_name"], one["access"]) for one in answer.json()} >= {
        ("OPEN-1", "open"),
        ("CLOSED-1", "registered"),
    }


def test_a_collection_has_totals_and_releases(api):
    one = api.get("/api/collections/open-1").json()
    assert one["short_name"] == "OPEN-1"
    assert one["totals"]["series"] >= 9
    assert [release["number"] for release in one["releases"]][-1] == 1
    assert api.get("/api/collections/OPEN-1/releases").json() == one["releases"]


def test_a_search_has_the_names_of_the_search_page(api, released):
    answer = api.get("/api/search?modality=CT&collection=OPEN-1&slice-thickness=4..6")
    body = answer.json()
    assert body["total"] == len(body["rows"])
    assert released.series["SLICES"].series_uid in [row["series_uid"] for row in body["rows"]]
    assert "key" not in body["rows"][0]


@pytest.mark.parametrize("level", search.LEVELS)
def test_a_search_is_paged_at_every_level(api, level):
    whole = api.get(f"/api/search?level={level}&limit=1000").json()
    seen, after = [], 0
    while after is not None:
        page = api.get(f"/api/search?level={level}&limit=3&after={after}").json()
        seen += page["rows"]
        after = page["after"]
    assert seen == whole["rows"]
    assert page["total"] == whole["total"] == len(seen)


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("/api/search?modallity=CT", "modallity"),
        ("/api/search?slice-thickness=thin", "slice-thickness"),
        ("/api/search?limit=0", "limit"),
        ("/api/search?level=patient", "level"),
        ("/api/collections?q=x", "q"),
        ("/api/facets?after=1", "after"),
    ],
)
def test_what_cannot_be_asked_is_named_in_a_problem(api, url, named):
    answer = api.get(url)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert named in answer.json()["detail"]
    assert set(answer.json()) >= {"type", "title", "status", "detail", "code"}


def test_facets_count_what_the_search_finds(api):
    counted = {
        one["name"]: {value["value"]: value["series"] for value in one["values"]}
        for one in api.get("/api/facets?collection=OPEN-1").json()
    }
    assert counted["modality"]["CT"] == api.get("/api/search?collection=OPEN-1&modality=CT").json()["total"]


def test_a_series_lists_its_files_with_digests(api, released):
    row = released.series["SLICES"]
    one = api.get(f"/api/series/{row.series_uid}").json()
    assert len(one["files"]) == one["instance_count"] == 5
    assert sum(file["size_bytes"] for file in one["files"]) == one["size_bytes"]
    assert released.archive.objects.holds(one["files"][0]["sha256"])
    assert one["files"][0]["url"].startswith(released.archive.settings.public_url)


def test_files_of_what_you_may_not_have_are_not_listed(api, released):
    one = api.get(f"/api/series/{released.series['REGISTERED'].series_uid}").json()
    assert (one["files"], one["access"]) == ([], "registered")


def test_a_study_and_a_subject_have_their_series(api, released):
    row = released.series["SLICES"]
    study = api.get(f"/api/studies/{row.study_uid}").json()
    assert [one["series_uid"] for one in study["series"]] == [row.series_uid]
    subject = api.get(f"/api/collections/OPEN-1/subjects/{row.subject}").json()
    assert (subject["label"], [one["series_uid"] for one in subject["series"]]) == (row.subject, [row.series_uid])


@pytest.mark.parametrize(
    "path",
    [
        "/series/1.2.3",
        "/studies/1.2.3",
        "/collections/NONE",
        "/collections/OPEN-1/subjects/x",
        "/nothing",
        "/submissions/1",
    ],
)
def test_what_is_not_there_is_a_problem_and_never_a_page(api, path):
    answer = api.get(f"/api{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_visitor_is_anonymous(api):
    assert api.get("/api/me").json()["is_anonymous"] is True
    assert api.get("/api/me", actor=factories.SYSTEM).json()["site_roles"] == ["administrator", "curator"]


def test_the_page_lists_every_operation_and_loads_nothing_from_other_sites(api):
    page = api.get("/api").text
    for prefix, document in (("/api", api.get("/api/openapi.json").json()), ("/api/desk", None)):
        for path in (document or {"paths": {"/reviews": 0}})["paths"]:
            assert f"{prefix}{path}" in page
    assert 'src="http' not in page
    assert 'href="http' not in page


def test_the_document_names_every_field_of_the_search(api):
    parameters = api.get("/api/openapi.json").json()["paths"]["/search"]["get"]["parameters"]
    assert {field.name for field in search.FIELDS} | {"q", "level", "after", "limit", "order", "token"} == {
        one["name"] for one in parameters
    }


def test_a_withdrawn_series_is_gone_and_says_why(desk, archive):
    collection = factories.make_collection(archive)
    factories.publish(archive, collection, factories.make_series(1))
    (row,) = search.find(archive, factories.SYSTEM, search.ALL).rows
    asked = {"collection": "LUNG-1", "reason_class": "quality", "reason": "blurred"}
    url = f"/api/desk/series/{row.series_uid}/withdrawal"
    assert desk.request("POST", url, json=asked).status_code == 401
    assert desk.request("POST", url, json=asked, actor=factories.SYSTEM).json() == {"number": 2}
    answer = desk.get(f"/api/series/{row.series_uid}")
    assert (answer.status_code, answer.json()["code"]) == (410, "series.withdrawn")
    assert "blurred" in answer.json()["detail"]


def test_a_delivery_goes_the_whole_way_by_rest(desk, archive):
    factories.make_collection(archive)
    made = desk.request(
        "POST", "/api/desk/submissions", json={"collection": "LUNG-1", "title": "First"}, actor=factories.SYSTEM
    )
    assert made.status_code == 201
    (opened,) = desk.get("/api/submissions", actor=factories.SYSTEM).json()
    assert opened == made.json()
    factories.deliver(
        archive, submissions.find_submission(archive, factories.SYSTEM, opened["id"]), factories.make_series(2)
    )
    factories.advance_all(archive)
    progress = desk.get(f"/api/desk/submissions/{opened['id']}/progress", actor=factories.SYSTEM).json()
    assert progress["counts"] == {"cleaned": 2}
    assert len(progress["newest"]) == 2
    (item,) = desk.get("/api/desk/reviews?collection=LUNG-1", actor=factories.SYSTEM).json()["items"]
    assert desk.get(f"/api/desk/reviews/{item['id']}", actor=factories.SYSTEM).json()["object_count"] == 2
    url = "/api/desk/collections/LUNG-1"
    refused = desk.request("POST", f"{url}/releases", json={}, actor=factories.SYSTEM)
    assert (refused.status_code, refused.json()["code"]) == (409, "release.not-settled")
    decision = {"items": [item["id"]], "verdict": "approve", "reason": "looked at"}
    assert desk.request("POST", "/api/desk/reviews/decisions", json=decision, actor=factories.SYSTEM).json() == {
        "states": {str(item["id"]): "approved"}
    }
    assert desk.get(f"{url}/preview", actor=factories.SYSTEM).json()["series"][0]["objects"] == 2
    assert desk.request("POST", f"{url}/releases", json={"notes": "x"}, actor=factories.SYSTEM).json() == {"number": 1}
    assert desk.get("/api/search").json()["total"] == 1
    assert (
        desk.request("POST", f"/api/desk/submissions/{opened['id']}/closing", actor=factories.SYSTEM).status_code == 204
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/reviews"),
        ("GET", "/collections/LUNG-1/preview"),
        ("POST", "/collections/LUNG-1/releases"),
        ("POST", "/submissions"),
    ],
)
def test_the_desk_refuses_visitors(desk, archive, method, path):
    factories.make_collection(archive)
    body = {"collection": "LUNG-1", "title": "x"} if path == "/submissions" else {}
    answer = desk.request(method, f"/api/desk{path}", actor=accounts.ANONYMOUS, json=body if method == "POST" else None)
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"items": [], "verdict": "approve"},
        {"items": ["x"], "verdict": "y"},
        {"items": [1], "verdict": "approve", "z": 1},
    ],
)
def test_a_malformed_body_is_refused(desk, body):
    answer = desk.request("POST", "/api/desk/reviews/decisions", json=body, actor=factories.SYSTEM)
    assert (answer.status_code, answer.json()["code"]) == (400, "request.invalid")


def test_a_large_release_is_left_to_the_worker_and_says_how_far_it_is(desk, archive, monkeypatch):
    monkeypatch.setattr("invivo.releases.scheduled.LARGE_SERIES", 1)
    collection = factories.make_collection(archive)
    submission = factories.make_submission(archive, collection)
    factories.deliver(archive, submission, [*factories.make_series(1), *factories.make_series(1)])
    factories.advance_all(archive)
    factories.approve_all(archive)
    url = "/api/desk/collections/LUNG-1"
    left = desk.request("POST", f"{url}/releases", json={"notes": "Two."}, actor=factories.SYSTEM)
    assert left.status_code == 202
    assert left.headers["location"].endswith(f"{url}/asked/{left.json()['id']}")
    assert left.json()["number"] is None
    releases.run_scheduled(archive, left.json()["id"])
    told = desk.get(f"{url}/asked/{left.json()['id']}", actor=factories.SYSTEM).json()
    assert (told["number"], told["series_done"], told["series_total"]) == (1, 2, 2)
    assert desk.get(f"{url}/asked/999", actor=factories.SYSTEM).status_code == 404
    assert desk.get(f"{url}/asked/{left.json()['id']}").status_code in (401, 403)


def test_saved_queries_are_listed_for_their_owner_only(archive):
    factories.make_person(archive, "ada")
    search.save(archive, factories.actor_named(archive, "ada"), "Thin", "modality:CT")
    asking = Asking(archive, routes)
    assert asking.get("/api/searches").json() == []
    own = asking.get("/api/searches", actor=factories.actor_named(archive, "ada")).json()
    assert [(one["name"], one["query"]) for one in own] == [("Thin", "modality:CT")]
