"""The automatic steps of what is held, in order, in one place. It holds calls and nothing else worth the name of a rule."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pydicom.dataset import Dataset

from invivo import accounts, audit, collections, deidentification, dicom, jobs, quarantine, reviews
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, TooLarge
from invivo.submissions.integrity import Gates, check_integrity, formed, gates_of, refers
from invivo.submissions.known import Known
from invivo.submissions.later_identifier import ask_again, looks_again
from invivo.submissions.output import LEFTOVER, actions_of_report, doubts_of_report, faults_of, keep_output
from invivo.submissions.override import follow, mapping_of_series, with_released
from invivo.submissions.rules import profile_for, weighed_for
from invivo.submissions.value import queue_values
from invivo.submissions.value_rule import ValueRules, finish, value_rules_of

BATCH = 200
MOST_ATTEMPTS = 3
LARGEST_FILE_BYTES = 1 << 30
_CLEAN = ("cleaned", "cleared")


def advance(archive: Archive, series_id: int) -> None:
    """Take what has been received of a held series through de-identification and inspection to its review item.

    received -> cleaned or stuck, object by object, each in a transaction of its own, so that a killed worker loses at most
    one object's work and never repeats a finished one. Where the collection is released on receipt and nothing is in doubt, the
    rule decides and a release is queued.
    """
    with archive.database.transaction() as tx:
        series = quarantine.lock_series(tx, series_id)
        policy = collections.policy_of(tx, series.collection_id)
    try:
        profile = profile_for(policy)
    except Invalid as error:
        _stick_all(archive, series_id, error)
        _inspect(archive, series_id, policy, looks_for_told=False)
        return
    way = _way_of(archive, series, policy, profile)
    while True:
        with archive.database.transaction() as tx:
            waiting = quarantine.received_of(tx, series_id, BATCH)
        if not waiting:
            break
        if series.kind == "images":
            way.known.learn(waiting)
        for held in waiting:
            if series.kind == "images":
                _clean(archive, held, way)
            else:
                _pass_file(archive, held, way)
    _inspect(archive, series_id, policy, looks_for_told=looks_again(profile))
    queue_values(archive, policy.id)


def _stick_all(archive: Archive, series_id: int, error: Invalid) -> None:
    """The collection's rules cannot be carried out: nothing passes, and the curator reads why."""
    with archive.database.transaction() as tx:
        for held in quarantine.received_of(tx, series_id, 1_000_000):
            quarantine.stick(tx, held.id, error.kind, error.message)
        audit.note(tx, "system", "quarantine.stick", f"held-series:{series_id}", code=error.kind)


@dataclass(frozen=True, slots=True)
class _Way:
    """How an object of the series is cleaned."""

    policy: collections.Collection
    profile: deidentification.Profile
    mapping: deidentification.Mapping
    known: Known
    attention: deidentification.Attention
    values: ValueRules
    studies: Mapping[str, str]
    gates: Gates

    def mapping_of(self, archive: Archive, held: quarantine.HeldObject, original: Dataset) -> deidentification.Mapping:
        """The maps for an object; what others made of released images keeps the UIDs of these."""
        if not refers(held.sop_class_uid):
            return self.mapping
        with archive.database.transaction() as tx:
            return with_released(self.mapping, tx, [self.policy.id, *self.gates.named], original)


def _way_of(
    archive: Archive,
    series: quarantine.HeldSeries,
    policy: collections.Collection,
    profile: deidentification.Profile,
) -> _Way:
    with archive.database.transaction() as tx:
        mapping, studies = mapping_of_series(archive, tx, policy, series.id)
        values, gates = value_rules_of(tx, policy.id), gates_of(tx, policy.id)
    known = Known(archive, series, profile, mapping)
    return _Way(policy, profile, mapping, known, deidentification.Attention(), values, studies, gates)


def _may_try(archive: Archive, held: quarantine.HeldObject) -> bool:
    """Count an attempt; what broke off several times sticks, so that it cannot hold up everything behind it."""
    with archive.database.transaction() as tx:
        if quarantine.attempt(tx, held.id) <= MOST_ATTEMPTS:
            return True
        text = "Cleaning this object broke off several times; it may be made to do harm."
        quarantine.stick(tx, held.id, "journey.crashed", text)
        return False


