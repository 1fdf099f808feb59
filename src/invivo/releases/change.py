"""The feed of changes: what a mirror reads to follow the archive, one number after the other.

A transaction that began earlier may commit later. So whoever puts something in holds the next one back until the commit
(a trigger sees to it): numbers appear in their order, and whoever reads on from the last one misses nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from invivo import accounts, collections, database
from invivo.archive import Archive

MOST = 1000
KINDS = ("created", "revised", "withdrawn", "released", "policy")


@dataclass(frozen=True, slots=True)
class Change:
    """One change.

    Attributes
    ----------
    kind : {"created", "revised", "withdrawn", "released", "policy"}
        The first three are of a series, ``released`` of a release, ``policy`` of a collection.
    number : int or None
        Of the release in which it happened.
    """

    seq: int
    at: datetime
    kind: str
    collection: str
    number: int | None
    series_uid: str | None


def note_change(
    tx: database.Tx, collection_id: int, kind: str, number: int | None = None, series: Sequence[str | None] = (None,)
) -> None:
    """Put changes into the feed, in the transaction that makes them; many series of one kind at once."""
    tx.execute(
        "insert into releases.change (collection_id, kind, number, series_uid) select %s, %s, %s, unnest(%s::text[])",
        [collection_id, kind, number, list(series)],
    )


def note_growth(tx: database.Tx, collection_id: int, number: int, series: Mapping[int, bool]) -> None:
    """Put series of a growing release into the feed: by key, and whether each is new."""
    tx.execute(
        "insert into releases.change (collection_id, kind, number, series_uid)"
        " select %s, case when t.is_new then 'created' else 'revised' end, %s, s.uid"
        " from unnest(%s::bigint[], %s::boolean[]) as t (key, is_new)"
        " join images.series s on s.key = t.key and upper_inf(s.releases)",
        [collection_id, number, list(series), list(series.values())],
    )


_FEED = """
select g.seq, g.at, g.kind, c.short_name, g.number, g.series_uid
from releases.change g join collections.collection c on c.id = g.collection_id
cross join lateral (select c.id as collection_id, null::text as access, int4range(1, null) as releases) whole
where g.seq > %(after)s and {visible}
    and (g.kind = 'policy' or g.kind = 'released' and {released} or g.kind = 'withdrawn' and {of_it} or exists (
        select from images.series s where s.collection_id = g.collection_id and s.uid = g.series_uid and {seen}))
    and (%(collection)s::text is null or lower(c.short_name) = lower(%(collection)s))
order by g.seq limit %(most)s
"""


def changes(
    archive: Archive, actor: accounts.Actor, after: int = 0, collection: str | None = None, most: int = MOST
) -> list[Change]:
    """Return the changes behind a number that the actor may know of, in their order."""
    statement = database.join(
        _FEED,
        visible=collections.collections_visible_to(actor),
        seen=collections.visible_to(actor),
        of_it=collections.visible_to(actor, "whole"),
        released=collections.releases_visible_to(actor),
    )
    given = {"after": after, "collection": collection, "most": max(1, min(most, MOST))}
    with archive.database.transaction() as tx:
        found = database.rows(tx, database.Statement(statement.text, {**statement.parameters, **given}))
    return [Change(*row) for row in found]


def newest_change(archive: Archive) -> int:
    """Return the number of the newest change of all, 0 before the first."""
    with archive.database.transaction() as tx:
        row = tx.execute("select coalesce(max(seq), 0) as seq from releases.change").fetchone()
    assert row is not None
    return int(row.seq)
