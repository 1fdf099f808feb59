"""What two states of one object differ in, attribute by attribute, without a value."""

import re
from collections.abc import Iterator

from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from invivo import dicom
from invivo.errors import InvivoError

DEEPEST = 60
REMOVALS = frozenset({"removed", "emptied"})
# The object's own record of its de-identification: every pass writes it anew, which is no difference.
_RECORD = frozenset({0x00120062, 0x00120063, 0x00120064, 0x00280303, 0x0018A001})
_ITEM = re.compile(r"\[\d+\]")


def differences(before: Dataset, after: Dataset) -> dict[str, str]:
    """Compare an object before and after a pass.

    Returns
    -------
    dict of str to {"removed", "emptied", "added", "changed"}
        By path without item numbers; of several items the gravest difference. Empty where only the record differs.
    """
    found: dict[str, str] = {}
    for path, kind in _level(before, after, "", 0):
        if found.get(path) != "changed":
            found[path] = kind
    return found


def plain_path(path: str) -> str:
    """A path without the numbers of items: ``RequestAttributesSequence.ScheduledProcedureStepID``."""
    return _ITEM.sub("", path)


def _level(before: Dataset, after: Dataset, prefix: str, depth: int) -> Iterator[tuple[str, str]]:
    for tag in sorted({*before.keys(), *after.keys()}):
        if not prefix and (tag in _RECORD or tag.group == 0x0002):
            continue
        path = prefix + _name(tag)
        if tag not in after:
            yield path, "removed"
        elif tag not in before:
            yield path, "added"
        else:
            yield from _element(before, after, tag, path, depth)


def _element(before: Dataset, after: Dataset, tag: BaseTag, path: str, depth: int) -> Iterator[tuple[str, str]]:
    old, new = before.get_item(tag), after.get_item(tag)
    if old is new or (isinstance(old.value, bytes) and isinstance(new.value, bytes) and old.value == new.value):
        return
    try:
        is_sequence = before[tag].VR == "SQ" == after[tag].VR
        if is_sequence and depth < DEEPEST:
            olds, news = list(before[tag].value or []), list(after[tag].value or [])
            for one, other in zip(olds, news, strict=False):
                yield from _level(one, other, f"{path}.", depth + 1)
            if len(olds) != len(news):
                yield path, "removed" if len(news) < len(olds) else "changed"
            return
        is_same = before[tag].value == after[tag].value
        is_empty = after[tag].is_empty
    except Exception:  # because values that no library can read are compared as bytes, and those differ
        is_same, is_empty = False, False
    if not is_same:
        yield path, "emptied" if is_empty else "changed"


def _name(tag: BaseTag) -> str:
    try:
        return dicom.attribute(f"{tag:08X}").keyword or f"({tag.group:04X},{tag.element:04X})"
    except InvivoError:
        return f"({tag.group:04X},{tag.element:04X})"
