import pytest

from invivo.deidentification.other_files import field


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("PatientName", "remove"),
        ("Patient Name (Last, First)", "remove"),
        ("name of referring physician", "remove"),
        ("E-Mail-Adresse", "remove"),
        ("Straße", "remove"),
        ("Patient's ID", "subject"),
        ("Patient ID number", "subject"),
        ("MRN #", "subject"),
        ("participant_id", "subject"),
        ("Date of Birth (DOB)", "birthdate"),
        ("patient_dob", "birthdate"),
        ("Geburtsdatum (Kind)", "birthdate"),
        ("birth weight", None),
        ("StudyDate", "date"),
        ("acq_datetime", "date"),
        ("Untersuchungsdatum", "date"),
        ("SOPInstanceUID", "uid"),
        ("age_months", "age"),
        ("Age at diagnosis", "age"),
        ("AccessionNumber", "id"),
        ("OperatorsName", "remove"),
        ("ConversionSoftwareVersion", "technical"),
        ("Volume (ml)", None),
        ("candidate", None),
        ("image", None),
        ("SeriesDescription", None),
    ],
)
def test_a_name_asks_for_its_rule(name: str, rule: str | None) -> None:
    assert field.rule_of(name) == rule


@pytest.mark.parametrize(
    ("value", "name", "new"),
    [("89", "age", "89"), ("90", "age", "90"), ("97.5", "Age", "90"), ("093Y", "age", "090Y"), ("1080", "age_months", "1080"),
     ("1200", "age_months", "1080"), ("44000", "age_days", "32873"), ("old", "age", None)],
)  # fmt: skip
def test_ages_end_at_ninety_in_their_own_unit(value: str, name: str, new: str | None) -> None:
    assert field.capped(value, name) == new


@pytest.mark.parametrize(
    ("value", "moved"),
    [
        ("2020-03-01", "2020-03-11"),
        ("20200301", "20200311"),
        ("01.03.2020", "11.03.2020"),
        ("2020-03-01T10:15:30.5Z", "2020-03-11T10:15:30.5Z"),
        ("43891", "43901"),
        ("1 March 2020", "11 March 2020"),
        ("2020", None),
        ("2020-03-01 with Huber", None),
        ("soon", None),
    ],
)
def test_dates_move_only_where_nothing_else_is_said(value: str, moved: str | None) -> None:
    assert field.moved_date(value, 10) == moved
