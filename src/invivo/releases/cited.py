"""Which works cite a collection, as those who care for it wrote down."""

from collections.abc import Sequence

from invivo import database

CITING = ("IsCitedBy", "IsReferencedBy")


def works_citing(tx: database.Tx, collection_ids: Sequence[int]) -> dict[int, frozenset[str]]:
    """Return the identifiers of the works that cite collections, in small letters, by collection; none without any.

    References
    ----------
    DataCite metadata schema 4.6, relationType.
    """
    found = tx.execute(
        "select c.collection_id as id, array_agg(distinct lower(one->>'value')) as works from releases.credit c"
        " cross join jsonb_array_elements(c.related) one"
        " where c.collection_id = any (%s) and one->>'relation' = any (%s) group by 1",
        [list(collection_ids), list(CITING)],
    )
    return {int(row.id): frozenset(row.works) for row in found}
