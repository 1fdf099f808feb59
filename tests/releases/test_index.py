"""The published index: what everybody may see, typed, told, and never what left."""

import hashlib
import io
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from invivo import accounts, collections, images, jobs, releases, search
from invivo.archive import Archive
from tests.factories import SYSTEM, make_collection, make_series, publish


def table(archive: Archive, name: str, number: int | None = None) -> list[dict[str, Any]]:
    newest = releases.newest_index(archive)
    found = releases.index_file(archive, number or newest["number"], name)
    content = b"".join(found.chunks())
    assert len(content) == found.length
    return pyarrow.parquet.read_table(io.BytesIO(content)).to_pylist()


def measure(archive: Archive) -> None:
    with archive.database.transaction() as tx:
        keys = [row.key for row in tx.execute("select key from images.series order by id")]
    for key in keys:
        images.write_metadata(archive, key)
        search.describe_series(archive, key)


def test_tables_hold_what_the_archive_shows(archive: Archive) -> None:
    publish(archive, make_collection(archive), make_series(3) + make_series(2, patient="P-2"))
    measure(archive)
    assert releases.write_index(archive) == 1
    rows = table(archive, "series")
    assert sorted(row["instance_count"] for row in rows) == [2, 3]
    assert {(row["collection"], row["modality"], row["slice_thickness_mm"], row["access"]) for row in rows} == {
        ("LUNG-1", "CT", 5.0, "open")
    }
    assert all(row["sop_classes"] == ["1.2.840.10008.5.1.4.1.1.2"] for row in rows)
    assert all(row["url"].endswith(f"/series/{row['series_uid']}/package.zip") for row in rows)
    assert [row["series_count"] for row in table(archive, "study")] == [1, 1]
    assert [row["modalities"] for row in table(archive, "subject")] == [["CT"], ["CT"]]
    one = table(archive, "collection")[0]
    assert (one["collection"], one["series_count"], one["subject_count"], one["release"]) == ("LUNG-1", 2, 2, 1)
    assert "Title of LUNG-1" in one["citation"]
    assert {row["geometry"] for row in table(archive, "geometry")} == {"regular"}


def test_the_dictionary_tells_of_every_column(archive: Archive) -> None:
    publish(archive, make_collection(archive), make_series(1))
    releases.write_index(archive)
    told = {(row["table"], row["name"]) for row in table(archive, "columns")}
    for name in (*releases.INDEX_TABLES, "columns"):
        found = releases.index_file(archive, 1, name)
        schema = pyarrow.parquet.read_schema(found.path)
        assert {(name, column) for column in schema.names} <= told
        assert all(field.metadata[b"meaning"] for field in schema)
    assert all(column.meaning and column.source and column.type for column in releases.INDEX_COLUMNS)


def test_digests_are_right_and_parts_can_be_had(archive: Archive) -> None:
    publish(archive, make_collection(archive), make_series(1))
    releases.write_index(archive)
    for one in releases.newest_index(archive)["files"]:
        found = releases.index_file(archive, 1, one["table"])
        content = b"".join(found.chunks())
        assert hashlib.sha256(content).hexdigest() == one["sha256"]
        assert b"".join(found.chunks(4, 9)) == content[4:9]


@pytest.mark.parametrize(
    "policy",
    ["access = 'private'", "is_listed = false", "access = 'controlled', hides_metadata = true"],
)
def test_what_a_visitor_may_not_see_is_not_in_it(archive: Archive, policy: str) -> None:
    publish(archive, make_collection(archive, "SHOWN"), make_series(1))
    publish(archive, make_collection(archive, "HIDDEN"), make_series(1))
    with archive.database.transaction() as tx:
        tx.execute(f"update collections.collection set {policy} where short_name = 'HIDDEN'".encode())
    releases.write_index(archive)
    assert {row["collection"] for row in table(archive, "series")} == {"SHOWN"}
    everything = "".join(str(table(archive, name)) for name in releases.INDEX_TABLES if name != "collection")
    assert "HIDDEN" not in everything


