"""What curators look at and decide: one item a held series, with what the checks found.

An item is *open*, *deferred* (it does not block a release), *approved* or *rejected*. More objects for a series that is
decided open a new item. Only this room decides; a collection's rule decides as the actor ``rule:on-receipt``. Items are
given to people singly or in batches. A checklist says which steps of curation a collection has; those that are required
and not recorded since the last objects came block its release.
"""

from invivo.reviews.assignment import Curator, TakenByOther, assign, curators_of, set_second_reading, shows_first_reader
from invivo.reviews.batch import Batch, UnknownBatch, batches_of, dissolve_batch, give_batch, make_batches
from invivo.reviews.blocking import blocking
from invivo.reviews.bulk import UNDECIDED, Chosen, Gathered, Group, Moved, decide_groups, gather
from invivo.reviews.change import Change, changes_of
from invivo.reviews.checklist import (
    OUTCOMES,
    Checklist,
    Record,
    Round,
    Standing,
    Step,
    StepMoved,
    UnknownStep,
    begin_checklist,
    checklist_of,
    default_steps,
    record_step,
    records_of,
    rounds_of,
    set_checklist,
)
from invivo.reviews.decision import VERDICTS, Decided, NotSettled, decide, settle_object
from invivo.reviews.evidence import Evidence, Seen, evidence_of
from invivo.reviews.finding import Finding, Inspected, inspect
from invivo.reviews.item import (
    Item,
    UnknownItem,
    close_item,
    decider,
    findings_of,
    first_reader,
    item_named,
    left_to_rule,
    open_item,
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
from invivo.reviews.queue import EVERYTHING, WHO, WORST, Facets, Narrow, Page, counts, facets, queue
from invivo.reviews.settling import collections_settling, settle

__all__ = [
    "EVERYTHING",
    "OUTCOMES",
    "UNDECIDED",
    "VERDICTS",
    "WHO",
    "WORST",
    "Batch",
    "Change",
    "Checklist",
    "Chosen",
    "Curator",
    "Decided",
    "Evidence",
    "Facets",
    "Finding",
    "Gathered",
    "Group",
    "Inspected",
    "Item",
    "Moved",
    "Narrow",
    "NoFile",
    "NotSettled",
    "Page",
    "Record",
    "Round",
    "Seen",
    "Standing",
    "Step",
    "StepMoved",
    "TakenByOther",
    "UnknownBatch",
    "UnknownItem",
    "UnknownStep",
    "around",
    "assign",
    "batches_of",
    "begin_checklist",
    "blocking",
    "changes_of",
    "checklist_of",
    "close_item",
    "collections_settling",
    "counts",
    "curators_of",
    "decide",
    "decide_groups",
    "decider",
    "default_steps",
    "dissolve_batch",
    "evidence_of",
    "facets",
    "file_of",
    "findings_of",
    "first_reader",
    "gather",
    "give_batch",
    "inspect",
    "item_named",
    "left_to_rule",
    "make_batches",
    "object_of",
    "objects_of_item",
    "open_item",
    "opens_originals",
    "original_of",
    "originals_pass",
    "queue",
    "record_step",
    "records_of",
    "rivals_of",
    "rounds_of",
    "set_checklist",
    "set_second_reading",
    "settle",
    "settle_object",
    "shows_first_reader",
    "unsettled",
]
