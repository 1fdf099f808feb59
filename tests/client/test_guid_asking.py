"""The door of GUIDs, asked as programs do: JSON in and out, errors as problem details, nothing for strangers."""

import pytest

from invivo import accounts, collections, subjects
from invivo.archive import Archive
from invivo.protocols.rest import desk_routes
from tests.factories import SYSTEM, actor_named, make_collection, make_person
from tests.protocols.conftest import Asking

CODES = {name: (name.encode().hex() + "0" * 64)[:64] for name in ("full", "names", "family", "given", "date")}


@pytest.fixture
def api(archive: Archive) -> Asking:
    return Asking(archive, desk_routes)


@pytest.fixture
def sam(archive: Archive) -> accounts.Actor:
    make_person(archive, "sam")
    made = make_collection(archive)
    collections.add_member(archive, SYSTEM, made.id, actor_named(archive, "sam").person_id or 0, "submitter")
    return actor_named(archive, "sam")


def test_rows_are_answered_with_their_numbers(api: Asking, sam: accounts.Actor) -> None:
    answer = api.request("POST", "/api/guids", actor=sam, json=[{"row": 7, "codes": CODES}, {"row": 9, "codes": CODES}])
    assert answer.status_code == 200
    first, second = answer.json()
    assert (first["row"], first["kind"], second["row"], second["kind"]) == (7, "new", 9, "existing")
    assert first["guid"] == second["guid"]


def test_the_parameters_are_enough_to_make_codes(api: Asking, sam: accounts.Actor) -> None:
    told = api.request("GET", "/api/guids/parameters", actor=sam).json()
    assert (told["version"], told["function"], told["hash"]) == (1, "PBKDF2", "SHA-512")
    assert told["iterations"] >= 600_000
    assert len(bytes.fromhex(told["salt"])) == 32


def test_a_pseudo_guid_is_made_promoted_and_resolved(api: Asking, sam: accounts.Actor) -> None:
    made = api.request("POST", "/api/guids/pseudo", actor=sam, json={"count": 2})
    assert made.status_code == 201
    pseudo = made.json()[0]["guid"]
    promoted = api.request("POST", f"/api/guids/{pseudo}/promotion", actor=sam, json={"codes": CODES}).json()
    known = api.request("GET", f"/api/guids/{pseudo}", actor=sam).json()
    assert (known["kind"], known["alias_of"], known["is_waiting"]) == ("pseudo", promoted["guid"], False)
    again = api.request("POST", f"/api/guids/{pseudo}/promotion", actor=sam, json={"codes": CODES})
    assert (again.status_code, again.json()["code"]) == (409, "guid.not-promotable")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/guids/parameters", None),
        ("GET", "/api/guids/INV-7K3M-9QXD-Y", None),
        ("POST", "/api/guids", [{"row": 1, "codes": CODES}]),
        ("POST", "/api/guids/pseudo", {}),
        ("POST", "/api/guids/INV-7K3M-9QXD-Y/promotion", {"codes": CODES}),
    ],
)
def test_strangers_and_mere_readers_get_nothing(
    api: Asking, archive: Archive, method: str, path: str, body: object
) -> None:
    make_person(archive, "reader")
    assert api.request(method, path, json=body).status_code == 401
    assert api.request(method, path, actor=actor_named(archive, "reader"), json=body).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        [{"row": 1}],
        [{"row": -1, "codes": CODES}],
        [{"row": 1, "codes": {}}],
        [{"row": 1, "codes": CODES | {"full": "x"}}],
        [{"row": 1, "codes": CODES | {f"c{n}": "0" * 64 for n in range(20)}}],
        [{"row": 1, "codes": CODES, "family_name": "sent by mistake"}],
        [{"row": 1, "codes": {"full": "0" * 64}}],
    ],
)
def test_malformed_requests_are_refused_without_showing_values(api: Asking, sam: accounts.Actor, body: object) -> None:
    answer = api.request("POST", "/api/guids", actor=sam, json=body)
    assert answer.status_code == 400
    assert "mistake" not in answer.text
    assert CODES["names"] not in answer.text


def test_more_than_fit_into_a_request_are_refused(api: Asking, sam: accounts.Actor) -> None:
    body = [{"row": n, "codes": CODES} for n in range(subjects.AT_ONCE + 1)]
    assert api.request("POST", "/api/guids", actor=sam, json=body).status_code == 400


def test_an_exhausted_quota_says_when_to_come_back(
    api: Asking, sam: accounts.Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("invivo.subjects.guid_quota.BURST", 1)
    answer = api.request("POST", "/api/guids/pseudo", actor=sam, json={"count": 2})
    assert (answer.status_code, answer.json()["code"]) == (503, "guid.quota")
    assert "try again after" in answer.json()["detail"]


@pytest.mark.parametrize(("label", "status"), [("INV-7K3M-9QXD-Y", 404), ("INV-7K3M-9QXD-X", 400), ("x" * 12, 400)])
def test_a_label_that_is_nobodys_is_told_apart_from_a_mistyped_one(
    api: Asking, sam: accounts.Actor, label: str, status: int
) -> None:
    assert api.request("GET", f"/api/guids/{label}", actor=sam).status_code == status


def test_the_operations_are_described_with_the_desks(api: Asking) -> None:
    assert "/guids/{guid}/promotion" in api.request("GET", "/api/desk/openapi.json").json()["paths"]
