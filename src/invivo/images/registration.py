"""Entering released instances, and taking series out of the current release."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from invivo import database, subjects
from invivo.images.facts import Facts

_STUDY = "study_date study_time study_id accession_number description referring_physician patient_age".split()
SERIES_COLUMNS = (
    "modality number description series_date series_time body_part laterality protocol manufacturer model software contrast"
    " patient_position frame_of_reference_uid slice_thickness_mm spacing_between_slices_mm pixel_spacing_mm kvp rows columns"
).split()
SERIES_TEXT = (
    "images.words(%(words)s || ' ' || (select c.short_name || ' ' || c.title from collections.collection c where"
    " c.id = %(collection_id)s) || ' ' || (select p.label || ' ' || coalesce(p.name, '') from subjects.subject p"
    " where p.id = %(subject_id)s))"
)
_INSTANCE = (
    "series_key releases uid sop_class_uid transfer_syntax_uid number rows columns bits_allocated frames digest size_bytes"
    " crc32 pixel_offset pixel_length frame_offsets header"
).split()


@dataclass(frozen=True, slots=True)
class Entry:
    """A cleared instance on its way into a release.

    Attributes
    ----------
    subject_label : str
    digest : str
        SHA-256 of the file in the public store.
    size_bytes, crc32 : int
    header : bytes
        Packed DICOM JSON, see `pack_header`.
    pixel_offset, pixel_length : int or None
        Where the pixel data lie in the file, bytes; length -1: encapsulated.
    frame_offsets : bytes or None
        Pairs (offset, length) of little-endian uint64 for each frame.
    subject_name, birth_date : str or None
        Of an object that is kept as it came; a de-identified one has none.
    """

    facts: Facts
    subject_label: str
    digest: str
    size_bytes: int
    crc32: int
    header: bytes
    pixel_offset: int | None = None
    pixel_length: int | None = None
    frame_offsets: bytes | None = None
    subject_name: str | None = None
    birth_date: str | None = None


@dataclass(frozen=True, slots=True)
class Registered:
    """What registering one series did."""

    key: int
    revision: int
    is_new: bool
    instance_count: int
    size_bytes: int


def register(tx: database.Tx, collection_id: int, release: int, entries: Sequence[Entry]) -> Registered:
    """Enter the instances of one series into a release; see `register_all`."""
    return register_all(tx, collection_id, release, [entries])[0]


def register_all(
    tx: database.Tx,
    collection_id: int,
    release: int,
    groups: Sequence[Sequence[Entry]],
    licences: Sequence[str | None] | None = None,
) -> list[Registered]:
    """Enter series into a release, each new or as a new revision of one that is known, with some ten statements for all.

    Parameters
    ----------
    groups : sequence of sequences of Entry
        Each at least one; all of one series of one study. No series twice.
    licences : sequence of str or None, optional
        SPDX identifier under which each series is released; None: its collection's.

    Returns
    -------
    list of Registered
        In the order of `groups`.
    """
    firsts = [entries[0] for entries in groups]
    subject_ids = _enter_subjects(tx, collection_id, firsts)
    study_ids = enter_studies(tx, collection_id, [(subject_ids[one.subject_label], one.facts) for one in firsts])
    known = _end_revisions(tx, collection_id, release, [one.facts.series_uid for one in firsts])
    places = [known[one.facts.series_uid] for one in firsts]
    _enter_instances(
        tx, release, [(place.key, entry) for place, group in zip(places, groups, strict=True) for entry in group]
    )
    chosen = licences or [None] * len(groups)
    rows = [
        {
            **series_values(one.facts),
            **{"key": place.key, "revision": place.revision, "subject_id": subject_ids[one.subject_label]},
            **{"study_id": study_ids[one.facts.study_uid], "uid": one.facts.series_uid, "licence": licence},
            "words": series_words(one.facts),
        }
        for one, place, licence in zip(firsts, places, chosen, strict=True)
    ]
    sizes = _enter_series(tx, collection_id, release, rows)
    return [
        Registered(place.key, place.revision, place.is_new, len(group), sizes[place.key])
        for place, group in zip(places, groups, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Place:
    """Which revision of which series is entered."""

    key: int
    revision: int
    is_new: bool


def _enter_subjects(tx: database.Tx, collection_id: int, firsts: Sequence[Entry]) -> dict[str, int]:
    told: dict[str, tuple[str | None, str | None]] = {}
    for one in firsts:
        sex, species = told.get(one.subject_label, (None, None))
        told[one.subject_label] = (sex or one.facts.patient_sex, species or one.facts.species)
    return subjects.enter_all(tx, collection_id, told)


def _end_revisions(tx: database.Tx, collection_id: int, release: int, uids: Sequence[str]) -> dict[str, _Place]:
    """End the current revisions of series with a release and return which revision each gets; what is new gets a key."""
    found = tx.execute(
        "select s.id, s.uid, s.key, s.revision, lower(s.releases) as since from images.series s"
        " where s.collection_id = %s and s.uid = any (%s) and upper_inf(s.releases) order by s.id for update",
        [collection_id, list(uids)],
    ).fetchall()
    again = [row.id for row in found if row.since == release]
    if again:  # entered twice into one release: it stays one revision
        tx.execute("delete from images.series where id = any (%s)", [again])
    tx.execute(
        "update images.series set releases = int4range(lower(releases), %s) where id = any (%s)",
        [release, [row.id for row in found if row.since != release]],
    )
    places = {row.uid: _Place(row.key, row.revision + (row.since != release), False) for row in found}
    new = sorted(set(uids) - places.keys())
    keys = tx.execute("select nextval('images.series_key') as key from generate_series(1, %s)", [len(new)]).fetchall()
    return places | {uid: _Place(row.key, 1, True) for uid, row in zip(new, keys, strict=True)}


def mark_sites(tx: database.Tx, collection_id: int, sites: Mapping[str, str]) -> None:
    """Say from which site of its collection each series came; the revision of the newest release carries it."""
    tx.execute(
        "update images.series s set site = given.site from unnest(%s::text[], %s::text[]) as given (uid, site)"
        " where s.collection_id = %s and s.uid = given.uid and upper_inf(s.releases)",
        [list(sites), list(sites.values()), collection_id],
    )


def enter_study(tx: database.Tx, collection_id: int, subject_id: int, facts: Facts) -> int:
    """Return the id of a study, making the row if it is new; what an object does not say stays as it was."""
    return enter_studies(tx, collection_id, [(subject_id, facts)])[facts.study_uid]


def enter_studies(tx: database.Tx, collection_id: int, found: Sequence[tuple[int, Facts]]) -> dict[str, int]:
    """Return the ids of studies by their UIDs, making the rows of new ones; what later objects do not say stays."""
    told: dict[str, dict[str, Any]] = {}
    for subject_id, facts in found:
        row = told.setdefault(facts.study_uid, {"uid": facts.study_uid, "subject_id": subject_id})
        for name in _STUDY:
            value = getattr(facts, {"description": "study_description"}.get(name, name))
            row[name] = row.get(name) if value is None else value
    columns = ", ".join(_STUDY)
    kept = ", ".join(f"{name} = coalesce(excluded.{name}, st.{name})" for name in _STUDY)
    rows = tx.execute(
        f"insert into images.study as st (collection_id, subject_id, uid, {columns})"  # noqa: S608 - our own column names
        f" select %s, g.subject_id, g.uid, {', '.join(f'g.{name}' for name in _STUDY)}"
        " from jsonb_to_recordset(%s) as g (subject_id bigint, uid text, study_date date, study_time text, study_id text,"
        " accession_number text, description text, referring_physician text, patient_age text)"
        f" on conflict (collection_id, uid) do update set {kept} returning id, uid",
        [collection_id, Jsonb(list(told.values()))],
    )
    return {row.uid: int(row.id) for row in rows}


def _enter_instances(tx: database.Tx, release: int, entries: Sequence[tuple[int, Entry]]) -> None:
    keys, uids = [key for key, _ in entries], [entry.facts.sop_uid for _, entry in entries]
    known = {
        (row.series_key, row.uid): row.digest
        for row in tx.execute(
            "select i.series_key, i.uid, i.digest from unnest(%s::bigint[], %s::text[]) as g (key, uid)"
            " join images.instance i on i.series_key = g.key and i.uid = g.uid and upper_inf(i.releases)",
            [keys, uids],
        )
    }
    changed = [(key, entry) for key, entry in entries if known.get((key, entry.facts.sop_uid)) != entry.digest]
    replaced = [(key, entry.facts.sop_uid) for key, entry in changed if (key, entry.facts.sop_uid) in known]
    if replaced:
        tx.execute(
            "update images.instance i set releases = int4range(lower(i.releases), greatest(lower(i.releases), %s))"
            " from unnest(%s::bigint[], %s::text[]) as g (key, uid)"
            " where i.series_key = g.key and i.uid = g.uid and upper_inf(i.releases)",
            [release, [key for key, _ in replaced], [uid for _, uid in replaced]],
        )
    with tx.cursor().copy(f"copy images.instance ({', '.join(_INSTANCE)}) from stdin") as copy:  # noqa: S608
        for key, entry in changed:
            copy.write_row(_instance_row(key, release, entry))


def _instance_row(key: int, release: int, entry: Entry) -> list[Any]:
    one = entry.facts
    return [
        *(key, f"[{release},)", one.sop_uid, one.sop_class_uid, one.transfer_syntax_uid, one.instance_number),
        *(one.rows, one.columns, one.bits_allocated, one.frames, entry.digest, entry.size_bytes, entry.crc32),
        *(entry.pixel_offset, entry.pixel_length, entry.frame_offsets, entry.header),
    ]


_COUNTED = """
select g.*, c.instances, c.frames, c.size, c.classes, c.syntaxes, c.pictures[cardinality(c.pictures) / 2 + 1] as cover
from jsonb_to_recordset(%(rows)s) as g (key bigint, revision integer, subject_id bigint, study_id bigint, uid text, licence text,
    words text, modality text, number integer, description text, series_date date, series_time text, body_part text,
    laterality text, protocol text, manufacturer text, model text, software text, contrast text, patient_position text,
    frame_of_reference_uid text, slice_thickness_mm double precision, spacing_between_slices_mm double precision,
    pixel_spacing_mm double precision, kvp double precision, rows integer, columns integer)
