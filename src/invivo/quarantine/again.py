"""Released objects that went through other rules: held once more, cleaned already, by the door ``rerun``.

The row of such an object names the released file as its original. It is never *received*: cleaning it as if it had come from
a site would give it other UIDs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.types.json import Jsonb

from invivo import database
from invivo.quarantine.object import Clean

DOOR = "rerun"
_PENDING = "('cleaned', 'cleared')"


@dataclass(frozen=True, slots=True)
class Again:
    """A released object and what other rules made of it; both files are kept already."""

    digest: str
    size_bytes: int
    crc32: int
    sop_class_uid: str
    transfer_syntax_uid: str
    clean: Clean


def hold_again(
    tx: database.Tx, submission_id: int, collection_id: int, study_uid: str, series_uid: str, objects: Sequence[Again]
) -> int:
    """Hold what became of released objects of one series, as *cleaned*; return the held series.

    What an earlier re-run of these objects left behind is superseded.
    """
    names = [f"{DOOR}:{one.clean.sop_uid}" for one in objects]
    tx.execute(
        "update quarantine.object set state = 'discarded' where collection_id = %s and door = %s and state = 'released'"
        " and sop_uid = any (%s)",
        [collection_id, DOOR, names],
    )
    row = tx.execute(
        "insert into quarantine.series (submission_id, collection_id, kind, study_uid, series_uid)"
        " values (%s, %s, 'images', %s, %s) returning id",
        [submission_id, collection_id, study_uid, series_uid],
    ).fetchone()
    assert row is not None
    tx.cursor().executemany(
        "insert into quarantine.object (series_id, submission_id, collection_id, state, door, sop_uid, sop_class_uid,"
        " transfer_syntax_uid, digest, size_bytes, crc32, clean_sop_uid, clean_digest, clean_size_bytes, clean_crc32,"
        " clean_header, facts, actions) values (%s, %s, %s, 'cleaned', %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            [
                *(row.id, submission_id, collection_id, DOOR, name, one.sop_class_uid, one.transfer_syntax_uid),
                *(one.digest, one.size_bytes, one.crc32, one.clean.sop_uid, one.clean.digest, one.clean.size_bytes),
                *(one.clean.crc32, one.clean.header, Jsonb(dict(one.clean.facts)), one.clean.actions),
            ]
            for name, one in zip(names, objects, strict=True)
        ],
    )
    return int(row.id)


def drop_again(tx: database.Tx, collection_id: int, sop_uids: Sequence[str]) -> list[int]:
    """Discard what an earlier re-run of released objects holds undecided or unreleased; return the held series."""
    found = tx.execute(
        "update quarantine.object set state = 'discarded', actions = null, clean_header = null where collection_id = %s"  # noqa: S608 - our own text
        f" and door = %s and state in {_PENDING} and clean_sop_uid = any (%s) returning series_id",
        [collection_id, DOOR, list(sop_uids)],
    )
    return sorted({int(row.series_id) for row in found})


def series_with_originals(tx: database.Tx, collection_id: int, after: int, last: int, limit: int) -> list[int]:
    """Return held series of images whose originals are still there, in order of their numbers, from after one to a last."""
    found = tx.execute(
        "select s.id from quarantine.series s where s.collection_id = %s and s.kind = 'images' and s.id > %s and s.id <= %s"
        " and exists (select 1 from quarantine.object o where o.series_id = s.id and o.door <> %s"
        " and o.state in ('received', 'cleaned', 'stuck', 'cleared')) order by s.id limit %s",
        [collection_id, after, last, DOOR, limit],
    )
    return [int(row.id) for row in found]
