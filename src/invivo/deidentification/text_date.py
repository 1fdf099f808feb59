"""Dates as people write them in texts: read, moved by days, and written again in the same way."""

import re
from datetime import date, timedelta

_MONTHS = (
    "january february march april may june july august september october november december".split(),
    "januar februar märz april mai juni juli august september oktober november dezember".split(),
)
_ABBREVIATED = {"sept": 9, "mrz": 3, "maerz": 3, "dez": 12, "okt": 10}
_COMPACT = re.compile(r"(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)(?=\d{4}|\d{6}|\D|$)")
_YEAR_FIRST = re.compile(r"(?P<y>\d{4})(?P<s1>[-/.])(?P<m>\d{1,2})(?P<s2>[-/.])(?P<d>\d{1,2})")
_YEAR_LAST = re.compile(r"(?P<a>\d{1,2})(?P<s1>[-/.])(?P<b>\d{1,2})(?P<s2>[-/.])(?P<y>\d{4}|\d\d)(?!\d)")
_DAY_MONTH = re.compile(
    r"(?P<d>\d{1,2})(?P<s1>(?:st|nd|rd|th|\.)?[ -]?(?:of )?)(?P<n>[^\W\d_]{3,9})(?P<s2>\.?[ ,-]{0,2}'?)(?P<y>\d{4}|\d\d)(?!\d)",
    re.I,
)
_MONTH_DAY = re.compile(
    r"(?P<n>[^\W\d_]{3,9})(?P<s1>\.? )(?P<d>\d{1,2})(?P<s2>(?:st|nd|rd|th)?,? )(?P<y>\d{4})(?!\d)", re.I
)
_ORDINAL = re.compile(r"^(?:st|nd|rd|th)", re.I)
_NEWEST_SHORT_YEAR = 40  # 00 to 40 are of this century


def read(text: str) -> date | None:
    """The day that a text beginning with a date names; None where it names none or is not whole."""
    found = _parsed(text)
    return found[0] if found else None


def moved(text: str, days: int) -> str | None:
    """The same text with its date moved by days, in the same writing; what follows the date (a time) stays.

    ``03/04/2019`` is read month first, as it is where slashes are written; where that is no date, day first. With
    points and dashes the day comes first.

    Parameters
    ----------
    text : str
        Begins with a date.
    days : int, days

    Returns
    -------
    str or None
        None where the text names no whole day, such as ``March 2019``: it cannot be moved and must go.
    """
    found = _parsed(text)
    if found is None:
        return None
    day, match, kind = found
    try:
        new = day + timedelta(days=days)
    except OverflowError:
        return None
    return _written(new, match, kind) + text[match.end() :]


def _parsed(text: str) -> tuple[date, re.Match[str], str] | None:
    for kind, pattern in (
        ("ymd", _COMPACT),
        ("ymd", _YEAR_FIRST),
        ("any", _YEAR_LAST),
        ("named", _DAY_MONTH),
        ("named", _MONTH_DAY),
    ):
        match = pattern.match(text)
        if match is None:
            continue
        for order in _orders(match, kind):
            day = _date(match, order)
            if day is not None:
                return day, match, order
    return None


def _orders(match: re.Match[str], kind: str) -> tuple[str, ...]:
    if kind != "any":
        return (kind,)
    return ("mdy", "dmy") if match["s1"] == "/" else ("dmy", "mdy")


def _date(match: re.Match[str], order: str) -> date | None:
    year = int(match["y"])
    if len(match["y"]) == 2:
        year += 2000 if year <= _NEWEST_SHORT_YEAR else 1900
    if order == "named":
        month, day = _month(match["n"]), int(match["d"])
    elif order == "ymd":
        month, day = int(match["m"]), int(match["d"])
    else:
        first, second = int(match["a"]), int(match["b"])
        month, day = (first, second) if order == "mdy" else (second, first)
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _month(name: str) -> int:
    plain = name.casefold()
    for months in _MONTHS:
        for number, month in enumerate(months, 1):
            if plain == month or (len(plain) == 3 and month.startswith(plain)):
                return number
    return _ABBREVIATED.get(plain, 0)


def _written(new: date, match: re.Match[str], order: str) -> str:
    year = f"{new.year:04d}" if len(match["y"]) == 4 else f"{new.year % 100:02d}"
    groups = match.groupdict()
    if order == "named":
        name = _named(new.month, match["n"])
        day = f"{new.day:0{len(match['d'])}d}"
        first, second = (day, name) if match.start("d") < match.start("n") else (name, day)
        seps = [_plain_ordinal(match[key]) for key in ("s1", "s2")]
        return f"{first}{seps[0]}{second}{seps[1]}{year}"
    if order == "ymd":
        seps = [groups.get("s1") or "", groups.get("s2") or ""]
        return f"{year}{seps[0]}{_digits(new.month, match['m'])}{seps[1]}{_digits(new.day, match['d'])}"
    one, two = (new.month, new.day) if order == "mdy" else (new.day, new.month)
    return f"{_digits(one, match['a'])}{match['s1']}{_digits(two, match['b'])}{match['s2']}{year}"


def _digits(number: int, like: str) -> str:
    return f"{number:02d}" if len(like) == 2 else str(number)


def _plain_ordinal(between: str) -> str:
    """What stood between, with the ending of the day's ordinal made one that fits every number."""
    return _ORDINAL.sub("th", between)


def _named(month: int, like: str) -> str:
    language = (
        1 if like.casefold() in {"januar", "februar", "märz", "mai", "juni", "juli", "oktober", "dezember"} else 0
    )
    name = _MONTHS[language][month - 1]
    name = name[:3] if len(like) <= 4 and like.casefold() not in {"june", "july", "juni", "juli", "märz"} else name
    return name.upper() if like.isupper() else name.capitalize() if like[:1].isupper() else name
