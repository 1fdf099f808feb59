"""The depositor's pages: one's submissions, how far each is, what is wrong with it, and the ways in."""

import shlex
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from invivo import collections, submissions
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, InvivoError, Refused
from invivo.web.errors import status_of
from invivo.web.form import Form, form_endpoint, only, redirect, text
from invivo.web.render import page

PRIVATE = {"Cache-Control": "no-store"}
STATE_WORDS = {
    "received": "waiting to be de-identified",
    "cleaned": "waiting for a decision",
    "cleared": "approved, waiting for the release",
    "released": "released",
    "stuck": "could not be processed",
    "conflict": "in conflict",
    "discarded": "discarded",
}
PROBLEM_STATES = ("stuck", "conflict", "discarded")
DOORS = {
    "dimse": "DICOM (C-STORE)",
    "stow": "STOW-RS",
    "upload": "upload page",
    "import": "import on the server",
}
ADVICE = {
    "conflict.other-bytes": "An object with this UID came before with other content. Send it under a UID of its own if both are"
    " wanted; otherwise a curator chooses which stays.",
    "dicom.damaged": "The file is damaged or cut off. Export it again from its source and send it again.",
    "dicom.too-deep": "Its sequences are nested deeper than is read. Export it without private sequences, or write to the curators.",
    "dicom.over-limit": "It is larger than the limits of this archive. Write to the curators, who can raise them.",
    "dicom.not-dicom": "It is not a DICOM file. If it belongs to the data, a curator can keep it as an attachment.",
    "deidentification.not-understood": "It could not be de-identified safely, so it stays closed. A curator looks at it; nothing"
    " to do for you.",
}
OTHER_ADVICE = {
    "stuck": "A curator looks at it: it is tried again or discarded. If you have a better copy, send that.",
    "conflict": "A curator chooses which of the two stays. Nothing to do for you.",
    "discarded": "A curator rejected it, or something newer took its place. Send it again if that was a mistake.",
}
NEWEST = 25


def _advice(row: Any) -> str:
    return ADVICE.get(row.reason_code) or OTHER_ADVICE.get(row.state, "")


def list_page(request: Request) -> Response:
    """List the submissions that one may deliver for."""
    only(request, "state")
    return _list(request)


def _list(request: Request, status: int = 200, **tried: Any) -> Response:
    archive, actor = request.state.archive, request.state.actor
    state = request.query_params.get("state", "")
    if state not in ("", "open", "closed"):
        raise Invalid("A submission is open or closed.", code="submission.state")
    everything = submissions.list_submissions(archive, actor)
    shown = [one for one in everything if state in ("", one.state)]
    progress = {one.id: submissions.progress_of(archive, actor, one.id, limit=0) for one in shown[:100]}
    offered = [one for one in collections.listed(archive, actor) if actor.may_submit(one.id) and one.state == "active"]
    return page(
        request,
        "submissions/list.html",
        status=status,
        headers=PRIVATE,
        shown=shown,
        progress={key: _figures(one.counts) for key, one in progress.items()},
        state=state,
        counts={name: sum(1 for one in everything if name in ("", one.state)) for name in ("", "open", "closed")},
        offered=[(one.short_name, f"{one.short_name}: {one.title}") for one in offered],
        tried={"title": "", "collection": "", "errors": {}} | tried,
    )


def _figures(counts: Any) -> dict[str, int]:
    """Return the counts of the four steps and of what needs attention."""
    waiting, cleaned = counts.get("received", 0), counts.get("cleaned", 0)
    cleared, released = counts.get("cleared", 0), counts.get("released", 0)
    return {
        "all": sum(counts.values()),
        "received": waiting,
        "cleaned": cleaned,
        "cleared": cleared,
        "released": released,
        "trouble": counts.get("stuck", 0) + counts.get("conflict", 0),
        "discarded": counts.get("discarded", 0),
    }


