"""The one state machine of a held object."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

import orjson
import zstandard
from psycopg.types.json import Jsonb

from invivo import database
from invivo.archive import Archive
from invivo.errors import Conflict, NotFound

# A file of such an object is still needed.
_LIVE = "('received', 'cleaned', 'stuck', 'conflict', 'cleared')"


class UnknownObject(NotFound):
    """There is no such held object."""

    code = "held.unknown"


class Changing(Conflict):
    """Pixels of the series are being changed just now; until that is done it cannot be cleared."""

    code = "held.changing"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One object on its way into quarantine; its bytes are kept already.

    Attributes
    ----------
    kind : {"images", "files", "damaged"}
    digest : str
        SHA-256 of the bytes as received.
    name : str
        File name as sent, for files that are not DICOM.
    """

    kind: str
    digest: str
    size_bytes: int
    crc32: int
    study_uid: str = ""
    series_uid: str = ""
    modality: str = ""
    sop_uid: str = ""
    sop_class_uid: str = ""
    transfer_syntax_uid: str = ""
    name: str = ""
    reason_code: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """What became of an arrival: ``held``, ``attached``, ``damaged``, ``repeated`` or ``conflict``."""

    object_id: int
    outcome: str


@dataclass(frozen=True, slots=True)
class HeldObject:
    """A held object as the journey, reviews and releases see it."""

    id: int
    series_id: int
    submission_id: int
    collection_id: int
    state: str
    reason_code: str
    reason: str
    door: str
    sender: str
    name: str
    sop_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    digest: str
    size_bytes: int
    crc32: int
    received_at: datetime
    clean_sop_uid: str
    clean_digest: str | None
    clean_size_bytes: int | None
    clean_crc32: int | None
    facts: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Clean:
    """The de-identified object that belongs to a held one.

    Attributes
    ----------
    header : bytes
        Packed DICOM JSON of the clean object.
    facts : mapping
        What inspection and registration need of it, as JSON.
    actions : bytes
        Compressed record of what was done to each tag.
    """

    sop_uid: str
    digest: str
    size_bytes: int
    crc32: int
    header: bytes
    facts: Mapping[str, Any]
    actions: bytes


_COLUMNS = ", ".join(field.name for field in fields(HeldObject))


def hold(tx: database.Tx, submission_id: int, door: str, sender: str, arrivals: Sequence[Arrival]) -> list[Held]:
    """Put arrivals into quarantine as *received* and queue the job that takes them on.

    Works for the public database role too, which can read nothing in this room. The same object twice is the same row.

    Returns
    -------
    list of Held
        In the order of `arrivals`.
    """
    items = [{"ordinal": place, **asdict(arrival)} for place, arrival in enumerate(arrivals)]
    found = tx.execute(
        "select place, object_id, outcome from intake.hold(%s, %s, %s, %s)", [submission_id, door, sender, Jsonb(items)]
    ).fetchall()
    by_place = {row.place: Held(row.object_id, row.outcome) for row in found}
    return [by_place[place] for place in range(len(arrivals))]


def mark(tx: database.Tx, submission_id: int, held: Sequence[Held], site_id: int | None) -> None:
    """Write down which site arrivals came from, and which known objects came again by this delivery.

    Works for the public database role too.
    """
    again = [one.object_id for one in held if one.outcome == "repeated"]
    if again or (held and site_id is not None):
        made = [one.object_id for one in held if one.outcome != "repeated"]
        tx.execute("select intake.mark(%s, %s, %s, %s)", [submission_id, made, again, site_id])


def received_of(tx: database.Tx, series_id: int, limit: int = 1000) -> list[HeldObject]:
    """Return the objects of a held series that no automatic step has seen yet."""
    found = tx.execute(
        f"select {_COLUMNS} from quarantine.object where series_id = %s and state = 'received' order by id limit %s",  # noqa: S608
        [series_id, limit],
    )
    return [HeldObject(*row) for row in found]


