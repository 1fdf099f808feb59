"""A person's data are read alike however they are written, and no error shows a value."""

from datetime import date

import pytest

from invivo.client import COLUMNS, REQUIRED, person_of, plain_name
from tests.client.guid_vectors import ANNA, ANNA_AGAIN, PYOTR


@pytest.mark.parametrize(
    ("spellings", "plain"),
    [
        (("Müller", "MUELLER", " Muller ", "Mu\u0308ller", "ＭÜＬＬＥＲ"), "muller"),
        (("O’Brien", "O'Brien", "OBrien", "Oʼbrien", "o brien"), "obrien"),
        (("Núñez-García", "Nunez Garcia"), "nunezgarcia"),
        (("Ångström", "Aangstroem", "Angstrom"), "angstrom"),
        (("Straße", "STRASSE", "Straẞe"), "strasse"),
        (("Đorđe", "Ђорђе"), "dorde"),
        (("Łukasz", "Lukasz"), "lukasz"),
        (("İbrahim", "Ibrahim", "ıbrahim"), "ibrahim"),
        (("Щербаков", "SHCHERBAKOV"), "shcherbakov"),
        (("Юлия", "IULIIA"), "iuliia"),
        (("Γεώργιος", "Georgios"), "georgios"),
        (("Παύλος", "ΠΑΥΛΟΣ", "Pavlos"), "pavlos"),
        (("Ευτυχία", "Eftychia"), "eftychia"),
        (("Μπάμπης", "Bampis"), "bampis"),
        (("van der Berg", "Van Der Berg", "vanderberg"), "vanderberg"),
        (("王小明", "王 小明"), "王小明"),
        (("が", "か\u3099"), "か\u3099"),
        (("مُحَمَّد", "محمد"), "محمد"),
    ],
)
def test_spellings_of_one_name_are_one(spellings: tuple[str, ...], plain: str) -> None:
    assert [plain_name(one) for one in spellings] == [plain] * len(spellings)


def test_different_names_stay_different() -> None:
    names = ["Jan", "Jana", "Ян", "Иван", "Ivana", "佐藤", "斎藤", "कमल", "कमला"]
    assert len({plain_name(one) for one in names}) == len(names)


def test_the_same_person_written_otherwise_has_the_same_fields() -> None:
    assert person_of(ANNA) == person_of(ANNA_AGAIN)
    assert person_of(ANNA)[1] == []


def test_no_middle_name_is_not_the_same_as_not_said() -> None:
    assert person_of(ANNA)[0]["middle_name"] == ""
    problem = person_of(ANNA | {"middle_name": " "})[1][0]
    assert (problem.column, problem.is_lacking) == ("middle_name", True)


@pytest.mark.parametrize("column", REQUIRED)
def test_every_required_column_is_missed(column: str) -> None:
    problems = person_of({name: text for name, text in ANNA.items() if name != column})[1]
    assert [(one.column, one.is_lacking) for one in problems] == [(column, True)]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("given_name", "?!"),
        ("family_name", "x" * 201),
        ("sex", "maybe"),
        ("birth_day", "31"),
        ("birth_day", "0"),
        ("birth_month", "Sept"),
        ("birth_year", "71"),
        ("birth_year", "2999"),
        ("birth_country", "France"),
        ("birth_country", "ZZ"),
        ("government_id", "--"),
        ("government_id_country", ""),
        ("mother_birth_month", "13"),
    ],
)
def test_what_cannot_be_read_is_named_by_column_and_never_shown(column: str, value: str) -> None:
    problems = person_of(ANNA | {column: value})[1]
    assert column in {one.column for one in problems}
    assert not any(one.is_lacking for one in problems)
    assert not value.strip("-?!0") or not any(value in one.text.split() for one in problems)


def test_nobody_is_born_tomorrow() -> None:
    problems = person_of(PYOTR, today=date(1988, 2, 28))[1]
    assert [one.column for one in problems] == ["birth_year"]


def test_a_day_that_the_month_lacks_is_noticed() -> None:
    assert [one.column for one in person_of(PYOTR | {"birth_year": "1989"})[1]] == ["birth_day"]


def test_hostile_cells_are_refused_not_followed() -> None:
    for value in ("\x00", "9" * 5000, "١٢" * 200, "\ud800", "=1+1\n" * 100):
        for column in COLUMNS:
            person_of(ANNA | {column: value})
