"""Shifts of dates and times as DicomEdit does them: what is missing counts as its middle, precision stays."""

import calendar
import re
from datetime import datetime, timedelta

_DATE = re.compile(r"(\d{4})(?:(\d{2})(\d{2})?)?", re.ASCII)
_TIME = re.compile(r"(\d{4})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(\d{2})?)?)?)?)?(\.\d{1,6})?([+-]\d{4})?", re.ASCII)
_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_MONTHS = {"month": 1, "year": 12}
UNITS = frozenset(unit + ending for unit in (*_UNITS, *_MONTHS) for ending in ("", "s"))
_OLDEST = 89
_OLDEST_DAYS = round(365.24 * _OLDEST)


def shift(text: str, amount: int, unit: str, *, only_dates: bool = False) -> str | None:
    """Shift every value of DA (or DT) text; None when one is neither.

    Parameters
    ----------
    text : str
        Values separated by backslashes; empty ones stay empty.
    amount : int, in ``unit``
    unit : str
        ``seconds``, ``minutes``, ``hours``, ``days``, ``weeks``, ``months`` or ``years``, with or without s.
    only_dates : bool
        DA only.
    """
    moved = [_shifted(value.strip(), amount, unit.lower().rstrip("s"), only_dates) for value in text.split("\\")]
    return None if None in moved else "\\".join(value or "" for value in moved)


def _shifted(text: str, amount: int, unit: str, only_dates: bool) -> str | None:
    if not text:
        return ""
    found = (_DATE if only_dates else _TIME).fullmatch(text)
    if found is None:
        return None
    fields = [None if part is None else int(part) for part in (*found.groups()[:6], None, None, None)][:6]
    if only_dates:
        fields = [*fields[:3], None, None, None]
    try:
        moved = _moved(_middle(fields), amount, unit)
    except (ValueError, OverflowError):
        return None
    written = f"{moved.year:04d}{moved:%m%d%H%M%S}"
    precision = sum(len(part) for part in found.groups()[:6] if part)
    rest = "" if only_dates else (found[7] or "") + (found[8] or "")
    return written[:precision] + rest


def _middle(fields: list[int | None]) -> datetime:
    """The middle of what is meant."""
    year, month, day, hour, minute, second = fields
    if year is None or month is None:
        return datetime(year or 0, 7, 2, 12)  # noqa: DTZ001 - DICOM's local time
    if day is None:
        return datetime(year, month, 16)  # noqa: DTZ001
    if hour is None:
        return datetime(year, month, day, 12)  # noqa: DTZ001
    if minute is None:
        return datetime(year, month, day, hour, 30)  # noqa: DTZ001
    return datetime(year, month, day, hour, minute, 30 if second is None else second)  # noqa: DTZ001


def _moved(when: datetime, amount: int, unit: str) -> datetime:
    if unit in _UNITS:
        return when + timedelta(seconds=amount * _UNITS[unit])
    months = when.year * 12 + when.month - 1 + amount * _MONTHS[unit]
    year, month = months // 12, months % 12 + 1
    return when.replace(year=year, month=month, day=min(when.day, calendar.monthrange(year, month)[1]))


def is_old(birth: str, study: str) -> bool:
    """Whether more than 89 years lie between birth and study."""
    born, day = _day(birth), _day(study)
    return born is not None and day is not None and day > _moved(born, _OLDEST, "year")


def birth_for(study: str) -> str | None:
    """The birth date of somebody who is 89 at the study; None when the study has no date."""
    day = _day(study)
    if day is None:
        return None
    try:
        born = day - timedelta(days=_OLDEST_DAYS)
    except OverflowError:
        return None
    return f"{born.year:04d}{born:%m%d}"


def _day(text: str) -> datetime | None:
    try:
        return datetime.strptime(text.strip()[:8], "%Y%m%d")  # noqa: DTZ007 - DICOM's local time
    except ValueError:
        return None
