"""How much there is: subjects, studies, series, files and bytes, as far as somebody may see them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from invivo import accounts, collections, database
from invivo.archive import Archive
from invivo.search.column import Mask, Numbers, Texts
from invivo.search.index import Index
from invivo.search.keeper import seen_by


@dataclass(frozen=True, slots=True)
class Totals:
    """What a collection, or all of them, hold in their current releases.

    Attributes
    ----------
    licences : tuple of (SPDX identifier, series, bytes)
        The most frequent first.
    """

    subjects: int = 0
    studies: int = 0
    series: int = 0
    instances: int = 0
    size_bytes: int = 0
    modalities: tuple[str, ...] = ()
    licences: tuple[tuple[str, int, int], ...] = ()


_COUNTED = """
select s.collection_id, count(distinct s.subject_id) as subjects, count(distinct s.study_id) as studies, count(*) as series,
    sum(s.instance_count)::bigint as instances, sum(s.size_bytes)::bigint as size_bytes,
    array_agg(distinct s.modality order by s.modality) as modalities
from images.series s
where upper_inf(s.releases) and {visible} and (%(ids)s::bigint[] is null or s.collection_id = any (%(ids)s::bigint[]))
group by s.collection_id
"""
_LICENSED = """
select s.collection_id, coalesce(s.licence, c.licence) as licence, count(*) as series, sum(s.size_bytes)::bigint as size_bytes
from images.series s join collections.collection c on c.id = s.collection_id
where upper_inf(s.releases) and {visible} and (%(ids)s::bigint[] is null or s.collection_id = any (%(ids)s::bigint[]))
group by 1, 2
"""


def totals_of(archive: Archive, actor: accounts.Actor, collection_id: int) -> Totals:
    """Return what a collection holds."""
    return _totals(archive, actor, [collection_id]).get(collection_id, Totals())


def totals_by_collection(archive: Archive, actor: accounts.Actor) -> dict[int, Totals]:
    """Return what each collection holds; those that show nothing to the actor are left out."""
    return _totals(archive, actor, None)


def whole(parts: Iterable[Totals]) -> Totals:
    """Return what several collections hold together: a subject or a study belongs to one of them."""
    parts = list(parts)
    return Totals(
        subjects=sum(one.subjects for one in parts),
        studies=sum(one.studies for one in parts),
        series=sum(one.series for one in parts),
        instances=sum(one.instances for one in parts),
        size_bytes=sum(one.size_bytes for one in parts),
        modalities=tuple(sorted({modality for one in parts for modality in one.modalities})),
        licences=_by_size(share for one in parts for share in one.licences),
    )


def _by_size(shares: Iterable[tuple[str, int, int]]) -> tuple[tuple[str, int, int], ...]:
    """Add up what each licence has, and put the most frequent first."""
    summed: dict[str, tuple[int, int]] = {}
    for licence, series, size_bytes in shares:
        before = summed.get(licence, (0, 0))
        summed[licence] = (before[0] + series, before[1] + size_bytes)
    return tuple((one, *summed[one]) for one in sorted(summed, key=lambda one: (-summed[one][0], one)))


def _totals(archive: Archive, actor: accounts.Actor, ids: list[int] | None) -> dict[int, Totals]:
    seen = seen_by(archive, actor)
    if seen is not None:
        return seen.index.kept.answer(
            ("totals", seen.whose), lambda: counted_in(seen.index, seen.rows), lambda told: 600 * len(told) + 200
        )
    counted, licensed = (database.join(text, visible=collections.visible_to(actor)) for text in (_COUNTED, _LICENSED))
    licences: dict[int, list[tuple[str, int, int]]] = {}
    with archive.database.transaction() as tx:
        found = database.rows(tx, database.Statement(counted.text, {**counted.parameters, "ids": ids}))
        for row in database.rows(tx, database.Statement(licensed.text, {**licensed.parameters, "ids": ids})):
            licences.setdefault(row.collection_id, []).append((row.licence, row.series, row.size_bytes))
    return {
        row.collection_id: Totals(
            *(row.subjects, row.studies, row.series, row.instances, row.size_bytes, tuple(row.modalities)),
            _by_size(licences.get(row.collection_id, ())),
        )
        for row in found
    }


def counted_in(index: Index, chosen: Mask) -> dict[int, Totals]:
    """Count some rows of the columns: one number a collection, then every sum by these numbers."""
    rows = np.nonzero(chosen)[0]
    ids = list(dict.fromkeys(key[0] for key in index.class_keys))
    number = {one: place for place, one in enumerate(ids)}
    of_class = np.array([number[key[0]] for key in index.class_keys], np.int64)
    of_row = of_class[index.classes[rows]] if len(rows) else np.empty(0, np.int64)
    size = len(ids)
    images, total, modality, licence = (index.columns[name] for name in ("images", "size", "modality", "licence"))
    assert isinstance(images, Numbers)
    assert isinstance(total, Numbers)
    assert isinstance(modality, Texts)
    assert isinstance(licence, Texts)
    counted = [
        *(_groups(index, level, rows, of_row, size) for level in ("subject", "study")),
        np.bincount(of_row, minlength=size),
        *(np.bincount(of_row, column.values[rows], minlength=size) for column in (images, total)),
    ]
    spoken: dict[int, list[str]] = {}
    for place, value, _, _ in _pairs(of_row, modality, rows, total.values):
        spoken.setdefault(place, []).append(value)
    licences: dict[int, list[tuple[str, int, int]]] = {}
    for place, value, count, size_bytes in _pairs(of_row, licence, rows, total.values):
        licences.setdefault(place, []).append((value, count, size_bytes))
    found = {}
    for place, one in enumerate(ids):
        subjects, studies, series, instances, size_bytes = (int(column[place]) for column in counted)
        if series:
            words = tuple(sorted(spoken.get(place, ())))
            shares = _by_size(licences.get(place, ()))
            found[one] = Totals(subjects, studies, series, instances, size_bytes, words, shares)
    return found


def _pairs(
    of_row: NDArray[np.int64], column: Texts, rows: NDArray[np.int64], sizes: NDArray[Any]
) -> Iterator[tuple[int, str, int, int]]:
    """Yield each collection's place and a value that it has, with how many series and bytes have it."""
    values = column.vocabulary.values
    width = len(values) + 1
    pairs, which = np.unique(of_row * width + column.codes[rows] + 1, return_inverse=True)
    counts = np.bincount(which, minlength=len(pairs))
    size_bytes = np.bincount(which, sizes[rows], minlength=len(pairs))
    for place, pair in enumerate(pairs.tolist()):
        if pair % width:
            yield pair // width, values[pair % width - 1], int(counts[place]), int(size_bytes[place])


def _groups(
    index: Index, level: str, rows: NDArray[np.int64], of_row: NDArray[np.int64], size: int
) -> NDArray[np.int64]:
    """Count the subjects or studies of each collection: one belongs to where its rows are."""
    group = index.groups[level]
    place = np.full(len(group.keys), -1, np.int64)
    place[group.codes[rows]] = of_row
    return np.bincount(place[place >= 0], minlength=size)
