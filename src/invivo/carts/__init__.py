"""Choices of series, of anybody with or without an account: single series, and whole queries as they were at one moment.

A cart names series and gives no right to them: what of it is shown and given is decided anew each time for who asks. Nothing that
was chosen is dropped in silence: what left since is listed with the reason.
"""

from invivo.carts.cart import (
    LONGEST_NAME,
    MOST_CARTS,
    Cart,
    CartFull,
    NameTaken,
    cart_size,
    carts_of,
    current_cart,
    delete_cart,
    duplicate_cart,
    find_cart,
    make_cart,
    open_cart,
    rename_cart,
)
from invivo.carts.choice import MOST_CHOICES, Choice, UnknownChoice, choices, pin, pin_anew, remove_choice
from invivo.carts.comparison import Comparison, Side, compare_carts, merge_cart
from invivo.carts.group import Part
from invivo.carts.leaving import Gone, gone_from
from invivo.carts.line import (
    KEPT_ELSEWHERE,
    Line,
    add_found,
    add_series,
    chosen_in,
    contents,
    empty_cart,
    lines,
    remove_series,
)
from invivo.carts.manifest import FORMS, manifest, manifest_pieces, read_manifest
from invivo.carts.right import LINK, OnlyLooking, UnknownCart
from invivo.carts.share import MOST_DAYS, Share, UnknownShare, make_share, revoke_share, shares_of
from invivo.carts.weight import Weight, weigh

__all__ = [
    "FORMS",
    "KEPT_ELSEWHERE",
    "LINK",
    "LONGEST_NAME",
    "MOST_CARTS",
    "MOST_CHOICES",
    "MOST_DAYS",
    "Cart",
    "CartFull",
    "Choice",
    "Comparison",
    "Gone",
    "Line",
    "NameTaken",
    "OnlyLooking",
    "Part",
    "Share",
    "Side",
    "UnknownCart",
    "UnknownChoice",
    "UnknownShare",
    "Weight",
    "add_found",
    "add_series",
    "cart_size",
    "carts_of",
    "choices",
    "chosen_in",
    "compare_carts",
    "contents",
    "current_cart",
    "delete_cart",
    "duplicate_cart",
    "empty_cart",
    "find_cart",
    "gone_from",
    "lines",
    "make_cart",
    "make_share",
    "manifest",
    "manifest_pieces",
    "merge_cart",
    "open_cart",
    "pin",
    "pin_anew",
    "read_manifest",
    "remove_choice",
    "remove_series",
    "rename_cart",
    "revoke_share",
    "shares_of",
    "weigh",
]
