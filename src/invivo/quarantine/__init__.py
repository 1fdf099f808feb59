"""Objects received and not yet released; never public.

States of a held object, of which this room is the only keeper::

    received -> cleaned -> cleared -> released
        |          |          |
        v          +----------+--> discarded
      stuck  (could not be de-identified; a reason stands by it) -> received (tried again) or discarded
    conflict (another object has its UID)                        -> received (takes its place) or discarded

A cleaned object may get other clean bytes (a curator's masks) and stays cleaned; or it is made anew from its original: received.

Originals are deleted soon after an object is released or discarded; its UID and digest stay, so that a repeat is known.
"""

from invivo.quarantine.again import DOOR as RERUN
from invivo.quarantine.again import Again, drop_again, hold_again, series_with_originals
from invivo.quarantine.identifier import Identifier, Remembered, forget, remember, remembered, remembered_of_all
from invivo.quarantine.object import (
    Arrival,
    Changing,
    Clean,
    Held,
    HeldObject,
    actions_of,
    add_doubt,
    attempt,
    begin_change,
    bury,
    cleaned_of_subject,
    clear,
    cleared_of,
    conflicts_of,
    discard,
    give_up_change,
    hold,
    keep_clean,
    leave,
    mark,
    note_proof,
    object_named,
    objects_of,
    received_of,
    replace_clean,
    replace_first,
    restart,
    retry,
    stick,
    supersede,
    unclear,
)
from invivo.quarantine.series import (
    HeldSeries,
    arrivals_of_submission,
    collections_with_cleared,
    come_of_submission,
    counts_of_submission,
    forgotten,
    lock_series,
    mark_series,
    objects_of_submission,
    series_named,
    sites_of_series,
    study_labels,
)

__all__ = [
    "RERUN",
    "Again",
    "Arrival",
    "Changing",
    "Clean",
    "Held",
    "HeldObject",
    "HeldSeries",
    "Identifier",
    "Remembered",
    "actions_of",
    "add_doubt",
    "arrivals_of_submission",
    "attempt",
    "begin_change",
    "bury",
    "cleaned_of_subject",
    "clear",
    "cleared_of",
    "collections_with_cleared",
    "come_of_submission",
    "conflicts_of",
    "counts_of_submission",
    "discard",
    "drop_again",
    "forget",
    "forgotten",
    "give_up_change",
    "hold",
    "hold_again",
    "keep_clean",
    "leave",
    "lock_series",
    "mark",
    "mark_series",
    "note_proof",
    "object_named",
    "objects_of",
    "objects_of_submission",
    "received_of",
    "remember",
    "remembered",
    "remembered_of_all",
    "replace_clean",
    "replace_first",
    "restart",
    "retry",
    "series_named",
    "series_with_originals",
    "sites_of_series",
    "stick",
    "study_labels",
    "supersede",
    "unclear",
]
