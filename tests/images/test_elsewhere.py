import gzip
import json
from pathlib import Path

import pytest

from invivo import accounts, images, releases
from invivo.archive import Archive
from invivo.cli.idc_index import parts_of, read_index
from tests.factories import SYSTEM
from tests.fakes.idc_index import about, row, write_index

ANYBODY = accounts.ANONYMOUS


@pytest.fixture
def key(archive: Archive, tmp_path: Path) -> int:
    index = read_index(write_index(tmp_path, [row(1), row(2)], [about("nlst", "NLST")]))
    for _, part in parts_of(index):
        releases.load_part(archive, SYSTEM, "idc", index.version, part)
    return images.find_series(archive, ANYBODY, "1.2.3.1").key


def test_a_series_that_comes_back_is_where_it_was(archive: Archive, key: int) -> None:
    before = images.locations_of(archive, ANYBODY, ["1.2.3.1"])
    with archive.database.transaction() as tx:
        images.end_all(tx, 2, [key])
    assert images.locations_of(archive, ANYBODY, ["1.2.3.1"]) == {}
    with archive.database.transaction() as tx:
        images.put_back(tx, 3, [key])
    assert images.locations_of(archive, ANYBODY, ["1.2.3.1"]) == before


def test_nothing_stays_of_a_series_that_is_purged(archive: Archive, key: int) -> None:
    with archive.database.transaction() as tx:
        images.end_all(tx, 2, [key])
        images.hide(tx, [key])
        images.purge(tx, [key])
        left = tx.execute("select count(*) as n from images.location").fetchone()
    assert left is not None
    assert left.n == 1


def test_its_metadata_are_an_empty_list(archive: Archive, key: int) -> None:
    path = images.read_metadata(archive, images.find_series(archive, ANYBODY, "1.2.3.1"))
    assert json.loads(gzip.decompress(path.read_bytes())) == []
