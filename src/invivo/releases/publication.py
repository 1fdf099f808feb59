"""Publishing what is cleared, and withdrawing what must go."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from invivo import accounts, attachments, audit, collections, database, images, jobs, notices, quarantine, reviews
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, NotFound, Refused
from invivo.releases.change import note_change

REASON_CLASSES = ("privacy", "consent", "quality", "duplicate", "legal", "other")


class NotSettled(Conflict):
    """Review items of the collection have no decision yet."""

    code = "release.not-settled"


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
    """

    number: int
    series: tuple[tuple[str, str, str, int, int, bool], ...]
    files: tuple[tuple[str, int], ...]
    blocking: int
    deferred: int

    @property
    def size_bytes(self) -> int:
        return sum(one[4] for one in self.series) + sum(size for _, size in self.files)


def _need_curator(actor: accounts.Actor, collection_id: int) -> None:
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
    _need_curator(actor, collection_id)
    counted = reviews.counts(archive, actor).get(collection_id, {})
    with archive.database.transaction() as tx:
        cleared = quarantine.cleared_of(tx, collection_id)
        known = {
            row.uid
            for row in tx.execute(
                "select uid from images.series where collection_id = %s and upper_inf(releases)", [collection_id]
            )
        }
        number = next_number(tx, collection_id)
    series = []
    for uid, objects in _by_series(cleared):
        first = _facts(objects[0])
        size = sum(one.clean_size_bytes or 0 for one in objects)
        series.append(
            (uid, str(first["facts"]["modality"]), str(first["subject_label"]), len(objects), size, uid not in known)
        )
    files = tuple((one.name, one.clean_size_bytes or 0) for one in cleared if not one.sop_uid)
    return Preview(number, tuple(series), files, counted.get("open", 0), counted.get("deferred", 0))


def _facts(held: quarantine.HeldObject) -> dict[str, Any]:
    return dict(held.facts or {})


def _by_series(cleared: Sequence[quarantine.HeldObject]) -> list[tuple[str, list[quarantine.HeldObject]]]:
    images_only = [one for one in cleared if one.sop_uid]

    def uid(held: quarantine.HeldObject) -> str:
        return str(_facts(held)["facts"]["series_uid"])

    return [(key, list(group)) for key, group in groupby(sorted(images_only, key=uid), key=uid)]


def publish(archive: Archive, actor: accounts.Actor, collection_id: int, notes: str = "") -> int:
    """Publish all that is cleared in a collection as its next release; cleared -> released.

    The files stand in the public store, fsynced, before the transaction that makes them visible; a crash at any point
    leaves either the old release or the new one.

    Returns
    -------
    int
        The release's number.

    Raises
    ------
    Refused
        The actor does not curate the collection.
    NotSettled
        Items without a decision remain (a rule that releases on receipt passes them by).
    NothingToPublish
    """
    _need_curator(actor, collection_id)
    with archive.database.transaction() as tx:
        lock(tx, collection_id)
        remaining = reviews.unsettled(tx, collection_id)
        policy = collections.policy_of(tx, collection_id)
        if remaining and not actor.name.startswith("rule:"):
            raise NotSettled(
                f"Collection {policy.short_name} has {remaining} review items without a decision;"
                " decide or defer them, then publish."
            )
        cleared = quarantine.cleared_of(tx, collection_id)
        if not cleared:
            raise NothingToPublish(f"Collection {policy.short_name} has nothing cleared to publish.")
        archive.objects.adopt([str(held.clean_digest) for held in cleared], archive.held)
        number = next_number(tx, collection_id)
        changed: dict[bool, list[str | None]] = {True: [], False: []}
        for uid, objects in _by_series(cleared):
            registered = images.register(tx, collection_id, number, _entries(tx, objects))
            changed[registered.is_new].append(uid)
            jobs.enqueue(tx, "derive", f"{registered.key}/{registered.revision}")
        for uid, site in quarantine.sites_of_series(tx, sorted({held.series_id for held in cleared})).items():
            images.mark_site(tx, collection_id, uid, site)
        for held in cleared:
            if not held.sop_uid:
                size, crc = held.clean_size_bytes or 0, held.clean_crc32 or 0
                attachments.attach(tx, collection_id, number, held.name, str(held.clean_digest), size, crc)
        quarantine.leave(tx, [held.id for held in cleared])
        added, revised = len(changed[True]), len(changed[False])
        note_change(tx, collection_id, "created", number, changed[True])
        note_change(tx, collection_id, "revised", number, changed[False])
        note_change(tx, collection_id, "released", number)
        write_release(tx, actor.name, policy, number, notes, (added, revised, 0))
        _tell(tx, policy, number, f"{added} series added, {revised} revised.")
    return number


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


