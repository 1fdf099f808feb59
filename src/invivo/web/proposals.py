"""The pages of proposals: writing one, deciding on it, signing, opening what it asks for."""

import hmac
from collections.abc import Iterator
from typing import Any, BinaryIO
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from invivo import collections, submissions
from invivo.errors import Conflict, Invalid, InvivoError, TooLarge
from invivo.web.errors import status_of
from invivo.web.form import ForeignForm, Form, form_endpoint, only, redirect, text
from invivo.web.render import page

PRIVATE = {"Cache-Control": "no-store"}
STATES = {
    "draft": ("draft", "Draft"),
    "submitted": ("waiting", "With the committee"),
    "returned": ("deferred", "Returned for changes"),
    "accepted": ("approved", "Accepted"),
    "opened": ("done", "Opened"),
    "declined": ("rejected", "Declined"),
    "withdrawn": ("superseded", "Withdrawn"),
}
CHOICES = [("accept", "Accept"), ("decline", "Decline"), ("abstain", "Abstain")]
RULES = {
    "one": "One member decides.",
    "majority": "More than half of the committee must be for it.",
    "all": "The whole committee must be for it.",
}
FORM_ROOM = 64 << 10


def list_page(request: Request) -> Response:
    """List one's own proposals, and for the committee what it has to decide."""
    only(request, "state")
    archive, actor = request.state.archive, request.state.actor
    state = request.query_params.get("state", "submitted")
    if state not in ("all", *STATES):
        raise Invalid(f"The state of a proposal is all or one of {', '.join(STATES)}.", code="proposal.state")
    decides = submissions.is_of_committee(archive, actor)
    everything = submissions.proposals_to_decide(archive, actor) if decides else []
    return page(
        request,
        "proposals/list.html",
        headers=PRIVATE,
        own=submissions.own_proposals(archive, actor),
        decides=decides,
        shown=[one for one in everything if state in ("all", one.state)],
        counts={name: sum(1 for one in everything if name in ("all", one.state)) for name in ("all", *STATES)},
        state=state,
        states=STATES,
        ways=submissions.ways_in(archive),
    )


def new_page(request: Request) -> Response:
    """Show the empty form of a proposal."""
    only(request)
    return _form(request, submissions.form_in_force(request.state.archive), None)


def _form(request: Request, form: Any, proposal: Any, status: int = 200, **tried: Any) -> Response:
    archive = request.state.archive
    known = {"title": proposal.title if proposal else "", "answers": dict(proposal.answers) if proposal else {}}
    return page(
        request,
        "proposals/form.html",
        status=status,
        headers=PRIVATE,
        questions=form.questions,
        proposal=proposal,
        ways=submissions.ways_in(archive),
        files=submissions.files_of_proposal(archive, proposal) if proposal else [],
        most_bytes=archive.settings.submissions.attachment_bytes,
        tried=known | {"problems": {}, "error": ""} | tried,
    )


def _given(questions: Any, form: Form) -> dict[str, str]:
    return {one.key: text(form, f"q-{one.key}") for one in questions if one.kind != "file"}


@form_endpoint
def begin(request: Request, form: Form) -> Response:
    """Begin a proposal as a draft."""
    archive, actor = request.state.archive, request.state.actor
    asked = submissions.form_in_force(archive)
    given, title = _given(asked.questions, form), text(form, "title")
    try:
        made = submissions.begin_proposal(archive, actor, title, given)
    except (Invalid, Conflict) as error:
        return _form(request, asked, None, status_of(error), title=title, answers=given, **_problems(error))
    return redirect(request, f"/proposals/{made.id}", message="The draft is kept. Attach files, then hand it in.")


def _problems(error: InvivoError) -> dict[str, Any]:
    return {"problems": error.facts.get("problems", {}), "error": error.message}


def _named(request: Request) -> submissions.Proposal:
    return submissions.find_proposal(request.state.archive, request.state.actor, request.path_params["proposal"])


def edit_page(request: Request) -> Response:
    """Show the form of a draft, or of what was returned, filled in."""
    only(request)
    proposal = _named(request)
    return _form(request, submissions.form_of_proposal(request.state.archive, proposal), proposal)


@form_endpoint
def save(request: Request, form: Form) -> Response:
    """Keep what was changed."""
    archive, actor, proposal = request.state.archive, request.state.actor, _named(request)
    asked = submissions.form_of_proposal(archive, proposal)
    given, title = _given(asked.questions if asked else (), form), text(form, "title")
    try:
        submissions.save_proposal(archive, actor, proposal.id, title, given)
    except Invalid as error:
        return _form(request, asked, proposal, status_of(error), title=title, answers=given, **_problems(error))
    return redirect(request, f"/proposals/{proposal.id}", message="The changes are kept.")


def suggest_page(request: Request) -> Response:
    """Show the form of a suggestion."""
    only(request)
    return _suggest(request)


