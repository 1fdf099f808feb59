"""Licences of series: what a curator chooses before a release holds for what that release enters, and never changes after it.

A choice names a modality, a subject or a series; the narrower wins, and what no choice names has the collection's licence.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from invivo import accounts, audit, collections, database
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, Refused

KINDS = ("modality", "subject", "series")
MOST, LONGEST = 5000, 200


class LicenceReleased(Conflict):
    """The series is released under a licence, which stays as long as the release."""

    code = "release.licence-released"


@dataclass(frozen=True, slots=True)
class Choice:
    """A licence for what the next releases enter of a modality, a subject or a series."""

    kind: str
    value: str
    licence: str
    chosen_by: str
    chosen_at: datetime


@dataclass(frozen=True, slots=True)
class Share:
    """How much of a release has a licence."""

    licence: collections.Licence
    series: int
    size_bytes: int


def choices_of(tx: database.Tx, collection_id: int) -> list[Choice]:
    """Return a collection's choices, the widest first."""
    found = tx.execute(
        "select kind, value, licence, chosen_by, chosen_at from releases.licence_choice where collection_id = %s"
        " order by array_position(array['modality', 'subject', 'series'], kind), value",
        [collection_id],
    )
    return [Choice(*row) for row in found]


def licence_by(choices: list[Choice], usual: str) -> Callable[[str, str, str], str]:
    """Return what says the licence of a series by its UID, modality and subject."""
    by_place = {(one.kind, one.value): one.licence for one in choices}

    def licence(uid: str, modality: str, subject: str) -> str:
        places = (("series", uid), ("subject", subject), ("modality", modality))
        return next((by_place[place] for place in places if place in by_place), usual)

    return licence


def choose_licence(
    archive: Archive, actor: accounts.Actor, collection_id: int, kind: str, value: str, licence: str
) -> None:
    """Choose the licence for a modality, a subject or a series of the next releases; an empty one takes the choice back.

    Raises
    ------
    Refused
        The actor does not curate the collection.
    Invalid
        There is no such kind or licence.
    LicenceReleased
        The series is released, and nothing of it waits for the next release.
    """
    _need_curator(actor, collection_id)
    value = value.strip()
    if kind not in KINDS or not 0 < len(value) <= LONGEST or not value.isprintable():
        raise Invalid(f"A licence is chosen for one of {', '.join(KINDS)}, by its value.", code="release.licence-kind")
    if licence:
        collections.licence_named(licence)
    with archive.database.transaction() as tx:
        policy = collections.policy_of(tx, collection_id)
        if kind == "series":
            _need_unreleased(tx, collection_id, value)
        if not licence or (licence == policy.licence and kind == "modality"):
            tx.execute(
                "delete from releases.licence_choice where collection_id = %s and kind = %s and value = %s",
                [collection_id, kind, value],
            )
        else:
            _write(tx, (collection_id, kind, value), licence, actor.name)
        audit.note(
            tx, actor.name, "release.licence", f"collection:{collection_id}", kind=kind, value=value, licence=licence
        )


def _write(tx: database.Tx, place: tuple[int, str, str], licence: str, by: str) -> None:
    tx.execute(
        "insert into releases.licence_choice (collection_id, kind, value, licence, chosen_by) values (%s, %s, %s, %s, %s)"
        " on conflict (collection_id, kind, value) do update set licence = excluded.licence, chosen_by = excluded.chosen_by,"
        " chosen_at = now()",
        [*place, licence, by],
    )
    many = tx.execute(
        "select count(*) as n from releases.licence_choice where collection_id = %s", [place[0]]
    ).fetchone()
    if many is not None and many.n > MOST:
        raise Invalid(
            f"A collection has at most {MOST} choices; choose by subject or modality.", code="release.licence-many"
        )


def _need_curator(actor: accounts.Actor, collection_id: int) -> None:
    if not actor.may_curate(collection_id):
        raise Refused("Only the collection's owner or curators may choose licences.", code="release.not-curator")


def _need_unreleased(tx: database.Tx, collection_id: int, uid: str) -> None:
    row = tx.execute(
        "select s.licence, (select c.licence from collections.collection c where c.id = s.collection_id) as usual,"
        " exists (select from quarantine.object o where o.collection_id = s.collection_id and o.state = 'cleared'"
        " and o.facts->'facts'->>'series_uid' = s.uid) as waits"
        " from images.series s where s.collection_id = %s and s.uid = %s and upper_inf(s.releases)",
        [collection_id, uid],
    ).fetchone()
    if row is not None and not row.waits:
        raise LicenceReleased(
            f"This series is released under {row.licence or row.usual}, and a release never changes: whoever took it has it"
            " under that licence. Another licence needs a new release: withdraw the series, deliver it again, and choose the"
            " licence before it is published."
        )


def licence_choices(archive: Archive, actor: accounts.Actor, collection_id: int) -> list[Choice]:
    """Return the choices for the next releases, for its curators; raises Refused."""
    _need_curator(actor, collection_id)
    with archive.database.transaction() as tx:
        return choices_of(tx, collection_id)


def licence_shares(
    archive: Archive, actor: accounts.Actor, collection_id: int, number: int | None = None
) -> list[Share]:
    """Return under which licences the series of a release are that the actor may see, the most frequent first.

    Parameters
    ----------
    number : int or None
        Of the release; None: the current one.
    """
    statement = database.join(
        "select coalesce(s.licence, c.licence) as licence, count(*) as series, sum(s.size_bytes)::bigint as size"
        " from images.series s join collections.collection c on c.id = s.collection_id where s.collection_id = %(id)s"
        " and (case when %(number)s::int is null then upper_inf(s.releases) else s.releases @> %(number)s::int end)"
        " and {visible} group by 1 order by 2 desc, 1",
        visible=collections.visible_to(actor),
    )
    given = {**statement.parameters, "id": collection_id, "number": number}
    with archive.database.transaction() as tx:
        found = database.rows(tx, database.Statement(statement.text, given))
    return [Share(collections.licence_named(row.licence), row.series, row.size) for row in found]
