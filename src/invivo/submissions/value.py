"""Which values stand in the cleaned objects of a delivery: counted by a job, listed for curators, accepted by them.

What is listed is what would be published. UIDs, pixels and other bytes are left out; numbers, dates and times that differ from
object to object are summarised as ranges.
"""

import hashlib
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Any

from pydicom.datadict import keyword_for_tag

from invivo import __version__, accounts, audit, database, images, jobs, quarantine
from invivo.archive import Archive
from invivo.errors import Invalid, Refused

NAMES = frozenset({"PN", "LT", "ST", "UT", "UC"})
SHORT_TEXT = frozenset({"LO", "SH", "AE", "UR"})
TERMS = frozenset({"CS", "AS"})
DATES = frozenset({"DA", "DT", "TM"})
NUMBERS = frozenset({"DS", "IS", "FL", "FD", "US", "SS", "UL", "SL", "UV", "SV"})
TEXTS = NAMES | SHORT_TEXT | TERMS | DATES
LONGEST_VALUE, LONGEST_PATH = 300, 300
MOST_SINGLE = 3  # dates and numbers of a series beyond which a range is given
MOST_OF_ATTRIBUTE = 500  # different values of one attribute in one series
MOST_ATTRIBUTES = 2000
DEEPEST = 32
BATCH = 200
TOO_LONG = "(a text too long to be listed; open an object to read it)"
REST_S, SLICE_S = 5.0, 45.0
_CREATOR_TAGS = range(0x0010, 0x0100)
_OWN_RECORD = "DeidentificationMethodCodeSequence"  # codes of the archive's own
OWN_RISK = 5
_EQUIPMENT = "ContributingEquipmentSequence"
_OWN = {  # what `deidentification` writes about itself, the same in every object
    (f"{_EQUIPMENT}.Manufacturer", "invivo"),
    (f"{_EQUIPMENT}.ManufacturerModelName", "invivo deidentification"),
    (f"{_EQUIPMENT}.SoftwareVersions", __version__),
    (f"{_EQUIPMENT}.PurposeOfReferenceCodeSequence.CodeValue", "109104"),
    (f"{_EQUIPMENT}.PurposeOfReferenceCodeSequence.CodingSchemeDesignator", "DCM"),
    (f"{_EQUIPMENT}.PurposeOfReferenceCodeSequence.CodeMeaning", "De-identifying Equipment"),
}
_PLACED = frozenset({"ImagePositionPatient", "InstanceNumber"})  # tell one object from the next, and nothing else


def risk_of(vr: str, *, is_private: bool) -> int:
    """How likely values of a VR identify: 0 names and free text, 1 short text, 2 terms, 3 dates, 4 numbers."""
    if vr in NAMES or (is_private and vr in SHORT_TEXT | {"UN"}):
        return 0
    return 1 if vr in SHORT_TEXT else 2 if vr in TERMS else 3 if vr in DATES else 4


def is_own(path: str, value: str) -> bool:
    """Return whether this archive itself wrote a value when it de-identified; nothing that a sender wrote is taken for it."""
    if path == "DeidentificationMethod":
        return all(one.startswith(f"invivo {__version__}, ") for one in value.split("\\"))
    return (path, value) in _OWN


def digest_of(path: str, value: str) -> bytes:
    """By what a value of an attribute is known: the whole of it, however long."""
    return hashlib.sha256(f"{path}\0{value}".encode("utf-8", "surrogatepass")).digest()[:16]


@dataclass(slots=True)
class _Attribute:
    """What a series has of one attribute: objects by value, or a range of numbers."""

    vr: str
    creator: str
    counts: dict[str, int] = field(default_factory=dict)
    more: int = 0


@dataclass(slots=True)
class _Run:
    """An element that is the same in consecutive objects: what it gives, and how often it came."""

    element: Any
    around: str
    rows: frozenset[tuple[str, str, str, str]]
    times: int = 1