def objects_of(tx: database.Tx, series_id: int) -> list[HeldObject]:
    """Return the objects of a held series that are not discarded or released, in order of instance number."""
    found = tx.execute(
        f"select {_COLUMNS} from quarantine.object where series_id = %s and state not in ('discarded', 'released')"  # noqa: S608
        " order by (facts->'facts'->>'instance_number')::int nulls last, id",
        [series_id],
    )
    return [HeldObject(*row) for row in found]


def object_named(tx: database.Tx, object_id: int, *, lock: bool = False) -> HeldObject:
    """Return a held object, locked if asked; raises UnknownObject."""
    row = tx.execute(
        f"select {_COLUMNS} from quarantine.object where id = %s {'for update' if lock else ''}",  # noqa: S608
        [object_id],
    ).fetchone()
    if row is None:
        raise UnknownObject(f"There is no held object {object_id}.")
    return HeldObject(*row)


def actions_of(tx: database.Tx, object_id: int) -> list[tuple[str, str, str]]:
    """Return what de-identification did to an object, as (path, code, rule); nothing once its files are gone."""
    row = tx.execute("select actions from quarantine.object where id = %s", [object_id]).fetchone()
    if row is None or not row.actions:
        return []
    return [(str(path), str(code), str(why)) for path, code, why in orjson.loads(zstandard.decompress(row.actions))]


def attempt(tx: database.Tx, object_id: int) -> int:
    """Count an attempt to clean an object, before it begins; return how many there were with this one.

    An object that kills the worker (a codec that crashes) must not do so for ever.
    """
    row = tx.execute(
        "update quarantine.object set attempts = attempts + 1 where id = %s returning attempts", [object_id]
    ).fetchone()
    return int(row.attempts) if row else 0


def keep_clean(tx: database.Tx, object_id: int, clean: Clean) -> None:
    """received -> cleaned."""
    tx.execute(
        "update quarantine.object set state = 'cleaned', reason_code = '', reason = '', clean_sop_uid = %s, clean_digest = %s,"
        " clean_size_bytes = %s, clean_crc32 = %s, clean_header = %s, facts = %s, actions = %s"
        " where id = %s and state = 'received'",
        [
            clean.sop_uid,
            clean.digest,
            clean.size_bytes,
            clean.crc32,
            clean.header,
            Jsonb(dict(clean.facts)),
            clean.actions,
            object_id,
        ],
    )


def stick(tx: database.Tx, object_id: int, code: str, reason: str) -> None:
    """received -> stuck, with the reason that a curator reads."""
    tx.execute(
        "update quarantine.object set state = 'stuck', reason_code = %s, reason = %s where id = %s and state = 'received'",
        [code, reason[:500], object_id],
    )


def retry(tx: database.Tx, object_id: int) -> None:
    """stuck -> received: the automatic steps run again."""
    tx.execute(
        "update quarantine.object set state = 'received', attempts = 0, reason_code = '', reason = ''"
        " where id = %s and state = 'stuck'",
        [object_id],
    )


def begin_change(tx: database.Tx, object_ids: Sequence[int]) -> int:
    """Announce that the clean bytes of cleaned objects are to be replaced, so that none is cleared before; return how many."""
    return tx.execute(
        "update quarantine.object set is_changing = true where id = any (%s) and state = 'cleaned'", [list(object_ids)]
    ).rowcount


def replace_clean(tx: database.Tx, object_id: int, digest: str, clean: Clean, *, is_changing: bool = False) -> bool:
    """Give a cleaned object other clean bytes; the state stays.

    Parameters
    ----------
    digest : str
        Of the clean bytes that `clean` was made from.
    is_changing : bool
        Whether more changes are to come.

    Returns
    -------
    bool
        False if the object is not cleaned any more or has other clean bytes by now: then nothing was changed.
    """
    changed = tx.execute(
        "update quarantine.object set clean_digest = %s, clean_size_bytes = %s, clean_crc32 = %s, clean_header = %s, facts = %s,"
        " actions = %s, is_changing = %s where id = %s and state = 'cleaned' and clean_digest = %s",
        [
            clean.digest,
            clean.size_bytes,
            clean.crc32,
            clean.header,
            Jsonb(dict(clean.facts)),
            clean.actions,
            is_changing,
            object_id,
            digest,
        ],
    ).rowcount
    if changed and digest != clean.digest:
        _mark_replaced(tx, [digest])
    return bool(changed)