def _suggest(request: Request, status: int = 200, **tried: Any) -> Response:
    known = {"title": "", "words": "", "short_name": "", "problems": {}, "error": ""}
    ways = submissions.ways_in(request.state.archive)
    return page(request, "proposals/suggest.html", status=status, headers=PRIVATE, ways=ways, tried=known | tried)


@form_endpoint
def suggest(request: Request, form: Form) -> Response:
    """Take a suggestion."""
    title, words = text(form, "title"), text(form, "words")
    try:
        made = submissions.suggest(request.state.archive, request.state.actor, title, words)
    except (Invalid, Conflict) as error:
        return _suggest(request, status_of(error), title=title, words=words, **_problems(error))
    return redirect(request, f"/proposals/{made.id}", message="The moderators have your suggestion.")


@form_endpoint
def make_project(request: Request, form: Form) -> Response:
    """Make a project of one's own."""
    title, name = text(form, "title"), text(form, "short_name")
    try:
        made = submissions.make_own_project(request.state.archive, request.state.actor, name, title)
    except (Invalid, Conflict) as error:
        return _suggest(request, status_of(error), title=title, short_name=name, **_problems(error))
    return redirect(
        request, f"/submissions/{made.id}", message="Your project is there, private. Choose a way in below."
    )


def proposal_page(request: Request) -> Response:
    """Show a proposal: what it says, where it stands, and what one may do with it."""
    only(request)
    return _show(request)


def _show(request: Request, status: int = 200, **tried: Any) -> Response:
    archive, actor, proposal = request.state.archive, request.state.actor, _named(request)
    decides = submissions.is_of_committee(archive, actor)
    form = submissions.form_of_proposal(archive, proposal)
    votes, standing = submissions.votes_on(archive, actor, proposal) if decides else ([], None)
    questions = form.questions if form else ()
    return page(
        request,
        "proposals/proposal.html",
        status=status,
        headers=PRIVATE,
        proposal=proposal,
        state=STATES[proposal.state],
        steps=_steps(proposal),
        answered=[(one.text, proposal.answers.get(one.key, "")) for one in questions if one.kind != "file"],
        questions={one.key: one.text for one in questions},
        file_questions=[(one.key, one.text) for one in questions if one.kind == "file"],
        files=submissions.files_of_proposal(archive, proposal),
        most_bytes=archive.settings.submissions.attachment_bytes,
        is_own=proposal.person_id == actor.person_id,
        decides=decides and proposal.person_id != actor.person_id,
        votes=votes,
        own_vote=next((one for one in votes if one.person_id == actor.person_id), None),
        standing=standing,
        rule=RULES[archive.settings.submissions.decision],
        choices=CHOICES,
        agreement=submissions.agreement_of(archive, proposal),
        to_sign=submissions.agreement_in_force(archive) if proposal.state == "accepted" else None,
        licences=[(one.id, one.name) for one in collections.licences()],
        suggested_name=submissions.short_name_of(proposal.title),
        tried={"error": "", "at": "", "problems": {}} | tried,
    )


def _steps(proposal: submissions.Proposal) -> list[tuple[str, str, str]]:
    """Return the steps of the stepper; the second and the third only a proposal has, not a suggestion."""
    names = ["Written", "Decided", "Signed", "Open"] if proposal.kind == "proposal" else ["Written", "Decided", "Open"]
    at = {"draft": 0, "returned": 0, "submitted": 1, "accepted": 2, "opened": 9}.get(proposal.state, 1)
    if proposal.state in ("declined", "withdrawn"):
        word = STATES[proposal.state][1]
        return [("Written", "done", ""), (word, "failed", ""), *((name, "todo", "") for name in names[2:])]
    note = {"returned": "changes asked for", "submitted": "the committee reads", "accepted": "", "draft": "draft"}
    return [
        (
            name,
            "done" if place < at else "current" if place == at else "todo",
            note.get(proposal.state, "") if place == at else "",
        )
        for place, name in enumerate(names)
    ]


def _act(verb: Any, message: str, at: str) -> Any:
    """Make an endpoint of one step of a proposal: done, the page says so; refused, it says why, at its form."""

    @form_endpoint
    def endpoint(request: Request, form: Form) -> Response:
        proposal_id = request.path_params["proposal"]
        try:
            verb(request.state.archive, request.state.actor, proposal_id, form)
        except submissions.BadAnswers as error:
            return _show(request, 400, at=at, error=error.message, problems=error.facts["problems"])
        except (Invalid, Conflict) as error:
            return _show(request, status_of(error), at=at, error=error.message)
        return redirect(request, f"/proposals/{proposal_id}", message=message)

    return endpoint


def _opening(form: Form) -> submissions.Opening:
    given = {name: text(form, name) for name in ("short_name", "licence", "review_rule", "profile")}
    return submissions.Opening(**{name: value for name, value in given.items() if value or name == "short_name"})


