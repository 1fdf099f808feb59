"""Letters between those who deliver and those who curate, on one delivery."""

from dataclasses import dataclass
from datetime import datetime

from invivo import accounts, audit, database
from invivo.archive import Archive
from invivo.errors import Invalid
from invivo.submissions.site import within
from invivo.submissions.submission import Submission, find_submission

LONGEST_LETTER = 20_000


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter; ``is_from_curator`` says from which side."""

    id: int
    author: str
    is_from_curator: bool
    text: str
    at: datetime


def letters_of(archive: Archive, actor: accounts.Actor, submission_id: int) -> list[Letter]:
    """Return the letters on a delivery, in order."""
    find_submission(archive, actor, submission_id)
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select l.id, coalesce(nullif(p.display_name, ''), p.name, 'the archive'), l.is_from_curator, l.text, l.at"
            " from submissions.letter l left join accounts.person p on p.id = l.person_id where l.submission_id = %s order by l.id",
            [submission_id],
        )
        return [Letter(*row) for row in found]


def write_letter(archive: Archive, actor: accounts.Actor, submission_id: int, text: str) -> None:
    """Write to the other side: curators to those who deliver, those who deliver to the curators. They are told."""
    submission = find_submission(archive, actor, submission_id)
    text = text.replace("\x00", "").strip()
    if not 1 <= len(text) <= LONGEST_LETTER:
        raise Invalid(f"A letter has 1 to {LONGEST_LETTER} characters.", code="letter.text")
    is_curator = actor.may_curate(submission.collection_id)
    with archive.database.transaction() as tx:
        made = tx.execute(
            "insert into submissions.letter (submission_id, person_id, is_from_curator, text) values (%s, %s, %s, %s) returning id",
            [submission_id, actor.person_id, is_curator, text],
        ).fetchone()
        assert made is not None
        audit.note(tx, actor.name, "submission.letter", f"submission:{submission_id}", letter=made.id)
        readers = submitters_of(tx, submission) if is_curator else curators_of(tx, submission.collection_id)
        accounts.notify(
            tx,
            [one for one in readers if one != actor.person_id],
            "submission.letter",
            f"{submission.title}: a letter",
            f"{actor.label or 'The archive'} wrote about this delivery:\n\n{text}",
            link=f"/submissions/{submission_id}/delivery#letters",
        )


def curators_of(tx: database.Tx, collection_id: int) -> list[int]:
    """Return who curates a collection; the administrators where nobody is named."""
    found = tx.execute(
        "select distinct person_id from collections.held_role where collection_id = %s and role in ('owner', 'curator')"
        " order by person_id",
        [collection_id],
    ).fetchall()
    return [int(row.person_id) for row in found] or accounts.administrators(tx)


def submitters_of(tx: database.Tx, submission: Submission) -> list[int]:
    """Return who delivers for a submission: its opener, and the collection's submitters within their sites."""
    found = tx.execute(
        "select h.person_id, (select array_agg(m.site_id) from submissions.site_member m join submissions.site t"
        " on t.id = m.site_id where m.person_id = h.person_id and t.collection_id = h.collection_id) as sites"
        " from collections.held_role h where h.collection_id = %s and h.role = 'submitter'",
        [submission.collection_id],
    ).fetchall()
    people = {int(row.person_id) for row in found if within(row.sites, submission.site_id)}
    return sorted(people | ({submission.created_by} if submission.created_by else set()))
