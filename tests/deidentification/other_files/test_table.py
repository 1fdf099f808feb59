import csv
import io
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from invivo.deidentification import CannotDeidentify, Mapping
from invivo.deidentification.other_files import CleanedOther

Clean = Callable[..., CleanedOther]


def rows_of(cleaned: CleanedOther, delimiter: str = ",", encoding: str = "utf-8") -> list[list[str]]:
    return list(csv.reader(io.StringIO(cleaned.output.decode(encoding), newline=""), delimiter=delimiter))


def table(*rows: tuple[str, ...], delimiter: str = ",") -> bytes:
    target = io.StringIO(newline="")
    csv.writer(target, delimiter=delimiter).writerows(rows)
    return target.getvalue().encode()


CLINICAL = table(
    ("PatientName", "PatientID", "Birth date", "Age", "Scan date", "Volume (ml)", "Comment", "E-Mail"),
    (
        "Kowalczyk, Bronisława",
        "ZX9081726",
        "1943-08-17",
        "93",
        "2020-03-01",
        "12.75",
        "Kowalczyk had Parkinson disease",
        "b@example.org",
    ),
    ("Oberhuemer, Xaver", "ZX1112223", "1950-01-02", "71", "2021-04-05", "0.0031", "Seen with Oberhuemer, stable", ""),
)


def test_known_headers_have_their_rules_without_a_dictionary(
    clean: Clean, mapping: Mapping, nothing_left: Callable[..., None]
) -> None:
    cleaned = clean(CLINICAL, "clinical.csv")
    nothing_left(cleaned.output, "Oberhuemer", "ZX1112223", "1950", "example.org", "2020-03-01")
    rows = rows_of(cleaned)
    assert rows[0][1] == "PatientID"
    assert [row[1] for row in rows[1:]] == [mapping.subject_label("ZX9081726"), mapping.subject_label("ZX1112223")]
    assert [row[3] for row in rows[1:]] == ["90", "71"]
    assert [row[5] for row in rows[1:]] == ["12.75", "0.0031"]
    assert "Parkinson disease" in rows[1][6]
    assert cleaned.leftovers == ()
    assert cleaned.kind == "table"


def test_dates_move_by_the_offset_of_the_subject_of_their_row(clean: Clean, mapping: Mapping) -> None:
    rows = rows_of(clean(CLINICAL))
    for row, subject, day in ((rows[1], "ZX9081726", date(2020, 3, 1)), (rows[2], "ZX1112223", date(2021, 4, 5))):
        assert row[4] == (day + timedelta(days=mapping.date_offset_days(subject))).isoformat()


def test_every_rule_of_a_dictionary_does_what_it_says(clean: Clean, mapping: Mapping) -> None:
    names = ("a", "b", "c", "d", "e", "f", "g", "h", "i")
    rules = ("subject", "date", "birthdate", "age", "keep", "remove", "clean", "id", "uid")
    values = (
        "S-1",
        "2020-01-31",
        "1950-05-05",
        "97",
        "2019-01-01",
        "gone",
        "Kowalczyk: stable",
        "B77",
        "1.2.3.4.5.6.7.8",
    )
    cleaned = clean(table(names, values), dictionary=dict(zip(names, rules, strict=True)))
    row = rows_of(cleaned)[1]
    assert row[0] == mapping.subject_label("S-1")
    assert row[2:6] == ["", "90", "2019-01-01", ""]
    assert row[6] == "stable"
    assert row[7:] == [mapping.pseudonym("B77"), mapping.uid("1.2.3.4.5.6.7.8")]
    assert not [doubt for doubt in cleaned.doubts if doubt.severity == "hold"]


def test_a_rule_that_does_not_exist_is_refused(clean: Clean) -> None:
    with pytest.raises(CannotDeidentify) as refused:
        clean(CLINICAL, dictionary={"Age": "forget"})
    assert refused.value.kind == "deidentification.unknown-rule"


@pytest.mark.parametrize(
    "values",
    [("Huber", "Zwingli", "Oberhuemer"), ("2020-01-01", "2020-01-02", "2020-01-03"), ("12345678", "23456789", "34567890"),
     ("a@b.org", "c@d.org", "e@f.org"), ("AB123456", "AB123457", "AB123458")],
)  # fmt: skip
def test_a_column_that_looks_identifying_and_has_no_rule_is_held_by_number_only(
    clean: Clean, values: tuple[str, ...]
) -> None:
    cleaned = clean(table(("x", "qq7"), *(("1", value) for value in values)), known=())
    held = [doubt for doubt in cleaned.doubts if doubt.code == "table.undecided-column"]
    assert [(doubt.path, doubt.severity) for doubt in held] == [("column 2", "hold")]
    assert not any(value in doubt.text for doubt in held for value in values)


