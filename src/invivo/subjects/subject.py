"""Subjects of a collection."""

from collections.abc import Mapping
from dataclasses import dataclass

from invivo import database


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject as its page shows it."""

    id: int
    collection_id: int
    label: str
    sex: str | None
    species: str | None


def enter(
    tx: database.Tx,
    collection_id: int,
    label: str,
    sex: str | None,
    species: str | None,
    name: str | None = None,
    birth_date: str | None = None,
) -> int:
    """Return the id of a subject, making the row if it is new; what was not known before is filled in.

    Parameters
    ----------
    name, birth_date : str, optional
        Only of objects that are kept as they came.
    """
    row = tx.execute(
        "insert into subjects.subject as s (collection_id, label, sex, species, name, birth_date) values (%s, %s, %s, %s, %s, %s)"
        " on conflict (collection_id, label) do update set sex = coalesce(s.sex, excluded.sex),"
        " species = coalesce(s.species, excluded.species), name = coalesce(s.name, excluded.name),"
        " birth_date = coalesce(s.birth_date, excluded.birth_date) returning id",
        [collection_id, label, sex, species, name, birth_date],
    ).fetchone()
    assert row is not None
    return int(row.id)


def enter_all(tx: database.Tx, collection_id: int, told: Mapping[str, tuple[str | None, str | None]]) -> dict[str, int]:
    """Return the ids of subjects by their labels, making the rows of new ones.

    Parameters
    ----------
    told : mapping of label to (sex, species)
        What was not known before is filled in.
    """
    found = tx.execute(
        "insert into subjects.subject as s (collection_id, label, sex, species)"
        " select %s, * from unnest(%s::text[], %s::text[], %s::text[])"
        " on conflict (collection_id, label) do update set sex = coalesce(s.sex, excluded.sex),"
        " species = coalesce(s.species, excluded.species) returning id, label",
        [collection_id, list(told), [sex for sex, _ in told.values()], [species for _, species in told.values()]],
    )
    return {row.label: int(row.id) for row in found}
