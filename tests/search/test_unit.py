"""Numbers with units, and ages."""

import pytest

from invivo.search import unit


@pytest.mark.parametrize(
    ("text", "of_field", "read"),
    [
        ("1.5", "mm", "1.5"),
        ("1.50 mm", "mm", "1.5"),
        ("0.15cm", "mm", "1.5"),
        ("1500 um", "mm", "1.5"),
        ("1500µm", "mm", "1.5"),
        ("1500\u03bcm", "mm", "1.5"),
        ("1.7m", "mm", "1700"),
        ("170cm", "m", "1.7"),
        ("0.1 s", "ms", "100"),
        ("2 min", "s", "120"),
        ("120 KV", "kV", "120"),
        ("120kVp", "kV", "120"),
        ("81000V", "kV", "81"),
        ("0.2A", "mA", "200"),
        ("70000 g", "kg", "70"),
        ("3000mT", "T", "3"),
        ("128 MHz", "MHz", "128"),
        ("0.5kHz", "Hz", "500"),
        ("1.5 GB", "bytes", "1500000000"),
        ("1KiB", "bytes", "1024"),
        ("2 TiB", "bytes", "2199023255552"),
        ("60y", "y", "60"),
        ("60 years", "y", "60"),
        ("060Y", "y", "60"),
        ("18m", "y", "1.5"),
        ("18 months", "y", "1.5"),
        ("2e3", "", "2000"),
        (".5", "", "0.5"),
        ("-0", "", "0"),
        ("1e-12", "", "0"),
        ("many", "mm", "many"),
        ("1.2.3", "mm", "1.2.3"),
        ("１", "mm", "１"),
        ("", "mm", ""),
    ],
)
def test_a_number_is_read_into_the_unit_of_its_field(text, of_field, read):
    assert unit.in_unit(text, of_field) == read


@pytest.mark.parametrize(
    ("text", "of_field", "named"),
    [
        ("5kg", "mm", "um, mm, cm, m"),
        ("5 mm", "kV", "V, kV, kVp, MV"),
        ("5 Smith", "y", "year, years"),
        ("5mm", "", "no unit"),
        ("5 mm", "s/mm2", "in s/mm2"),
    ],
)
def test_a_wrong_unit_is_refused_with_the_units_that_are_right_and_without_the_value(text, of_field, named):
    with pytest.raises(unit.WrongUnit) as caught:
        unit.in_unit(text, of_field)
    assert named in caught.value.message
    assert caught.value.kind == "search.wrong-unit"
    assert "Smith" not in caught.value.message


def test_a_month_of_an_age_is_no_metre():
    assert unit.read_number("12m", "y") == 1
    assert unit.read_number("12m", "mm") == 12_000


@pytest.mark.parametrize(
    ("text", "years"),
    [("060Y", 60.0), ("018M", 1.5), (" 018m ", 1.5), ("52Y", 52.0), ("052W", 0.996577687), ("000D", 0.0)],
)
def test_an_age_string_is_told_in_years(text, years):
    assert unit.age_years(text) == years


@pytest.mark.parametrize("text", ["", "60", "Y060", "0600Y", "-10Y", "60 y", "060Z", "²Y"])
def test_a_malformed_age_is_none(text):
    assert unit.age_years(text) is None


def test_an_age_asked_in_weeks_is_the_age_that_a_header_tells_in_weeks():
    assert unit.read_number("16 weeks", "y") == unit.age_years("016W")


@pytest.mark.parametrize("of_field", ["mm", "ms", "s", "kV", "kg", "m", "y", "bytes", "MHz", ""])
@pytest.mark.parametrize("number", ["0", "1", "2.5", "1000", "-3", "1024000"])
def test_a_written_number_is_read_as_itself(number, of_field):
    assert unit.in_unit(unit.written(number, of_field), of_field) == number


def test_a_number_of_any_length_takes_no_time():
    assert unit.in_unit("9" * 200_000, "mm") == "9" * 200_000
    assert len(unit.in_unit("1e99", "")) == 100
