"""Held series that belong elsewhere than they say: under another subject, in another study."""

from collections.abc import Sequence

from invivo import database


def set_place(tx: database.Tx, series_ids: Sequence[int], *, subject_label: str = "", study_uid: str = "") -> None:
    """Write down the subject or the clean study that held series belong to; what is empty stays."""
    tx.execute(
        "update quarantine.series set subject_label = coalesce(nullif(%s, ''), subject_label),"
        " clean_study_uid = coalesce(nullif(%s, ''), clean_study_uid) where id = any (%s)",
        [subject_label, study_uid, list(series_ids)],
    )


def forget_told(tx: database.Tx, series_ids: Sequence[int]) -> None:
    """Forget what series told of the subject they stood under: they are read again under another."""
    tx.execute("delete from quarantine.identifier where series_id = any (%s)", [list(series_ids)])


def lock_objects(tx: database.Tx, series_ids: Sequence[int]) -> None:
    """Lock held series and their objects, in the order of their numbers: nobody decides on them meanwhile."""
    tx.execute("select id from quarantine.series where id = any (%s) order by id for update", [list(series_ids)])
    tx.execute("select id from quarantine.object where series_id = any (%s) order by id for update", [list(series_ids)])


def restart_series(tx: database.Tx, series_ids: Sequence[int]) -> int:
    """cleaned, stuck -> received for whole held series: all is made anew from the originals; return how many objects."""
    objects = tx.execute(
        "select id, state from quarantine.object where series_id = any (%s) and state in ('cleaned', 'stuck') order by id for update",
        [list(series_ids)],
    ).fetchall()
    ids = [row.id for row in objects]
    tx.execute(
        "insert into quarantine.replaced (digest) select distinct clean_digest from quarantine.object where id = any (%s)"
        " and clean_digest is not null and clean_digest <> digest on conflict (digest) do update set at = now()",
        [ids],
    )
    return tx.execute(
        "update quarantine.object set state = 'received', attempts = 0, reason_code = '', reason = '', is_changing = false,"
        " clean_digest = null, clean_header = null, facts = null, actions = null where id = any (%s) and state in ('cleaned', 'stuck')",
        [ids],
    ).rowcount
