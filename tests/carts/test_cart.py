"""Carts: whose they are, what they hold, and manifests."""

import pytest

from invivo import accounts, carts, search
from invivo.archive import Archive
from invivo.errors import Invalid, NotFound
from tests.factories import SYSTEM, actor_named, make_collection, make_person, make_series, publish

ANYBODY = accounts.ANONYMOUS


@pytest.fixture
def uids(archive: Archive) -> list[str]:
    publish(archive, make_collection(archive), make_series(2) + make_series(1))
    return [row.series_uid for row in search.find(archive, ANYBODY, search.ALL).rows]


@pytest.fixture
def ada(archive: Archive) -> accounts.Actor:
    make_person(archive, "ada")
    return actor_named(archive, "ada")


@pytest.fixture
def bob(archive: Archive) -> accounts.Actor:
    make_person(archive, "bob")
    return actor_named(archive, "bob")


def uids_in(archive: Archive, actor: accounts.Actor, cart: str) -> list[str]:
    return [line.series_uid for line in carts.contents(archive, actor, cart)]


def test_an_anonymous_cart_keeps_its_series_once(public_archive: Archive, uids: list[str]) -> None:
    cart = carts.open_cart(public_archive, ANYBODY)
    assert carts.add_series(public_archive, ANYBODY, cart.id, uids) == 2
    assert carts.add_series(public_archive, ANYBODY, cart.id, uids) == 0
    assert carts.open_cart(public_archive, ANYBODY, cart.id).series_count == 2
    carts.remove_series(public_archive, ANYBODY, cart.id, uids[:1])
    assert uids_in(public_archive, ANYBODY, cart.id) == uids[1:]


def test_all_that_a_query_finds_goes_into_a_cart_one_by_one(archive: Archive, uids: list[str]) -> None:
    cart = carts.open_cart(archive, ANYBODY)
    assert carts.add_found(archive, ANYBODY, cart.id, search.ALL) == len(uids)


def test_an_unknown_cart_is_a_new_empty_one(archive: Archive) -> None:
    assert carts.open_cart(archive, ANYBODY, "guessed").id != "guessed"


def test_nothing_goes_into_a_cart_that_is_not_there(archive: Archive, uids: list[str]) -> None:
    with pytest.raises(carts.UnknownCart):
        carts.add_series(archive, ANYBODY, "guessed", uids)


def test_an_account_has_several_carts_with_names(public_archive: Archive, ada: accounts.Actor, uids: list[str]) -> None:
    first = carts.make_cart(public_archive, ada, "  Lung\tstudy ")
    second = carts.make_cart(public_archive, ada, "Brain")
    carts.add_series(public_archive, ada, first.id, uids)
    assert {(one.name, one.series_count) for one in carts.carts_of(public_archive, ada)} == {
        ("Lung study", 2),
        ("Brain", 0),
    }
    carts.rename_cart(public_archive, ada, second.id, "Head")
    carts.delete_cart(public_archive, ada, first.id)
    assert [one.name for one in carts.carts_of(public_archive, ada)] == ["Head"]


def test_two_carts_of_an_account_do_not_share_a_name(archive: Archive, ada: accounts.Actor) -> None:
    carts.make_cart(archive, ada, "Lung")
    other = carts.make_cart(archive, ada, "Brain")
    with pytest.raises(carts.NameTaken):
        carts.make_cart(archive, ada, "LUNG")
    with pytest.raises(carts.NameTaken):
        carts.rename_cart(archive, ada, other.id, "lung")


@pytest.mark.parametrize("name", ["", "  \t ", "x" * 81, "\x00\x1b"])
def test_a_name_is_one_short_line(archive: Archive, ada: accounts.Actor, name: str) -> None:
    with pytest.raises(Invalid):
        carts.make_cart(archive, ada, name)


