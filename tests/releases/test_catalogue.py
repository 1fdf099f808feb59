from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from invivo import accounts, collections, images, releases
from invivo.archive import Archive
from invivo.cli.idc_index import parts_of, read_index
from invivo.errors import Refused
from tests.factories import SYSTEM, actor_named, make_collection, make_person
from tests.fakes.idc_index import about, row, write_index

Load = Callable[..., dict[str, releases.Loaded]]
VISITOR = accounts.ANONYMOUS


@pytest.fixture
def load(archive: Archive, tmp_path: Path) -> Load:
    def loading(
        rows: list[dict[str, Any]], *, version: int = 25, limit: int | None = None, actor: accounts.Actor = SYSTEM
    ) -> dict[str, releases.Loaded]:
        pages = [about("nlst", "NLST"), about("lidc_idri", "LIDC-IDRI")]
        index = read_index(write_index(tmp_path / "index", rows, pages, version))
        return {
            part.page.name: releases.load_part(archive, actor, "idc", index.version, part)
            for _, part in parts_of(index, (), limit)
        }

    return loading


def count(archive: Archive, what: str, where: str = "true") -> int:
    with archive.database.transaction() as tx:
        found = tx.execute(
            f"select {what} as n from images.series s join images.study t on t.id = s.study_id"
            " join subjects.subject p on p.id = s.subject_id join collections.collection c on c.id = s.collection_id"
            f" where upper_inf(s.releases) and {where}".encode()
        ).fetchone()
    return int(found.n) if found else 0


def released(archive: Archive, name: str = "NLST") -> list[tuple[int, int, int, int, int]]:
    known = collections.collection_named(archive, SYSTEM, name)
    return [
        (one.number, one.series_added, one.series_revised, one.series_withdrawn, one.instance_count)
        for one in releases.releases_of(archive, SYSTEM, known.id)
    ]


def test_a_collection_of_the_catalogue_is_open_to_visitors(archive: Archive, load: Load) -> None:
    assert load([row(1, SeriesDescription="Thorax")])["nlst"] == releases.Loaded("NLST", "new", 1)
    found = images.find_series(archive, VISITOR, "1.2.3.1")
    assert (found.collection, found.subject, found.description, found.licence) == ("NLST", "P-0", "Thorax", "CC-BY-4.0")
    assert (found.instance_count, found.size_bytes) == (3, 123)
    assert released(archive) == [(1, 1, 0, 0, 3)]


def test_each_series_points_to_its_bytes(archive: Archive, load: Load) -> None:
    load([row(1), row(2, source_DOI="10.5281/zenodo.1", analysis_result_id="marks")])
    found = images.locations_of(archive, VISITOR, ["1.2.3.1", "1.2.3.2", "9.9"])
    assert set(found) == {"1.2.3.1", "1.2.3.2"}
    assert found["1.2.3.1"].bucket == "idc-open-data"
    assert found["1.2.3.1"].folder == "00000000-0000-0000-0000-000000000001/"
    assert [found[uid].is_result for uid in ("1.2.3.1", "1.2.3.2")] == [False, True]


def test_loading_the_same_again_changes_nothing(archive: Archive, load: Load) -> None:
    rows = [row(number) for number in range(40)]
    load(rows)
    newest = releases.newest_change(archive)
    assert load(rows)["nlst"].outcome == "unchanged"
    assert load(rows, version=26)["nlst"].outcome == "unchanged"
    assert releases.newest_change(archive) == newest
    assert len(released(archive)) == 1


def test_a_newer_index_adds_revises_and_withdraws(archive: Archive, load: Load) -> None:
    load([row(1), row(2), row(3)])
    done = load([row(1), row(2, BodyPartExamined="CHEST"), row(4)], version=26)
    assert done["nlst"] == releases.Loaded("NLST", "changed", 1, 1, 1)
    assert released(archive)[0] == (2, 1, 1, 1, 9)
    assert images.find_series(archive, VISITOR, "1.2.3.2").revision == 2
    assert images.find_series(archive, VISITOR, "1.2.3.2", release=1).body_part is None
    assert images.find_series(archive, VISITOR, "1.2.3.3", release=1).revision == 1
    with pytest.raises(images.UnknownSeries):
        images.find_series(archive, VISITOR, "1.2.3.3")
    tombstone = releases.tombstone_of(archive, VISITOR, "1.2.3.3")
    assert tombstone is not None
    assert "version 26" in tombstone.reason


def test_a_series_whose_files_moved_is_revised(archive: Archive, load: Load) -> None:
    load([row(1)])
    load([row(1, series_aws_url="s3://idc-open-data-two/00000000-0000-0000-0000-00000000000a/*")], version=26)
    assert images.locations_of(archive, VISITOR, ["1.2.3.1"])["1.2.3.1"].bucket == "idc-open-data-two"


