"""Links to carts: what they let one do, when they end, and that they give no right to data."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from invivo import accounts, carts, search
from invivo.archive import Archive
from invivo.errors import Invalid, NotFound
from tests.factories import actor_named, make_collection, make_person, make_series, publish

ANYBODY = accounts.ANONYMOUS


@pytest.fixture
def ada(archive: Archive) -> accounts.Actor:
    make_person(archive, "ada", "curator")
    return actor_named(archive, "ada")


@pytest.fixture
def cart(archive: Archive, ada: accounts.Actor) -> str:
    publish(archive, make_collection(archive), make_series(1))
    publish(archive, make_collection(archive, "CTRL", access="controlled"), make_series(1, Modality="MR"))
    publish(archive, make_collection(archive, "HIDDEN", access="private"), make_series(1, Modality="PT"))
    made = carts.make_cart(archive, ada, "All")
    assert carts.pin(archive, ada, made.id, search.ALL) == 3
    return made.id


def test_a_link_shows_what_its_visitor_sees_and_no_more(
    public_archive: Archive, ada: accounts.Actor, cart: str
) -> None:
    named = carts.LINK + carts.make_share(public_archive, ada, cart, days=7)
    listed = {one.collection: one.may_download for one in carts.contents(public_archive, ANYBODY, named)}
    assert listed == {"LUNG-1": True, "CTRL": False}
    found = carts.find_cart(public_archive, ANYBODY, named)
    assert found is not None
    assert (found.name, found.is_own, found.may_change) == ("All", False, False)


def test_a_link_to_look_changes_nothing(archive: Archive, ada: accounts.Actor, cart: str) -> None:
    named = carts.LINK + carts.make_share(archive, ada, cart, days=7)
    (choice,) = carts.choices(archive, ANYBODY, named)
    tries = [
        lambda: carts.empty_cart(archive, ANYBODY, named),
        lambda: carts.add_series(archive, ANYBODY, named, ["1.2.3"]),
        lambda: carts.pin(archive, ANYBODY, named, search.ALL),
        lambda: carts.remove_choice(archive, ANYBODY, named, choice.id),
        lambda: carts.rename_cart(archive, ANYBODY, named, "Mine"),
        lambda: carts.delete_cart(archive, ANYBODY, named),
        lambda: carts.make_share(archive, ANYBODY, named, days=1),
    ]
    for one in tries:
        with pytest.raises(carts.OnlyLooking):
            one()
    assert carts.cart_size(archive, cart) == 3


def test_a_link_to_change_changes_the_content_and_not_whose_it_is(
    archive: Archive, ada: accounts.Actor, cart: str
) -> None:
    named = carts.LINK + carts.make_share(archive, ada, cart, days=7, may_change=True)
    carts.empty_cart(archive, ANYBODY, named)
    assert carts.cart_size(archive, cart) == 0
    for one in (
        lambda: carts.delete_cart(archive, ANYBODY, named),
        lambda: carts.rename_cart(archive, ANYBODY, named, "Mine"),
        lambda: carts.make_share(archive, ANYBODY, named, days=1),
    ):
        with pytest.raises(carts.OnlyLooking):
            one()
    assert carts.shares_of(archive, ANYBODY, named) == []


def test_a_link_that_was_taken_back_or_has_ended_is_none(archive: Archive, ada: accounts.Actor, cart: str) -> None:
    first = carts.LINK + carts.make_share(archive, ada, cart, days=7)
    second = carts.LINK + carts.make_share(archive, ada, cart, days=7)
    newest, oldest = carts.shares_of(archive, ada, cart)
    carts.revoke_share(archive, ada, cart, oldest.id)
    with archive.database.transaction() as tx:
        tx.execute("update carts.share set expires_at = now() where id = %s", [newest.id])
    for named in (first, second):
        assert carts.find_cart(archive, ANYBODY, named) is None
        assert list(carts.contents(archive, ANYBODY, named)) == []
    assert [one.is_open for one in carts.shares_of(archive, ada, cart)] == [False, False]


def test_nobody_takes_back_anothers_link(archive: Archive, ada: accounts.Actor, cart: str) -> None:
    carts.make_share(archive, ada, cart, days=7)
    (share,) = carts.shares_of(archive, ada, cart)
    other = carts.open_cart(archive, ANYBODY)
    for named in (cart, other.id):
        with pytest.raises(NotFound):
            carts.revoke_share(archive, ANYBODY, named, share.id)


def test_the_secret_is_kept_nowhere(archive: Archive, ada: accounts.Actor, cart: str) -> None:
    secret = carts.make_share(archive, ada, cart, days=7)
    with archive.database.transaction() as tx:
        kept = [str(row) for row in tx.execute("select * from carts.share")]
        kept += [str(row) for row in tx.execute("select * from audit.entry")]
    assert not any(secret in one for one in kept)


@pytest.mark.parametrize("days", [0, -1, 366, 10**9])
def test_a_link_holds_for_some_days(archive: Archive, ada: accounts.Actor, cart: str, days: int) -> None:
    with pytest.raises(Invalid):
        carts.make_share(archive, ada, cart, days=days)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(guess=st.one_of(st.text(max_size=80), st.text("~AZaz09_-'\"%\x00", max_size=70)))
def test_no_guess_opens_a_cart(archive: Archive, ada: accounts.Actor, cart: str, guess: str) -> None:
    if not carts.shares_of(archive, ada, cart):
        carts.make_share(archive, ada, cart, days=7)
    for named in (guess, f"~{guess}"):
        assert carts.find_cart(archive, ANYBODY, named) is None
        assert carts.cart_size(archive, named, ANYBODY) == 0
        assert carts.cart_size(archive, named) == 0
