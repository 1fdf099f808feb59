"""Several carts: their names, links, copies, what one has that another has not, and queries that are pinned anew."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from invivo import carts
from invivo.errors import Conflict, Invalid
from invivo.web.carts import asked_cart, back, kept, shown
from invivo.web.form import Form, form_endpoint, only, redirect, text
from invivo.web.render import counted, page

DAYS = 30


def _number(form: Form, name: str) -> int:
    written = text(form, name)
    if not (written.isascii() and written.isdigit() and len(written) < 10):
        raise Invalid(f"The field {name} is a whole number.", code="cart.number")
    return int(written)


def _of(cart_id: str) -> str:
    return f"/cart?{urlencode({'cart': cart_id})}"


@form_endpoint
def new(request: Request, form: Form) -> Response:
    """Make an empty cart with a name and use it."""
    state = request.state
    try:
        made = carts.make_cart(state.archive, state.actor, text(form, "name"))
    except (Invalid, Conflict) as error:
        return redirect(request, back(form), message=error.message, kind="warn")
    return kept(request, redirect(request, _of(made.id), message=f"{made.name} is the cart in use now."), made.id)


@form_endpoint
def use(request: Request, form: Form) -> Response:
    """Put what is added from now on into this cart."""
    state, named = request.state, text(form, "cart")
    found = carts.find_cart(state.archive, state.actor, named)
    if found is None:
        raise carts.UnknownCart("There is no such cart for you.")
    if not found.may_change:
        raise carts.OnlyLooking("This link lets you look at the cart, not change it.")
    return kept(request, redirect(request, back(form), message="This is the cart in use now."), named)


@form_endpoint
def rename(request: Request, form: Form) -> Response:
    """Give a cart another name."""
    state = request.state
    try:
        carts.rename_cart(state.archive, state.actor, asked_cart(request, form), text(form, "name"))
    except (Invalid, Conflict) as error:
        return redirect(request, back(form), message=error.message, kind="warn")
    return redirect(request, back(form), message="The cart has its new name.")


@form_endpoint
def delete(request: Request, form: Form) -> Response:
    """Delete a cart and its links."""
    carts.delete_cart(request.state.archive, request.state.actor, asked_cart(request, form))
    return redirect(request, "/cart", message="The cart and its links are deleted.")


@form_endpoint
def copy(request: Request, form: Form) -> Response:
    """Make a copy of a cart that is the visitor's own, and use it."""
    state = request.state
    try:
        made = carts.duplicate_cart(state.archive, state.actor, asked_cart(request, form), text(form, "name"))
    except (Invalid, Conflict) as error:
        return redirect(request, back(form), message=error.message, kind="warn")
    return kept(request, redirect(request, _of(made.id), message="This copy is yours, and in use now."), made.id)


@form_endpoint
def merge(request: Request, form: Form) -> Response:
    """Put what another cart holds into this one."""
    state, named = request.state, asked_cart(request, form)
    before = carts.cart_size(state.archive, named, state.actor)
    carts.merge_cart(state.archive, state.actor, text(form, "other"), named)
    added = carts.cart_size(state.archive, named, state.actor) - before
    return redirect(request, back(form), message=f"{counted(added, 'series', 'series')} added from the other cart.")


def compare(request: Request) -> Response:
    """Show what one cart has that another has not, and what both have."""
    only(request, "cart", "other")
    state = request.state
    here, there = (request.query_params.get(name, "") for name in ("cart", "other"))
    told = carts.compare_carts(state.archive, state.actor, here, there)
    names = [carts.find_cart(state.archive, state.actor, one) for one in (here, there)]
    words = [found.name if found and found.name else fallback for found, fallback in zip(names, "AB", strict=True)]
    return page(
        request, "carts/compare.html", told=told, here=words[0], there=words[1], back=_of(here), other=_of(there)
    )


@form_endpoint
def pin_anew(request: Request, form: Form) -> Response:
    """Let an item of a cart mean what its query finds now."""
    state = request.state
    number = carts.pin_anew(state.archive, state.actor, asked_cart(request, form), _number(form, "choice"))
    return redirect(request, back(form), message=f"Pinned anew: {counted(number, 'series', 'series')}.")


@form_endpoint
def remove_choice(request: Request, form: Form) -> Response:
    """Take an item out of a cart."""
    carts.remove_choice(request.state.archive, request.state.actor, asked_cart(request, form), _number(form, "choice"))
    return redirect(request, back(form), message="The query is taken out of the cart.")


@form_endpoint
def share(request: Request, form: Form) -> Response:
    """Make a link to a cart and show it, once."""
    state, named = request.state, asked_cart(request, form)
    may_change = text(form, "right") == "change"
    days = _number(form, "days") if text(form, "days") else DAYS
    secret = carts.make_share(state.archive, state.actor, named, days=days, may_change=may_change)
    return shown(request, named, f"{state.archive.settings.public_url}/cart/shared/{secret}")


@form_endpoint
def unshare(request: Request, form: Form) -> Response:
    """Take a link back."""
    carts.revoke_share(request.state.archive, request.state.actor, asked_cart(request, form), _number(form, "link"))
    return redirect(request, back(form), message="The link shows nothing any more.")


routes: list[Route] = [
    Route("/cart/compare", compare),
    Route("/cart/new", new, methods=["POST"]),
    Route("/cart/use", use, methods=["POST"]),
    Route("/cart/rename", rename, methods=["POST"]),
    Route("/cart/delete", delete, methods=["POST"]),
    Route("/cart/copy", copy, methods=["POST"]),
    Route("/cart/merge", merge, methods=["POST"]),
    Route("/cart/choices/anew", pin_anew, methods=["POST"]),
    Route("/cart/choices/remove", remove_choice, methods=["POST"]),
    Route("/cart/share", share, methods=["POST"]),
    Route("/cart/share/revoke", unshare, methods=["POST"]),
]
