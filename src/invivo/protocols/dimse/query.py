"""C-FIND: identifiers to queries of ours, and rows to answers.

What the database has a column for is asked there; every other key is held against the header: of the instance itself at
the image level, of one instance that stands for all at the levels above.

References
----------
DICOM PS3.4 C.4.1 (C-FIND), C.2.2 (keys and matching), C.6 (the models).
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any

from invivo import dicom, errors, images, search
from invivo.protocols.dimse import columns, matching
from invivo.protocols.dimse.identifier import BadIdentifier, Json, Key, Keys, encode, read, vr_of
from invivo.protocols.dimse.negotiation import FINDS
from invivo.protocols.dimse.operation import Operation
from invivo.protocols.dimse.status import CANCELLED, MISMATCH, OUT_OF_RESOURCES, PENDING, SUCCESS

LEVEL = 0x00080052
UNIQUE = {"PATIENT": 0x00100020, "STUDY": 0x0020000D, "SERIES": 0x0020000E, "IMAGE": 0x00080018}
ROWS_AT_ONCE, ANSWERS_AT_ONCE, MOST_SERIES = 200, 64, 2000
_SEARCHED = {"PATIENT": "subject", "STUDY": "study", "SERIES": "series", "IMAGE": "series"}
_NEVER_MATCHED = {0x00080005, LEVEL, 0x00080054, 0x00080056, 0x00080201}
_INSTANCE_TAGS = {0x00080018: "uid", 0x00080016: "sop_class_uid", 0x00200013: "number"}


class TooBroad(errors.TooLarge):
    """The question would look through too much."""

    code = "dimse.too-broad"


@dataclass(frozen=True, slots=True)
class Question:
    """An identifier, read.

    Attributes
    ----------
    level : {"PATIENT", "STUDY", "SERIES", "IMAGE"}
    asked : dict
        All keys, of which the answers hold the values.
    query : search.And
        What the database is asked.
    others : dict
        Keys that are held against headers.
    is_of_series : bool
        The query narrows the series of a study, whose totals must be asked for separately.
    """

    level: str
    asked: Keys
    query: search.And
    others: Keys
    instances: Keys
    is_of_series: bool

    @property
    def headed(self) -> frozenset[str]:
        """Tags whose values only a header has."""
        known = columns.of_level(self.level)
        tags = {f"{tag:08X}" for tag in self.asked if tag not in _NEVER_MATCHED and tag & 0xFFFF}
        return frozenset(tags - set(known)) | {f"{tag:08X}" for tag in self.others}


def question_of(content: bytes, syntax: str, levels: tuple[str, ...], *, is_relational: bool) -> Question:
    """Read the identifier of a query.

    Raises
    ------
    BadIdentifier
        It has no level of the model, or lacks the unique keys of the levels above in a hierarchical query.
    """
    asked = read(content, syntax)
    level = asked[LEVEL].text.upper() if LEVEL in asked else ""
    if level not in levels:
        raise BadIdentifier("The identifier has no query level of this model.")
    for above in levels[: levels.index(level)] if not is_relational else ():
        key = asked.get(UNIQUE[above])
        if key is None or len(key.values) != 1 or (above != "PATIENT" and key.is_universal):
            raise BadIdentifier("A hierarchical query needs one value of the unique key of each level above.")
    parts: list[search.Query] = []
    others: Keys = {}
    instances: Keys = {}
    is_of_series = False
    for tag, key in asked.items():
        if tag in _NEVER_MATCHED or not tag & 0xFFFF or key.is_universal:
            continue
        found = _field(tag)
        if level == "IMAGE" and tag in _INSTANCE_TAGS:
            instances[tag] = key
        elif found is None or not _is_plain(found, key):
            if not columns.is_count(tag):
                others[tag] = key
        else:
            is_of_series = is_of_series or found.column.startswith("s.")
            parts.append(_compare(found, key))
    return Question(level, asked, search.And(tuple(parts)), others, instances, is_of_series)


def _field(tag: int) -> search.Field | None:
    try:
        keyword = dicom.attribute(f"{tag:08X}").keyword
    except dicom.UnknownAttribute:
        return None
    found = search.column_of(keyword)
    # Names of people are compared without case (PS3.4 C.2.2.2.1), whatever the column is.
    return replace(found, kind="name") if found is not None and keyword == "PatientName" else found


def _is_plain(found: search.Field, key: Key) -> bool:
    if key.vr == "SQ" or columns.is_count(key.tag) or "\0" in key.text or len(key.text) > 64 * 1000:
        return False
    return found.kind != "number" or not any(mark in key.text for mark in "*?")


def _compare(found: search.Field, key: Key) -> search.Query:
    values = key.values
    if found.kind == "date":
        return columns.days(found, key.text)
    if found.kind == "number":
        try:
            return search.Compare(found, "is", tuple(str(float(one)) for one in values))
        except ValueError:
            raise BadIdentifier("A number was expected as a key.") from None
    if key.vr == "TM" and "-" in key.text:
        return columns.times(found, key.text)
    if found.kind == "uid":
        return search.Compare(found, "is", values)
    wild = [one for one in values if "*" in one or "?" in one]
    plain = tuple(one for one in values if one not in wild)
    parts: list[search.Query] = [search.Compare(found, "like", (one,)) for one in wild]
    parts += [search.Compare(found, "is", plain)] if plain else []
    return parts[0] if len(parts) == 1 else search.Or(tuple(parts))


# ---- answers -------------------------------------------------------------------------------------------------------


class _Finder:
    """One answering of one question, in a thread."""

    def __init__(self, operation: Operation, question: Question) -> None:
        self.archive, self.actor = operation.archive, operation.actor
        self.question = question
        self.headed = question.headed

    def answers(self) -> Iterator[Json]:
        question = self.question
        if question.level == "IMAGE":
            yield from self._instances()
            return
        for rows in self._pages():
            for row in rows:
                header = self._header_of(row) if self.headed else {}
                if matching.fits(question.others, header):
                    yield self._answer(row, header)

    def _pages(self) -> Iterator[list[Any]]:
        level, after = _SEARCHED[self.question.level], 0
        while True:
            page = search.find(self.archive, self.actor, self.question.query, level, after=after, limit=ROWS_AT_ONCE)
            rows = list(page.rows)
            yield self._whole(rows) if level == "study" and self.question.is_of_series and rows else rows
            if page.after is None:
                return
            after = page.after

    def _whole(self, rows: list[Any]) -> list[Any]:
        """Ask studies anew without what was asked of their series, so that their totals are those of the whole study."""
        uids = tuple(row.study_uid for row in rows)
        again = search.Compare(search.field_named("study"), "is", uids)
        found = search.find(self.archive, self.actor, again, "study", limit=len(uids) * 2)
        whole = {row.place: row for row in found.rows}
        return [whole.get(row.place, row) for row in rows]

    def _header_of(self, row: Any) -> Json:
        """Return the header of the instance that stands for a row."""
        uid = getattr(row, "series_uid", None) or getattr(row, "cover_series_uid", None)
        if uid is None and hasattr(row, "study_uid"):
            series = images.series_of_study(self.archive, self.actor, row.study_uid)
            uid = series[0].uid if series else None
        if uid is None:
            return {}
        try:
            found = images.find_series(self.archive, self.actor, uid)
        except errors.NotFound:
            return {}
        cover = found.cover_uid
        if cover is None:
            members = images.instances_of_series(self.archive, self.actor, uid, bytes_too=False)
            cover = members[0].uid if members else None
        return next(images.headers_of(self.archive, found.key, cover), {}) if cover else {}

    def _instances(self) -> Iterator[Json]:
        named = self.question.instances.get(UNIQUE["IMAGE"])
        wild = named is not None and any(mark in named.text for mark in "*?")
        if named is not None and not wild and not self.question.query.parts:
            yield from self._named(named.values)
            return
        for looked, row in enumerate(chain.from_iterable(self._pages())):
            if looked >= MOST_SERIES:
                raise TooBroad("Too many series would be looked through; name a study or a series.")
            members = images.instances_of(self.archive, self.actor, row.study_uid, row.series_uid, bytes_too=False)
            fitting = [one for one in members if one.series_key == row.key and self._fits(one)]
            headers = self._headers(row.key, fitting) if self.headed else {}
            for one in fitting:
                header = headers.get(one.uid, {})
                if matching.fits(self.question.others, header):
                    yield self._answer(row, header, one)

    def _named(self, uids: tuple[str, ...]) -> Iterator[Json]:
        for uid in dict.fromkeys(uids):
            try:
                one = images.find_instance(self.archive, self.actor, uid, bytes_too=False)
            except images.UnknownInstance:
                continue
            only = search.Compare(search.field_named("series"), "is", (one.series_uid,))
            rows = search.find(self.archive, self.actor, only, "series").rows
            header = self._headers(one.series_key, [one]).get(uid, {}) if self.headed else {}
            if rows and self._fits(one) and matching.fits(self.question.others, header):
                yield self._answer(rows[0], header, one)

    def _headers(self, key: int, wanted: list[images.Instance]) -> dict[str, Json]:
        only = wanted[0].uid if len(wanted) == 1 else None
        found = images.headers_of(self.archive, key, only) if wanted else iter(())
        return {(header.get("00080018", {}).get("Value") or [""])[0]: header for header in found}

    def _fits(self, one: images.Instance) -> bool:
        json = {f"{tag:08X}": {"vr": vr_of(tag), "Value": [getattr(one, name)]} for tag, name in _INSTANCE_TAGS.items()}
        return matching.fits(self.question.instances, json)

    def _answer(self, row: Any, header: Json, one: images.Instance | None = None) -> Json:
        known = columns.of_level(self.question.level)
        json: dict[str, Any] = {}
        for tag, key in self.question.asked.items():
            name = f"{tag:08X}"
            if not tag & 0xFFFF:
                continue
            if name in known:
                json[name] = known[name].entry(row, one)
            else:
                json[name] = columns.narrowed(header.get(name), key)
        json["00080005"] = {"vr": "CS", "Value": ["ISO_IR 192"]}
        json["00080052"] = {"vr": "CS", "Value": [self.question.level]}
        json["00080054"] = {"vr": "AE", "Value": [self.archive.settings.dimse.aet]}
        if "00080056" in json:
            json["00080056"] = {"vr": "CS", "Value": ["ONLINE"]}
        return json


def _written(operation: Operation, answers: Iterator[Json]) -> list[bytes]:
    taken = islice(answers, ANSWERS_AT_ONCE)
    return [operation.written(PENDING, content=encode(json, operation.syntax)) for json in taken]


async def find(operation: Operation) -> None:
    """Answer a C-FIND."""
    levels = FINDS[operation.layer.abstracts[operation.context_id]]
    try:
        question = question_of(operation.content, operation.syntax, levels, is_relational=operation.is_relational)
    except BadIdentifier as error:
        operation.respond(MISMATCH, error.message)
        return
    answers = _Finder(operation, question).answers()
    left = operation.archive.settings.dimse.most_answers
    while not operation.is_cancelled:
        written = await asyncio.to_thread(_written, operation, answers)
        if operation.is_cancelled:
            break
        is_last = len(written) < ANSWERS_AT_ONCE
        end = b""
        if len(written) > left:
            written, is_last = written[:left], True
            end = operation.written(OUT_OF_RESOURCES, "There are more answers than may be given; narrow the query.")
        elif is_last:
            end = operation.written(SUCCESS)
        left -= len(written)
        operation.layer.write(b"".join([*written, end]))
        if is_last:
            return
        await operation.layer.drain()
    operation.respond(CANCELLED)
