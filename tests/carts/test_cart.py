"""Carts and manifests."""

import pytest

from invivo import accounts, carts, search
from invivo.archive import Archive
from invivo.errors import Invalid
from tests.factories import make_collection, make_series, publish

ANYBODY = accounts.ANONYMOUS


@pytest.fixture
def uids(archive: Archive) -> list[str]:
    publish(archive, make_collection(archive), make_series(2) + make_series(1))
    return [row.series_uid for row in search.find(archive, ANYBODY, search.ALL).rows]


def test_an_anonymous_cart_keeps_its_series_once(public_archive: Archive, uids: list[str]) -> None:
    cart = carts.open_cart(public_archive, ANYBODY)
    assert carts.add_series(public_archive, ANYBODY, cart.id, uids) == 2
    assert carts.add_series(public_archive, ANYBODY, cart.id, uids) == 0
    assert carts.open_cart(public_archive, ANYBODY, cart.id).series_count == 2
    carts.remove_series(public_archive, ANYBODY, cart.id, uids[:1])
    assert [line.series_uid for line in carts.contents(public_archive, ANYBODY, cart.id)] == uids[1:]


def test_a_whole_query_goes_into_a_cart(archive: Archive, uids: list[str]) -> None:
    cart = carts.open_cart(archive, ANYBODY)
    assert carts.add_found(archive, ANYBODY, cart.id, search.ALL) == len(uids)


def test_an_unknown_cart_is_a_new_empty_one(archive: Archive) -> None:
    assert carts.open_cart(archive, ANYBODY, "guessed").id != "guessed"


@pytest.mark.parametrize("form", carts.FORMS)
def test_a_manifest_is_read_as_it_was_written(archive: Archive, uids: list[str], form: str) -> None:
    cart = carts.open_cart(archive, ANYBODY)
    carts.add_series(archive, ANYBODY, cart.id, uids)
    text = carts.manifest(carts.contents(archive, ANYBODY, cart.id), form, "http://here")
    assert carts.read_manifest(text) == uids


def test_a_broken_manifest_is_refused_with_its_line() -> None:
    with pytest.raises(Invalid, match="Line 2"):
        carts.read_manifest("1.2.3\n<html>\n")
