"""Headers made to do harm are cleaned or stick with a reason; the series they came in goes on."""

import io
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ImplicitVRLittleEndian, generate_uid

from invivo import quarantine, reviews
from invivo.archive import Archive
from tests.factories import SYSTEM, advance_all, deliver, make_collection, make_image, make_submission

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def nested(levels: int) -> Sequence:
    item = Dataset()
    item.PatientName = "Zerbinettova"
    for _ in range(levels):
        outer = Dataset()
        outer.RequestAttributesSequence = Sequence([item])
        item = outer
    return Sequence([item])


def people(count: int) -> Sequence:
    found = []
    for number in range(count):
        item = Dataset()
        item.PersonName = f"Nobody{number}^Else"
        found.append(item)
    return Sequence(found)


def implicit(content: bytes, **attributes: Any) -> bytes:
    """The same object with implicit VR, where a name may be as long as the file."""
    dataset = pydicom.dcmread(io.BytesIO(content))
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    out = io.BytesIO()
    dataset.save_as(out, implicit_vr=True, little_endian=True, enforce_file_format=True)
    return out.getvalue()


HOSTILE: dict[str, dict[str, Any]] = {
    "nesting": {"RequestAttributesSequence": nested(60)},
    "nesting-within-limits": {"RequestAttributesSequence": nested(20)},
    "people": {"RequestAttributesSequence": people(3000)},
    "long": {"OtherPatientNames": "Z" * 60_000},
    "values": {"OtherPatientIDs": [f"ID-{number}" for number in range(2500)]},
    "zeros": {"OperatorsName": "A\0\0B^C", "AccessionNumber": "1\0002", "PatientID": "7\0"},
    "undecodable": {"SpecificCharacterSet": "ISO 2022 IR 87", "OperatorsName": b"\x1b$B\xff\xfe\x1b(Z^\x80"},
    "no-such-letters": {"SpecificCharacterSet": "ISO_IR 9999", "OperatorsName": b"\xff\xfe^\x80"},
    "halves-of-letters": {"SpecificCharacterSet": "ISO_IR 192", "OperatorsName": b"\xed\xa0\x80Zerb^\xf0\x9f"},
    "patient": {"PatientID": "\\".join(["7"] * 500), "PatientName": "^" * 5000},
}


def arrive(archive: Archive, bad: bytes, study: str, series: str) -> dict[str, quarantine.HeldObject]:
    submission = make_submission(archive, make_collection(archive))
    files = [make_image(study=study, series=series, number=1), bad, make_image(study=study, series=series, number=3)]
    receipts = deliver(archive, submission, files)
    advance_all(archive)
    with archive.database.transaction() as tx:
        return {
            name: quarantine.object_named(tx, receipt.object_id)
            for name, receipt in zip(("first", "bad", "last"), receipts, strict=True)
            if receipt.object_id
        }


def check(found: dict[str, quarantine.HeldObject], archive: Archive) -> None:
    assert (found["first"].state, found["last"].state) == ("cleaned", "cleaned")
    if "bad" in found:
        assert found["bad"].state in ("cleaned", "stuck")
        assert found["bad"].state == "cleaned" or found["bad"].reason
    assert reviews.queue(archive, SYSTEM).total >= 1


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_header_blocks_nothing(archive: Archive, kind: str) -> None:
    study, series = generate_uid(), generate_uid()
    found = arrive(archive, make_image(study=study, series=series, number=2, **HOSTILE[kind]), study, series)
    check(found, archive)


@pytest.mark.parametrize("keyword", ["PatientName", "PatientID", "OtherPatientNames"])
def test_a_name_as_long_as_a_file_blocks_nothing(archive: Archive, keyword: str) -> None:
    study, series = generate_uid(), generate_uid()
    bad = implicit(make_image(study=study, series=series, number=2), **{keyword: "Zerb^" * 40_000})
    check(arrive(archive, bad, study, series), archive)


@pytest.mark.parametrize("kind", ["people", "values"])
def test_an_object_that_tells_of_too_many_sticks_and_teaches_nothing(archive: Archive, kind: str) -> None:
    study, series = generate_uid(), generate_uid()
    found = arrive(archive, make_image(study=study, series=series, number=2, **HOSTILE[kind]), study, series)
    assert (found["bad"].state, found["bad"].reason_code) == ("stuck", "known.too-many")
    with archive.database.transaction() as tx:
        row = tx.execute("select count(*) from quarantine.identifier").fetchone()
    assert row is not None and row[0] < 20


def test_a_subject_of_whom_too_much_is_told_sticks_until_there_is_room(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = make_submission(archive, make_collection(archive))
    with monkeypatch.context() as patched:
        patched.setattr("invivo.submissions.known.MOST_OF_SUBJECT", 15)
        deliver(archive, submission, [make_image(patient="77", RequestAttributesSequence=people(20))])
        deliver(archive, submission, [make_image(patient="78")])
        advance_all(archive)
    with archive.database.transaction() as tx:
        states = {row.reason_code for row in tx.execute("select reason_code from quarantine.object")}
        number = tx.execute("select id from quarantine.object where state = 'stuck'").fetchone()
    assert states == {"known.too-many", ""} and number is not None
    reviews.settle_object(archive, SYSTEM, number.id, "retry")
    advance_all(archive)
    with archive.database.transaction() as tx:
        assert quarantine.object_named(tx, number.id).state == "cleaned"


def test_values_that_no_database_holds_are_remembered_as_far_as_they_can_be(archive: Archive) -> None:
    collection = make_collection(archive)
    receipts = deliver(archive, make_submission(archive, collection), [make_image()])
    with archive.database.transaction() as tx:
        series_id = quarantine.object_named(tx, receipts[0].object_id or 0).series_id
        hostile = [("name", "A\0B"), ("name", "\ud800Zerb"), ("id", "9" * 10**6), ("place", " \0 ")]
        quarantine.remember(tx, series_id, collection.id, "S-1", hostile)
        known = quarantine.remembered(tx, collection.id, "S-1").identifiers
    assert known == (("id", "9" * 500), ("name", "?Zerb"), ("name", "A B"))
