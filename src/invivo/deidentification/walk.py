"""One walk through an object: every element at every depth is met once, and leaves only by a decision."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from pydicom.charset import python_encoding
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from invivo import dicom
from invivo.deidentification import action, table, timestamp
from invivo.deidentification import element as elements
from invivo.deidentification.decision import Decision, Place
from invivo.deidentification.element import Element
from invivo.deidentification.identifier import DEEPEST
from invivo.deidentification.mapping import Mapping
from invivo.deidentification.memory import LONGEST_REMEMBERED, Memory
from invivo.deidentification.private_tag import Disposition, disposition
from invivo.deidentification.profile import BINARY_VRS, Profile
from invivo.deidentification.report import Action, CannotDeidentify, Doubt
from invivo.deidentification.text import Cleaner

PIXEL_DATA = 0x7FE00010
_UNDEFINED = 0xFFFFFFFF
_SCHEME = BaseTag(0x00080102)
_NEIGHBOURLY = frozenset({0x00080104})  # a code's meaning is judged by the scheme beside it
_NUMBER = re.compile(rb"[0-9+\-.eE \\\0]*")
_LONG_NUMBER = re.compile(rb"(?<![\d.])\d{6}")
_PRINTED = re.compile(rb"[ -~]{6,}")
_SIZES = {"US": 2, "SS": 2, "UL": 4, "SL": 4, "FL": 4, "FD": 8, "AT": 4, "UV": 8, "SV": 8}


@dataclass(slots=True)
class Walk:
    """What one object's walk needs and what it finds."""

    profile: Profile
    mapping: Mapping
    cleaner: Cleaner
    subject_label: str
    offset_days: int
    memory: Memory | None = None
    actions: list[Action] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)

    def dataset(self, source: Dataset, place: Place, inherited: list[str], prefix: str = "", depth: int = 0) -> Dataset:
        """The cleaned copy of a data set or item.

        Raises
        ------
        CannotDeidentify
            Nested too deep, or a broken sequence.
        """
        if depth > DEEPEST:
            raise CannotDeidentify("Sequences are nested too deep.", code="deidentification.too-deep")
        level = _Level(self, source, place, elements.encodings_of(source, inherited), prefix, depth)
        kept: dict[BaseTag, Element] = {}
        private: list[BaseTag] = []
        fate_of = self._fresh if depth or self.memory is None else self._remembered
        for tag, element in elements.stored(source).items():
            if tag & 0x10000:
                private.append(tag)
                continue
            new = fate_of(level, tag, element)
            if new is not None:
                kept[tag] = new
        if private:
            kept.update(level.private(private))
        return elements.dataset_like(source, kept)

    def _fresh(self, level: "_Level", tag: BaseTag, element: Element) -> Element | None:
        """What remains of an element that was not met before."""
        decision = level.place.decision(tag, element.VR)
        if decision.way == "keep":
            return element
        new: Element | None = getattr(level, decision.way)(element, decision)
        if new is not element and decision.way != "enter":
            self.actions.append(decision.note(level.prefix, None if new is not None else "X"))
        return new

    def _remembered(self, level: "_Level", tag: BaseTag, element: Element) -> Element | None:
        """The same, from memory where the same bytes stood at the same place of another object."""
        return self.recalled(level, element, b"", lambda: self._fresh(level, tag, element))

    def recalled(
        self, level: "_Level", element: Element, creator: bytes, fresh: Callable[[], Element | None]
    ) -> Element | None:
        """The fate of an element by memory, or freshly found and remembered."""
        memory, value = self.memory, element.value
        if memory is None or type(value) is not bytes or len(value) > LONGEST_REMEMBERED or element.tag in _NEIGHBOURLY:
            return fresh()
        key = (int(element.tag), element.VR, value, creator)
        past = memory.recall(key)
        if past is None:
            acts, doubts = len(self.actions), len(self.doubts)
            new = level.as_bytes(fresh())
            past = (new, tuple(self.actions[acts:]), tuple(self.doubts[doubts:]))
            memory.keep(key, past)
            return new
        self.actions += past[1]
        self.doubts += past[2]
        return past[0]


