"""Pages of controlled data: applying, deciding, the collection's policy and agreement, and what is public about it."""

from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from invivo import collections
from invivo.errors import Conflict, Invalid, InvivoError, Refused
from invivo.web.errors import status_of
from invivo.web.form import Form, form_endpoint, only, redirect, text
from invivo.web.render import page

PRIVATE = {"Cache-Control": "no-store"}
WRITTEN = ("title", "purpose", "institution", "collaborators", "official_name", "official_email", "progress")


def known_collection(request: Request) -> collections.Collection:
    """Return the collection of the address, if the visitor may know of it."""
    name = request.path_params["collection"].replace("\0", "")
    return collections.collection_named(request.state.archive, request.state.actor, name)


def own_collection(request: Request) -> collections.Collection:
    """Return the collection of the address for its owner."""
    found = known_collection(request)
    if not request.state.actor.may_own(found.id):
        raise Refused("Only the collection's owner or an administrator may see this.", code="collection.not-owner")
    return found


def overview_page(request: Request) -> Response:
    """Show one's applications, and those that wait for one's vote."""
    only(request)
    archive, actor = request.state.archive, request.state.actor
    return page(
        request,
        "access/overview.html",
        headers=PRIVATE,
        mine=collections.my_requests(archive, actor),
        waiting=collections.requests_to_decide(archive, actor),
    )


def _form_page(
    request: Request,
    collection: collections.Collection,
    value: dict[str, Any],
    status: int = 200,
    errors: dict[str, str] | None = None,
    renews: int | None = None,
) -> Response:
    with request.state.archive.database.transaction() as tx:
        policy = collections.access_policy(tx, collection.id)
    return page(
        request,
        "access/form.html",
        status=status,
        headers=PRIVATE,
        collection=collection,
        policy=policy,
        value=dict.fromkeys(WRITTEN, "") | value,
        errors=errors or {},
        renews=renews,
    )


def new_page(request: Request) -> Response:
    """Show the form of an application; that of a renewal begins with what was approved."""
    only(request, "renews")
    asked = request.query_params.get("renews", "")
    value, renews = {}, None
    if asked.isdecimal():
        before = collections.request_by_id(request.state.archive, request.state.actor, int(asked[:18]))
        value, renews = asdict(before) | {"progress": ""}, before.id
    return _form_page(request, known_collection(request), value, renews=renews)


def _draft(form: Form) -> collections.RequestDraft:
    return collections.RequestDraft(**{name: text(form, name) for name in WRITTEN})


def _number(written: str) -> int | None:
    return int(written) if written.isdecimal() and len(written) < 18 else None


@form_endpoint
def write(request: Request, form: Form) -> Response:
    """Keep an application as a draft."""
    collection, renews = known_collection(request), _number(text(form, "renews"))
    archive, actor = request.state.archive, request.state.actor
    try:
        made = collections.write_request(archive, actor, collection.id, _draft(form), renews)
    except (Invalid, Conflict) as error:
        errors = {error.kind.removeprefix("request."): error.message}
        return _form_page(request, collection, asdict(_draft(form)), status_of(error), errors, renews)
    return redirect(
        request, f"/access/requests/{made.id}", message="Your draft is kept. Read it once more, then submit it."
    )


def request_page(request: Request) -> Response:
    """Show an application and what can be done with it."""
    only(request)
    return _request_page(request)


def _request_page(request: Request, status: int = 200, error: str = "") -> Response:
    archive, actor = request.state.archive, request.state.actor
    found = collections.request_by_id(archive, actor, request.path_params["request"])
    is_own = found.person_id == actor.person_id
    with archive.database.transaction() as tx:
        policy = collections.access_policy(tx, found.collection_id)
        agreement = collections.agreement_in_force(tx, found.collection_id)
        signed = collections.has_signed(tx, found.collection_id, found.person_id)
    return page(
        request,
        "access/request.html",
        status=status,
        headers=PRIVATE,
        one=found,
        error=error,
        policy=policy,
        agreement=agreement,
        signed=signed,
        is_own=is_own,
        may_vote=collections.may_vote(archive, actor, found),
        may_revoke=found.state == "approved" and not is_own,
        votes=() if is_own else collections.votes_of(archive, found),
        open_states=collections.OPEN_STATES,
        official_days=collections.OFFICIAL_DAYS,
    )


