"""Values as the foreign scripts see them: every element as text, and text as an element of any VR."""

import re
import struct
from functools import lru_cache

from pydicom import datadict
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.tag import BaseTag

from invivo.deidentification import element as elements
from invivo.deidentification.element import Element
from invivo.deidentification.private_tag import disposition
from invivo.deidentification.scripts.refusal import failed

OWN_GROUPS = 0x00030000
SINGLE_VRS = frozenset({"ST", "LT", "UT", "UR"})
_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "UV": "Q", "SV": "q"}
_BULK = frozenset({"OB", "OW", "OF", "OD", "OL", "OV"})
_LONG_VRS = frozenset({"UC", "UN", "UR", "UT", "SQ"}) | _BULK | {"SV", "UV"}
_DEFAULT = ["iso8859"]
_ITEM = b"\xfe\xff\x00\xe0"


@lru_cache(maxsize=65536)
def public_vr(tag: int) -> str:
    """VR of a standard element or private creator by the dictionary; UN when unknown."""
    if tag & 0x10000:
        return "LO" if 0x10 <= tag & 0xFFFF <= 0xFF else "UN"
    try:
        return datadict.dictionary_VR(tag).split(" or ")[0]
    except KeyError:
        return "UN"


@lru_cache(maxsize=16384)
def private_vr(group: int, creator: str, low: int) -> str:
    """VR of a private element by the lists of private elements; UN when none knows it."""
    known = disposition(group, creator, low)
    if known is not None and known.vr:
        return known.vr[:2]
    try:
        return datadict.private_dictionary_VR((group << 16) | 0x1000 | low, creator)[:2]
    except KeyError:
        return "UN"


class Level:
    """One data set or item while a script reads it: its elements as text, its private blocks, its root."""

    __slots__ = ("_blocks", "dataset", "encodings", "meta", "root")

    def __init__(self, dataset: Dataset, inherited: list[str] | None = None, root: "Level | None" = None) -> None:
        self.dataset = dataset
        self.encodings = elements.encodings_of(dataset, inherited or _DEFAULT)
        self.root = root or self
        self._blocks: dict[int, dict[str, int]] | None = None
        meta = getattr(dataset, "file_meta", None) if root is None else None
        self.meta: Dataset | None = meta

    def element(self, tag: int) -> Element | None:
        """The element, of the file meta information below group 0008; None without it."""
        holder = self.dataset if tag >= 0x00080000 else self.root.meta
        if holder is None or tag not in holder:
            return None
        return holder.get_item(BaseTag(tag))

    def vr(self, tag: int, element: Element | None) -> str:
        """The VR of an element, by its dictionary where the file does not say."""
        if element is not None and element.VR and element.VR != "UN":
            return str(element.VR)
        if tag & 0x10000 and tag & 0xFF00:
            return private_vr(tag >> 16, self.creator_of(tag), tag & 0xFF)
        return public_vr(tag)

    def text(self, tag: int) -> str:
        """The values of an element as text, joined by backslashes; empty without it."""
        element = self.element(tag)
        return "" if element is None else self.text_of(element)

    def text_of(self, element: Element) -> str:
        """The values of an element of this data set as text."""
        tag, value = element.tag, element.value
        vr = self.vr(tag, element)
        if value is None or vr == "SQ" or vr in _BULK or isinstance(value, Items):
            return ""
        if isinstance(value, bytes):
            if vr in _NUMBERS or vr == "AT":
                return _number_text(value, vr, getattr(element, "is_little_endian", True))
            if value[:4] == _ITEM:
                return ""
        return "\\".join(elements.texts_of(element, "LO" if vr == "UN" else vr, self.encodings))

    def items(self, element: Element) -> list[Dataset] | None:
        """The items of an element that is a sequence, even in disguise; None when it is none."""
        value = element.value
        if isinstance(value, Items):
            return list(value)
        if element.VR == "SQ" or (element.VR in {None, "UN"} and self.vr(element.tag, element) == "SQ"):
            return elements.items_of(self.dataset, element, "SQ")
        if element.VR in {None, "UN"} and isinstance(value, bytes) and value[:4] == _ITEM:
            return elements.items_of(self.dataset, element, "UN")
        return None

    def blocks(self) -> dict[int, dict[str, int]]:
        """Private blocks: group to creator (upper case) to block number."""
        if self._blocks is None:
            found: dict[int, dict[str, int]] = {}
            for tag in self.dataset.keys():  # noqa: SIM118 - tags, not elements
                if tag & 0x10000 and 0x10 <= tag & 0xFFFF <= 0xFF:
                    names = elements.texts_of(self.dataset.get_item(tag), "LO", self.encodings)
                    if names:
                        found.setdefault(tag >> 16, {}).setdefault(names[0].strip().upper(), tag & 0xFF)
            self._blocks = found
        return self._blocks

    def creator_of(self, tag: int) -> str:
        """Creator, in upper case, of the block of a private element; empty when nobody reserved it."""
        block = (tag & 0xFFFF) >> 8
        owners = self.blocks().get(tag >> 16, {})
        return next((name for name, number in owners.items() if number == block), "")

    def changed(self) -> None:
        """Forget the private blocks, because a script wrote or deleted some."""
        self._blocks = None

    def write(self, tag: int, text: str, like: Element | None = None, vr: str | None = None) -> Element:
        """An element of this data set with the values in a text, separated by backslashes.

        Raises
        ------
        CannotDeidentify
            The text is no value of the VR.
        """
        vr = vr or self.vr(tag, like)
        if vr == "SQ" or (vr in _BULK and not text):
            if text:
                raise failed("value", "A script writes text into a sequence.")
            return DataElement(BaseTag(tag), vr, Items() if vr == "SQ" else None, validation_mode=elements.IGNORE)
        if vr in _BULK:
            raise failed("value", "A script writes text into a binary element.")
        parts = [text] if vr in SINGLE_VRS else text.split("\\") if text else []
        raw = self._raw_like(tag, vr, like)
        if raw is None:
            value = _values(parts, vr) if text else None
            return DataElement(BaseTag(tag), vr, value, validation_mode=elements.IGNORE)
        if vr in _NUMBERS or vr == "AT":
            packed = _packed(parts, vr, raw.is_little_endian)
            return elements.raw_like(raw, vr, packed)
        new = elements.with_texts(raw, vr, parts, self.encodings)
        if vr not in _LONG_VRS and len(new.value or b"") > 0xFFFE:
            raise failed("value", "A script makes a value that is too long.")
        return new

    def _raw_like(self, tag: int, vr: str, like: Element | None) -> RawDataElement | None:
        if isinstance(like, RawDataElement):
            return like
        implicit, little = self.dataset.original_encoding
        if like is not None or implicit is None or little is None:
            return None
        return RawDataElement(BaseTag(tag), vr, 0, b"", 0, implicit, little)


