"""How old the subjects of an answer are."""

from typing import NamedTuple

import numpy as np

from invivo import accounts, database
from invivo.archive import Archive
from invivo.search.column import Numbers
from invivo.search.evaluation import Seen
from invivo.search.field import field_named
from invivo.search.keeper import seen_by
from invivo.search.meaning import bound
from invivo.search.query import Query
from invivo.search.statement import FROM, visible_and_asked

YEARS = 10
OLDEST = 9  # the last decade takes all who are older
_UNKNOWN = OLDEST + 1
_AGE = field_named("age")
_COUNTED = f"""
select coalesce(case when ({_AGE.column}) >= {OLDEST * YEARS} then {OLDEST} else floor(({_AGE.column}) / {YEARS}) end,
    {_UNKNOWN})::int as decade, count(distinct s.subject_id) as n
{FROM} group by 1
"""


class Ages(NamedTuple):
    """How many subjects were seen at an age.

    Attributes
    ----------
    decades : tuple of int
        Of 0 to 9 years, 10 to 19, and so on; the last is of 90 years and more. Who was seen in two decades counts in both.
    unknown : int
        Subjects with a study that does not tell the age.
    """

    decades: tuple[int, ...]
    unknown: int


def ages(archive: Archive, actor: accounts.Actor, query: Query) -> Ages:
    """Count the subjects of what a query finds by their age at the study, in decades."""
    query = bound(archive, actor, query)
    seen = seen_by(archive, actor)
    if seen is not None:
        return seen.index.kept.answer(("ages", seen.whose, query), lambda: _counted(seen, query), lambda _: 400)
    statement = database.join(_COUNTED, **visible_and_asked(actor, query))
    with archive.database.transaction() as tx:
        counts = {row.decade: int(row.n) for row in database.rows(tx, statement)}
    return Ages(tuple(counts.get(decade, 0) for decade in range(_UNKNOWN)), counts.get(_UNKNOWN, 0))


def _counted(seen: Seen, query: Query) -> Ages:
    rows = np.nonzero(seen.find(query))[0]
    column = seen.index.columns[_AGE.name]
    assert isinstance(column, Numbers)
    years = column.values[rows]
    decades = np.where(np.isnan(years), _UNKNOWN, np.clip(np.nan_to_num(years) // YEARS, 0, OLDEST)).astype(np.int64)
    group = seen.index.groups["subject"]
    is_there = np.zeros((len(group.keys), _UNKNOWN + 1), bool)
    is_there[group.codes[rows], decades] = True
    counts = is_there.sum(axis=0).tolist()
    return Ages(tuple(counts[:_UNKNOWN]), counts[_UNKNOWN])
