"""Attributes that have no column: a request for them, and whether a header meets it.

References
----------
DICOM PS3.4 C.2.2.2 (attribute matching); PS3.18 8.3.4.1, Annex F.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from fnmatch import translate
from functools import lru_cache
from typing import Any

from invivo import search
from invivo.protocols.wire import BadParameter

Json = dict[str, Any]
Path = tuple[str, ...]
NUMBERS = frozenset({"IS", "DS", "FL", "FD", "US", "SS", "UL", "SL", "UV", "SV"})
WILD = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
DATES = {"DA": "a date such as 20200131", "TM": "a time such as 0830", "DT": "a moment such as 20200131083000"}
_FORMS = {
    "DA": re.compile(r"\d{4}\.?\d{2}\.?\d{2}"),
    "TM": re.compile(r"\d{2}:?(\d{2}:?(\d{2}(\.\d{1,6})?)?)?"),
    "DT": re.compile(r"\d{4}(\d{2}){0,5}(\.\d{1,6})?([+-]\d{4})?"),
}
_MOMENTS = re.compile(
    r"(?P<low>\d{4,14}(?:\.\d{1,6})?(?:[+-]\d{4}(?!\d))?)?-(?P<high>\d{4,14}(?:\.\d{1,6})?(?:[+-]\d{4})?)?"
)
_MOMENT = re.compile(r"(\d{4})(\d{2})?(\d{2})?(\d{2})?(\d{2})?(\d{2})?(?:\.(\d{1,6}))?(?:([+-])(\d{2})(\d{2}))?")


@dataclass(frozen=True, slots=True)
class Match:
    """What a header must meet.

    Attributes
    ----------
    path : tuple of str
        Tags from the data set inwards.
    operator : {"is", "like", "range", "empty", "alike"}
    values : tuple of str
        Alternatives; of a range its two ends, ready for comparing, either may be empty.
    partner : tuple of str
        Of a range of dates: where the time of the same moment lies (combined date-time matching, PS3.4 C.2.2.2.5).
    """

    path: Path
    vr: str
    operator: str
    values: tuple[str, ...] = ()
    partner: Path = ()


def fits(header: Json, match: Match) -> bool:
    """Tell whether a header meets a match; of attributes in sequences some item must."""
    if match.partner:
        times = [one for entry in entries(header, match.partner) for one in _texts(entry)] or [""]
        found = [day + times[0] for entry in entries(header, match.path) for day in _texts(entry)]
        return any(_within(one, match.values) for one in found)
    found = [one for entry in entries(header, match.path) for one in _texts(entry)]
    if match.operator == "empty":
        return not found
    return any(_meets(one, match) for one in found)


def entries(header: Json, path: Path) -> Iterator[Json]:
    """Yield the attributes at a path, one of each item that has it."""
    entry = header.get(path[0])
    if entry is None:
        return
    if len(path) == 1:
        yield entry
        return
    for item in entry.get("Value") or ():
        if isinstance(item, dict):
            yield from entries(item, path[1:])


def picked(header: Json, path: Path) -> Json | None:
    """Return an attribute of a header, with nothing but the path inside its sequences; None where it is not there."""
    entry = header.get(path[0])
    if not entry or "BulkDataURI" in entry:
        return None
    if len(path) == 1:
        return _without_bulk(entry)
    inner = [picked(item, path[1:]) for item in entry.get("Value") or () if isinstance(item, dict)]
    if all(one is None for one in inner):
        return None
    return {"vr": "SQ", "Value": [{} if one is None else {path[1]: one} for one in inner]}


def _without_bulk(entry: Json) -> Json:
    """Bulk values are told in metadata only: their addresses hang on an instance."""
    if entry.get("vr") != "SQ" or not entry.get("Value"):
        return entry
    items = [
        {tag: _without_bulk(one) for tag, one in item.items() if "BulkDataURI" not in one} for item in entry["Value"]
    ]
    return {"vr": "SQ", "Value": items}


def _texts(entry: Json) -> Iterator[str]:
    for value in entry.get("Value") or ():
        if isinstance(value, dict):
            if entry.get("vr") == "PN":
                yield "=".join(str(value.get(part, "")) for part in ("Alphabetic", "Ideographic", "Phonetic")).rstrip(
                    "="
                )
            else:
                yield "item"  # of a sequence only its presence is asked
        elif value not in (None, ""):
            yield str(value)
    if "InlineBinary" in entry or "BulkDataURI" in entry:
        yield "bytes"


def _meets(text: str, match: Match) -> bool:
    if match.operator == "range":
        return _within(comparable(text, match.vr), match.values)
    if match.operator == "alike":
        return any(search.is_alike(one, text) for one in match.values)
    if match.vr in NUMBERS:
        return _number(text) in {float(one) for one in match.values}
    if match.vr in DATES:
        return any(comparable(text, match.vr).startswith(comparable(one, match.vr)) for one in match.values)
    if match.vr != "PN" and match.operator == "is":
        return text in match.values
    found = [text.lower(), *text.lower().split("=")] if match.vr == "PN" else [text]
    asked = [one.lower() for one in match.values] if match.vr == "PN" else match.values
    return any(_pattern(one).match(each) is not None for one in asked for each in found)


@lru_cache(maxsize=256)
def _pattern(text: str) -> re.Pattern[str]:
    """A pattern with ``*`` and ``?`` only; brackets stand for themselves."""
    return re.compile(translate(re.sub(r"\*+", "*", text).replace("[", "[[]")))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _within(text: str, ends: tuple[str, ...]) -> bool:
    return bool(text) and (not ends[0] or text >= ends[0]) and (not ends[1] or text <= ends[1])


def comparable(text: str, vr: str) -> str:
    """Write a date, time or moment so that the order of texts is the order of times."""
    if vr == "DT":
        return _utc(text, is_end=False)
    return text.replace(".", "").replace("-", "") if vr == "DA" else text.replace(":", "")


def ends_of(text: str, vr: str, name: str) -> tuple[str, str]:
    """Read a range; its end takes in the whole of the last unit that is named.

    Raises
    ------
    BadParameter
    """
    if vr == "DT":
        match = _MOMENTS.fullmatch(text.strip())
        low, high = (match["low"] or "", match["high"] or "") if match else ("", "")
    else:
        low, _, high = (one.strip() for one in text.partition("-"))
    for one in (low, high):
        if one and not _FORMS[vr].fullmatch(one):
            raise BadParameter(f"{name} wants {DATES[vr]}, or a range of two with a hyphen.")
    if not low and not high:
        raise BadParameter(f"{name} wants {DATES[vr]}, or a range of two with a hyphen.")
    if vr == "DT":
        return low and _utc(low, is_end=False), high and _utc(high, is_end=True)
    low, high = comparable(low, vr), comparable(high, vr)
    if vr == "TM" and high and "." not in high:
        high += "595959.999999"[len(high) :]
    return low, high


def _utc(text: str, *, is_end: bool) -> str:
    """Write a moment in UTC, one without an offset as it is; the end of its last unit where it is an end."""
    match = _MOMENT.match(text.strip())
    if match is None:
        return ""
    year, month, day, hour, minute, second = (int(one) if one else None for one in match.groups()[:6])
    try:
        start = datetime(year or 1, month or 1, day or 1, hour or 0, minute or 0, min(second or 0, 59), tzinfo=UTC)
        if match[8]:
            away = timedelta(hours=int(match[9]), minutes=int(match[10]))
            start = start.replace(tzinfo=timezone(away if match[8] == "+" else -away)).astimezone(UTC)
    except (ValueError, OverflowError):
        return ""
    if is_end and not match[7]:
        known = 4 + 2 * sum(one is not None for one in (month, day, hour, minute, second))
        return start.strftime("%Y%m%d%H%M%S")[:known] + "99999999999999.999999"[known:]
    return start.strftime("%Y%m%d%H%M%S") + f".{(match[7] or '0').ljust(6, '0')}"
