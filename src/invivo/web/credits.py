"""Who made a collection, and its identifiers, as its owner writes them."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from invivo import releases
from invivo.errors import Invalid, Refused
from invivo.web.errors import status_of
from invivo.web.form import Form, form_endpoint, only, redirect, text
from invivo.web.policies import PRIVATE, own_collection
from invivo.web.render import page

STATES = (
    ("draft", "Reserve", "The name is kept; it resolves nowhere yet"),
    ("findable", "Publish", "It resolves and is found; this cannot be taken back"),
    ("registered", "Hide", "It resolves, and is found no more"),
)


def _lines(value: str) -> list[list[str]]:
    return [[part.strip() for part in line.split("|")] for line in value.splitlines() if line.strip()]


def _part(parts: list[str], place: int) -> str:
    return parts[place] if len(parts) > place else ""


def _creator(parts: list[str]) -> releases.Creator:
    name = parts[0].removeprefix("Organisation:").strip()
    is_organisation = parts[0].startswith("Organisation:")
    return releases.Creator(name, _part(parts, 1), _part(parts, 2), _part(parts, 3), is_organisation)


def _read(form: Form) -> releases.Credit:
    """Read the lines of the form; raises Invalid with the line that cannot be read."""
    related = []
    for parts in _lines(text(form, "related")):
        words = parts[0].split(None, 2)
        if len(words) != 3:
            raise Invalid(f"“{parts[0][:80]}” is not relation, kind and identifier.", code="credit.relation")
        related.append(releases.Related(*words))
    return releases.Credit(
        tuple(_creator(parts) for parts in _lines(text(form, "creators"))),
        tuple(
            releases.Funder(parts[0], _part(parts, 2), _part(parts, 1), _part(parts, 3))
            for parts in _lines(text(form, "funders"))
        ),
        tuple(related),
        tuple(word.strip() for word in text(form, "keywords").split(",") if word.strip()),
        text(form, "methods"),
    )


def _line(*parts: str) -> str:
    return " | ".join(parts).rstrip(" |")


def _shown(credit: releases.Credit) -> dict[str, str]:
    creators = [
        _line(f"Organisation: {one.name}" if one.is_organisation else one.name, one.orcid, one.affiliation, one.ror)
        for one in credit.creators
    ]
    return {
        "creators": "\n".join(creators),
        "funders": "\n".join(_line(one.name, one.award, one.ror, one.award_url) for one in credit.funders),
        "related": "\n".join(f"{one.relation} {one.kind} {one.value}" for one in credit.related),
        "keywords": ", ".join(credit.keywords),
        "methods": credit.methods,
    }


def credit_page(request: Request) -> Response:
    """Show who made a collection, and its identifiers."""
    only(request)
    return _page(request)


def _page(request: Request, status: int = 200, **tried: Any) -> Response:
    archive, collection = request.state.archive, own_collection(request)
    with archive.database.transaction() as tx:
        value = _shown(releases.credit_of(tx, collection.id))
        made = {one.number: one for one in releases.identifiers_of(tx, collection.id)}
    published = releases.releases_of(archive, request.state.actor, collection.id)
    rows = [(0, "The collection as a whole"), *((one.number, f"Release {one.number}") for one in published)]
    settings = archive.settings.datacite
    return page(
        request,
        "admin/credit.html",
        status=status,
        headers=PRIVATE,
        collection=collection,
        value=tried.get("value", value),
        errors=tried.get("errors", {}),
        rows=[(number, title, made.get(number)) for number, title in rows] if published else [],
        states=STATES,
        has_account=bool(settings.prefix and settings.account),
        may_own=request.state.actor.may_own(collection.id),
    )


_PLACES = {"creator": "creators", "orcid": "creators", "ror": "creators", "funder": "funders", "keyword": "keywords"}


@form_endpoint
def write(request: Request, form: Form) -> Response:
    """Write who made a collection."""
    collection = own_collection(request)
    try:
        releases.write_credit(request.state.archive, request.state.actor, collection.id, _read(form))
    except Invalid as error:
        place = _PLACES.get(error.kind.rpartition(".")[2], "methods" if error.kind.endswith("methods") else "related")
        value = {name: text(form, name) for name in ("creators", "funders", "related", "keywords", "methods")}
        return _page(request, status_of(error), value=value, errors={place: error.message})
    return redirect(request, f"/admin/collections/{collection.short_name}/credit", message="Saved.")


@form_endpoint
def want(request: Request, form: Form) -> Response:
    """Make an identifier, publish it, or hide it."""
    collection = own_collection(request)
    number, state = text(form, "number"), text(form, "state")
    if not number.isdigit() or len(number) > 9 or state not in {one for one, _, _ in STATES}:
        raise Refused("There is no such release or state.", code="identifier.form")
    made = releases.want_identifier(request.state.archive, request.state.actor, collection.id, int(number), state)
    message = f"/id/{made.name} leads to it." if made.wanted == "local" else f"DataCite is asked for {made.doi}."
    return redirect(request, f"/admin/collections/{collection.short_name}/credit", message=message)


routes: list[Route] = [
    Route("/admin/collections/{collection}/credit", credit_page, methods=["GET"]),
    Route("/admin/collections/{collection}/credit", write, methods=["POST"]),
    Route("/admin/collections/{collection}/identifiers", want, methods=["POST"]),
]
