"""How proposals are asked for and decided, for administrators: the questions, the agreement, the committee."""

import json
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from invivo import accounts, submissions
from invivo.errors import Invalid, NotFound, Refused
from invivo.web.errors import status_of
from invivo.web.form import Form, form_endpoint, only, redirect, text
from invivo.web.render import page

RULES_PAGE = "/proposals/rules"


def rules_page(request: Request) -> Response:
    """Show the questions, the agreement and the committee."""
    only(request)
    return _show(request)


def _show(request: Request, status: int = 200, **tried: Any) -> Response:
    archive, actor = request.state.archive, request.state.actor
    if not actor.is_administrator:
        raise Refused("Only an administrator may change how proposals are decided.", code="proposal.not-administrator")
    form, agreement = submissions.form_in_force(archive), submissions.agreement_in_force(archive)
    asked = [{key: value for key, value in asdict(one).items() if value} for one in form.questions]
    lines = ",\n  ".join(json.dumps(one, ensure_ascii=False) for one in asked)
    return page(
        request,
        "proposals/rules.html",
        status=status,
        headers={"Cache-Control": "no-store"},
        form=form,
        agreement=agreement,
        members=submissions.committee_members(archive, actor),
        policy=archive.settings.submissions,
        ways=submissions.ways_in(archive),
        tried={"questions": f"[\n  {lines}\n]", "text": agreement.text, "name": "", "at": "", "error": ""} | tried,
    )


@form_endpoint
def write_questions(request: Request, form: Form) -> Response:
    """Ask other questions from now on."""
    written = text(form, "questions")
    try:
        given = json.loads(written)
        made = submissions.write_form(
            request.state.archive, request.state.actor, given if isinstance(given, list) else []
        )
    except (ValueError, TypeError, RecursionError):
        error = "This is no list of questions in JSON; compare with the one before."
        return _show(request, 400, questions=written, at="questions", error=error)
    except Invalid as error:
        return _show(request, status_of(error), questions=written, at="questions", error=error.message)
    return redirect(request, RULES_PAGE, message=f"Version {made.version} of the questions is asked from now on.")


@form_endpoint
def write_agreement(request: Request, form: Form) -> Response:
    """Let other words be signed from now on."""
    words = text(form, "text")
    try:
        made = submissions.write_agreement(request.state.archive, request.state.actor, words)
    except Invalid as error:
        return _show(request, status_of(error), text=words, at="agreement", error=error.message)
    return redirect(request, RULES_PAGE, message=f"Version {made.version} of the agreement is signed from now on.")


@form_endpoint
def change_member(request: Request, form: Form) -> Response:
    """Appoint or dismiss a member of the committee."""
    archive, actor, name = request.state.archive, request.state.actor, text(form, "name")
    verb = submissions.dismiss if text(form, "change") == "dismiss" else submissions.appoint
    try:
        verb(archive, actor, accounts.person_named(archive, name).id)
    except NotFound as error:
        return _show(request, 404, name=name, at="member", error=error.message)
    done = "off" if verb is submissions.dismiss else "on"
    return redirect(request, f"{RULES_PAGE}#committee", message=f"{name} is {done} the committee now.")


routes: list[Route] = [
    Route(RULES_PAGE, rules_page, methods=["GET"]),
    Route(f"{RULES_PAGE}/questions", write_questions, methods=["POST"]),
    Route(f"{RULES_PAGE}/agreement", write_agreement, methods=["POST"]),
    Route(f"{RULES_PAGE}/committee", change_member, methods=["POST"]),
]
