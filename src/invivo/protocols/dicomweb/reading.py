"""QIDO-RS requests read into queries of ours.

References
----------
DICOM PS3.18 8.3.4 (query parameters), 10.6; PS3.4 C.2.2.2 (attribute matching).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from starlette.requests import Request

from invivo import dicom, search
from invivo.protocols.dicomweb.matching import BINARY, DATES, NUMBERS, WILD, Match, Path, ends_of
from invivo.protocols.wire import BadParameter, whole_number

SWITCHES = frozenset({"fuzzymatching", "emptyvaluematching", "multiplevaluematching"})
CONTROLS = SWITCHES | {"limit", "offset", "includefield", "accept", "charset"}
# Values of these never hold a comma, so a comma separates alternatives, as OHIF sends them.
COMMA_KEYWORDS = frozenset({"ModalitiesInStudy", "Modality"})
LONGEST_VALUE = 64 * 1000
MOST_VALUES = 1000
MOST_PARAMETERS = 200
DEEPEST = 8
ALL: Path = ("all",)
_DATE = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})")
_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_NUMBER = re.compile(r"\s*[-+]?\d{1,15}(\.\d{1,10})?([eE][-+]?\d{1,2})?\s*")
_WEST = re.compile(r"\d{8,14}(\.\d{1,6})?-(0\d|1[0-2])\d{2}")  # one moment with an offset west of Greenwich
_COUNTS = frozenset(
    "NumberOfStudyRelatedSeries NumberOfStudyRelatedInstances NumberOfPatientRelatedStudies NumberOfPatientRelatedSeries"
    " NumberOfPatientRelatedInstances RetrieveURL InstanceAvailability SpecificCharacterSet".split()
)


class BadUid(BadParameter):
    """A UID of the address is malformed."""

    code = "dicomweb.bad-uid"


class UnknownAttribute(BadParameter):
    """The request names an attribute that the dictionary does not have, or that cannot be asked."""

    code = "dicomweb.unknown-attribute"


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
    level : {"study", "series", "instance"}
    query : search.And
        What columns must meet.
    matches : tuple of Match
        What headers must meet besides.
    names : tuple of (field, text)
        Names that must be nearly as asked.
    included : frozenset of paths
        Attributes to give besides the usual ones; `ALL` for everything of the level.
    """

    level: str
    place: Place
    query: search.And
    matches: tuple[Match, ...]
    names: tuple[tuple[search.Field, str], ...]
    included: frozenset[Path]
    limit: int
    offset: int


def place_of(request: Request) -> Place:
    """Read the UIDs of an address.

    Raises
    ------
    BadUid
    """
    found = {name: str(request.path_params.get(name, "")) for name in ("study", "series", "instance")}
    for name, uid in found.items():
        if uid and not dicom.is_valid(uid):
            raise BadUid(f"The {name} of the address is no UID.")
    return Place(**found)


def criteria_of(request: Request, page_rows: int, level: str) -> Criteria:
    """Read a search.

    Parameters
    ----------
    page_rows : int
        Rows of an answer at most.

    Raises
    ------
    BadUid, BadParameter, UnknownAttribute
    """
    place = place_of(request)
    pairs = request.query_params.multi_items()
    if len(pairs) > MOST_PARAMETERS:
        raise BadParameter(f"A query has at most {MOST_PARAMETERS} parameters.")
    controls = {name.lower(): value for name, value in pairs}
    reader = _Reader(level, {name: _switch(name, controls) for name in SWITCHES})
    for keyword, uid in (("StudyInstanceUID", place.study), ("SeriesInstanceUID", place.series)):
        if uid:
            reader.parts.append(search.Compare(search.field_named(keyword), "is", (uid,)))
    reader.read([(name, value) for name, value in pairs if name.lower() not in CONTROLS and value not in ("", "*")])
    limit = whole_number(controls["limit"], "limit") if controls.get("limit") else page_rows
    return Criteria(
        level=level,
        place=place,
        query=search.And(tuple(reader.parts)),
        matches=tuple(reader.matches),
        names=tuple(reader.names),
        included=_included(pairs),
        limit=min(limit, page_rows),
        offset=whole_number(controls["offset"], "offset") if controls.get("offset") else 0,
    )


