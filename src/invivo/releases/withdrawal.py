"""Taking series out of the current release, or of every release, with tombstones that stay.

What is withdrawn from now on stays in the older releases, as it was published. What is withdrawn everywhere is hidden from
those too: its rows belong to no release any more, so that no page, download or protocol finds them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from invivo import accounts, audit, collections, database, images, quarantine
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, NotFound
from invivo.releases.change import note_change
from invivo.releases.publication import lock, need_curator, next_number, write_release

REASON_CLASSES = ("privacy", "consent", "quality", "duplicate", "legal", "other")
SCOPES = ("onward", "everywhere")
MOST_NAMES = 10_000


class WithdrawalChanged(Conflict):
    """Other series would be withdrawn than those that were shown."""

    code = "release.withdrawal-changed"


@dataclass(frozen=True, slots=True)
class Named:
    """What is to be withdrawn: all series of some subjects and studies, and single series."""

    subjects: tuple[str, ...] = ()
    studies: tuple[str, ...] = ()
    series: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        return len(self.subjects) + len(self.studies) + len(self.series)


@dataclass(frozen=True, slots=True)
class Leaving:
    """A series that would be withdrawn.

    Attributes
    ----------
    is_current : bool
        False: it is in older releases only, and can only be withdrawn everywhere.
    is_on_hold : bool
    """

    key: int
    uid: str
    study_uid: str
    subject: str
    modality: str
    instance_count: int
    size_bytes: int
    is_current: bool
    is_on_hold: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What withdrawing would do.

    Attributes
    ----------
    unknown : tuple of str
        What was named and is not there: study and series UIDs, and subject labels.
    """

    series: tuple[Leaving, ...]
    unknown: tuple[str, ...]

    @property
    def size_bytes(self) -> int:
        return sum(one.size_bytes for one in self.series)

    @property
    def instance_count(self) -> int:
        return sum(one.instance_count for one in self.series)


_FOUND = """
select distinct on (s.key) s.key, s.uid, t.uid as study_uid, p.label as subject, s.modality, s.instance_count, s.size_bytes,
    upper_inf(s.releases) as is_current, exists (select from releases.hold h where h.collection_id = s.collection_id
        and h.lifted_at is null and h.subject_label in ('', p.label) and h.series_uid in ('', s.uid)) as is_on_hold
from images.series s join images.study t on t.id = s.study_id join subjects.subject p on p.id = s.subject_id
where s.collection_id = %(collection)s and s.former is null and not isempty(s.releases)
    and (upper_inf(s.releases) or %(everywhere)s)
    and (p.label = any (%(subjects)s) or t.uid = any (%(studies)s) or s.uid = any (%(series)s))
order by s.key, s.revision desc
"""
_COLUMNS = [field.name for field in fields(Leaving)]


def _find(tx: database.Tx, collection_id: int, named: Named, scope: str) -> Plan:
    _need_some(named)
    given = {"subjects": list(named.subjects), "studies": list(named.studies), "series": list(named.series)}
    found = tx.execute(
        _FOUND.encode(), {**given, "collection": collection_id, "everywhere": scope == "everywhere"}
    ).fetchall()
    series = tuple(Leaving(**{name: getattr(row, name) for name in _COLUMNS}) for row in found)
    known = {name for one in series for name in (one.subject, one.study_uid, one.uid)}
    return Plan(series, tuple(one for one in (*named.subjects, *named.studies, *named.series) if one not in known))


def _need_some(named: Named) -> None:
    if not 0 < named.count <= MOST_NAMES:
        raise Invalid(
            f"Name at least one subject, study or series, and at most {MOST_NAMES:,}.", code="release.withdrawal-names"
        )


def plan_withdrawal(
    archive: Archive, actor: accounts.Actor, collection_id: int, named: Named, scope: str = "onward"
) -> Plan:
    """Return what `withdraw_named` would take out, and what of the names is not there."""
    need_curator(actor, collection_id)
    with archive.database.transaction() as tx:
        return _find(tx, collection_id, named, scope)


def withdraw(
    archive: Archive, actor: accounts.Actor, collection_id: int, series_uid: str, reason_class: str, reason: str
) -> int:
    """Take one series out of the current release; see `withdraw_named`."""
    return withdraw_named(archive, actor, collection_id, Named(series=(series_uid,)), reason_class, reason)


