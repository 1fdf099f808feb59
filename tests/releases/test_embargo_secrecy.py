"""Under an embargo a collection's name may be known; what was put into it, when and how much is not, until its day."""

from datetime import UTC, datetime, timedelta

import pytest

from invivo import accounts, collections, releases, search
from invivo.archive import Archive
from tests.factories import SYSTEM, actor_named, make_collection, make_person, make_series, publish

DAY = datetime.now(UTC).date() + timedelta(days=90)


@pytest.fixture
def embargoed(archive: Archive) -> collections.Collection:
    """A collection under embargo with two releases, of which the second withdrew a series."""
    made = make_collection(archive, "SECRET", access="embargoed", embargo_until=DAY)
    publish(archive, made, make_series(1, patient="P-1") + make_series(1, patient="P-2"))
    uid = search.find(archive, SYSTEM, search.ALL).rows[0].series_uid
    releases.withdraw(archive, SYSTEM, made.id, uid, "consent", "The subject withdrew.")
    for name, role in (("mia", "member"), ("sam", "submitter"), ("rita", "")):
        person = make_person(archive, name)
        if role:
            collections.add_member(archive, SYSTEM, made.id, person.id, role)
    return made


def told(
    archive: Archive, actor: accounts.Actor, collection: collections.Collection
) -> tuple[int, int, set[str], bool]:
    """Return what somebody learns: releases, tombstones, kinds of changes, whether there is a landing page."""
    kinds = {one.kind for one in releases.changes(archive, actor)}
    try:
        is_described = releases.describe(archive, actor, collection.id, 1).number == 1
    except releases.UnknownRelease:
        is_described = False
    found = releases.releases_of(archive, actor, collection.id), releases.tombstones_of(archive, actor, collection.id)
    return len(found[0]), len(found[1]), kinds - {"policy"}, is_described


@pytest.mark.parametrize("name", ["", "rita", "sam"])
def test_who_may_not_see_its_data_learns_of_no_release(
    archive: Archive, embargoed: collections.Collection, name: str
) -> None:
    actor = actor_named(archive, name) if name else accounts.ANONYMOUS
    assert collections.collection_named(archive, actor, "SECRET").title
    assert told(archive, actor, embargoed) == (0, 0, set(), False)
    assert releases.newest(archive, actor) == []


def test_its_members_know_and_so_do_all_after_the_day(archive: Archive, embargoed: collections.Collection) -> None:
    everything = (2, 1, {"created", "withdrawn", "released"}, True)
    assert told(archive, actor_named(archive, "mia"), embargoed) == everything
    with archive.database.transaction() as tx:
        tx.execute("update collections.collection set embargo_until = current_date")
    assert told(archive, accounts.ANONYMOUS, embargoed) == everything


def test_an_identifier_leads_to_the_collections_page_until_then(
    archive: Archive, embargoed: collections.Collection
) -> None:
    made = releases.want_identifier(archive, SYSTEM, embargoed.id, 1, "local")
    assert releases.page_of(archive, accounts.ANONYMOUS, made.name) == "/collections/SECRET"
    assert releases.page_of(archive, SYSTEM, made.name) == "/collections/SECRET/releases/1"


def test_a_collection_that_shows_its_page_only_shows_no_tombstones(archive: Archive) -> None:
    made = make_collection(archive, "CTRL", access="controlled")
    publish(archive, made, make_series(1))
    policy = collections.AccessPolicy(hides_metadata=True)
    collections.set_access_policy(archive, SYSTEM, made.id, policy)
    uid = search.find(archive, SYSTEM, search.ALL).rows[0].series_uid
    releases.withdraw(archive, SYSTEM, made.id, uid, "consent", "The subject withdrew.")
    assert releases.tombstones_of(archive, accounts.ANONYMOUS, made.id) == []
    assert releases.tombstone_of(archive, accounts.ANONYMOUS, uid) is None
    assert len(releases.releases_of(archive, accounts.ANONYMOUS, made.id)) == 2