def test_registered_data_are_listed_with_their_access(archive: Archive) -> None:
    publish(archive, make_collection(archive, access="registered"), make_series(1))
    releases.write_index(archive)
    assert [row["access"] for row in table(archive, "series")] == ["registered"]


def test_nothing_new_keeps_its_number_and_what_stays_keeps_its_file(archive: Archive) -> None:
    collection = make_collection(archive)
    publish(archive, collection, make_series(1))
    assert (releases.write_index(archive), releases.write_index(archive)) == (1, 1)
    before = {one["table"]: one["sha256"] for one in releases.newest_index(archive)["files"]}
    publish(archive, collection, make_series(1))
    assert releases.write_index(archive) == 2
    after = {one["table"]: one["sha256"] for one in releases.newest_index(archive)["files"]}
    assert before["series"] != after["series"]
    assert before["columns"] == after["columns"]
    assert len(table(archive, "series", 1)) == 1
    assert len(table(archive, "series", 2)) == 2


def withdraw(archive: Archive) -> None:
    with archive.database.transaction() as tx:
        row = tx.execute("select uid, collection_id from images.series order by id").fetchone()
    assert row is not None
    releases.withdraw(archive, SYSTEM, row.collection_id, row.uid, "quality", "Blurred.")


def test_a_withdrawal_holds_the_index_back_and_takes_older_ones_away(archive: Archive) -> None:
    collection = make_collection(archive)
    publish(archive, collection, make_series(1))
    releases.write_index(archive)
    publish(archive, collection, make_series(1))
    releases.write_index(archive)
    withdraw(archive)
    with pytest.raises(releases.IndexBeingWritten):
        releases.newest_index(archive)
    with pytest.raises(releases.IndexBeingWritten):
        releases.index_file(archive, 1, "series")
    assert releases.write_index(archive) == 3
    assert len(table(archive, "series")) == 1
    with pytest.raises(releases.NoIndex):
        releases.index_file(archive, 2, "series")
    folder = archive.derived / "index"
    named = {one["sha256"] for one in releases.newest_index(archive)["files"]}
    assert {path.stem for path in folder.glob("*.parquet")} == named


def test_a_stricter_policy_holds_it_back_too(archive: Archive) -> None:
    collection = make_collection(archive)
    publish(archive, collection, make_series(1))
    releases.write_index(archive)
    with archive.database.transaction() as tx:
        tx.execute("update collections.collection set access = 'private' where id = %s", [collection.id])
    with pytest.raises(releases.IndexBeingWritten):
        releases.newest_index(archive)
    releases.write_index(archive)
    assert table(archive, "series") == []


def test_it_is_queued_after_a_change_once_headers_are_read(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not releases.queue_index(archive)
    publish(archive, make_collection(archive), make_series(1))
    assert not releases.queue_index(archive)
    monkeypatch.setattr(jobs, "waiting", lambda _tx: [])
    assert releases.queue_index(archive)
    monkeypatch.undo()
    with archive.database.transaction() as tx:
        assert "index" in [one.name for one in jobs.waiting(tx)]
    releases.write_index(archive)
    assert not releases.queue_index(archive)
    withdraw(archive)
    assert releases.queue_index(archive)  # at once


def test_before_the_first_it_is_said_so(public_archive: Archive) -> None:
    with pytest.raises(releases.NoIndex, match="soon"):
        releases.newest_index(public_archive)


def test_the_public_doors_may_read_it(archive: Archive, public_archive: Archive) -> None:
    publish(archive, make_collection(archive), make_series(1))
    releases.write_index(archive)
    assert releases.index_file(public_archive, 1, "series").length > 100
    assert Path(releases.index_file(public_archive, 1, "series").path).is_file()
    assert collections.visible_to(accounts.ANONYMOUS).text
