import csv
from dataclasses import replace
from importlib.resources import files

import pytest

from invivo.deidentification import OPTIONS, Profile, Rule, effective_action, profile_named, profiles
from invivo.deidentification.profile import ContradictoryProfile, UnknownProfile
from invivo.deidentification.table import UnknownAttribute

COLUMNS = {
    "rtn_uids": "retain_uids",
    "rtn_device_id": "retain_device_identity",
    "rtn_institution_id": "retain_institution",
    "rtn_patient_chars": "retain_patient_characteristics",
    "rtn_long_full_dates": "retain_full_dates",
    "rtn_long_modified_dates": "retain_modified_dates",
    "clean_descriptors": "clean_descriptors",
    "clean_structured_content": "clean_structured_content",
    "clean_graphics": "clean_graphics",
}
TABLE = (files("invivo.deidentification") / "table_e1.csv").read_text(encoding="utf-8")
ROWS = list(csv.DictReader(TABLE.splitlines()))
CELLS = [
    pytest.param(row, option, row[column], id=f"{row['tag']}-{option}")
    for row in ROWS
    for column, option in COLUMNS.items()
    if row[column] and "x" not in row["tag"]
]
SUBJECT = {"PatientName", "PatientID"}
BINARY = {"OB", "OW", "UN", "OB or OW"}


def letters(code: str) -> set[str]:
    return set(code.replace("*", "").split("/"))


@pytest.mark.parametrize(("row", "option", "code"), CELLS)
def test_an_option_changes_a_row_as_its_column_says(row: dict[str, str], option: str, code: str) -> None:
    profile = Profile("one", "1", "one option", frozenset({option}))
    effective = effective_action(profile, row["tag"], row["vr"] or None, "3")
    if row["vr"] in BINARY and code == "C":
        assert effective.code in letters(row["basic"])  # bytes cannot be cleaned: they go
    else:
        assert effective.code == code
        assert OPTIONS[option][0] in effective.reason


@pytest.mark.parametrize("row", [pytest.param(row, id=row["tag"]) for row in ROWS if "x" not in row["tag"]])
@pytest.mark.parametrize("in_iod_type", [None, "3", "2", "1"])
def test_without_options_a_row_means_its_basic_code_or_what_validity_asks_for(
    row: dict[str, str], in_iod_type: str | None
) -> None:
    tag = row["tag"].replace("gggg,eeee", "0009,1001")
    code = effective_action(profile_named("basic"), tag, row["vr"] or None, in_iod_type).code
    if row["keyword"] in SUBJECT or (in_iod_type == "1" and "U" not in row["basic"]):
        assert code == "D"
    elif in_iod_type == "2" and row["basic"] == "X":
        assert code == "Z"
    else:
        assert code in letters(row["basic"])


@pytest.mark.parametrize(
    ("keyword", "in_iod_type", "code"),
    [
        ("ContentDate", "1", "D"),
        ("ContentDate", "2", "Z"),
        ("ContentDate", "3", "Z"),
        ("SeriesDate", "3", "X"),
        ("SeriesDate", "1", "D"),
        ("AcquisitionDate", "2", "Z"),
        ("StationName", "2", "Z"),
        ("ReferencedImageSequence", "3", "U"),
        ("PatientBirthDate", "2", "Z"),
        ("InstitutionName", None, "X"),
    ],
)
def test_a_compound_code_follows_the_type_in_the_object(keyword: str, in_iod_type: str | None, code: str) -> None:
    assert effective_action(profile_named("basic"), keyword, None, in_iod_type).code == code


@pytest.mark.parametrize(
    ("keyword", "code"),
    [
        ("EvaluatorName", "Z"),  # PN
        ("ExpiryDate", "X"),  # DA
        ("TargetFrameOfReferenceUID", "U"),
        ("ReferencedSOPClassUID", "K"),
        ("AnnotationGroupDescription", "X"),  # UT
        ("PlacerOrderNumberProcedure", "X"),  # SH that names an order
        ("Manufacturer", "C"),
        ("KVP", "K"),
        ("EncryptedContent", "X"),  # OB
        ("PixelData", "K"),
        ("RetrieveURL", "X"),
        ("(0011,1001)", "X"),
        ("(0008,9999)", "X"),
    ],
)
def test_an_attribute_without_a_row_is_decided_by_its_vr(keyword: str, code: str) -> None:
    assert effective_action(profile_named("basic"), keyword, None, "3").code == code


def test_lo_outside_the_objects_definition_goes() -> None:
    assert effective_action(profile_named("basic"), "PrinterName", None, None).code == "X"
    assert effective_action(profile_named("basic"), "DimensionDescriptionLabel", None, None).code == "X"
    assert effective_action(profile_named("basic"), "DimensionDescriptionLabel", None, "3").code == "C"


def test_shifted_dates_win_over_device_identity() -> None:
    assert effective_action(profile_named("tcia"), "DateOfLastCalibration", None, "3").code == "C"


def test_tcia_has_the_codes_it_claims() -> None:
    codes = {OPTIONS[option][0] for option in profile_named("tcia").options}
    assert codes == {"113101", "113105", "113107", "113108", "113109", "113111"}


def test_an_own_rule_goes_before_the_table() -> None:
    rules = (Rule("StudyDescription", "D", "CT"), Rule("/RequestAttributesSequence/(0040,0007)", "K"))
    profile = replace(profile_named("basic"), rules=rules)
    assert effective_action(profile, "StudyDescription").code == "D"
    assert effective_action(profile, "ScheduledProcedureStepDescription", path=(0x00400275,)).code == "K"
    assert effective_action(profile, "ScheduledProcedureStepDescription").code == "X"


def test_options_that_exclude_one_another_are_refused() -> None:
    with pytest.raises(ContradictoryProfile):
        Profile("both", "1", "", frozenset({"retain_full_dates", "retain_modified_dates"}))


@pytest.mark.parametrize("broken", [{"options": frozenset({"keep_all"})}, {"rules": (Rule("PatientID", "Q"),)}])
def test_unknown_options_and_codes_are_refused(broken: dict[str, object]) -> None:
    with pytest.raises(ContradictoryProfile):
        Profile("broken", "1", "", **broken)  # type: ignore[arg-type]


def test_names_of_profiles() -> None:
    assert [profile.name for profile in profiles()] == ["basic", "tcia", "verify"]
    with pytest.raises(UnknownProfile):
        profile_named("none")
    with pytest.raises(UnknownAttribute):
        effective_action(profile_named("basic"), "NoSuchKeyword")
