"""What is cleared of a collection and waits for its next release, series by series."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from invivo import database, images

AT_ONCE = 2000  # objects that are registered together
_SERIES = """
select o.facts->'facts'->>'series_uid' as uid, min(o.facts->'facts'->>'modality') as modality,
    min(o.facts->>'subject_label') as subject, count(*) as objects, coalesce(sum(o.clean_size_bytes), 0)::bigint as size,
    array_agg(o.id order by o.id) as ids
from quarantine.object o where o.collection_id = %s and o.state = 'cleared' and o.sop_uid <> '' group by 1 order by 1
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A series that waits, under the UID it has after de-identification; size in bytes."""

    uid: str
    modality: str
    subject: str
    objects: int
    size_bytes: int
    ids: Sequence[int]


@dataclass(frozen=True, slots=True)
class WaitingFile:
    """A file that is not DICOM and waits."""

    id: int
    name: str
    digest: str
    size_bytes: int
    crc32: int


def lock_cleared(tx: database.Tx, collection_id: int) -> dict[int, str]:
    """Lock what is cleared, in the order of ids; return the digests of the clean objects by id."""
    found = tx.execute(
        "select id, clean_digest from quarantine.object where collection_id = %s and state = 'cleared' order by id for update",
        [collection_id],
    )
    return {row.id: str(row.clean_digest) for row in found}


def series_waiting(tx: database.Tx, collection_id: int) -> list[Waiting]:
    """Return the cleared series of a collection, by UID."""
    return [Waiting(*row) for row in tx.execute(_SERIES, [collection_id])]


def count_waiting(tx: database.Tx, collection_id: int, most: int) -> int:
    """Return how many held series of a collection have something cleared; beyond a limit nobody counts."""
    row = tx.execute(
        "select count(*) as n from (select distinct series_id from quarantine.object where collection_id = %s"
        " and state = 'cleared' limit %s) s",
        [collection_id, most],
    ).fetchone()
    assert row is not None
    return int(row.n)


def files_waiting(tx: database.Tx, collection_id: int) -> list[WaitingFile]:
    """Return the cleared files of a collection that are not DICOM."""
    found = tx.execute(
        "select id, name, clean_digest, coalesce(clean_size_bytes, 0) as size, coalesce(clean_crc32, 0) as crc from quarantine.object"
        " where collection_id = %s and state = 'cleared' and sop_uid = '' order by id",
        [collection_id],
    )
    return [WaitingFile(*row) for row in found]


def known_series(tx: database.Tx, collection_id: int) -> set[str]:
    """Return the UIDs of the series in a collection's current release."""
    found = tx.execute(
        "select uid from images.series where collection_id = %s and upper_inf(releases)", [collection_id]
    )
    return {row.uid for row in found}


def in_portions(waiting: Sequence[Waiting]) -> Iterator[list[Waiting]]:
    """Yield series together, as many as have some thousand objects."""
    portion: list[Waiting] = []
    objects = 0
    for one in waiting:
        if portion and objects + one.objects > AT_ONCE:
            yield portion
            portion, objects = [], 0
        portion.append(one)
        objects += one.objects
    if portion:
        yield portion


def entries_of(tx: database.Tx, portion: Sequence[Waiting]) -> list[list[images.Entry]]:
    """Read what registering needs of the objects of some series."""
    ids = [number for one in portion for number in one.ids]
    found = {
        row.id: _entry(row)
        for row in tx.execute(
            "select id, clean_digest, clean_size_bytes, clean_crc32, clean_header, facts from quarantine.object"
            " where id = any (%s)",
            [ids],
        )
    }
    return [[found[number] for number in one.ids] for one in portion]


def _entry(row: Any) -> images.Entry:
    facts: Mapping[str, Any] = row.facts or {}
    offset, length = facts["pixels"] or (None, None)
    offsets, lengths = facts["frames"] or ([], [])
    return images.Entry(
        facts=images.Facts(**facts["facts"]),
        subject_label=facts["subject_label"],
        digest=str(row.clean_digest),
        size_bytes=row.clean_size_bytes or 0,
        crc32=row.clean_crc32 or 0,
        header=bytes(row.clean_header),
        pixel_offset=offset,
        pixel_length=length,
        frame_offsets=images.packed_frames(offsets, lengths),
    )
