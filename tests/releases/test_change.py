"""The feed of changes."""

import threading
from dataclasses import fields, replace

import pytest

from invivo import accounts, collections, releases
from invivo.archive import Archive
from invivo.releases.change import note_change
from tests.factories import SYSTEM, make_collection, make_series, publish

ONE, OTHER = {"study": "1.2.3", "series": "1.2.3.4"}, {"study": "1.2.3", "series": "1.2.3.5"}


def kinds(archive: Archive, after: int = 0, actor: accounts.Actor = accounts.ANONYMOUS) -> list[tuple[str, int | None]]:
    return [(one.kind, one.number) for one in releases.changes(archive, actor, after)]


def changed(archive: Archive, collection: collections.Collection, **fields_of: object) -> None:
    known = {field.name for field in fields(collections.Draft)}
    draft = collections.Draft(**{name: getattr(collection, name) for name in known})
    collections.edit(archive, SYSTEM, collection.id, replace(draft, **fields_of))


def test_what_is_published_revised_withdrawn_and_allowed_stands_in_the_feed(archive: Archive) -> None:
    lung = make_collection(archive)
    publish(archive, lung, make_series(2, **ONE))
    publish(archive, lung, make_series(3, **ONE)[2:])
    last = releases.changes(archive, SYSTEM)[-1]
    uid = next(one.series_uid for one in releases.changes(archive, SYSTEM) if one.series_uid)
    releases.withdraw(archive, SYSTEM, lung.id, uid or "", "quality", "motion")
    changed(archive, lung, terms="Ask first.")
    assert kinds(archive, actor=SYSTEM)[-3:] == [("withdrawn", 3), ("released", 3), ("policy", None)]
    assert kinds(archive, last.seq, SYSTEM) == [("withdrawn", 3), ("released", 3), ("policy", None)]
    assert ("revised", 2) in kinds(archive, actor=SYSTEM)


def test_of_what_may_not_be_seen_nothing_is_told(archive: Archive) -> None:
    hidden = make_collection(archive, access="private")
    publish(archive, hidden, make_series(2))
    assert kinds(archive) == []
    assert kinds(archive, actor=SYSTEM) != []


def test_numbers_appear_in_their_order_so_that_who_reads_on_misses_nothing(archive: Archive) -> None:
    lung = make_collection(archive)
    may_end, has_begun, has_ended = threading.Event(), threading.Event(), threading.Event()

    def slow() -> None:
        with archive.database.transaction() as tx:
            note_change(tx, lung.id, "released", 1)
            has_begun.set()
            may_end.wait(20)

    def quick() -> None:
        with archive.database.transaction() as tx:
            note_change(tx, lung.id, "released", 2)
        has_ended.set()

    threads = [threading.Thread(target=slow), threading.Thread(target=quick)]
    threads[0].start()
    assert has_begun.wait(20)
    threads[1].start()
    assert not has_ended.wait(0.3)
    assert kinds(archive) == []
    may_end.set()
    for thread in threads:
        thread.join()
    assert kinds(archive) == [("released", 1), ("released", 2)]


def test_a_long_release_of_one_collection_does_not_hold_up_the_feed(archive: Archive) -> None:
    lung = make_collection(archive)
    with archive.database.transaction() as long:
        long.execute("update collections.collection set summary = 'x' where id = %s", [lung.id])
        publish(archive, make_collection(archive, "HEAD-1"), make_series(1))
        assert ("released", 1) in kinds(archive)


@pytest.mark.parametrize("fields_of", [{"summary": "Other words."}, {"contacts": "x@example.org"}])
def test_other_words_on_the_page_are_no_change_of_policy(archive: Archive, fields_of: dict[str, str]) -> None:
    lung = make_collection(archive)
    changed(archive, lung, **fields_of)
    assert kinds(archive) == []
