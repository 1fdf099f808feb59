"""What people have taken home, so that they can ask for what they have not."""

from collections.abc import Iterable

from invivo import accounts
from invivo.archive import Archive


def note_taken(archive: Archive, actor: accounts.Actor, series: Iterable[tuple[int, str]]) -> None:
    """Note that a person takes series home; of a visitor without an account nothing is noted.

    Parameters
    ----------
    series : iterable of (collection id, series UID)
        What has no UID, such as a file of a collection, is left out.
    """
    named = sorted({one for one in series if one[1]})
    if actor.person_id is None or not named:
        return
    with archive.database.transaction() as tx:
        tx.execute(
            "insert into search.taken (person_id, series_key, collection_id) select %s, s.key, s.collection_id"
            " from unnest(%s::bigint[], %s::text[]) as g (collection_id, uid) join images.series s"
            " on s.collection_id = g.collection_id and s.uid = g.uid and upper_inf(s.releases) order by s.key"
            " on conflict (person_id, series_key) do update set at = excluded.at",
            [actor.person_id, [one[0] for one in named], [one[1] for one in named]],
        )
