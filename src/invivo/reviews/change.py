"""What de-identification did to each tag of a held object, with the values before and after."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from invivo import accounts, dicom, quarantine
from invivo.archive import Archive
from invivo.errors import Invalid, Refused, TooLarge
from invivo.reviews.object import original_of

LONGEST = 300
_STEP = re.compile(r"([A-Za-z][A-Za-z0-9]{0,79}|\([0-9A-F]{4},[0-9A-F]{4}\))(?:\[(\d{1,6})\])?")


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that was done to one element.

    Attributes
    ----------
    path : str
        Keywords and item numbers from 0, such as ``OtherPatientIDsSequence[0].PatientID``.
    keyword : str
        The last step of the path; a tag for private elements.
    code : {"D", "Z", "X", "K", "C", "U"}
        As in Table E.1-1: dummy, emptied, removed, kept, cleaned, new UID.
    rule : str
        Why.
    before, after : str or None
        Values as text, at most 300 characters; None where there is no such element, or where values were not asked for.
    """

    path: str
    keyword: str
    code: str
    rule: str
    before: str | None
    after: str | None


def changes_of(archive: Archive, actor: accounts.Actor, object_id: int, *, with_values: bool) -> list[Change]:
    """Return what de-identification did to a held object, in the order of its tags.

    Parameters
    ----------
    with_values : bool
        Also read the original: the values before are shown, and the journal gets an entry ``review.read-original``.

    Raises
    ------
    Refused
        The actor does not curate the collection.
    UnknownObject, NoFile

    References
    ----------
    DICOM PS3.15 Annex E, Table E.1-1.
    """
    with archive.database.transaction() as tx:
        held = quarantine.object_named(tx, object_id)
        if not actor.may_curate(held.collection_id):
            raise Refused("Only the collection's owner or curators may see what was done.", code="review.not-curator")
        actions = quarantine.actions_of(tx, object_id)
    if not actions or not held.clean_digest:
        return []
    after = _opened(archive.held.place(held.clean_digest).path)
    before = _opened(original_of(archive, actor, held, "values")) if with_values else None
    return [
        Change(path, path.rpartition(".")[2], code, rule, _value(before, path), _value(after, path))
        for path, code, rule in actions
    ]


def _opened(path: Path) -> Dataset | None:
    try:
        return dicom.read_dataset(path, pixels=False)
    except (Invalid, TooLarge):
        return None


def _value(dataset: Dataset | None, path: str) -> str | None:
    """Return the value at a path as text, None where nothing is."""
    place: Any = dataset
    steps = [_STEP.fullmatch(step) for step in path.split(".")]
    for step in steps[:-1]:
        items = _element(place, step)
        number = int(step[2] or 0) if step else 0
        if items is None or items.VR != "SQ" or number >= len(items.value):
            return None
        place = items.value[number]
    element = _element(place, steps[-1])
    return None if element is None else _text(element)


def _element(dataset: Dataset | None, step: re.Match[str] | None) -> Any:
    if dataset is None or step is None:
        return None
    name = step[1]
    tag = int(name[1:5] + name[6:10], 16) if name.startswith("(") else tag_for_keyword(name)
    try:
        return dataset[tag] if tag is not None and tag in dataset else None
    except Exception:  # because pydicom raises nearly any type on bytes that do not fit their VR
        return None


def _text(element: Any) -> str:
    try:
        value = element.value
        if element.VR == "SQ":
            return "1 item" if len(value) == 1 else f"{len(value)} items"
        if isinstance(value, bytes):
            return f"{len(value):,} bytes"
        many = value if isinstance(value, list | tuple) or type(value).__name__ == "MultiValue" else [value]
        text = "\\".join("" if one is None else str(one) for one in many)
    except Exception:  # because pydicom raises nearly any type on bytes that do not fit their VR
        return "(cannot be read)"
    shown = text.replace("\x00", "")
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"