class Tally:
    """Gathers the values of the cleaned objects of one series."""

    def __init__(self) -> None:
        self._found: dict[str, _Attribute] = {}
        self._runs: dict[str, _Run] = {}
        self._left_out = 0

    def add(self, header: Mapping[str, Any]) -> None:
        """Count an object, given as DICOM JSON; a value that it has several times counts once."""
        for key, element in header.items():
            around = _around(header, key)
            run = self._runs.get(key)
            # Nine of ten elements of an object are those of the object before.
            if run is not None and run.element == element and run.around == around:
                run.times += 1
                continue
            if run is not None:
                self._end(run)
            self._runs[key] = _Run(element, around, frozenset(_of_element(header, key, element, "", 0)))

    def _end(self, run: _Run) -> None:
        for path, creator, vr, value in run.rows:
            self._count(path, value, vr, creator, run.times)

    def _count(self, path: str, value: str, vr: str, creator: str, times: int) -> None:
        known = self._found.get(path)
        if known is None:
            if len(self._found) >= MOST_ATTRIBUTES:
                self._left_out += 1
                return
            known = self._found[path] = _Attribute(vr, creator)
        if value in known.counts or len(known.counts) < MOST_OF_ATTRIBUTE:
            known.counts[value] = known.counts.get(value, 0) + times
        else:
            known.more += times

    def counted(self) -> list[quarantine.Counted]:
        """Return what was gathered."""
        for run in self._runs.values():
            self._end(run)
        self._runs.clear()
        rows = [row for path, known in self._found.items() for row in _rows(path, known)]
        if self._left_out:
            rows.append(_row("(other attributes)", _Attribute("", ""), "more attributes than are listed", 0, True))
        return rows


def _rows(path: str, known: _Attribute) -> Iterator[quarantine.Counted]:
    objects = sum(known.counts.values()) + known.more
    if known.vr in DATES | NUMBERS and (len(known.counts) > MOST_SINGLE or known.more):
        if path.rpartition(".")[2] not in _PLACED:
            yield _row(path, known, _range(known), objects, True)
        return
    for value, count in known.counts.items():
        yield _row(path, known, value, count, False)
    if known.more:
        yield _row(path, known, f"more than {MOST_OF_ATTRIBUTE} different values", known.more, True)


def _row(path: str, known: _Attribute, value: str, objects: int, is_summary: bool) -> quarantine.Counted:
    is_private = path.rpartition(".")[2].startswith("(")
    risk = 0 if is_summary and known.vr not in DATES | NUMBERS else risk_of(known.vr, is_private=is_private)
    if not is_summary and is_own(path, value):
        risk = OWN_RISK
    whole = value if not is_summary else f"\0{value}"
    return quarantine.Counted(
        *(path, known.creator, known.vr, risk, _shown(value), is_summary, digest_of(path, whole), objects)
    )


def _shown(value: str) -> str:
    text = value.replace("\0", " ").encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def _range(known: _Attribute) -> str:
    parts = [part for value in known.counts for part in value.split("\\") if part]
    if known.vr in NUMBERS:
        numbers: list[tuple[float, str]] = []
        for part in parts:
            try:
                numbers.append((float(part), part))
            except ValueError:
                continue
        parts = [text for _, text in sorted(numbers)]
    else:
        parts.sort()
    return f"{parts[0]} to {parts[-1]}" if parts else "several values"


