"""The cart: what is chosen, what of it may be had, and ways to take it home."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import parse_qsl, quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from invivo import carts, collections, search
from invivo.errors import Invalid
from invivo.web.form import Form, form_endpoint, local_path, only, redirect, text, texts
from invivo.web.render import counted, page

COOKIE = "invivo_cart"
COOKIE_AGE_S = 90 * 24 * 3600
MOST_WEIGHED = 2000
A_PAGE = 200
LONGEST_QUERY = 8000


@dataclass(frozen=True, slots=True)
class Bar:
    """What the bar at the foot of the search says of the cart; size and licences only where they are quickly known."""

    series_count: int
    size_bytes: int | None
    licences: tuple[str, ...]


def bar_of(request: Request) -> Bar:
    """Weigh the cart of a request."""
    state = request.state
    number = carts.cart_size(state.archive, state.cart_id)
    if not 0 < number <= MOST_WEIGHED:
        return Bar(number, None, ())
    lines = carts.contents(state.archive, state.actor, state.cart_id)
    return Bar(len(lines), sum(line.size_bytes for line in lines), tuple(sorted({line.licence for line in lines})))


@dataclass(frozen=True, slots=True)
class Share:
    """What one collection gives to a cart."""

    collection: str
    title: str
    licence: collections.Licence
    access: str
    lines: tuple[carts.Line, ...]

    @property
    def size_bytes(self) -> int:
        return sum(line.size_bytes for line in self.lines)

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """Why some of it may not be had, with how many series each."""
        refused = sorted(line.reason for line in self.lines if not line.may_download)
        return [(reason, len(list(group))) for reason, group in groupby(refused)]


def _shares(lines: Sequence[carts.Line]) -> list[Share]:
    by_collection = sorted(lines, key=lambda line: line.collection.lower())
    shares = []
    for name, group in groupby(by_collection, key=lambda line: line.collection):
        own = tuple(group)
        licence = collections.licence_named(own[0].licence)
        shares.append(Share(name, own[0].collection_title, licence, own[0].access, own))
    return shares


def cart_page(request: Request) -> Response:
    """Show the cart."""
    only(request)
    state = request.state
    lines = carts.contents(state.archive, state.actor, state.cart_id) if state.cart_id else []
    allowed = [line for line in lines if line.may_download]
    return page(
        request,
        "carts/cart.html",
        lines=lines[:A_PAGE],
        total=len(lines),
        allowed_count=len(allowed),
        allowed_bytes=sum(line.size_bytes for line in allowed),
        instance_count=sum(line.instance_count for line in lines),
        size_bytes=sum(line.size_bytes for line in lines),
        shares=_shares(lines),
        cart_id=state.cart_id,
        quoted_id=quote(state.cart_id),
    )


def _back(form: Form) -> str:
    return local_path(text(form, "next"), "/cart")


def _kept(request: Request, response: Response, cart_id: str) -> Response:
    """Remember the cart in a cookie; it names a choice and no person."""
    secure = request.state.archive.settings.http.secure_cookies
    response.set_cookie(COOKIE, cart_id, max_age=COOKIE_AGE_S, httponly=True, samesite="lax", secure=secure, path="/")
    return response


@form_endpoint
def add(request: Request, form: Form) -> Response:
    """Put series, or all that a query finds, into the cart, and go back to where the visitor was."""
    state = request.state
    one, query, chosen = text(form, "one"), text(form, "query"), texts(form, "series")
    if len(query) > LONGEST_QUERY:
        raise Invalid("The query is too long for a cart; narrow it.", code="cart.query")
    is_query = "query" in form and not one
    wanted = search.parse_pairs(parse_qsl(query, keep_blank_values=True)) if is_query else None
    if wanted is None and not (one or chosen):
        return redirect(request, _back(form), message="Tick the series that you want first.", kind="info")
    cart = carts.open_cart(state.archive, state.actor, state.cart_id)
    if wanted is not None:
        added = carts.add_found(state.archive, state.actor, cart.id, wanted)
    else:
        added = carts.add_series(state.archive, state.actor, cart.id, [one] if one else chosen)
    total = carts.cart_size(state.archive, cart.id)
    said = f"{counted(added, 'series', 'series')} added" if added else "Nothing new: it was in the cart already"
    message = f"{said}. The cart holds {counted(total, 'series', 'series')} now."
    return _kept(request, redirect(request, _back(form), message=message), cart.id)


@form_endpoint
def remove(request: Request, form: Form) -> Response:
    """Take series out of the cart."""
    state, one = request.state, text(form, "one")
    uids = [one] if one else texts(form, "series")
    carts.remove_series(state.archive, state.actor, state.cart_id, uids)
    return redirect(request, "/cart", message=f"{counted(len(uids), 'series', 'series')} taken out of the cart.")


@form_endpoint
def empty(request: Request, _form: Form) -> Response:
    """Take everything out of the cart."""
    carts.empty_cart(request.state.archive, request.state.actor, request.state.cart_id)
    return redirect(request, "/cart", message="The cart is empty now.")


def manifest_file(request: Request) -> Response:
    """Give the cart as a manifest, in the form that the address ends with."""
    only(request)
    state = request.state
    form = {"tcia": "tcia", "csv": "csv", "txt": "urls"}[request.url.path.rpartition(".")[2]]
    lines = carts.contents(state.archive, state.actor, state.cart_id) if state.cart_id else []
    written = carts.manifest(lines, form, state.archive.settings.public_url)
    name, media_type = carts.FORMS[form]
    named = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(written, media_type=media_type, headers=named)


routes: list[Route] = [
    Route("/cart", cart_page),
    Route("/cart/add", add, methods=["POST"]),
    Route("/cart/remove", remove, methods=["POST"]),
    Route("/cart/empty", empty, methods=["POST"]),
    Route("/cart/manifest.tcia", manifest_file),
    Route("/cart/manifest.csv", manifest_file),
    Route("/cart/manifest.txt", manifest_file),
]
