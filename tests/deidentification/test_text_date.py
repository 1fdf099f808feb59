"""Dates in texts are moved in the writing they have, and what is no whole day is not passed off as one."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invivo.deidentification import text_date
from invivo.deidentification.identifier import Trace
from invivo.deidentification.text import Cleaner

DAYS = st.dates(min_value=date(1985, 1, 1), max_value=date(2035, 12, 31))
FORMS = ["%Y%m%d", "%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y", "%d.%m.%Y", "%d %b %Y", "%d-%b-%Y", "%B %d, %Y", "%d of %B %Y"]


@given(DAYS, st.integers(-3650, -1), st.sampled_from(FORMS))
def test_a_date_moves_by_exactly_the_days_and_keeps_its_writing(day: date, days: int, form: str) -> None:
    expected = (day + timedelta(days=days)).strftime(form)
    moved = text_date.moved(day.strftime(form), days)
    if "%B" in form and day.month == 5:  # May is short and long at once
        assert text_date.read(moved or "") == text_date.read(expected)
    else:
        assert moved == expected


@pytest.mark.parametrize("text", ["Mar 2019", "12 march", "2019", "99/99/2019", "20191341", "no date"])
def test_what_names_no_whole_day_is_not_moved(text: str) -> None:
    assert text_date.moved(text, -100) is None


def test_a_time_behind_a_date_stays() -> None:
    assert text_date.moved("2019-03-12 10:22", -400) == "2018-02-05 10:22"


def test_dates_in_a_sentence_move_and_everything_else_of_a_person_goes() -> None:
    cleaner = Cleaner([Trace("PatientName", "name", "Smith^John")], shift_days=-400)
    text = "CT chest w contrast for Smith, John 12/05/2019 Parkinson disease, call 555-123-4567"
    assert cleaner.clean(text) == "CT chest w contrast for 10/31/2018 Parkinson disease"


def test_the_birth_date_goes_in_every_writing() -> None:
    cleaner = Cleaner([Trace("PatientBirthDate", "date", "19500412")], shift_days=-400)
    for text in ("born 19500412", "born 04/12/1950", "born 12 Apr 1950", "born April 12, 1950", "born 12.04.1950"):
        assert cleaner.clean(text) == "born"


def test_without_a_shift_dates_go_and_with_full_dates_they_stay() -> None:
    assert Cleaner([]).clean("seen 12/05/2019") == "seen"
    assert Cleaner([], keeps_dates=True).clean("seen 12/05/2019") == "seen 12/05/2019"
