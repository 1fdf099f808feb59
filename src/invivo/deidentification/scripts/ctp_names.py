"""How CTP scripts name elements: keywords of two dictionaries, tags, private creators, paths through sequences."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from pydicom.datadict import tag_for_keyword

from invivo.deidentification.scripts.value import Level

DEEPEST_PATH = 16
_TAG = re.compile(r"([0-9A-Fa-f]{1,4}),\s*([0-9A-Fa-f]{1,4})|([0-9A-Fa-f]{4})([0-9A-Fa-f]{4})")
_PRIVATE = re.compile(r"([0-9A-Fa-f]{1,4}),?\s*\[([^\[\]]{1,64})\]([0-9A-Fa-f]{2})?")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]*")
# Beginnings and endings that the old dictionary shortened.
_LONG = ((r"Seq$", "Sequence"), (r"^Ref(?=[A-Z])", "Referenced"), (r"PPS(?=[A-Z])", "PerformedProcedureStep"))
_LONGER = (*_LONG, (r"SPS(?=[A-Z])", "ScheduledProcedureStep"))


@dataclass(frozen=True, slots=True)
class Private:
    """A private element by its creator; without ``low`` the creator element itself."""

    group: int
    creator: str
    low: int | None


Step = int | Private
THIS = -1


@dataclass(frozen=True, slots=True)
class Name:
    """Where an argument points: from the data set at hand or the outermost one, through first items."""

    steps: tuple[Step, ...]
    from_root: bool = False


def parse_name(text: str, labels: Mapping[str, Private]) -> Name | None:
    """Read the name of an element; None when it is none.

    Parameters
    ----------
    text : str
    labels : mapping of str to Private
        Display names that the script gives to private elements.
    """
    text = text.strip()
    from_root = text.startswith("root:") and not text.startswith("root::")
    parts = (text[5:] if from_root else text).split("::")
    if len(parts) > DEEPEST_PATH:
        return None
    steps: list[Step] = []
    for part in parts:
        step = _step(part.strip(), labels)
        if step is None or (step == THIS and len(parts) > 1):
            return None
        steps.append(step)
    return Name(tuple(steps), from_root)


def parse_step(text: str) -> Step | None:
    """Read a tag or a private element by its creator; None when it is neither."""
    private = _PRIVATE.fullmatch(text)
    if private:
        group, creator, low = private.groups()
        number = int(group, 16)
        if not number & 1 or not creator.strip():
            return None
        return Private(number, creator.strip().upper(), int(low, 16) if low else None)
    tag = _TAG.fullmatch(text)
    if not tag:
        return None
    return int(tag[1] or tag[3], 16) << 16 | int(tag[2] or tag[4], 16)


def _step(text: str, labels: Mapping[str, Private]) -> Step | None:
    if text == "this":
        return THIS
    if text in labels:
        return labels[text]
    if text[:1] + text[-1:] in {"[]", "()", "{}"}:
        text = text[1:-1].strip()
    step = parse_step(text)
    return keyword_tag(text) if step is None else step


@lru_cache(maxsize=4096)
def keyword_tag(text: str) -> int | None:
    """Tag of a keyword of the standard or of the older, shorter spelling; None when it is neither."""
    if not _WORD.fullmatch(text):
        return None
    tag = tag_for_keyword(text)
    if tag is None:
        longer = text
        for short, long in _LONGER:
            longer = re.sub(short, long, longer)
        tag = tag_for_keyword(longer)
    return None if tag is None else int(tag)


def tag_at(level: Level, step: Step) -> int | None:
    """The tag that a step means in a data set; None when no block is reserved by its creator."""
    if isinstance(step, int):
        return step
    block = level.blocks().get(step.group, {}).get(step.creator)
    if block is None:
        return None
    return step.group << 16 | (block if step.low is None else block << 8 | step.low)


def find(level: Level, name: Name, this: int) -> tuple[Level, int] | None:
    """The data set and tag that a name leads to; None when an item or block on the way is missing."""
    at = level.root if name.from_root else level
    for place, step in enumerate(name.steps):
        tag = this if step == THIS else tag_at(at, step)
        if tag is None:
            return None
        if place == len(name.steps) - 1:
            return at, tag
        element = at.element(tag)
        items = at.items(element) if element is not None else None
        if not items:
            return None
        at = Level(items[0], at.encodings, at.root)
    return None
