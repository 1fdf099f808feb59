"""A house's own collection: what comes is kept as it is, acknowledged when it is durable, and found soon after."""

import threading
from pathlib import Path

import psycopg
import pytest

from invivo import accounts, collections, images, releases, search, submissions
from invivo.archive import Archive
from invivo.dicom import Limits, is_valid
from invivo.errors import Invalid
from invivo.settings import Settings, read_settings
from tests.factories import SYSTEM, make_collection, make_image, make_series, make_submission

LOOPBACK = submissions.Origin("dimse", called_aet="INVIVO", calling_aet="CT1", address="127.0.0.1")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings(tmp_path / "home", limits={"free_bytes": 0}, inhouse={"identified": True})


@pytest.fixture
def house(archive: Archive) -> collections.Collection:
    made = make_collection(archive, "INHOUSE", access="open", review_rule="direct", profile="verify")
    submissions.add_sender(archive, SYSTEM, make_submission(archive, made).id, address="127.0.0.0/8")
    submissions.receipt._destinations.clear()
    return made


def send(archive: Archive, files: list[bytes], origin: submissions.Origin = LOOPBACK) -> list[str]:
    limit = archive.settings.limits.object_bytes
    parcels = [submissions.Parcel(origin, archive.held.spool([content], limit)) for content in files]
    return [receipt.outcome for receipt in submissions.receive_many(archive, parcels)]


def found(archive: Archive, level: str = "series") -> list[search.Found]:
    return list(search.find(archive, accounts.ANONYMOUS, search.ALL, level).rows)


def test_what_comes_is_found_as_it_came(
    archive: Archive, public_archive: Archive, house: collections.Collection
) -> None:
    files = make_series(3, patient="4711")
    assert send(public_archive, files) == ["held"] * 3
    assert found(archive) == []
    assert releases.grow(archive, house.id) == 3
    (row,) = found(public_archive)
    assert (row.subject, row.instance_count, row.size_bytes) == ("4711", 3, sum(map(len, files)))
    kept = images.instances_of_series(public_archive, accounts.ANONYMOUS, row.series_uid)
    assert [archive.objects.place(one.digest).path.read_bytes() for one in kept] == files
    assert not list((archive.held.root / "spool").iterdir())


def test_name_and_birth_date_are_kept(archive: Archive, house: collections.Collection) -> None:
    send(archive, [make_image(patient="4711")])
    releases.grow(archive, house.id)
    with archive.database.transaction() as tx:
        row = tx.execute("select label, name, birth_date::text as born from subjects.subject").fetchone()
    assert (row.label, row.name, row.born) == ("4711", "Doe^Jane", "1970-01-01")


def test_a_series_grows_within_one_release(archive: Archive, house: collections.Collection) -> None:
    files = make_series(5)
    for part in (files[:2], files[2:4], files[4:]):
        send(archive, part)
        releases.grow(archive, house.id)
    (row,) = found(archive)
    series = images.find_series(archive, accounts.ANONYMOUS, row.series_uid)
    assert (series.revision, series.growth, series.instance_count, series.frame_count) == (1, 3, 5, 5)
    (release,) = releases.releases_of(archive, SYSTEM, house.id)
    assert (release.number, release.instance_count, release.series_added) == (1, 5, 1)


def test_metadata_follow_a_series_that_grows(archive: Archive, house: collections.Collection) -> None:
    files = make_series(2)
    sizes = []
    for content in files:
        send(archive, [content])
        releases.grow(archive, house.id)
        series = images.find_series(archive, accounts.ANONYMOUS, found(archive)[0].series_uid)
        path = images.read_metadata(archive, series)
        sizes.append(path.stat().st_size)
        assert len(list(path.parent.iterdir())) == 1
    assert sizes[1] > sizes[0]


def test_the_same_object_again_changes_nothing(archive: Archive, house: collections.Collection) -> None:
    files = make_series(2)
    send(archive, [*files, files[0]])
    assert releases.grow(archive, house.id) == 2
    send(archive, files)
    assert releases.grow(archive, house.id) == 0
    assert [row.instance_count for row in found(archive)] == [2]


def test_other_bytes_of_an_object_take_its_place(archive: Archive, house: collections.Collection) -> None:
    first = make_image(study="1.2", series="1.2.3", SOPInstanceUID="1.2.3.4")
    second = make_image(study="1.2", series="1.2.3", SOPInstanceUID="1.2.3.4", size=32)
    for content in (first, second):
        send(archive, [content])
        releases.grow(archive, house.id)
    (row,) = found(archive)
    assert (row.instance_count, row.size_bytes) == (1, len(second))
    (one,) = images.instances_of_series(archive, accounts.ANONYMOUS, "1.2.3")
    assert one.rows == 32


