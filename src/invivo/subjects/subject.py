"""Subjects of a collection."""

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


def enter(tx: database.Tx, collection_id: int, label: str, sex: str | None, species: str | None) -> int:
    """Return the id of a subject, making the row if it is new; what was not known before is filled in."""
    row = tx.execute(
        "insert into subjects.subject as s (collection_id, label, sex, species) values (%s, %s, %s, %s)"
        " on conflict (collection_id, label) do update set sex = coalesce(s.sex, excluded.sex),"
        " species = coalesce(s.species, excluded.species) returning id",
        [collection_id, label, sex, species],
    ).fetchone()
    assert row is not None
    return int(row.id)