def walked(header: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Give path, private creator, VR and value of what is listed of an object, at every depth."""
    yield from _walked(header, "", 0)


def _walked(level: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, str, str, str]]:
    for key, element in level.items():
        yield from _of_element(level, key, element, prefix, depth)


def _of_element(
    level: Mapping[str, Any], key: str, element: Mapping[str, Any], prefix: str, depth: int
) -> Iterator[tuple[str, str, str, str]]:
    tag = int(key, 16)
    vr, values = element.get("vr", ""), element.get("Value")
    path = prefix + name_of(tag)
    if vr in NAMES | SHORT_TEXT and "BulkDataURI" in element:
        yield path, _creator(level, tag), vr, TOO_LONG
    if not values or tag >> 16 == 2 or len(path) > LONGEST_PATH or path == _OWN_RECORD:
        return
    if vr == "SQ":
        if depth < DEEPEST:
            for item in values:
                yield from _walked(item, f"{path}.", depth + 1)
    elif vr in TEXTS or vr in NUMBERS:
        text = text_of(values, vr)
        is_label = path == "PatientName" and text == _label(level)
        if text and not is_label and not (tag >> 16 & 1 and tag & 0xFFFF in _CREATOR_TAGS):
            yield path, _creator(level, tag), vr, text


def _around(level: Mapping[str, Any], key: str) -> str:
    """What beside an element decides about it: the label beside a name, the creator of a private block."""
    if key == "00100010":
        return _label(level)
    return _creator(level, int(key, 16)) if key[3] in "13579BDFbdf" else ""


def _label(level: Mapping[str, Any]) -> str:
    """The subject's label, which stands for the name too."""
    return str((level.get("00100020", {}).get("Value") or [""])[0]).strip()


def _creator(level: Mapping[str, Any], tag: int) -> str:
    if not tag >> 16 & 1:
        return ""
    reserved = level.get(f"{tag >> 16:04X}00{tag >> 8 & 0xFF:02X}", {}).get("Value") or [""]
    return str(reserved[0])[:64].strip()


def text_of(values: Sequence[Any], vr: str) -> str:
    """A value as text: parts with backslashes between, names with all their forms."""
    if vr == "PN":
        forms = ("Alphabetic", "Ideographic", "Phonetic")
        texts = ["=".join(str((one or {}).get(form, "")) for form in forms).rstrip("=") for one in values]
    else:
        texts = ["" if one is None else _number(one) if vr in NUMBERS else str(one) for one in values]
    return "\\".join(text.strip(" \0") for text in texts).strip(" \0")


def _number(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


@lru_cache(maxsize=20_000)
def name_of(tag: int) -> str:
    """Keyword of an attribute, or its tag in brackets where it has none."""
    return keyword_for_tag(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def gather_values(
    archive: Archive, collection_id: int, slice_s: float | None = SLICE_S, *, rest_s: float = REST_S
) -> None:
    """Count the values of the held series of a collection that were cleaned anew, or went; the rest is queued again.

    Parameters
    ----------
    slice_s : float or None, seconds
        For how long; None: until nothing is left.
    rest_s : float, seconds
        A series that changed more lately is left for later: its other objects are just being cleaned.
    """
    until = None if slice_s is None else time.monotonic() + slice_s
    while until is None or time.monotonic() < until:
        with archive.database.transaction() as tx:
            waiting = quarantine.stale_values(tx, collection_id, rest_s, 20)
        if not waiting:
            break
        for series_id, stand in waiting:
            tally = Tally()
            for header in _headers(archive, series_id):
                tally.add(header)
            with archive.database.transaction() as tx:
                quarantine.count_values(tx, series_id, stand, tally.counted())
    queue_values(archive, collection_id)


def _headers(archive: Archive, series_id: int) -> Iterator[Mapping[str, Any]]:
    after = 0
    while True:
        with archive.database.transaction() as tx:
            rows = quarantine.headers_of(tx, series_id, after, BATCH)
        for row in rows:
            yield images.unpack_header(bytes(row.header))
        if len(rows) < BATCH:
            return
        after = rows[-1].id


def queue_values(archive: Archive, collection_id: int) -> int:
    """Queue the job that counts values, where any are still to be counted; return of how many series."""
    with archive.database.transaction() as tx:
        left = quarantine.count_stale(tx, collection_id)
        if left:
            jobs.enqueue_later(tx, "values", collection_id, archive.clock() + timedelta(seconds=2 * REST_S))
    return left


def _need_curator(actor: accounts.Actor, collection_id: int) -> None:
    if not actor.may_curate(collection_id):
        raise Refused("Only the collection's owner or curators may see values.", code="value.not-curator")


@dataclass(frozen=True, slots=True)
class Report:
    """A page of the report; ``after`` is the number to ask the next one with, None at the end.

    Attributes
    ----------
    waiting : int
        Held series whose values are still to be counted.
    deliveries : mapping of int to int
        How many different values each delivery has.
    """

    values: tuple[quarantine.Value, ...]
    tags: tuple[quarantine.ValueTag, ...]
    accepted: Mapping[bytes, quarantine.Accepted]
    after: int | None
    waiting: int
    deliveries: Mapping[int, int]


def report_values(
    archive: Archive, actor: accounts.Actor, choice: quarantine.ValueChoice, *, after: int = 0, limit: int = 100
) -> Report:
    """Return the distinct values of a delivery, or of all that is held of a collection.

    Raises
    ------
    Refused
        The actor does not curate the collection.
    """
    _need_curator(actor, choice.collection_id)
    with archive.database.transaction() as tx:
        found = quarantine.list_values(tx, choice, after, limit + 1)
        tags = quarantine.tags_of_values(tx, choice.collection_id, choice.submission_id)
        accepted = quarantine.accepted_of(tx, choice.collection_id, found[:limit])
        deliveries = quarantine.deliveries_with_values(tx, choice.collection_id)
    waiting = queue_values(archive, choice.collection_id)
    following = found[limit - 1].id if len(found) > limit else None
    return Report(tuple(found[:limit]), tuple(tags), accepted, following, waiting, deliveries)


def values_by_id(
    archive: Archive, actor: accounts.Actor, collection_id: int, value_ids: Sequence[int]
) -> list[quarantine.Value]:
    """Return chosen values with the counts of all that is held of the collection.

    Raises
    ------
    Refused
    UnknownValue
    """
    _need_curator(actor, collection_id)
    with archive.database.transaction() as tx:
        return quarantine.values_named(tx, collection_id, value_ids)


def judge_values(
    archive: Archive, actor: accounts.Actor, collection_id: int, value_ids: Sequence[int], *, is_right: bool
) -> int:
    """Write down that a curator looked at values and found them all right, or take that back; return how many changed.

    The journal names attributes and numbers, no values.

    Raises
    ------
    Refused
    UnknownValue
    """
    _need_curator(actor, collection_id)
    with archive.database.transaction() as tx:
        chosen = quarantine.values_named(tx, collection_id, value_ids)
        return _judge(tx, actor, collection_id, chosen, is_right)


def accept_all(archive: Archive, actor: accounts.Actor, choice: quarantine.ValueChoice, most: int = 5000) -> int:
    """Accept every value that a choice of one attribute has; return how many.

    Raises
    ------
    Refused
    Invalid
        The choice names no attribute.
    """
    _need_curator(actor, choice.collection_id)
    if not choice.path:
        raise Invalid("Choose one attribute: its values are accepted together.", code="value.no-attribute")
    with archive.database.transaction() as tx:
        chosen = quarantine.list_values(tx, choice, 0, most)
        return _judge(tx, actor, choice.collection_id, chosen, True)


def _judge(
    tx: database.Tx, actor: accounts.Actor, collection_id: int, chosen: Sequence[quarantine.Value], is_right: bool
) -> int:
    if is_right:
        changed = quarantine.accept_values(tx, collection_id, chosen, actor.name)
    else:
        changed = quarantine.doubt_values(tx, collection_id, chosen)
    by_path: dict[str, int] = defaultdict(int)
    for one in chosen:
        by_path[one.path] += 1
    verb = "value.accept" if is_right else "value.doubt"
    audit.note(
        tx, actor.name, verb, f"collection:{collection_id}", values=changed, attributes=dict(list(by_path.items())[:50])
    )
    return changed


def every_value(archive: Archive, actor: accounts.Actor, choice: quarantine.ValueChoice) -> Iterator[quarantine.Value]:
    """Give every value of a choice, for a file; the journal gets one entry.

    Raises
    ------
    Refused
    """
    _need_curator(actor, choice.collection_id)
    with archive.database.transaction() as tx:
        audit.note(
            tx, actor.name, "value.export", f"collection:{choice.collection_id}", submission=choice.submission_id
        )
    return _every(archive, choice)


def _every(archive: Archive, choice: quarantine.ValueChoice) -> Iterator[quarantine.Value]:
    after = 0
    while True:
        with archive.database.transaction() as tx:
            found = quarantine.list_values(tx, choice, after, 5000)
        yield from found
        if len(found) < 5000:
            return
        after = found[-1].id
