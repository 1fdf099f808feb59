"""What was cleaned in an earlier run is cleaned again when the patient's objects tell of more; nothing else is touched."""

import sqlite3
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid

from invivo import deidentification, site
from invivo.site import folder, gathering
from tests.site.test_folder import contents, ct

MAPPING = deidentification.Mapping(bytes(32), "S-", "p")
SURNAME = "Zerbinettova"


def put(source: Path, name: str, patient: str = "7", **attributes: object) -> Path:
    """Write an object of a series of its own."""
    source.mkdir(exist_ok=True)
    image = ct()
    image.PatientID, image.PatientName = patient, "Kowalczyk^Bronislava"
    image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    for keyword, value in attributes.items():
        setattr(image, keyword, value)
    image.save_as(source / name)
    return source / name


def clean(home: Path, ledger: site.Ledger | None = None) -> dict[str, site.Outcome]:
    plan = site.Plan(home / "in", home / "out", deidentification.profile_named("tcia"), MAPPING)
    kept = ledger or site.Ledger(home / "private", {})
    site.deidentify_folder(plan, kept)
    found = {one.path: one for one in kept.outcomes()}
    kept.close()
    return found


def times(home: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (home / "out").rglob("*.dcm")}


def test_a_surname_that_a_later_object_tells_goes_from_the_earlier_one(tmp_path: Path) -> None:
    put(tmp_path / "in", "a", SeriesDescription=f"Chest of {SURNAME}")
    first = clean(tmp_path)["a"]
    assert SURNAME.encode() in (tmp_path / "out" / first.target).read_bytes()
    put(tmp_path / "in", "b", OtherPatientNames=f"{SURNAME}^Bronislava")
    again = clean(tmp_path)["a"]
    assert again.target == first.target and again.sha256 != first.sha256
    written = (tmp_path / "out" / again.target).read_bytes()
    assert SURNAME.encode() not in written and b"Chest of" in written
    assert len(contents(tmp_path / "out")) == 2


def test_what_changes_nothing_is_written_with_the_same_bytes_and_not_sent_again(tmp_path: Path) -> None:
    put(tmp_path / "in", "a")
    first = clean(tmp_path)["a"]
    ledger = site.Ledger(tmp_path / "private", {})
    ledger.mark_sent("archive", "a", "held")
    ledger.close()
    put(tmp_path / "in", "b", OtherPatientNames=f"{SURNAME}^Bronislava")
    again = clean(tmp_path)["a"]
    assert (again.sha256, again.target) == (first.sha256, first.target) and again.known != first.known
    ledger = site.Ledger(tmp_path / "private", {})
    assert [one.path for one in ledger.unsent("archive")] == ["b"]
    ledger.close()


def test_other_patients_are_not_cleaned_again(tmp_path: Path) -> None:
    put(tmp_path / "in", "a", "7")
    put(tmp_path / "in", "b", "8")
    clean(tmp_path)
    before = times(tmp_path)
    put(tmp_path / "in", "c", "7", OtherPatientNames=f"{SURNAME}^Bronislava")
    found = clean(tmp_path)
    after = times(tmp_path)
    other = Path(found["b"].target).name
    assert after[other] == before[other] and after[Path(found["a"].target).name] != before[Path(found["a"].target).name]


def test_the_same_identifiers_in_another_file_clean_nothing_again(tmp_path: Path) -> None:
    put(tmp_path / "in", "a")
    clean(tmp_path)
    before = times(tmp_path)
    put(tmp_path / "in", "b")
    clean(tmp_path)
    assert before.items() <= times(tmp_path).items()


