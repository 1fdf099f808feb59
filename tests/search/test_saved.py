"""Saved queries, and telling what is new among what they find."""

import psycopg
import pytest

from invivo import accounts, notices, search
from invivo.archive import Archive
from invivo.search import telling
from tests.factories import actor_named, make_collection, make_image, make_person, publish

ANYBODY = accounts.ANONYMOUS


@pytest.fixture
def ada(archive: Archive) -> accounts.Actor:
    make_person(archive, "ada")
    return actor_named(archive, "ada")


def told(archive: Archive, actor: accounts.Actor) -> list[str]:
    with archive.database.transaction() as tx:
        return [one.text for one in notices.inbox(tx, actor.person_id, 50, None) if one.kind == "search.new"]


def look(archive: Archive) -> int:
    """Look as the worker does, until what is noted counts."""
    return sum(search.tell_subscribers(archive) for _ in range(3))


def test_a_query_is_kept_as_it_is_written_and_saving_again_keeps_its_link(
    archive: Archive, ada: accounts.Actor
) -> None:
    first = search.save(
        archive, ada, " Thin  chest ", "chest   modality:ct slice-thickness<=0.15cm", form="level=study"
    )
    assert (first.name, first.query, first.form) == (
        "Thin chest",
        "chest modality:CT slice-thickness<=1.5mm",
        "level=study",
    )
    second = search.save(archive, ada, "Thin chest", "chest")
    assert (second.id, second.token) == (first.id, first.token)
    assert [one.query for one in search.saved_of(archive, ada)] == ["chest"]


def test_a_faulty_query_is_not_kept(archive: Archive, ada: accounts.Actor) -> None:
    with pytest.raises(search.BadQuery):
        search.save(archive, ada, "Wrong", "colour:red")
    with pytest.raises(Exception, match="1 to 100"):
        search.save(archive, ada, "a" * 101, "chest")
    assert search.saved_of(archive, ada) == []


def test_only_the_owner_and_whom_it_is_shared_with_open_it(archive: Archive, ada: accounts.Actor) -> None:
    make_person(archive, "ben")
    ben, kept = actor_named(archive, "ben"), search.save(archive, ada, "Mine", "chest")
    assert search.saved_by_token(archive, ada, kept.token).is_own
    for stranger in (ben, ANYBODY):
        with pytest.raises(search.UnknownSaved):
            search.saved_by_token(archive, stranger, kept.token)
        with pytest.raises(Exception, match=r"saved query|Sign in"):
            search.change_saved(archive, stranger, kept.id, is_shared=True)
        with pytest.raises(Exception, match=r"saved query|Sign in"):
            search.forget_saved(archive, stranger, kept.id)
    search.change_saved(archive, ada, kept.id, is_shared=True)
    assert not search.saved_by_token(archive, ANYBODY, kept.token).is_own
    search.forget_saved(archive, ada, kept.id)
    with pytest.raises(search.UnknownSaved):
        search.saved_by_token(archive, ada, kept.token)


def test_one_account_keeps_so_many(archive: Archive, ada: accounts.Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("invivo.search.saved.MOST_SAVED", 2)
    for name in ("one", "two", "two"):
        search.save(archive, ada, name, "chest")
    with pytest.raises(Exception, match="at most 2"):
        search.save(archive, ada, "three", "chest")


def test_a_subscriber_is_told_once_of_what_is_new_and_matches(archive: Archive, ada: accounts.Actor) -> None:
    lung = make_collection(archive)
    publish(archive, lung, [make_image()])
    look(archive)
    search.save(archive, ada, "Chests", "description:*axial*", is_subscribed=True)
    search.save(archive, ada, "Silent", "modality:CT")
    assert look(archive) == 0  # what was there is not new
    publish(archive, lung, [make_image(), make_image(), make_image(SeriesDescription="Scout")])
    assert look(archive) == 1
    assert look(archive) == 0
    [text] = told(archive, ada)
    assert text.startswith("2 series are new")
    assert "LUNG-1" in text


def test_the_next_time_is_a_day_later_and_nothing_is_lost(archive: Archive, ada: accounts.Actor) -> None:
    lung = make_collection(archive)
    publish(archive, lung, [make_image()])
    look(archive)
    search.save(archive, ada, "Chests", "modality:CT", is_subscribed=True)
    publish(archive, lung, [make_image()])
    assert look(archive) == 1
    publish(archive, lung, [make_image()])
    assert look(archive) == 0
    with archive.database.transaction() as tx:
        tx.execute("update search.saved set told_at = now() - interval '21 hours'")
    assert look(archive) == 1
    assert [text[:5] for text in told(archive, ada)] == ["1 ser", "1 ser"]


def test_nobody_is_told_of_what_they_may_not_see(archive: Archive, ada: accounts.Actor) -> None:
    hidden = make_collection(archive, "PRIVATE-1", access="private")
    publish(archive, hidden, [make_image()])
    look(archive)
    search.save(archive, ada, "All", "modality:CT", is_subscribed=True)
    publish(archive, hidden, [make_image()])
    assert look(archive) == 0
    assert told(archive, ada) == []


def test_numbers_of_a_transaction_that_still_runs_do_not_count(archive: Archive) -> None:
    publish(archive, make_collection(archive), [make_image()])
    look(archive)
    with archive.database.transaction() as tx:
        before = telling.reached(tx)
    with psycopg.connect(archive.database.dsn) as other:
        other.execute("select pg_current_xact_id()")  # as a release that has numbered its series and not ended
        publish(archive, make_collection(archive, "LUNG-2"), [make_image()])
        for _ in range(3):
            assert telling.advance_mark(archive) == before
    telling.advance_mark(archive)
    assert telling.advance_mark(archive) > before
