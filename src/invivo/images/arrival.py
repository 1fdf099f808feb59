"""Objects that a house keeps as they come: they wait in one table, and enter a growing release many at a time.

Constant work an object: nothing is looked up but by key, and counts of a series are added to, not taken anew.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

import orjson

from invivo import database, subjects
from invivo.images.facts import Facts
from invivo.images.registration import (
    SERIES_COLUMNS,
    SERIES_TEXT,
    Entry,
    enter_study,
    series_values,
    series_words,
)

_STAGE = b"select intake.stage($1, $2, $3, $4)"
_TAKEN = (
    "uid sop_class_uid transfer_syntax_uid number rows columns bits_allocated frames digest size_bytes crc32 pixel_offset"
    " pixel_length frame_offsets header"
).split()
_CARRIED = ", ".join(
    "key collection_id subject_id study_id uid access instance_count frame_count size_bytes sop_classes transfer_syntaxes"
    " cover_instance_id text".split()
    + list(SERIES_COLUMNS)
)
_PER_INSTANCE = frozenset({"study_uid", "series_uid", "sop_uid", "sop_class_uid", "transfer_syntax_uid", "frames"})


@dataclass(frozen=True, slots=True)
class Grown:
    """What entering some objects did: how many waited, how many more there are, their bytes, and by key whether a series is new."""

    taken: int
    entered: int
    size_bytes: int
    series: dict[int, bool]


@contextmanager
def staging(tx: database.Tx, collection_id: int, entries: Sequence[Entry]) -> Iterator[None]:
    """Put objects of a collection where the worker enters them from, while the caller does what stands in the block.

    Works for the public database role.
    """
    items = [_item(place, entry) for place, entry in enumerate(entries, 1)]
    headers, tables = [entry.header for entry in entries], [entry.frame_offsets for entry in entries]
    values = [b"%d" % collection_id, orjson.dumps(items), database.array(headers), database.array(tables)]
    sent = database.send(tx, _STAGE, values)
    try:
        yield
    finally:
        sent.wait()


def _item(place: int, entry: Entry) -> dict[str, Any]:
    one = entry.facts
    return {
        "place": place,
        "study_uid": one.study_uid,
        "series_uid": one.series_uid,
        "uid": one.sop_uid,
        "sop_class_uid": one.sop_class_uid,
        "transfer_syntax_uid": one.transfer_syntax_uid,
        "number": one.instance_number,
        "rows": one.rows,
        "columns": one.columns,
        "bits_allocated": one.bits_allocated,
        "frames": one.frames,
        "digest": entry.digest,
        "size_bytes": entry.size_bytes,
        "crc32": entry.crc32,
        "pixel_offset": entry.pixel_offset,
        "pixel_length": entry.pixel_length,
        "facts": _written(entry),
    }


def await_staging(tx: database.Tx, collection_id: int) -> None:
    """Wait for those who are just staging objects of a collection; they may have found the job queued that ends now."""
    tx.execute("select pg_advisory_xact_lock(1002, %s::int)", [collection_id])


def collections_with_arrived(tx: database.Tx) -> list[int]:
    """Return the collections of which objects wait."""
    found = tx.execute(
        "select c.id from collections.collection c"
        " where exists (select from images.arrived a where a.collection_id = c.id)"
    )
    return [int(row.id) for row in found]


def _written(entry: Entry) -> str:
    kept = {
        field.name: value
        for field in fields(Facts)
        if field.name not in _PER_INSTANCE and (value := getattr(entry.facts, field.name)) is not None
    }
    return orjson.dumps([entry.subject_label, entry.subject_name, entry.birth_date, kept]).decode()


def enter_arrived(tx: database.Tx, collection_id: int, release: int, most: int = 2000) -> Grown | None:
    """Enter the oldest waiting objects of a collection into a release that grows; None where none waits.

    Parameters
    ----------
    release : int
        Number of the release; a series of an earlier one gets a new revision.

    Notes
    -----
    An object that is here already, byte for byte, is left out; one with other bytes takes the place of the former.
    """
    found = tx.execute(
        "select id, series_uid, uid from images.arrived where collection_id = %s order by id limit %s",
        [collection_id, most],
    ).fetchall()
    if not found:
        return None
    wanted = {(row.series_uid, row.uid): row.id for row in found}  # of twins the last
    firsts = {row.series_uid: row.id for row in reversed(found)}
    series = _enter_all_series(tx, collection_id, release, firsts)
    known = _known(tx, collection_id, list(wanted.values()))
    new = sorted(set(wanted.values()) - {row.id for row in known if row.is_same})
    replaced = [row.instance_id for row in known if not row.is_same]
    if replaced:
        _end(tx, release, replaced)
    size = _enter_instances(tx, collection_id, release, new)
    tx.execute("delete from images.arrived where id = any (%s)", [[row.id for row in found]])
    return Grown(len(found), len(new) - len(replaced), size, series)


def _enter_all_series(tx: database.Tx, collection_id: int, release: int, firsts: dict[str, int]) -> dict[int, bool]:
    """Have a row of the release for each series; its key, and whether it is new in the collection."""
    known = {
        row.uid: row
        for row in tx.execute(
            "select id, uid, key, lower(releases) as since from images.series"
            " where collection_id = %s and uid = any (%s) and upper_inf(releases) for update",
            [collection_id, list(firsts)],
        )
    }
    found: dict[int, bool] = {}
    for row in known.values():
        if row.since != release:
            _begin_revision(tx, row.id, release)
        found[row.key] = False
    told = tx.execute(
        "select study_uid, series_uid, facts from images.arrived where id = any (%s) order by id",
        [[number for uid, number in firsts.items() if uid not in known]],
    ).fetchall()
    for row in told:
        found[_enter_new_series(tx, collection_id, release, row)] = True
    return found


def _begin_revision(tx: database.Tx, series_id: int, release: int) -> None:
    tx.execute("update images.series set releases = int4range(lower(releases), %s) where id = %s", [release, series_id])
    tx.execute(
        f"insert into images.series (revision, releases, {_CARRIED}) select revision + 1, int4range(%s, null), {_CARRIED}"  # noqa: S608
        " from images.series where id = %s",
        [release, series_id],
    )


def _enter_new_series(tx: database.Tx, collection_id: int, release: int, row: Any) -> int:
    label, name, birth_date, told = orjson.loads(row.facts)
    empty: dict[str, Any] = dict.fromkeys((field.name for field in fields(Facts)), None)
    facts = Facts(**(empty | told | {"study_uid": row.study_uid, "series_uid": row.series_uid, "frames": 1}))
    subject_id = subjects.enter(tx, collection_id, label, facts.patient_sex, facts.species, name, birth_date)
    study_id = enter_study(tx, collection_id, subject_id, facts)
    values = series_values(facts)
    made = tx.execute(
        "insert into images.series (releases, collection_id, subject_id, study_id, uid, instance_count, frame_count,"  # noqa: S608
        f" size_bytes, sop_classes, transfer_syntaxes, text, {', '.join(values)})"
        " values (int4range(%(release)s, null), %(collection)s, %(subject)s, %(study)s, %(uid)s, 0, 0, 0, '{}', '{}',"
        f" {SERIES_TEXT}, {', '.join(f'%({name})s' for name in values)}) returning key",
        {
            **values,
            **{"release": release, "collection": collection_id, "collection_id": collection_id, "subject": subject_id},
            **{"subject_id": subject_id, "study": study_id, "uid": facts.series_uid, "words": series_words(facts)},
        },
    ).fetchone()
    assert made is not None
    return int(made.key)


def _known(tx: database.Tx, collection_id: int, arrived: list[int]) -> list[Any]:
    return tx.execute(
        "select a.id, i.id as instance_id, i.digest = a.digest as is_same from images.arrived a"
        " join images.series s on s.collection_id = %s and s.uid = a.series_uid and upper_inf(s.releases)"
        " join images.instance i on i.series_key = s.key and i.uid = a.uid and upper_inf(i.releases)"
        " where a.id = any (%s)",
        [collection_id, arrived],
    ).fetchall()


def _end(tx: database.Tx, release: int, replaced: list[int]) -> None:
    """Others take the place of these instances; what a series counts goes down by them."""
    tx.execute(
        "with ended as (update images.instance set releases = int4range(lower(releases), greatest(lower(releases), %s))"
        " where id = any (%s) returning series_key, frames, size_bytes),"
        " summed as (select series_key, count(*) as n, sum(frames) as frames, sum(size_bytes) as size from ended group by 1)"
        " update images.series s set instance_count = instance_count - n, frame_count = frame_count - summed.frames,"
        " size_bytes = size_bytes - size from summed where s.key = series_key and upper_inf(s.releases)",
        [release, replaced],
    )


def _enter_instances(tx: database.Tx, collection_id: int, release: int, arrived: list[int]) -> int:
    """Enter instances and add them to what their series count; bytes entered."""
    taken = ", ".join(f"a.{name}" for name in _TAKEN)
    row = tx.execute(
        "with entered as (insert into images.instance (series_key, releases,"  # noqa: S608 - our own names
        f" {', '.join(_TAKEN)}) select s.key, int4range(%(release)s, null), {taken} from images.arrived a"
        " join images.series s on s.collection_id = %(collection)s and s.uid = a.series_uid and upper_inf(s.releases)"
        " where a.id = any (%(ids)s) order by a.id"
        " returning id, series_key, frames, size_bytes, sop_class_uid, transfer_syntax_uid, rows, pixel_offset),"
        " summed as (select series_key, count(*) as n, sum(frames) as frames, sum(size_bytes) as size,"
        " array_agg(distinct sop_class_uid) as classes, array_agg(distinct transfer_syntax_uid) as syntaxes,"
        " min(id) filter (where rows > 0 and pixel_offset is not null) as cover from entered group by 1),"
        " grown as (update images.series s set instance_count = instance_count + n, frame_count = frame_count + summed.frames,"
        " size_bytes = size_bytes + size, growth = growth + 1, cover_instance_id = coalesce(s.cover_instance_id, cover),"
        " sop_classes = case when sop_classes @> classes then sop_classes else"
        " array(select distinct unnest(sop_classes || classes) order by 1) end,"
        " transfer_syntaxes = case when transfer_syntaxes @> syntaxes then transfer_syntaxes else"
        " array(select distinct unnest(transfer_syntaxes || syntaxes) order by 1) end"
        " from summed where s.key = series_key and upper_inf(s.releases))"
        " select coalesce(sum(size), 0)::bigint as size from summed",
        {"release": release, "collection": collection_id, "ids": arrived},
    ).fetchone()
    assert row is not None
    return int(row.size)
