"""Entering released instances, and taking series out of the current release."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from invivo import database, subjects
from invivo.images.facts import Facts

_STUDY = "study_date study_time study_id accession_number description referring_physician patient_age".split()
SERIES_COLUMNS = (
    "modality number description series_date series_time body_part laterality protocol manufacturer model software contrast"
    " patient_position frame_of_reference_uid slice_thickness_mm spacing_between_slices_mm pixel_spacing_mm kvp rows columns"
).split()
SERIES_TEXT = (
    "to_tsvector('simple', %(words)s || ' ' || (select c.short_name || ' ' || c.title from collections.collection c where"
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
    """Enter the instances of one series into a release: a new series, or a new revision of one that is known.

    Parameters
    ----------
    entries : sequence of Entry
        At least one; all of one series of one study.
    """
    facts = entries[0].facts
    subject_id = subjects.enter(tx, collection_id, entries[0].subject_label, facts.patient_sex, facts.species)
    study_id = enter_study(tx, collection_id, subject_id, facts)
    before = tx.execute(
        "select id, key, revision, lower(releases) as since from images.series"
        " where collection_id = %s and uid = %s and upper_inf(releases) for update",
        [collection_id, facts.series_uid],
    ).fetchone()
    key = before.key if before else _number(tx, "select nextval('images.series_key')")
    revision = 1
    if before is not None and before.since == release:
        revision = before.revision
        tx.execute("delete from images.series where id = %s", [before.id])
    elif before is not None:
        revision = before.revision + 1
        tx.execute(
            "update images.series set releases = int4range(%s, %s) where id = %s", [before.since, release, before.id]
        )
    else:
        revision = 1 + _number(tx, "select coalesce(max(revision), 0) from images.series where key = %s", key)
    _enter_instances(tx, key, release, entries)
    size = _enter_series(tx, (collection_id, subject_id, study_id), (key, revision, release), facts)
    return Registered(key, revision, before is None, len(entries), size)


def mark_site(tx: database.Tx, collection_id: int, series_uid: str, site: str) -> None:
    """Say from which site of its collection a series came; the revision of the newest release carries it."""
    tx.execute(
        "update images.series set site = %s where collection_id = %s and uid = %s and upper_inf(releases)",
        [site, collection_id, series_uid],
    )


def withdraw(tx: database.Tx, collection_id: int, release: int, series_uid: str) -> bool:
    """End a series with a release: it is in no release from that number on; return whether it was there.

    A series that came with the same release leaves no trace in it.
    """
    row = tx.execute(
        "update images.series set releases = int4range(lower(releases), greatest(lower(releases), %s))"
        " where collection_id = %s and uid = %s and upper_inf(releases) returning key",
        [release, collection_id, series_uid],
    ).fetchone()
    if row is None:
        return False
    tx.execute(
        "update images.instance set releases = int4range(lower(releases), greatest(lower(releases), %s))"
        " where series_key = %s and upper_inf(releases)",
        [release, row.key],
    )
    return True


def _number(tx: database.Tx, query: str, *parameters: Any) -> int:
    row = tx.execute(query.encode(), parameters).fetchone()
    assert row is not None
    return int(row[0])


def enter_study(tx: database.Tx, collection_id: int, subject_id: int, facts: Facts) -> int:
    """Return the id of a study, making the row if it is new; what an object does not say stays as it was."""
    values = [
        facts.study_date,
        facts.study_time,
        facts.study_id,
        facts.accession_number,
        facts.study_description,
        facts.referring_physician,
        facts.patient_age,
    ]
    columns = ", ".join(_STUDY)
    kept = ", ".join(f"{name} = coalesce(excluded.{name}, st.{name})" for name in _STUDY)
    row = tx.execute(
        f"insert into images.study as st (collection_id, subject_id, uid, {columns})"  # noqa: S608 - our own column names
        f" values (%s, %s, %s, {', '.join(['%s'] * len(_STUDY))})"
        f" on conflict (collection_id, uid) do update set {kept} returning id",
        [collection_id, subject_id, facts.study_uid, *values],
    ).fetchone()
    assert row is not None
    return int(row.id)


def _enter_instances(tx: database.Tx, key: int, release: int, entries: Sequence[Entry]) -> None:
    known = {
        row.uid: row.digest
        for row in tx.execute(
            "select uid, digest from images.instance where series_key = %s and upper_inf(releases) and uid = any (%s)",
            [key, [entry.facts.sop_uid for entry in entries]],
        )
    }
    changed = [entry for entry in entries if known.get(entry.facts.sop_uid) != entry.digest]
    replaced = [entry.facts.sop_uid for entry in changed if entry.facts.sop_uid in known]
    if replaced:
        tx.execute(
            "update images.instance set releases = int4range(lower(releases), greatest(lower(releases), %s))"
            " where series_key = %s and uid = any (%s) and upper_inf(releases)",
            [release, key, replaced],
        )
    with tx.cursor().copy(f"copy images.instance ({', '.join(_INSTANCE)}) from stdin") as copy:  # noqa: S608
        for entry in changed:
            one = entry.facts
            copy.write_row(
                [
                    *(
                        key,
                        f"[{release},)",
                        one.sop_uid,
                        one.sop_class_uid,
                        one.transfer_syntax_uid,
                        one.instance_number,
                    ),
                    *(
                        one.rows,
                        one.columns,
                        one.bits_allocated,
                        one.frames,
                        entry.digest,
                        entry.size_bytes,
                        entry.crc32,
                    ),
                    *(entry.pixel_offset, entry.pixel_length, entry.frame_offsets, entry.header),
                ]
            )


def _enter_series(tx: database.Tx, of: tuple[int, int, int], at: tuple[int, int, int], facts: Facts) -> int:
    key, revision, release = at
    counted = tx.execute(
        "select count(*) as instances, sum(frames) as frames, sum(size_bytes) as size,"
        " array_agg(distinct sop_class_uid) as classes, array_agg(distinct transfer_syntax_uid) as syntaxes,"
        " (array_agg(id order by number nulls last, id) filter (where rows > 0 and columns > 0"
        " and pixel_offset is not null)) as pictures"
        " from images.instance where series_key = %s and upper_inf(releases)",
        [key],
    ).fetchone()
    assert counted is not None
    cover = counted.pictures[len(counted.pictures) // 2] if counted.pictures else None
    values = series_values(facts)
    tx.execute(
        "insert into images.series (key, revision, releases, collection_id, subject_id, study_id, uid, instance_count,"  # noqa: S608
        f" frame_count, size_bytes, sop_classes, transfer_syntaxes, cover_instance_id, text, {', '.join(SERIES_COLUMNS)})"
        " values (%(key)s, %(revision)s, int4range(%(release)s, null), %(collection_id)s, %(subject_id)s, %(study_id)s, %(uid)s,"
        " %(instances)s, %(frames)s, %(size)s, %(classes)s, %(syntaxes)s, %(cover)s,"
        f" {SERIES_TEXT},"
        f" {', '.join(f'%({name})s' for name in SERIES_COLUMNS)})",
        {
            **values,
            **{"key": key, "revision": revision, "release": release, "uid": facts.series_uid, "cover": cover},
            **dict(zip(("collection_id", "subject_id", "study_id"), of, strict=True)),
            **{"instances": counted.instances, "frames": counted.frames, "size": counted.size},
            **{"classes": counted.classes, "syntaxes": counted.syntaxes},
            "words": series_words(facts),
        },
    )
    return int(counted.size)


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
    return " ".join(_split_words(word) for word in words if word)


def _split_words(text: str) -> str:
    """Add the parts of joined words (``T1_MPRAGE-sag``), so that each can be found; the whole stays a word too."""
    parts = Counter("".join(c if c.isalnum() else " " for c in text).split())
    return f"{text} {' '.join(parts)}"