def _clean(archive: Archive, held: quarantine.HeldObject, way: _Way) -> None:
    if not _may_try(archive, held):
        return
    try:
        known = way.known.of(held)
        original = archive.held.place(held.digest).path
        came_as = dicom.read_dataset(original, pixels=False)
        mapping = way.mapping_of(archive, held, came_as)
        cleaned = deidentification.clean_file(original, way.profile, mapping, known.traces, way.attention)
        output, report = finish(follow(cleaned.output, way.studies), cleaned.report, way.values)
        report = replace(report, doubts=tuple(weighed_for(way.policy, report.doubts, came_as)))
        doubts = [*doubts_of_report(report), *faults_of(output)]
        clean = keep_output(
            archive,
            output,
            doubts,
            report.subject_label,
            actions_of_report(report),
            known_to=known.told_to,
        )
    except (Invalid, TooLarge) as error:
        with archive.database.transaction() as tx:
            quarantine.stick(tx, held.id, error.kind, error.message)
            audit.note(tx, "system", "quarantine.stick", f"held:{held.id}", code=error.kind)
        return
    with archive.database.transaction() as tx:
        quarantine.keep_clean(tx, held.id, clean)
        audit.note(
            tx, "system", "quarantine.clean", f"held:{held.id}", profile=way.profile.name, version=way.profile.version
        )


def _pass_file(archive: Archive, held: quarantine.HeldObject, way: _Way) -> None:
    """A file that is not DICOM is cleaned as far as its kind is understood; its item waits for a person in any case."""
    if not _may_try(archive, held):
        return
    place = archive.held.place(held.digest).path
    digest, size, crc32 = held.digest, held.size_bytes, held.crc32
    try:
        if way.profile.verifies_only:
            raise Invalid("The collection's profile changes nothing.", code="file.verify-only")
        if held.size_bytes > LARGEST_FILE_BYTES:
            raise Invalid("The file is too large to be cleaned in memory.", code="file.too-large")
        cleaned = deidentification.clean_other(
            held.name, place.read_bytes(), known=way.known.of_all(), mapping=way.mapping, shift_days=None
        )
        doubts = [[one.severity, one.code, one.path, one.text] for one in cleaned.doubts]
        doubts += [["hold", "proof.leftover", path, LEFTOVER] for path in cleaned.leftovers]
        spooled = archive.held.spool(iter([cleaned.output]), 1 << 62)
        archive.held.keep([spooled])
        digest, size, crc32 = spooled.sha256, spooled.size, spooled.crc32
    except (Invalid, TooLarge) as error:
        doubts = [["hold", "file.not-cleaned", "", f"The file is as it came. {error.message}"]]
    clean = quarantine.Clean("", digest, size, crc32, b"", {"doubts": doubts}, b"")
    with archive.database.transaction() as tx:
        quarantine.keep_clean(tx, held.id, clean)


def _inspect(archive: Archive, series_id: int, policy: collections.Collection, *, looks_for_told: bool) -> None:
    with archive.database.transaction() as tx:
        series = quarantine.lock_series(tx, series_id)
        objects = quarantine.objects_of(tx, series_id)
        cleaned = [one for one in objects if one.facts and one.facts.get("facts")]
        labels: list[str] = []
        if cleaned and cleaned[0].facts:
            first = cleaned[0].facts["facts"]
            subject = str(cleaned[0].facts["subject_label"])
            quarantine.mark_series(tx, series_id, subject, first["study_uid"], first["series_uid"], first["modality"])
            labels = quarantine.study_labels(tx, series.collection_id, first["study_uid"])
            if looks_for_told:
                ask_again(archive, tx, series.collection_id, cleaned)
        undecided = [one for one in objects if one.state in ("cleaned", "stuck", "conflict")]
        if not undecided:
            reviews.close_item(tx, series_id)
            return
        inspected = [reviews.Inspected(one.id, one.state, one.reason, one.facts or {}) for one in objects]
        gates = gates_of(tx, series.collection_id)
        findings = formed(reviews.inspect(inspected, labels, series.kind), gates)
        findings += check_integrity(tx, series, [one for one in cleaned if one.state in _CLEAN], gates)
        item = reviews.open_item(tx, series.collection_id, series.submission_id, series_id, findings)
        is_new_arrival = any(one.state == "received" for one in objects)
    is_clear = not any(finding.severity == "hold" for finding in findings) and not is_new_arrival
    if policy.review_rule == "on-receipt" and is_clear:
        rule = accounts.rule("on-receipt")
        try:
            reviews.decide(archive, rule, [item], "approve", "released on receipt by the collection's rule")
        except Conflict:
            return  # an object came in between, and with it the next job; or a person was quicker
        with archive.database.transaction() as tx:
            jobs.enqueue(tx, "publish", series.collection_id)