def test_measurements_are_not_held_and_not_changed(clean: Clean) -> None:
    content = table(("roi", "volume", "side"), ("1", "12.5", "left"), ("2", "-3e-05", "right"))
    cleaned = clean(content)
    assert cleaned.output == content
    assert cleaned.doubts == ()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_tables_of_every_spelling_are_written_as_they_came(clean: Clean, delimiter: str, encoding: str) -> None:
    text = table(
        ("Größe", "Nachname", "Notiz"), ("1", "Müller", "Frau Müller hat Fieber"), delimiter=delimiter
    ).decode()
    cleaned = clean(text.encode(encoding), known=())
    rows = rows_of(cleaned, delimiter, encoding)
    assert rows[0] == ["Größe", "Nachname", "Notiz"]
    assert "Müller" not in str(rows)
    assert rows[1][0] == "1"


@pytest.mark.parametrize("cell", ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", '-HYPERLINK("x")', "=A1"])
def test_a_formula_is_marked_as_text(clean: Clean, cell: str) -> None:
    new = rows_of(clean(table(("a", "b"), ("1", cell))))[1][1]
    assert not new.startswith(("=", "@", "+", "-"))


@pytest.mark.parametrize("cell", ["-5", "+3.5e2", "-0.001", "+", "-", "+/-", "- none"])
def test_numbers_and_signs_are_no_formulas(clean: Clean, cell: str) -> None:
    assert rows_of(clean(table(("a", "b"), ("1", cell))))[1][1] == cell


def test_a_table_without_a_header_is_held(clean: Clean) -> None:
    cleaned = clean(table(("Meier", "1950-02-03"), ("Huber", "1951-02-03")))
    assert "table.no-header" in {doubt.code for doubt in cleaned.doubts if doubt.severity == "hold"}


def test_rows_longer_than_the_header_are_refused(clean: Clean) -> None:
    body = [("1", "2")] * 20
    with pytest.raises(CannotDeidentify):
        clean(table(("a", "b"), *body, ("1", "2", "Kowalczyk")))


def test_a_cell_beyond_the_limit_is_refused(clean: Clean) -> None:
    with pytest.raises(CannotDeidentify):
        clean(table(("a", "b"), ("1", "x " * 200_000)))


def test_a_thousand_subjects_are_not_found_in_free_text_either(clean: Clean) -> None:
    ids = [f"QK{number:06d}" for number in range(1000)]
    cleaned = clean(table(("subject", "comment"), *((one, f"see {one} and stable") for one in ids)))
    assert not any(one.encode() in cleaned.output for one in ids)
    assert b"stable" in cleaned.output


NAMES = st.text(st.sampled_from("bcdfghklmnprstvwxzäöüéł"), min_size=6, max_size=12)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(family=NAMES, given_name=NAMES, number=st.integers(10**7, 10**9), encoding=st.sampled_from(("utf-8", "utf-16")))
def test_random_people_are_gone_from_every_cell(
    clean: Clean, family: str, given_name: str, number: int, encoding: str
) -> None:
    text = table(
        ("Nachname", "Vorname", "MRN", "Befund"),
        (
            family.title(),
            given_name.title(),
            str(number),
            f"Patient {family.upper()}, {given_name} ({number}): no lesion",
        ),
    ).decode()
    output = clean(text.encode(encoding), known=()).output.decode(encoding).casefold()
    assert family not in output
    assert given_name not in output
    assert str(number) not in output
    assert "no lesion" in output


def test_a_single_column_of_names_is_a_table(clean: Clean) -> None:
    cleaned = clean("Nachname\nMüller\nOberhuemer\n".encode())
    assert cleaned.kind == "table"
    assert rows_of(cleaned) == [["Nachname"], [""], [""]]


def test_sentences_of_nobody_known_are_held(clean: Clean) -> None:
    cleaned = clean(table(("roi", "comment"), ("1", "went to Oberhuemer")), known=())
    assert [doubt.severity for doubt in cleaned.doubts if doubt.code == "text.free"] == ["hold"]
