"""Webhooks: who wants to be told of changes at an address, and what was told.

A hook belongs to a collection, or to the archive. Of its secret only a random part lies in the database; the rest is the
installation's key.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime

from invivo import accounts, audit, collections, database
from invivo.archive import Archive
from invivo.errors import Conflict, NotFound, Refused
from invivo.releases.outward import checked_url


class UnknownHook(NotFound):
    """There is no such webhook, or it is not the actor's."""

    code = "hook.unknown"


class TooManyHooks(Conflict):
    """The collection or the archive has as many webhooks as it may have."""

    code = "hook.many"


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook, without its secret, which is shown once.

    Attributes
    ----------
    collection_id : int or None
        None: the whole archive.
    told_seq : int
        Number of the last change that it took.
    failures : int
        In a row.
    """

    id: int
    collection_id: int | None
    url: str
    made_by: int | None
    made_at: datetime
    is_active: bool
    told_seq: int
    failures: int
    error: str
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One try to tell a hook of the changes from one number to another."""

    id: int
    at: datetime
    from_seq: int
    to_seq: int
    status: int | None
    error: str
    took_ms: int

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


COLUMNS = "id, collection_id, url, made_by, made_at, is_active, told_seq, failures, error, next_at"


def _need_right(actor: accounts.Actor, collection_id: int | None) -> None:
    is_right = actor.is_administrator or actor.name == "system"
    if not is_right and (collection_id is None or not actor.may_own(collection_id)):
        raise Refused(
            "Webhooks of a collection are its owner's, those of the archive an administrator's.", code="hook.not-owner"
        )


def _secret(archive: Archive, nonce: str) -> str:
    made = hmac.new(archive.secret("webhook"), nonce.encode(), hashlib.sha256).digest()
    return "whsec_" + base64.urlsafe_b64encode(made).decode().rstrip("=")


def add_hook(archive: Archive, actor: accounts.Actor, collection_id: int | None, url: str) -> tuple[Hook, str]:
    """Register an address that is told of changes from now on; return it and its secret, which is never shown again.

    Raises
    ------
    Refused
    BadTarget
    TooManyHooks
    """
    _need_right(actor, collection_id)
    checked_url(url, may_be_private=archive.settings.hooks.private)
    nonce = secrets.token_urlsafe(24)
    with archive.database.transaction() as tx:
        tx.execute("select pg_advisory_xact_lock(1003, %s::int)", [collection_id or 0])
        row = tx.execute(
            "insert into releases.hook (collection_id, url, secret, made_by, told_seq)"  # noqa: S608 - our own names
            " select %(collection)s, %(url)s, %(nonce)s, %(by)s, (select coalesce(max(seq), 0) from releases.change)"
            " where (select count(*) from releases.hook h where h.collection_id is not distinct from %(collection)s::bigint)"
            f" < %(most)s returning {COLUMNS}",
            {
                **{"collection": collection_id, "url": url, "nonce": nonce, "by": actor.person_id},
                "most": archive.settings.hooks.most,
            },
        ).fetchone()
        if row is None:
            raise TooManyHooks("There are as many webhooks as there may be (hooks.most); remove one first.")
        audit.note(tx, actor.name, "hook.add", _thing(collection_id), hook=row.id)
        return Hook(*row), _secret(archive, nonce)


def _thing(collection_id: int | None) -> str:
    return f"collection:{collection_id}" if collection_id is not None else "archive"


def hooks_of(archive: Archive, actor: accounts.Actor, collection_id: int | None) -> list[Hook]:
    """Return the webhooks of a collection, or of the archive; raises Refused."""
    _need_right(actor, collection_id)
    with archive.database.transaction() as tx:
        found = tx.execute(
            f"select {COLUMNS} from releases.hook where collection_id is not distinct from %s::bigint"  # noqa: S608
            " order by id",
            [collection_id],
        )
        return [Hook(*row) for row in found]


def hook_with_deliveries(
    archive: Archive, actor: accounts.Actor, hook_id: int, most: int = 100
) -> tuple[Hook, list[Delivery]]:
    """Return a webhook and what was told to it, the newest first; raises UnknownHook."""
    with archive.database.transaction() as tx:
        hook = _own_hook(tx, actor, hook_id)
        found = tx.execute(
            "select id, at, from_seq, to_seq, status, error, took_ms from releases.delivery where hook_id = %s"
            " order by id desc limit %s",
            [hook_id, most],
        )
        return hook, [Delivery(*row) for row in found]


def _own_hook(tx: database.Tx, actor: accounts.Actor, hook_id: int) -> Hook:
    row = tx.execute(
        f"select {COLUMNS} from releases.hook where id = %s for update",  # noqa: S608
        [hook_id],
    ).fetchone()
    if row is None:
        raise UnknownHook("There is no such webhook.")
    try:
        _need_right(actor, row.collection_id)
    except Refused:
        raise UnknownHook("There is no such webhook.") from None
    return Hook(*row)


def remove_hook(archive: Archive, actor: accounts.Actor, hook_id: int) -> None:
    """Tell an address no more and forget what was told to it; raises UnknownHook."""
    with archive.database.transaction() as tx:
        hook = _own_hook(tx, actor, hook_id)
        tx.execute("delete from releases.hook where id = %s", [hook_id])
        audit.note(tx, actor.name, "hook.remove", _thing(hook.collection_id), hook=hook_id)


def revive_hook(archive: Archive, actor: accounts.Actor, hook_id: int) -> None:
    """Tell a webhook again that was switched off, from where it stopped; raises UnknownHook."""
    with archive.database.transaction() as tx:
        hook = _own_hook(tx, actor, hook_id)
        tx.execute(
            "update releases.hook set is_active = true, failures = 0, error = '', next_at = null where id = %s",
            [hook_id],
        )
        audit.note(tx, actor.name, "hook.revive", _thing(hook.collection_id), hook=hook_id)


def reader_of(archive: Archive, hook: Hook) -> accounts.Actor:
    """Return with whose eyes a hook sees: its maker's while he owns the collection, else those of a visitor."""
    if hook.collection_id is None or hook.made_by is None:
        return accounts.ANONYMOUS
    maker = accounts.actor_of_person(archive, hook.made_by)
    return maker if maker.may_own(hook.collection_id) else accounts.ANONYMOUS


def collection_name(tx: database.Tx, hook: Hook) -> str | None:
    """Return the short name of a hook's collection, None for the archive."""
    return collections.policy_of(tx, hook.collection_id).short_name if hook.collection_id is not None else None


def secret_of(archive: Archive, tx: database.Tx, hook_id: int) -> str:
    """Return the secret that messages to a hook are signed with."""
    row = tx.execute("select secret from releases.hook where id = %s", [hook_id]).fetchone()
    if row is None:
        raise UnknownHook("There is no such webhook.")
    return _secret(archive, row.secret)
