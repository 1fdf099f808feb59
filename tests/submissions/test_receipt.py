"""The one entrance: what is kept, what is refused, and that nothing is acknowledged early."""

import zipfile
from pathlib import Path

import pydicom.data
import pytest

from invivo import quarantine, reviews, storage, submissions
from invivo.archive import Archive
from invivo.errors import TooLarge
from invivo.storage.disk import DiskFull
from tests.factories import (
    SYSTEM,
    advance_all,
    deliver,
    make_collection,
    make_image,
    make_person,
    make_series,
    make_submission,
)
from tests.factories import actor_named as named

SHARED = Path(__file__).parents[3] / "shared" / "data" / "dicom"


def counts(archive: Archive, submission: submissions.Submission) -> dict[str, int]:
    with archive.database.transaction() as tx:
        return quarantine.counts_of_submission(tx, submission.id)


def test_an_object_is_held_and_its_bytes_are_kept(archive: Archive, public_archive: Archive) -> None:
    submission = make_submission(archive, make_collection(archive))
    content = make_image()
    receipt = deliver(public_archive, submission, [content])[0]
    assert receipt.outcome == "held"
    with archive.database.transaction() as tx:
        held = quarantine.object_named(tx, receipt.object_id)
    with archive.held.open(held.digest) as stream:
        assert stream.read() == content


def test_the_same_object_twice_is_the_same_row(archive: Archive) -> None:
    submission = make_submission(archive, make_collection(archive))
    content = make_image()
    first, second = deliver(archive, submission, [content, content])
    assert (first.object_id, second.outcome) == (second.object_id, "repeated")
    assert counts(archive, submission) == {"received": 1}


def test_the_same_uid_with_other_bytes_is_a_conflict_that_a_curator_sees(archive: Archive) -> None:
    submission = make_submission(archive, make_collection(archive))
    files = [make_image(SOPInstanceUID="1.2.3", study="1.2", series="1.2.1", number=number) for number in (1, 2)]
    assert [receipt.outcome for receipt in deliver(archive, submission, files)] == ["held", "conflict"]
    advance_all(archive)
    item = reviews.queue(archive, SYSTEM).items[0]
    assert any(finding.code == "object.conflict" for finding in reviews.findings_of(archive, item))
    with pytest.raises(reviews.NotSettled):
        reviews.decide(archive, SYSTEM, [item.id], "approve", "x")


def test_a_curator_lets_the_second_object_take_the_first_ones_place(archive: Archive) -> None:
    submission = make_submission(archive, make_collection(archive))
    files = [make_image(SOPInstanceUID="1.2.3", study="1.2", series="1.2.1", number=number) for number in (1, 2)]
    second = deliver(archive, submission, files)[1]
    advance_all(archive)
    reviews.settle_object(archive, SYSTEM, second.object_id, "replace")
    advance_all(archive)
    assert counts(archive, submission) == {"discarded": 1, "cleaned": 1}
    reviews.decide(archive, SYSTEM, [reviews.queue(archive, SYSTEM).items[0].id], "approve", "looked at")


def test_other_files_are_attachments_and_wait_for_a_person(archive: Archive) -> None:
    submission = make_submission(archive, make_collection(archive, review_rule="on-receipt"))
    origin = submissions.Origin("upload", SYSTEM, submission.id)
    assert submissions.receive(archive, origin, [b"a,b\n1,2\n"], "table.csv").outcome == "attached"
    advance_all(archive)
    assert [item.kind for item in reviews.queue(archive, SYSTEM).items] == ["files"]


@pytest.mark.parametrize("door", ["dimse", "stow"])
def test_a_door_for_dicom_refuses_what_is_none(archive: Archive, door: str) -> None:
    submission = make_submission(archive, make_collection(archive))
    submissions.add_sender(archive, SYSTEM, submission.id, address="127.0.0.1")
    origin = submissions.Origin(door, SYSTEM, submission.id, address="127.0.0.1")
    receipt = submissions.receive(archive, origin, [b"not DICOM at all" * 100])
    assert (receipt.outcome, receipt.code) == ("refused", "dicom.not-dicom")
    assert counts(archive, submission) == {}


def test_an_object_over_the_limit_is_refused_by_its_name(archive: Archive) -> None:
    with pytest.raises(TooLarge, match=r"limits\.object_bytes"):
        archive.held.spool([b"x" * 100], 50)


def test_an_unknown_sender_is_refused_and_nothing_is_kept(archive: Archive) -> None:
    make_submission(archive, make_collection(archive))
    with pytest.raises(submissions.UnknownSender, match="register it"):
        submissions.receive(archive, submissions.Origin("dimse", calling_aet="X", address="10.0.0.1"), [make_image()])
    assert not [path for path in archive.held.root.rglob("*") if path.is_file()]


def test_a_closed_submission_takes_nothing(archive: Archive) -> None:
    submission = make_submission(archive, make_collection(archive))
    submissions.close_submission(archive, SYSTEM, submission.id)
    with pytest.raises(submissions.UnknownSender):
        deliver(archive, submission, [make_image()])


