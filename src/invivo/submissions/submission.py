"""Submissions: state, counts and problems."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from invivo import accounts, audit, collections, database, quarantine, reviews
from invivo.archive import Archive
from invivo.errors import Invalid, NotFound, Refused
from invivo.submissions.site import allowed, site_limit


class UnknownSubmission(NotFound):
    """There is no such submission, or the actor may not see it."""

    code = "submission.unknown"


@dataclass(frozen=True, slots=True)
class Submission:
    """A delivery into one collection; ``state`` is open or closed."""

    id: int
    collection_id: int
    collection: str
    collection_title: str
    title: str
    state: str
    created_by: int | None
    created_at: datetime
    site_id: int | None
    site: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a submission's objects are.

    Attributes
    ----------
    counts : mapping of state to number of objects
    newest : tuple of rows
        (id, state, reason_code, reason, door, kind, modality, received_at, name, size_bytes).
    uploads_waiting : int
        Finished ZIP uploads that are still being taken apart.
    """

    counts: Mapping[str, int]
    newest: tuple[Any, ...]
    uploads_waiting: int


_ELSEWHERE = {"collection": "c.short_name", "collection_title": "c.title", "site": "coalesce(t.code, '')"}
_COLUMNS = ", ".join(f"{_ELSEWHERE.get(field.name, 's.' + field.name)} as {field.name}" for field in fields(Submission))
_SELECT = (
    f"select {_COLUMNS} from submissions.submission s join collections.collection c on c.id = s.collection_id"  # noqa: S608
    " left join submissions.site t on t.id = s.site_id"
)


def open_submission(archive: Archive, actor: accounts.Actor, collection_id: int, title: str) -> Submission:
    """Open a submission into a collection.

    Raises
    ------
    Refused
        The actor may not deliver into it, or the collection takes nothing any more.
    """
    with archive.database.transaction() as tx:
        return open_in(archive, tx, actor, collection_id, title)


def open_in(archive: Archive, tx: database.Tx, actor: accounts.Actor, collection_id: int, title: str) -> Submission:
    """Open a submission as a part of somebody's transaction; see `open_submission`."""
    if not actor.may_submit(collection_id):
        raise Refused(
            "You may not deliver into this collection; ask its owner to appoint you.", code="submission.not-submitter"
        )
    if not title.strip():
        raise Invalid("Give the submission a title.", code="submission.title")
    if collections.policy_of(tx, collection_id).state != "active":
        raise Refused("This collection is archived and takes nothing any more.", code="submission.archived")
    limit = site_limit(tx, actor, collection_id)
    made = tx.execute(
        "insert into submissions.submission (collection_id, title, created_by, site_id) values (%s, %s, %s, %s) returning id",
        [collection_id, title.strip()[:200], actor.person_id, limit[0] if limit else None],
    ).fetchone()
    assert made is not None
    reviews.begin_checklist(tx, collection_id, archive.settings.collections.checklist)
    audit.note(tx, actor.name, "submission.open", f"submission:{made.id}", collection=collection_id)
    row = tx.execute(f"{_SELECT} where s.id = %s", [made.id]).fetchone()
    assert row is not None
    return Submission(*row)


def _set_state(archive: Archive, actor: accounts.Actor, submission_id: int, state: str) -> None:
    submission = find_submission(archive, actor, submission_id)
    with archive.database.transaction() as tx:
        tx.execute(
            "update submissions.submission set state = %s, closed_at = case when %s = 'closed' then now() end where id = %s",
            [state, state, submission.id],
        )
        audit.note(tx, actor.name, f"submission.{state}", f"submission:{submission_id}")


def close_submission(archive: Archive, actor: accounts.Actor, submission_id: int) -> None:
    """open -> closed: nothing more is taken in for it."""
    _set_state(archive, actor, submission_id, "closed")


def reopen_submission(archive: Archive, actor: accounts.Actor, submission_id: int) -> None:
    """closed -> open."""
    _set_state(archive, actor, submission_id, "open")


def find_submission(archive: Archive, actor: accounts.Actor, submission_id: int) -> Submission:
    """Return a submission that the actor may deliver for or curate; raises UnknownSubmission."""
    with archive.database.transaction() as tx:
        row = tx.execute(f"{_SELECT} where s.id = %s", [submission_id]).fetchone()
        own = allowed(tx, actor, [(row.id, row.collection_id, row.site_id)]) if row else []
    if row is None or not own:
        raise UnknownSubmission(f"There is no submission {submission_id}, or it is not yours.")
    return Submission(*row)


def list_submissions(archive: Archive, actor: accounts.Actor, *, state: str | None = None) -> list[Submission]:
    """Return the submissions that the actor may deliver for, newest first."""
    with archive.database.transaction() as tx:
        found = tx.execute(
            f"{_SELECT} where %s::text is null or s.state = %s order by s.id desc", [state, state]
        ).fetchall()
        own = set(allowed(tx, actor, [(row.id, row.collection_id, row.site_id) for row in found]))
    return [Submission(*row) for row in found if row.id in own]


def progress_of(
    archive: Archive,
    actor: accounts.Actor,
    submission_id: int,
    *,
    problems_only: bool = False,
    before: int | None = None,
    limit: int = 100,
) -> Progress:
    """Return how far a submission is; needs the staff database role."""
    submission = find_submission(archive, actor, submission_id)
    with archive.database.transaction() as tx:
        sites = site_limit(tx, actor, submission.collection_id)
        newest = quarantine.objects_of_submission(
            tx, submission.id, problems_only=problems_only, before=before, limit=limit, sites=sites
        )
        row = tx.execute(
            "select count(*) as n from submissions.upload where submission_id = %s and state = 'complete' and receipt is null",
            [submission.id],
        ).fetchone()
        return Progress(
            quarantine.counts_of_submission(tx, submission.id, sites), tuple(newest), int(row.n) if row else 0
        )
