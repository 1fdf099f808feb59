"""Saved queries: keeping them by name, opening them by link, and being told of new matches."""

from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from invivo import search
from invivo.errors import Invalid
from invivo.web.form import Form, form_endpoint, local_path, only, redirect, text
from invivo.web.render import page
from invivo.web.sessions import PRIVATE, to_sign_in

_ACTS = {
    "share": ({"is_shared": True}, "Whoever has the link may open it; what it finds depends on who asks."),
    "unshare": ({"is_shared": False}, "The link works for you alone."),
    "follow": ({"is_subscribed": True}, "You are told of new matches, at most once a day."),
    "unfollow": ({"is_subscribed": False}, "You are told of it no more."),
}


def address_of(one: search.Saved) -> str:
    """Return the address of the search page that asks a saved query."""
    query = search.read(one.query)
    pairs = search.pairs_of_query(query)
    written = urlencode([("q", one.query)] if pairs is None else pairs)
    return f"/search?{'&'.join(part for part in (written, one.form) if part)}".rstrip("?")


def list_page(request: Request) -> Response:
    """Show one's saved queries."""
    if away := to_sign_in(request):
        return away
    only(request)
    archive, actor = request.state.archive, request.state.actor
    shown = []
    for one in search.saved_of(archive, actor):
        try:
            count, fault = search.count(archive, actor, search.read(one.query)), ""
        except search.BadQuery as error:  # a field of it is asked differently now
            count, fault = 0, error.message
        shown.append((one, count, fault, f"{archive.settings.public_url}/searches/{quote(one.token)}"))
    return page(request, "searches/list.html", headers=PRIVATE, shown=shown)


@form_endpoint
def save(request: Request, form: Form) -> Response:
    """Keep a query under a name."""
    if away := to_sign_in(request):
        return away
    back = local_path(text(form, "next"), "/searches")
    try:
        kept = search.save(
            request.state.archive,
            request.state.actor,
            text(form, "name"),
            text(form, "query"),
            form=text(form, "form"),
            is_subscribed=text(form, "follow") == "yes",
        )
    except Invalid as error:
        return redirect(request, back, message=error.message, kind="danger")
    return redirect(request, back, message=f"Saved as {kept.name}; it is among your saved queries.")


@form_endpoint
def change(request: Request, form: Form) -> Response:
    """Share, follow or remove a saved query."""
    if away := to_sign_in(request):
        return away
    number, act = request.path_params["number"], text(form, "act")
    archive, actor = request.state.archive, request.state.actor
    if act == "forget":
        search.forget_saved(archive, actor, number)
        return redirect(request, "/searches", message="Removed.")
    if act not in _ACTS:
        raise Invalid(f"An act is one of forget, {', '.join(_ACTS)}.", code="search.act")
    changes, message = _ACTS[act]
    search.change_saved(archive, actor, number, **changes)
    return redirect(request, "/searches", message=message)


def open_page(request: Request) -> Response:
    """Go on to what a saved query finds now."""
    only(request)
    token = request.path_params["token"]
    one = search.saved_by_token(request.state.archive, request.state.actor, token)
    return RedirectResponse(address_of(one), status_code=303, headers=PRIVATE)


routes: list[Route] = [
    Route("/searches", list_page, methods=["GET"]),
    Route("/searches", save, methods=["POST"]),
    Route("/searches/{number:int}", change, methods=["POST"]),
    Route("/searches/{token}", open_page, methods=["GET"]),
]
