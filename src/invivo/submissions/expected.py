"""What a delivery was announced to bring, and what has come of it: by which way, from whom, and how much of each kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from invivo import accounts, audit, quarantine
from invivo.archive import Archive
from invivo.errors import Invalid
from invivo.submissions.site import site_limit
from invivo.submissions.submission import find_submission

_MOST_LINES, _MOST = 100, 10_000_000


@dataclass(frozen=True, slots=True)
class Expected:
    """What was announced of one modality; empty: of all together. Zero: not said."""

    modality: str
    subjects: int = 0
    studies: int = 0
    series: int = 0
    due: date | None = None


@dataclass(frozen=True, slots=True)
class Balance:
    """What was announced of a modality beside what has come; what was discarded does not count."""

    modality: str
    announced: Expected | None
    subjects: int
    studies: int
    series: int

    @property
    def is_complete(self) -> bool:
        """Nothing that was announced is missing."""
        told = self.announced
        if told is None:
            return True
        return self.subjects >= told.subjects and self.studies >= told.studies and self.series >= told.series


@dataclass(frozen=True, slots=True)
class Way:
    """What came by one door, from one sender, of one site."""

    door: str
    sender: str
    site: str
    series: int
    objects: int
    size_bytes: int
    first_at: datetime
    last_at: datetime


def announce(archive: Archive, actor: accounts.Actor, submission_id: int, lines: Sequence[Expected]) -> None:
    """Write down what a delivery is to bring; what was announced before is forgotten.

    Raises
    ------
    Invalid
        A modality is named twice, a number is out of bounds, or a line says nothing.
    """
    find_submission(archive, actor, submission_id)
    names = [one.modality for one in lines]
    if len(lines) > _MOST_LINES or len(set(names)) < len(names):
        raise Invalid(f"Name each kind once, {_MOST_LINES} at most.", code="expected.twice")
    for one in lines:
        numbers = (one.subjects, one.studies, one.series)
        if any(not 0 <= number <= _MOST for number in numbers) or not any(numbers):
            raise Invalid(
                "Each line announces some subjects, studies or series, in whole numbers.", code="expected.number"
            )
        if len(one.modality) > 16 or (
            one.modality and not (one.modality.isascii() and one.modality.replace("_", "").isalnum())
        ):
            raise Invalid("A modality has at most 16 letters and digits, such as CT.", code="expected.modality")
    with archive.database.transaction() as tx:
        tx.execute("select 1 from submissions.submission where id = %s for update", [submission_id])
        tx.execute("delete from submissions.expected where submission_id = %s", [submission_id])
        tx.cursor().executemany(
            "insert into submissions.expected (submission_id, modality, subjects, studies, series, due)"
            " values (%s, %s, %s, %s, %s, %s)",
            [[submission_id, one.modality, one.subjects, one.studies, one.series, one.due] for one in lines],
        )
        audit.note(tx, actor.name, "submission.announce", f"submission:{submission_id}", lines=len(lines))


def expected_of(archive: Archive, actor: accounts.Actor, submission_id: int) -> list[Expected]:
    """Return what a delivery was announced to bring, all together first."""
    find_submission(archive, actor, submission_id)
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select modality, subjects, studies, series, due from submissions.expected where submission_id = %s order by modality",
            [submission_id],
        )
        return [Expected(*row) for row in found]


def balance_of(archive: Archive, actor: accounts.Actor, submission_id: int) -> list[Balance]:
    """Return what has come beside what was announced: a line for each modality that came or was announced, and one for all
    together if that was announced. Needs the staff database role.
    """
    submission = find_submission(archive, actor, submission_id)
    told = {one.modality: one for one in expected_of(archive, actor, submission_id)}
    with archive.database.transaction() as tx:
        came = quarantine.come_of_submission(tx, submission_id, site_limit(tx, actor, submission.collection_id))
    nothing = (0, 0, 0)
    names = sorted((set(came) | set(told)) - {""})
    if "" in told or not told:
        names = ["", *names]
    return [Balance(name, told.get(name), *came.get(name, nothing)) for name in names]


def arrivals_of(archive: Archive, actor: accounts.Actor, submission_id: int) -> list[Way]:
    """Return by which ways a delivery came; people by their names, links by what was written on them."""
    submission = find_submission(archive, actor, submission_id)
    with archive.database.transaction() as tx:
        rows = quarantine.arrivals_of_submission(tx, submission_id, site_limit(tx, actor, submission.collection_id))
        people = {
            f"person:{row.id}": row.shown
            for row in tx.execute(
                "select id, coalesce(nullif(display_name, ''), name) as shown from accounts.person where 'person:' || id = any (%s)",
                [[row.sender for row in rows]],
            )
        }
        tokens = {
            f"token:{row.id}": f"{row.shown} (token)"
            for row in tx.execute(
                "select t.id, coalesce(nullif(p.display_name, ''), p.name) as shown from accounts.token t"
                " join accounts.person p on p.id = t.person_id where 'token:' || t.id = any (%s)",
                [[row.sender for row in rows]],
            )
        }
        links = {
            f"link:{row.id}": f"{row.label} (link)"
            for row in tx.execute(
                "select id, label from submissions.upload_link where submission_id = %s", [submission_id]
            )
        }
        sites = {
            row.id: row.code
            for row in tx.execute(
                "select id, code from submissions.site where collection_id = %s", [submission.collection_id]
            )
        }
    names = people | tokens | links
    return [Way(row.door, names.get(row.sender, row.sender), sites.get(row.site_id, ""), *row[3:]) for row in rows]