@form_endpoint
def open_one(request: Request, form: Form) -> Response:
    """Open a submission."""
    archive, actor = request.state.archive, request.state.actor
    title, name = text(form, "title"), text(form, "collection")
    if not name:
        return _list(request, 400, title=title, errors={"collection": "Choose the collection."})
    try:
        target = collections.collection_named(archive, actor, name)
        made = submissions.open_submission(archive, actor, target.id, title)
    except (Invalid, Refused) as error:
        field = "title" if error.kind == "submission.title" else "collection"
        return _list(request, status_of(error), title=title, collection=name, errors={field: error.message})
    return redirect(request, f"/submissions/{made.id}", message="The submission is open. Choose a way in below.")


def submission_page(request: Request) -> Response:
    """Show one submission."""
    only(request, "show", "before")
    return _show(request)


def _show(request: Request, status: int = 200, **tried: Any) -> Response:
    archive, actor = request.state.archive, request.state.actor
    submission_id = request.path_params["submission"]
    submission = submissions.find_submission(archive, actor, submission_id)
    shows_problems = request.query_params.get("show") == "problems"
    before = request.query_params.get("before", "")
    progress = submissions.progress_of(
        archive,
        actor,
        submission_id,
        problems_only=shows_problems,
        before=int(before) if before.isdecimal() else None,
        limit=NEWEST + 1,
    )
    senders = submissions.senders_of(archive, actor, submission_id)
    figures = _figures(progress.counts)
    newest = progress.newest[:NEWEST]
    query = "show=problems&" if shows_problems else ""
    older = f"/submissions/{submission_id}?{query}before={newest[-1].id}" if len(progress.newest) > NEWEST else None
    return page(
        request,
        "submissions/submission.html",
        status=status,
        headers=PRIVATE,
        submission=submission,
        figures=figures,
        steps=_steps(figures),
        problems=_problems(archive, actor, submission_id) if figures["trouble"] else [],
        waiting=progress.uploads_waiting,
        known=_state_of(progress),
        newest=newest,
        shows_problems=shows_problems,
        is_later_page=bool(before),
        older=older,
        words=STATE_WORDS,
        doors=DOORS,
        ways=_ways(archive, submission, senders),
        senders=senders,
        aet=archive.settings.dimse.aet,
        may_curate=actor.may_curate(submission.collection_id),
        tried={"called_aet": "", "calling_aet": "", "address": "", "error": ""} | tried,
    )


def _state_of(progress: submissions.Progress) -> str:
    """Write how far a submission is as one text, which the page that follows compares with what it shows."""
    counts = (f"{state}={number}" for state, number in sorted(progress.counts.items()))
    return " ".join([str(progress.uploads_waiting), *counts])


def _steps(figures: dict[str, int]) -> list[tuple[str, str, str]]:
    """Return the steps of the stepper: each is done when nothing waits in it or before it."""
    if not figures["all"]:
        return [
            ("Received", "current", "nothing yet"),
            *((name, "todo", "") for name in ("De-identified", "Reviewed", "Released")),
        ]
    waits = [0, figures["received"], figures["cleaned"] + figures["trouble"], figures["cleared"]]
    notes = [
        f"{figures['all']:,} in all",
        f"{waits[1]:,} to go",
        f"{waits[2]:,} to go",
        f"{figures['released']:,} released",
    ]
    names = ("Received", "De-identified", "Reviewed", "Released")
    steps, is_behind = [], False
    for name, waiting, note in zip(names, waits, notes, strict=True):
        is_done = not waiting and not is_behind and (name != "Released" or figures["released"] > 0)
        state = "done" if is_done else "todo" if is_behind else "current"
        steps.append((name, state, "" if note.startswith("0 to go") else note))
        is_behind = is_behind or not is_done
    return steps


def _problems(archive: Archive, actor: Any, submission_id: int) -> list[dict[str, Any]]:
    """Group what is stuck or in conflict by its reason, with what to do."""
    progress = submissions.progress_of(archive, actor, submission_id, problems_only=True, limit=1000)
    groups: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in progress.newest:
        if row.state in ("stuck", "conflict"):
            key = (row.state, row.reason_code, row.reason)
            group = groups.setdefault(
                key, {"state": row.state, "reason": row.reason, "advice": _advice(row), "count": 0}
            )
            group["count"] += 1
    return sorted(groups.values(), key=lambda group: -group["count"])


