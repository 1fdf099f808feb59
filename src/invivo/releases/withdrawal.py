"""Taking a series out of the current release, with a tombstone that stays."""

from invivo import accounts, collections, images, quarantine
from invivo.archive import Archive
from invivo.errors import Invalid, NotFound
from invivo.releases.change import note_change
from invivo.releases.publication import lock, need_curator, next_number, write_release

REASON_CLASSES = ("privacy", "consent", "quality", "duplicate", "legal", "other")


def withdraw(
    archive: Archive, actor: accounts.Actor, collection_id: int, series_uid: str, reason_class: str, reason: str
) -> int:
    """Take a series out of the current release: a new release without it, and a tombstone.

    Returns
    -------
    int
        Number of the release from which on the series is gone.
    """
    need_curator(actor, collection_id)
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