join (select i.series_key, count(*) as instances, sum(i.frames) as frames, sum(i.size_bytes) as size,
    array_agg(distinct i.sop_class_uid) as classes, array_agg(distinct i.transfer_syntax_uid) as syntaxes,
    array_agg(i.id order by i.number nulls last, i.id) filter (where i.rows > 0 and i.columns > 0
        and i.pixel_offset is not null) as pictures
    from images.instance i where i.series_key = any (%(keys)s) and upper_inf(i.releases) group by i.series_key) c
    on c.series_key = g.key
"""


def _enter_series(tx: database.Tx, collection_id: int, release: int, rows: Sequence[dict[str, Any]]) -> dict[int, int]:
    """Enter revisions of series, with what their instances sum up to; return the sizes by key, bytes."""
    columns = ", ".join(SERIES_COLUMNS)
    found = tx.execute(
        f"with g as ({_COUNTED})"  # noqa: S608 - our own column names
        " insert into images.series (key, revision, releases, collection_id, subject_id, study_id, uid, licence, instance_count,"
        f" frame_count, size_bytes, sop_classes, transfer_syntaxes, cover_instance_id, text, {columns})"
        " select g.key, g.revision, int4range(%(release)s, null), %(collection)s, g.subject_id, g.study_id, g.uid, g.licence,"
        " g.instances, g.frames, g.size, g.classes, g.syntaxes, g.cover,"
        " images.words(g.words || ' ' || c.short_name || ' ' || c.title || ' ' || p.label || ' ' || coalesce(p.name, '')),"
        f" {', '.join(f'g.{name}' for name in SERIES_COLUMNS)}"
        " from g join subjects.subject p on p.id = g.subject_id join collections.collection c on c.id = %(collection)s"
        " order by g.key returning key, size_bytes",
        {
            **{"rows": Jsonb(list(rows)), "keys": [row["key"] for row in rows]},
            **{"release": release, "collection": collection_id},
        },
    )
    return {row.key: int(row.size_bytes) for row in found}


def series_values(facts: Facts) -> dict[str, Any]:
    """The columns of a series that its facts give."""
    return {
        name: getattr(facts, {"number": "series_number", "description": "series_description"}.get(name, name))
        for name in SERIES_COLUMNS
    }


def series_words(facts: Facts) -> str:
    """What a series is found by in full text."""
    words = (
        *(facts.modality, facts.series_description, facts.study_description, facts.body_part, facts.protocol),
        *(facts.manufacturer, facts.model, facts.contrast, facts.software),
    )
    return " ".join(word for word in words if word)
