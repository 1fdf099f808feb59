"""The object while a DicomEdit script changes it: a copy whose sequences are all opened, written in one encoding."""

from collections.abc import Iterator

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.tag import BaseTag

from invivo.deidentification import element as elements
from invivo.deidentification import table
from invivo.deidentification.element import Element
from invivo.deidentification.identifier import DEEPEST
from invivo.deidentification.report import Action, CannotDeidentify
from invivo.deidentification.scripts.refusal import failed
from invivo.deidentification.scripts.value import OWN_GROUPS, Level

CHARACTER_SET = 0x00080005


class Tree:
    """A changeable copy of an object, and the record of what was changed."""

    def __init__(self, source: Dataset) -> None:
        self._levels: dict[int, Level] = {}
        # What each data set of the copy holds, by its identity.
        self._contents: dict[int, dict[BaseTag, Element]] = {}
        self._names: dict[int, str] = {}
        self.actions: list[Action] = []
        self._meta = getattr(source, "file_meta", None)
        self.dataset = self._copied(source, None, "", 0)

    def _copied(self, source: Dataset, parent: Level | None, prefix: str, depth: int) -> Dataset:
        if depth > DEEPEST:
            raise CannotDeidentify("Sequences are nested too deep.", code="deidentification.too-deep")
        before = Level(source, parent.encodings if parent else None, parent.root if parent else None)
        opened: dict[BaseTag, Element] = {}
        nested: list[tuple[BaseTag, list[Dataset]]] = []
        for tag in source.keys():  # noqa: SIM118 - tags, not elements
            if tag < OWN_GROUPS or not tag & 0xFFFF:
                continue
            element = source.get_item(tag)
            opened[tag] = element
            if element.VR in {"SQ", "UN", None}:
                items = before.items(element)
                if items is not None:
                    nested.append((tag, items))
        copy = elements.dataset_like(source, opened)
        level = Level(copy, before.encodings, parent.root if parent else None)
        level.meta = self._meta if parent is None else None
        self._enlist(copy, level, opened, prefix)
        for tag, items in nested:
            stem = prefix + table.name_of(tag)
            copies = [self._copied(item, level, f"{stem}[{at}].", depth + 1) for at, item in enumerate(items)]
            opened[tag] = elements.sequence_of(opened[tag], copies)
        return copy

    def _enlist(self, dataset: Dataset, level: Level, contents: dict[BaseTag, Element], prefix: str) -> None:
        self._levels[id(dataset)], self._contents[id(dataset)], self._names[id(dataset)] = level, contents, prefix

    def level(self, dataset: Dataset) -> Level:
        """The reading side of a data set of the tree."""
        return self._levels[id(dataset)]

    def tags(self, dataset: Dataset) -> list[int]:
        """The elements of a data set, in order."""
        return sorted(int(tag) for tag in dataset.keys())  # noqa: SIM118 - tags, not elements

    def has(self, dataset: Dataset, tag: int) -> bool:
        """Whether an element is there."""
        return self.level(dataset).element(tag) is not None

    def items(self, dataset: Dataset, tag: int) -> list[Dataset]:
        """The items of an element; none when it is no sequence."""
        element = self.level(dataset).element(tag)
        if element is None or not isinstance(element.value, Items):
            return []
        return list(element.value)

    def everything(self) -> Iterator[tuple[Dataset, int]]:
        """Every element at every depth."""
        waiting = [self.dataset]
        while waiting:
            dataset = waiting.pop()
            for tag in self.tags(dataset):
                waiting.extend(self.items(dataset, tag))
                yield dataset, tag

    def text(self, dataset: Dataset, tag: int) -> str | None:
        """An element as text; None without it."""
        element = self.level(dataset).element(tag)
        return None if element is None else self.level(dataset).text_of(element)

    def write(self, dataset: Dataset, tag: int, text: str, line: int, code: str = "D") -> None:
        """Give an element a text, which creates it where it is missing."""
        if tag == CHARACTER_SET or tag < 0x00080000:
            # The text of the object is written in its character set; file meta information is written anew.
            return
        level = self.level(dataset)
        like = level.element(tag)
        vr = level.vr(tag, like)
        if like is not None and isinstance(like.value, Items):
            raise failed("value", "The script writes text into a sequence.")
        if vr == "UN" and like is None:
            vr = "LO"
        self._contents[id(dataset)][BaseTag(tag)] = level.write(tag, text, like, vr)
        self._note(dataset, tag, "Z" if not text else "U" if vr == "UI" else code, line)

    def delete(self, dataset: Dataset, tag: int, line: int) -> None:
        """Delete an element."""
        if tag == CHARACTER_SET or BaseTag(tag) not in dataset:
            return
        del self._contents[id(dataset)][BaseTag(tag)]
        self._note(dataset, tag, "X", line)

    def item_at(self, dataset: Dataset, tag: int, number: int) -> Dataset:
        """An item of a sequence; both are made where they are missing."""
        items = self.items(dataset, tag)
        level = self.level(dataset)
        if level.element(tag) is None or not items:
            like = level.element(tag)
            if level.vr(tag, like) not in {"SQ", "UN"} or (like is not None and like.value and not items):
                raise failed("value", "The script enters an element that is no sequence.")
        if number > len(items) + 1000:
            raise failed("value", "The script makes too many items.")
        while len(items) <= number:
            contents: dict[BaseTag, Element] = {}
            item = elements.dataset_like(dataset, contents)
            prefix = f"{self._names[id(dataset)]}{table.name_of(tag)}[{len(items)}]."
            self._enlist(item, Level(item, level.encodings, level.root), contents, prefix)
            items.append(item)
        self._contents[id(dataset)][BaseTag(tag)] = DataElement(BaseTag(tag), "SQ", Items(items))
        return items[number]

    def block_of(self, dataset: Dataset, group: int, creator: str) -> int:
        """The block of a private creator, reserved where it is missing."""
        level = self.level(dataset)
        owners = level.blocks().setdefault(group, {})
        if creator not in owners:
            taken = {tag & 0xFF for tag in self.tags(dataset) if tag >> 16 == group and 0x10 <= tag & 0xFFFF <= 0xFF}
            block = next((number for number in range(0x10, 0x100) if number not in taken), None)
            if block is None:
                raise failed("value", "No private block is free for the script.")
            owners[creator] = block
            owner = BaseTag(group << 16 | block)
            self._contents[id(dataset)][owner] = level.write(owner, creator, None, "LO")
        return owners[creator]

    def _note(self, dataset: Dataset, tag: int, code: str, line: int) -> None:
        self.level(dataset).changed()
        path = self._names[id(dataset)] + table.name_of(tag)
        self.actions.append(Action(path, code, f"script line {line}"))
