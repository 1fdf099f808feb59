"""Moving series and the gates, on the desk's pages."""

import pytest
from tests.factories import SYSTEM, advance_all, deliver, make_collection, make_person, make_series, make_submission
from tests.web import desk
from tests.web.desk import Browser

from invivo import collections, submissions
from invivo.archive import Archive
from invivo.web import moving

MOVES, GATES = "/admin/collections/LUNG-1/moves", "/admin/collections/LUNG-1/gates"
STUDY = "1.2.826.0.1.3680043.8.498.1"


@pytest.fixture(autouse=True)
def pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "PAGES", (*(one for one in desk.PAGES if one is not moving), moving))


@pytest.fixture
def curator(archive: Archive) -> Browser:
    make_person(archive, "cora", "curator")
    return Browser(archive).sign_in("cora")


@pytest.fixture
def collection(archive: Archive) -> collections.Collection:
    made = make_collection(archive)
    files = [*make_series(2, study=STUDY, patient="P-1"), *make_series(1, study=STUDY, patient="P-2"), *make_series(1)]
    deliver(archive, make_submission(archive, made), files)
    advance_all(archive)
    return made


def ids(archive: Archive, collection: collections.Collection) -> list[str]:
    return sorted(str(one.id) for one in submissions.movable_of(archive, SYSTEM, collection.id))


def test_mixed_studies_are_marked(curator: Browser, collection: collections.Collection) -> None:
    shown = curator.get(MOVES).text
    assert shown.count("two subjects") == 2
    assert shown.count('name="series"') == 3


def test_a_split_is_shown_decided_and_undone(
    archive: Archive, curator: Browser, collection: collections.Collection
) -> None:
    chosen = ids(archive, collection)[1]
    seen = curator.post(MOVES, kind="split", series=chosen)
    assert seen.status_code == 200
    assert "Nothing is done yet" in seen.text
    assert submissions.moves_of(archive, SYSTEM, collection.id) == []
    assert curator.post(MOVES, act="do", kind="split", series=chosen, reason="two patients").status_code == 303
    (move,) = submissions.moves_of(archive, SYSTEM, collection.id)
    assert "two patients" in curator.get(MOVES).text
    advance_all(archive)
    assert curator.post(f"{MOVES}/undo", page=MOVES, move=str(move.id)).status_code == 303
    assert submissions.moves_of(archive, SYSTEM, collection.id)[0].undone_at


def test_what_cannot_be_moved_says_why(archive: Archive, curator: Browser, collection: collections.Collection) -> None:
    first, _, last = ids(archive, collection)
    for act in ("", "do"):
        answer = curator.post(MOVES, act=act, kind="merge", series=[first], into=ids(archive, collection)[1])
        assert "This cannot be done" in answer.text
        assert "different subjects" in answer.text or "already" in answer.text
    assert curator.post(MOVES, act="do", kind="split", series=last).status_code == 409


@pytest.mark.parametrize(
    "fields", [{}, {"kind": "split"}, {"kind": "shred", "series": "1"}, {"kind": "split", "series": "99"}]
)
def test_what_makes_no_sense_is_refused(
    curator: Browser, collection: collections.Collection, fields: dict[str, str]
) -> None:
    assert curator.post(MOVES, act="do", **fields).status_code == 400


def test_gates_are_set_by_an_owner(archive: Archive, curator: Browser, collection: collections.Collection) -> None:
    make_collection(archive, "IMAGES")
    assert "Only the owner" in curator.get(GATES).text
    make_person(archive, "ann", "administrator")
    administrator = Browser(archive).sign_in("ann")
    assert administrator.post(GATES, missing="hold", form="allow", named="IMAGES").status_code == 303
    gates = submissions.find_gates(archive, SYSTEM, collection.id)
    assert (gates.missing, gates.form, len(gates.named)) == ("hold", "allow", 1)
    assert administrator.post(GATES, missing="maybe", form="allow").status_code == 400
    assert administrator.post(GATES, missing="hold", form="hold", named="NOBODY").status_code == 404


def test_an_empty_collection_says_so(archive: Archive, curator: Browser) -> None:
    make_collection(archive)
    assert "No series are held" in curator.get(MOVES).text