def test_a_published_release_ends_the_growing_one(archive: Archive, house: collections.Collection) -> None:
    files = make_series(3)
    send(archive, files[:1])
    releases.grow(archive, house.id)
    uid = found(archive)[0].series_uid
    other = make_series(1)
    send(archive, other)
    releases.grow(archive, house.id)
    gone = next(row.series_uid for row in found(archive) if row.series_uid != uid)
    assert releases.withdraw(archive, SYSTEM, house.id, gone, "quality", "blurred") == 2
    send(archive, files[1:])
    releases.grow(archive, house.id)
    series = images.find_series(archive, accounts.ANONYMOUS, uid)
    assert (series.revision, series.instance_count, series.first_release) == (2, 3, 3)
    assert images.find_series(archive, accounts.ANONYMOUS, uid, 1).instance_count == 1


def test_several_series_and_studies_in_one_delivery(archive: Archive, house: collections.Collection) -> None:
    files = [content for patient in "abc" for _ in range(2) for content in make_series(4, patient=patient)]
    assert set(send(archive, files)) == {"held"}
    assert releases.grow(archive, house.id) == 24
    assert sorted(row.subject for row in found(archive, "study")) == ["a", "a", "b", "b", "c", "c"]
    assert all(is_valid(row.study_uid) for row in found(archive, "study"))


def test_what_is_no_object_is_refused_at_a_dicom_door(archive: Archive, house: collections.Collection) -> None:
    assert send(archive, [b"no object at all" * 20, make_image()]) == ["refused", "held"]


def test_another_sender_is_refused(archive: Archive, house: collections.Collection) -> None:
    stranger = submissions.Origin("dimse", called_aet="INVIVO", calling_aet="CT1", address="10.0.0.1")
    assert send(archive, [make_image()], stranger) == ["refused"]


def test_a_stranger_leaves_nothing_behind(archive: Archive, house: collections.Collection) -> None:
    large = make_image(size=1024)
    assert len(large) > 1 << 20
    stranger = submissions.Origin("dimse", called_aet="INVIVO", calling_aet="CT1", address="10.0.0.1")
    assert send(archive, [large], stranger) == ["refused"]
    assert send(archive, [large]) == ["held"]
    assert not list((archive.held.root / "spool").iterdir())


def test_it_is_known_later_that_objects_were_kept_as_they_came(archive: Archive, house: collections.Collection) -> None:
    assert not releases.has_grown(archive.database)
    send(archive, [make_image()])
    releases.grow(archive, house.id)
    assert releases.has_grown(archive.database)


def test_the_other_doors_take_in_from_the_same_addresses(archive: Archive, house: collections.Collection) -> None:
    near = submissions.Origin("stow", address="127.0.0.1")
    assert send(archive, [make_image()], near) == ["held"]
    for origin in (submissions.Origin("stow", address="10.0.0.1"), submissions.Origin("stow")):
        assert send(archive, [make_image()], origin) == ["refused"]


def test_the_public_doors_cannot_read_what_waits(public_archive: Archive, house: collections.Collection) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), public_archive.database.transaction() as tx:
        tx.execute("select count(*) from images.arrived")


def test_only_an_archive_of_a_house_keeps_objects_as_they_come(archive: Archive, house: collections.Collection) -> None:
    public = archive.settings.model_copy(
        update={"inhouse": archive.settings.inhouse.model_copy(update={"identified": False})}
    )
    elsewhere = Archive(
        **{name: getattr(archive, name) for name in archive.__dataclass_fields__} | {"settings": public}
    )
    with pytest.raises(Invalid, match="house's own"):
        collections.create(
            elsewhere, SYSTEM, collections.Draft("OTHER", "Other", review_rule="direct", licence="CC0-1.0")
        )


def test_an_object_whose_sender_found_the_job_queued_is_not_overlooked(
    archive: Archive, public_archive: Archive, house: collections.Collection
) -> None:
    """The job begins and finds nothing while the sender's transaction is open: it waits for that one."""
    entry = submissions.direct._entry(public_archive.held.spool([make_image()], 1 << 20), Limits())
    assert entry is not None
    grown: list[int] = []
    worker = threading.Thread(target=lambda: grown.append(releases.grow(archive, house.id)))
    with public_archive.database.transaction() as tx:
        with images.staging(tx, house.id, [entry]):
            pass
        worker.start()
        worker.join(0.5)
        assert worker.is_alive()
    worker.join(10)
    assert grown == [1]