def test_a_cart_of_an_account_is_nobody_elses(
    archive: Archive, ada: accounts.Actor, bob: accounts.Actor, uids: list[str]
) -> None:
    cart = carts.make_cart(archive, ada, "Lung")
    carts.add_series(archive, ada, cart.id, uids)
    for other in (ANYBODY, bob):
        assert carts.find_cart(archive, other, cart.id) is None
        assert uids_in(archive, other, cart.id) == []
        assert carts.weigh(archive, other, cart.id).series_count == 0
        assert carts.cart_size(archive, cart.id, other) == 0
        for verb in (carts.empty_cart, carts.delete_cart):
            with pytest.raises(NotFound):
                verb(archive, other, cart.id)


def test_a_visitors_cart_goes_with_them_into_their_account(
    archive: Archive, ada: accounts.Actor, uids: list[str]
) -> None:
    cart = carts.open_cart(archive, ANYBODY)
    carts.add_series(archive, ANYBODY, cart.id, uids)
    assert carts.open_cart(archive, ada, cart.id).id == cart.id
    assert [(one.id, one.series_count) for one in carts.carts_of(archive, ada)] == [(cart.id, 2)]
    assert carts.find_cart(archive, ANYBODY, cart.id) is None


def test_a_copy_is_ones_own_and_changes_alone(archive: Archive, ada: accounts.Actor, uids: list[str]) -> None:
    cart = carts.open_cart(archive, ANYBODY)
    carts.add_series(archive, ANYBODY, cart.id, uids[:1])
    carts.pin(archive, ANYBODY, cart.id, search.ALL)
    copy = carts.duplicate_cart(archive, ada, cart.id, "Mine")
    carts.empty_cart(archive, ANYBODY, cart.id)
    assert (copy.series_count, sorted(uids_in(archive, ada, copy.id))) == (2, sorted(uids))


def test_an_account_has_no_more_carts_than_the_limit(
    archive: Archive, ada: accounts.Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("invivo.carts.cart.MOST_CARTS", 2)
    carts.make_cart(archive, ada, "1")
    carts.make_cart(archive, ada, "2")
    with pytest.raises(carts.CartFull):
        carts.make_cart(archive, ada, "3")


def test_a_cart_weighs_what_its_series_weigh(archive: Archive, uids: list[str]) -> None:
    cart = carts.open_cart(archive, ANYBODY)
    carts.add_series(archive, ANYBODY, cart.id, uids)
    weight = carts.weigh(archive, ANYBODY, cart.id)
    listed = list(carts.contents(archive, ANYBODY, cart.id))
    assert (weight.series_count, weight.instance_count) == (2, 3)
    assert weight.size_bytes == sum(line.size_bytes for line in listed)
    assert weight.of(packed=True) == (2, weight.size_bytes)


def test_what_may_not_be_had_is_weighed_with_the_reason(archive: Archive) -> None:
    publish(archive, make_collection(archive, "CTRL", access="controlled"), make_series(1))
    cart = carts.open_cart(archive, SYSTEM)
    carts.pin(archive, SYSTEM, cart.id, search.ALL)
    weight = carts.weigh(archive, ANYBODY, cart.id)
    assert [(one.collection, one.may_download, one.reason[:9]) for one in weight.parts] == [
        ("CTRL", False, "The owner")
    ]
    assert weight.of(packed=True) == (0, 0)


@pytest.mark.parametrize("form", carts.FORMS)
def test_a_manifest_is_read_as_it_was_written(archive: Archive, uids: list[str], form: str) -> None:
    cart = carts.open_cart(archive, ANYBODY)
    carts.add_series(archive, ANYBODY, cart.id, uids)
    text = carts.manifest(carts.contents(archive, ANYBODY, cart.id), form, "http://here")
    assert carts.read_manifest(text) == uids


def test_a_broken_manifest_is_refused_with_its_line() -> None:
    with pytest.raises(Invalid, match="Line 2"):
        carts.read_manifest("1.2.3\n<html>\n")


def test_no_cell_of_a_table_is_a_formula(archive: Archive) -> None:
    publish(archive, make_collection(archive), make_series(1, SeriesDescription="=1+1"))
    cart = carts.open_cart(archive, ANYBODY)
    carts.pin(archive, ANYBODY, cart.id, search.ALL)
    assert ",'=1+1," in carts.manifest(carts.contents(archive, ANYBODY, cart.id), "csv")
