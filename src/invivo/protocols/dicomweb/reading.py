"""QIDO-RS requests read into queries of ours.

References
----------
DICOM PS3.18 8.3.4 (query parameters), 10.6; PS3.4 C.2.2.2 (attribute matching).
"""

import re
from dataclasses import dataclass, replace
from datetime import date

from starlette.requests import Request

from invivo import dicom, search
from invivo.protocols.wire import BadParameter, whole_number

CONTROLS = frozenset(
    {
        "limit",
        "offset",
        "fuzzymatching",
        "includefield",
        "emptyvaluematching",
        "multiplevaluematching",
        "accept",
        "charset",
    }
)
INSTANCE_KEYWORDS = frozenset({"SOPInstanceUID", "SOPClassUID", "InstanceNumber"})
# Values of these never hold a comma, so a comma separates alternatives, as OHIF sends them.
COMMA_KEYWORDS = frozenset({"ModalitiesInStudy", "Modality"})
LONGEST_VALUE = 64 * 1000
MOST_VALUES = 1000
_DATE = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})")
_TIME = re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?")
_NUMBER = re.compile(r"\s*[-+]?\d{1,15}(\.\d{1,10})?([eE][-+]?\d{1,2})?\s*")


class BadUid(BadParameter):
    """A UID of the address is malformed."""

    code = "dicomweb.bad-uid"


@dataclass(frozen=True, slots=True)
class Place:
    """UIDs of the address, checked; empty where the address has none."""

    study: str = ""
    series: str = ""
    instance: str = ""


@dataclass(frozen=True, slots=True)
class Criteria:
    """A QIDO-RS request.

    Attributes
    ----------
    query : search.And
        What studies and series must meet.
    instances : mapping of keyword to values
        What instances must meet; the alternatives of a keyword.
    is_of_series : bool
        The query names something that belongs to a series, so totals of a study must be asked separately.
    included : frozenset of str
        Attributes to give besides the usual ones, as tags; ``all`` for everything.
    """

    query: search.And
    instances: dict[str, tuple[str, ...]]
    is_of_series: bool
    included: frozenset[str]
    limit: int
    offset: int
    is_fuzzy: bool


def place_of(request: Request) -> Place:
    """Read the UIDs of an address; raises BadUid."""
    found = {name: str(request.path_params.get(name, "")) for name in ("study", "series", "instance")}
    for name, uid in found.items():
        if uid and not dicom.is_valid(uid):
            raise BadUid(f"The {name} UID of the address is no UID.")
    return Place(**found)


def criteria_of(request: Request, page_rows: int) -> Criteria:
    """Read a QIDO-RS request.

    Parameters
    ----------
    page_rows : int
        Largest page, and the size of one where the client names none.

    Raises
    ------
    BadParameter, BadUid, UnknownAttribute, UnknownField
        Naming the parameter.
    """
    place = place_of(request)
    parts: list[search.Query] = [
        search.Compare(search.field_named(name), "is", (uid,))
        for name, uid in (("study", place.study), ("series", place.series))
        if uid
    ]
    instances: dict[str, tuple[str, ...]] = {}
    is_of_series = False
    pairs = request.query_params.multi_items()
    if len(pairs) > 200:
        raise BadParameter("A query has at most 200 parameters.")
    for name, value in pairs:
        if name.lower() in CONTROLS or value in ("", "*"):
            continue  # an empty value, and a lone star, match everything
        keyword = _keyword(name)
        if keyword in INSTANCE_KEYWORDS:
            instances[keyword] = _alternatives(keyword, value)
            continue
        asked = _field(keyword, name)
        is_of_series = is_of_series or asked.column.startswith("s.")
        parts.append(_compare(asked, keyword, value))
    controls = {name.lower(): value for name, value in pairs}
    limit = whole_number(controls["limit"], "limit") if controls.get("limit") else page_rows
    return Criteria(
        query=search.And(tuple(parts)),
        instances=instances,
        is_of_series=is_of_series,
        included=_included(pairs),
        limit=min(limit, page_rows),
        offset=whole_number(controls["offset"], "offset") if controls.get("offset") else 0,
        is_fuzzy=controls.get("fuzzymatching", "").lower() == "true",
    )