def _entries(tx: database.Tx, objects: Sequence[quarantine.HeldObject]) -> list[images.Entry]:
    headers = {
        row.id: bytes(row.clean_header)
        for row in tx.execute(
            "select id, clean_header from quarantine.object where id = any (%s)", [[one.id for one in objects]]
        )
    }
    return [_entry(held, headers[held.id]) for held in objects]


def _entry(held: quarantine.HeldObject, header: bytes) -> images.Entry:
    facts = _facts(held)
    offset, length = facts["pixels"] or (None, None)
    offsets, lengths = facts["frames"] or ([], [])
    return images.Entry(
        facts=images.Facts(**facts["facts"]),
        subject_label=facts["subject_label"],
        digest=str(held.clean_digest),
        size_bytes=held.clean_size_bytes or 0,
        crc32=held.clean_crc32 or 0,
        header=header,
        pixel_offset=offset,
        pixel_length=length,
        frame_offsets=images.packed_frames(offsets, lengths),
    )


def write_release(
    tx: database.Tx,
    actor: str,
    policy: collections.Collection,
    number: int,
    notes: str,
    changed: tuple[int, int, int],
) -> None:
    """Write the row of a release, over what the collection holds now; the one that grew before is finished by it."""
    tx.execute("update releases.release set is_growing = false where collection_id = %s and is_growing", [policy.id])
    tx.execute(
        "insert into releases.release (collection_id, number, notes, licence, access, published_by, series_added, series_revised,"
        " series_withdrawn, instance_count, size_bytes)"
        " select %(id)s, %(number)s, %(notes)s, %(licence)s, %(access)s, %(actor)s, %(added)s, %(revised)s, %(withdrawn)s,"
        " coalesce(sum(instance_count), 0), coalesce(sum(size_bytes), 0) from images.series"
        " where collection_id = %(id)s and upper_inf(releases)",
        {
            **{"id": policy.id, "number": number, "notes": notes.strip()[:10_000], "licence": policy.licence},
            **{"access": policy.access, "actor": actor},
            **dict(zip(("added", "revised", "withdrawn"), changed, strict=True)),
        },
    )
    audit.note(tx, actor, "release.publish", f"collection:{policy.id}", number=number, changed=list(changed))


def withdraw(
    archive: Archive, actor: accounts.Actor, collection_id: int, series_uid: str, reason_class: str, reason: str
) -> int:
    """Take a series out of the current release: a new release without it, and a tombstone.

    Returns
    -------
    int
        Number of the release from which on the series is gone.
    """
    _need_curator(actor, collection_id)
    if reason_class not in REASON_CLASSES:
        raise Invalid(f"A reason class is one of {', '.join(REASON_CLASSES)}.", code="release.reason-class")
    if not reason.strip():
        raise Invalid(
            "Say why the series is withdrawn; the reason is public and must not identify anybody.",
            code="release.reason",
        )
    with archive.database.transaction() as tx:
        lock(tx, collection_id)
        policy = collections.policy_of(tx, collection_id)
        row = tx.execute(
            "select s.uid, s.key, s.modality, t.uid as study_uid, p.label from images.series s join images.study t on t.id = s.study_id"
            " join subjects.subject p on p.id = s.subject_id"
            " where s.collection_id = %s and s.uid = %s and upper_inf(s.releases)",
            [collection_id, series_uid],
        ).fetchone()
        if row is None:
            raise NotFound("There is no such series in the current release.", code="series.unknown")
        uids = [
            one.uid
            for one in tx.execute(
                "select uid from images.instance where series_key = %s and upper_inf(releases)", [row.key]
            )
        ]
        number = next_number(tx, collection_id)
        images.withdraw(tx, collection_id, number, series_uid)
        note_change(tx, collection_id, "withdrawn", number, [series_uid])
        note_change(tx, collection_id, "released", number)
        quarantine.supersede(tx, collection_id, uids)
        tx.execute(
            "insert into releases.tombstone (collection_id, series_uid, study_uid, subject_label, modality, release_number,"
            " reason_class, reason, withdrawn_by) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                collection_id,
                row.uid,
                row.study_uid,
                row.label,
                row.modality,
                number,
                reason_class,
                reason.strip()[:2000],
                actor.name,
            ],
        )
        notes = f"Withdrawn: one series ({reason_class})."
        write_release(tx, actor.name, policy, number, notes, (0, 0, 1))
    return number
