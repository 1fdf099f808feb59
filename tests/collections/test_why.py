"""Why somebody can see a series: the answer agrees with what the predicate does, clause by clause."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from invivo import accounts, collections, downloads, search
from invivo.archive import Archive
from invivo.errors import NotFound, Refused
from tests.factories import SYSTEM, actor_named, make_collection, make_person, make_series, publish

TOMORROW = datetime.now(UTC).date() + timedelta(1)
CASES = [
    {"access": "open"},
    {"access": "open", "is_listed": False},
    {"access": "registered"},
    {"access": "controlled"},
    {"access": "private"},
    {"access": "embargoed", "embargo_until": TOMORROW},
]


def only_series(archive: Archive) -> str:
    return str(search.find(archive, SYSTEM, search.ALL).rows[0].series_uid)


def has(archive: Archive, actor: accounts.Actor, uid: str) -> bool:
    try:
        return bool(downloads.select(archive, actor, series_uids=[uid]).files)
    except NotFound:
        return False


@pytest.mark.parametrize("fields", CASES, ids=str)
def test_the_answer_is_what_the_archive_does(archive: Archive, fields: dict[str, object]) -> None:
    collection = make_collection(archive, **fields)
    publish(archive, collection, make_series(1))
    uid = only_series(archive)
    for name, role in (("stranger", ""), ("member", "member"), ("committee", "committee"), ("owner", "owner")):
        person = make_person(archive, name)
        if role:
            collections.add_member(archive, SYSTEM, collection.id, person.id, role)
    make_person(archive, "curator", "curator")
    for name in (None, "stranger", "member", "committee", "owner", "curator"):
        actor = actor_named(archive, name) if name else accounts.ANONYMOUS
        answer = collections.why(archive, SYSTEM, actor.person_id, uid)[0]
        assert answer.may_see is (search.count(archive, actor, search.ALL) > 0), name
        assert answer.may_have is has(archive, actor, uid), name
        for path in (*answer.to_see, *answer.to_have):
            assert path.is_open is all(one.holds for one in path.reasons), (name, path)


def test_an_answer_names_what_is_missing_in_words(archive: Archive) -> None:
    collection = make_collection(archive, access="controlled", is_listed=False)
    publish(archive, collection, make_series(1))
    ada = make_person(archive, "ada")
    answer = collections.why(archive, SYSTEM, ada.id, only_series(archive))[0]
    missing = {one.name for path in answer.to_see for one in path.reasons if not one.holds}
    assert missing == {"role", "approval", "site", "listed"}
    assert all(one.words for path in (*answer.to_see, *answer.to_have) for one in path.reasons)


def test_an_answer_names_the_group_that_gives_a_role(archive: Archive) -> None:
    collection = make_collection(archive, access="private")
    publish(archive, collection, make_series(1))
    ada, group = make_person(archive, "ada"), collections.write_group(archive, SYSTEM, "lab")
    collections.add_to_group(archive, SYSTEM, group.id, ada.id)
    collections.add_group_role(archive, SYSTEM, collection.id, group.id, "member")
    assert collections.why(archive, SYSTEM, ada.id, only_series(archive))[0].through == (("member", "", "lab"),)


def test_a_stricter_class_of_the_series_is_named(archive: Archive, dsn: str) -> None:
    publish(archive, make_collection(archive), make_series(1))
    with psycopg.connect(dsn) as tx:
        tx.execute("update images.series set access = 'controlled'")
    answer = collections.why(archive, SYSTEM, None, only_series(archive))[0]
    assert (answer.may_see, answer.may_have) == (True, False)
    assert [one.name for path in answer.to_have for one in path.reasons if not one.holds] == ["series-free"]


def test_an_owner_asks_about_the_own_collection_only(archive: Archive) -> None:
    first, second = make_collection(archive), make_collection(archive, "LUNG-2", access="private")
    publish(archive, second, make_series(1))
    owner = make_person(archive, "owner")
    collections.add_member(archive, SYSTEM, first.id, owner.id, "owner")
    actor, uid = actor_named(archive, "owner"), only_series(archive)
    with pytest.raises(Refused):
        collections.why(archive, actor, None, uid)
    with pytest.raises(Refused):
        collections.why(archive, actor, None, uid, second.id)
    with pytest.raises(NotFound):
        collections.why(archive, actor, None, uid, first.id)
