"""Answers a row for each collection."""

from collections.abc import Sequence
from typing import NamedTuple

from invivo import accounts, database
from invivo.archive import Archive
from invivo.search.column import Mask
from invivo.search.evaluation import Seen
from invivo.search.query import Query
from invivo.search.statement import FROM, visible_and_asked
from invivo.search.total import counted_in

_ABOUT = (
    "select c.id, c.short_name, c.title, c.licence, c.access, c.is_derived from collections.collection c"
    " where c.id = any (%(ids)s)"
)
_COUNTED = f"""
select c.id, count(distinct s.subject_id) as subjects, count(distinct s.study_id) as studies, count(*) as series,
    sum(s.instance_count)::bigint as instances, sum(s.size_bytes)::bigint as size_bytes,
    array_agg(distinct s.modality order by s.modality) as modalities
{FROM} group by c.id
"""


class FoundCollection(NamedTuple):
    """A collection and what of it a query finds.

    Attributes
    ----------
    place : int
        Its key.
    licence, access : str
        Of the collection; single series may have others.
    subject_count, study_count, series_count, instance_count, size_bytes : int
        Of what is found, not of all that it holds.
    """

    place: int
    collection_id: int
    collection: str
    collection_title: str
    licence: str
    access: str
    third_party: bool
    modalities: tuple[str, ...]
    subject_count: int
    study_count: int
    series_count: int
    instance_count: int
    size_bytes: int
    cover_series_uid: str | None = None


def found_collections(
    archive: Archive, actor: accounts.Actor, seen: Seen | None, rows: Mask | None, query: Query, ids: Sequence[int]
) -> list[FoundCollection]:
    """Return some collections of an answer, in the given order.

    Parameters
    ----------
    rows : ndarray of bool or None
        What the query finds in the columns; None: ask the database.
    """
    with archive.database.transaction() as tx:
        about = {row.id: row for row in database.rows(tx, database.Statement(_ABOUT, {"ids": list(ids)}))}
        if seen is None or rows is None:
            counted = {
                row.id: row for row in database.rows(tx, database.join(_COUNTED, **visible_and_asked(actor, query)))
            }
            told = {
                one: (row.subjects, row.studies, row.series, row.instances, row.size_bytes, tuple(row.modalities))
                for one, row in counted.items()
            }
        else:
            told = {
                one: (total.subjects, total.studies, total.series, total.instances, total.size_bytes, total.modalities)
                for one, total in seen.index.kept.answer(
                    ("collections", seen.whose, query),
                    lambda: counted_in(seen.index, rows),
                    lambda told: 400 * len(told),
                ).items()
            }
    found = []
    for one in ids:
        if one in about and one in told:
            row, (subjects, studies, series, instances, size, modalities) = about[one], told[one]
            found.append(
                FoundCollection(
                    *(one, one, row.short_name, row.title, row.licence, row.access, row.is_derived, modalities),
                    *(subjects, studies, series, instances, size),
                )
            )
    return found
