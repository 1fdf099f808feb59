"""GUIDs for people: the form whose codes the browser makes, looking one up, and the close matches that a person decides.

Nothing personal comes here: the fields of the form have no names, so a browser does not send them, and what the script
sends are codes.
"""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from invivo import subjects
from invivo.errors import Busy, Conflict, Invalid, InvivoError, NotFound, Refused, TooLarge
from invivo.web.errors import status_of
from invivo.web.form import Form, form_endpoint, only, redirect, text
from invivo.web.render import page

PRIVATE = {"Cache-Control": "no-store"}
EXPECTED = (Invalid, Refused, NotFound, Conflict, TooLarge, Busy)
SHOWN = 50
LONGEST_CODES = 4000
WORDS = {
    "existing": "This person is known already: the GUID is the one given out before.",
    "new": "Nobody like this was known: the GUID is new.",
    "close": "This person resembles somebody known. A curator decides whether they are one; until then use this pseudo-GUID.",
    "pseudo": "A pseudo-GUID was made. Promote it when the data are there.",
}


def guids_page(request: Request) -> Response:
    """Show what GUIDs are, the form for one person, and what waits for a decision."""
    only(request, "guid")
    asked = request.query_params.get("guid", "").strip()
    found, error = None, ""
    if asked:
        try:
            found = subjects.resolve_guid(request.state.archive, request.state.actor, asked)
        except (Invalid, NotFound) as refusal:
            error = refusal.message
    return _shown(request, asked=asked, found=found, lookup_error=error)


def _shown(request: Request, status: int = 200, **more: Any) -> Response:
    archive, actor = request.state.archive, request.state.actor
    rules = subjects.guid_parameters(archive, actor)
    matches, waiting = subjects.guid_matches(archive, actor, SHOWN) if subjects.may_judge(actor) else ([], 0)
    shown: dict[str, Any] = {"asked": "", "found": None, "lookup_error": "", "form_error": "", "pseudo": ""}
    return page(
        request,
        "guids/guids.html",
        status=status,
        headers=PRIVATE,
        rules=json.dumps(rules, ensure_ascii=False),
        countries=rules["countries"],
        iterations=rules["iterations"],
        may_judge=subjects.may_judge(actor),
        matches=[_row(one) for one in matches],
        waiting=waiting,
        a_day=subjects.A_DAY,
        address=archive.settings.public_url,
        **shown | more,
    )


def _row(match: subjects.GuidMatch) -> dict[str, Any]:
    """Gather what the list of close matches shows: in words which fields agree, and which may not."""
    same, other = subjects.compared_fields(match.agreeing)
    words = [", ".join(name.replace("_", " ") for name in names) for names in (same, other)]
    return {"match": match, "same": words[0], "other": words[1]}


def _codes(form: Form) -> dict[str, str]:
    """Read the one field that the script fills: a JSON object of codes by combination."""
    written = text(form, "codes")
    if not written:
        raise Invalid(
            "No codes came. The browser makes them from what you fill in, which needs JavaScript and https.",
            code="guid.codes",
        )
    try:
        found = json.loads(written) if len(written) <= LONGEST_CODES else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise Invalid("The codes cannot be read; reload the page and try again.", code="guid.codes")
    return found


@form_endpoint
def assign(request: Request, form: Form) -> Response:
    """Give the GUID of one person, or promote a pseudo-GUID to it."""
    archive, actor = request.state.archive, request.state.actor
    pseudo = text(form, "pseudo")
    try:
        codes = _codes(form)
        if pseudo:
            given = subjects.promote_guid(archive, actor, pseudo, codes)
        else:
            given = subjects.assign_guids(archive, actor, [codes])[0]
    except EXPECTED as error:
        return _again(request, error, form_error=error.message, pseudo=pseudo)
    kind = "warn" if given.kind == "close" else "good"
    return redirect(request, f"/guids?guid={given.guid}", message=WORDS[given.kind], kind=kind)


@form_endpoint
def make_pseudo(request: Request, _form: Form) -> Response:
    """Make a pseudo-GUID."""
    try:
        given = subjects.pseudo_guids(request.state.archive, request.state.actor)[0]
    except EXPECTED as error:
        return _again(request, error, form_error=error.message)
    return redirect(request, f"/guids?guid={given.guid}", message=WORDS["pseudo"])


@form_endpoint
def decide(request: Request, form: Form) -> Response:
    """Decide whether two GUIDs are one person."""
    verdict = text(form, "verdict")
    try:
        label = subjects.decide_guid_match(
            request.state.archive, request.state.actor, request.path_params["match"], verdict, text(form, "reason")
        )
    except (Invalid, Conflict) as error:
        return redirect(request, "/guids#matches", message=f"Nothing was decided. {error.message}", kind="danger")
    words = "one person" if verdict == "same" else "two people"
    return redirect(request, f"/guids?guid={label}#matches", message=f"Decided: {words}. It is {label}.")


def _again(request: Request, error: InvivoError, **more: Any) -> Response:
    return _shown(request, status_of(error), **more)


routes = [
    Route("/guids", guids_page),
    Route("/guids", assign, methods=["POST"]),
    Route("/guids/pseudo", make_pseudo, methods=["POST"]),
    Route("/guids/matches/{match:int}", decide, methods=["POST"]),
]
