"""Webhooks of a collection and of the archive, and what was told to them."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from invivo import collections, releases
from invivo.errors import Conflict, Invalid, Refused
from invivo.web.errors import status_of
from invivo.web.form import Form, form_endpoint, only, redirect, text
from invivo.web.policies import PRIVATE, own_collection
from invivo.web.render import page


def _place(request: Request) -> tuple[collections.Collection | None, str]:
    """Return the collection of the address, None for the archive, and the address of its list."""
    if "collection" in request.path_params:
        collection = own_collection(request)
        return collection, f"/releases/{collection.short_name}/hooks"
    return None, "/admin/hooks"


def hooks_page(request: Request) -> Response:
    """Show the webhooks of a collection or of the archive."""
    only(request)
    return _hooks(request)


def _hooks(request: Request, status: int = 200, **tried: Any) -> Response:
    collection, here = _place(request)
    archive, actor = request.state.archive, request.state.actor
    return page(
        request,
        "releases/hooks.html",
        status=status,
        headers=PRIVATE,
        collection=collection,
        here=here,
        hooks=releases.hooks_of(archive, actor, collection.id if collection else None),
        tried={"url": "", "error": "", "secret": ""} | tried,
    )


@form_endpoint
def add(request: Request, form: Form) -> Response:
    """Register an address and show its secret once."""
    collection, _ = _place(request)
    url, number = text(form, "url"), collection.id if collection else None
    try:
        _, secret = releases.add_hook(request.state.archive, request.state.actor, number, url)
    except (Conflict, Invalid, Refused) as error:
        return _hooks(request, status_of(error), url=url, error=error.message)
    return _hooks(request, secret=secret)


def hook_page(request: Request) -> Response:
    """Show what was told to a webhook."""
    only(request)
    collection, here = _place(request)
    hook, deliveries = _own(request, collection)
    return page(
        request,
        "releases/hook.html",
        headers=PRIVATE,
        collection=collection,
        here=here,
        hook=hook,
        deliveries=deliveries,
    )


def _own(request: Request, collection: collections.Collection | None) -> tuple[releases.Hook, list[releases.Delivery]]:
    found = releases.hook_with_deliveries(request.state.archive, request.state.actor, request.path_params["hook"])
    if found[0].collection_id != (collection.id if collection else None):
        raise releases.UnknownHook("There is no such webhook.")
    return found


@form_endpoint
def change(request: Request, form: Form) -> Response:
    """Remove a webhook, or switch one on again."""
    collection, here = _place(request)
    hook, _ = _own(request, collection)
    archive, actor = request.state.archive, request.state.actor
    if text(form, "change") == "remove":
        releases.remove_hook(archive, actor, hook.id)
        return redirect(request, here, message="The webhook is removed.")
    releases.revive_hook(archive, actor, hook.id)
    return redirect(request, f"{here}/{hook.id}", message="It is told again, from where it stopped.")


def _routes(base: str) -> list[Route]:
    return [
        Route(base, hooks_page, methods=["GET"]),
        Route(base, add, methods=["POST"]),
        Route(f"{base}/{{hook:int}}", hook_page, methods=["GET"]),
        Route(f"{base}/{{hook:int}}", change, methods=["POST"]),
    ]


routes: list[Route] = [*_routes("/releases/{collection}/hooks"), *_routes("/admin/hooks")]