submit = _act(
    lambda archive, actor, number, _: submissions.submit_proposal(archive, actor, number),
    "Handed in. You are told when it is decided.",
    "submit",
)
withdraw = _act(
    lambda archive, actor, number, _: submissions.withdraw_proposal(archive, actor, number),
    "The proposal is withdrawn.",
    "submit",
)
vote = _act(
    lambda archive, actor, number, form: submissions.vote(
        archive, actor, number, text(form, "choice"), text(form, "reason")
    ),
    "Your vote is kept; you may change it until the decision.",
    "vote",
)
decide = _act(
    lambda archive, actor, number, form: submissions.decide_proposal(
        archive, actor, number, text(form, "verdict"), text(form, "reason"), text(form, "message")
    ),
    "The decision is recorded and the proposer is told.",
    "decide",
)
sign = _act(
    lambda archive, actor, number, form: submissions.sign_agreement(
        archive,
        actor,
        number,
        int(text(form, "version")) if text(form, "version").isdecimal() else 0,
        text(form, "name"),
    ),
    "Signed. The archive signs next.",
    "sign",
)
countersign = _act(
    lambda archive, actor, number, form: submissions.countersign(
        archive, actor, number, text(form, "name"), _opening(form)
    ),
    "Signed; the collection and its submission are open.",
    "countersign",
)
open_it = _act(
    lambda archive, actor, number, form: submissions.take_up(archive, actor, number, _opening(form)),
    "The collection and its submission are open.",
    "countersign",
)


async def attach(request: Request) -> Response:
    """Attach a file: what is too large is refused by its announced length, before it is read."""
    archive, proposal_id = request.state.archive, request.path_params["proposal"]
    announced = request.headers.get("content-length", "")
    if not announced.isdigit():
        raise TooLarge("Say how large the file is (Content-Length).", code="proposal.file-too-large")
    submissions.check_attachment_size(archive, max(1, int(announced) - FORM_ROOM))
    async with request.form(max_files=1, max_fields=10, max_part_size=FORM_ROOM) as form:
        if not hmac.compare_digest(str(form.get("csrf", "")).encode(), request.state.csrf.encode()):
            raise ForeignForm("This form did not come from a page of this session; reload the page and try again.")
        sent, question = form.get("file"), text(form, "question")
        if not isinstance(sent, UploadFile) or not sent.filename:
            return redirect(request, f"/proposals/{proposal_id}", message="Choose a file first.", kind="danger")

        def keep() -> None:
            submissions.attach_to_proposal(
                archive, request.state.actor, proposal_id, question, sent.filename or "", _pieces(sent.file)
            )

        await run_in_threadpool(keep)
    return redirect(request, f"/proposals/{proposal_id}#files", message="The file is attached.")


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    yield from iter(lambda: stream.read(1 << 20), b"")


def file_page(request: Request) -> Response:
    """Give a file of a proposal, to be kept, never to be shown as a page of ours."""
    only(request)
    path = request.path_params
    known, content = submissions.open_proposal_file(
        request.state.archive, request.state.actor, path["proposal"], path["file"]
    )
    headers = {
        **PRIVATE,
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(known.name, safe='')}",
        "Content-Length": str(known.size_bytes),
        "Content-Security-Policy": "sandbox",
    }
    return StreamingResponse(content, media_type="application/octet-stream", headers=headers)


@form_endpoint
def detach(request: Request, form: Form) -> Response:
    """Take a file off a proposal that is being written."""
    proposal_id, number = request.path_params["proposal"], text(form, "file")
    file_id = int(number) if number.isdecimal() else 0
    submissions.remove_from_proposal(request.state.archive, request.state.actor, proposal_id, file_id)
    return redirect(request, f"/proposals/{proposal_id}#files", message="The file is gone.")


ONE = "/proposals/{proposal:int}"
routes: list[Route] = [
    Route("/proposals", list_page),
    Route("/proposals/new", new_page, methods=["GET"]),
    Route("/proposals/new", begin, methods=["POST"]),
    Route("/proposals/suggest", suggest_page, methods=["GET"]),
    Route("/proposals/suggest", suggest, methods=["POST"]),
    Route("/proposals/project", make_project, methods=["POST"]),
    Route(ONE, proposal_page),
    Route(f"{ONE}/edit", edit_page, methods=["GET"]),
    Route(f"{ONE}/edit", save, methods=["POST"]),
    Route(f"{ONE}/submit", submit, methods=["POST"]),
    Route(f"{ONE}/withdraw", withdraw, methods=["POST"]),
    Route(f"{ONE}/vote", vote, methods=["POST"]),
    Route(f"{ONE}/decision", decide, methods=["POST"]),
    Route(f"{ONE}/sign", sign, methods=["POST"]),
    Route(f"{ONE}/countersign", countersign, methods=["POST"]),
    Route(f"{ONE}/open", open_it, methods=["POST"]),
    Route(f"{ONE}/files", attach, methods=["POST"]),
    Route(f"{ONE}/files/remove", detach, methods=["POST"]),
    Route(f"{ONE}/files/{{file:int}}", file_page),
]