def give_up_change(tx: database.Tx, object_id: int, doubt: Sequence[str]) -> None:
    """Leave a cleaned object as it is and write down why it could not be changed: a doubt of severity, code, path, text."""
    add_doubt(tx, [object_id], doubt)
    tx.execute("update quarantine.object set is_changing = false where id = %s and state = 'cleaned'", [object_id])


def cleaned_of_subject(
    tx: database.Tx, collection_id: int, subject_label: str, *, after: int, told_to: int, limit: int
) -> list[HeldObject]:
    """Return cleaned and cleared objects of a subject that were cleaned without its newest identifiers.

    Parameters
    ----------
    after : int
        Only objects with a larger number.
    told_to : int
        Number of the newest identifier.
    """
    found = tx.execute(
        f"select {_COLUMNS} from quarantine.object where collection_id = %s and state in ('cleaned', 'cleared')"  # noqa: S608
        " and facts->>'subject_label' = %s and id > %s and coalesce((facts->>'known_to')::bigint, 0) < %s order by id limit %s",
        [collection_id, subject_label, after, told_to, limit],
    )
    return [HeldObject(*row) for row in found]


def note_proof(tx: database.Tx, object_ids: Sequence[int], told_to: int) -> None:
    """Write down up to which identifier of their subject cleaned and cleared objects have been looked through."""
    tx.execute(
        "update quarantine.object set facts = jsonb_set(facts, '{known_to}',"
        " to_jsonb(greatest(coalesce((facts->>'known_to')::bigint, 0), %s::bigint)))"
        " where id = any (%s) and state in ('cleaned', 'cleared')",
        [told_to, list(object_ids)],
    )


def add_doubt(tx: database.Tx, object_ids: Sequence[int], doubt: Sequence[str]) -> None:
    """Write a doubt (severity, code, path, text) beside those of cleaned objects, once; they stay cleaned."""
    tx.execute(
        "update quarantine.object set facts = jsonb_set(facts, '{doubts}', coalesce(facts->'doubts', '[]') || %(doubts)s)"
        " where id = any (%(ids)s) and state = 'cleaned' and not coalesce(facts->'doubts' @> %(doubts)s, false)",
        {"doubts": Jsonb([list(doubt)]), "ids": list(object_ids)},
    )


def restart(tx: database.Tx, object_ids: Sequence[int]) -> int:
    """cleaned -> received: the automatic steps make a new clean object from the original; return how many."""
    found = tx.execute(
        "select id, digest, clean_digest from quarantine.object where id = any (%s) and state = 'cleaned' for update",
        [list(object_ids)],
    ).fetchall()
    tx.execute(
        "update quarantine.object set state = 'received', attempts = 0, is_changing = false, clean_digest = null,"
        " clean_header = null, facts = null, actions = null where id = any (%s)",
        [[row.id for row in found]],
    )
    _mark_replaced(tx, [row.clean_digest for row in found if row.clean_digest and row.clean_digest != row.digest])
    return len(found)


def _mark_replaced(tx: database.Tx, digests: Sequence[str]) -> None:
    tx.execute(
        "insert into quarantine.replaced (digest) select unnest(%s::text[]) on conflict (digest) do update set at = now()",
        [list(digests)],
    )


def discard(
    tx: database.Tx,
    *,
    series_id: int | None = None,
    object_id: int | None = None,
    series_ids: Sequence[int] = (),
) -> int:
    """Any state before *released* -> discarded, for held series or one object; return how many objects."""
    wanted = [*series_ids, *([series_id] if series_id is not None else [])]
    criteria = "series_id = any (%s)" if wanted else "id = %s"
    return tx.execute(
        "update quarantine.object set state = 'discarded', actions = null, clean_header = null"
        f" where state in {_LIVE} and {criteria}",  # noqa: S608
        [wanted or object_id],
    ).rowcount


