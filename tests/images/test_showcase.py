"""Pictures that stand for collections."""

import pytest

from invivo import accounts, images
from invivo.archive import Archive
from tests.factories import SYSTEM, make_collection, make_image, publish

ANYBODY = accounts.ANONYMOUS


@pytest.fixture
def two_collections(archive: Archive) -> tuple[int, int]:
    first, second = make_collection(archive), make_collection(archive, "LUNG-2", access="registered")
    files = [make_image(patient=f"P-{number // 3}", size=16 if number == 0 else 128) for number in range(6)]
    publish(archive, first, files)
    publish(archive, second, [make_image(patient="P-9")])
    return first.id, second.id


def test_each_collection_shows_as_many_as_wanted_of_what_may_be_had(
    archive: Archive, two_collections: tuple[int, int]
) -> None:
    first, second = two_collections
    found = images.showcase(archive, ANYBODY, [first, second], 4)
    assert len(found[first]) == 4
    assert second not in found  # who is not signed in may not have its pictures
    assert len(images.showcase(archive, SYSTEM, [second], 4)[second]) == 1


def test_different_subjects_come_first_and_tiny_matrices_last(
    archive: Archive, two_collections: tuple[int, int]
) -> None:
    first, _ = two_collections
    shown = images.showcase(archive, ANYBODY, [first], 6)[first]
    series = [images.find_series(archive, ANYBODY, one.series_uid) for one in shown]
    assert len({one.subject for one in series[:2]}) == 2
    assert [one.rows for one in series].index(16) == 5
