"""Telling webhooks of changes: in their order, some at a time, again after a while if nobody takes them."""

import hashlib
import hmac
import time
from collections.abc import Sequence
from datetime import timedelta

import orjson

from invivo import accounts, audit, database, jobs
from invivo.archive import Archive
from invivo.errors import InvivoError
from invivo.releases.change import Change, changes, newest_change
from invivo.releases.hook import COLUMNS, Hook, collection_name, reader_of, secret_of
from invivo.releases.outward import post, target_of
from invivo.releases.scheduled import people_of

AT_ONCE, KEPT_DELIVERIES = 100, 500
_FIRST_S, _LONGEST_S = 30.0, 6 * 3600.0


def change_as_json(one: Change) -> dict[str, object]:
    """Return a change as webhooks and the feed tell it."""
    return {
        "seq": one.seq,
        "at": one.at.isoformat(),
        "kind": one.kind,
        "collection": one.collection,
        "release": one.number,
        "series_uid": one.series_uid,
    }


def queue_hooks(archive: Archive) -> None:
    """Queue the webhooks that there is something to tell to."""
    newest = newest_change(archive)
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select id from releases.hook where is_active and told_seq < %s and coalesce(next_at, now()) <= now() order by id",
            [newest],
        )
        jobs.enqueue_all(tx, "tell-hook", [row.id for row in found])


def tell_hook(archive: Archive, key: str) -> None:
    """Tell a webhook of what changed since it was told last, as far as it may know; the key is its number.

    What it does not take is told again later; after `hooks.failures` in a row it is switched off and its people are told.
    """
    hook_id, more = int(key), True
    while more:
        with archive.database.transaction() as tx:
            row = tx.execute(
                f"select {COLUMNS} from releases.hook where id = %s and is_active"  # noqa: S608 - our own names
                " and coalesce(next_at, now()) <= now()",
                [hook_id],
            ).fetchone()
            if row is None:
                return
            hook = Hook(*row)
            name, secret = collection_name(tx, hook), secret_of(archive, tx, hook_id)
        newest = newest_change(archive)
        found = changes(archive, reader_of(archive, hook), hook.told_seq, name, AT_ONCE)
        more = len(found) == AT_ONCE
        reached = found[-1].seq if more else max(newest, hook.told_seq)
        if found and not _deliver(archive, hook, secret, found, reached):
            return
        if not found:
            _move_on(archive, hook_id, reached)


def _deliver(archive: Archive, hook: Hook, secret: str, found: Sequence[Change], reached: int) -> bool:
    """Send one message and write down what became of it; return whether it was taken."""
    body = orjson.dumps(
        {
            "archive": archive.settings.public_url,
            "changes": [change_as_json(one) for one in found],
            "after": reached,
        }
    )
    stamp, began = str(int(time.time())), time.monotonic()
    signature = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "invivo-hook",
        "Invivo-Timestamp": stamp,
        "Invivo-Delivery": f"{hook.id}-{found[0].seq}-{found[-1].seq}",
        "Invivo-Signature": f"v1={signature}",
    }
    settings = archive.settings.hooks
    status, error = None, ""
    try:
        status = post(target_of(hook.url, may_be_private=settings.private), headers, body, settings.timeout_s)
    except InvivoError as refused:
        error = refused.message
    took_ms = int((time.monotonic() - began) * 1000)
    is_taken = status is not None and 200 <= status < 300
    if not is_taken and not error:
        error = f"It answers {status}" + (", and redirects are not followed." if 300 <= (status or 0) < 400 else ".")
    _note_delivery(archive, hook, (found[0].seq, found[-1].seq, reached), (status, error, took_ms))
    return is_taken


def _note_delivery(
    archive: Archive, hook: Hook, seqs: tuple[int, int, int], became: tuple[int | None, str, int]
) -> None:
    status, error, took_ms = became
    with archive.database.transaction() as tx:
        alive = tx.execute("select failures from releases.hook where id = %s for update", [hook.id]).fetchone()
        if alive is None:
            return  # removed meanwhile
        tx.execute(
            "insert into releases.delivery (hook_id, from_seq, to_seq, status, error, took_ms) values (%s, %s, %s, %s, %s, %s)",
            [hook.id, seqs[0], seqs[1], status, error, took_ms],
        )
        tx.execute(
            "delete from releases.delivery where hook_id = %s and id <= (select id from releases.delivery where hook_id = %s"
            " order by id desc offset %s limit 1)",
            [hook.id, hook.id, KEPT_DELIVERIES],
        )
        if not error:
            tx.execute(
                "update releases.hook set told_seq = %s, failures = 0, error = '', next_at = null where id = %s",
                [seqs[2], hook.id],
            )
        else:
            _put_off(tx, archive, hook, alive.failures + 1, error)


def _put_off(tx: database.Tx, archive: Archive, hook: Hook, failures: int, error: str) -> None:
    wait_s = min(_FIRST_S * 2 ** min(failures - 1, 12), _LONGEST_S)
    is_over = failures >= archive.settings.hooks.failures
    at = archive.clock() + timedelta(seconds=wait_s)
    tx.execute(
        "update releases.hook set failures = %s, error = %s, next_at = %s, is_active = %s where id = %s",
        [failures, error[:500], at, not is_over, hook.id],
    )
    if not is_over:
        jobs.enqueue_later(tx, "tell-hook", hook.id, at)
        return
    audit.note(tx, "system", "hook.off", f"hook:{hook.id}", failures=failures)
    told = [hook.made_by] if hook.made_by is not None else []
    told += (
        people_of(tx, hook.collection_id, "owner") if hook.collection_id is not None else accounts.administrators(tx)
    )
    name = collection_name(tx, hook)
    accounts.notify(
        tx,
        sorted(set(told)),
        "hook.off",
        f"A webhook of {name or 'the archive'} is switched off",
        f"It did not take what it was told {failures} times in a row; the last time: {error} When it answers again, switch it"
        " on: it is told everything from where it stopped.",
        link=f"/releases/{name}/hooks/{hook.id}" if name else f"/admin/hooks/{hook.id}",
    )


def _move_on(archive: Archive, hook_id: int, reached: int) -> None:
    """Pass over changes that the hook may not know of."""
    with archive.database.transaction() as tx:
        tx.execute("update releases.hook set told_seq = greatest(told_seq, %s) where id = %s", [reached, hook_id])
