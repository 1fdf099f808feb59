"""Dates and times of DICOM: are they well formed, and where do they land when they are shifted by days."""

import re
from datetime import date, timedelta

_DATE = re.compile(r"(\d{4})[.\-]?(\d{2})[.\-]?(\d{2})", re.ASCII)
_TIME = re.compile(r"\d{2}(:?[0-5]\d(:?[0-6]\d(\.\d{1,6})?)?)?", re.ASCII)
_DATETIME = re.compile(
    r"(\d{4})(?:(\d{2})(?:(\d{2})((?:[0-2]\d(?:[0-5]\d(?:[0-6]\d(?:\.\d{1,6})?)?)?)?))?)?([+-]\d{4})?", re.ASCII
)
_AGE = re.compile(r"(\d{3})([DWMY])", re.ASCII)
_DAYS = {"D": 1, "W": 7, "M": 30.4375, "Y": 365.25}
OLDEST_YEARS = 89


def is_well_formed(vr: str, text: str) -> bool:
    """Tell whether text is a value of DA, TM, DT or AS (empty counts)."""
    text = text.strip(" \0")
    form = {"DA": _DATE, "TM": _TIME, "DT": _DATETIME, "AS": _AGE}[vr]
    return not text or form.fullmatch(text) is not None


def shifted(vr: str, text: str, days: int) -> str | None:  # noqa: PLR0911 - guards
    """Shift a value of DA or DT by whole days, keeping its precision, time and zone; TM stays.

    Parameters
    ----------
    vr : {'DA', 'DT', 'TM'}
    text : str
        One value as it stands in the object.
    days : int, days
        Negative to go back in time.

    Returns
    -------
    str or None
        None when the text is no such value or falls out of the calendar.

    References
    ----------
    DICOM PS3.5 6.2.
    """
    text = text.strip(" \0")
    if not text:
        return ""
    if not is_well_formed(vr, text):
        return None
    if vr == "TM":
        return text
    found = _DATE.fullmatch(text) if vr == "DA" else _DATETIME.fullmatch(text)
    if found is None:
        return None
    year, month, day = found.group(1), found.group(2), found.group(3)
    try:
        moved = date(int(year), int(month or 1), int(day or 1)) + timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    new = f"{moved.year:04d}{moved.month:02d}{moved.day:02d}"
    if vr == "DA":
        return new
    precision = 8 if day else 6 if month else 4
    return new[:precision] + (found.group(4) or "") + (found.group(5) or "")


def capped_age(text: str) -> str | None:
    """An age with everything over 89 years as ``090Y``; None when it is no age.

    References
    ----------
    DICOM PS3.15 E.3.6; 45 CFR 164.514(b)(2)(i)(C).
    """
    text = text.strip(" \0")
    found = _AGE.fullmatch(text)
    if found is None:
        return None
    years = int(found.group(1)) * _DAYS[found.group(2)] / _DAYS["Y"]
    return (
        "090Y" if (int(found.group(1)) > OLDEST_YEARS if found.group(2) == "Y" else years >= OLDEST_YEARS + 1) else text
    )
