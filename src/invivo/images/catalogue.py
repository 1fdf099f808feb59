"""Entering series that are only described here: very many at once, from the catalogue of another archive.

Rows come by COPY into a table of the transaction and go on by some ten statements, however many they are. What is known and
has not changed is not touched, what has changed gets a new revision, what the catalogue lacks is named to the caller.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from invivo import database, subjects

ARRIVING = (
    "subject sex uid study_uid study_date study_description patient_age modality number description series_date body_part"
    " manufacturer model instance_count size_bytes sop_classes transfer_syntaxes licence dataset url"
).split()
_TABLE = """
create temporary table arriving (
    place integer generated always as identity, subject text not null, sex text, uid text not null, study_uid text not null,
    study_date date, study_description text, patient_age text, modality text not null, number integer, description text,
    series_date date, body_part text, manufacturer text, model text, instance_count integer not null,
    size_bytes bigint not null, sop_classes text not null, transfer_syntaxes text not null, licence text, dataset text,
    url text not null, state uuid, key bigint, revision integer, words text
) on commit drop
"""
_STATE = """
update arriving set state = md5(concat_ws(E'\\x1f', {columns}))::uuid,
    words = concat_ws(' ', modality, description, study_description, body_part, manufacturer, model)
"""
_KNOWN = """
update arriving a set key = s.key, revision = s.revision, state = case when l.state = a.state then null else a.state end
from images.series s left join images.location l on l.series_id = s.id
where s.collection_id = %s and s.uid = a.uid and upper_inf(s.releases)
"""
_MISSING = """
select s.key from images.series s join images.location l on l.series_id = s.id
where s.collection_id = %s and upper_inf(s.releases) and not exists (select from arriving a where a.uid = s.uid)
order by s.key
"""
_STUDIES = """
insert into images.study as st (collection_id, subject_id, uid, study_date, description, patient_age)
select %(collection)s, p.id, a.study_uid, a.study_date, a.description, a.age
from (select study_uid, min(subject) as subject, mode() within group (order by study_date) as study_date,
        mode() within group (order by study_description) as description,
        mode() within group (order by patient_age) as age, min(place) as place
    from arriving group by study_uid) a
join subjects.subject p on p.collection_id = %(collection)s and p.label = a.subject
order by a.place
on conflict (collection_id, uid) do update set study_date = coalesce(excluded.study_date, st.study_date),
    description = coalesce(excluded.description, st.description),
    patient_age = coalesce(excluded.patient_age, st.patient_age)
"""
# The same words stand in very many series: each text is taken apart once.
_WORDS = """
create temporary table spoken on commit drop as
select w.words, images.words(concat_ws(' ', w.words, c.short_name, c.title)) as text
from (select distinct words from arriving) w join collections.collection c on c.id = %s
"""
_NAMES = """
create temporary table called on commit drop as
select p.id, p.label, images.words(concat_ws(' ', p.label, p.name)) as text
from (select distinct subject from arriving) a join subjects.subject p on p.collection_id = %s and p.label = a.subject
"""
_SERIES = """
with given as (
    select a.*, n.id as subject_id, t.id as study_id, w.text || n.text as text
    from arriving a join called n on n.label = a.subject join spoken w on w.words = a.words
    join images.study t on t.collection_id = %(collection)s and t.uid = a.study_uid
    order by a.place
), made as (
    insert into images.series (key, revision, releases, collection_id, subject_id, study_id, uid, licence, modality, number,
        description, series_date, body_part, manufacturer, model, instance_count, frame_count, size_bytes, sop_classes,
        transfer_syntaxes, text)
    select coalesce(key, nextval('images.series_key')), coalesce(revision, 0) + 1, int4range(%(release)s, null),
        %(collection)s, subject_id, study_id, uid, licence, modality, number, description, series_date, body_part,
        manufacturer, model, instance_count, instance_count, size_bytes, string_to_array(sop_classes, ','),
        string_to_array(transfer_syntaxes, ','), text
    from given returning id, uid, revision
), placed as (
    insert into images.location (series_id, url, dataset_id, state)
    select m.id, a.url, d.id, a.state from made m join arriving a on a.uid = m.uid
    left join unnest(%(names)s::text[], %(ids)s::bigint[]) as d (name, id) on d.name = a.dataset
)
select count(*) filter (where revision = 1) as added, count(*) filter (where revision > 1) as revised from made
"""


@dataclass(frozen=True, slots=True)
class Catalogued:
    """What entering a collection's part of a catalogue did.

    Attributes
    ----------
    missing : tuple of int
        Keys of series that came from the catalogue before and are in it no more; they are still in the release.
    """

    added: int
    revised: int
    missing: tuple[int, ...]


def enter_catalogued(
    tx: database.Tx,
    collection_id: int,
    release: int,
    portions: Iterable[bytes],
    *,
    species: str | None,
    datasets: Mapping[str, int],
    barred: Sequence[str] = (),
) -> Catalogued:
    """Enter the series of one collection that lie elsewhere into a release.

    Parameters
    ----------
    portions : iterable of bytes
        CSV (RFC 4180, UTF-8, no head) with the columns `ARRIVING`; an empty field is no value. Several UIDs of classes or
        syntaxes stand with commas between them.
    species : str or None
        Of subjects that are new.
    datasets : mapping of str to int
        Ids of what the column ``dataset`` names.
    barred : sequence of str
        UIDs of series that are not to come again.
    """
    _copy(tx, portions)
    if barred:
        tx.execute("delete from arriving where uid = any (%s)", [list(barred)])
    columns = ", ".join(f"coalesce({name}::text, '')" for name in ARRIVING)
    tx.execute(_STATE.format(columns=columns).encode())
    tx.execute("create index on arriving (uid)")
    tx.execute("analyze arriving")
    missing = tuple(int(row.key) for row in tx.execute(_MISSING, [collection_id]))
    tx.execute(_KNOWN, [collection_id])
    tx.execute("delete from arriving where state is null")
    tx.execute(
        "update images.series s set releases = int4range(lower(s.releases), %s) from arriving a"
        " where s.collection_id = %s and s.uid = a.uid and upper_inf(s.releases)",
        [release, collection_id],
    )
    _enter_people(tx, collection_id, species)
    given = {"collection": collection_id, "release": release}
    tx.execute(_STUDIES, given)
    tx.execute(_WORDS, [collection_id])
    tx.execute(_NAMES, [collection_id])
    tx.execute("analyze spoken, called")
    made = tx.execute(_SERIES, {**given, "names": list(datasets), "ids": list(datasets.values())}).fetchone()
    assert made is not None
    return Catalogued(made.added, made.revised, missing)


def settle_catalogued(tx: database.Tx) -> None:
    """After very many rows: have their words in the index and their number known to the planner."""
    tx.execute("select images.settle()")


def _copy(tx: database.Tx, portions: Iterable[bytes]) -> None:
    tx.execute("set local gin_pending_list_limit = '64MB'")
    tx.execute("set local work_mem = '128MB'")
    tx.execute(_TABLE)
    with tx.cursor().copy(f"copy arriving ({', '.join(ARRIVING)}) from stdin (format csv)") as copy:  # noqa: S608
        for portion in portions:
            copy.write(portion)


def _enter_people(tx: database.Tx, collection_id: int, species: str | None) -> None:
    told = {
        row.subject: (row.sex, species)
        for row in tx.execute(
            "select subject, mode() within group (order by sex) as sex from arriving group by subject order by min(place)"
        )
    }
    if told:
        subjects.enter_all(tx, collection_id, told)