def test_what_left_the_catalogue_may_come_back(archive: Archive, load: Load) -> None:
    load([row(1), row(2)])
    load([row(1)], version=26)
    assert load([row(1), row(2)], version=27)["nlst"] == releases.Loaded("NLST", "changed", 1)


def test_what_people_withdrew_stays_withdrawn(archive: Archive, load: Load) -> None:
    load([row(1), row(2)])
    known = collections.collection_named(archive, SYSTEM, "NLST")
    releases.withdraw(archive, SYSTEM, known.id, "1.2.3.2", "privacy", "A name stood in it.")
    load([row(1), row(2), row(3)], version=26)
    assert count(archive, "count(*)") == 2
    with pytest.raises(images.UnknownSeries):
        images.find_series(archive, VISITOR, "1.2.3.2")


def test_a_part_of_the_rows_withdraws_nothing(archive: Archive, load: Load) -> None:
    rows = [row(number) for number in range(40)]
    load(rows)
    load(rows, limit=10)
    assert count(archive, "count(*)") == 40


def test_a_part_is_completed_later(archive: Archive, load: Load) -> None:
    rows = [row(number) for number in range(40)]
    load(rows, limit=10)
    assert load(rows)["nlst"] == releases.Loaded("NLST", "changed", 30)
    assert [one[1] for one in released(archive)] == [30, 10]


def test_a_patient_of_two_collections_is_a_subject_of_each(archive: Archive, load: Load) -> None:
    load([row(1), row(1001, "lidc_idri", PatientID="P-0")])
    assert count(archive, "count(distinct s.subject_id)", "p.label = 'P-0'") == 2


def test_a_study_of_two_patients_is_one_study_and_each_series_keeps_its_subject(archive: Archive, load: Load) -> None:
    load([row(1, PatientID="B"), row(2, PatientID="A")])
    assert count(archive, "count(distinct s.study_id)") == 1
    assert count(archive, "count(distinct p.label)") == 2


def test_a_series_is_found_by_its_words(archive: Archive, load: Load) -> None:
    load([row(1, SeriesDescription="T1_MPRAGE-sag größer", Manufacturer="ACME, Inc.")])
    for words in ("mprage", "größer", "acme", "nlst", "p"):
        assert count(archive, "count(*)", f"s.text @@ images.words('{words}')::text::tsquery") == 1


def test_nobody_but_an_administrator_loads(archive: Archive, load: Load) -> None:
    make_person(archive, "ada")
    with pytest.raises(Refused):
        load([row(1)], actor=actor_named(archive, "ada"))
    assert count(archive, "count(*)") == 0


def test_a_name_that_is_taken_gets_an_ending(archive: Archive, load: Load) -> None:
    make_collection(archive, "nlst")
    assert load([row(1)])["nlst"].collection == "NLST-idc"


def test_a_collection_that_left_the_index_is_emptied_once(archive: Archive, load: Load) -> None:
    load([row(1), row(1001, "lidc_idri")])
    assert releases.end_part(archive, SYSTEM, "idc", "26", "lidc_idri").withdrawn == 1
    assert releases.end_part(archive, SYSTEM, "idc", "26", "lidc_idri").outcome == "unchanged"
    assert collections.collection_named(archive, VISITOR, "LIDC-IDRI").title == "Data of LIDC-IDRI"


def test_an_end_in_the_middle_leaves_nothing_of_the_collection(
    archive: Archive, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_given: object, **_named: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(collections, "settle_mirror", broken)
        with pytest.raises(KeyboardInterrupt):
            load([row(1)])
    assert collections.mirrored_names(archive, "idc") == {}
    assert load([row(1)])["nlst"].outcome == "new"


def test_every_series_is_in_the_feed_of_changes(archive: Archive, load: Load) -> None:
    load([row(1), row(2)])
    told = releases.changes(archive, VISITOR)
    assert [(one.kind, one.series_uid) for one in told if one.kind in ("created", "released")] == [
        ("created", "1.2.3.1"),
        ("created", "1.2.3.2"),
        ("released", None),
    ]


def test_a_newer_page_is_written(archive: Archive, load: Load, tmp_path: Path) -> None:
    load([row(1)])
    pages = [about("nlst", "NLST", species="Mouse")]
    index = read_index(write_index(tmp_path / "other", [row(1)], pages, 26))
    for _, part in parts_of(index):
        releases.load_part(archive, SYSTEM, "idc", index.version, part)
    assert collections.collection_named(archive, VISITOR, "NLST").species == ("Mouse",)
    assert len(released(archive)) == 1