@dataclass(slots=True)
class _Level:
    """The ways of one data set of the walk. Each takes an element and returns what remains of it, or None."""

    walk: Walk
    source: Dataset
    place: Place
    encodings: list[str]
    prefix: str
    depth: int

    def as_bytes(self, element: Element | None) -> Element | None:
        """The element as its bytes, so that other objects can have it too."""
        implicit, little = self.source.original_encoding
        if not isinstance(element, DataElement) or element.VR != "SQ" or implicit is None or not little:
            return element
        return dicom.encoded_items(element, implicit=implicit, encodings=self.encodings)

    def remove(self, _element: Element, _decision: Decision) -> None:
        """X, and the fallback of what is not understood."""

    def empty(self, element: Element, decision: Decision) -> Element:
        """Z; an element that is empty already is not touched."""
        return element if not element.value else action.empty(element, decision.vr)

    def dummy(self, element: Element, decision: Decision) -> Element:
        """D, or what the profile's rule writes."""
        return action.dummy(element, decision.vr, decision.value)

    def label(self, element: Element, decision: Decision) -> Element:
        """D for who the subject is."""
        text = self.walk.subject_label if decision.value is None else decision.value
        return action.dummy(element, decision.vr, text)

    def pseudonym(self, element: Element, decision: Decision) -> Element:
        """D for a number that must tell one specimen from another."""
        if decision.value is not None:
            return self.dummy(element, decision)
        texts = elements.texts_of(element, decision.vr, self.encodings)
        return action.dummy(element, decision.vr, self.walk.mapping.pseudonym("\\".join(texts)))

    def uid(self, element: Element, _decision: Decision) -> Element:
        """U."""
        return action.replace_uids(element, self.walk.mapping.uid)

    def kept_uid(self, element: Element, decision: Decision) -> Element | None:
        """K for UIDs: only what has the form of one."""
        texts = elements.texts_of(element, "UI", ())
        return element if all(not text or dicom.is_valid(text) for text in texts) else self._fallback(element, decision)

    def clean(self, element: Element, decision: Decision) -> Element | None:
        """C for text; a value of which nothing remains becomes a dummy where one is required."""
        return self._cleaned(element, decision, everything=True)

    def strip(self, element: Element, decision: Decision) -> Element | None:
        """K for text: only the object's own identifiers go."""
        return self._cleaned(element, decision, everything=False)

    def meaning(self, element: Element, decision: Decision) -> Element | None:
        """Code meaning: of a published scheme it is a fixed term, of any other it is free text."""
        scheme = elements.stored(self.source).get(_SCHEME)
        names = elements.texts_of(scheme, "SH", self.encodings) if scheme is not None else []
        published = bool(names) and names[0] in _published_schemes()
        if not published and self.place.dummies:
            return action.dummy(element, decision.vr)
        return self._cleaned(element, decision, everything=not published)

    def term(self, element: Element, decision: Decision) -> Element | None:
        """K for CS: a term of a list, unless it holds an identifier."""
        texts = elements.texts_of(element, "CS", self.encodings)
        if isinstance(element.value, bytes) and self.walk.cleaner.stands_in_bytes(element.value):
            return self._fallback(element, decision)
        if decision.code == "K" and all(text.isascii() for text in texts):
            if not any(self.walk.cleaner.finds(text) or self.walk.cleaner.is_name(text) for text in texts):
                return element
            return self._fallback(element, decision)
        return self._cleaned(element, decision, everything=True)

    def number(self, element: Element, decision: Decision) -> Element | None:
        """K for numbers written as text, unless one is an identifier: a patient id as the number of a series."""
        value = element.value
        if isinstance(value, bytes) and not _NUMBER.fullmatch(value):
            return self._fallback(element, decision)
        if _LONG_NUMBER.search(value if isinstance(value, bytes) else str(value).encode("ascii", "replace")):
            texts = elements.texts_of(element, decision.vr, ())
            if any(self.walk.cleaner.finds(text) for text in texts if text.isdigit()):
                return self._fallback(element, decision)
        return element

    def age(self, element: Element, decision: Decision) -> Element | None:
        """K for ages, with everything over 89 years made 090Y."""
        texts = [text for text in elements.texts_of(element, "AS", ()) if text]
        capped = [timestamp.capped_age(text) for text in texts]
        if None in capped:
            return self._fallback(element, decision)
        return element if capped == texts else elements.with_texts(element, "AS", [text or "" for text in capped], ())

    def date(self, element: Element, decision: Decision) -> Element | None:
        """K for dates and times: only what has their form."""
        texts = elements.texts_of(element, decision.vr, ())
        formed = all(timestamp.is_well_formed(decision.vr, text) for text in texts)
        return element if formed else self._fallback(element, decision)

    def shift(self, element: Element, decision: Decision) -> Element | None:
        """C for dates and times: moved by the subject's own number of days."""
        texts = elements.texts_of(element, decision.vr, ())
        moved = [timestamp.shifted(decision.vr, text, self.walk.offset_days) for text in texts]
        if None in moved:
            return self._fallback(element, decision)
        return (
            element if moved == texts else elements.with_texts(element, decision.vr, [text or "" for text in moved], ())
        )

    def binary(self, element: Element, decision: Decision) -> Element | None:
        """K for known bulk values; only pixel data may be of undefined length."""
        undefined = isinstance(element, RawDataElement) and element.length == _UNDEFINED
        return self._fallback(element, decision) if undefined and element.tag != PIXEL_DATA else element

    def graphics(self, element: Element, decision: Decision) -> Element:
        """C for overlays and curves: only a person can tell what is drawn in them."""
        path = self.prefix + decision.name
        self.walk.doubts.append(Doubt("graphics.kept", path, "Look at what is drawn in this overlay or curve.", "hold"))
        return element

    def characters(self, element: Element, decision: Decision) -> Element | None:
        """The character set: only terms that are known, since text of others cannot be read."""
        terms = elements.character_sets(self.source)
        known = [term for term in terms if not term or term in python_encoding]
        if known == terms:
            return element
        path = self.prefix + decision.name
        self.walk.doubts.append(Doubt("text.unknown-character-set", path, "Text in an unknown character set.", "hold"))
        return elements.with_texts(element, "CS", known, ()) if any(known) else None

    def enter(self, element: Element, decision: Decision) -> Element | None:
        """K, C, D and U of a sequence: it stays, and its items are walked."""
        items = elements.items_of(self.source, element, "SQ")
        if items is None:
            self.walk.actions.append(decision.note(self.prefix, "X"))
            return None
        inside = self.place.inside(element.tag, dummies=decision.code == "D")
        stem = f"{self.prefix}{decision.name}"
        return elements.sequence_of(element, self._items(items, inside, stem))

    def private(self, tags: list[BaseTag]) -> dict[BaseTag, Element]:
        """Private elements that are safe, and the reservations of their blocks; nothing without that option."""
        kept: dict[BaseTag, Element] = {}
        reserved: dict[BaseTag, Element] = {}
        allowed = "retain_safe_private" in self.walk.profile.options and not self.place.dummies
        stored = elements.stored(self.source)
        block, owner, reservation = -1, tags[0], None
        for tag in tags:
            if tag >> 8 != block:  # blocks follow one another
                block = tag >> 8
                owner = dicom.tag_of((tag & 0xFFFF0000) | (block & 0xFF))
                reservation = stored.get(owner) if allowed and block & 0xFF >= 0x10 else None
            if not block & 0xFF:
                continue
            new = self._private_or_memory(tag, owner, reservation) if reservation is not None else None
            if new is not None and reservation is not None:
                kept[tag] = new
                reserved[owner] = reservation
            else:
                self.walk.actions.append(Action(self.prefix + table.name_of(tag), "X", "private"))
        return {**kept, **reserved}

    def _private_or_memory(self, tag: BaseTag, owner: BaseTag, reservation: Element) -> Element | None:
        creator = reservation.value
        if self.depth or not isinstance(creator, bytes):
            return self._private(tag, owner)
        element = elements.stored(self.source)[tag]
        return self.walk.recalled(self, element, creator, lambda: self._private(tag, owner))

    def _private(self, tag: BaseTag, owner: BaseTag) -> Element | None:
        names = elements.texts_of(elements.stored(self.source)[owner], "LO", self.encodings)
        fate = disposition(tag >> 16, names[0], tag & 0xFF) if len(names) == 1 else None
        if fate is None or fate.code == "X":
            return None
        element = elements.stored(self.source)[tag]
        vr = fate.vr if element.VR in {None, "UN"} else str(element.VR)
        decision = Decision(
            "private", fate.code, vr, "private dictionary", f"({tag >> 16:04X},{tag & 0xFFFF:04X})", "X"
        )
        new = self._private_value(element, decision, fate)
        if new is not element and new is not None:
            self.walk.actions.append(decision.note(self.prefix, "C"))
        return new

    def _private_value(  # noqa: PLR0911 - a table of VRs
        self, element: Element, decision: Decision, fate: Disposition
    ) -> Element | None:
        vr = decision.vr
        if fate.code == "Z":
            return self.empty(element, decision)
        if vr == "UI":
            return self.uid(element, decision)
        if vr in {"DA", "DT", "TM"}:
            return self._private_date(element, decision)
        if fate.code in "HO" or vr in {"PN", ""}:
            return None
        if vr == "SQ":
            items = elements.items_of(self.source, element, "SQ")
            inside = self.place.inside(element.tag, dummies=False)
            return (
                None
                if items is None
                else elements.sequence_of(element, self._items(items, inside, self.prefix + decision.name))
            )
        if vr in action.TEXT_VRS | {"CS", "UR"}:
            return self._cleaned(element, decision, everything=True)
        if vr in BINARY_VRS or vr in _SIZES:
            return element if self._is_plain(element, vr) else None
        return {"DS": self.number, "IS": self.number, "AS": self.age}.get(vr, self.remove)(element, decision)

    def _private_date(self, element: Element, decision: Decision) -> Element | None:
        options = self.walk.profile.options
        if "retain_modified_dates" in options:
            return self.shift(element, decision)
        return self.date(element, decision) if "retain_full_dates" in options else None

    def _is_plain(self, element: Element, vr: str) -> bool:
        """Whether bytes are numbers by their size and hold nothing that can be read, in one byte a letter or two."""
        value = element.value
        if not isinstance(value, bytes):
            return vr in _SIZES
        if isinstance(element, RawDataElement) and element.length == _UNDEFINED:
            return False
        if vr in _SIZES:
            return len(value) % _SIZES[vr] == 0 and (len(value) < 16 or not _PRINTED.search(value))
        return not any(_PRINTED.search(part) for part in (value, value[::2], value[1::2]))

    def _items(self, items: list[Dataset], inside: Place, stem: str) -> list[Dataset]:
        walk, depth = self.walk, self.depth + 1
        return [walk.dataset(item, inside, self.encodings, f"{stem}[{at}].", depth) for at, item in enumerate(items)]

    def _cleaned(self, element: Element, decision: Decision, *, everything: bool) -> Element | None:
        cleaner = self.walk.cleaner
        new = action.clean(element, decision.vr, self.encodings, cleaner.clean if everything else cleaner.strip)
        if isinstance(new.value, bytes) and cleaner.stands_in_bytes(new.value):
            return self._fallback(element, decision)  # written in another character set than the object names
        return self._fallback(element, decision) if new is not element and not new.value else new

    def _fallback(self, element: Element, decision: Decision) -> Element | None:
        """What the Basic profile does, for a value that is not what it says or of which nothing is left."""
        if decision.fallback == "D":
            return action.dummy(element, decision.vr)
        return action.empty(element, decision.vr) if decision.fallback == "Z" else None


@cache
def _published_schemes() -> frozenset[str]:
    """Coding schemes whose meanings are published; the text of any other is free text of somebody."""
    return frozenset(table.text_of("coding_schemes.txt").split())
