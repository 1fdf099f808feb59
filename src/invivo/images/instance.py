"""Reading instances of the current release, within what the actor may see."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from invivo import accounts, collections, database
from invivo.archive import Archive
from invivo.errors import NotFound
from invivo.images.facts import unpack_header


class UnknownInstance(NotFound):
    """There is no such instance, or the actor may not know of it."""

    code = "instance.unknown"


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance and where its bytes lie.

    Attributes
    ----------
    digest : str
        SHA-256 of its file in the public store.
    pixel_offset, pixel_length : int or None
        Where its pixel data lie, bytes; length -1: encapsulated.
    frame_offsets : bytes or None
        Pairs (offset, length) of little-endian uint64 a frame, where they are known.
    """

    id: int
    series_key: int
    uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    number: int | None
    rows: int | None
    columns: int | None
    bits_allocated: int | None
    frames: int
    digest: str
    size_bytes: int
    crc32: int
    pixel_offset: int | None
    pixel_length: int | None
    frame_offsets: bytes | None
    series_uid: str
    study_uid: str
    collection_id: int


_HERE = {"series_uid": "s.uid", "study_uid": "t.uid", "collection_id": "s.collection_id"}
_COLUMNS = ", ".join(f"{_HERE.get(field.name, 'i.' + field.name)} as {field.name}" for field in fields(Instance))
_FROM = """
from images.instance i
join images.series s on s.key = i.series_key and upper_inf(s.releases)
join images.study t on t.id = s.study_id
where upper_inf(i.releases)
"""


def _select(
    archive: Archive, actor: accounts.Actor, criteria: str, parameters: dict[str, Any], *, bytes_too: bool
) -> list[Instance]:
    may_have = collections.downloadable_by(actor) if bytes_too else database.everything()
    statement = database.join(
        f"select {_COLUMNS} {_FROM} and {criteria} and {{visible}} and {{may_have}} order by i.number nulls last, i.uid",  # noqa: S608
        visible=collections.visible_to(actor),
        may_have=may_have,
    )
    with archive.database.transaction() as tx:
        return [
            Instance(*row)
            for row in database.rows(tx, database.Statement(statement.text, {**statement.parameters, **parameters}))
        ]


def find_instance(
    archive: Archive,
    actor: accounts.Actor,
    uid: str,
    *,
    series_uid: str | None = None,
    study_uid: str | None = None,
    bytes_too: bool = True,
) -> Instance:
    """Return an instance by its UID.

    Parameters
    ----------
    series_uid, study_uid : str, optional
        It must belong to these.
    bytes_too : bool
        Whether the actor must be allowed to download it, not only to know of it.

    Raises
    ------
    UnknownInstance
    """
    criteria = "i.uid = %(uid)s and coalesce(%(series)s, s.uid) = s.uid and coalesce(%(study)s, t.uid) = t.uid"
    wanted = {"uid": uid, "series": series_uid, "study": study_uid}
    found = _select(archive, actor, criteria, wanted, bytes_too=bytes_too)
    if not found:
        raise UnknownInstance("There is no such instance in the current release, or you may not have it.")
    return found[0]


def instances_of_series(
    archive: Archive, actor: accounts.Actor, series_uid: str, *, bytes_too: bool = True
) -> list[Instance]:
    """Return the instances of a series in order of their numbers; empty if there are none that the actor may have."""
    return _select(archive, actor, "s.uid = %(uid)s", {"uid": series_uid}, bytes_too=bytes_too)


def instances_of(
    archive: Archive, actor: accounts.Actor, study_uid: str, series_uid: str | None = None, *, bytes_too: bool = True
) -> list[Instance]:
    """Return the instances of a study, or of one series of it."""
    criteria = "t.uid = %(study)s and coalesce(%(series)s, s.uid) = s.uid"
    return _select(archive, actor, criteria, {"study": study_uid, "series": series_uid}, bytes_too=bytes_too)


def headers_of(archive: Archive, series_key: int, instance_uid: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield the DICOM JSON of a series' current instances, in order of their numbers.

    The caller has found the series through a verb that checks what the actor may see.
    """
    one = database.Condition("i.uid = %(uid)s", {"uid": instance_uid}) if instance_uid else database.everything()
    statement = database.join(
        "select i.header from images.instance i where i.series_key = %(key)s and upper_inf(i.releases) and {one}"
        " order by i.number nulls last, i.uid",
        one=one,
    )
    with archive.database.transaction() as tx:
        packed = [
            row.header
            for row in database.rows(
                tx, database.Statement(statement.text, {**statement.parameters, "key": series_key})
            )
        ]
    for header in packed:
        yield unpack_header(bytes(header))
