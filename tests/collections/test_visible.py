"""Who may see and who may have what: one predicate, all classes, all actors."""

from datetime import UTC, datetime, timedelta

import pytest

from invivo import accounts, collections, downloads, images, search
from invivo.archive import Archive
from invivo.errors import NotFound
from tests.factories import (
    SYSTEM,
    actor_named,
    advance_all,
    deliver,
    make_collection,
    make_person,
    make_series,
    make_submission,
    publish,
)

TODAY = datetime.now(UTC).date()
YESTERDAY, TOMORROW = TODAY - timedelta(1), TODAY + timedelta(1)
CASES = {
    # access and listing: (anonymous sees, anonymous has, signed in has, member has)
    "open": ({"access": "open"}, True, True, True, True),
    "registered": ({"access": "registered"}, True, False, True, True),
    "controlled": ({"access": "controlled"}, True, False, False, True),
    "private": ({"access": "private"}, False, False, False, True),
    "embargoed": ({"access": "embargoed", "embargo_until": TOMORROW}, False, False, False, True),
    "embargo over": ({"access": "embargoed", "embargo_until": YESTERDAY}, True, True, True, True),
    "controlled, unlisted": ({"access": "controlled", "is_listed": False}, False, False, False, True),
}


def sees(archive: Archive, actor: accounts.Actor) -> bool:
    found = {
        search.count(archive, actor, search.ALL) > 0,
        search.find(archive, actor, search.ALL).total > 0,
        any(facet.values for facet in search.facets(archive, actor, [])),
        images.totals(archive, actor).series > 0,
    }
    assert len(found) == 1, "counts, rows and facets disagree"
    return found.pop()


def has(archive: Archive, actor: accounts.Actor, uid: str) -> bool:
    try:
        return bool(downloads.select(archive, actor, series_uids=[uid]).files)
    except NotFound:
        return False


@pytest.mark.parametrize("case", CASES)
def test_access_class_and_actor_decide(archive: Archive, public_archive: Archive, case: str) -> None:
    fields, anonymous_sees, anonymous_has, person_has, member_has = CASES[case]
    begun = fields | ({"embargo_until": TOMORROW} if fields.get("embargo_until") else {})
    collection = make_collection(archive, **begun)
    publish(archive, collection, make_series(2))
    with archive.database.transaction() as tx:  # the day comes
        ends = [fields.get("embargo_until"), collection.id]
        tx.execute("update collections.collection set embargo_until = %s where id = %s", ends)
    uid = search.find(archive, SYSTEM, search.ALL).rows[0].series_uid
    for name in ("stranger", "member"):
        make_person(archive, name)
    person = accounts.person_named(archive, "member")
    collections.add_member(archive, SYSTEM, collection.id, person.id, "member")
    stranger, member = actor_named(archive, "stranger"), actor_named(archive, "member")
    assert sees(public_archive, accounts.ANONYMOUS) is anonymous_sees
    assert has(public_archive, accounts.ANONYMOUS, uid) is anonymous_has
    assert has(public_archive, stranger, uid) is person_has
    assert sees(public_archive, member)
    assert has(public_archive, member, uid) is member_has
    assert sees(public_archive, SYSTEM)


def test_a_token_without_the_scope_read_sees_what_strangers_see(archive: Archive) -> None:
    collection = make_collection(archive, access="private")
    publish(archive, collection, make_series(1))
    make_person(archive, "cora", "curator")
    secret, _ = accounts.create_token(archive, actor_named(archive, "cora"), "sender", ["submit"])
    assert not sees(archive, accounts.actor_of_token(archive, secret))


def test_nothing_that_is_held_is_ever_found(archive: Archive) -> None:
    from_nowhere = make_collection(archive)
    deliver(archive, make_submission(archive, from_nowhere), make_series(2))
    advance_all(archive)
    assert not sees(archive, SYSTEM)
