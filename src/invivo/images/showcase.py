"""Pictures that stand for a collection, for many collections by one question."""

from collections.abc import Sequence
from dataclasses import dataclass

from invivo import accounts, collections, database
from invivo.archive import Archive

LOOKED_AT = 60
SMALLEST = 100  # pixels; smaller matrices stand for a collection only if there is nothing better
_POOR = ("SEG", "SM", "RTDOSE")

_SHOWN = """
select c.id as collection_id, x.*
from unnest(%(ids)s::bigint[]) c (id) cross join lateral (
    select s.uid as series_uid, t.uid as study_uid, s.modality, s.description, s.number, s.frame_count, s.subject_id,
        coalesce(least(s.rows, s.columns), 0) as smallest
    from images.series s join images.study t on t.id = s.study_id
    where s.collection_id = c.id and upper_inf(s.releases) and s.cover_instance_id is not null and {visible} and {may_have}
    order by s.id limit %(looked_at)s) x
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """A series whose picture may be shown."""

    series_uid: str
    study_uid: str
    modality: str
    description: str | None
    number: int | None
    frame_count: int


def showcase(
    archive: Archive, actor: accounts.Actor, collection_ids: Sequence[int], most: int
) -> dict[int, tuple[Shown, ...]]:
    """Return series whose pictures stand for collections, as far as the actor may have them.

    Of the first series of each collection those of different subjects and modalities come first, and those whose pictures
    say little (segmentations, doses, tiny matrices) last.

    Parameters
    ----------
    most : int
        Series a collection.
    """
    statement = database.join(
        _SHOWN, visible=collections.visible_to(actor), may_have=collections.downloadable_by(actor)
    )
    given = {**statement.parameters, "ids": list(collection_ids), "looked_at": LOOKED_AT}
    with archive.database.transaction() as tx:
        rows = database.rows(tx, database.Statement(statement.text, given))
    times: dict[tuple[int, int, str], int] = {}
    ranked = []
    for row in rows:
        key = (row.collection_id, row.subject_id, row.modality)
        times[key] = times.get(key, 0) + 1
        ranked.append((row.modality in _POOR or row.smallest < SMALLEST, times[key], row))
    ranked.sort(key=lambda one: one[:2])
    shown: dict[int, list[Shown]] = {}
    for _, _, row in ranked:
        one = Shown(row.series_uid, row.study_uid, row.modality, row.description, row.number, row.frame_count)
        shown.setdefault(row.collection_id, []).append(one)
    return {place: tuple(found[:most]) for place, found in shown.items()}
