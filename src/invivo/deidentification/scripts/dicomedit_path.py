"""DicomEdit's tag paths: elements with wildcard digits, item numbers, depth wildcards, private creators."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pydicom.dataset import Dataset

from invivo.deidentification.scripts.dicomedit_lexer import ELEMENT
from invivo.deidentification.scripts.dicomedit_tree import Tree

_PART = re.compile(rf"\s*(?:(?P<element>{ELEMENT})\s*(?:\[\s*(?P<item>\d+|%)\s*\])?|(?P<depth>[*+.]))\s*")
_ELEMENT = re.compile(
    r"\(\s*(?P<group>\w{4}|[\w@#]{4})\s*,\s*(?:\{(?P<creator>[^}]*)\}\s*)?(?P<number>[\w@#]{2,4})\s*\)"
)
MOST_PARTS = 32
_CLASSES = {"X": "[0-9A-F]", "@": "[02468ACE]", "#": "[13579BDF]"}


class BadPath(ValueError):
    """A tag path that cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Part:
    """One step: an element with an item number (None for any item), or a depth wildcard ``*``, ``+`` or ``.``."""

    depth: str = ""
    tag: int | None = None
    form: re.Pattern[str] | None = None
    group: int = 0
    creator: str = ""
    low: str = ""
    item: int | None = None

    def tags(self, tree: Tree, dataset: Dataset) -> list[int]:
        """The elements of a data set that the step means."""
        if self.creator:
            low = re.compile("".join(_CLASSES.get(digit, digit) for digit in self.low))
            block = tree.level(dataset).blocks().get(self.group, {}).get(self.creator)
            if block is None:
                return []
            found = tree.tags(dataset)
            return [
                tag for tag in found if tag >> 8 == (self.group << 8 | block) and low.fullmatch(f"{tag & 0xFF:02X}")
            ]
        if self.tag is not None:
            return [self.tag] if tree.has(dataset, self.tag) else []
        form = self.form
        return [tag for tag in tree.tags(dataset) if form is not None and form.fullmatch(f"{tag:08X}")]


@dataclass(frozen=True, slots=True)
class Path:
    """A tag path."""

    text: str
    parts: tuple[Part, ...]

    @property
    def is_singular(self) -> bool:
        """Whether it can only mean one element."""
        fixed = all(not part.depth and (part.tag is not None or _is_fixed(part)) for part in self.parts)
        return fixed and all(part.item is not None for part in self.parts[:-1])

    @property
    def is_private(self) -> bool:
        """Whether its element can only be private."""
        last = self.parts[-1]
        if last.creator:
            return True
        if last.tag is not None:
            return bool(last.tag & 0x10000)
        return last.form is not None and not re.search(r"[X0-9A-F@]", self.text.rsplit("(", 1)[1][3].upper())

    def find(self, tree: Tree) -> list[tuple[Dataset, int]]:
        """The data sets and elements that it means in an object."""
        found: dict[tuple[int, int], tuple[Dataset, int]] = {}
        for dataset, tag in _walk(tree, tree.dataset, self.parts, 0):
            found.setdefault((id(dataset), tag), (dataset, tag))
        return list(found.values())


def _is_fixed(part: Part) -> bool:
    return bool(part.creator) and not set(part.low) & set(_CLASSES)


def _walk(tree: Tree, dataset: Dataset, parts: tuple[Part, ...], at: int) -> Iterator[tuple[Dataset, int]]:
    part = parts[at]
    is_last = at == len(parts) - 1
    if part.depth:
        yield from _deep(tree, dataset, parts, at)
        return
    for tag in part.tags(tree, dataset):
        if is_last:
            yield dataset, tag
            continue
        for number, item in enumerate(tree.items(dataset, tag)):
            if part.item is None or part.item == number:
                yield from _walk(tree, item, parts, at + 1)


def _deep(tree: Tree, dataset: Dataset, parts: tuple[Part, ...], at: int) -> Iterator[tuple[Dataset, int]]:
    depth = parts[at].depth
    if at == len(parts) - 1:
        for tag in tree.tags(dataset):
            yield dataset, tag
            for item in tree.items(dataset, tag) if depth != "." else ():
                yield from _deep(tree, item, parts, at)
        return
    if depth == "*":
        yield from _walk(tree, dataset, parts, at + 1)
    for tag in tree.tags(dataset):
        for item in tree.items(dataset, tag):
            if depth == ".":
                yield from _walk(tree, item, parts, at + 1)
            elif depth == "*":
                yield from _deep(tree, item, parts, at)
            else:
                yield from _walk(tree, item, parts, at + 1)
                yield from _deep(tree, item, parts, at)


def parse_path(text: str) -> Path:
    """Read a tag path.

    Raises
    ------
    BadPath
    """
    parts: list[Part] = []
    place = 0
    while True:
        found = _PART.match(text, place)
        if found is None:
            raise BadPath("this is no tag path")
        parts.append(Part(depth=found["depth"]) if found["depth"] else _element(found["element"], found["item"]))
        place = found.end()
        if place == len(text):
            break
        if text[place] != "/" or len(parts) > MOST_PARTS:
            raise BadPath("this is no tag path")
        place += 1
    if all(part.depth for part in parts) or parts[-1].depth in {"+", "."}:
        raise BadPath("a tag path has to end with a tag or *")
    if parts[-1].item is not None:
        raise BadPath("a tag path cannot end with an item")
    if sum(part.depth in {"*", "+"} for part in parts) > 3:
        raise BadPath("a tag path has too many depth wildcards")
    return Path(text, tuple(parts))


def _element(text: str, item: str | None) -> Part:
    found = _ELEMENT.fullmatch(text)
    if found is None:
        raise BadPath("this is no tag")
    number = None if item in {None, "%"} else int(item or 0)
    group, low = found["group"].upper(), found["number"].upper()
    if found["creator"]:
        if set(group) & set(_CLASSES) or not int(group, 16) & 1:
            raise BadPath("a private creator needs an odd group without wildcards")
        creator = found["creator"].strip().upper()
        return Part(group=int(group, 16), creator=creator, low=low, item=number)
    if len(low) != 4:
        raise BadPath("this is no tag")
    if not set(group + low) & set(_CLASSES):
        return Part(tag=int(group + low, 16), item=number)
    form = re.compile("".join(_CLASSES.get(digit, digit) for digit in group + low))
    return Part(form=form, item=number)
