"""Links for reviewers: one collection, for a while, and nothing of who made it if they are blind."""

import psycopg
import pytest

from invivo import accounts, audit, collections, downloads, releases, search
from invivo.archive import Archive
from invivo.errors import Invalid, NotFound, Refused
from tests.factories import SYSTEM, actor_named, make_collection, make_person, make_series, publish


@pytest.fixture
def private(archive: Archive) -> collections.Collection:
    made = make_collection(
        archive, "PRIV", access="private", is_listed=False, contacts="ada@x.test", funding="F-1", acknowledgement="Us"
    )
    publish(archive, made, make_series(1))
    publish(archive, make_collection(archive, "OTHER", access="private"), make_series(1, patient="P-9"))
    return made


def link(archive: Archive, collection: collections.Collection, *, is_blind: bool = False) -> str:
    address, _ = collections.make_link(archive, SYSTEM, collection.id, "Reviewer 2", 10, is_blind=is_blind)
    return address.rpartition("/")[2]


def seen(archive: Archive, actor: accounts.Actor) -> list[str]:
    return [row.collection for row in search.find(archive, actor, search.ALL).rows]


def test_a_link_shows_one_collection_and_gives_it(
    archive: Archive, public_archive: Archive, private: collections.Collection
) -> None:
    actor = collections.actor_of_link(public_archive, link(archive, private))
    assert seen(public_archive, actor) == ["PRIV"]
    assert downloads.select(public_archive, actor, collection="PRIV").files
    with pytest.raises(NotFound):
        collections.collection_named(public_archive, actor, "OTHER")
    assert not (actor.is_anonymous or actor.is_curator or actor.is_submitter or actor.is_administrator)
    assert actor.person_id is None


@pytest.mark.parametrize("ending", ["revoked_at = now()", "expires_at = now() - interval '1 second'"])
def test_a_link_that_has_ended_opens_nothing(
    archive: Archive, private: collections.Collection, dsn: str, ending: str
) -> None:
    secret = link(archive, private)
    with psycopg.connect(dsn) as tx:
        tx.execute(f"update collections.reviewer_link set {ending}".encode())
    assert collections.actor_of_link(archive, secret) == accounts.ANONYMOUS
    with pytest.raises(collections.SpentLink):
        collections.enter_by_link(archive, secret)


def test_what_a_release_no_longer_has_is_not_reviewed(
    archive: Archive, private: collections.Collection, dsn: str
) -> None:
    actor = collections.actor_of_link(archive, link(archive, private))
    with psycopg.connect(dsn) as tx:
        tx.execute("update images.series set releases = int4range(lower(releases), lower(releases) + 1)")
    assert seen(archive, actor) == []


def test_a_blind_link_hides_who_made_the_collection(archive: Archive, private: collections.Collection) -> None:
    blind = collections.actor_of_link(archive, link(archive, private, is_blind=True))
    shown = [
        collections.collection_named(archive, blind, "PRIV"),
        collections.collection_by_id(archive, blind, private.id),
        *collections.listed(archive, blind),
    ]
    assert {(one.contacts, one.funding, one.acknowledgement) for one in shown} == {("", "", "")}
    plain = collections.actor_of_link(archive, link(archive, private))
    assert collections.collection_named(archive, plain, "PRIV").contacts == "ada@x.test"
    assert (collections.is_blind(blind, private.id), collections.is_blind(plain, private.id)) == (True, False)


def test_visits_are_counted_and_noted(
    archive: Archive, public_archive: Archive, private: collections.Collection
) -> None:
    secret = link(archive, private)
    for _ in range(2):
        collections.enter_by_link(public_archive, secret)
    assert [one.visits for one in collections.links_of(archive, SYSTEM, private.id)] == [2]
    with archive.database.transaction() as tx:
        assert audit.newest(tx, 1)[0].verb == "access.link-visit"


def test_only_the_owner_gives_and_ends_links(archive: Archive, private: collections.Collection) -> None:
    make_person(archive, "eve")
    eve = actor_named(archive, "eve")
    _, kept = collections.make_link(archive, SYSTEM, private.id, "x", 1)
    for act in (
        lambda: collections.make_link(archive, eve, private.id, "x", 1),
        lambda: collections.revoke_link(archive, eve, private.id, kept.id),
        lambda: collections.links_of(archive, eve, private.id),
    ):
        with pytest.raises(Refused):
            act()


def test_a_link_of_another_collection_is_not_ended_by_its_number(
    archive: Archive, private: collections.Collection
) -> None:
    other = collections.collection_named(archive, SYSTEM, "OTHER")
    _, kept = collections.make_link(archive, SYSTEM, private.id, "x", 1)
    with pytest.raises(NotFound):
        collections.revoke_link(archive, SYSTEM, other.id, kept.id)


@pytest.mark.parametrize(("label", "days"), [("", 1), ("x", 0), ("x", 366), ("x" * 201, 1)])
def test_a_link_has_a_name_and_an_end(archive: Archive, private: collections.Collection, label: str, days: int) -> None:
    with pytest.raises(Invalid):
        collections.make_link(archive, SYSTEM, private.id, label, days)


@pytest.mark.parametrize(("is_blind", "told"), [(True, ""), (False, "Us")])
def test_packages_and_landing_pages_keep_the_secret_of_a_blind_link(
    archive: Archive, public_archive: Archive, private: collections.Collection, is_blind: bool, told: str
) -> None:
    credit = releases.Credit(
        (releases.Creator("Lovelace, Ada"),),
        (releases.Funder("A Fund"),),
        (releases.Related("IsSupplementTo", "DOI", "10.1000/x"),),
    )
    releases.write_credit(archive, SYSTEM, private.id, credit)
    actor = collections.actor_of_link(public_archive, link(archive, private, is_blind=is_blind))
    (source,) = downloads.select(public_archive, actor, collection="PRIV").sources
    assert source.acknowledgement == told
    one = releases.describe(public_archive, actor, private.id, 1)
    said = releases.apa(one) + str(releases.json_ld(one)) + releases.datacite_xml(one).decode()
    assert ["Lovelace" in said, "A Fund" in said, "10.1000/x" in said] == [not is_blind] * 3
    assert one.series_count == 1