def _switch(name: str, controls: Mapping[str, str]) -> bool | None:
    value = controls.get(name, "").lower()
    if value not in ("", "true", "false"):
        raise BadParameter(f"{name} is true or false.")
    return None if not value else value == "true"


@dataclass(frozen=True, slots=True)
class Asked:
    """An attribute of a request: where it lies, its keyword (a private one has none), and its VR."""

    path: Path
    keyword: str
    vr: str
    name: str


def attribute_of(name: str) -> Asked:
    """Read the name of an attribute: keywords or tags, of sequences inwards joined by dots.

    Raises
    ------
    UnknownAttribute
    """
    steps = name.split(".")
    if len(steps) > DEEPEST or len(name) > 600:
        raise UnknownAttribute(f"An attribute is named by at most {DEEPEST} steps.")
    found = [_step(one) for one in steps]
    for tag, _, vr in found[:-1]:
        if vr != "SQ" and int(tag[:4], 16) % 2 == 0:
            raise UnknownAttribute(f"{tag} is no sequence; only sequences hold other attributes.")
    tag, keyword, vr = found[-1]
    return Asked(tuple(one[0] for one in found), keyword if len(found) == 1 else "", vr, keyword or tag)


def _step(text: str) -> tuple[str, str, str]:
    if _TAG.fullmatch(text) and int(text[:4], 16) % 2:
        return text.upper(), "", ""  # a private attribute has the VR that its object gives it
    try:
        found = dicom.attribute(text)
    except dicom.UnknownAttribute as error:
        raise UnknownAttribute(
            f"{text[:64]!r}: {error.message} Name it by a keyword or by eight hexadecimal digits."
        ) from None
    return f"{found.tag:08X}", found.keyword, found.vr.split(" ")[0]


def _included(pairs: list[tuple[str, str]]) -> frozenset[Path]:
    """Read includefield, repeated or as a list; attributes that nobody knows are passed over (PS3.18 8.3.4.3)."""
    found: set[Path] = set()
    for name, value in pairs:
        for one in value.split(",") if name.lower() == "includefield" else ():
            if one.strip().lower() == "all":
                found.add(ALL)
            elif one.strip():
                try:
                    found.add(attribute_of(one.strip()).path)
                except UnknownAttribute:
                    continue
    return frozenset(found)