def withdraw_named(
    archive: Archive,
    actor: accounts.Actor,
    collection_id: int,
    named: Named,
    reason_class: str,
    reason: str,
    *,
    scope: str = "onward",
    expected: int | None = None,
) -> int:
    """Take series out of the current release: a new release without them, and a tombstone for each.

    Parameters
    ----------
    scope : {"onward", "everywhere"}
        ``onward``: older releases keep them. ``everywhere``: no release shows them or gives them out any more, also
        those that were withdrawn onward before.
    expected : int, optional
        How many series were shown to whoever decided.

    Returns
    -------
    int
        Number of the release from which on they are gone; the newest one where they were in older releases only.

    Raises
    ------
    Refused
        The actor does not curate the collection.
    WithdrawalChanged
        It would be another number of series than `expected`.
    """
    need_curator(actor, collection_id)
    _check(reason_class, reason, scope)
    with archive.database.transaction() as tx:
        lock(tx, collection_id)
        policy = collections.policy_of(tx, collection_id)
        plan = _find(tx, collection_id, named, scope)
        _need_shown(plan, expected)
        current = [one for one in plan.series if one.is_current]
        number = next_number(tx, collection_id) - (0 if current else 1)
        if current:
            _end(tx, collection_id, number, current)
        if scope == "everywhere":
            images.hide(tx, [one.key for one in plan.series])
        _bury_under_stones(tx, actor, collection_id, number, plan.series, (reason_class, reason, scope))
        note_change(tx, collection_id, "withdrawn", number, [one.uid for one in plan.series])
        if current:
            note_change(tx, collection_id, "released", number)
            notes = f"Withdrawn: {_counted(len(current))} ({reason_class})."
            write_release(tx, actor.name, policy, number, notes, (0, 0, len(current)))
        audit.note(
            tx,
            actor.name,
            "release.withdraw",
            f"collection:{collection_id}",
            number=number,
            series=len(plan.series),
            scope=scope,
            reason_class=reason_class,
        )
    return number


def _check(reason_class: str, reason: str, scope: str) -> None:
    if reason_class not in REASON_CLASSES:
        raise Invalid(f"A reason class is one of {', '.join(REASON_CLASSES)}.", code="release.reason-class")
    if not reason.strip():
        raise Invalid(
            "Say why it is withdrawn; the reason is public and must not identify anybody.", code="release.reason"
        )
    if scope not in SCOPES:
        raise Invalid(f"Withdraw {' or '.join(SCOPES)}.", code="release.scope")


def _need_shown(plan: Plan, expected: int | None) -> None:
    if not plan.series:
        raise NotFound("There is no such series in the current release.", code="series.unknown")
    if expected is not None and expected != len(plan.series):
        raise WithdrawalChanged(
            f"It is {_counted(len(plan.series))} now, and was {expected} when you looked; look again, then decide."
        )


def _counted(count: int) -> str:
    return "one series" if count == 1 else f"{count:,} series"


def _end(tx: database.Tx, collection_id: int, number: int, current: Sequence[Leaving]) -> None:
    """End series with a release; objects of theirs may be delivered again."""
    keys = [one.key for one in current]
    uids = tx.execute(
        "select uid from images.instance where series_key = any (%s) and upper_inf(releases)", [keys]
    ).fetchall()
    images.end_all(tx, number, keys)
    quarantine.supersede(tx, collection_id, [row.uid for row in uids])


def _bury_under_stones(
    tx: database.Tx,
    actor: accounts.Actor,
    collection_id: int,
    number: int,
    leaving: Sequence[Leaving],
    why: tuple[str, str, str],
) -> None:
    """Write a tombstone a series; one that stands already, of a withdrawal onward, says everywhere from now on."""
    reason_class, reason, scope = why
    gone = [one for one in leaving if not one.is_current]
    tx.execute(
        "update releases.tombstone t set scope = %s, series_key = g.key, reason_class = %s, reason = %s"
        " from unnest(%s::text[], %s::bigint[]) as g (uid, key)"
        " where t.collection_id = %s and t.series_uid = g.uid and t.restored_at is null"
        " and t.id = (select max(n.id) from releases.tombstone n where n.collection_id = t.collection_id and n.series_uid = g.uid)",
        [
            scope,
            reason_class,
            reason.strip()[:2000],
            [one.uid for one in gone],
            [one.key for one in gone],
            collection_id,
        ],
    )
    new = [one for one in leaving if one.is_current]
    tx.execute(
        "insert into releases.tombstone (collection_id, series_uid, study_uid, subject_label, modality, series_key,"
        " release_number, reason_class, reason, withdrawn_by, scope, since_release)"
        " select %s, g.uid, g.study, g.subject, g.modality, g.key, %s, %s, %s, %s, %s,"
        " (select min(lower(coalesce(s.former, s.releases))) from images.series s where s.key = g.key)"
        " from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[]) as g (uid, study, subject, modality, key)",
        [
            *(collection_id, number, reason_class, reason.strip()[:2000], actor.name, scope),
            *([one.uid for one in new], [one.study_uid for one in new], [one.subject for one in new]),
            *([one.modality for one in new], [one.key for one in new]),
        ],
    )
