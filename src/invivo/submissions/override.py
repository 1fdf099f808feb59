"""Where the objects of a held series go: the collection's maps, with what curators decided for this series above them."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from io import BytesIO

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.tag import Tag

from invivo import collections, database, deidentification, dicom
from invivo.archive import Archive
from invivo.submissions.rules import mapping_for
from invivo.submissions.value import DEEPEST

_STUDY, _SERIES, _REFERENCED = 0x0020000D, 0x0020000E, 0x00081155
# Items that name a study, and the sequence in them that names its series (PS3.3 C.17.2.1, C.12.1, C.8.8.5).
_SERIES_OF = 0x00081115
_RT_SERIES = 0x30060014
# As they stand in a file, in either byte order: without them there is nothing to parse for.
_TAGS = (b"\x08\x00\x15\x11", b"\x06\x30\x14\x00", b"\x00\x08\x11\x15", b"\x30\x06\x00\x14")
MOST_SERIES = 100_000


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class SeriesMapping(deidentification.Mapping):
    """The maps of a collection for one held series.

    Attributes
    ----------
    label : str
        Of the subject that it was assigned to; empty for the mapped one.
    own_shift_days : int or None
        Shift of its dates, where it is not that of the patient it says.
    own_study, study_uid : str
        The study as it was received, and the one it belongs to; empty for the mapped one.
    texts : mapping of str to str
        Attributes of that study.
    kept : frozenset of str
        UIDs that are released here: they stay what they are.
    """

    label: str = ""
    own_shift_days: int | None = None
    own_study: str = ""
    study_uid: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()

    def uid(self, uid: str) -> str:
        """Map a UID."""
        plain = uid.strip(" \0")
        if self.study_uid and plain == self.own_study:
            return self.study_uid
        return plain if plain in self.kept else deidentification.Mapping.uid(self, plain)

    def subject_label(self, patient_id: str, issuer: str = "") -> str:
        """Label of the subject."""
        return self.label or deidentification.Mapping.subject_label(self, patient_id, issuer)

    def date_offset_days(self, patient_id: str, issuer: str = "") -> int:
        """Shift of the dates."""
        own = self.own_shift_days
        return deidentification.Mapping.date_offset_days(self, patient_id, issuer) if own is None else own

    def attributes_of(self, patient_id: str) -> Mapping[str, str]:
        """What is written into its objects."""
        return self.texts or deidentification.Mapping.attributes_of(self, patient_id)


@dataclass(frozen=True, slots=True)
class Override:
    """What curators decided about a series; see `SeriesMapping`."""

    label: str = ""
    shift_days: int | None = None
    study_uid: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)


_MOVES = """
select m.kind, m.subject_label, m.offset_days, m.study_uid, m.attributes, s.study_uid as own_study, s.series_uid as own_series
from submissions.move m join submissions.move_series ms on ms.move_id = m.id join quarantine.series s on s.id = ms.series_id
where m.collection_id = %(collection)s and m.undone_at is null
"""


def override_of(tx: database.Tx, collection_id: int, study_uid: str, series_uid: str) -> Override:
    """Return what is in force for a series, by its UIDs as received: it may come in several deliveries."""
    found = tx.execute(
        f"{_MOVES} and s.study_uid = %(study)s and s.series_uid = %(series)s order by m.id",
        {"collection": collection_id, "study": study_uid, "series": series_uid},
    )
    now = Override()
    for row in found:
        if row.kind == "subject":
            now = replace(now, label=row.subject_label, shift_days=row.offset_days)
        else:
            now = replace(now, study_uid=row.study_uid, texts=dict(row.attributes))
    return now


def mapping_of_series(
    archive: Archive, tx: database.Tx, policy: collections.Collection, series_id: int
) -> tuple[deidentification.Mapping, Mapping[str, str]]:
    """Return the maps for a held series, and the study of each series that moves have to do with, by clean UIDs."""
    mapping = mapping_for(archive, policy)
    row = tx.execute("select study_uid, series_uid from quarantine.series where id = %s", [series_id]).fetchone()
    now = Override() if row is None else override_of(tx, policy.id, row.study_uid, row.series_uid)
    studies = _studies(tx, policy.id, mapping)
    if row is None or now == Override():
        return mapping, studies
    own = SeriesMapping(
        mapping.secret,
        mapping.subject_prefix,
        mapping.project,
        label=now.label,
        own_shift_days=now.shift_days,
        own_study=row.study_uid,
        study_uid=now.study_uid,
        texts=now.texts,
    )
    return own, studies


def _studies(tx: database.Tx, collection_id: int, mapping: deidentification.Mapping) -> dict[str, str]:
    """The study of every series of the studies out of which one was moved."""
    moved = tx.execute(
        f"{_MOVES} and m.kind <> 'subject' order by m.id limit %(most)s",
        {"collection": collection_id, "most": MOST_SERIES},
    ).fetchall()
    if not moved:
        return {}
    beside = tx.execute(
        "select distinct study_uid, series_uid from quarantine.series where collection_id = %s and kind = 'images'"
        " and study_uid = any (%s) limit %s",
        [collection_id, sorted({row.own_study for row in moved}), MOST_SERIES],
    )
    found = {mapping.uid(row.series_uid): mapping.uid(row.study_uid) for row in beside}
    return found | {mapping.uid(row.own_series): row.study_uid for row in moved}


def with_released(
    mapping: deidentification.Mapping, tx: database.Tx, collection_ids: Sequence[int], original: Dataset
) -> deidentification.Mapping:
    """The maps for an object that refers to what is released, by the UIDs under which it is released.

    Results that others make of released images name these. Such UIDs stay; and where the object says of itself that it
    belongs to a released study and its subject, subject and dates stay too.
    """
    uids = set(_uids(original, 0))
    found = tx.execute(_RELEASED, {"uids": sorted(uids), "collections": list(collection_ids)}).fetchall()
    kept = frozenset(row.uid for row in found)
    if not kept:
        return mapping
    patient, _ = deidentification.patient_of(original)
    is_theirs = any(row.label == patient and row.uid == str(original.get("StudyInstanceUID", "")) for row in found)
    if isinstance(mapping, SeriesMapping):
        return replace(mapping, kept=kept)
    own = SeriesMapping(mapping.secret, mapping.subject_prefix, mapping.project, kept=kept)
    return replace(own, label=patient, own_shift_days=0) if is_theirs else own


_RELEASED = """
select i.uid, '' as label from images.instance i join images.series s on s.key = i.series_key and upper_inf(s.releases)
where i.uid = any (%(uids)s) and upper_inf(i.releases) and s.collection_id = any (%(collections)s)
union select s.uid, '' from images.series s
where s.uid = any (%(uids)s) and upper_inf(s.releases) and s.collection_id = any (%(collections)s)
union select t.uid, p.label from images.study t join subjects.subject p on p.id = t.subject_id
where t.uid = any (%(uids)s) and t.collection_id = any (%(collections)s)
union select s.frame_of_reference_uid, '' from images.study t join images.series s on s.study_id = t.id
where t.uid = any (%(uids)s) and t.collection_id = any (%(collections)s) and upper_inf(s.releases)
  and s.frame_of_reference_uid = any (%(uids)s)
