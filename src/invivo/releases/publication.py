"""Publishing what is cleared."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from invivo import accounts, attachments, audit, collections, database, images, jobs, notices, quarantine, reviews
from invivo.archive import Archive
from invivo.errors import Conflict, Refused
from invivo.releases.change import note_change
from invivo.releases.cleared import (
    entries_of,
    files_waiting,
    in_portions,
    known_series,
    lock_cleared,
    series_waiting,
)
from invivo.releases.licensing import choices_of, licence_by

LOCK_TRIES = 30


class NotSettled(Conflict):
    """Review items of the collection have no decision yet."""

    code = "release.not-settled"


class Unfinished(Conflict):
    """Required steps of the collection's checklist are not recorded; the message names them."""

    code = "release.checklist"


class UnderEmbargo(Conflict):
    """What is cleared waits for the end of an embargo."""

    code = "release.under-embargo"


class BeingMade(Conflict):
    """Another release of the collection is being made."""

    code = "release.being-made"


class Ended(Conflict):
    """A scheduled release was made, cancelled or changed by somebody else meanwhile."""

    code = "release.ended"


class NothingToPublish(Conflict):
    """Nothing is cleared and nothing changes."""

    code = "release.empty"


@dataclass(frozen=True, slots=True)
class Preview:
    """What publishing now would do.

    Attributes
    ----------
    number : int
        The number the release would get.
    series : tuple of (series_uid, modality, subject label, objects, bytes, is_new)
    files : tuple of (name, bytes)
    blocking, deferred : int
        Review items without a decision, and deferred ones that would stay behind.
    steps : tuple of str
        What of the checklist blocks it, in sentences.
    licences : mapping of series_uid to SPDX identifier
    """

    number: int
    series: tuple[tuple[str, str, str, int, int, bool], ...]
    files: tuple[tuple[str, int], ...]
    blocking: int
    deferred: int
    steps: tuple[str, ...] = ()
    licences: Mapping[str, str] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        return sum(one[4] for one in self.series) + sum(size for _, size in self.files)


def need_curator(actor: accounts.Actor, collection_id: int) -> None:
    if not actor.may_curate(collection_id):
        raise Refused("Only the collection's owner or curators may publish.", code="release.not-curator")


def next_number(tx: database.Tx, collection_id: int) -> int:
    """The number that the next release of a collection gets."""
    row = tx.execute(
        "select coalesce(max(number), 0) + 1 as number from releases.release where collection_id = %s", [collection_id]
    ).fetchone()
    assert row is not None
    return int(row.number)


def preview(archive: Archive, actor: accounts.Actor, collection_id: int) -> Preview:
    """Return what `publish` would do now."""
    need_curator(actor, collection_id)
    counted = reviews.counts(archive, actor).get(collection_id, {})
    with archive.database.transaction() as tx:
        waiting, known = series_waiting(tx, collection_id), known_series(tx, collection_id)
        files = tuple((one.name, one.size_bytes) for one in files_waiting(tx, collection_id))
        licence = licence_by(choices_of(tx, collection_id), collections.policy_of(tx, collection_id).licence)
        number, steps = next_number(tx, collection_id), tuple(reviews.blocking(tx, collection_id))
    series = tuple(
        (one.uid, one.modality, one.subject, one.objects, one.size_bytes, one.uid not in known) for one in waiting
    )
    licences = {one.uid: licence(one.uid, one.modality, one.subject) for one in waiting}
    return Preview(number, series, files, counted.get("open", 0), counted.get("deferred", 0), steps, licences)


def publish(
    archive: Archive,
    actor: accounts.Actor,
    collection_id: int,
    notes: str = "",
    *,
    schedule_id: int | None = None,
    told: Callable[[int, int], None] | None = None,
) -> int:
    """Publish all that is cleared in a collection as its next release; cleared -> released.

    The files stand in the public store, fsynced, before the transaction that makes them visible; a crash at any point
    leaves either the old release or the new one.

    Parameters
    ----------
    schedule_id : int, optional
        The scheduled release that this is: it is done with it, in the same transaction.
    told : callable, optional
        Is called with how many series are done, and of how many.

    Returns
    -------
    int
        The release's number.

    Raises
    ------
    Refused
        The actor does not curate the collection.
    BeingMade
        Another release of the collection is being made.
    UnderEmbargo
        What is cleared is under an embargo, which is not over.
    NotSettled
        Items without a decision remain (a rule that releases on receipt passes them by).
    Unfinished
        Required steps of the checklist are not recorded.
    NothingToPublish
    """
    need_curator(actor, collection_id)
    with archive.database.transaction() as tx:
        lock_or_conflict(tx, collection_id)
        policy = collections.policy_of(tx, collection_id)
        _need_ready(tx, actor, policy, schedule_id)
        digests = lock_cleared(tx, collection_id)
        if not digests:
            raise NothingToPublish(f"Collection {policy.short_name} has nothing cleared to publish.")
        archive.objects.adopt(list(digests.values()), archive.held)
        number = next_number(tx, collection_id)
        added, revised = _enter(tx, policy, number, told or (lambda _done, _total: None))
        for one in files_waiting(tx, collection_id):
            attachments.attach(tx, collection_id, number, one.name, one.digest, one.size_bytes, one.crc32)
        quarantine.leave(tx, list(digests))
        write_release(tx, actor.name, policy, number, notes, (len(added), len(revised), 0))
        if schedule_id is not None:
            _end_schedule(tx, schedule_id, number, actor.name)
        _tell(tx, policy, number, f"{len(added)} series added, {len(revised)} revised.")
        note_change(tx, collection_id, "created", number, added)  # last: others wait behind it with theirs
        note_change(tx, collection_id, "revised", number, revised)
        note_change(tx, collection_id, "released", number)
    return number


