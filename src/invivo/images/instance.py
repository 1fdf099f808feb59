"""Reading instances of the current release, within what the actor may see."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

from invivo import accounts, collections, database
from invivo.archive import Archive
from invivo.errors import NotFound
from invivo.images.asking import read_rows
from invivo.images.facts import unpack_header

HEADERS_AT_ONCE = 500


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


@dataclass(frozen=True, slots=True)
class StoredObject:
    """The bytes of an instance, whose they are, and whether the actor may have them."""

    uid: str
    transfer_syntax_uid: str
    digest: str
    size_bytes: int
    series_uid: str
    collection_id: int
    is_free: bool


_HERE = {"series_uid": "s.uid", "study_uid": "t.uid", "collection_id": "s.collection_id"}
_COLUMNS = ", ".join(f"{_HERE.get(field.name, 'i.' + field.name)} as {field.name}" for field in fields(Instance))
_FROM = """
from images.instance i
join images.series s on s.key = i.series_key and upper_inf(s.releases)
join images.study t on t.id = s.study_id
where upper_inf(i.releases)
"""


def _select(
    archive: Archive,
    actor: accounts.Actor,
    criteria: str,
    parameters: dict[str, Any],
    order: str = "order by i.number nulls last, i.uid",
    *,
    bytes_too: bool,
) -> list[Instance]:
    may_have = collections.downloadable_by(actor) if bytes_too else database.everything()
    statement = database.join(
        f"select {_COLUMNS} {_FROM} and {criteria} and {{visible}} and {{may_have}} {order}",  # noqa: S608
        visible=collections.visible_to(actor),
        may_have=may_have,
    )
    found = read_rows(archive, database.Statement(statement.text, {**statement.parameters, **parameters}))
    return [Instance(*row) for row in found]


def files_of(
    archive: Archive, actor: accounts.Actor, study_uid: str, series_uid: str | None = None
) -> list[StoredObject]:
    """Return what of a study, or of one series of it, the actor may know of: only where its bytes lie.

    In the order of series and numbers. A series of very many instances is a short row each.
    """
    criteria, parameters = _below(study_uid, series_uid)
    statement = database.join(
        "select i.uid, i.transfer_syntax_uid, i.digest, i.size_bytes, s.uid as series_uid, s.collection_id,"  # noqa: S608
        " ({may_have}) as is_free"
        f" {_FROM} and {criteria} and {{visible}}"
        " order by s.number nulls last, s.uid, i.number nulls last, i.uid",
        visible=collections.visible_to(actor),
        may_have=collections.downloadable_by(actor),
    )
    parameters = {**statement.parameters, **parameters}
    return [StoredObject(*row) for row in read_rows(archive, database.Statement(statement.text, parameters))]


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
    wanted = {"i.uid": uid, "s.uid": series_uid, "t.uid": study_uid}
    named = [(column, value) for column, value in wanted.items() if value is not None]
    criteria = " and ".join(f"{column} = %({column[0]})s" for column, _ in named)
    parameters = {column[0]: value for column, value in named}
    found = _select(archive, actor, criteria, parameters, "", bytes_too=bytes_too)
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
    criteria, parameters = _below(study_uid, series_uid)
    return _select(archive, actor, criteria, parameters, bytes_too=bytes_too)


def _below(study_uid: str, series_uid: str | None) -> tuple[str, dict[str, Any]]:
    if series_uid is None:
        return "t.uid = %(study)s", {"study": study_uid}
    return "t.uid = %(study)s and s.uid = %(series)s", {"study": study_uid, "series": series_uid}


def headers_of(archive: Archive, series_key: int, instance_uid: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield the DICOM JSON of a series' current instances, in order of their numbers.

    The caller has found the series through a verb that checks what the actor may see.
    """
    return map(unpack_header, packed_headers_of(archive, series_key, instance_uid))


def packed_headers_of(archive: Archive, series_key: int, instance_uid: str | None = None) -> Iterator[bytes]:
    """Yield the same as `headers_of`, packed.

    Some hundred are in memory at a time, and no connection is held while the caller works.
    """
    one = database.Condition("i.uid = %(uid)s", {"uid": instance_uid}) if instance_uid else database.everything()
    listed = "from images.instance i where i.series_key = %(key)s and upper_inf(i.releases) and {one}"
    ordered = "order by i.number nulls last, i.uid limit %(limit)s offset %(offset)s"
    first = _packed(archive, f"select i.header {listed} {ordered}", one, series_key, HEADERS_AT_ONCE, 0)
    for row in first:
        yield bytes(row.header)
    if len(first) < HEADERS_AT_ONCE:
        return
    others = [
        row.id for row in _packed(archive, f"select i.id {listed} {ordered}", one, series_key, None, HEADERS_AT_ONCE)
    ]
    for start in range(0, len(others), HEADERS_AT_ONCE):
        wanted = others[start : start + HEADERS_AT_ONCE]
        found = packed_headers(archive, wanted)
        yield from (found[number] for number in wanted if number in found)


def _packed(
    archive: Archive, text: str, one: database.Condition, key: int, limit: int | None, offset: int
) -> list[Any]:
    statement = database.join(text, one=one)
    page = {"key": key, "limit": limit, "offset": offset}
    return read_rows(archive, database.Statement(statement.text, {**statement.parameters, **page}))


def packed_headers(archive: Archive, ids: Sequence[int]) -> dict[int, bytes]:
    """Return packed headers by the ids of instances that the actor may see, as the caller knows."""
    statement = database.Statement(
        "select id, header from images.instance where id = any (%(ids)s)", {"ids": list(ids)}
    )
    return {row.id: bytes(row.header) for row in read_rows(archive, statement)}


def sample_headers(archive: Archive, series_keys: Sequence[int]) -> dict[int, bytes]:
    """Return the packed header of one instance of each series that the actor may see, as the caller knows."""
    statement = database.Statement(
        "select k.key, h.header from unnest(%(keys)s::bigint[]) as k (key) cross join lateral ("
        "select i.header from images.instance i where i.series_key = k.key and upper_inf(i.releases) order by i.uid limit 1) h",
        {"keys": list(series_keys)},
    )
    return {row.key: bytes(row.header) for row in read_rows(archive, statement)}
