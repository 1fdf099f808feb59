"""What one object tells of a subject is taken out of the subject's other objects, and forgotten with the originals."""

import pytest

from invivo import deidentification, quarantine, releases, submissions
from invivo.archive import Archive
from tests.factories import SYSTEM, advance_all, approve_all, deliver, make_collection, make_image, make_submission


def texts(archive: Archive) -> list[bytes]:
    with archive.database.transaction() as tx:
        digests = [row[0] for row in tx.execute("select clean_digest from quarantine.object order by id")]
    return [archive.held.place(digest).path.read_bytes() for digest in digests if digest]


def test_a_name_in_one_series_goes_from_the_text_of_the_next(archive: Archive) -> None:
    collection = make_collection(archive)
    submission = make_submission(archive, collection)
    first = make_image(patient="77", PatientName="Kowalczyk^Zerbinetta")
    second = make_image(patient="77", PatientName="", SeriesDescription="Chest of Zerbinetta")
    other = make_image(patient="78", PatientName="Nobody^Else", SeriesDescription="Chest of Zerbinetta")
    deliver(archive, submission, [first, second, other])
    advance_all(archive)
    cleaned = texts(archive)
    assert len(cleaned) == 3
    assert [b"Zerbinetta" in one for one in cleaned] == [False, False, True]


def test_identifiers_are_forgotten_with_the_originals(archive: Archive) -> None:
    collection = make_collection(archive)
    submission = make_submission(archive, collection)
    deliver(archive, submission, [make_image(patient="77", PatientName="Kowalczyk^Zerbinetta")])
    advance_all(archive)
    with archive.database.transaction() as tx:
        label = tx.execute("select subject_label from quarantine.series").fetchone()[0]  # type: ignore[index]
        assert ("name", "Kowalczyk^Zerbinetta") in quarantine.remembered(tx, collection.id, label).identifiers
    approve_all(archive)
    releases.publish(archive, SYSTEM, collection.id, "for a test")
    submissions.sweep(archive)
    with archive.database.transaction() as tx:
        assert quarantine.remembered(tx, collection.id, label).identifiers == ()


def test_a_file_that_breaks_the_cleaning_again_and_again_sticks(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = make_submission(archive, make_collection(archive))
    origin = submissions.Origin("import", SYSTEM, submission.id)
    submissions.receive(archive, origin, [b"subject,age\nS-1,50\n"], "table.csv")

    def break_off(*_given: object, **_named: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(deidentification, "clean_other", break_off)
        for _ in range(3):
            with pytest.raises(MemoryError):
                advance_all(archive)
        advance_all(archive)
    with archive.database.transaction() as tx:
        row = tx.execute("select state, reason_code from quarantine.object").fetchone()
    assert row is not None and tuple(row) == ("stuck", "journey.crashed")


def test_a_collection_that_verifies_only_leaves_files_as_they_came(archive: Archive) -> None:
    submission = make_submission(archive, make_collection(archive, profile="verify"))
    origin = submissions.Origin("import", SYSTEM, submission.id)
    submissions.receive(archive, origin, [b"subject,age\nS-1,50\n"], "table.csv")
    advance_all(archive)
    assert texts(archive) == [b"subject,age\nS-1,50\n"]
