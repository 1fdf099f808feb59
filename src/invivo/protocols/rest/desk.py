"""The REST of the desk: what submitters follow and curators do. It is served by the process that may read quarantine."""

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, Response

from invivo import collections, releases, reviews, submissions
from invivo.errors import NotFound
from invivo.protocols.rest import writing
from invivo.protocols.rest.application import TheActor, TheArchive, new_application
from invivo.protocols.rest.catalogue import ShortName
from invivo.protocols.rest.delivering import open_submission
from invivo.protocols.rest.withdrawing import router as withdrawing

router = APIRouter()
STATES = ("open", "deferred", "approved", "rejected")
RowId = Annotated[int, Path(ge=1, le=2**62)]

router.post("/submissions", status_code=201, tags=["Delivering"])(open_submission)


@router.get("/submissions/{submission}/progress", tags=["Delivering"])
def get_progress(
    archive: TheArchive,
    actor: TheActor,
    submission: RowId,
    problems_only: bool = False,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> writing.Progress:
    """Say how far the objects of a submission are, newest first."""
    found = submissions.progress_of(archive, actor, submission, problems_only=problems_only, before=before, limit=limit)
    return writing.Progress(
        counts=dict(found.counts),
        uploads_waiting=found.uploads_waiting,
        newest=[writing.HeldObject.model_validate(row) for row in found.newest],
    )


@router.post("/submissions/{submission}/closing", status_code=204, tags=["Delivering"])
def close_submission(archive: TheArchive, actor: TheActor, submission: RowId) -> None:
    """Close a submission: nothing more is taken in for it."""
    submissions.close_submission(archive, actor, submission)


@router.get("/reviews", tags=["Curating"])
def get_queue(
    archive: TheArchive,
    actor: TheActor,
    collection: Annotated[str | None, Query(max_length=64)] = None,
    state: Annotated[
        list[str] | None, Query(description=f"one of {', '.join(STATES)}; several are alternatives")
    ] = None,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> writing.Queue:
    """Give a page of the review queue, oldest first."""
    within = collections.collection_named(archive, actor, collection).id if collection else None
    states = [one for one in state or ("open", "deferred") if one in STATES]
    return writing.Queue.model_validate(
        reviews.queue(archive, actor, collection_id=within, states=states, after=after, limit=limit)
    )


@router.get("/reviews/{item}", tags=["Curating"])
def get_item(archive: TheArchive, actor: TheActor, item: RowId) -> writing.ItemPage:
    """Give an item of the queue with what the checks found."""
    found = reviews.item_named(archive, actor, item)
    findings = [writing.Finding.model_validate(one) for one in reviews.findings_of(archive, found)]
    return writing.ItemPage(**writing.Item.model_validate(found).model_dump(), findings=findings)


@router.post("/reviews/decisions", tags=["Curating"])
def decide(archive: TheArchive, actor: TheActor, decision: writing.Decision) -> writing.Decided:
    """Decide on items of the queue: all of them or none."""
    return writing.Decided(states=reviews.decide(archive, actor, decision.items, decision.verdict, decision.reason))


@router.post("/reviews/{item}/masks", status_code=202, tags=["Curating"])
def mask(
    archive: TheArchive,
    actor: TheActor,
    item: RowId,
    rectangles: Annotated[
        list[tuple[int, int, int, int]],
        Body(min_length=1, max_length=100, description="x, y, width and height in pixels from the top left"),
    ],
    objects: Annotated[
        list[int] | None, Body(max_length=100_000, description="held objects; all of the series where absent")
    ] = None,
    frames: Annotated[
        list[int] | None, Body(max_length=submissions.MOST_FRAMES, description="of one object, counted from 1")
    ] = None,
) -> dict[str, int]:
    """Hide rectangles in the pictures of an item; say in how many objects."""
    return {"objects": submissions.mask(archive, actor, item, rectangles, objects, frames)}


@router.get("/collections/{name}/preview", tags=["Curating"])
def preview_release(archive: TheArchive, actor: TheActor, name: ShortName) -> writing.Preview:
    """Say what publishing a collection now would do."""
    seen = releases.preview(archive, actor, collections.collection_named(archive, actor, name).id)
    names = writing.PreviewSeries.model_fields
    return writing.Preview(
        number=seen.number,
        blocking=seen.blocking,
        deferred=seen.deferred,
        size_bytes=seen.size_bytes,
        series=[writing.PreviewSeries.model_validate(dict(zip(names, one, strict=True))) for one in seen.series],
    )


@router.post(
    "/collections/{name}/releases",
    status_code=201,
    tags=["Curating"],
    responses={
        202: {"model": writing.AskedRelease, "description": "It is large: the worker makes it; Location tells how far."}
    },
)
def publish(
    archive: TheArchive, actor: TheActor, name: ShortName, asked: writing.NewRelease, response: Response
) -> writing.Published | writing.AskedRelease:
    """Publish all that is cleared in a collection as its next release; a large one is left to the worker."""
    known = collections.collection_named(archive, actor, name)
    if not releases.is_large(archive, actor, known.id):
        return writing.Published(number=releases.publish(archive, actor, known.id, asked.notes))
    left = releases.schedule(archive, actor, known.id, notes=asked.notes)
    response.status_code = 202
    response.headers["Location"] = (
        f"{archive.settings.public_url}/api/desk/collections/{known.short_name}/asked/{left.id}"
    )
    return writing.AskedRelease.model_validate(left)


@router.get("/collections/{name}/asked/{asked}", tags=["Curating"])
def get_asked_release(archive: TheArchive, actor: TheActor, name: ShortName, asked: RowId) -> writing.AskedRelease:
    """Say how far the worker is with a release."""
    known = collections.collection_named(archive, actor, name)
    found = [one for one in releases.schedules_of(archive, actor, known.id) if one.id == asked]
    if not found:
        raise NotFound("Nobody asked for such a release.", code="release.not-asked")
    return writing.AskedRelease.model_validate(found[0])


application = new_application(
    "Desk", "What submitters follow and curators do. Every operation needs an account: send an API token as Bearer."
)
application.include_router(router)
application.include_router(withdrawing)
