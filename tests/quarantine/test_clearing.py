"""Held series are weighed, cleared and taken back together, and never what came after they were looked at."""

import pytest

from invivo import quarantine
from invivo.archive import Archive
from tests.factories import advance_all, deliver, make_collection, make_series, make_submission


@pytest.fixture
def series(archive: Archive) -> tuple[int, list[int]]:
    """A held series of three cleaned objects, and their ids."""
    deliver(archive, make_submission(archive, make_collection(archive)), make_series(3))
    advance_all(archive)
    with archive.database.transaction() as tx:
        found = tx.execute("select id, series_id from quarantine.object order by id").fetchall()
    return found[0].series_id, [row.id for row in found]


def test_what_came_later_is_neither_cleared_nor_overlooked(archive: Archive, series: tuple[int, list[int]]) -> None:
    number, ids = series
    with archive.database.transaction() as tx:
        weight = quarantine.weigh(tx, {number: ids[1]})
        assert (weight.objects, weight.unready) == (3, frozenset({"received"}))
        assert quarantine.clear(tx, {number: ids[1]}) == 2
        assert quarantine.counts_of_collection(tx, 1) == {"cleaned": 1, "cleared": 2}


def test_all_is_cleared_and_taken_back(archive: Archive, series: tuple[int, list[int]]) -> None:
    number, _ = series
    with archive.database.transaction() as tx:
        assert quarantine.weigh(tx, {number: 0}) == quarantine.Weight(3, 0, frozenset())
        assert quarantine.clear(tx, {number: 0}) == 3
        assert quarantine.with_cleared(tx, [number, 999]) == {number}
        assert quarantine.unclear(tx, [number]) == 3
        assert quarantine.with_cleared(tx, [number]) == set()


def test_nothing_is_cleared_while_bytes_are_to_be_replaced(archive: Archive, series: tuple[int, list[int]]) -> None:
    number, ids = series
    with pytest.raises(quarantine.Changing, match="1 of 3"), archive.database.transaction() as tx:
        quarantine.begin_change(tx, ids[:1])
        assert quarantine.weigh(tx, {number: 0}).changing == 1
        quarantine.clear(tx, {number: 0})
    with archive.database.transaction() as tx:
        assert quarantine.counts_of_collection(tx, 1) == {"cleaned": 3}


def test_a_stuck_object_makes_its_series_unready(archive: Archive, series: tuple[int, list[int]]) -> None:
    number, ids = series
    with archive.database.transaction() as tx:
        quarantine.restart(tx, ids[:1])
        quarantine.stick(tx, ids[0], "dicom.damaged", "It cannot be read.")
        assert quarantine.weigh(tx, {number: 0}).unready == frozenset({"stuck"})


def test_discarding_many_series_leaves_the_others(archive: Archive, series: tuple[int, list[int]]) -> None:
    number, _ = series
    with archive.database.transaction() as tx:
        assert quarantine.discard(tx, series_ids=[number + 1]) == 0
        assert quarantine.discard(tx, series_ids=[number]) == 3
