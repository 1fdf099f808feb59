"""A delivery beside what was announced: what came by which way, letters, links for outsiders, replacing; and sites."""

from datetime import date
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from invivo import accounts, collections, submissions
from invivo.errors import Conflict, Invalid, NotFound, Refused
from invivo.web.errors import status_of
from invivo.web.form import Form, form_endpoint, only, redirect, text, texts
from invivo.web.render import page
from invivo.web.submissions import DOORS

PRIVATE = {"Cache-Control": "no-store"}
LINES = 3  # empty lines offered below what was announced
GB = 1_000_000_000
LINK_STATES = {"open": "open", "revoked": "revoked", "over": "over", "closed": "submission closed"}


def delivery_page(request: Request) -> Response:
    """Show what a delivery brought."""
    only(request)
    return _show(request)


def _show(request: Request, status: int = 200, secret: str = "", **tried: Any) -> Response:
    archive, actor, number = request.state.archive, request.state.actor, request.path_params["submission"]
    submission = submissions.find_submission(archive, actor, number)
    told = submissions.expected_of(archive, actor, number)
    return page(
        request,
        "deliveries/delivery.html",
        status=status,
        headers=PRIVATE,
        submission=submission,
        may_curate=actor.may_curate(submission.collection_id),
        balance=submissions.balance_of(archive, actor, number),
        lines=[*told, *([submissions.Expected("")] * (LINES if told else LINES + 1))],
        today=archive.clock().date(),
        ways=submissions.arrivals_of(archive, actor, number),
        doors=DOORS,
        letters=submissions.letters_of(archive, actor, number),
        links=submissions.links_of(archive, actor, number),
        link_states=LINK_STATES,
        most_days=archive.settings.submissions.link_days,
        sites=submissions.sites_of(archive, actor, submission.collection_id),
        others=[
            (str(one.id), f"{one.id}: {one.title}")
            for one in submissions.list_submissions(archive, actor)
            if one.collection_id == submission.collection_id and one.id != submission.id
        ],
        replacements=submissions.replacements_of(archive, actor, number),
        new_link=f"{archive.settings.public_url}/deposit/{secret}" if secret else "",
        tried={"at": "", "error": "", "text": "", "label": ""} | tried,
    )


def _back(request: Request, part: str, message: str) -> Response:
    return redirect(request, f"/submissions/{request.path_params['submission']}/delivery#{part}", message=message)


def _line(values: tuple[str, ...]) -> submissions.Expected | None:
    """Read one line of the announcement; None for an empty one."""
    modality, *numbers, due = (value.strip() for value in values)
    if not (modality or any(numbers) or due):
        return None
    if any(number and not (number.isascii() and number.isdecimal() and len(number) < 9) for number in numbers):
        raise Invalid("Subjects, studies and series are whole numbers.", code="expected.number")
    try:
        day = date.fromisoformat(due) if due else None
    except ValueError:
        raise Invalid("Write a day as YYYY-MM-DD.", code="expected.date") from None
    subjects, studies, series = (int(number or 0) for number in numbers)
    return submissions.Expected(modality.upper(), subjects, studies, series, day)


@form_endpoint
def announce(request: Request, form: Form) -> Response:
    """Write down what is to come."""
    fields = [texts(form, name) for name in ("modality", "subjects", "studies", "series", "due")]
    try:
        lines = [line for values in zip(*fields, strict=False) if (line := _line(values))]
        submissions.announce(request.state.archive, request.state.actor, request.path_params["submission"], lines)
    except Invalid as error:
        return _show(request, status_of(error), at="expected", error=error.message)
    return _back(request, "expected", "What is to come is written down.")


@form_endpoint
def write_letter(request: Request, form: Form) -> Response:
    """Write to the other side."""
    words = text(form, "text")
    try:
        submissions.write_letter(request.state.archive, request.state.actor, request.path_params["submission"], words)
    except Invalid as error:
        return _show(request, status_of(error), at="letters", error=error.message, text=words)
    return _back(request, "letters", "Your letter is on its way.")


@form_endpoint
def make_link(request: Request, form: Form) -> Response:
    """Make an upload link; its secret is on this answer and nowhere else."""
    days, size, site, label = (text(form, name) for name in ("days", "gigabytes", "site", "label"))
    try:
        _, secret = submissions.make_link(
            request.state.archive,
            request.state.actor,
            request.path_params["submission"],
            label,
            days=int(days) if days.isdecimal() else 0,
            max_bytes=int(size) * GB if size.isdecimal() and len(size) < 6 else 0,
            site_id=int(site) if site.isdecimal() else None,
        )
    except Invalid as error:
        return _show(request, status_of(error), at="links", error=error.message, label=label)
    return _show(request, 201, secret)


@form_endpoint
def revoke_link(request: Request, form: Form) -> Response:
    """Make an upload link worthless."""
    number = text(form, "link")
    link_id = int(number) if number.isdecimal() else 0
    submissions.revoke_link(request.state.archive, request.state.actor, request.path_params["submission"], link_id)
    return _back(request, "links", "The link is revoked: nothing more comes by it.")


