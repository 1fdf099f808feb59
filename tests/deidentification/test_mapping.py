import pytest
from hypothesis import given
from hypothesis import strategies as st

from invivo import dicom
from invivo.deidentification import Mapping
from invivo.deidentification.mapping import NotInLookup, UnusableMapping

SECRET = b"sixteen bytes or more"
TEXTS = st.text(min_size=1, max_size=20)


@given(TEXTS, TEXTS)
def test_labels_and_offsets_are_stable_and_hide_the_patient(patient: str, issuer: str) -> None:
    one, same = Mapping(SECRET, "P-", "x"), Mapping(SECRET, "P-", "x")
    assert one.subject_label(patient, issuer) == same.subject_label(patient, issuer)
    assert len(one.subject_label(patient, issuer)) == 12
    assert -3650 <= one.date_offset_days(patient, issuer) <= -365


@given(st.integers(min_value=1, max_value=10**30))
def test_a_uid_maps_to_one_valid_uid(number: int) -> None:
    mapping = Mapping(SECRET, "P-", "x")
    new = mapping.uid(f"1.2.{number}")
    assert dicom.is_valid(new)
    assert new == mapping.uid(f"1.2.{number}\0")
    assert new != f"1.2.{number}"


def test_registered_uids_stay() -> None:
    assert Mapping(SECRET, "P-", "x").uid("1.2.840.10008.1.2.1") == "1.2.840.10008.1.2.1"


@pytest.mark.parametrize("other", [Mapping(b"another secret of bytes", "P-", "x"), Mapping(SECRET, "P-", "y")])
def test_another_secret_or_project_gives_other_maps(other: Mapping) -> None:
    mapping = Mapping(SECRET, "P-", "x")
    assert mapping.uid("1.2.3") != other.uid("1.2.3")
    assert mapping.subject_label("1") != other.subject_label("1")


def test_parts_of_an_identity_do_not_run_together() -> None:
    mapping = Mapping(SECRET, "P-", "x")
    assert mapping.subject_label("ab", "c") != mapping.subject_label("a", "bc")


def test_printing_a_mapping_shows_nothing() -> None:
    text = repr(Mapping(SECRET, "PREFIX-", "project", subjects={"Kowalczyk": "S1"}))
    assert not any(word in text for word in ("sixteen", "PREFIX", "project", "Kowalczyk", "S1"))


@pytest.mark.parametrize("prefix", ["a\\b", "x" * 41, "ä", "a^b", "a\n"])
def test_a_prefix_that_cannot_be_written_is_refused(prefix: str) -> None:
    with pytest.raises(UnusableMapping):
        Mapping(SECRET, prefix, "x")


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(UnusableMapping):
        Mapping(b"short", "P-", "x")


def test_lookup_tables_go_first() -> None:
    mapping = Mapping(SECRET, "P-", "x", subjects={"7": "S-7"}, uids={"1.2.3": "1.9"}, offsets={"7": -30})
    assert (mapping.subject_label("7"), mapping.uid("1.2.3"), mapping.date_offset_days("7")) == ("S-7", "1.9", -30)
    assert mapping.subject_label("8").startswith("P-")


def test_a_complete_table_that_does_not_know_a_patient_lets_nothing_pass() -> None:
    mapping = Mapping(SECRET, "P-", "x", subjects={"7": "S-7"}, complete=True)
    with pytest.raises(NotInLookup):
        mapping.subject_label("8")
