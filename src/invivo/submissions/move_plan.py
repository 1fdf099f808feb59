"""What a move of held series would be: which go, why it cannot be, what refers to them. Nothing is changed here."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from invivo import collections, database, deidentification, dicom, images, quarantine
from invivo.archive import Archive
from invivo.errors import Invalid, InvivoError
from invivo.submissions.override import override_of
from invivo.submissions.rules import mapping_for, profile_for
from invivo.submissions.value import text_of

KINDS = ("subject", "split", "merge")
MOST_SERIES = 5000
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}[A-Za-z0-9]")
_OF_STUDY = {
    **{"StudyDate": "00080020", "StudyTime": "00080030", "AccessionNumber": "00080050", "StudyID": "00200010"},
    **{"StudyDescription": "00081030"},
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a curator wants moved.

    Attributes
    ----------
    kind : {"subject", "split", "merge"}
        To another subject; into a study of its own; into the study of another held series.
    subject_label : str
        Of ``subject``.
    into_series : int
        Of ``merge``: a held series of the study to move into.
    """

    kind: str
    series_ids: tuple[int, ...]
    subject_label: str = ""
    into_series: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Movable:
    """A held series as it is offered; ``state`` is that of its objects: the least settled one."""

    id: int
    submission_id: int
    modality: str
    subject_label: str
    study_uid: str
    series_uid: str
    objects: int
    is_decided: bool
    is_masked: bool
    is_again: bool
    is_moved: bool


@dataclass(frozen=True, slots=True)
class MovePreview:
    """What a move changes.

    Attributes
    ----------
    series : tuple of Movable
        All that move: parts of a chosen series that came in other deliveries go along.
    to_label, to_study : str
        Empty where it stays.
    is_new_subject : bool
        Nobody of that label is here yet.
    shifts_as_target : bool
        Dates move as those of the subject moved to.
    following : int
        Held series that refer to these and are made anew with them.
    reasons : tuple of str
        Why it cannot be done; empty where it can.
    """

    wanted: Wanted
    series: tuple[Movable, ...]
    to_label: str
    to_study: str
    is_new_subject: bool
    shifts_as_target: bool
    following: int
    reasons: tuple[str, ...]

    @property
    def objects(self) -> int:
        return sum(one.objects for one in self.series)


@dataclass(frozen=True, slots=True)
class Plan:
    """A preview with what carries it out."""

    preview: MovePreview
    followers: tuple[int, ...] = ()
    shift_days: int | None = None
    texts: Mapping[str, str] = field(default_factory=dict)


LISTED = """
select s.id, s.submission_id, s.modality, s.subject_label, s.clean_study_uid as study_uid, s.clean_series_uid as series_uid,
       o.objects, o.is_decided, exists (select from submissions.mask m where m.series_id = s.id) as is_masked, o.is_again,
       exists (select from submissions.move_series x join submissions.move m on m.id = x.move_id
               where x.series_id = s.id and m.undone_at is null) as is_moved
from quarantine.series s cross join lateral (
    select count(*)::integer as objects, coalesce(bool_or(state = 'cleared'), false) as is_decided,
           coalesce(bool_or(door = 'rerun'), false) as is_again
    from quarantine.object where series_id = s.id and state in ('received', 'cleaned', 'stuck', 'cleared')) o
where s.collection_id = %(collection)s and s.kind = 'images' and o.objects > 0
"""


def planned(archive: Archive, tx: database.Tx, collection_id: int, wanted: Wanted, *, lock: bool) -> Plan:
    if wanted.kind not in KINDS:
        raise Invalid("Say what to do with the series.", code="move.kind")
    if not 1 <= len(wanted.series_ids) <= MOST_SERIES:
        raise Invalid(f"Choose from 1 to {MOST_SERIES} series.", code="move.series")
    series = chosen(tx, collection_id, wanted.series_ids, lock=lock)
    if not series or not set(wanted.series_ids) <= {one.id for one in series}:
        raise Invalid("A chosen series is not held here any more; look at the list again.", code="move.series")
    policy = collections.policy_of(tx, collection_id)
    reasons = _states(policy, series)
    if wanted.kind == "subject":
        return _to_subject(archive, tx, policy, wanted, series, reasons)
    if wanted.kind == "split":
        return _split(archive, tx, policy, wanted, series, reasons)
    return _merge(tx, policy, wanted, series, reasons)


