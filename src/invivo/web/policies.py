"""A collection's page, policy and people, as its owner and the administrator edit them."""

from dataclasses import asdict, fields
from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from invivo import accounts, collections, deidentification, submissions
from invivo.errors import Conflict, Invalid, Refused
from invivo.web.errors import status_of
from invivo.web.form import Form, form_endpoint, only, redirect, text, texts
from invivo.web.render import page

PRIVATE = {"Cache-Control": "no-store"}
TEXTS = ("short_name", "title", "licence", "access", "summary", "description", "contacts", "funding", "acknowledgement")
ACCESS = (
    ("open", "Open", "Anyone may see and download, without an account"),
    ("registered", "Registered", "Anyone may see; downloading needs an account"),
    ("controlled", "Controlled", "Anyone may see; the owner approves who downloads"),
    ("embargoed", "Embargoed", "Nothing of its data is shown before a date; then they open"),
    ("private", "Private", "Only people named by the owner"),
)
REVIEW = (
    ("person", "One person", "A curator looks at every series before it is released"),
    ("two-persons", "Two persons", "Two curators must approve every series"),
    ("on-receipt", "On receipt", "The automatic steps decide; only what they doubt waits for a person"),
    (
        "direct",
        "Kept as it comes",
        "Only in an archive of a house's own: nothing is taken out, everything is released at once",
    ),
)


def own_collection(request: Request) -> collections.Collection:
    """Return the collection of the address for somebody who may curate it."""
    actor = request.state.actor
    found = collections.collection_named(request.state.archive, actor, request.path_params["collection"])
    if not actor.may_curate(found.id):
        raise Refused(
            "Only the collection's owner, curators or an administrator may see this.", code="collection.not-owner"
        )
    return found


def _profiles() -> list[tuple[str, str, str]]:
    return [
        (one.name, one.name.upper() if one.name == "tcia" else one.name.capitalize(), one.title)
        for one in deidentification.profiles()
    ]


def _options() -> list[tuple[str, str, str]]:
    return [
        (key, words.removesuffix(" Option"), f"code {code}") for key, (code, words) in deidentification.OPTIONS.items()
    ]


def _words(form: Form, name: str) -> tuple[str, ...]:
    """Read a list that a person wrote with commas or one a line."""
    parts = text(form, name).replace("\n", ",").split(",")
    return tuple(dict.fromkeys(part.strip()[:100] for part in parts if part.strip()))[:50]


def _read_draft(form: Form) -> collections.Draft:
    ends = text(form, "embargo_until")
    try:
        embargo = date.fromisoformat(ends) if ends else None
    except ValueError:
        raise Invalid("Write the day as 2027-01-31.", code="collection.embargo-until") from None
    return collections.Draft(
        **{name: text(form, name) for name in TEXTS},
        species=_words(form, "species"),
        sites=_words(form, "sites"),
        diseases=_words(form, "diseases"),
        is_listed=text(form, "is_listed") == "yes",
        embargo_until=embargo,
        terms=text(form, "terms"),
        review_rule=text(form, "review_rule"),
        profile=text(form, "profile"),
        profile_options=tuple(one for one in texts(form, "profile_options") if one in deidentification.OPTIONS),
        state=text(form, "state") or "active",
    )


def _as_written(form: Form) -> dict[str, Any]:
    """Return what was typed, for showing the form again when it cannot be read."""
    names = (*TEXTS, "species", "sites", "diseases", "embargo_until", "terms", "review_rule", "profile", "state")
    kept: dict[str, Any] = {name: text(form, name) for name in names}
    return kept | {"is_listed": text(form, "is_listed") == "yes", "profile_options": texts(form, "profile_options")}


def _as_shown(draft: collections.Draft | collections.Collection) -> dict[str, Any]:
    known = asdict(draft)
    shown = {field.name: known[field.name] for field in fields(collections.Draft)}
    joined = {name: ", ".join(known[name]) for name in ("species", "sites", "diseases")}
    ends = known["embargo_until"]
    return shown | joined | {"embargo_until": ends.isoformat() if ends else ""}


