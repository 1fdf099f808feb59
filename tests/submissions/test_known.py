"""What one object tells of a subject is taken out of the subject's other objects, and forgotten with the originals."""

from invivo import quarantine, releases, submissions
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
        assert ("name", "Kowalczyk^Zerbinetta") in quarantine.remembered(tx, collection.id, label)
    approve_all(archive)
    releases.publish(archive, SYSTEM, collection.id, "for a test")
    submissions.sweep(archive)
    with archive.database.transaction() as tx:
        assert quarantine.remembered(tx, collection.id, label) == []
