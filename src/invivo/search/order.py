"""The order of an answer, and tokens that name a place in it.

An answer can be sorted by any column of a series. Of a study, a subject or a collection that is the least value that its found
series have, going up, and the greatest, going down; images and sizes are added. What has no value stands last either way,
and what is equal stands in the order of arrival.
"""

import binascii
import math
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from functools import cache
from hashlib import blake2b

import orjson

from invivo import database
from invivo.errors import Invalid
from invivo.search.field import FIELDS
from invivo.search.query import Query
from invivo.search.wording import normalised

LONGEST_TOKEN = 2000
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
SUMS = ("images", "size")
_KINDS = ("number", "date", "text", "name", "uid")
_CASTS = {
    "number": "({0})::double precision",
    "date": "({0})::date",
    "name": "nullif(lower({0}), '') collate \"C\"",
    "text": "nullif(({0})::text, '') collate \"C\"",
    "uid": "nullif(({0})::text, '') collate \"C\"",
}
COUNTS = {
    "study": {"series-count": "count(*)"},
    "subject": {"series-count": "count(*)", "study-count": "count(distinct s.study_id)"},
    "collection": {
        "series-count": "count(*)",
        "study-count": "count(distinct s.study_id)",
        "subject-count": "count(distinct s.subject_id)",
    },
}
_BY_NAME = {field.name: field for field in FIELDS if field.kind in _KINDS and field.column and not field.paths}

Sorted = float | str | None


@dataclass(frozen=True, slots=True)
class Order:
    """What an answer is sorted by.

    Attributes
    ----------
    name : str
        Of a field, or of a count of a level.
    """

    name: str
    is_descending: bool = False

    def expression(self, level: str) -> str:
        """Return the SQL of what is compared, of a series or over the series of a group."""
        if self.name in COUNTS.get(level, {}):
            return COUNTS[level][self.name]
        field = _BY_NAME[self.name]
        one = _CASTS[field.kind].format(field.column)
        if level == "series":
            return one
        if self.name in SUMS:
            return f"sum({one})"
        return f"{'max' if self.is_descending else 'min'}({one})"

    @property
    def is_text(self) -> bool:
        return self.name in _BY_NAME and _BY_NAME[self.name].kind in ("text", "name", "uid")

    @property
    def is_date(self) -> bool:
        return self.name in _BY_NAME and _BY_NAME[self.name].kind == "date"


@dataclass(frozen=True, slots=True)
class Place:
    """The last row of a page: what it is sorted by, and its key."""

    value: Sorted
    key: int


@cache
def orders(level: str) -> tuple[str, ...]:
    """Return the names by which a level can be sorted."""
    return (*COUNTS.get(level, {}), *_BY_NAME)


def read_order(text: str, level: str) -> Order | None:
    """Read an order: the name of a column, with ``-`` before it for descending; None for an empty text, the order of arrival.

    Raises
    ------
    Invalid
        With the nearest names.
    """
    if not text:
        return None
    name = text.removeprefix("-").lower().replace("_", "-")
    if name not in orders(level):
        near = get_close_matches(name, orders(level), 3)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        raise Invalid(f"An answer cannot be sorted by {text[:60]!r}.{hint}", code="search.order")
    return Order(name, text.startswith("-"))


def token_of(query: Query, level: str, order: str, place: Place) -> str:
    """Write a place in an answer as a token; it is good for the same question, level and order only."""
    written = orjson.dumps([_digest(query, level, order), place.value, place.key])
    return urlsafe_b64encode(written).decode().rstrip("=")


def place_at(token: str, query: Query, level: str, order: str) -> Place:
    """Read a token.

    Raises
    ------
    Invalid
        ``search.token``: it is none. ``search.other-question``: it is of another question, level or order.
    """
    try:
        if len(token) > LONGEST_TOKEN:
            raise ValueError
        told = orjson.loads(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        digest, value, key = told
    except (ValueError, TypeError, binascii.Error):
        raise Invalid("This is no page token; begin at the first page.", code="search.token") from None
    if digest != _digest(query, level, order):
        raise Invalid(
            "This page token belongs to another question, level or order; begin at the first page.",
            code="search.other-question",
        )
    if (
        not _fits(value, read_order(order, level))
        or not _is_number(key)
        or not isinstance(key, int)
        or not 0 <= key < 2**63
        or "\0" in str(value)
    ):
        raise Invalid("This is no page token; begin at the first page.", code="search.token")
    return Place(value, key)


def _fits(value: object, order: Order | None) -> bool:
    """Tell whether a value of a token is one that its order gives."""
    if value is None or order is None:
        return value is None
    if order.is_date:
        return isinstance(value, str) and bool(_DAY.fullmatch(value)) and _is_day(value)
    return isinstance(value, str) if order.is_text else _is_number(value)


def _is_day(value: str) -> bool:
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _digest(query: Query, level: str, order: str) -> str:
    asked = f"{level}\0{order}\0{normalised(query)!r}"
    return blake2b(asked.encode("utf-8", "surrogatepass"), digest_size=9).hexdigest()


def behind(order: Order, place: Place | None) -> database.Condition:
    """Return the condition on ``q.sorted`` and ``q.place`` of rows behind a place."""
    if place is None:
        return database.everything()
    key, value = database.fresh("key"), database.fresh("value")
    if place.value is None:
        return database.Condition(f"q.sorted is null and q.place > %({key})s", {key: place.key})
    cast = "date" if order.is_date else "text" if order.is_text else "double precision"
    told = f"%({value})s::{cast}" + (' collate "C"' if order.is_text else "")
    sign = "<" if order.is_descending else ">"
    return database.Condition(
        f"q.sorted {sign} {told} or (q.sorted = {told} and q.place > %({key})s) or q.sorted is null",
        {key: place.key, value: place.value},
    )
