"""Quality marks: what owners, contractors and staff think of a series, each for themselves; the newest stands beside it.

A mark belongs to the revision that was looked at. A revised series has none until somebody looks again; the history stays.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from invivo import accounts, audit, database
from invivo.archive import Archive
from invivo.errors import Invalid, Refused

MARKS = ("usable", "questionable", "unusable")
REASONS = (
    *(
        "motion",
        "noise",
        "artefact",
        "metal",
        "incomplete",
        "wrong-protocol",
        "wrong-region",
        "contrast",
        "registration",
    ),
    *("duplicate", "other"),
)
PARTS = ("owner", "contractor", "staff")
MOST_MARKS = 10_000
MOST_NOTE = 1000
_COLUMNS_OF_CSV = ("series_uid", "mark", "reason", "note")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A mark that somebody wants to set."""

    series_uid: str
    mark: str
    reasons: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark that was set; ``label`` and ``note`` are empty for those who do not curate the collection."""

    revision: int
    mark: str
    reasons: tuple[str, ...]
    part: str
    marked_at: datetime
    label: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Marking:
    """What setting marks would do.

    Attributes
    ----------
    known : tuple of (Wanted, mark now or None)
    unknown : tuple of str
        UIDs of series that are not in the collection's current release.
    """

    known: tuple[tuple[Wanted, str | None], ...]
    unknown: tuple[str, ...]

    @property
    def changing(self) -> int:
        return sum(1 for wanted, now in self.known if wanted.mark != now)


def _need_curator(actor: accounts.Actor, collection_id: int) -> None:
    if not actor.may_curate(collection_id):
        raise Refused("Only the collection's owner or curators may mark its quality.", code="quality.not-curator")


def read_marks(text: str) -> list[Wanted]:
    """Read marks from CSV with the columns series_uid, mark, reason and, if wanted, note; several reasons by ``;``.

    Raises
    ------
    Invalid
        Naming the line.
    """
    rows = csv.reader(text.splitlines(), strict=True)
    found: list[Wanted] = []
    try:
        names = [one.strip().lower() for one in next(rows, [])]
        if not {"series_uid", "mark"} <= set(names) <= set(_COLUMNS_OF_CSV):
            raise Invalid(f"The first line names the columns: {','.join(_COLUMNS_OF_CSV)}.", code="quality.columns")
        for cells in rows:
            if not any(cells):
                continue
            told = dict(zip(names, (one.strip() for one in cells), strict=False))
            reasons = tuple(one.strip().lower() for one in told.get("reason", "").split(";") if one.strip())
            one = Wanted(told.get("series_uid", ""), told.get("mark", "").lower(), reasons, told.get("note", ""))
            _check(one, f"Line {rows.line_num}: ")
            found.append(one)
            _need_few(found)
    except csv.Error:
        raise Invalid(f"Line {rows.line_num} is not CSV.", code="quality.csv") from None
    return found


def _need_few(wanted: Sequence[Wanted]) -> None:
    if len(wanted) > MOST_MARKS:
        raise Invalid(f"At most {MOST_MARKS:,} series are marked at once.", code="quality.many")


def _check(one: Wanted, where: str = "") -> None:
    if not one.series_uid or len(one.series_uid) > 64:
        raise Invalid(f"{where}a Series Instance UID is missing or too long.", code="quality.uid")
    if one.mark not in MARKS:
        raise Invalid(f"{where}a mark is one of {', '.join(MARKS)}.", code="quality.mark")
    if not set(one.reasons) <= set(REASONS):
        raise Invalid(f"{where}a reason is one of {', '.join(REASONS)}.", code="quality.reason")
    if one.mark != "usable" and not one.reasons:
        raise Invalid(f"{where}say why it is {one.mark}.", code="quality.no-reason")
    if len(one.note) > MOST_NOTE:
        raise Invalid(f"{where}a note has at most {MOST_NOTE:,} characters.", code="quality.note")


def weigh_marks(archive: Archive, actor: accounts.Actor, collection_id: int, wanted: Sequence[Wanted]) -> Marking:
    """Return what `mark_series` would do."""
    _need_curator(actor, collection_id)
    _need_few(wanted)
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select uid, quality from images.series where collection_id = %s and uid = any (%s) and upper_inf(releases)",
            [collection_id, [one.series_uid for one in wanted]],
        )
        now = {row.uid: row.quality for row in found}
    known = tuple((one, now[one.series_uid]) for one in wanted if one.series_uid in now)
    return Marking(known, tuple(one.series_uid for one in wanted if one.series_uid not in now))


def mark_series(
    archive: Archive, actor: accounts.Actor, collection_id: int, wanted: Sequence[Wanted], part: str = "staff"
) -> int:
    """Mark series of the current release; return how many. What is not there is passed by.

    Parameters
    ----------
    part : {"owner", "contractor", "staff"}
        In whose name the actor looks.

    Raises
    ------
    Refused
        The actor does not curate the collection, or speaks as its owner without being it.
    Invalid
    """
    _need_curator(actor, collection_id)
    if part not in PARTS:
        raise Invalid(f"Marks are set as {', '.join(PARTS)}.", code="quality.part")
    if part == "owner" and not actor.may_own(collection_id):
        raise Refused("Only an owner of the collection marks as its owner.", code="quality.not-owner")
    _need_few(wanted)
    for one in wanted:
        _check(one)
    last = {one.series_uid: one for one in wanted}  # of a series named twice the last word counts
    with archive.database.transaction() as tx:
        marked = _set(tx, actor, collection_id, list(last.values()), part)
        audit.note(tx, actor.name, "quality.mark", f"collection:{collection_id}", series=marked, part=part)
    return marked


def _set(tx: database.Tx, actor: accounts.Actor, collection_id: int, wanted: Sequence[Wanted], part: str) -> int:
    tx.execute(
        "select id from images.series where collection_id = %s and uid = any (%s) and upper_inf(releases) order by id for update",
        [collection_id, [one.series_uid for one in wanted]],
    )
    return tx.execute(
        "with given as (select * from unnest(%(uids)s::text[], %(marks)s::text[], %(reasons)s::text[], %(notes)s::text[])"
        " as g (uid, mark, reasons, note)), changed as (update images.series s set quality = g.mark from given g"
        " where s.collection_id = %(id)s and s.uid = g.uid and upper_inf(s.releases)"
        " returning s.uid, s.revision, g.mark, g.reasons, g.note)"
        " insert into images.quality_mark (collection_id, series_uid, revision, mark, reasons, note, marked_by, person_id,"
        " label, part) select %(id)s, uid, revision, mark, string_to_array(reasons, ';'), note, %(by)s, %(person)s, %(label)s,"
        " %(part)s from changed",
        {
            "id": collection_id,
            "uids": [one.series_uid for one in wanted],
            "marks": [one.mark for one in wanted],
            "reasons": [";".join(one.reasons) for one in wanted],
            "notes": [one.note.replace("\0", "") for one in wanted],
            **{"by": actor.name, "person": actor.person_id, "label": actor.label, "part": part},
        },
    ).rowcount


_SHOWN = [field.name for field in fields(Mark)][:5]


def shown_mark(archive: Archive, collection_id: int, series_uid: str) -> Mark | None:
    """Return the newest mark of a series that the actor may see, as the caller knows: without who set it and their words."""
    with archive.database.transaction() as tx:
        row = tx.execute(
            f"select {', '.join(_SHOWN)} from images.quality_mark where collection_id = %s and series_uid = %s"  # noqa: S608
            " order by id desc limit 1",
            [collection_id, series_uid],
        ).fetchone()
    return Mark(row.revision, row.mark, tuple(row.reasons), row.part, row.marked_at) if row else None


def marks_of(archive: Archive, actor: accounts.Actor, collection_id: int, series_uid: str) -> list[Mark]:
    """Return all marks of a series, newest first, with who set them; raises Refused."""
    _need_curator(actor, collection_id)
    with archive.database.transaction() as tx:
        found = tx.execute(
            f"select {', '.join(_SHOWN)}, label, note from images.quality_mark"  # noqa: S608
            " where collection_id = %s and series_uid = %s order by id desc limit 200",
            [collection_id, series_uid],
        )
        return [
            Mark(row.revision, row.mark, tuple(row.reasons), row.part, row.marked_at, row.label, row.note)
            for row in found
        ]