def chosen(tx: database.Tx, collection_id: int, series_ids: Sequence[int], *, lock: bool) -> list[Movable]:
    """The chosen series with the parts of them that came in other deliveries, locked in the order of their numbers."""
    found = tx.execute(
        "select distinct a.id from quarantine.series s join quarantine.series a on a.collection_id = s.collection_id"
        " and a.kind = 'images' and a.series_uid = s.series_uid and a.study_uid = s.study_uid"
        " where s.id = any (%s) and s.collection_id = %s and s.kind = 'images' order by 1",
        [list(series_ids), collection_id],
    )
    ids = [row.id for row in found]
    if lock:
        quarantine.lock_objects(tx, ids)
    rows = tx.execute(f"{LISTED} and s.id = any (%(ids)s) order by s.id", {"collection": collection_id, "ids": ids})
    return [Movable(*row) for row in rows]


def _states(policy: collections.Collection, series: Sequence[Movable]) -> list[str]:
    reasons = []
    for count, words in (
        (sum(one.is_decided for one in series), "decided on; take the decision back first."),
        (sum(one.is_masked for one in series), "masked; take the masks off first, and draw them again after the move."),
        (sum(one.is_again for one in series), "released already; its originals are gone. Withdraw and send them anew."),
        (sum(not one.study_uid for one in series), "not de-identified yet; wait for that."),
    ):
        if count:
            reasons.append(f"{count} of the series {'is' if count == 1 else 'are'} {words}")
    try:
        profile = profile_for(policy)
    except InvivoError as error:
        return [*reasons, error.message]
    if isinstance(profile, deidentification.ScriptProfile) or profile.verifies_only:
        reasons.append("The collection's rules map no subjects and studies by themselves, so nothing can be moved.")
    return reasons


def _beside(tx: database.Tx, collection_id: int, series: Sequence[Movable]) -> list[Movable]:
    """Held series of the same studies that are not chosen."""
    found = tx.execute(
        f"{LISTED} and s.clean_study_uid = any (%(studies)s) and s.id <> all (%(ids)s) order by s.id",
        {
            **{"collection": collection_id, "studies": sorted({one.study_uid for one in series} - {""})},
            **{"ids": [one.id for one in series]},
        },
    )
    return [Movable(*row) for row in found]


def _released_studies(tx: database.Tx, collection_id: int, study_uids: Sequence[str]) -> dict[str, str]:
    """Released studies among these, with their subjects' labels."""
    found = tx.execute(
        "select t.uid, p.label from images.study t join subjects.subject p on p.id = t.subject_id where t.collection_id = %s"
        " and t.uid = any (%s) and exists (select from images.series s where s.study_id = t.id and upper_inf(s.releases))",
        [collection_id, list(study_uids)],
    )
    return {row.uid: row.label for row in found}


def followers(tx: database.Tx, collection_id: int, series: Sequence[Movable], reasons: list[str]) -> tuple[int, ...]:
    """Held series that refer to these; why they cannot be made anew is added to the reasons."""
    found = quarantine.referring_to(tx, collection_id, [one.series_uid for one in series])
    ids = sorted(set(found) - {one.id for one in series})
    rows = tx.execute(f"{LISTED} and s.id = any (%(ids)s) order by s.id", {"collection": collection_id, "ids": ids})
    listed = [Movable(*row) for row in rows]
    stopped = sum(one.is_decided or one.is_masked for one in listed)
    if stopped:
        reasons.append(
            f"{stopped} series that refer to these {'is' if stopped == 1 else 'are'} decided on or masked; take that back first."
        )
    return tuple(one.id for one in listed if not one.is_again)


def _to_subject(  # noqa: PLR0917 - what a plan is made of
    archive: Archive,
    tx: database.Tx,
    policy: collections.Collection,
    wanted: Wanted,
    series: Sequence[Movable],
    reasons: list[str],
) -> Plan:
    label = wanted.subject_label.strip()
    is_held = tx.execute(
        "select 1 from quarantine.series where collection_id = %s and subject_label = %s limit 1", [policy.id, label]
    ).fetchone()
    is_known = tx.execute(
        "select 1 from subjects.subject where collection_id = %s and label = %s", [policy.id, label]
    ).fetchone()
    is_new = not (is_held or is_known)
    if is_new and not (_LABEL.fullmatch(label) and label.startswith(f"{policy.short_name[:30]}-")):
        reasons.append(
            f"A new subject's label begins with {policy.short_name[:30]}- and has letters, digits, points, dashes and blanks."
        )
    elif all(one.subject_label == label for one in series):
        reasons.append("All of these series belong to that subject already.")
    left = {one.study_uid for one in _beside(tx, policy.id, series) if one.subject_label != label}
    if left:
        reasons.append(f"{len(left)} of the studies would have two subjects: move the whole study, or split it first.")
    others = _released_studies(tx, policy.id, sorted({one.study_uid for one in series}))
    if any(other != label for other in others.values()):
        reasons.append("A study of these is released as another subject's: split it first.")
    shift = _shift_of(archive, tx, policy, label)
    preview = MovePreview(wanted, tuple(series), label, "", is_new, shift is not None, 0, tuple(reasons))
    return Plan(preview, shift_days=shift)


