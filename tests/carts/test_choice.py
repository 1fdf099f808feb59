"""Whole queries in a cart: what they mean never changes, and what left is said."""

import pytest

from invivo import accounts, carts, collections, releases, search
from invivo.archive import Archive
from invivo.errors import NotFound
from tests.factories import SYSTEM, make_collection, make_series, publish

ANYBODY = accounts.ANONYMOUS
CT = search.read("modality=CT")


@pytest.fixture
def lung(archive: Archive) -> collections.Collection:
    collection = make_collection(archive)
    publish(archive, collection, make_series(2) + make_series(1))
    return collection


@pytest.fixture
def cart(archive: Archive, lung: collections.Collection) -> str:
    made = carts.open_cart(archive, ANYBODY)
    assert carts.pin(archive, ANYBODY, made.id, CT) == 2
    return made.id


def uids_in(archive: Archive, cart: str, actor: accounts.Actor = ANYBODY) -> set[str]:
    return {line.series_uid for line in carts.contents(archive, actor, cart)}


def test_a_query_is_one_item_with_its_size_and_release(archive: Archive, cart: str) -> None:
    (choice,) = carts.choices(archive, ANYBODY, cart)
    listed = list(carts.contents(archive, ANYBODY, cart))
    assert (choice.query, choice.series_count, choice.left_count, choice.added_count) == (search.write(CT), 2, 0, 0)
    assert choice.size_bytes == sum(line.size_bytes for line in listed)
    assert choice.releases == {"LUNG-1": 1}
    assert choice.licences == ("CC-BY-4.0",)


def test_what_is_added_later_is_counted_and_not_in_it(
    archive: Archive, lung: collections.Collection, cart: str
) -> None:
    before = uids_in(archive, cart)
    publish(archive, lung, make_series(3))
    (choice,) = carts.choices(archive, ANYBODY, cart)
    assert (choice.series_count, choice.added_count) == (2, 1)
    assert uids_in(archive, cart) == before


def test_pinned_anew_it_means_what_the_query_finds_now(
    archive: Archive, lung: collections.Collection, cart: str
) -> None:
    publish(archive, lung, make_series(3))
    (choice,) = carts.choices(archive, ANYBODY, cart)
    assert carts.pin_anew(archive, ANYBODY, cart, choice.id) == 3
    (anew,) = carts.choices(archive, ANYBODY, cart)
    assert (anew.series_count, anew.added_count, anew.releases) == (3, 0, {"LUNG-1": 2})
    assert carts.cart_size(archive, cart) == 3


@pytest.mark.parametrize("scope", ["onward", "everywhere"])
def test_what_was_withdrawn_is_listed_with_the_reason(
    archive: Archive, lung: collections.Collection, cart: str, scope: str
) -> None:
    gone = sorted(uids_in(archive, cart))[0]
    named = releases.Named(series=(gone,))
    releases.withdraw_named(archive, SYSTEM, lung.id, named, "quality", "The slices are out of order.", scope=scope)
    (choice,) = carts.choices(archive, ANYBODY, cart)
    assert (choice.series_count, choice.left_count) == (1, 1)
    (told,) = carts.gone_from(archive, ANYBODY, cart)
    assert (told.series_uid, told.collection) == (gone, "LUNG-1")
    assert told.reason == "Withdrawn in release 2 (quality): The slices are out of order."
    assert carts.weigh(archive, ANYBODY, cart).series_count == 1
    assert gone not in uids_in(archive, cart)


def test_a_single_series_that_was_withdrawn_is_listed_too(archive: Archive, lung: collections.Collection) -> None:
    made = carts.open_cart(archive, ANYBODY)
    uid = search.find(archive, ANYBODY, CT).rows[0].series_uid
    carts.add_series(archive, ANYBODY, made.id, [uid])
    releases.withdraw(archive, SYSTEM, lung.id, uid, "quality", "Broken.")
    assert [one.series_uid for one in carts.gone_from(archive, ANYBODY, made.id)] == [uid]


