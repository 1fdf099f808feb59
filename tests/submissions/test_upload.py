"""Resumable uploads."""

import io
import zipfile

import pytest

from invivo import accounts, jobs, submissions
from invivo.archive import Archive
from invivo.errors import TooLarge
from invivo.submissions.upload import WrongOffset
from tests.factories import actor_named, make_collection, make_image, make_person, make_submission


@pytest.fixture
def person(archive: Archive) -> accounts.Actor:
    make_person(archive, "sam", "curator")
    make_submission(archive, make_collection(archive))
    return actor_named(archive, "sam")


def test_parts_make_a_file_that_is_received(public_archive: Archive, person: accounts.Actor) -> None:
    content = make_image()
    upload = submissions.create_upload(public_archive, person, None, "a.dcm", len(content))
    upload = submissions.append_upload(public_archive, person, upload.id, 0, [content[:500]])
    assert (upload.state, upload.received) == ("open", 500)
    upload = submissions.append_upload(public_archive, person, upload.id, 500, [content[500:]])
    assert (upload.state, upload.receipt["outcome"]) == ("complete", "held")


def test_what_came_before_a_broken_connection_is_kept(archive: Archive, person: accounts.Actor) -> None:
    content = make_image()

    def broken():
        yield content[:100]
        raise ConnectionError

    upload = submissions.create_upload(archive, person, None, "a.dcm", len(content))
    with pytest.raises(ConnectionError):
        submissions.append_upload(archive, person, upload.id, 0, broken())
    assert submissions.find_upload(archive, person, upload.id).received == 100
    assert submissions.append_upload(archive, person, upload.id, 100, [content[100:]]).receipt["outcome"] == "held"


def test_a_part_at_the_wrong_place_is_refused(archive: Archive, person: accounts.Actor) -> None:
    upload = submissions.create_upload(archive, person, None, "a.dcm", 10)
    with pytest.raises(WrongOffset, match="0 of 10"):
        submissions.append_upload(archive, person, upload.id, 5, [b"x"])


def test_more_bytes_than_announced_are_refused(archive: Archive, person: accounts.Actor) -> None:
    upload = submissions.create_upload(archive, person, None, "a.dcm", 10)
    with pytest.raises(TooLarge):
        submissions.append_upload(archive, person, upload.id, 0, [b"x" * 11])


def test_somebody_elses_upload_is_unknown(archive: Archive, person: accounts.Actor) -> None:
    upload = submissions.create_upload(archive, person, None, "a.dcm", 10)
    make_person(archive, "eve", "curator")
    with pytest.raises(submissions.UnknownUpload):
        submissions.find_upload(archive, actor_named(archive, "eve"), upload.id)


def test_a_zip_is_left_to_the_worker_and_unpacked_once(
    archive: Archive, public_archive: Archive, person: accounts.Actor
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as out:
        out.writestr("1.dcm", make_image())
    content = packed.getvalue()
    upload = submissions.create_upload(public_archive, person, None, "cd.zip", len(content))
    assert submissions.append_upload(public_archive, person, upload.id, 0, [content]).state == "complete"
    with archive.database.transaction() as tx:
        assert [job.name for job in jobs.waiting(tx)] == ["unpack"]
    submissions.unpack(archive, upload.id)
    submissions.unpack(archive, upload.id)
    assert submissions.find_upload(archive, person, upload.id).receipt["counts"] == {"held": 1}
