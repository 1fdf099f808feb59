"""A choice: which files it holds, and what of it may not be had."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from invivo import accounts, attachments, collections, database
from invivo.archive import Archive
from invivo.errors import Invalid, NotFound


class NothingChosen(NotFound):
    """The choice holds nothing that the actor may see."""

    code = "download.nothing"


@dataclass(frozen=True, slots=True)
class File:
    """A file of a package; sizes in bytes; `path` is its name in the package."""

    path: str
    digest: str
    size_bytes: int
    crc32: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A series that is in the choice and may not be had."""

    series_uid: str
    collection: str
    reason: str


@dataclass(frozen=True, slots=True)
class Source:
    """A collection that gives to the selection.

    Attributes
    ----------
    licences : tuple of (SPDX identifier, series)
        What its series were released under, the most frequent first.
    """

    id: int
    short_name: str
    title: str
    licence: str
    acknowledgement: str
    terms: str
    release: int
    published_at: datetime | None
    series_count: int
    size_bytes: int
    licences: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Selection:
    """What a download will hold.

    Attributes
    ----------
    name : str
        Stem of the package's file name.
    refused : tuple of Refusal
        Part of the answer, never silently left out.
    taken : mapping of (collection id, series UID) to bytes
        What leaves, for the count; files that are not DICOM have no series.
    licensed : tuple of (series_uid, collection, SPDX identifier)
        Under which licence each series is.
    """

    name: str
    files: tuple[File, ...]
    sources: tuple[Source, ...]
    refused: tuple[Refusal, ...]
    taken: Mapping[tuple[int, str], int]
    licensed: tuple[tuple[str, str, str], ...] = ()

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)

    @property
    def licences(self) -> tuple[str, ...]:
        return tuple(sorted({one for source in self.sources for one, _ in source.licences}))

    @property
    def collections(self) -> tuple[str, ...]:
        return tuple(source.short_name for source in self.sources)


_FILES = """
select s.uid as series_uid, s.collection_id, c.short_name as collection, c.access, p.label as subject, t.uid as study_uid,
       t.study_date, s.number as series_number, s.modality, s.description, coalesce(s.licence, c.licence) as licence,
       ({may_have}) as may_have, i.uid, i.number, i.digest,
       i.size_bytes, i.crc32
from images.series s
join collections.collection c on c.id = s.collection_id
join subjects.subject p on p.id = s.subject_id
join images.study t on t.id = s.study_id
join images.instance i on i.series_key = s.key and upper_inf(i.releases)
where upper_inf(s.releases) and {chosen} and {visible}
order by s.id, i.number nulls last, i.uid
"""


def select(
    archive: Archive,
    actor: accounts.Actor,
    *,
    series_uids: Sequence[str] | None = None,
    study_uid: str | None = None,
    collection: str | None = None,
    name: str = "",
) -> Selection:
    """Resolve a choice of series, a study, or a whole collection into files.

    Raises
    ------
    Invalid
        Nothing was named: a selection without criteria must be asked for explicitly.
    NothingChosen
        Nothing that the actor may know of is in the choice.
    """
    chosen = _chosen(series_uids, study_uid, collection)
    statement = database.join(
        _FILES, chosen=chosen, visible=collections.visible_to(actor), may_have=collections.downloadable_by(actor)
    )
    with archive.database.transaction() as tx:
        found = database.rows(tx, statement)
    extra: list[File] = []
    if collection is not None:
        known = collections.collection_named(archive, actor, collection)
        extra = [
            File(f"{known.short_name}/files/{_plain(one.name, 150)}", one.digest, one.size_bytes, one.crc32)
            for one in attachments.attachments_of(archive, actor, known.id)
        ]
    if not found and not extra:
        raise NothingChosen("There is nothing of this in the current release that you may see.")
    taken: dict[tuple[int, str], int] = {}
    for row in found:
        if row.may_have:
            key = (row.collection_id, row.series_uid)
            taken[key] = taken.get(key, 0) + row.size_bytes
    if extra:
        taken[known.id, ""] = sum(file.size_bytes for file in extra)
    files = _unique([_file(row) for row in found if row.may_have] + extra)
    return Selection(
        name=_plain(name or collection or (found[0].collection + "-" + found[0].modality if found else "package"), 80),
        files=tuple(files),
        sources=tuple(_sources(archive, actor, found, collection)),
        refused=tuple(_refusals(found)),
        licensed=tuple(dict.fromkeys((row.series_uid, row.collection, row.licence) for row in found if row.may_have)),
        taken=taken,
    )


