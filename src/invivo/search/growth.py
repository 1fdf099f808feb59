"""When what is there now came."""

from datetime import date
from typing import NamedTuple

import numpy as np

from invivo import accounts, database
from invivo.archive import Archive
from invivo.search.column import Days, Numbers
from invivo.search.evaluation import Seen
from invivo.search.field import field_named
from invivo.search.keeper import seen_by
from invivo.search.meaning import bound
from invivo.search.query import Query
from invivo.search.statement import FROM, visible_and_asked

_RELEASED = field_named("released")
_COUNTED = f"""
select date_trunc('month', {_RELEASED.column})::date as month, count(*) as series, sum(s.size_bytes)::bigint as size_bytes
{FROM} group by 1 order by 1
"""


class Growth(NamedTuple):
    """What came in a month.

    Attributes
    ----------
    month : datetime.date
        Its first day.
    series, size_bytes : int
        Of series that are there now: what was withdrawn is not counted, and what was revised counts with its present size
        where it was first released.
    """

    month: date
    series: int
    size_bytes: int


def growth(archive: Archive, actor: accounts.Actor, query: Query) -> tuple[Growth, ...]:
    """Count what a query finds by the month of its first release, oldest first; months without any are left out."""
    query = bound(archive, actor, query)
    seen = seen_by(archive, actor)
    if seen is not None:
        return seen.index.kept.answer(
            ("growth", seen.whose, query), lambda: _counted(seen, query), lambda told: 200 * len(told) + 200
        )
    statement = database.join(_COUNTED, **visible_and_asked(actor, query))
    with archive.database.transaction() as tx:
        return tuple(Growth(row.month, row.series, row.size_bytes) for row in database.rows(tx, statement))


def _counted(seen: Seen, query: Query) -> tuple[Growth, ...]:
    rows = np.nonzero(seen.find(query))[0]
    released, sizes = seen.index.columns[_RELEASED.name], seen.index.columns["size"]
    assert isinstance(released, Days)
    assert isinstance(sizes, Numbers)
    months, which = np.unique(released.values[rows].astype("datetime64[M]"), return_inverse=True)
    counts = np.bincount(which, minlength=len(months))
    size_bytes = np.bincount(which, sizes.values[rows], minlength=len(months))
    first_days = months.astype("datetime64[D]").tolist()
    return tuple(
        Growth(month, int(count), int(size)) for month, count, size in zip(first_days, counts, size_bytes, strict=True)
    )