class _Reader:
    """The attributes of one request, sorted into those with a column and those that are looked for in headers."""

    def __init__(self, level: str, switches: Mapping[str, bool | None]) -> None:
        self.level = level
        self.switches = switches
        self.parts: list[search.Query] = []
        self.matches: list[Match] = []
        self.names: list[tuple[search.Field, str]] = []

    def read(self, pairs: list[tuple[str, str]]) -> None:
        asked = [(attribute_of(name), value) for name, value in pairs]
        for one, value in self._without_moments(asked):
            if one.name in _COUNTS:
                raise UnknownAttribute(f"{one.name} is told in answers and cannot be asked; leave it out.")
            field = search.field_of_attribute(one.keyword, self.level) if one.keyword else None
            if field is None:
                self.matches.append(self._match(one, value))
            elif one.vr == "PN" and self.switches["fuzzymatching"] and value != '""':
                self.names.append((field, value))
            else:
                self.parts.append(self._compare(field, one, value))

    def _without_moments(self, asked: list[tuple[Asked, str]]) -> list[tuple[Asked, str]]:
        """Take out dates and times that are one range of moments (combined date-time matching, PS3.4 C.2.2.2.5)."""
        ranges = {one.keyword: (one, value) for one, value in asked if "-" in value and one.keyword}
        done: set[str] = set()
        for keyword, (day, days) in ranges.items():
            partner = keyword.removesuffix("Date") + "Time"
            if not keyword.endswith("Date") or partner not in ranges or day.vr != "DA" or ranges[partner][0].vr != "TM":
                continue
            time, times = ranges[partner]
            ends = ends_of(days, "DA", keyword), ends_of(times, "TM", partner)
            fields = [search.field_of_attribute(one, self.level) for one in (keyword, partner)]
            if fields[0] and fields[1]:
                self.parts.append(_moments(fields[0], fields[1], *ends))
            else:
                joined = [f"{ends[0][side]}{ends[1][side]}" if ends[0][side] else "" for side in (0, 1)]
                self.matches.append(Match(day.path, "DA", "range", tuple(joined), time.path))
            done |= {keyword, partner}
        return [(one, value) for one, value in asked if one.keyword not in done or not one.keyword]

    def _alternatives(self, one: Asked, value: str) -> tuple[str, ...]:
        is_uid = one.vr == "UI"
        if len(value) > (LONGEST_VALUE if is_uid else 400 * 10) or "\x00" in value:
            raise BadParameter(f"The value of {one.name} is too long or malformed.")
        text = value.replace(",", "\\") if is_uid or one.keyword in COMMA_KEYWORDS else value
        if not is_uid and self.switches["multiplevaluematching"] is False:
            return (text.strip(),)
        found = tuple(part.strip() for part in text.split("\\") if part.strip())
        if not found or len(found) > MOST_VALUES:
            raise BadParameter(f"{one.name} takes 1 to {MOST_VALUES} values.")
        return found

    def _is_empty(self, value: str) -> bool:
        return value == '""' and self.switches["emptyvaluematching"] is not False

    def _match(self, one: Asked, value: str) -> Match:
        """Read what headers must meet."""
        if self._is_empty(value):
            return Match(one.path, one.vr, "empty")
        if one.vr == "SQ" or one.vr in BINARY:
            raise UnknownAttribute(f'{one.name} holds no text to compare; ask an attribute inside it, or "" for empty.')
        if one.vr in DATES and "-" in value and not _WEST.fullmatch(value):
            return Match(one.path, one.vr, "range", ends_of(value, one.vr, one.name))
        if one.vr == "PN" and self.switches["fuzzymatching"]:
            return Match(one.path, one.vr, "alike", (value,))
        values = self._alternatives(one, value)
        if one.vr in NUMBERS and not all(_NUMBER.fullmatch(part) for part in values):
            raise BadParameter(f"{one.name} wants a number.")
        is_wild = (one.vr in WILD or not one.vr) and any(mark in value for mark in "*?")
        return Match(one.path, one.vr, "like" if is_wild else "is", values)

    def _compare(self, field: search.Field, one: Asked, value: str) -> search.Query:
        """Read what a column must meet."""
        if self._is_empty(value):
            return search.Compare(field, "empty")
        if field.kind == "date":
            return search.Compare(field, *_days(one.name, value))
        if one.vr == "TM" and "-" in value:
            return search.Compare(field, "range", ends_of(value, "TM", one.name))
        values = self._alternatives(one, value)
        if field.kind == "number":
            if not all(_NUMBER.fullmatch(part) for part in values):
                raise BadParameter(f"{one.name} wants a number.")
            return search.Compare(field, "is", tuple(str(float(part)) for part in values))
        if field.kind in ("uid", "list"):
            return search.Compare(field, "is", values)
        wild = [part for part in values if "*" in part or "?" in part]
        plain = tuple(part for part in values if part not in wild)
        parts: list[search.Query] = [search.Compare(field, "like", (part,)) for part in wild]
        parts += [search.Compare(field, "is", plain)] if plain else []
        return parts[0] if len(parts) == 1 else search.Or(tuple(parts))


def _moments(day: search.Field, time: search.Field, days: tuple[str, str], times: tuple[str, str]) -> search.Query:
    """Return the condition on moments: on the first and the last day also their times count."""
    ends = tuple(_day(day.keyword, one) for one in days)
    parts: list[search.Query] = [search.Compare(day, "range", ends)]
    for side in (0, 1):
        if ends[side] and times[side]:
            bound = ("", times[1]) if side else (times[0], "")
            is_inside = search.Not(search.Compare(day, "is", (ends[side],)))
            parts.append(search.Or((is_inside, search.Compare(time, "range", bound))))
    return search.And(tuple(parts))


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
