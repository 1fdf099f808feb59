"""What curators look at and decide: one item a held series, with what the checks found.

An item is *open*, *deferred* (it does not block a release), *approved* or *rejected*. More objects for a series that is
decided open a new item. Only this room decides; a collection's rule decides as the actor ``rule:on-receipt``.
"""

from invivo.reviews.change import Change, changes_of
from invivo.reviews.decision import VERDICTS, NotSettled, decide, settle_object
from invivo.reviews.finding import Finding, Inspected, inspect
from invivo.reviews.item import (
    Item,
    Page,
    UnknownItem,
    close_item,
    counts,
    findings_of,
    item_named,
    left_to_rule,
    open_item,
    queue,
    unsettled,
)
from invivo.reviews.neighbour import around
from invivo.reviews.object import (
    NoFile,
    file_of,
    object_of,
    objects_of_item,
    opens_originals,
    original_of,
    originals_pass,
    rivals_of,
)

__all__ = [
    "VERDICTS",
    "Change",
    "Finding",
    "Inspected",
    "Item",
    "NoFile",
    "NotSettled",
    "Page",
    "UnknownItem",
    "around",
    "changes_of",
    "close_item",
    "counts",
    "decide",
    "file_of",
    "findings_of",
    "inspect",
    "item_named",
    "left_to_rule",
    "object_of",
    "objects_of_item",
    "open_item",
    "opens_originals",
    "original_of",
    "originals_pass",
    "queue",
    "rivals_of",
    "settle_object",
    "unsettled",
]