def _asked(of: str, uids: str) -> dict[str, Any]:
    wanted = uids.replace(",", " ").split()
    return {"of_submission": int(of) if of.isdecimal() else None, "uids": wanted}


def replacing_page(request: Request) -> Response:
    """Show what would be dropped if this delivery took the place of another, or of named series."""
    only(request, "of", "uids")
    return _replacing(request, request.query_params.get("of", ""), request.query_params.get("uids", ""))


def _replacing(request: Request, of: str, uids: str, status: int = 200, error: str = "", reason: str = "") -> Response:
    archive, actor, number = request.state.archive, request.state.actor, request.path_params["submission"]
    return page(
        request,
        "deliveries/replacing.html",
        status=status,
        headers=PRIVATE,
        submission=submissions.find_submission(archive, actor, number),
        preview=submissions.preview_replacement(archive, actor, number, **_asked(of, uids)),
        of=of,
        uids=uids,
        named=len(_asked(of, uids)["uids"]),
        error=error,
        reason=reason,
    )


@form_endpoint
def replace(request: Request, form: Form) -> Response:
    """Carry out what the preview said."""
    archive, actor, number = request.state.archive, request.state.actor, request.path_params["submission"]
    of, uids, reason = text(form, "of"), text(form, "uids"), text(form, "reason")
    try:
        done = submissions.replace_delivery(archive, actor, number, text(form, "token"), reason, **_asked(of, uids))
    except (Invalid, Conflict) as error:
        return _replacing(request, of, uids, status_of(error), error.message, reason)
    return _back(request, "replacing", f"{done.replaced:,} objects replaced, {done.dropped:,} dropped.")


def _collection(request: Request) -> collections.Collection:
    name = request.path_params["short_name"].replace("\0", "")
    return collections.collection_named(request.state.archive, request.state.actor, name)


def sites_page(request: Request) -> Response:
    """Show the sites of a collection, who belongs to them and what sends for them."""
    only(request)
    return _sites(request)


def _sites(request: Request, status: int = 200, **tried: Any) -> Response:
    archive, actor, known = request.state.archive, request.state.actor, _collection(request)
    if not actor.may_curate(known.id):
        raise Refused("Only the collection's owner or curators may see all its sites.", code="site.not-curator")
    deliveries = [one for one in submissions.list_submissions(archive, actor) if one.collection_id == known.id]
    return page(
        request,
        "deliveries/sites.html",
        status=status,
        headers=PRIVATE,
        collection=known,
        sites=submissions.sites_of(archive, actor, known.id),
        coordinators=submissions.coordinators_of(archive, actor, known.id),
        deliveries=deliveries,
        senders=[(one, sender) for one in deliveries for sender in submissions.senders_of(archive, actor, one.id)],
        may_own=actor.may_own(known.id),
        tried={"code": "", "name": "", "contact": "", "who": "", "at": "", "error": ""} | tried,
    )


@form_endpoint
def change_sites(request: Request, form: Form) -> Response:
    """Add a site, appoint or dismiss a coordinator, or say for which site a sender or a submission is."""
    archive, actor, known = request.state.archive, request.state.actor, _collection(request)
    change, given = (
        text(form, "change"),
        {name: text(form, name) for name in ("code", "name", "contact", "who")},
    )
    site, other = (int(value) if value.isdecimal() else None for value in (text(form, "site"), text(form, "other")))
    try:
        if change == "add":
            submissions.add_site(archive, actor, known.id, given["code"], given["name"], given["contact"])
        elif change in ("appoint", "dismiss"):
            verb = submissions.add_coordinator if change == "appoint" else submissions.remove_coordinator
            verb(archive, actor, known.id, site or 0, accounts.person_named(archive, given["who"]).id)
        elif change == "sender":
            submissions.set_sender_site(archive, actor, other or 0, site)
        elif change == "submission":
            submissions.set_submission_site(archive, actor, other or 0, site)
        elif change == "invite":
            submissions.invite_submitter(archive, actor, known.id, given["who"])
        else:
            raise Invalid("There is no such change of sites.", code="site.change")
    except (Invalid, Conflict, NotFound) as error:
        return _sites(request, status_of(error), at=change, error=error.message, **_kept(given))
    return redirect(request, f"/submissions/sites/{quote(known.short_name)}", message="Done.")


def _kept(given: dict[str, str]) -> dict[str, str]:
    return {name: given[name] for name in ("code", "name", "contact", "who")}


ONE = "/submissions/{submission:int}"
routes: list[Route] = [
    Route(f"{ONE}/delivery", delivery_page),
    Route(f"{ONE}/expected", announce, methods=["POST"]),
    Route(f"{ONE}/letters", write_letter, methods=["POST"]),
    Route(f"{ONE}/links", make_link, methods=["POST"]),
    Route(f"{ONE}/links/revoke", revoke_link, methods=["POST"]),
    Route(f"{ONE}/replacing", replacing_page, methods=["GET"]),
    Route(f"{ONE}/replacing", replace, methods=["POST"]),
    Route("/submissions/sites/{short_name}", sites_page, methods=["GET"]),
    Route("/submissions/sites/{short_name}", change_sites, methods=["POST"]),
]
