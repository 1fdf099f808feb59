from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invivo.deidentification.timestamp import capped_age, is_well_formed, shifted


@pytest.mark.parametrize(
    ("vr", "text", "days", "new"),
    [
        ("DA", "20200301", -1, "20200229"),
        ("DA", "2020.03.01", -1, "20200229"),
        ("DT", "20200301101500.123+0200", -366, "20190301101500.123+0200"),
        ("DT", "202003", -31, "202001"),
        ("DT", "2020", -366, "2018"),
        ("DT", "20200301-0500", 1, "20200302-0500"),
        ("TM", "101500", -400, "101500"),
        ("DA", "", -1, ""),
        ("DA", "Kowalczyk", -1, None),
        ("DA", "20201345", -1, None),
        ("TM", "ten", -1, None),
        ("DA", "00010101", -1, None),
    ],
)
def test_shifting(vr: str, text: str, days: int, new: str | None) -> None:
    assert shifted(vr, text, days) == new


@given(st.dates(date(1900, 1, 1)), st.dates(date(1900, 1, 1)), st.integers(-3650, -365))
def test_intervals_hold(first: date, second: date, days: int) -> None:
    moved = [shifted("DA", day.strftime("%Y%m%d").zfill(8), days) for day in (first, second)]
    one, two = (date(int(text[:4]), int(text[4:6]), int(text[6:])) for text in moved if text)
    assert two - one == second - first
    assert one - first == timedelta(days=days)


@pytest.mark.parametrize(
    ("text", "new"),
    [("089Y", "089Y"), ("090Y", "090Y"), ("104Y", "090Y"), ("999M", "999M"), ("012W", "012W"), ("old", None)],
)
def test_ages_over_89_are_one(text: str, new: str | None) -> None:
    assert capped_age(text) == new


@pytest.mark.parametrize(("vr", "text"), [("TM", "1015"), ("TM", "10:15:00"), ("DT", "20200101"), ("AS", "010D")])
def test_forms(vr: str, text: str) -> None:
    assert is_well_formed(vr, text)