def _number_text(value: bytes, vr: str, little: bool) -> str:
    order = "<" if little else ">"
    if vr == "AT":
        numbers = struct.unpack(f"{order}{len(value) // 4 * 2}H", value[: len(value) // 4 * 4])
        return "\\".join(f"{group:04X}{number:04X}" for group, number in zip(numbers[::2], numbers[1::2], strict=True))
    size = struct.calcsize(_NUMBERS[vr])
    count = len(value) // size
    return "\\".join(str(number) for number in struct.unpack(f"{order}{count}{_NUMBERS[vr]}", value[: count * size]))


def _values(parts: list[str], vr: str) -> object:
    if vr in _NUMBERS or vr == "AT":
        numbers = [_number(part, vr) for part in parts]
        return numbers[0] if len(numbers) == 1 else numbers
    if vr in {"DS", "IS"}:
        for part in parts:
            if part.strip() and not re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", part, re.ASCII):
                raise failed("value", "A script writes text into a number.")
    return parts[0] if len(parts) == 1 else parts


def _number(text: str, vr: str) -> int | float:
    try:
        if vr == "AT":
            return int(re.sub(r"[(),\s]", "", text), 16)
        return float(text) if vr in {"FL", "FD"} else int(text)
    except ValueError:
        raise failed("value", "A script writes text into a number.") from None


def _packed(parts: list[str], vr: str, little: bool) -> bytes:
    order = "<" if little else ">"
    numbers = [_number(part, vr) for part in parts]
    try:
        if vr == "AT":
            return b"".join(struct.pack(f"{order}HH", int(number) >> 16, int(number) & 0xFFFF) for number in numbers)
        return struct.pack(f"{order}{len(numbers)}{_NUMBERS[vr]}", *numbers)
    except (struct.error, OverflowError):
        raise failed("value", "A script writes a number that does not fit.") from None
