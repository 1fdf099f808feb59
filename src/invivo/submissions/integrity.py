"""Gates at inspection: references resolve, a study has one patient, UIDs are in one place, objects are formed as policy asks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from invivo import accounts, audit, collections, database, images, jobs, quarantine, reviews
from invivo.archive import Archive
from invivo.errors import Invalid, Refused
from invivo.submissions.value import DEEPEST

Finding = reviews.Finding
STRICTNESS = ("allow", "warn", "hold")
_SEVERITY = {"allow": "info", "warn": "warning", "hold": "hold"}
MOST_NAMED = 50
MOST_REFERENCES = 200_000
# Objects that are nothing without those they speak of: SEG, registrations and fiducials; RT; reports and key objects;
# presentation states; parametric maps; real world values (PS3.4 B.5).
_REFERRING = tuple(f"1.2.840.10008.5.1.4.1.1.{part}" for part in ("66.", "481.", "88.", "11.", "30", "67"))
_NO_OBJECTS = "1.2.840.10008.3.1."  # studies, procedure steps, patients: referenced, and no objects
_SKIPPED = frozenset({"00081110", "00081111", "00081120", "0040A370", "00400275", "00081100"})
_UID, _CLASS, _SERIES, _RT_STUDY = "00081155", "00081150", "0020000E", "30060012"
_GRAVE = ("conformance.missing", "conformance.empty")


@dataclass(frozen=True, slots=True)
class Gates:
    """How strict a collection is.

    Attributes
    ----------
    missing : {"allow", "warn", "hold"}
        Where a reference leads to nothing that is held here, or released here or in a named collection.
    form : {"allow", "warn", "hold"}
        Where an object lacks what its definition requires.
    named : tuple of int
        Other collections to whose released objects references may lead.
    """

    collection_id: int
    missing: str = "warn"
    form: str = "warn"
    named: tuple[int, ...] = ()
    set_by: str = ""
    set_at: datetime | None = None


def gates_of(tx: database.Tx, collection_id: int) -> Gates:
    """Return how strict a collection is; what nobody set warns."""
    row = tx.execute(
        "select missing, form, named, set_by, set_at from submissions.gate where collection_id = %s", [collection_id]
    ).fetchone()
    if row is None:
        return Gates(collection_id)
    return Gates(collection_id, row.missing, row.form, tuple(row.named), row.set_by, row.set_at)


def find_gates(archive: Archive, actor: accounts.Actor, collection_id: int) -> Gates:
    """Return how strict a collection is, for those who curate it; raises Refused."""
    if not actor.may_curate(collection_id):
        raise Refused("Only the collection's owner or curators may see this.", code="collection.not-curator")
    with archive.database.transaction() as tx:
        return gates_of(tx, collection_id)


def set_gates(
    archive: Archive, actor: accounts.Actor, collection_id: int, missing: str, form: str, named: Sequence[str]
) -> int:
    """Set how strict a collection is, and have what waits inspected anew; return how many series.

    Parameters
    ----------
    named : sequence of str
        Short names of other collections, which the actor may see.

    Raises
    ------
    Refused
        The actor does not own the collection.
    Invalid
    """
    if not actor.may_own(collection_id):
        raise Refused("Only the collection's owner or an administrator may change this.", code="collection.not-owner")
    if missing not in STRICTNESS or form not in STRICTNESS:
        raise Invalid("Say allow, warn or hold.", code="gate.strictness")
    if len(named) > MOST_NAMED:
        raise Invalid(f"At most {MOST_NAMED} collections are named.", code="gate.named")
    others = sorted({collections.collection_named(archive, actor, one).id for one in named} - {collection_id})
    with archive.database.transaction() as tx:
        tx.execute(
            "insert into submissions.gate (collection_id, missing, form, named, set_by) values (%s, %s, %s, %s, %s)"
            " on conflict (collection_id) do update set missing = excluded.missing, form = excluded.form,"
            " named = excluded.named, set_by = excluded.set_by, set_at = now()",
            [collection_id, missing, form, others, actor.name],
        )
        audit.note(
            tx, actor.name, "collection.gates", f"collection:{collection_id}", missing=missing, form=form, named=others
        )
        waiting = tx.execute(
            "select series_id from reviews.item where collection_id = %s and state in ('open', 'deferred')",
            [collection_id],
        ).fetchall()
        jobs.enqueue_all(tx, "advance", sorted(row.series_id for row in waiting))
    return len(waiting)


def refers(sop_class_uid: str) -> bool:
    """Whether objects of a class are nothing without those they refer to."""
    return sop_class_uid.startswith(_REFERRING)


def references_of(header: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """Return the series and the objects that an object refers to, given as DICOM JSON."""
    series: set[str] = set()
    objects: set[str] = set()
    for key, uid in _references(header, 0, is_study=False):
        (series if key == _SERIES else objects).add(uid)
        if len(objects) >= MOST_REFERENCES:
            break
    return series, objects - {_first(header, "00080018")}


def _first(level: Mapping[str, Any], key: str) -> str:
    values = level.get(key, {}).get("Value") or [""]
    return str(values[0])


def _references(level: Mapping[str, Any], depth: int, *, is_study: bool) -> Iterator[tuple[str, str]]:
    if depth and (uid := _first(level, _SERIES)):
        yield _SERIES, uid
    if depth and not is_study and (uid := _first(level, _UID)) and not _first(level, _CLASS).startswith(_NO_OBJECTS):
        yield _UID, uid
    for key, element in level.items():
        if element.get("vr") == "SQ" and key not in _SKIPPED and depth < DEEPEST:
            for item in element.get("Value") or ():
                yield from _references(item, depth + 1, is_study=key == _RT_STUDY)


def check_integrity(
    tx: database.Tx, series: quarantine.HeldSeries, cleaned: Sequence[quarantine.HeldObject], gates: Gates
) -> list[Finding]:
    """Check a held series against what is held and released, and write down what it misses.

    Series that missed one of its objects are queued to be inspected anew.
    """
    if not cleaned:
        return []
    known: Any = (cleaned[0].facts or {})["facts"]
    sop_uids = [one.clean_sop_uid for one in cleaned]
    waiting = quarantine.waiting_for(tx, series.collection_id, sop_uids, series.id)
    jobs.enqueue_all(tx, "advance", waiting)
    label = str((cleaned[0].facts or {}).get("subject_label", ""))
    found = [*_one_patient(tx, series.collection_id, known["study_uid"], label)]
    found += _one_place(tx, series.collection_id, known["series_uid"], known["study_uid"], sop_uids)
    if any(refers(one.sop_class_uid) for one in cleaned):
        found += _resolved(tx, series, cleaned, gates)
    return found


def _one_patient(tx: database.Tx, collection_id: int, study_uid: str, label: str) -> Iterator[Finding]:
    row = tx.execute(
        "select p.label from images.study t join subjects.subject p on p.id = t.subject_id"
        " where t.collection_id = %s and t.uid = %s and p.label <> %s"
        " and exists (select from images.series s where s.study_id = t.id and upper_inf(s.releases))",
        [collection_id, study_uid, label],
    ).fetchone()
    if row is not None:
        text = "The study is released as another subject's; assign this series to that subject, or give it a study of its own."
        yield Finding("hold", "study.other-subject-released", "PatientID", text)


def _one_place(
    tx: database.Tx, collection_id: int, series_uid: str, study_uid: str, sop_uids: Sequence[str]
) -> Iterator[Finding]:
    elsewhere = tx.execute(
        "select count(*) as n from images.instance i join images.series s on s.key = i.series_key and upper_inf(s.releases)"
        " where i.uid = any (%s) and upper_inf(i.releases) and s.collection_id = %s and s.uid <> %s",
        [list(sop_uids), collection_id, series_uid],
    ).fetchone()
    if elsewhere is not None and elsewhere.n:
        text = f"{elsewhere.n} of its objects are released in another series under the same SOP Instance UID."
        yield Finding("hold", "uid.in-other-series", "SOPInstanceUID", text)
    studies = tx.execute(
        "select 1 from quarantine.series q where q.clean_series_uid = %(series)s and q.collection_id = %(collection)s"
        " and q.clean_study_uid not in ('', %(study)s) and exists (select from quarantine.object o where o.series_id = q.id"
        " and o.state not in ('discarded', 'released')) union all select 1 from images.series s"
        " join images.study t on t.id = s.study_id where s.uid = %(series)s and s.collection_id = %(collection)s"
        " and upper_inf(s.releases) and t.uid <> %(study)s limit 1",
        {"series": series_uid, "collection": collection_id, "study": study_uid},
    ).fetchone()
    if studies is not None:
        text = "The same Series Instance UID stands in two studies; merge the studies, or move one part."
        yield Finding("hold", "uid.series-in-two-studies", "SeriesInstanceUID", text)


def _resolved(
    tx: database.Tx, series: quarantine.HeldSeries, cleaned: Sequence[quarantine.HeldObject], gates: Gates
) -> Iterator[Finding]:
    """Look for what a series refers to; note the series, and the objects that are nowhere."""
    to_series: set[str] = set()
    to_objects: set[str] = set()
    after = 0
    while rows := quarantine.headers_of(tx, series.id, after, 100):
        after = rows[-1].id
        for row in rows:
            more = references_of(images.unpack_header(bytes(row.header)))
            to_series |= more[0]
            to_objects |= more[1]
    missing = to_objects - {one.clean_sop_uid for one in cleaned}
    if missing:
        missing -= quarantine.held_among(tx, [series.collection_id], sorted(missing))
    if missing:
        missing -= _released(tx, [series.collection_id, *gates.named], sorted(missing))
    quarantine.note_references(tx, series.id, series.collection_id, to_series, missing)
    if missing:
        named = " or the collections named" if gates.named else ""
        text = (
            f"{len(missing)} of {len(to_objects)} objects that this series refers to are neither held here nor released"
            f" here{named}. It is looked at again when they come."
        )
        yield Finding(_SEVERITY[gates.missing], "reference.missing", "ReferencedSOPInstanceUID", text)


def _released(tx: database.Tx, collection_ids: Sequence[int], sop_uids: Sequence[str]) -> set[str]:
    found = tx.execute(
        "select distinct i.uid from images.instance i join images.series s on s.key = i.series_key and upper_inf(s.releases)"
        " where i.uid = any (%s) and upper_inf(i.releases) and s.collection_id = any (%s)",
        [list(sop_uids), list(collection_ids)],
    )
    return {row.uid for row in found}


def formed(findings: Sequence[Finding], gates: Gates) -> list[Finding]:
    """Weigh what an object lacks as the collection wants it: graver, or lighter."""
    return [replace(one, severity=_SEVERITY[gates.form]) if one.code in _GRAVE else one for one in findings]


def resolved_meanwhile(tx: database.Tx, limit: int = 1000) -> list[int]:
    """Return held series that miss an object which was released meanwhile where it counts."""
    found = tx.execute(
        "select distinct m.series_id from quarantine.missing m join images.instance i on i.uid = m.sop_uid and upper_inf(i.releases)"
        " join images.series s on s.key = i.series_key and upper_inf(s.releases)"
        " left join submissions.gate g on g.collection_id = m.collection_id"
        " where (s.collection_id = m.collection_id or s.collection_id = any (coalesce(g.named, '{}')))"
        " and exists (select from quarantine.object o where o.series_id = m.series_id and o.state in ('cleaned', 'cleared'))"
        " order by 1 limit %s",
        [limit],
    )
    return [int(row.series_id) for row in found]
