"""Reading studies, series and subjects of the current release, within what the actor may see."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from invivo import accounts, collections, database, subjects
from invivo.archive import Archive
from invivo.errors import NotFound
from invivo.images.asking import read_rows


class UnknownSeries(NotFound):
    """There is no such series, or the actor may not know of it."""

    code = "series.unknown"


class UnknownStudy(NotFound):
    """There is no such study, or the actor may not know of it."""

    code = "study.unknown"


class UnknownSubject(NotFound):
    """There is no such subject, or the actor may not know of it."""

    code = "subject.unknown"


@dataclass(frozen=True, slots=True)
class Series:
    """A revision of a series; lengths in mm, sizes in bytes."""

    id: int
    key: int
    revision: int
    growth: int
    collection_id: int
    study_id: int
    uid: str
    access: str | None
    modality: str
    number: int | None
    description: str | None
    series_date: date | None
    series_time: str | None
    body_part: str | None
    laterality: str | None
    protocol: str | None
    manufacturer: str | None
    model: str | None
    software: str | None
    contrast: str | None
    patient_position: str | None
    slice_thickness_mm: float | None
    spacing_between_slices_mm: float | None
    pixel_spacing_mm: float | None
    kvp: float | None
    rows: int | None
    columns: int | None
    instance_count: int
    frame_count: int
    size_bytes: int
    sop_classes: list[str]
    transfer_syntaxes: list[str]
    cover_instance_id: int | None
    entered_at: datetime
    quality: str | None
    first_release: int
    collection: str
    collection_title: str
    licence: str
    collection_access: str
    subject: str
    study_uid: str
    study_date: date | None
    study_description: str | None
    cover_uid: str | None

    @property
    def effective_access(self) -> str:
        return collections.effective_access(self.collection_access, self.access)


@dataclass(frozen=True, slots=True)
class Study:
    """A study with its totals over the series that the actor may see."""

    id: int
    collection_id: int
    uid: str
    study_date: date | None
    study_time: str | None
    study_id: str | None
    accession_number: str | None
    description: str | None
    patient_age: str | None
    collection: str
    subject: str


_JOINED = """
from images.series s
join collections.collection c on c.id = s.collection_id
join subjects.subject p on p.id = s.subject_id
join images.study t on t.id = s.study_id
left join images.instance i on i.id = s.cover_instance_id
"""
_ELSEWHERE = {
    "first_release": "lower(s.releases)",
    "collection": "c.short_name",
    "collection_title": "c.title",
    "licence": "coalesce(s.licence, c.licence)",
    "collection_access": "c.access",
    "subject": "p.label",
    "study_uid": "t.uid",
    "study_date": "t.study_date",
    "study_description": "t.description",
    "cover_uid": "i.uid",
}
COLUMNS = ", ".join(f"{_ELSEWHERE.get(field.name, 's.' + field.name)} as {field.name}" for field in fields(Series))
_NOW = "upper_inf(s.releases)"


def _series(archive: Archive, statement: database.Statement) -> list[Series]:
    return [Series(*row) for row in read_rows(archive, statement)]


def find_series(archive: Archive, actor: accounts.Actor, uid: str, release: int | None = None) -> Series:
    """Return a series by its UID: of the current release, or as it stood in a numbered one.

    Raises
    ------
    UnknownSeries
    """
    when = _NOW if release is None else "s.releases @> %(release)s::int"
    statement = database.join(
        f"select {COLUMNS} {_JOINED} where s.uid = %(uid)s and {when} and {{visible}} order by s.id limit 1",  # noqa: S608
        visible=collections.visible_to(actor),
    )
    found = _series(
        archive, database.Statement(statement.text, {**statement.parameters, "uid": uid, "release": release})
    )
    if not found:
        raise UnknownSeries("There is no such series in the current release, or you may not see it.")
    return found[0]


def joined_series(
    archive: Archive, actor: accounts.Actor, condition: str, given: dict[str, Any], most: int
) -> list[Series]:
    """Return series that meet a condition of ours on ``s`` and that the actor may see, by study date and number."""
    statement = database.join(
        f"select {COLUMNS} {_JOINED} where {condition} and {{visible}}"  # noqa: S608
        " order by t.study_date nulls last, s.number nulls last, s.uid limit %(most)s",
        visible=collections.visible_to(actor),
    )
    return _series(archive, database.Statement(statement.text, {**statement.parameters, **given, "most": most}))


def series_of_study(archive: Archive, actor: accounts.Actor, study_uid: str) -> list[Series]:
    """Return the series of a study, by number; raises UnknownStudy if the actor may see none."""
    statement = database.join(
        f"select {COLUMNS} {_JOINED} where t.uid = %(uid)s and {_NOW} and {{visible}} order by s.number nulls last, s.uid",  # noqa: S608
        visible=collections.visible_to(actor),
    )
    found = _series(archive, database.Statement(statement.text, {**statement.parameters, "uid": study_uid}))
    if not found:
        raise UnknownStudy("There is no such study in the current release, or you may not see it.")
    return found


def find_study(archive: Archive, actor: accounts.Actor, uid: str) -> tuple[Study, list[Series]]:
    """Return a study and its series; raises UnknownStudy."""
    series = series_of_study(archive, actor, uid)
    with archive.database.transaction() as tx:
        row = tx.execute(
            "select id, collection_id, uid, study_date, study_time, study_id, accession_number, description, patient_age"
            " from images.study where id = %s",
            [series[0].study_id],
        ).fetchone()
    assert row is not None
    return Study(*[*row, series[0].collection, series[0].subject]), series


def find_subject(
    archive: Archive, actor: accounts.Actor, collection: str, label: str
) -> tuple[subjects.Subject, list[Series]]:
    """Return a subject and its series by study date; raises UnknownSubject."""
    statement = database.join(
        f"select {COLUMNS} {_JOINED} where lower(c.short_name) = lower(%(name)s) and p.label = %(label)s and {_NOW} and {{visible}}"  # noqa: S608
        " order by t.study_date nulls last, t.uid, s.number nulls last, s.uid",
        visible=collections.visible_to(actor),
    )
    found = _series(
        archive, database.Statement(statement.text, {**statement.parameters, "name": collection, "label": label})
    )
    if not found:
        raise UnknownSubject("There is no such subject in the current release, or you may not see it.")
    with archive.database.transaction() as tx:
        row = tx.execute(
            "select id, collection_id, label, sex, species from subjects.subject where collection_id = %s and label = %s",
            [found[0].collection_id, label],
        ).fetchone()
    assert row is not None
    return subjects.Subject(*row), found


def downloadable(archive: Archive, actor: accounts.Actor, series_uids: Iterable[str]) -> frozenset[str]:
    """Return those of some series of the current release whose bytes, and hence pictures, the actor may have."""
    statement = database.join(
        f"select s.uid from images.series s where s.uid = any(%(uids)s) and {_NOW} and {{visible}} and {{may_have}}",
        visible=collections.visible_to(actor),
        may_have=collections.downloadable_by(actor),
    )
    parameters = {**statement.parameters, "uids": list(series_uids)}
    with archive.database.transaction() as tx:
        return frozenset(row.uid for row in database.rows(tx, database.Statement(statement.text, parameters)))


def totals(archive: Archive, actor: accounts.Actor, collection_id: int | None = None) -> Any:
    """Return counts over what the actor may see: subjects, studies, series, instances, size_bytes (a named tuple)."""
    statement = database.join(
        "select count(distinct s.subject_id) as subjects, count(distinct s.study_id) as studies, count(*) as series,"
        " coalesce(sum(s.instance_count), 0)::bigint as instances, coalesce(sum(s.size_bytes), 0)::bigint as size_bytes,"
        " count(distinct s.collection_id) as collections, coalesce(array_agg(distinct s.modality), '{{}}') as modalities"
        " from images.series s where upper_inf(s.releases) and {visible}"
        " and (%(collection)s::bigint is null or s.collection_id = %(collection)s)",
        visible=collections.visible_to(actor),
    )
    with archive.database.transaction() as tx:
        return database.rows(
            tx, database.Statement(statement.text, {**statement.parameters, "collection": collection_id})
        )[0]
