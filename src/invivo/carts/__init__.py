"""Choices of series, of anybody with or without an account; a cart names series, the release decides what they hold."""

from invivo.carts.cart import (
    Cart,
    CartFull,
    Line,
    add_found,
    add_series,
    cart_size,
    contents,
    empty_cart,
    open_cart,
    remove_series,
)
from invivo.carts.manifest import FORMS, manifest, read_manifest

__all__ = [
    "FORMS",
    "Cart",
    "CartFull",
    "Line",
    "add_found",
    "add_series",
    "cart_size",
    "contents",
    "empty_cart",
    "manifest",
    "open_cart",
    "read_manifest",
    "remove_series",
]