def test_the_most_specific_sender_wins(archive: Archive) -> None:
    collection = make_collection(archive)
    general, special = make_submission(archive, collection), make_submission(archive, collection)
    submissions.add_sender(archive, SYSTEM, general.id, address="10.0.0.0/8")
    submissions.add_sender(archive, SYSTEM, special.id, called_aet="LUNG", address="10.0.0.0/8")
    with archive.database.transaction() as tx:
        chosen = [
            submissions.submission_for(tx, submissions.Origin("dimse", called_aet=called, address="10.1.1.1"))
            for called in ("ANY", "LUNG")
        ]
    assert chosen == [general.id, special.id]


def test_a_stranger_cannot_deliver(archive: Archive) -> None:
    submission = make_submission(archive, make_collection(archive))
    make_person(archive, "eve")
    with pytest.raises(submissions.UnknownSender):
        submissions.receive(archive, submissions.Origin("stow", named(archive, "eve"), submission.id), [make_image()])


def test_every_file_that_pydicom_ships_is_held_or_refused_with_a_reason(archive: Archive) -> None:
    submission = make_submission(archive, make_collection(archive))
    origin = submissions.Origin("import", SYSTEM, submission.id)
    folder = Path(pydicom.data.__file__).parent / "test_files"
    receipts = dict(submissions.receive_path(archive, origin, folder))
    assert len(receipts) > 100
    assert all(receipt.reason for receipt in receipts.values() if receipt.outcome in ("refused", "damaged"))
    advance_all(archive)
    assert "received" not in counts(archive, submission)


@pytest.mark.skipif(not SHARED.is_dir(), reason="only where the developers' data are")
@pytest.mark.parametrize("folder", ["broken", "text"])
def test_hostile_files_never_stop_the_rest(archive: Archive, folder: str) -> None:
    submission = make_submission(archive, make_collection(archive))
    origin = submissions.Origin("import", SYSTEM, submission.id)
    receipts = list(
        submissions.receive_path(archive, origin, SHARED / folder if folder == "broken" else SHARED.parent / folder)
    )
    assert receipts
    deliver(archive, submission, make_series(1))
    advance_all(archive)
    assert counts(archive, submission).get("cleaned", 0) >= 1
    assert "received" not in counts(archive, submission)


def zip_of(path: Path, **entries: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in entries.items():
            out.writestr(name, content)
    return path


def received(archive: Archive, path: Path) -> dict[str, submissions.Receipt]:
    submission = make_submission(archive, make_collection(archive))
    return dict(submissions.receive_path(archive, submissions.Origin("import", SYSTEM, submission.id), path))


def test_the_files_of_a_zip_are_received_each_on_its_own(archive: Archive, tmp_path: Path) -> None:
    found = received(archive, zip_of(tmp_path / "a.zip", **{"CD/1.dcm": make_image(), "CD/notes.txt": b"hello"}))
    assert {name: receipt.outcome for name, receipt in found.items()} == {
        "a.zip/CD/1.dcm": "held",
        "a.zip/CD/notes.txt": "attached",
    }


@pytest.mark.parametrize("name", ["../up.dcm", "/etc/passwd", "a/../../b", "C:\\x.dcm", "..\\up.dcm"])
def test_names_that_lead_out_of_an_archive_are_refused(archive: Archive, tmp_path: Path, name: str) -> None:
    found = received(archive, zip_of(tmp_path / "a.zip", **{name: make_image(), "good.dcm": make_image()}))
    assert sorted(receipt.outcome for receipt in found.values()) == ["held", "refused"]


def test_a_zip_bomb_is_refused_and_its_neighbours_are_not(archive: Archive, tmp_path: Path) -> None:
    found = received(archive, zip_of(tmp_path / "a.zip", bomb=bytes(64 << 20), **{"good.dcm": make_image()}))
    assert found["a.zip/bomb"].outcome == "refused"
    assert "limits.archive_ratio" in found["a.zip/bomb"].reason
    assert found["a.zip/good.dcm"].outcome == "held"


def test_a_link_out_of_a_folder_is_not_followed(archive: Archive, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    folder = tmp_path / "cd"
    folder.mkdir()
    (folder / "link").symlink_to(secret)
    (folder / "good.dcm").write_bytes(make_image())
    assert list(received(archive, folder)) == ["good.dcm"]


def test_nothing_is_taken_in_while_the_disk_has_less_room_than_is_to_be_left(archive: Archive) -> None:
    submission = make_submission(archive, make_collection(archive))
    archive.held.reserve = 1 << 60
    with pytest.raises(DiskFull):
        deliver(archive, submission, [make_image()])
    spooled = storage.Spooled(
        archive.held.root / "spool" / "none", "0" * 64, 3, 0, b"abc"
    )  # as the DICOM door makes it
    with pytest.raises(DiskFull):
        submissions.receive_many(archive, [submissions.Parcel(submissions.Origin("dimse"), spooled)])
    assert counts(archive, submission) == {}
