"""How this archive meets what is asked of a repository: what it shows by itself, and what its people say."""

from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from invivo import assessment
from invivo.errors import Invalid, Refused
from invivo.web.errors import status_of
from invivo.web.form import Form, form_endpoint, only, redirect, text
from invivo.web.render import page

PRIVATE = {"Cache-Control": "no-store"}


def assessment_page(request: Request) -> Response:
    """Show every requirement with its evidence, what is missing, and the archive's statement."""
    only(request)
    return page(request, "home/assessment.html", **_gathered(request))


def _gathered(request: Request) -> dict[str, Any]:
    archive = request.state.archive
    return {
        "frameworks": assessment.frameworks(),
        "evidence": assessment.evidence(archive, request.state.actor),
        "statements": assessment.statements(archive),
    }


def assessment_json(request: Request) -> Response:
    """Give the same for machines."""
    only(request)
    known = _gathered(request)
    told = []
    for framework in known["frameworks"]:
        for one in framework.requirements:
            said = known["statements"].get((framework.name, one.name))
            told.append(
                {
                    "framework": framework.name,
                    "requirement": one.name,
                    "title": one.title,
                    "asks": one.asks,
                    "statement": said.text if said else None,
                    "evidence": {name: asdict(known["evidence"][name]) for name in one.shows},
                }
            )
    return JSONResponse({"archive": request.state.archive.settings.site.name, "requirements": told})


def statements_page(request: Request) -> Response:
    """Show the form in which an administrator speaks for the archive."""
    only(request)
    if not request.state.actor.is_administrator:
        raise Refused("Only an administrator may speak for the archive.", code="assessment.not-administrator")
    return _form(request)


def _form(request: Request, status: int = 200, **tried: str) -> Response:
    return page(
        request,
        "admin/assessment.html",
        status=status,
        headers=PRIVATE,
        tried={"at": "", "text": "", "error": ""} | tried,
        **_gathered(request),
    )


@form_endpoint
def write(request: Request, form: Form) -> Response:
    """Write a statement, or take it back."""
    framework, requirement, said = text(form, "framework"), text(form, "requirement"), text(form, "text")
    try:
        assessment.write_statement(request.state.archive, request.state.actor, framework, requirement, said)
    except Invalid as error:
        at = f"{framework}/{requirement}"
        return _form(request, status_of(error), at=at, text=said, error=error.message)
    return redirect(request, f"/admin/assessment#{framework}-{requirement}", message="Saved.")


routes: list[Route] = [
    Route("/about/assessment", assessment_page),
    Route("/about/assessment.json", assessment_json),
]
desk_routes: list[Route] = [
    Route("/admin/assessment", statements_page, methods=["GET"]),
    Route("/admin/assessment", write, methods=["POST"]),
]