@form_endpoint
def act(request: Request, form: Form) -> Response:
    """Submit, withdraw, vote on, revoke or sign for an application."""
    number, asked = request.path_params["request"], text(form, "act")
    try:
        message = _acted(request, form, number, asked)
    except (Invalid, Conflict, Refused) as error:
        return _request_page(request, status_of(error), error.message)
    return redirect(request, f"/access/requests/{number}", message=message)


def _acted(request: Request, form: Form, number: int, asked: str) -> str:
    archive, actor = request.state.archive, request.state.actor
    if asked == "submit":
        version = _number(text(form, "version"))
        done = collections.submit_request(archive, actor, number, version=version, name=text(form, "name"))
        waits = done.state == "awaiting-official"
        return f"Submitted. {done.official_name} gets a link by mail." if waits else "Submitted to the owner."
    if asked == "sign":
        own = collections.request_by_id(archive, actor, number)
        version = _number(text(form, "version")) or 0
        collections.sign_agreement(archive, actor, own.collection_id, version, text(form, "name"))
        return "You have signed."
    if asked == "again":
        collections.send_official_again(archive, actor, number)
        return "A new link is on its way; the old one has ended."
    if asked == "withdraw":
        collections.withdraw_request(archive, actor, number)
        return "Your application is withdrawn."
    if asked == "revoke":
        collections.revoke_request(archive, actor, number, text(form, "reason"))
        return "The approval is revoked."
    months, conditions = _number(text(form, "months")), text(form, "conditions")
    choice, reason = text(form, "choice"), text(form, "reason")
    done = collections.vote(archive, actor, number, choice, reason, months=months, conditions=conditions)
    return {"approved": "Approved.", "declined": "Declined."}.get(done.state, "Your vote is counted.")


@form_endpoint
def edit(request: Request, form: Form) -> Response:
    """Change a draft."""
    archive, actor, number = request.state.archive, request.state.actor, request.path_params["request"]
    try:
        collections.edit_request(archive, actor, number, _draft(form))
    except (Invalid, Conflict) as error:
        known = collections.request_by_id(archive, actor, number)
        errors = {error.kind.removeprefix("request."): error.message}
        collection = collections.collection_by_id(archive, actor, known.collection_id)
        return _form_page(
            request, collection, asdict(_draft(form)) | {"id": number}, status_of(error), errors, known.renews
        )
    return redirect(request, f"/access/requests/{number}", message="Your draft is changed.")


def edit_page(request: Request) -> Response:
    """Show the form of a draft."""
    only(request)
    archive, actor = request.state.archive, request.state.actor
    known = collections.request_by_id(archive, actor, request.path_params["request"])
    collection = collections.collection_by_id(archive, actor, known.collection_id)
    return _form_page(request, collection, asdict(known), renews=known.renews)


def requests_page(request: Request) -> Response:
    """Show a collection's applications to its committee and owner."""
    only(request)
    archive, actor, known = request.state.archive, request.state.actor, known_collection(request)
    return page(
        request,
        "access/requests.html",
        headers=PRIVATE,
        collection=known,
        requests=collections.requests_of(archive, actor, known.id),
        figures=collections.request_figures(archive, actor, known.id),
        may_own=actor.may_own(known.id),
    )


def policy_page(request: Request) -> Response:
    """Show a collection's policy on applications and its agreement."""
    only(request)
    return _policy_page(request)


def _policy_page(request: Request, status: int = 200, error: str = "", tried: str = "") -> Response:
    archive, known = request.state.archive, own_collection(request)
    with archive.database.transaction() as tx:
        policy = collections.access_policy(tx, known.id)
    return page(
        request,
        "access/policy.html",
        status=status,
        headers=PRIVATE,
        collection=known,
        policy=policy,
        agreements=collections.agreements_of(archive, known.id),
        signatures=collections.signatures_of(archive, request.state.actor, known.id)[:200],
        forms=[(key, key.capitalize(), words) for key, words in collections.REQUEST_FORMS.items()],
        rules=list(collections.VOTE_RULES.items()),
        error=error,
        tried=tried,
    )


