"""What changed between releases."""

import pytest

from invivo import accounts, releases
from invivo.archive import Archive
from invivo.errors import Invalid
from tests.factories import SYSTEM, make_collection, make_series, publish


def kinds(archive: Archive, collection_id: int, older: int, newer: int) -> list[tuple[str, str, int]]:
    found = releases.difference(archive, accounts.ANONYMOUS, collection_id, older, newer)
    return [(one.kind, one.modality, one.instance_count) for one in found]


def test_added_revised_and_withdrawn_series_are_told_apart(archive: Archive) -> None:
    lung = make_collection(archive)
    one, other = {"study": "1.2.3", "series": "1.2.3.4"}, {"study": "1.2.3", "series": "1.2.3.5"}
    publish(archive, lung, make_series(2, **one))
    publish(archive, lung, make_series(3, **other))
    publish(archive, lung, make_series(3, **one)[2:])
    (uid,) = {row.series_uid for row in releases.difference(archive, SYSTEM, lung.id, 1, 2)}
    releases.withdraw(archive, SYSTEM, lung.id, uid, "quality", "motion")
    assert kinds(archive, lung.id, 0, 1) == [("added", "CT", 2)]
    assert kinds(archive, lung.id, 1, 2) == [("added", "CT", 3)]
    assert kinds(archive, lung.id, 2, 3) == [("revised", "CT", 3)]
    assert kinds(archive, lung.id, 3, 4) == [("withdrawn", "CT", 3)]
    assert kinds(archive, lung.id, 1, 4) == [("revised", "CT", 3)]


def test_who_may_not_see_a_series_does_not_learn_that_it_changed(archive: Archive) -> None:
    hidden = make_collection(archive, access="private")
    publish(archive, hidden, make_series(2))
    assert kinds(archive, hidden.id, 0, 1) == []


@pytest.mark.parametrize(("older", "newer"), [(1, 1), (2, 1), (-1, 1)])
def test_the_older_release_comes_first(archive: Archive, older: int, newer: int) -> None:
    with pytest.raises(Invalid):
        releases.difference(archive, SYSTEM, make_collection(archive).id, older, newer)
