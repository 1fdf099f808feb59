"""One value of an address, read as a comparison."""

import re
from datetime import date

from invivo.errors import Invalid
from invivo.search.field import Field
from invivo.search.query import Compare
from invivo.search.unit import in_unit

LONGEST_VALUE = 400
MOST_VALUES = 1000
_NUMBER = re.compile(r"-?\d+(\.\d+)?$")


class BadValue(Invalid):
    """A value of the query is malformed."""

    code = "search.bad-value"


def _day(text: str, field: Field) -> str:
    compact = text.replace("-", "")
    try:
        return date(int(compact[:4]), int(compact[4:6] or 1), int(compact[6:8] or 1)).isoformat() if text else ""
    except ValueError:
        raise BadValue(f"{field.name} wants a date such as 2024-01-31, or a range 2024-01-01..2024-12-31.") from None


def _number(text: str, field: Field) -> str:
    bare = in_unit(text.strip(), field.unit)
    if bare and not _NUMBER.match(bare):
        raise BadValue(
            f"{field.name} wants a number{f' in {field.unit}' if field.unit else ''}, or a range such as 1..2.5."
        )
    return bare


def compare_of(field: Field, value: str) -> Compare:
    """Read one value of an address: ``a..b`` is a range of numbers or dates, ``*`` and ``?`` stand for text.

    A value that begins with ``=`` is taken to the letter: ``=?`` is a question mark.

    Raises
    ------
    BadValue
    """
    if len(value) > LONGEST_VALUE or "\x00" in value:
        raise BadValue(f"A value of {field.name} is too long or malformed.")
    if field.kind in ("number", "count", "day", "date"):
        read = _day if field.kind == "date" else _number
        low, dots, high = value.partition("..")
        if dots:
            return Compare(field, "range", (read(low.strip(), field), read(high.strip(), field)))
        return Compare(field, "is", (read(value.strip(), field),))
    if value == "":
        return Compare(field, "empty")
    if field.choices and not set("*?") & set(value):
        value = value.removeprefix("=").casefold()
        if value not in field.choices:
            raise BadValue(f"{field.name} is one of {', '.join(field.choices)}.")
    if value.startswith("="):
        return Compare(field, "is", (value[1:],))
    if field.kind != "uid" and ("*" in value or "?" in value):
        return Compare(field, "like", (value,))
    return Compare(field, "is", (value,))


def exactly(value: str) -> str:
    """Return how a value is written in an address so that it means itself: facets need it for values with ``*`` or ``?``."""
    return f"={value}" if value.startswith("=") or "*" in value or "?" in value else value
