"""Reading instances and their headers."""

import pytest

from invivo import accounts, images, search
from invivo.images import instance
from tests import factories


@pytest.fixture
def series(archive):
    factories.publish(archive, factories.make_collection(archive), factories.make_series(7))
    (row,) = search.find(archive, factories.SYSTEM, search.ALL).rows
    return images.find_series(archive, factories.SYSTEM, row.series_uid)


def test_headers_of_a_long_series_come_in_order_and_a_few_at_a_time(archive, series, monkeypatch):
    monkeypatch.setattr(instance, "HEADERS_AT_ONCE", 2)
    numbers = [header["00200013"]["Value"][0] for header in images.headers_of(archive, series.key)]
    assert numbers == [1, 2, 3, 4, 5, 6, 7]


def test_files_say_whether_their_bytes_may_be_had(archive, series):
    known = images.files_of(archive, factories.SYSTEM, series.study_uid, series.uid)
    assert [one.is_free for one in known] == [True] * 7
    assert known == images.files_of(archive, accounts.ANONYMOUS, series.study_uid)
    assert images.files_of(archive, factories.SYSTEM, series.study_uid, "1.2.3") == []


def test_an_instance_is_found_within_its_series_and_study_only(archive, series):
    uid = images.instances_of_series(archive, factories.SYSTEM, series.uid)[0].uid
    found = images.find_instance(archive, factories.SYSTEM, uid, series_uid=series.uid, study_uid=series.study_uid)
    assert found.uid == uid
    with pytest.raises(images.UnknownInstance):
        images.find_instance(archive, factories.SYSTEM, uid, study_uid="1.2.3")


def test_one_header_stands_for_a_series(archive, series):
    (packed,) = images.sample_headers(archive, [series.key]).values()
    assert images.unpack_header(packed)["0020000E"]["Value"] == [series.uid]


def test_reading_rows_leaves_the_connection_as_it_was(archive, series):
    with archive.database.transaction() as tx:
        assert tx.autocommit is False
        tx.execute("select 1")
