"""The cart: what is chosen, what of it may be had, and ways to take it home."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from invivo import carts, collections, search
from invivo.errors import Invalid
from invivo.web.form import Form, form_endpoint, local_path, only, redirect, text, texts
from invivo.web.render import counted, page

COOKIE = "invivo_cart"
COOKIE_AGE_S = 90 * 24 * 3600
MOST_WEIGHED = 20_000
A_PAGE = 200
PIECE = 1 << 16
LONGEST_QUERY = 8000
_ONE_BY_ONE = ({"study"}, {"series"}, {"collection", "subject"})


@dataclass(frozen=True, slots=True)
class Bar:
    """What the bar at the foot of the search says of the cart; size and licences only where they are quickly known."""

    series_count: int
    size_bytes: int | None
    licences: tuple[str, ...]


def bar_of(request: Request) -> Bar:
    """Weigh the cart of a request."""
    state = request.state
    number = carts.cart_size(state.archive, state.cart_id, state.actor)
    if not 0 < number <= MOST_WEIGHED:
        return Bar(number, None, ())
    weight = carts.weigh(state.archive, state.actor, state.cart_id)
    return Bar(weight.series_count, weight.size_bytes, weight.licences)


@dataclass(frozen=True, slots=True)
class Share:
    """What one collection gives to a cart."""

    collection: str
    title: str
    licences: tuple[collections.Licence, ...]
    access: str
    parts: tuple[carts.Part, ...]

    @property
    def series_count(self) -> int:
        return sum(one.series_count for one in self.parts)

    @property
    def size_bytes(self) -> int:
        return sum(one.size_bytes for one in self.parts)

    @property
    def modalities(self) -> list[tuple[str, int]]:
        """How many series of each modality."""
        counts: dict[str, int] = {}
        for one in self.parts:
            counts[one.modality] = counts.get(one.modality, 0) + one.series_count
        return sorted(counts.items())

    @property
    def reasons(self) -> list[tuple[str, int, bool]]:
        """Why some of it is in no package, with how many series each and whether they may be had elsewhere."""
        counts: dict[tuple[str, bool], int] = {}
        for one in self.parts:
            if one.reason:
                key = one.reason, one.may_download
                counts[key] = counts.get(key, 0) + one.series_count
        return [(reason, number, may) for (reason, may), number in sorted(counts.items())]


def _shares(parts: Sequence[carts.Part]) -> list[Share]:
    shares = []
    for name, group in groupby(parts, key=lambda part: part.collection):
        own = tuple(group)
        licences = tuple(collections.licence_named(spdx) for spdx in sorted({one.licence for one in own}))
        shares.append(Share(name, own[0].title, licences, own[0].access, own))
    return shares


def cart_page(request: Request) -> Response:
    """Show a cart: the one in use, or the one that the address names."""
    only(request, "cart")
    return shown(request, request.query_params.get("cart", ""))


def shared_page(request: Request) -> Response:
    """Show the cart that somebody shared by this link, as far as the visitor may see what is in it."""
    only(request)
    named = carts.LINK + str(request.path_params["secret"])
    if carts.find_cart(request.state.archive, request.state.actor, named) is None:
        raise carts.UnknownCart("This link shows no cart: it has ended, was taken back, or is not whole.")
    return shown(request, named)


def shown(request: Request, named: str, link: str = "") -> Response:
    """Show a cart.

    Parameters
    ----------
    named : str
        Empty: the one in use.
    link : str
        A link that was made just now: this is the only time that its secret is known.
    """
    state = request.state
    archive, actor = state.archive, state.actor
    cart, asked = _meant(request, named)
    weight = carts.weigh(archive, actor, asked) if asked else carts.Weight(())
    single = carts.lines(archive, actor, asked, A_PAGE) if asked else []
    choices = carts.choices(archive, actor, asked) if asked else []
    return page(
        request,
        "carts/cart.html",
        cart=cart,
        named=asked,
        quoted=quote(asked, safe=""),
        in_use=cart is not None and (not state.cart_id or state.cart_id in (asked, cart.id)),
        lines=single,
        single_count=_single_count(cart, weight, choices, single),
        choices=choices,
        weight=weight,
        packed=weight.of(packed=True),
        elsewhere=weight.of(elsewhere=True),
        gone=carts.gone_from(archive, actor, asked) if asked else [],
        shares=_shares(weight.parts),
        links=carts.shares_of(archive, actor, asked) if asked else [],
        others=carts.carts_of(archive, actor),
        link=link,
        most_days=carts.MOST_DAYS,
        longest_name=carts.LONGEST_NAME,
        url=archive.settings.public_url,
    )


def _meant(request: Request, named: str) -> tuple[carts.Cart | None, str]:
    """Return the cart that is meant, the one in use if none is named, and what it is asked by."""
    archive, actor = request.state.archive, request.state.actor
    asked = named or request.state.cart_id
    cart = carts.find_cart(archive, actor, asked)
    if named and cart is None:
        raise carts.UnknownCart("There is no such cart for you; if it belongs to your account, sign in.")
    if cart is None:
        cart = carts.current_cart(archive, actor, "")
        asked = cart.id if cart else ""
    return cart, asked


def cart_json(request: Request) -> Response:
    """Give what the page of a cart shows, for programs; of single series the first, all of them are in the manifests."""
    only(request, "cart")
    return _as_json(request, request.query_params.get("cart", ""))


def shared_json(request: Request) -> Response:
    """Give a shared cart for programs."""
    only(request)
    return _as_json(request, carts.LINK + str(request.path_params["secret"]))


def _as_json(request: Request, named: str) -> Response:
    archive, actor = request.state.archive, request.state.actor
    cart, asked = _meant(request, named)
    weight = carts.weigh(archive, actor, asked) if asked else carts.Weight(())
    single = carts.lines(archive, actor, asked, A_PAGE) if asked else []
    choices = carts.choices(archive, actor, asked) if asked else []
    manifest = f"{archive.settings.public_url}/cart/manifest.csv"
    told = {
        "name": cart.name if cart else "",
        "series_count": cart.series_count if cart else 0,
        "belongs_to_account": cart is not None and cart.has_owner,
        "may_change": cart is not None and cart.may_change,
        "touched_at": cart.touched_at.isoformat() if cart else None,
        "packed": _summed(weight.of(packed=True)),
        "elsewhere": _summed(weight.of(elsewhere=True)),
        "collections": [_share_told(one) for one in _shares(weight.parts)],
        "queries": [_choice_told(one) for one in choices],
        "single_series": _single_count(cart, weight, choices, single),
        "series": [_line_told(one) for one in single],
        "gone": [asdict(one) for one in (carts.gone_from(archive, actor, asked) if asked else [])],
        "manifest": f"{manifest}?{urlencode({'cart': named})}" if named else manifest,
    }
    return JSONResponse(told, headers={"Cache-Control": "no-store"})


def _summed(pair: tuple[int, int]) -> dict[str, int]:
    return {"series": pair[0], "size_bytes": pair[1]}


def _share_told(one: Share) -> dict[str, Any]:
    return {
        **{name: getattr(one, name) for name in ("collection", "title", "access")},
        "licences": [licence.id for licence in one.licences],
        **{"series": one.series_count, "size_bytes": one.size_bytes, "modalities": dict(one.modalities)},
        "not_packed": [
            {"reason": reason, "series": number, "may_download": may} for reason, number, may in one.reasons
        ],
    }


def _choice_told(one: carts.Choice) -> dict[str, Any]:
    return {
        **{
            name: getattr(one, name)
            for name in ("id", "query", "series_count", "named_count", "left_count", "added_count")
        },
        **{"pinned_at": one.pinned_at.isoformat(), "releases": one.releases},
    }


def _line_told(one: carts.Line) -> dict[str, Any]:
    told = asdict(one)
    return {name: told[name] for name in told if name not in ("collection_id", "cover_uid")} | {"reason": one.reason}


def _single_count(
    cart: carts.Cart | None, weight: carts.Weight, choices: Sequence[carts.Choice], single: Sequence[carts.Line]
) -> int:
    """Return how many single series there are to show: the page lists the first of them."""
    if cart is None or len(single) < A_PAGE:
        return len(single)
    return max(len(single), weight.series_count - sum(one.series_count for one in choices))


def back(form: Form, default: str = "") -> str:
    """Return where to go after a form: where it says, or to the cart that it was about."""
    named = text(form, "cart")
    return local_path(text(form, "next"), default or (f"/cart?{urlencode({'cart': named})}" if named else "/cart"))


def asked_cart(request: Request, form: Form) -> str:
    """Return which cart a form is about: the one that it names, or the one in use."""
    return text(form, "cart") or str(request.state.cart_id)


def kept(request: Request, response: Response, cart_id: str) -> Response:
    """Remember the cart in a cookie; it names a choice and no person."""
    secure = request.state.archive.settings.http.secure_cookies
    response.set_cookie(COOKIE, cart_id, max_age=COOKIE_AGE_S, httponly=True, samesite="lax", secure=secure, path="/")
    return response


@form_endpoint
def add(request: Request, form: Form) -> Response:
    """Put series, or all that a query finds, into the cart in use, and go back to where the visitor was.

    A query is one item, pinned to what it finds now; a subject or a study goes in series by series.
    """
    state = request.state
    one, query, chosen = text(form, "one"), text(form, "query"), texts(form, "series")
    if len(query) > LONGEST_QUERY:
        raise Invalid("The query is too long for a cart; narrow it.", code="cart.query")
    pairs = parse_qsl(query, keep_blank_values=True)
    wanted = search.parse_pairs(pairs) if "query" in form and not one else None
    if wanted is None and not (one or chosen):
        return redirect(request, back(form), message="Tick the series that you want first.", kind="info")
    cart = carts.open_cart(state.archive, state.actor, state.cart_id)
    named = state.cart_id if state.cart_id.startswith(carts.LINK) and not cart.is_own else cart.id
    if wanted is None:
        added = carts.add_series(state.archive, state.actor, named, [one] if one else chosen)
    elif {name for name, _ in pairs} in _ONE_BY_ONE:
        added = carts.add_found(state.archive, state.actor, named, wanted)
    else:
        before = cart.series_count
        carts.pin(state.archive, state.actor, named, wanted)
        added = carts.cart_size(state.archive, named, state.actor) - before
    total = carts.cart_size(state.archive, named, state.actor)
    said = f"{counted(added, 'series', 'series')} added" if added > 0 else "Nothing new: it was in the cart already"
    message = f"{said}. The cart holds {counted(total, 'series', 'series')} now."
    return kept(request, redirect(request, back(form), message=message), named)


@form_endpoint
def remove(request: Request, form: Form) -> Response:
    """Take single series out of a cart."""
    state, one = request.state, text(form, "one")
    uids = [one] if one else texts(form, "series")
    number = carts.remove_series(state.archive, state.actor, asked_cart(request, form), uids) if uids else 0
    return redirect(request, back(form), message=f"{counted(number, 'series', 'series')} taken out of the cart.")


@form_endpoint
def empty(request: Request, form: Form) -> Response:
    """Take everything out of a cart."""
    carts.empty_cart(request.state.archive, request.state.actor, asked_cart(request, form))
    return redirect(request, back(form), message="The cart is empty now.")


def _pieces(written: Iterable[str]) -> Iterator[bytes]:
    waiting: list[str] = []
    size = 0
    for one in written:
        waiting.append(one)
        size += len(one)
        if size >= PIECE:
            yield "".join(waiting).encode()
            waiting, size = [], 0
    yield "".join(waiting).encode()


def manifest_file(request: Request) -> Response:
    """Give a cart as a manifest, in the form that the address ends with."""
    only(request, "cart")
    state = request.state
    form = {"tcia": "tcia", "csv": "csv", "txt": "urls", "s5cmd": "s5cmd"}[request.url.path.rpartition(".")[2]]
    lines = carts.contents(state.archive, state.actor, request.query_params.get("cart", "") or state.cart_id)
    written = carts.manifest_pieces(lines, form, state.archive.settings.public_url)
    name, media_type = carts.FORMS[form]
    named = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingResponse(_pieces(written), media_type=media_type, headers=named)


routes: list[Route] = [
    Route("/cart", cart_page),
    Route("/cart.json", cart_json),
    Route("/cart/shared/{secret}.json", shared_json),
    Route("/cart/shared/{secret}", shared_page),
    Route("/cart/add", add, methods=["POST"]),
    Route("/cart/remove", remove, methods=["POST"]),
    Route("/cart/empty", empty, methods=["POST"]),
    Route("/cart/manifest.tcia", manifest_file),
    Route("/cart/manifest.csv", manifest_file),
    Route("/cart/manifest.txt", manifest_file),
    Route("/cart/manifest.s5cmd", manifest_file),
]
