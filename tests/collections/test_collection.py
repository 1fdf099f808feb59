"""Collections: page, policy and people."""

from datetime import timedelta

import pytest

from invivo import accounts, collections
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, NotFound, Refused
from tests.factories import SYSTEM, actor_named, make_collection, make_person


@pytest.mark.parametrize(
    "fields",
    [
        {"licence": "made-up"},
        {"access": "secret"},
        {"review_rule": "none"},
        {"profile": "lax"},
        {"access": "embargoed"},
        {"description": "x" * 100_001},
    ],
)
def test_a_malformed_policy_is_refused(archive: Archive, fields: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        make_collection(archive, **fields)


@pytest.mark.parametrize("short_name", ["x", "has space", "../up", "a/b", "<b>"])
def test_a_malformed_short_name_is_refused(archive: Archive, short_name: str) -> None:
    with pytest.raises(Invalid):
        make_collection(archive, short_name)


def test_short_names_are_unique_whatever_their_case(archive: Archive) -> None:
    make_collection(archive, "LUNG-1")
    with pytest.raises(collections.NameTaken):
        make_collection(archive, "lung-1")


def test_a_private_collection_is_not_there_for_strangers(archive: Archive) -> None:
    make_collection(archive, access="private")
    with pytest.raises(NotFound):
        collections.collection_named(archive, accounts.ANONYMOUS, "LUNG-1")
    assert collections.listed(archive, accounts.ANONYMOUS) == []


def test_an_owner_edits_and_a_curator_does_not(archive: Archive) -> None:
    collection = make_collection(archive)
    draft = collections.Draft("LUNG-1", "New title")
    for role in ("owner", "curator"):
        person = make_person(archive, role)
        collections.add_member(archive, SYSTEM, collection.id, person.id, role)
    assert collections.edit(archive, actor_named(archive, "owner"), collection.id, draft).title == "New title"
    with pytest.raises(Refused):
        collections.edit(archive, actor_named(archive, "curator"), collection.id, draft)


def test_the_last_owner_stays(archive: Archive) -> None:
    collection = make_collection(archive)
    person = make_person(archive)
    collections.add_member(archive, SYSTEM, collection.id, person.id, "owner")
    with pytest.raises(Conflict, match="at least one owner"):
        collections.remove_member(archive, SYSTEM, collection.id, person.id, "owner")


def test_every_licence_of_the_list_has_an_identifier_and_a_name() -> None:
    assert all(licence.id and licence.name for licence in collections.licences())
    assert collections.licence_named("CC-BY-4.0").is_commercial


def test_an_embargo_begins_with_an_end_in_the_future(archive: Archive) -> None:
    yesterday, later = archive.clock().date() - timedelta(days=1), archive.clock().date() + timedelta(days=9)
    with pytest.raises(Invalid, match="in the future"):
        make_collection(archive, access="embargoed", embargo_until=yesterday)
    made = make_collection(archive, access="embargoed", embargo_until=later)
    draft = collections.Draft("LUNG-1", "Lungs", access="embargoed", embargo_until=yesterday)
    with pytest.raises(Invalid, match="in the future"):
        collections.edit(archive, SYSTEM, made.id, draft)
    with archive.database.transaction() as tx:  # the day comes
        tx.execute("update collections.collection set embargo_until = %s where id = %s", [yesterday, made.id])
    collections.edit(archive, SYSTEM, made.id, draft)  # the page can still be changed