def _ways(archive: Archive, submission: submissions.Submission, senders: list[submissions.Sender]) -> dict[str, str]:
    """Write the lines to copy, with the real host, port and AE title."""
    settings = archive.settings
    url = settings.public_url
    ways = {
        "stow": 'curl -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/dicom" --data-binary @image.dcm'
        f" {shlex.quote(f'{url}/dicom-web/submissions/{submission.id}/studies')}",
        "import": f"invivo import --collection {shlex.quote(submission.collection)} --submission {submission.id} FOLDER",
    }
    if settings.dimse.bind:
        host, port = settings.dimse_address
        shown = host if host not in ("0.0.0.0", "::") else url.partition("//")[2].partition(":")[0].partition("/")[0]  # noqa: S104
        known = senders[0] if senders else None
        calling = f"-aet {shlex.quote(known.calling_aet)} " if known and known.calling_aet else ""
        called = shlex.quote((known.called_aet if known else "") or settings.dimse.aet)
        ways["storescu"] = f"storescu {calling}-aec {called} +sd +r {shown} {port} FOLDER"
    return ways


def progress_json(request: Request) -> Response:
    """Say how far a submission is, for the page that polls."""
    only(request)
    archive, actor = request.state.archive, request.state.actor
    progress = submissions.progress_of(archive, actor, request.path_params["submission"], limit=1)
    return JSONResponse(
        {
            "counts": dict(progress.counts),
            "uploads_waiting": progress.uploads_waiting,
            "newest": progress.newest[0].id if progress.newest else 0,
            "state": _state_of(progress),
        },
        headers=PRIVATE,
    )


def upload_page(request: Request) -> Response:
    """Show the drop zone."""
    only(request)
    submission = submissions.find_submission(
        request.state.archive, request.state.actor, request.path_params["submission"]
    )
    return page(request, "submissions/upload.html", headers=PRIVATE, submission=submission)


@form_endpoint
def change_state(request: Request, form: Form) -> Response:
    """Close a submission, or open it again."""
    archive, actor = request.state.archive, request.state.actor
    submission_id, state = request.path_params["submission"], text(form, "state")
    verbs = {"closed": submissions.close_submission, "open": submissions.reopen_submission}
    if state not in verbs:
        raise Invalid("A submission is open or closed.", code="submission.state")
    verbs[state](archive, actor, submission_id)
    words = "closed: nothing more is taken in for it." if state == "closed" else "open again."
    return redirect(request, f"/submissions/{submission_id}", message=f"The submission is {words}")


@form_endpoint
def add_sender(request: Request, form: Form) -> Response:
    """Register a DICOM peer."""
    archive, actor = request.state.archive, request.state.actor
    submission_id = request.path_params["submission"]
    given = {name: text(form, name) for name in ("called_aet", "calling_aet", "address")}
    try:
        submissions.add_sender(archive, actor, submission_id, **given)
    except (Invalid, Conflict, Refused) as error:
        return _show(request, status_of(error), **given, error=error.message)
    return redirect(
        request, f"/submissions/{submission_id}#senders", message="The sender is registered; it may send now."
    )


@form_endpoint
def remove_sender(request: Request, form: Form) -> Response:
    """Take a DICOM peer off."""
    target = f"/submissions/{request.path_params['submission']}#senders"
    sender = text(form, "sender")
    try:
        submissions.remove_sender(request.state.archive, request.state.actor, int(sender) if sender.isdecimal() else 0)
    except InvivoError as error:
        return redirect(request, target, message=error.message, kind="danger")
    return redirect(request, target, message="The sender is removed; what it sends is refused from now on.")


routes: list[Route] = [
    Route("/submissions", list_page, methods=["GET"]),
    Route("/submissions", open_one, methods=["POST"]),
    Route("/submissions/{submission:int}", submission_page),
    Route("/submissions/{submission:int}/progress.json", progress_json),
    Route("/submissions/{submission:int}/upload", upload_page),
    Route("/submissions/{submission:int}/state", change_state, methods=["POST"]),
    Route("/submissions/{submission:int}/senders", add_sender, methods=["POST"]),
    Route("/submissions/{submission:int}/senders/remove", remove_sender, methods=["POST"]),
]
