"""Numbers with units, read into the unit of a field, and ages.

References
----------
DICOM PS3.5 6.2 (Age String). A year is 365.25 days.
"""

import re
from decimal import Decimal

from invivo.errors import Invalid

_YEAR = Decimal("365.25")
_LENGTH = {"um": "0.001", "µm": "0.001", "mm": "1", "cm": "10", "m": "1000"}
_TIME = {"us": "0.001", "µs": "0.001", "ms": "1", "s": "1000", "min": "60000", "h": "3600000"}
_BYTES = {
    **{"bytes": "1", "byte": "1", "B": "1", "kB": "1e3", "MB": "1e6", "GB": "1e9", "TB": "1e12", "PB": "1e15"},
    **{f"{letter}iB": str(1024**power) for power, letter in enumerate("KMGTP", 1)},
}
_AGE = {
    **dict.fromkeys(("y", "year", "years"), Decimal(1)),
    **dict.fromkeys(("m", "mo", "month", "months"), 1 / Decimal(12)),
    **dict.fromkeys(("w", "week", "weeks"), 7 / _YEAR),
    **dict.fromkeys(("d", "day", "days"), 1 / _YEAR),
}
# Each row: how much of the row's first measure a unit is. Ages come last: there m is a month, elsewhere a metre.
_DIMENSIONS: tuple[dict[str, Decimal], ...] = (
    *(
        {unit: Decimal(factor) for unit, factor in row.items()}
        for row in (
            _LENGTH,
            _TIME,
            _BYTES,
            {"V": "0.001", "kV": "1", "kVp": "1", "MV": "1000"},
            {"uA": "0.001", "µA": "0.001", "mA": "1", "A": "1000"},
            {"mAs": "1", "As": "1000"},
            {"mg": "0.000001", "g": "0.001", "kg": "1"},
            {"mT": "0.001", "T": "1"},
            {"Hz": "1", "kHz": "1e3", "MHz": "1e6", "GHz": "1e9"},
            {"deg": "1", "°": "1"},
            {"uGy": "0.001", "mGy": "1", "Gy": "1000"},
            {"Bq": "1", "kBq": "1e3", "MBq": "1e6", "GBq": "1e9"},
            {"ml": "1", "cm3": "1", "l": "1000"},
        )
    ),
    _AGE,
)
_NUMBER = re.compile(
    r"\s*+([+-]?(?:[0-9]{1,20}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})(?:[eE][+-]?[0-9]{1,2}(?![0-9]))?)\s*+([^\s0-9.+-]\S*+)?\s*+",
    re.ASCII,
)
_AGE_STRING = re.compile(r"[0-9]{1,3}[YMWD]", re.ASCII)
_SMALLEST = Decimal("1e-9")
_KEPT_DIGITS = 60


class WrongUnit(Invalid):
    """A number has a unit that the field cannot be measured in."""

    code = "search.wrong-unit"


def in_unit(text: str, unit: str) -> str:
    """Write a number in the unit of its field; a number without a unit is in it already.

    Parameters
    ----------
    text : str
        ``1.5``, ``1.5mm``, ``0.15 cm``, ``2e3``.
    unit : str
        The unit of the field, empty if it has none.

    Returns
    -------
    str
        Decimal digits without exponent, rounded to 1e-9. What is no number comes back as it was.

    Raises
    ------
    WrongUnit
        The message names the units that are allowed.

    Examples
    --------
    >>> in_unit("0.15 cm", "mm"), in_unit("18 months", "y"), in_unit("1.5GB", "bytes"), in_unit("many", "mm")
    ('1.5', '1.5', '1500000000', 'many')
    """
    found = _NUMBER.fullmatch(text[:200])
    if not found:
        return text
    number, given = Decimal(found.group(1)), found.group(2)
    if given:
        row = _row_of(unit)
        factor = _factor(row, given) if unit else None
        if factor is None:
            raise WrongUnit(_allowed_words(unit))
        number = number * factor / row[unit]
    return _plain(number)


def read_number(text: str, unit: str) -> float | None:
    """Return a number in the unit of its field, None for what is no number.

    Raises
    ------
    WrongUnit
    """
    try:
        return float(in_unit(text, unit))
    except ValueError:
        return None


def units_of(unit: str) -> tuple[str, ...]:
    """Return the units that a field of this unit may be asked in."""
    return tuple(_row_of(unit))


def is_unit(word: str) -> bool:
    """Tell whether a word is a unit of anything."""
    return any(_factor(row, word) is not None for row in _DIMENSIONS)


def written(number: str, unit: str) -> str:
    """Write a number of a field with its unit; bytes in the largest unit that leaves it whole.

    Examples
    --------
    >>> written("1.5", "mm"), written("2000000", "bytes"), written("512", "")
    ('1.5mm', '2MB', '512')
    """
    if unit == "bytes" and number.isdecimal() and int(number):
        large = next(name for name in ("PB", "TB", "GB", "MB", "kB", "B") if int(number) % int(_row_of("B")[name]) == 0)
        return f"{int(number) // int(_row_of('B')[large])}{large}"
    return number + unit if _row_of(unit) else number


def age_years(text: str) -> float | None:
    """Return the age that an Age String tells, in years; None where it is malformed.

    Examples
    --------
    >>> age_years("060Y"), age_years("018M"), age_years("010D"), age_years("old")
    (60.0, 1.5, 0.027378508, None)
    """
    bare = text.strip().upper()
    return read_number(bare, "y") if _AGE_STRING.fullmatch(bare) else None


def _row_of(unit: str) -> dict[str, Decimal]:
    return next((row for row in _DIMENSIONS if unit in row), {})


def _factor(row: dict[str, Decimal], unit: str) -> Decimal | None:
    """Return the factor of a unit; capitals matter only where they tell two units apart."""
    bare = unit.replace("\u03bc", "\u00b5")
    if bare in row:
        return row[bare]
    small = bare.casefold()
    return next((factor for name, factor in row.items() if name.casefold() == small), None)


def _plain(number: Decimal) -> str:
    if number.adjusted() > _KEPT_DIGITS - 40:  # beyond 20 digits before the point nothing is rounded
        return f"{number:f}"
    text = f"{number.quantize(_SMALLEST).normalize():f}"
    return "0" if text == "-0" else text


def _allowed_words(unit: str) -> str:
    row = _row_of(unit)
    if not unit:
        return "This number has no unit; write it without one."
    if not row:
        return f"This number is in {unit}; write it without a unit."
    return f"This number is in {unit}; a unit may be {', '.join(name for name in row if name.isascii())}."
