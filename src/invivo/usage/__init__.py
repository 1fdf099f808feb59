"""Tallies: downloads, looks, visitors and uptime, in sums that name nobody."""

from invivo.usage.closing import close_months
from invivo.usage.figure import Figures, Month, OfCollection, by_collection, figures, months
from invivo.usage.robot import kind_of
from invivo.usage.tally import Taken, Visitor, flush, saw, took
from invivo.usage.uptime import Uptime, uptime, watch

__all__ = [
    "Figures",
    "Month",
    "OfCollection",
    "Taken",
    "Uptime",
    "Visitor",
    "by_collection",
    "close_months",
    "figures",
    "flush",
    "kind_of",
    "months",
    "saw",
    "took",
    "uptime",
    "watch",
]