def _chosen(series_uids: Sequence[str] | None, study_uid: str | None, collection: str | None) -> database.Condition:
    if series_uids is not None:
        return database.Condition("s.uid = any(%(series_uids)s)", {"series_uids": list(series_uids)})
    if study_uid is not None:
        return database.Condition("t.uid = %(study_uid)s", {"study_uid": study_uid})
    if collection is not None:
        return database.Condition("lower(c.short_name) = lower(%(collection)s)", {"collection": collection})
    raise Invalid("Say what to download: series, a study or a collection.", code="download.no-criteria")


def _plain(text: str, longest: int = 60) -> str:
    """Return a text that is safe as one part of a path on every system."""
    plain = re.sub(r"[^A-Za-z0-9._+-]+", "_", text).strip("._")[:longest]
    return plain or "unnamed"


def _file(row: Any) -> File:
    """Name a file: collection / subject / date_study / number_modality_description_series / number_instance.dcm (layout 1)."""
    study = "_".join(part for part in (str(row.study_date or ""), row.study_uid[-12:].strip(".")) if part)
    number = f"{row.series_number:03d}" if row.series_number is not None and row.series_number >= 0 else "000"
    series = (
        f"{number}_{_plain(row.modality, 8)}_{_plain(row.description or 'series', 40)}_{row.series_uid[-8:].strip('.')}"
    )
    instance = f"{row.number:05d}" if row.number is not None and row.number >= 0 else "00000"
    path = f"{_plain(row.collection)}/{_plain(row.subject)}/{study}/{series}/{instance}_{row.uid[-8:].strip('.')}.dcm"
    return File(path, row.digest, row.size_bytes, row.crc32)


def _unique(files: list[File]) -> list[File]:
    seen: dict[str, int] = {}
    unique = []
    for file in files:
        times = seen[file.path] = seen.get(file.path, 0) + 1
        stem, dot, ending = file.path.rpartition(".")
        path = file.path if times == 1 else f"{stem}_{times}{dot}{ending}"
        unique.append(File(path, file.digest, file.size_bytes, file.crc32))
    return unique


def _refusals(found: Sequence[Any]) -> list[Refusal]:
    reasons = {"registered": "An account is needed: sign in.", "controlled": "The owner's approval is needed."}
    refused = {
        row.series_uid: Refusal(row.series_uid, row.collection, reasons.get(row.access, "You may not download it."))
        for row in found
        if not row.may_have
    }
    return list(refused.values())


def _sources(archive: Archive, actor: accounts.Actor, found: Sequence[Any], collection: str | None) -> list[Source]:
    sizes: dict[int, int] = {}
    series: dict[int, dict[str, str]] = {}
    for row in found:
        if row.may_have:
            sizes[row.collection_id] = sizes.get(row.collection_id, 0) + row.size_bytes
            series.setdefault(row.collection_id, {})[row.series_uid] = row.licence
    if collection is not None:
        sizes.setdefault(collections.collection_named(archive, actor, collection).id, 0)
    statement = database.Statement(
        "select c.id, c.short_name, c.title, c.licence, c.acknowledgement, c.terms, coalesce(r.number, 0) as release, r.published_at"
        " from collections.collection c left join lateral (select number, published_at from releases.release"
        " where collection_id = c.id order by number desc limit 1) r on true where c.id = any (%(ids)s) order by c.short_name",
        {"ids": list(sizes)},
    )
    with archive.database.transaction() as tx:
        found_sources = database.rows(tx, statement)
    sources = []
    for row in found_sources:
        own = series.get(row.id, {})
        licences = tuple(Counter(own.values()).most_common()) or ((row.licence, 0),)
        sources.append(Source(*[*_told(actor, row), len(own), sizes[row.id], licences]))
    return sources


def _told(actor: accounts.Actor, row: Any) -> Any:
    """What the package says of a collection; not whom to thank to somebody who must not learn who made it."""
    return row._replace(acknowledgement="") if collections.is_blind(actor, row.id) else row