def test_a_table_is_cleaned_again_of_a_patient_who_came_later(tmp_path: Path) -> None:
    put(tmp_path / "in", "a")
    (tmp_path / "in" / "notes.json").write_text(f'{{"Manufacturer": "ACME", "Comment": "seen with {SURNAME}"}}')
    plan = site.Plan(
        tmp_path / "in", tmp_path / "out", deidentification.profile_named("tcia"), MAPPING, frozenset({"text.free"})
    )
    ledger = site.Ledger(tmp_path / "private", {})
    site.deidentify_folder(plan, ledger)
    put(tmp_path / "in", "b", "8", PatientName=f"{SURNAME}^Ottokara")
    site.deidentify_folder(plan, ledger)
    target = {one.path: one for one in ledger.outcomes()}["notes.json"].target
    ledger.close()
    assert SURNAME.encode() not in (tmp_path / "out" / target).read_bytes()


def test_a_ledger_of_before_the_fingerprints_is_read_and_everything_cleaned_once_more(tmp_path: Path) -> None:
    put(tmp_path / "in", "a")
    first = clean(tmp_path)["a"]
    tables = sqlite3.connect(tmp_path / "private" / "ledger.sqlite")
    tables.execute("alter table files drop column known")
    tables.commit()
    tables.close()
    again = clean(tmp_path)["a"]
    assert again.known and again.sha256 == first.sha256


def test_the_fingerprint_is_keyed_and_tells_no_value(tmp_path: Path) -> None:
    known = [deidentification.Trace("PatientName", "name", SURNAME)]
    assert gathering.mark_of(known, bytes(32)) != gathering.mark_of(known, bytes(31) + b"\1")
    put(tmp_path / "in", "a", OtherPatientNames=f"{SURNAME}^Bronislava")
    clean(tmp_path)
    assert SURNAME.encode() not in (tmp_path / "private" / "ledger.sqlite").read_bytes()


def deep(levels: int) -> Sequence:
    """Sequences in one another with a name at the bottom."""
    item = Dataset()
    item.PatientName = SURNAME
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


HOSTILE = {
    "nesting": {"RequestAttributesSequence": deep(60)},
    "people": {"RequestAttributesSequence": people(3000)},
    "long": {"OtherPatientNames": "Z" * 60_000},
    "values": {"OtherPatientIDs": [f"ID-{number}" for number in range(2500)]},
    "zeros": {"OperatorsName": "A\0\0B^C"},
    "undecodable": {"SpecificCharacterSet": "ISO 2022 IR 87", "OperatorsName": b"\x1b$B\xff\xfe\x1b(Z^\x80"},
    "no-such-letters": {"SpecificCharacterSet": "ISO_IR 9999", "OperatorsName": b"\xff\xfe^\x80"},
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_hostile_header_is_cleaned_or_held_with_a_reason_and_blocks_nobody(tmp_path: Path, kind: str) -> None:
    put(tmp_path / "in", "a", SeriesDescription="Chest")
    put(tmp_path / "in", "b", **HOSTILE[kind])
    put(tmp_path / "in", "c", "8")
    found = clean(tmp_path)
    assert (found["a"].outcome, found["c"].outcome) == ("cleaned", "cleaned")
    assert found["b"].outcome == "cleaned" or found["b"].reason
    assert clean(tmp_path)["a"].sha256 == found["a"].sha256


@pytest.mark.parametrize("kind", ["people", "values"])
def test_an_object_that_tells_of_too_many_is_held_and_teaches_nothing(tmp_path: Path, kind: str) -> None:
    put(tmp_path / "in", "a")
    put(tmp_path / "in", "b", **HOSTILE[kind])
    assert clean(tmp_path)["b"].reason == "site.too-many-identifiers"


def test_a_patient_with_too_many_identifiers_is_held_and_nothing_of_before_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "in", "a")
    put(tmp_path / "in", "b", "8")
    clean(tmp_path)
    put(tmp_path / "in", "c", RequestAttributesSequence=people(30))
    monkeypatch.setattr(folder, "MOST_OF_PATIENT", 25)
    found = clean(tmp_path)
    assert (found["a"].reason, found["b"].outcome) == ("site.too-many-identifiers", "cleaned")
    assert len(contents(tmp_path / "out")) == 1
