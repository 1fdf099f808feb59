"""Collections that mirror those of another archive's catalogue: their pages, and what each is made of."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace

from invivo import accounts, audit, database
from invivo.archive import Archive
from invivo.collections.collection import Collection, Draft, create_in, policy_of, rewrite
from invivo.collections.visible import collections_visible_to
from invivo.errors import Refused

# What of a page the catalogue writes; policy and the rest are this archive's own.
_WRITTEN = ("title", "summary", "description", "acknowledgement", "species", "sites", "diseases", "licence", "terms")


@dataclass(frozen=True, slots=True)
class Dataset:
    """A part of a collection that was published on its own.

    Attributes
    ----------
    name : str
        What series name it by.
    doi : str
        Without a resolver in front; empty if there is none.
    licence : str
        SPDX identifier.
    is_result : bool
        Whether others made it of the collection's data.
    """

    name: str
    title: str
    doi: str
    citation: str
    licence: str
    is_result: bool


@dataclass(frozen=True, slots=True)
class Page:
    """What a catalogue says of a collection; `name` is its name there."""

    name: str
    draft: Draft
    datasets: tuple[Dataset, ...]


@dataclass(frozen=True, slots=True)
class Mirrored:
    """A collection and how far it mirrors the catalogue.

    Attributes
    ----------
    page_digest : bytes
    rows_digest : bytes or None
        Of the rows that were loaded last; None: none yet, or not all of them.
    datasets : mapping of str to int
        Ids of datasets by the names that series name them by.
    """

    collection: Collection
    is_new: bool
    page_digest: bytes
    rows_digest: bytes | None
    datasets: Mapping[str, int]


def mirror(
    archive: Archive, tx: database.Tx, actor: accounts.Actor, catalogue: str, version: str, page: Page
) -> Mirrored:
    """Make or find the collection that mirrors one of a catalogue, and write its page anew where the catalogue's changed.

    A short name that is taken gets the catalogue's name as an ending.

    Raises
    ------
    Refused
        The actor is no administrator.
    Invalid
        A field of the page is malformed.
    """
    if not (actor.is_administrator or actor.name == "system"):
        raise Refused("Only an administrator may load a catalogue.", code="collection.not-administrator")
    known, digest = find_mirror(tx, catalogue, page.name), hashlib.sha256(repr(page).encode()).digest()
    if known is None:
        made = create_in(archive, tx, actor, _named(tx, catalogue, page.draft))
        tx.execute(
            "insert into collections.mirrored (collection_id, catalogue, name, version, page_digest) values (%s, %s, %s, %s, %s)",
            [made.id, catalogue, page.name, version, digest],
        )
        return Mirrored(made, True, digest, None, _write_datasets(tx, made.id, page.datasets))
    if known.page_digest == digest:
        return known
    changed = {name: getattr(page.draft, name) for name in _WRITTEN}
    after = rewrite(archive, tx, known.collection, changed)
    tx.execute("update collections.mirrored set page_digest = %s where collection_id = %s", [digest, after.id])
    audit.note(tx, actor.name, "collection.mirror", f"collection:{after.id}", catalogue=catalogue, version=version)
    return Mirrored(after, False, digest, known.rows_digest, _write_datasets(tx, after.id, page.datasets))


def find_mirror(tx: database.Tx, catalogue: str, name: str) -> Mirrored | None:
    """Return the collection that mirrors one of a catalogue; other loadings of the catalogue wait for the transaction."""
    tx.execute("select pg_advisory_xact_lock(1040, hashtext(%s))", [catalogue])
    row = tx.execute(
        "select collection_id, page_digest, rows_digest from collections.mirrored where catalogue = %s and name = %s",
        [catalogue, name],
    ).fetchone()
    if row is None:
        return None
    rows_digest = None if row.rows_digest is None else bytes(row.rows_digest)
    known = policy_of(tx, row.collection_id)
    return Mirrored(known, False, bytes(row.page_digest), rows_digest, _datasets(tx, known.id))


def settle_mirror(tx: database.Tx, collection_id: int, version: str, rows_digest: bytes | None) -> None:
    """Write down which rows of the catalogue a collection holds now; None: not all."""
    tx.execute(
        "update collections.mirrored set version = %s, rows_digest = %s, loaded_at = now() where collection_id = %s",
        [version, rows_digest, collection_id],
    )


def mirrored_names(archive: Archive, catalogue: str) -> dict[str, bytes | None]:
    """Return the names in a catalogue of all collections that mirror one of its own, with the digests of their rows."""
    with archive.database.transaction() as tx:
        found = tx.execute("select name, rows_digest from collections.mirrored where catalogue = %s", [catalogue])
        return {row.name: None if row.rows_digest is None else bytes(row.rows_digest) for row in found}


def datasets_of(archive: Archive, actor: accounts.Actor, collection_id: int) -> list[Dataset]:
    """Return what a collection is made of, the data first shared before what others made of it; empty for most."""
    columns = ", ".join(f"d.{field.name}" for field in fields(Dataset))
    statement = database.join(
        f"select {columns} from collections.dataset d join collections.collection c on c.id = d.collection_id"  # noqa: S608
        " where d.collection_id = %(id)s and {visible} order by d.is_result, d.id",
        visible=collections_visible_to(actor),
    )
    with archive.database.transaction() as tx:
        found = database.rows(tx, database.Statement(statement.text, {**statement.parameters, "id": collection_id}))
    return [Dataset(*row) for row in found]


def _named(tx: database.Tx, catalogue: str, draft: Draft) -> Draft:
    taken = tx.execute(
        "select from collections.collection where lower(short_name) = lower(%s)", [draft.short_name]
    ).fetchone()
    return replace(draft, short_name=f"{draft.short_name[:50]}-{catalogue}") if taken is not None else draft


def _write_datasets(tx: database.Tx, collection_id: int, datasets: Sequence[Dataset]) -> dict[str, int]:
    """Write what a collection is made of; what the catalogue lacks stays, since older releases name it."""
    names = [field.name for field in fields(Dataset)]
    columns = ", ".join(names)
    changed = ", ".join(f"{name} = excluded.{name}" for name in names)
    with tx.cursor() as cursor:
        cursor.executemany(
            f"insert into collections.dataset as d (collection_id, {columns})"  # noqa: S608 - our own names
            f" values (%(collection_id)s, {', '.join(f'%({name})s' for name in names)})"
            f" on conflict (collection_id, name) do update set {changed}"
            f" where ({', '.join(f'd.{name}' for name in names)}) is distinct from"
            f" ({', '.join(f'excluded.{name}' for name in names)})",
            [{**asdict(one), "collection_id": collection_id} for one in datasets],
        )
    return _datasets(tx, collection_id)


def _datasets(tx: database.Tx, collection_id: int) -> dict[str, int]:
    found = tx.execute("select name, id from collections.dataset where collection_id = %s", [collection_id])
    return {row.name: int(row.id) for row in found}