def _shift_of(archive: Archive, tx: database.Tx, policy: collections.Collection, label: str) -> int | None:
    """By how many days the dates of a subject move; None where no original of it is held."""
    row = tx.execute(
        "select s.study_uid, s.series_uid, o.digest from quarantine.series s join quarantine.object o on o.series_id = s.id"
        " where s.collection_id = %s and s.subject_label = %s and o.state in ('cleaned', 'cleared') and o.door <> %s"
        " order by o.id limit 1",
        [policy.id, label, quarantine.RERUN],
    ).fetchone()
    if row is None:
        return None
    now = override_of(tx, policy.id, row.study_uid, row.series_uid)
    if now.shift_days is not None:
        return now.shift_days
    try:
        original = dicom.read_dataset(archive.held.place(row.digest).path, pixels=False)
        return mapping_for(archive, policy).date_offset_days(*deidentification.patient_of(original))
    except (InvivoError, OSError):
        return None


def _split(  # noqa: PLR0917 - what a plan is made of
    archive: Archive,
    tx: database.Tx,
    policy: collections.Collection,
    wanted: Wanted,
    series: Sequence[Movable],
    reasons: list[str],
) -> Plan:
    studies = {one.study_uid for one in series}
    if len(studies) > 1:
        reasons.append("These series belong to several studies; split one study at a time.")
    if not _beside(tx, policy.id, series) and not _released_studies(tx, policy.id, sorted(studies)):
        reasons.append("These are all series of the study; there is nothing to split off.")
    if len({one.subject_label for one in series}) > 1:
        reasons.append("These series belong to several subjects; each gets a study of its own.")
    # By the project's key, from what is split: the same split gives the same UID again.
    parts = "/".join([*sorted(studies), *sorted({one.series_uid for one in series})])
    study = mapping_for(archive, policy).uid(f"split/{parts}")
    following = followers(tx, policy.id, series, reasons)
    preview = MovePreview(wanted, tuple(series), "", study, False, False, len(following), tuple(reasons))
    return Plan(preview, following)


def _merge(
    tx: database.Tx, policy: collections.Collection, wanted: Wanted, series: Sequence[Movable], reasons: list[str]
) -> Plan:
    into = chosen(tx, policy.id, [wanted.into_series], lock=False)
    target = next((one for one in into if one.id == wanted.into_series), None)
    if target is None or not target.study_uid:
        raise Invalid("Choose a held series of the study to move into.", code="move.into")
    if target.id in {one.id for one in series} or all(one.study_uid == target.study_uid for one in series):
        reasons.append("These series are in that study already.")
    labels = {one.subject_label for one in (*series, target)}
    labels |= {*_released_studies(tx, policy.id, [target.study_uid]).values()}
    if len(labels) > 1:
        reasons.append("The studies belong to different subjects: assign the series to one subject first.")
    texts = _texts_of_study(tx, target.id)
    if texts is None:
        reasons.append("The study to move into is being de-identified just now; try again in a moment.")
    following = followers(tx, policy.id, series, reasons)
    preview = MovePreview(wanted, tuple(series), "", target.study_uid, False, False, len(following), tuple(reasons))
    return Plan(preview, following, texts=texts or {})


def _texts_of_study(tx: database.Tx, series_id: int) -> dict[str, str] | None:
    """Attributes that all series of a study share (PS3.3 C.7.2.1), as the target's cleaned objects have them."""
    rows = quarantine.headers_of(tx, series_id, 0, 1)
    if not rows:
        return None
    header: Mapping[str, Any] = images.unpack_header(bytes(rows[0].header))
    found = {name: header.get(key, {}) for name, key in _OF_STUDY.items()}
    return {name: text_of(one.get("Value") or [], one.get("vr", "")) for name, one in found.items()}
