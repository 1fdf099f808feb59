"""Releases of collections that mirror another archive's catalogue: metadata here, bytes there.

A collection's part of a catalogue becomes one release, in one transaction: after a kill it is there or it is not, and loading
again goes on with the next collection.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from invivo import accounts, audit, collections, database, images
from invivo.archive import Archive
from invivo.errors import Refused
from invivo.releases.change import note_change
from invivo.releases.publication import lock, next_number, write_release

ENDED = b"ended"
"""Instead of a digest of rows: the catalogue lists the collection no more."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a catalogue holds of one collection.

    Attributes
    ----------
    portions : callable
        Returns the rows, see `images.enter_catalogued`.
    digest : bytes
        Of all rows: who loads the same again is told that nothing changed.
    is_whole : bool
        False: only some of the rows are given. They are added, and what is not among them stays.
    """

    page: collections.Page
    portions: Callable[[], Iterator[bytes]]
    digest: bytes
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loading a part did: ``new``, ``changed`` or ``unchanged``, with the series of the release it made."""

    collection: str
    outcome: str
    added: int = 0
    revised: int = 0
    withdrawn: int = 0


def load_part(archive: Archive, actor: accounts.Actor, catalogue: str, version: str, part: Part) -> Loaded:
    """Bring a collection to the state of a catalogue: a release with what is new, changed or gone since; none if nothing is.

    What people of this archive withdrew stays withdrawn.

    Parameters
    ----------
    catalogue, version : str
        Such as ``idc`` and ``25``.

    Raises
    ------
    Refused
        The actor is no administrator.
    """
    with archive.database.transaction() as tx:
        known = collections.mirror(archive, tx, actor, catalogue, version, part.page)
        if known.rows_digest == part.digest:
            return Loaded(known.collection.short_name, "unchanged")
        return _enter(tx, actor, known, part, (catalogue, version))


def end_part(archive: Archive, actor: accounts.Actor, catalogue: str, version: str, name: str) -> Loaded:
    """Withdraw all that a collection has from a catalogue which lists the collection no more; its page stays."""
    if not (actor.is_administrator or actor.name == "system"):
        raise Refused("Only an administrator may load a catalogue.", code="collection.not-administrator")
    with archive.database.transaction() as tx:
        known = collections.find_mirror(tx, catalogue, name)
        if known is None or known.rows_digest == ENDED:
            return Loaded(known.collection.short_name if known else name, "unchanged")
        draft = collections.Draft(known.collection.short_name, known.collection.title)
        part = Part(collections.Page(name, draft, ()), lambda: iter(()), ENDED)
        return _enter(tx, actor, known, part, (catalogue, version))


def _enter(
    tx: database.Tx, actor: accounts.Actor, known: collections.Mirrored, part: Part, source: tuple[str, str]
) -> Loaded:
    policy, (catalogue, version) = known.collection, source
    by = f"catalogue:{catalogue}"
    lock(tx, policy.id)
    number = next_number(tx, policy.id)
    done = images.enter_catalogued(
        tx,
        policy.id,
        number,
        part.portions(),
        species=policy.species[0] if len(policy.species) == 1 else None,
        datasets=known.datasets,
        barred=_withdrawn_here(tx, policy.id, by),
    )
    gone = len(done.missing) if part.is_whole else 0
    if gone:
        _withdraw(tx, policy.id, number, done.missing, by, version)
    collections.settle_mirror(tx, policy.id, version, part.digest if part.is_whole else None)
    if not (done.added or done.revised or gone):
        return Loaded(policy.short_name, "unchanged")
    notes = f"As in the catalogue {catalogue}, version {version}."
    write_release(tx, actor.name, policy, number, notes, (done.added, done.revised, gone))
    _note_entered(tx, policy.id, number)
    note_change(tx, policy.id, "released", number)
    return Loaded(policy.short_name, "new" if known.is_new else "changed", done.added, done.revised, gone)


def settle_catalogue(archive: Archive, actor: accounts.Actor, catalogue: str, version: str, loaded: int) -> None:
    """End a loading: the journal says so, and questions are fast from now on."""
    with archive.database.transaction() as tx:
        audit.note(tx, actor.name, "catalogue.load", f"catalogue:{catalogue}", version=version, collections=loaded)
    with archive.database.transaction() as tx:
        images.settle_catalogued(tx)


def _note_entered(tx: database.Tx, collection_id: int, number: int) -> None:
    """Put all series of a release into the feed of changes."""
    tx.execute(
        "insert into releases.change (collection_id, kind, number, series_uid)"
        " select s.collection_id, case when s.revision = 1 then 'created' else 'revised' end, %(number)s, s.uid"
        " from images.series s where s.collection_id = %(collection)s and lower(s.releases) = %(number)s"
        " and upper_inf(s.releases) order by s.id",
        {"collection": collection_id, "number": number},
    )


def _withdrawn_here(tx: database.Tx, collection_id: int, by: str) -> list[str]:
    """Return the UIDs of series that people of this archive withdrew and have not restored."""
    found = tx.execute(
        "select distinct series_uid from releases.tombstone where collection_id = %s and withdrawn_by <> %s"
        " and restored_at is null",
        [collection_id, by],
    )
    return [row.series_uid for row in found]


def _withdraw(tx: database.Tx, collection_id: int, number: int, keys: tuple[int, ...], by: str, version: str) -> None:
    """End series that the catalogue has no more, with a tombstone each."""
    images.end_all(tx, number, keys)
    reason = f"Not in version {version} of the catalogue that describes it."
    buried = tx.execute(
        "insert into releases.tombstone (collection_id, series_uid, study_uid, subject_label, modality, series_key,"
        " release_number, reason_class, reason, withdrawn_by, scope, since_release)"
        " select s.collection_id, s.uid, t.uid, p.label, s.modality, s.key, %(number)s, 'other', %(reason)s, %(by)s, 'onward',"
        " (select min(lower(o.releases)) from images.series o where o.key = s.key)"
        " from images.series s join images.study t on t.id = s.study_id join subjects.subject p on p.id = s.subject_id"
        " where s.key = any (%(keys)s) and upper(s.releases) = %(number)s"
        " on conflict (collection_id, series_uid, release_number) do nothing returning series_uid",
        {"number": number, "reason": reason, "by": by, "keys": list(keys)},
    ).fetchall()
    note_change(tx, collection_id, "withdrawn", number, [row.series_uid for row in buried])