@form_endpoint
def change_policy(request: Request, form: Form) -> Response:
    """Change the policy, or put a new version of the agreement in force."""
    archive, actor, known = request.state.archive, request.state.actor, own_collection(request)
    try:
        if text(form, "act") == "agreement":
            again = text(form, "is_needed_again") == "yes"
            collections.add_agreement(archive, actor, known.id, text(form, "text"), is_needed_again=again)
            message = "The new version is in force."
        else:
            countries = tuple(text(form, "denied_countries").upper().replace(",", " ").split())
            policy = collections.AccessPolicy(
                request_form=text(form, "request_form"),
                vote_rule=text(form, "vote_rule"),
                term_months=_number(text(form, "term_months")) or 0,
                denied_countries=countries,
                needs_affiliation=text(form, "needs_affiliation") == "yes",
                hides_metadata=text(form, "hides_metadata") == "yes",
                needs_factor=text(form, "needs_factor") == "yes",
            )
            collections.set_access_policy(archive, actor, known.id, policy)
            message = "The policy is changed."
    except Invalid as error:
        return _policy_page(request, status_of(error), error.message, text(form, "text"))
    return redirect(request, f"/access/collections/{quote(known.short_name)}/policy", message=message)


def uses_page(request: Request) -> Response:
    """Show the approved uses of a collection, and the figures of its applications, to everybody."""
    only(request)
    archive, actor, known = request.state.archive, request.state.actor, known_collection(request)
    return page(
        request,
        "access/uses.html",
        collection=known,
        uses=collections.approved_uses(archive, actor, known.id),
        figures=collections.request_figures(archive, actor, known.id),
        agreements=collections.agreements_of(archive, known.id)[:1],
    )


def uses_file(request: Request) -> Response:
    """Give the approved uses and the figures for machines."""
    only(request)
    archive, actor, known = request.state.archive, request.state.actor, known_collection(request)
    uses = [
        asdict(one) | {"starts_on": one.starts_on.isoformat(), "ends_on": one.ends_on.isoformat()}
        for one in collections.approved_uses(archive, actor, known.id)
    ]
    figures = asdict(collections.request_figures(archive, actor, known.id))
    return JSONResponse({"collection": known.short_name, "uses": uses, "figures": figures})


def official_page(request: Request) -> Response:
    """Show a signing official what they are asked to confirm."""
    only(request)
    return _official_page(request)


def _official_page(request: Request, status: int = 200, error: str = "") -> Response:
    secret = request.path_params["secret"][:200]
    asked = collections.request_of_link(request.state.archive, secret)
    headers = PRIVATE | {"Referrer-Policy": "same-origin"}
    return page(
        request, "access/official.html", status=status, headers=headers, asked=asked, secret=secret, error=error
    )


@form_endpoint
def official_answer(request: Request, form: Form) -> Response:
    """Take a signing official's word."""
    confirms = text(form, "answer") == "confirm"
    secret = request.path_params["secret"][:200]
    try:
        collections.official_answers(request.state.archive, secret, confirms=confirms, reason=text(form, "reason"))
    except Invalid as error:
        return _official_page(request, status_of(error), error.message)
    except InvivoError as error:
        return page(request, "access/answered.html", status=status_of(error), headers=PRIVATE, words=error.message)
    words = "The committee looks at the application now." if confirms else "The applicant is told."
    return page(request, "access/answered.html", headers=PRIVATE, words=f"Thank you. {words}")


routes: list[Route] = [
    Route("/collections/{collection}/uses", uses_page),
    Route("/collections/{collection}/uses.json", uses_file),
    Route("/official/{secret}", official_page, methods=["GET"]),
    Route("/official/{secret}", official_answer, methods=["POST"]),
]
desk_routes: list[Route] = [
    Route("/access", overview_page),
    Route("/access/new/{collection}", new_page, methods=["GET"]),
    Route("/access/new/{collection}", write, methods=["POST"]),
    Route("/access/requests/{request:int}", request_page, methods=["GET"]),
    Route("/access/requests/{request:int}", act, methods=["POST"]),
    Route("/access/requests/{request:int}/edit", edit_page, methods=["GET"]),
    Route("/access/requests/{request:int}/edit", edit, methods=["POST"]),
    Route("/access/collections/{collection}", requests_page),
    Route("/access/collections/{collection}/policy", policy_page, methods=["GET"]),
    Route("/access/collections/{collection}/policy", change_policy, methods=["POST"]),
]
