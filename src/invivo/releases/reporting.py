"""Reports of quality control as NBIA's curators know them: what became of each series, and where each stands now.

NBIA's visibility states are views of ours; the table is in docs/curator.md. Reports are written some hundred series at a time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from invivo import accounts, database
from invivo.archive import Archive
from invivo.errors import Invalid, Refused

AT_ONCE = 500
# Number and words of each state in NBIA; stages 4 to 7 and Downloadable have no state of ours behind them.
VISIBILITIES = {
    **{0: "Not Yet Reviewed", 1: "Visible", 2: "Not Visible", 3: "To Be Deleted", 4: "Delete"},
    **{number + 4: f"Stage {number}" for number in range(1, 8)},
    12: "Downloadable",
}
EVENT_COLUMNS = (
    *("collection", "site", "patientId", "timeStamp", "series", "newStatus", "oldStatus", "oldBatch", "newBatch"),
    *("oldSubmissionType", "newSubmissionType", "oldReleasedStatus", "newReleasedStatus", "comment", "userId"),
)
SERIES_COLUMNS = (
    *("collection", "site", "patientId", "study", "series", "submissionDate", "visibilityStatus", "modality"),
    *("seriesDesc", "batch", "submissionType", "releasedStatus", "thirdPartyAnalysis", "quality"),
)


@dataclass(frozen=True, slots=True)
class ReportAsked:
    """What a report is about.

    Attributes
    ----------
    collection_id : int or None
        None: all collections that the actor curates.
    site : str
        Only series of this site.
    since, until : date or None
        History: when something became of a series; series: when it came. Both days belong to it.
    """

    collection_id: int | None = None
    site: str = ""
    since: date | None = None
    until: date | None = None


# All series of some collections that were ever held under a published UID, or published; what is deleted has its tombstone.
_PLACES = """
select u.collection_id, u.uid, c.short_name as collection, coalesce(max(u.site), '') as site, max(u.subject) as subject,
    max(u.study) as study, min(u.came) as came, max(u.modality) as modality, max(u.batch) as batch, bool_or(c.is_derived) as derived
from (
    select h.collection_id, h.clean_series_uid as uid, h.site, h.subject_label as subject, h.clean_study_uid as study,
        h.first_at as came, h.modality, h.submission_id as batch
    from quarantine.series h where h.clean_series_uid <> ''
    union all select s.collection_id, s.uid, s.site, p.label, t.uid, s.entered_at, s.modality, null
    from images.series s join subjects.subject p on p.id = s.subject_id join images.study t on t.id = s.study_id
    union all select b.collection_id, b.series_uid, null, b.subject_label, b.study_uid, b.withdrawn_at, b.modality, null
    from releases.tombstone b
) u join collections.collection c on c.id = u.collection_id
where (%(every)s or u.collection_id = any (%(ids)s)) and (u.collection_id, u.uid) > (%(collection)s, %(uid)s)
group by u.collection_id, u.uid, c.short_name
having %(site)s = '' or coalesce(max(u.site), '') = %(site)s
order by u.collection_id, u.uid limit %(most)s
"""
_EVENTS = """
with chosen as (select * from unnest(%(collections)s::bigint[], %(uids)s::text[]) as g (collection_id, uid)),
held as (select g.collection_id, g.uid, h.id, h.first_at from chosen g join quarantine.series h
    on h.collection_id = g.collection_id and h.clean_series_uid = g.uid),
events as (
    select collection_id, uid, first_at as at, 0 as place, 0 as state, '' as by, '' as words from held
    union all
    select h.collection_id, h.uid, e.at, 1, case when e.verb = 'review.reopen' then 0 when e.verb = 'review.reject' then 4
        when e.verb = 'review.defer' then 7 when e.detail->>'state' = 'open' then 5 else 6 end, e.actor,
        coalesce(e.detail->>'reason', '')
    from held h join reviews.item i on i.series_id = h.id join audit.entry e on e.thing = 'review:' || i.id
    where e.verb in ('review.approve', 'review.reject', 'review.defer', 'review.reopen')
    union all
    select g.collection_id, g.uid, n.at, 2, case n.kind when 'withdrawn' then 2 else 1 end, coalesce(r.published_by, ''),
        coalesce((select b.reason_class || ': ' || b.reason from releases.tombstone b where n.kind = 'withdrawn'
            and b.collection_id = n.collection_id and b.series_uid = n.series_uid and b.release_number = n.number),
            'release ' || n.number)
    from chosen g join releases.change n on n.collection_id = g.collection_id and n.series_uid = g.uid
    left join releases.release r on r.collection_id = n.collection_id and r.number = n.number
    where n.kind in ('created', 'revised', 'withdrawn')
    union all
    select g.collection_id, g.uid, w.at, 3, w.state, w.by, w.words
    from chosen g join releases.deletion d on d.collection_id = g.collection_id
    join releases.deletion_series m on m.deletion_id = d.id and m.series_uid = g.uid
    cross join lateral (values (d.asked_at, 3, d.asked_by, d.reason),
        (case when d.state in ('declined', 'restored') then d.decided_at end, 2, d.decided_by, d.remark),
        (case when d.state = 'deleted' then d.ended_at end, 4, 'rule:deletion', '')) as w (at, state, by, words)
    where w.at is not null
),
steps as (select *, lag(state) over own as before from events window own as (partition by collection_id, uid order by at, place))
select s.collection_id, s.uid, s.at, s.state, s.before, s.words, coalesce((select p.name from accounts.person p
    where p.id = case when s.by ~ '^person:[0-9]{1,17}$' then substr(s.by, 8)::bigint
        when s.by ~ '^token:[0-9]{1,17}$' then (select k.person_id from accounts.token k where k.id = substr(s.by, 7)::bigint) end),
    s.by) as by