def _form_page(
    request: Request,
    collection: collections.Collection | None,
    value: dict[str, Any],
    status: int = 200,
    errors: dict[str, str] | None = None,
    preview: str = "",
) -> Response:
    return page(
        request,
        "admin/collection.html",
        status=status,
        headers=PRIVATE,
        collection=collection,
        value=value,
        errors=errors or {},
        preview=preview,
        licences=[(one.id, f"{one.name} ({one.id})") for one in collections.licences()],
        access=ACCESS,
        review=[one for one in REVIEW if one[0] != "direct" or request.state.archive.settings.inhouse.identified],
        profiles=_profiles(),
        options=_options(),
    )


def _field(error: Invalid | Conflict) -> str:
    if error.kind.startswith("deidentification."):
        return "profile_options"
    name = error.kind.removeprefix("collection.").replace("-", "_")
    return {"name_taken": "short_name"}.get(name, name)


def new_page(request: Request) -> Response:
    """Show the form for a new collection."""
    only(request)
    if not request.state.actor.is_administrator:
        raise Refused("Only an administrator may make a collection.", code="collection.not-administrator")
    return _form_page(request, None, _as_shown(collections.draft_for(request.state.archive, "", "")))


def _saved(request: Request, form: Form, collection: collections.Collection | None) -> Response:
    """Save a form, or show it again with its preview or what is wrong with it."""
    archive, actor = request.state.archive, request.state.actor
    written = _as_written(form)
    if text(form, "act") == "preview":
        return _form_page(request, collection, written, preview=written["description"])
    try:
        draft = _read_draft(form)
        if draft.profile in collections.PROFILES:
            submissions.profile_for(draft)
        if collection is None:
            saved = collections.create(archive, actor, draft)
        else:
            saved = collections.edit(archive, actor, collection.id, draft)
    except (Invalid, Conflict) as error:
        return _form_page(request, collection, written, status_of(error), {_field(error): error.message})
    message = f"{saved.short_name} is saved." if collection else f"{saved.short_name} is made. Appoint its people next."
    return redirect(
        request, f"/admin/collections/{saved.short_name}/{'edit' if collection else 'people'}", message=message
    )


@form_endpoint
def create(request: Request, form: Form) -> Response:
    """Make a collection."""
    if not request.state.actor.is_administrator:
        raise Refused("Only an administrator may make a collection.", code="collection.not-administrator")
    return _saved(request, form, None)


def edit_page(request: Request) -> Response:
    """Show the form of a collection."""
    only(request)
    collection = own_collection(request)
    return _form_page(request, collection, _as_shown(collection))


@form_endpoint
def edit(request: Request, form: Form) -> Response:
    """Change a collection's page and policy."""
    return _saved(request, form, own_collection(request))


def people_page(request: Request) -> Response:
    """Show who has which role in a collection."""
    only(request)
    return people(request, own_collection(request))


def people(request: Request, collection: collections.Collection, status: int = 200, **tried: Any) -> Response:
    """Render the people of a collection, with what was tried and went wrong."""
    archive, actor = request.state.archive, request.state.actor
    known = [one.name for one in accounts.list_people(archive, actor)] if actor.is_administrator else []
    return page(
        request,
        "admin/people.html",
        status=status,
        headers=PRIVATE,
        collection=collection,
        members=collections.members_of(archive, actor, collection.id),
        roles=[(key, key.capitalize(), words) for key, words in collections.ROLES.items()],
        known=known,
        may_own=actor.may_own(collection.id),
        tried={"name": "", "role": "submitter", "errors": {}} | tried,
    )


routes: list[Route] = [
    Route("/admin/collections/new", new_page, methods=["GET"]),
    Route("/admin/collections/new", create, methods=["POST"]),
    Route("/admin/collections/{collection}/edit", edit_page, methods=["GET"]),
    Route("/admin/collections/{collection}/edit", edit, methods=["POST"]),
]