def lock_or_conflict(tx: database.Tx, collection_id: int) -> None:
    """Wait a moment for another release of the collection, not for as long as a large one takes; raises BeingMade."""
    for _ in range(LOCK_TRIES):
        row = tx.execute("select pg_try_advisory_xact_lock(1001, %s::int) as ours", [collection_id]).fetchone()
        if row is not None and row.ours:
            return
        time.sleep(0.1)
    raise BeingMade("Another release of this collection is being made now; see it end, then look what is left.")


def _need_ready(
    tx: database.Tx, actor: accounts.Actor, policy: collections.Collection, schedule_id: int | None
) -> None:
    waits = tx.execute(
        "select id, is_embargo, due_at from releases.schedule where collection_id = %s and state = 'due'", [policy.id]
    ).fetchone()
    if schedule_id is not None and (waits is None or waits.id != schedule_id):
        raise Ended("This scheduled release was made or cancelled already.")
    if waits is not None and waits.is_embargo and waits.id != schedule_id:
        raise UnderEmbargo(
            f"What is cleared in {policy.short_name} is under an embargo until {waits.due_at:%Y-%m-%d %H:%M} UTC;"
            " end it or cancel it, then publish."
        )
    remaining = reviews.unsettled(tx, policy.id)
    if remaining and not actor.name.startswith("rule:"):
        raise NotSettled(
            f"Collection {policy.short_name} has {remaining} review items without a decision;"
            " decide or defer them, then publish."
        )
    steps = reviews.blocking(tx, policy.id)
    if steps:
        raise Unfinished(f"The checklist of {policy.short_name} is not finished. {' '.join(steps)}")


def _enter(
    tx: database.Tx, policy: collections.Collection, number: int, told: Callable[[int, int], None]
) -> tuple[list[str | None], list[str | None]]:
    """Register all series that wait, some at a time; return the UIDs of the new and of the revised ones."""
    waiting = series_waiting(tx, policy.id)
    licence = licence_by(choices_of(tx, policy.id), policy.licence)
    changed: dict[bool, list[str | None]] = {True: [], False: []}
    done = 0
    told(done, len(waiting))
    for portion in in_portions(waiting):
        licences = [licence(one.uid, one.modality, one.subject) for one in portion]
        registered = images.register_all(tx, policy.id, number, entries_of(tx, portion), licences)
        for one, made in zip(portion, registered, strict=True):
            changed[made.is_new].append(one.uid)
        jobs.enqueue_all(tx, "derive", [f"{made.key}/{made.revision}" for made in registered])
        done += len(portion)
        told(done, len(waiting))
    images.mark_sites(tx, policy.id, quarantine.sites_of_series(tx, _held_series(tx, policy.id)))
    return changed[True], changed[False]


def _held_series(tx: database.Tx, collection_id: int) -> list[int]:
    found = tx.execute(
        "select distinct series_id as id from quarantine.object where collection_id = %s and state = 'cleared'",
        [collection_id],
    )
    return [row.id for row in found]


def _end_schedule(tx: database.Tx, schedule_id: int, number: int, by: str) -> None:
    tx.execute(
        "update releases.schedule set state = 'done', number = %s, ended_at = now(), ended_by = %s, blocked = ''"
        " where id = %s",
        [number, by, schedule_id],
    )


def _tell(tx: database.Tx, policy: collections.Collection, number: int, changes: str) -> None:
    """Tell who asked to be told of new releases; of a collection that is not shown, its own people only."""
    told = notices.subscribers(tx, f"collection:{policy.id}")
    if policy.access in ("embargoed", "private") or not policy.is_listed:
        own = tx.execute("select person_id from collections.member where collection_id = %s", [policy.id])
        told = sorted({row.person_id for row in own} & set(told))
    accounts.notify(
        tx,
        told,
        "release.published",
        f"{policy.short_name}: release {number}",
        f"{policy.title} has a new release, {number}. {changes}",
        link=f"/collections/{policy.short_name}/releases/{number}",
    )


def lock(tx: database.Tx, collection_id: int) -> None:
    """Only one release of a collection is made at a time."""
    tx.execute("select pg_advisory_xact_lock(1001, %s::int)", [collection_id])


def write_release(
    tx: database.Tx,
    actor: str,
    policy: collections.Collection,
    number: int,
    notes: str,
    changed: tuple[int, int, int],
    *,
    is_restoring: bool = False,
) -> None:
    """Write the row of a release, over what the collection holds now; the one that grew before is finished by it."""
    tx.execute("update releases.release set is_growing = false where collection_id = %s and is_growing", [policy.id])
    tx.execute(
        "insert into releases.release (collection_id, number, notes, licence, access, published_by, series_added, series_revised,"
        " series_withdrawn, is_restoring, instance_count, size_bytes)"
        " select %(id)s, %(number)s, %(notes)s, %(licence)s, %(access)s, %(actor)s, %(added)s, %(revised)s, %(withdrawn)s, %(restoring)s,"
        " coalesce(sum(instance_count), 0), coalesce(sum(size_bytes), 0) from images.series"
        " where collection_id = %(id)s and upper_inf(releases)",
        {
            **{"id": policy.id, "number": number, "notes": notes.strip()[:10_000], "licence": policy.licence},
            **{"access": policy.access, "actor": actor, "restoring": is_restoring},
            **dict(zip(("added", "revised", "withdrawn"), changed, strict=True)),
        },
    )
    audit.note(tx, actor, "release.publish", f"collection:{policy.id}", number=number, changed=list(changed))