from steps s where s.before is distinct from s.state order by s.collection_id, s.uid, s.at, s.place
"""
_NOW = """
select collection_id, uid, description, quality from images.series
where upper_inf(releases) and (collection_id, uid) in (select * from unnest(%(collections)s::bigint[], %(uids)s::text[]))
"""


def qc_history(archive: Archive, actor: accounts.Actor, asked: ReportAsked) -> Iterator[tuple[str, ...]]:
    """Yield each change of the state of each series, in the order of `EVENT_COLUMNS`."""
    for places, events, _ in _portions(archive, actor, asked):
        for one in events:
            if _is_within(asked, one.at.date()):
                yield _event(places[one.collection_id, one.uid], one)


def qc_series(archive: Archive, actor: accounts.Actor, asked: ReportAsked) -> Iterator[tuple[str, ...]]:
    """Yield where each series stands now, in the order of `SERIES_COLUMNS`."""
    for places, events, now in _portions(archive, actor, asked):
        state = {(one.collection_id, one.uid): one.state for one in events}
        for key, place in places.items():
            if _is_within(asked, place.came.date()):
                yield _standing(place, state.get(key, 0), now.get(key))


def _is_within(asked: ReportAsked, day: date) -> bool:
    return (asked.since is None or day >= asked.since) and (asked.until is None or day <= asked.until)


_Places = dict[tuple[int, str], Any]


def _portions(
    archive: Archive, actor: accounts.Actor, asked: ReportAsked
) -> Iterator[tuple[_Places, Sequence[Any], _Places]]:
    """Yield some series at a time: where they belong, what became of them, and how they are published now."""
    given = {**_allowed(actor, asked.collection_id), "site": asked.site, "most": AT_ONCE, "collection": 0, "uid": ""}
    while True:
        with archive.database.transaction() as tx:
            found = database.rows(tx, database.Statement(_PLACES, given))
            places = {(row.collection_id, row.uid): row for row in found}
            keys = {"collections": [one for one, _ in places], "uids": [uid for _, uid in places]}
            events = database.rows(tx, database.Statement(_EVENTS, keys))
            now = {(row.collection_id, row.uid): row for row in database.rows(tx, database.Statement(_NOW, keys))}
        yield places, events, now
        if len(found) < AT_ONCE:
            return
        given |= {"collection": found[-1].collection_id, "uid": found[-1].uid}


def _allowed(actor: accounts.Actor, collection_id: int | None) -> dict[str, Any]:
    if collection_id is None and not actor.is_curator:
        raise Refused("Only curators get reports.", code="report.not-curator")
    if collection_id is not None:
        if not actor.may_curate(collection_id):
            raise Refused("Only the collection's owner or curators get its reports.", code="report.not-curator")
        return {"every": False, "ids": [collection_id]}
    return {"every": bool(actor.site_roles), "ids": actor.collections_with("owner", "curator")}


def _event(place: Any, one: Any) -> tuple[str, ...]:
    batch = str(place.batch or "")
    before = VISIBILITIES[one.before] if one.before is not None else ""
    return (
        *(place.collection, place.site, place.subject or "", f"{one.at:%Y-%m-%d %H:%M:%S}", one.uid),
        *(VISIBILITIES[one.state], before, batch if before else "", batch, "", ""),
        *("" if one.before is None else _released(one.before), _released(one.state), one.words, one.by),
    )


def _standing(place: Any, state: int, now: Any) -> tuple[str, ...]:
    return (
        *(place.collection, place.site, place.subject or "", place.study or "", place.uid, f"{place.came:%Y-%m-%d}"),
        *(
            VISIBILITIES[state],
            place.modality or "",
            (now.description or "") if now else "",
            str(place.batch or ""),
            "",
        ),
        *(_released(state), "Yes" if place.derived else "No", (now.quality or "") if now else ""),
    )


def _released(state: int) -> str:
    return "Yes" if state == 1 else "No"


def asked_from(collection_id: int | None, site: str, since: str, until: str) -> ReportAsked:
    """Read what a form or an address asks; raises Invalid."""
    try:
        days = [date.fromisoformat(one) if one else None for one in (since, until)]
    except ValueError:
        raise Invalid("Write days as 2027-01-31.", code="report.day") from None
    return ReportAsked(collection_id, site[:200], days[0], days[1])