def test_a_revised_series_leaves_the_item_rather_than_change_it(archive: Archive, lung: collections.Collection) -> None:
    made = carts.open_cart(archive, ANYBODY)
    first = search.find(archive, ANYBODY, CT).rows[0]
    carts.pin(archive, ANYBODY, made.id, CT)
    with archive.database.transaction() as tx:
        tx.execute(
            "insert into images.series (key, revision, releases, collection_id, subject_id, study_id, uid, modality, instance_count,"
            " frame_count, size_bytes, sop_classes, transfer_syntaxes) select key, 2, '(,0)', collection_id, subject_id, study_id,"
            " uid, modality, instance_count, frame_count, size_bytes, sop_classes, transfer_syntaxes from images.series where id = %s",
            [first.place],
        )
        tx.execute("update images.series set releases = int4range(1, 2) where id = %s", [first.place])
        tx.execute(
            "update images.series set releases = int4range(2, null) where key = %s and revision = 2", [first.key]
        )
    (told,) = carts.gone_from(archive, ANYBODY, made.id)
    assert told.reason.startswith("Revised since")
    assert first.series_uid not in uids_in(archive, made.id)


def test_what_is_closed_later_is_counted_and_not_named(
    archive: Archive, lung: collections.Collection, cart: str
) -> None:
    with archive.database.transaction() as tx:
        tx.execute("update collections.collection set access = 'private' where id = %s", [lung.id])
    assert carts.weigh(archive, ANYBODY, cart).series_count == 0
    assert uids_in(archive, cart) == set()
    assert carts.weigh(archive, SYSTEM, cart).series_count == 2


def test_single_series_become_part_of_the_item_that_names_them(archive: Archive, cart: str) -> None:
    uid = min(uids_in(archive, cart))
    assert carts.add_series(archive, ANYBODY, cart, [uid]) == 0
    other = carts.open_cart(archive, ANYBODY)
    carts.add_series(archive, ANYBODY, other.id, [uid])
    carts.pin(archive, ANYBODY, other.id, CT)
    assert carts.lines(archive, ANYBODY, other.id) == []
    assert carts.cart_size(archive, other.id) == 2


def test_overlapping_items_are_counted_once(archive: Archive, lung: collections.Collection, cart: str) -> None:
    publish(archive, lung, make_series(1))
    carts.pin(archive, ANYBODY, cart, search.ALL)
    assert carts.cart_size(archive, cart) == carts.weigh(archive, ANYBODY, cart).series_count == 3
    assert len(list(carts.contents(archive, ANYBODY, cart))) == 3
    carts.remove_choice(archive, ANYBODY, cart, carts.choices(archive, ANYBODY, cart)[1].id)
    assert carts.cart_size(archive, cart) == 2


def test_the_same_query_pinned_twice_is_one_item(archive: Archive, cart: str) -> None:
    carts.pin(archive, ANYBODY, cart, CT)
    assert len(carts.choices(archive, ANYBODY, cart)) == 1


def test_an_item_of_another_cart_is_not_touched(archive: Archive, cart: str) -> None:
    other = carts.open_cart(archive, ANYBODY)
    (choice,) = carts.choices(archive, ANYBODY, cart)
    for verb in (carts.remove_choice, carts.pin_anew):
        with pytest.raises(NotFound):
            verb(archive, ANYBODY, other.id, choice.id)


def test_two_carts_are_compared_and_merged(archive: Archive, lung: collections.Collection, cart: str) -> None:
    publish(archive, lung, make_series(1, Modality="MR"))
    other = carts.open_cart(archive, ANYBODY)
    uids = sorted(uids_in(archive, cart))
    mr = search.find(archive, ANYBODY, search.read("modality=MR")).rows[0].series_uid
    carts.add_series(archive, ANYBODY, other.id, [uids[0], mr])
    told = carts.compare_carts(archive, ANYBODY, cart, other.id)
    assert [one.series_count for one in (told.only_here, told.only_there, told.both)] == [1, 1, 1]
    assert told.only_there.listed == ((mr, "LUNG-1", "MR"),)
    carts.merge_cart(archive, ANYBODY, cart, other.id)
    assert uids_in(archive, other.id) == {*uids, mr}
    assert carts.cart_size(archive, other.id) == 3


def test_a_comparison_tells_nothing_of_what_one_may_not_see(archive: Archive, cart: str) -> None:
    publish(archive, make_collection(archive, "SECRET", access="private"), make_series(1))
    full = carts.open_cart(archive, SYSTEM)
    carts.pin(archive, SYSTEM, full.id, search.ALL)
    told = carts.compare_carts(archive, ANYBODY, cart, full.id)
    assert (told.only_there.series_count, told.both.series_count) == (0, 2)
