"""Who you are, and your submissions."""

from fastapi import APIRouter

from invivo import collections, submissions
from invivo.archive import Archive
from invivo.protocols.rest import writing
from invivo.protocols.rest.application import TheActor, TheArchive

router = APIRouter(tags=["Delivering"])


@router.get("/me")
def who_am_i(actor: TheActor) -> writing.Me:
    """Say who you are to the archive."""
    return writing.Me(
        name=actor.name,
        label=actor.label,
        is_anonymous=actor.is_anonymous,
        site_roles=sorted(actor.site_roles),
        scopes=None if actor.scopes is None else sorted(actor.scopes),
        memberships=[
            writing.Membership(collection_id=key, roles=sorted(roles))
            for key, roles in sorted(actor.memberships.items())
        ],
    )


@router.get("/submissions")
def list_submissions(archive: TheArchive, actor: TheActor) -> list[writing.Submission]:
    """List the submissions that you may deliver for, newest first."""
    return [submission_answer(archive, one) for one in submissions.list_submissions(archive, actor)]


@router.get("/submissions/{submission}")
def get_submission(archive: TheArchive, actor: TheActor, submission: int) -> writing.Submission:
    """Give a submission."""
    return submission_answer(archive, submissions.find_submission(archive, actor, submission))


def submission_answer(archive: Archive, one: submissions.Submission) -> writing.Submission:
    """Write a submission with the addresses that take its objects."""
    root = archive.settings.public_url
    fields = {name: getattr(one, name) for name in writing.Submission.model_fields if hasattr(one, name)}
    return writing.Submission(
        **fields, uploads=f"{root}/uploads", store=f"{root}/dicom-web/submissions/{one.id}/studies"
    )


def open_submission(archive: TheArchive, actor: TheActor, asked: writing.NewSubmission) -> writing.Submission:
    """Open a submission into a collection."""
    known = collections.collection_named(archive, actor, asked.collection)
    return submission_answer(archive, submissions.open_submission(archive, actor, known.id, asked.title))
