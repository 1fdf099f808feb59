"""Series on their way out: ended with a release, hidden from all releases, put back, or gone for good; however many at once.

A hidden row belongs to no release at all: its range is empty and the former one stands beside it. So every statement that
asks for the current release, or for a numbered one, passes it by, and there is no further condition that could be forgotten.
"""

import shutil
from collections.abc import Sequence

from invivo import database
from invivo.archive import Archive

_COPIED_SERIES = """
key, collection_id, subject_id, study_id, uid, access, modality, number, description, series_date, series_time, body_part,
laterality, protocol, manufacturer, model, software, contrast, patient_position, frame_of_reference_uid, slice_thickness_mm,
spacing_between_slices_mm, pixel_spacing_mm, kvp, rows, columns, instance_count, frame_count, size_bytes, sop_classes,
transfer_syntaxes, cover_instance_id, text, licence, site, quality
"""
_COPIED_INSTANCE = """
series_key, uid, sop_class_uid, transfer_syntax_uid, number, rows, columns, bits_allocated, frames, digest, size_bytes, crc32,
pixel_offset, pixel_length, frame_offsets, header
"""


def end_all(tx: database.Tx, release: int, keys: Sequence[int]) -> None:
    """End series, by key, with a release: they are in no release from that number on.

    A series that came with the same release leaves no trace in it.
    """
    for table, column in (("series", "key"), ("instance", "series_key")):
        tx.execute(
            f"update images.{table} set releases = int4range(lower(releases), greatest(lower(releases), %s))"  # noqa: S608
            f" where {column} = any (%s) and upper_inf(releases)",
            [release, list(keys)],
        )


def hide(tx: database.Tx, keys: Sequence[int]) -> None:
    """Take series that have ended, by key, out of every release; their rows and bytes stay, and no door finds them."""
    for table, column in (("series", "key"), ("instance", "series_key")):
        tx.execute(
            f"update images.{table} set former = releases, releases = 'empty' where {column} = any (%s)"  # noqa: S608
            " and former is null",
            [list(keys)],
        )


def show_again(tx: database.Tx, keys: Sequence[int]) -> None:
    """Give hidden series, by key, back to the releases that they belonged to."""
    for table, column in (("series", "key"), ("instance", "series_key")):
        tx.execute(
            f"update images.{table} set releases = former, former = null where {column} = any (%s)"  # noqa: S608
            " and former is not null",
            [list(keys)],
        )


def put_back(tx: database.Tx, release: int, keys: Sequence[int]) -> list[tuple[int, int]]:
    """Begin new revisions of ended series, by key, with a release: as they last were; return key and revision of each."""
    found = tx.execute(
        "with last as (select distinct on (s.key) s.id, s.key, s.revision, upper(s.releases) as ended from images.series s"  # noqa: S608
        " where s.key = any (%(keys)s) order by s.key, s.revision desc),"
        f" again as (insert into images.instance ({_COPIED_INSTANCE}, releases)"
        f" select {', '.join('i.' + one.strip() for one in _COPIED_INSTANCE.split(','))}, int4range(%(release)s, null)"
        " from last join images.instance i on i.series_key = last.key and upper(i.releases) = last.ended)"
        f" insert into images.series ({_COPIED_SERIES}, revision, releases)"
        f" select {', '.join('s.' + one.strip() for one in _COPIED_SERIES.split(','))}, s.revision + 1,"
        " int4range(%(release)s, null) from last join images.series s on s.id = last.id returning key, revision",
        {"keys": list(keys), "release": release},
    )
    back = [(int(row.key), int(row.revision)) for row in found]
    tx.execute(  # what lies elsewhere still lies there
        "insert into images.location (series_id, url, dataset_id, state) select n.id, l.url, l.dataset_id, l.state"
        " from images.series n join images.series o on o.key = n.key and o.revision = n.revision - 1"
        " join images.location l on l.series_id = o.id where n.key = any (%s) and upper_inf(n.releases)",
        [[key for key, _ in back]],
    )
    return back


def purge(tx: database.Tx, keys: Sequence[int]) -> list[str]:
    """Delete the rows of hidden series, by key, and of studies that have nothing left; return the digests of their objects."""
    digests = tx.execute(
        "with gone as (delete from images.instance where series_key = any (%s) returning digest)"
        " select distinct digest from gone order by digest",
        [list(keys)],
    ).fetchall()
    studies = tx.execute(
        "with gone as (delete from images.series where key = any (%s) returning study_id)"
        " select distinct study_id from gone",
        [list(keys)],
    ).fetchall()
    tx.execute(
        "delete from images.study t where t.id = any (%s) and not exists (select from images.series s where s.study_id = t.id)",
        [[row.study_id for row in studies]],
    )
    return [row.digest for row in digests]


def is_released(tx: database.Tx, digest: str) -> bool:
    """Tell whether anything that is published, or on its way into a growing release, still has an object."""
    row = tx.execute(
        "select exists (select from images.instance where digest = %(d)s)"
        " or exists (select from images.arrived where digest = %(d)s)"
        " or exists (select from attachments.attachment where digest = %(d)s) as is_released",
        {"d": digest},
    ).fetchone()
    assert row is not None
    return bool(row.is_released)


def drop_derived(archive: Archive, key: int) -> None:
    """Delete what was made of a series: the metadata of all its revisions."""
    shutil.rmtree(archive.derived / str(key % 1000) / str(key), ignore_errors=True)


def drop_pictures(archive: Archive, digest: str) -> None:
    """Delete the thumbnails that were made of an object."""
    for one in (archive.derived / "thumbnails" / digest[:2]).glob(f"{digest}-*"):
        one.unlink(missing_ok=True)
