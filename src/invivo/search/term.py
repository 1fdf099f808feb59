"""One term of a query text, a name and its values, to comparisons."""

import re
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache

from invivo import dicom
from invivo.search.field import Field
from invivo.search.query import And, Compare, Not, Query
from invivo.search.syntax import LONGEST_VALUE, BadValue, compare_of
from invivo.search.token import Value
from invivo.search.unit import in_unit

NUMBERS = ("number", "count", "day")
MOST_STARS = 8
_ORDERS = ("<", "<=", ">", ">=")
_DATE = re.compile(r"([0-9]{4})(?:-?([0-9]{2}))?(?:-?([0-9]{2}))?", re.ASCII)
_STARS = re.compile(r"\*+")
_TRAILING_UNIT = re.compile(r"[0-9.\s]([^\W\d_][^\s]*|°)\s*+$")
_SAID = {"PatientSex": {"female": "F", "woman": "F", "women": "F", "male": "M", "man": "M", "men": "M", "other": "O"}}


def comparison(field: Field, operator: str, value: Value) -> Query:
    """Return what a field is asked by one value of a term.

    Parameters
    ----------
    operator : {":", ":=", "!=", "<", "<=", ">", ">="}
        ``:=`` takes ``*`` and ``?`` to the letter. ``!=`` asks as ``:`` does; the caller turns the whole term round.

    Raises
    ------
    BadValue, WrongUnit
    """
    return _ordered(field, operator, value) if operator in _ORDERS else _one(field, value, operator == ":=")


def _one(field: Field, value: Value, is_literal: bool) -> Query:
    """Return what a field and one value ask: a text, a number, a range, ``*`` for any or ``none`` for no value."""
    text = value.text.strip() if field.kind in (*NUMBERS, "date") else value.text
    if not text or (text.casefold() == "none" and not value.is_quoted and not is_literal):
        return Compare(field, "empty")
    if not is_literal and not text.strip("*"):
        return Compare(field, "has")
    if field.kind == "sequence":
        raise BadValue(
            f"{field.name[:80]} is a sequence: ask {field.name[:80]}:* or an attribute in it, name.inner:value."
        )
    if field.kind in NUMBERS:
        return _number(field, text)
    if field.kind == "date":
        return _days(field, text)
    return _text(field, text, is_literal)


def strictly(field: Field, low: str, high: str) -> Query:
    """Return the numbers of an open range: one end is asked, and it is not meant itself."""
    return And((Compare(field, "range", (low, high)), Not(Compare(field, "is", (low or high,)))))


def is_strict(query: Sequence[Query]) -> bool:
    """Tell whether two parts are what `strictly` makes."""
    if len(query) != 2 or not isinstance(query[0], Compare) or not isinstance(query[1], Not):
        return False
    span, outside = query[0], query[1].part
    ends = [end for end in span.values if end]
    is_open = span.operator == "range" and span.field.kind in NUMBERS and len(ends) == 1
    return is_open and outside == Compare(span.field, "is", tuple(ends))


@lru_cache(maxsize=1024)
def is_coded(field: Field) -> bool:
    """Tell whether the values of a field are codes in capitals that are compared to the letter: ``ct`` means CT."""
    if field.kind != "text" or not field.keyword:
        return False
    try:
        return dicom.attribute(field.keyword).vr == "CS"
    except dicom.UnknownAttribute:
        return False


def code_of(field: Field, text: str) -> str:
    """Return a coded value as the archive holds it."""
    if not is_coded(field):
        return text
    return _SAID.get(field.keyword, {}).get(text.casefold()) or text.upper()


def plain_pattern(text: str) -> str:
    """Write stars that follow each other as one."""
    return _STARS.sub("*", text)


def _text(field: Field, text: str, is_literal: bool) -> Compare:
    if is_literal or not ("*" in text or "?" in text):
        return compare_of(field, f"={text if is_literal else code_of(field, text)}")
    if field.kind == "uid":
        raise BadValue(f"{field.name[:80]} is asked by a whole UID, without * and ?.")
    pattern = plain_pattern(code_of(field, text))
    if pattern.count("*") > MOST_STARS:
        raise BadValue(f"A value has at most {MOST_STARS} stars.")
    if len(pattern) > LONGEST_VALUE or "\0" in pattern:
        raise BadValue(f"A value of {field.name[:80]} is too long or malformed.")
    return Compare(field, "like", (pattern,))


def _number(field: Field, text: str) -> Compare:
    """Read a number or a range; the unit of the upper end holds for a lower end without one."""
    low, dots, high = (part.strip() for part in text.partition(".."))
    if dots:
        if not low and not high:
            raise BadValue("A range wants a lower end, an upper end or both: 1..2.5.")
        unit = _TRAILING_UNIT.search(f"{high} ")
        if unit and low and not _TRAILING_UNIT.search(low):
            low += unit.group(1)
        text = f"{in_unit(low, field.unit)}..{in_unit(high, field.unit)}"
    else:
        text = in_unit(text, field.unit)
    return replace(compare_of(replace(field, kind="number"), text), field=field)


def _ordered(field: Field, operator: str, value: Value) -> Query:
    text = value.text.strip()
    if field.kind not in (*NUMBERS, "date"):
        raise BadValue(f"{field.name[:80]} is text: {operator} compares numbers and dates.")
    if ".." in text or not text.strip("*") or text.casefold() == "none":
        raise BadValue(f"{operator} wants one {'date' if field.kind == 'date' else 'number'}.")
    if field.kind == "date":
        return _before_or_after(field, operator, text)
    number = _number(field, text).values[0]
    if field.is_many and not operator.endswith("="):
        return Compare(field, "above" if operator[0] == ">" else "below", (number,))
    low, high = (number, "") if operator[0] == ">" else ("", number)
    return Compare(field, "range", (low, high)) if operator.endswith("=") else strictly(field, low, high)


def _before_or_after(field: Field, operator: str, text: str) -> Compare:
    first, last = _span(field, text)
    try:
        if operator[0] == ">":
            return Compare(field, "range", ((first if operator == ">=" else last + timedelta(1)).isoformat(), ""))
        return Compare(field, "range", ("", (last if operator == "<=" else first - timedelta(1)).isoformat()))
    except OverflowError:
        raise BadValue("There is no day beyond this one.") from None


def _days(field: Field, text: str) -> Compare:
    """Read a day or a range; a month or a year means all its days."""
    low, dots, high = (part.strip() for part in text.partition(".."))
    if not dots:
        first, last = _span(field, low)
        if first == last:
            return Compare(field, "is", (first.isoformat(),))
        return Compare(field, "range", (first.isoformat(), last.isoformat()))
    if not low and not high:
        raise BadValue("A range wants a first day, a last day or both: 2004..2006-03-31.")
    begin = _span(field, low)[0].isoformat() if low else ""
    return Compare(field, "range", (begin, _span(field, high)[1].isoformat() if high else ""))


def _span(field: Field, text: str) -> tuple[date, date]:
    found = _DATE.fullmatch(text)
    try:
        if not found:
            raise ValueError
        year, month, day = (int(part) if part else 0 for part in found.groups())
        if day:
            return date(year, month, day), date(year, month, day)
        last_month = month or 12
        return date(year, month or 1, 1), date(year, last_month, monthrange(year, last_month)[1])
    except ValueError:
        raise BadValue(
            f"{field.name[:80]} wants a date such as 2024-01-31, a month, a year, or a range 2024-01..2024-06."
        ) from None
