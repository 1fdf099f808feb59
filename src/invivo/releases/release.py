"""Releases and tombstones, as they are read."""

from dataclasses import dataclass, fields
from datetime import datetime

from invivo import accounts, collections, database
from invivo.archive import Archive


@dataclass(frozen=True, slots=True)
class Release:
    """A numbered release with what it changed and what it holds in all."""

    collection_id: int
    number: int
    notes: str
    licence: str
    access: str
    published_at: datetime
    series_added: int
    series_revised: int
    series_withdrawn: int
    instance_count: int
    size_bytes: int
    collection: str
    collection_title: str


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What stays of a withdrawn series: no data, but that it was there."""

    collection_id: int
    series_uid: str
    study_uid: str
    modality: str
    release_number: int
    reason_class: str
    reason: str
    withdrawn_at: datetime
    scope: str
    since_release: int | None
    restored_at: datetime | None
    restored_in: int | None
    deleted_at: datetime | None
    collection: str

    def is_missing_from(self, number: int) -> bool:
        """Tell whether a release had the series and does not show it any more."""
        was_there = (self.since_release or 1) <= number < self.release_number
        return was_there and self.scope == "everywhere" and self.restored_at is None


_NAMES = {"collection": "c.short_name", "collection_title": "c.title"}
_RELEASE = ", ".join(f"{_NAMES.get(field.name, 'r.' + field.name)} as {field.name}" for field in fields(Release))
_TOMBSTONE = ", ".join(f"{_NAMES.get(field.name, 't.' + field.name)} as {field.name}" for field in fields(Tombstone))


def releases_of(archive: Archive, actor: accounts.Actor, collection_id: int) -> list[Release]:
    """Return the releases of a collection that the actor may know of, newest first."""
    statement = database.join(
        f"select {_RELEASE} from releases.release r join collections.collection c on c.id = r.collection_id"  # noqa: S608
        " where r.collection_id = %(id)s and {visible} order by r.number desc",
        visible=collections.releases_visible_to(actor),
    )
    with archive.database.transaction() as tx:
        return [
            Release(*row)
            for row in database.rows(
                tx, database.Statement(statement.text, {**statement.parameters, "id": collection_id})
            )
        ]


def newest(archive: Archive, actor: accounts.Actor, limit: int = 6) -> list[Release]:
    """Return the newest release of each collection that the actor may know of, newest first."""
    statement = database.join(
        f"select * from (select distinct on (r.collection_id) {_RELEASE} from releases.release r"  # noqa: S608
        " join collections.collection c on c.id = r.collection_id where {visible} order by r.collection_id, r.number desc) as last"
        " order by published_at desc limit %(limit)s",
        visible=collections.releases_visible_to(actor),
    )
    with archive.database.transaction() as tx:
        return [
            Release(*row)
            for row in database.rows(tx, database.Statement(statement.text, {**statement.parameters, "limit": limit}))
        ]


def _tombstones(archive: Archive, actor: accounts.Actor, criteria: str, **parameters: object) -> list[Tombstone]:
    statement = database.join(
        f"select {_TOMBSTONE} from releases.tombstone t join collections.collection c on c.id = t.collection_id"  # noqa: S608
        " cross join lateral (select c.id as collection_id, null::text as access, int4range(1, null) as releases) whole"
        " where " + criteria + " and {visible} and {of_it} order by t.id desc",
        visible=collections.releases_visible_to(actor),
        of_it=collections.visible_to(actor, "whole"),
    )
    with archive.database.transaction() as tx:
        return [
            Tombstone(*row)
            for row in database.rows(tx, database.Statement(statement.text, {**statement.parameters, **parameters}))
        ]


def tombstone_of(archive: Archive, actor: accounts.Actor, series_uid: str) -> Tombstone | None:
    """Return the newest tombstone of a series, None if it was never withdrawn."""
    found = _tombstones(archive, actor, "t.series_uid = %(uid)s", uid=series_uid)
    return found[0] if found else None


def tombstones_of(archive: Archive, actor: accounts.Actor, collection_id: int) -> list[Tombstone]:
    """Return the tombstones of a collection, newest first."""
    return _tombstones(archive, actor, "t.collection_id = %(id)s", id=collection_id)