def _keyword(name: str) -> str:
    if "." in name:
        raise BadParameter(f"Attributes inside sequences cannot be asked: {name[:80]!r}.")
    try:
        found = dicom.attribute(name)
    except dicom.UnknownAttribute:
        raise BadParameter(f"There is no attribute {name[:80]!r}; use a keyword or eight hexadecimal digits.") from None
    return found.keyword


def _field(keyword: str, name: str) -> search.Field:
    try:
        found = search.field_named(keyword)
    except search.UnknownField:
        raise BadParameter(f"The archive cannot be searched by {name[:80]!r} ({keyword}).") from None
    # Names of people are compared without case (PS3.4 C.2.2.2.1), whatever the column is.
    return replace(found, kind="name") if keyword == "PatientName" else found


def _included(pairs: list[tuple[str, str]]) -> frozenset[str]:
    """Read includefield, repeated or as a list; attributes that nobody knows are passed over (PS3.18 8.3.4.3)."""
    found: set[str] = set()
    for name, value in pairs:
        for one in value.split(",") if name.lower() == "includefield" else ():
            if one.strip().lower() == "all":
                found.add("all")
            elif len(one) <= 64:
                try:
                    found.add(f"{dicom.attribute(one).tag:08X}")
                except dicom.UnknownAttribute:
                    continue
    return frozenset(found)


def _alternatives(keyword: str, value: str) -> tuple[str, ...]:
    is_uid = keyword.endswith("UID")
    if len(value) > (LONGEST_VALUE if is_uid else 400 * 10) or "\x00" in value:
        raise BadParameter(f"The value of {keyword} is too long or malformed.")
    text = value.replace(",", "\\") if is_uid or keyword in COMMA_KEYWORDS else value
    found = tuple(one.strip() for one in text.split("\\") if one.strip())
    if not found or len(found) > MOST_VALUES:
        raise BadParameter(f"{keyword} takes 1 to {MOST_VALUES} values.")
    return found


def _compare(asked: search.Field, keyword: str, value: str) -> search.Query:
    if value == '""':
        return search.Compare(asked, "empty")
    if asked.kind == "date":
        return search.Compare(asked, *_days(keyword, value))
    alternatives = _alternatives(keyword, value)
    if asked.kind == "number":
        if not all(_NUMBER.fullmatch(one) for one in alternatives):
            raise BadParameter(f"{keyword} wants a number.")
        return search.Compare(asked, "is", tuple(str(float(one)) for one in alternatives))
    if keyword.endswith("Time") and "-" in value:
        return search.Compare(asked, "range", _times(keyword, value))
    if asked.kind == "uid":
        return search.Compare(asked, "is", alternatives)
    wild = [one for one in alternatives if "*" in one or "?" in one]
    plain = tuple(one for one in alternatives if one not in wild)
    parts: list[search.Query] = [search.Compare(asked, "like", (one,)) for one in wild]
    parts += [search.Compare(asked, "is", plain)] if plain else []
    return parts[0] if len(parts) == 1 else search.Or(tuple(parts))


def _days(keyword: str, value: str) -> tuple[str, tuple[str, ...]]:
    low, dash, high = value.partition("-")
    if not dash:
        return "is", (_day(keyword, value),)
    if not low.strip() and not high.strip():
        raise BadParameter(f"{keyword} wants a range such as 20200101-20201231, 20200101- or -20201231.")
    return "range", (_day(keyword, low), _day(keyword, high))


def _day(keyword: str, text: str) -> str:
    match = _DATE.fullmatch(text.strip())
    if not text.strip():
        return ""
    try:
        if match is None:
            raise ValueError
        return date(*map(int, match.groups())).isoformat()
    except ValueError:
        raise BadParameter(f"{keyword} wants a date such as 20200131, or a range 20200101-20201231.") from None


def _times(keyword: str, value: str) -> tuple[str, str]:
    """Read a range of times; the end takes in the whole of its last hour, minute or second."""
    low, _, high = (one.strip() for one in value.partition("-"))
    if (low and not _TIME.fullmatch(low)) or (high and not _TIME.fullmatch(high)) or not (low or high):
        raise BadParameter(f"{keyword} wants a time such as 0830, or a range 0830-1200.")
    return low, high and (high + "595959.999999"[len(high) :] if "." not in high else high)