def conflicts_of(tx: database.Tx, held: HeldObject) -> list[HeldObject]:
    """Return the other objects that bear the same SOP Instance UID in the same collection."""
    found = tx.execute(
        f"select {_COLUMNS} from quarantine.object where collection_id = %s and sop_uid = %s and sop_uid <> '' and id <> %s"  # noqa: S608
        " and state <> 'discarded' order by id",
        [held.collection_id, held.sop_uid, held.id],
    )
    return [HeldObject(*row) for row in found]


def replace_first(tx: database.Tx, held: HeldObject) -> None:
    """conflict -> received, in the place of the object that came first, which is discarded unless it is released."""
    tx.execute(
        "update quarantine.object set state = 'discarded', actions = null, clean_header = null where collection_id = %s"
        " and sop_uid = %s and id <> %s and state <> 'conflict' and state <> 'discarded'",
        [held.collection_id, held.sop_uid, held.id],
    )
    tx.execute("update quarantine.object set state = 'received' where id = %s and state = 'conflict'", [held.id])


def supersede(tx: database.Tx, collection_id: int, sop_uids: Sequence[str]) -> None:
    """released -> discarded, by clean SOP Instance UID: the series was withdrawn, so the same objects may come again."""
    tx.execute(
        "update quarantine.object set state = 'discarded' where collection_id = %s and state = 'released'"
        " and clean_sop_uid = any (%s)",
        [collection_id, list(sop_uids)],
    )


def cleared_of(tx: database.Tx, collection_id: int, limit: int = 1_000_000) -> list[HeldObject]:
    """Return the cleared objects of a collection, series by series, and lock them."""
    found = tx.execute(
        f"select {_COLUMNS} from quarantine.object where collection_id = %s and state = 'cleared'"  # noqa: S608
        " order by series_id, id limit %s for update",
        [collection_id, limit],
    )
    return [HeldObject(*row) for row in found]


def leave(tx: database.Tx, object_ids: Sequence[int]) -> None:
    """cleared -> released: the row stays as a fingerprint, without anything that was in the object."""
    tx.execute(
        "update quarantine.object set state = 'released', actions = null, clean_header = null, facts = null, name = '', sender = ''"
        " where id = any (%s)",
        [list(object_ids)],
    )


def bury(archive: Archive, limit: int = 2000) -> int:
    """Delete the files of released and discarded objects that nothing else needs; return how many are gone.

    Those of a collection that is on legal hold as a whole stay until the hold is lifted.
    """
    with archive.database.transaction() as tx:
        done = tx.execute(
            "select o.id, o.digest, o.clean_digest from quarantine.object o"  # noqa: S608
            " where o.state in ('discarded', 'released') and o.buried_at is null and not exists (select 1 from quarantine.object n"
            f" where n.state in {_LIVE} and (n.digest in (o.digest, o.clean_digest) or n.clean_digest in (o.digest, o.clean_digest)))"
            " and not exists (select from releases.hold h where h.collection_id = o.collection_id and h.lifted_at is null"
            " and h.subject_label = '' and h.series_uid = '')"
            " order by o.id limit %s for update skip locked",
            [limit],
        ).fetchall()
        gone = []
        for row in done:
            files = [digest for digest in (row.digest, row.clean_digest) if digest]
            if not [digest for digest in files if not archive.held.remove(digest)]:
                gone.append(row.id)
        tx.execute("update quarantine.object set buried_at = now() where id = any (%s)", [gone])
    return len(gone) + _bury_replaced(archive, limit)


def _bury_replaced(archive: Archive, limit: int) -> int:
    """Delete clean files that others took the place of, unless an object has them (again)."""
    with archive.database.transaction() as tx:
        done = tx.execute(
            "select r.digest, exists (select 1 from quarantine.object n"  # noqa: S608 - our own text
            f" where n.state in {_LIVE} and (n.digest = r.digest or n.clean_digest = r.digest)) as is_needed"
            " from quarantine.replaced r order by r.at limit %s for update skip locked",
            [limit],
        ).fetchall()
        gone = [row.digest for row in done if row.is_needed or archive.held.remove(row.digest)]
        tx.execute("delete from quarantine.replaced where digest = any (%s)", [gone])
    return len(gone)
