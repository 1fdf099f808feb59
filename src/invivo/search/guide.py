"""The guide to the query language: one text, which the documentation holds, the help page shows, and the tests run."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from weakref import WeakKeyDictionary

from invivo import accounts, database
from invivo.archive import Archive
from invivo.errors import InvivoError
from invivo.search.language import read
from invivo.search.result import count

TEXT = Path(__file__).with_name("guide.md")
KEPT_S = 600.0
LONGEST_COUNTING_S = 2.0
MOST_KEPT = 100  # visitors who see different things, each with a number an example
_HEADS = {"| text | finds |": "finds", "| text | answer |": "fault"}
_ROW = re.compile(r"^\| `(.+?)` \| (.+) \|$")
# A value to try of each field; what has few known values shows the first of them.
_VALUES = {
    "collection": ":LUNG-1", "modality": ":CT", "body-part": ":chest", "subject": ":S-001", "sex": ":F", "species": ":human*",
    "age": ":60..69", "manufacturer": ":GE*", "model": ":*prisma*", "software": ":*VE11*", "description": ":*axial*",
    "study-description": ":*thorax*", "protocol": ":*brain*", "contrast": ":*", "laterality": ":L", "study-date": ":2005..2010",
    "series-date": "<2010", "slice-thickness": "<=1.5mm", "pixel-spacing": "<0.5mm", "time-points": ">=2", "kvp": ":100..120",
    "rows": ">=512", "columns": ">=512", "images": ">100", "size": ">1GB", "licence": ":CC-BY-4.0", "access": ":open",
    "quality": ":*", "slices": ">=30", "spacing": "<=1mm", "volume": ">3ml", "segment": ":liver", "algorithm": ":automatic",
    "segmented": ":lung", "day": ">=2weeks", "released": ">=2020", "changed": ">=2020-06", "study": ":1.2.840.1", "series": ":1.2.840.2",
    "study-id": ":1", "accession": ":A-1", "series-number": ":1..3", "study-time": ":12*", "patient-position": ":HFS",
    "frame-of-reference": ":1.2.840.3", "referring-physician": ":*", "site": ":north*",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Example:
    """A query of the guide.

    Attributes
    ----------
    finds : str
        What it finds, or of wrong input what is answered; Markdown.
    is_fault : bool
    """

    text: str
    finds: str
    is_fault: bool = False


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of the guide under its heading: Markdown, the examples after it, and Markdown behind these."""

    title: str
    text: str
    examples: tuple[Example, ...] = ()
    rest: str = ""


@cache
def guide() -> tuple[Passage, ...]:
    """Return the guide, passage by passage; the first has no title."""
    parts = re.split(r"^## (.+)$", TEXT.read_text("utf-8"), flags=re.MULTILINE)
    titled = zip(["", *parts[1::2]], parts[::2], strict=True)
    return tuple(_passage(title, text.strip()) for title, text in titled)


def _passage(title: str, text: str) -> Passage:
    lines = text.splitlines()
    start = next((place for place, line in enumerate(lines) if line in _HEADS), None)
    if start is None:
        return Passage(title, text)
    end = next((place for place in range(start, len(lines)) if not lines[place].startswith("|")), len(lines))
    kind = _HEADS[lines[start]]
    found = (_ROW.match(line) for line in lines[start + 2 : end])
    examples = tuple(Example(one[1], one[2], kind == "fault") for one in found if one)
    return Passage(title, "\n".join(lines[:start]).strip(), examples, "\n".join(lines[end:]).strip())


def examples() -> Iterator[Example]:
    """Yield every query of the guide that finds something."""
    yield from (one for part in guide() for one in part.examples if not one.is_fault)


def example_of(name: str, choices: tuple[str, ...] = ()) -> str:
    """Return a query of one field."""
    return f"{name}{_VALUES.get(name) or ':' + choices[0]}"


_counted: WeakKeyDictionary[database.Database, dict[tuple[accounts.Actor, str], tuple[float, int]]] = (
    WeakKeyDictionary()
)


def counts_of_examples(archive: Archive, actor: accounts.Actor) -> dict[str, int]:
    """Return how many series each query of the guide finds, as of the last ten minutes.

    What only a signed-in person may ask is left out for others, and so is what two seconds were not enough for: who asks
    next finds it counted.
    """
    kept = _counted.setdefault(archive.database, {})
    began = time.monotonic()
    if len(kept) > MOST_KEPT * len(list(examples())):
        kept.clear()
    told = {}
    for one in examples():
        key = (actor, one.text)
        at, number = kept.get(key, (-KEPT_S, 0))
        if time.monotonic() - at >= KEPT_S:
            if time.monotonic() - began > LONGEST_COUNTING_S:
                continue
            try:
                number = count(archive, actor, read(one.text))
            except InvivoError:  # because it asks about a person, and there is none
                continue
            kept[key] = (time.monotonic(), number)
        told[one.text] = number
    return told