"""


def _uids(dataset: Dataset, depth: int) -> Iterator[str]:
    for element in dataset:
        if element.VR == "SQ" and depth < DEEPEST:
            for item in element.value or []:
                yield from _uids(item, depth + 1)
        elif element.VR == "UI" and element.value:
            values = [element.value] if isinstance(element.value, str) else element.value
            yield from (str(one) for one in values)


def follow(output: bytes, studies: Mapping[str, str]) -> bytes:
    """Let references by study name the study to which each series belongs now; the same bytes where none does otherwise.

    An item that names series of two studies becomes two items.
    """
    if not studies or not any(tag in output for tag in _TAGS):
        return output
    dataset = dicom.read_dataset(BytesIO(output))
    return dicom.written(dataset) if _follow(dataset, studies, 0) else output


def _follow(dataset: Dataset, studies: Mapping[str, str], depth: int) -> bool:
    changed = False
    for tag in [tag for tag in dataset.keys() if dataset[tag].VR == "SQ"]:  # noqa: SIM118 - a data set iterates elements
        items, is_other = [], False
        for item in dataset[tag].value or []:
            parts = _parted(item, studies)
            is_other = is_other or len(parts) > 1 or parts[0] is not item
            for part in parts:
                is_other = (depth < DEEPEST and _follow(part, studies, depth + 1)) or is_other
                items.append(part)
        if is_other:
            dataset[tag] = DataElement(Tag(tag), "SQ", Items(items))
            changed = True
    return changed


def _parted(item: Dataset, studies: Mapping[str, str]) -> list[Dataset]:
    """An item that names a study and series, as items that name each series' own study."""
    for series_tag, study_tag in ((_SERIES_OF, _STUDY), (_RT_SERIES, _REFERENCED)):
        if series_tag in item and study_tag in item:
            break
    else:
        return [item]
    said = str(item[study_tag].value)
    by_study: dict[str, list[Dataset]] = {}
    for one in item[series_tag].value or []:
        by_study.setdefault(studies.get(str(one.get("SeriesInstanceUID", "")), said), []).append(one)
    if set(by_study) <= {said}:
        return [item]
    parts = []
    for study, series in by_study.items():
        part = deepcopy(item)
        part[study_tag] = DataElement(Tag(study_tag), "UI", study)
        part[series_tag] = DataElement(Tag(series_tag), "SQ", Items(series))
        parts.append(part)
    return parts
