"""One object under a CTP script: every element at every depth that stays, in the order of work that CTP has.

Unlike CTP, sequences that stay are always entered, curves go when the script says so, ``root:`` is the outermost data
set at any depth, and elements after the pixels follow their rules like any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from pydicom.charset import python_encoding
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.tag import BaseTag

from invivo.deidentification import element as elements
from invivo.deidentification import table
from invivo.deidentification.element import Element
from invivo.deidentification.identifier import DEEPEST
from invivo.deidentification.private_tag import disposition
from invivo.deidentification.report import Action, CannotDeidentify
from invivo.deidentification.scripts.ctp_names import Private, tag_at
from invivo.deidentification.scripts.ctp_rule import Context, Control, Result, Rule, Rules
from invivo.deidentification.scripts.ctp_script import CHARACTER_SET, CODES, METHOD_CODES
from invivo.deidentification.scripts.lookup import Numbers
from invivo.deidentification.scripts.value import OWN_GROUPS, Level, public_vr

_LATIN = "ISO_IR 100"
_UIDS = frozenset({0x00080016, 0x00080018, 0x0020000D})
_GROUPS = frozenset({0x0002, 0x0028, 0x7FE0})
_CHANGES = frozenset({"DA", "DT", "TM", "AS"})


@dataclass(slots=True)
class Pass:
    """One object's pass: the script, what it may ask, and what was done."""

    rules: Rules
    numbers: Numbers | None
    now: datetime
    actions: list[Action] = field(default_factory=list)

    def root(self, source: Dataset) -> Dataset:
        """The new data set of an object.

        Raises
        ------
        CannotDeidentify
        Skipped
        """
        base = source
        if CHARACTER_SET not in source:
            base = elements.dataset_like(source, {tag: source.get_item(tag) for tag in list(source.keys())})
            base.SpecificCharacterSet = _LATIN
        level = Level(base)
        level.meta = getattr(source, "file_meta", None)
        kept = self.level(level, "", 0, by_allow_list=True)
        context = Context(level, self.rules, self.numbers, self.now)
        self._insert(level, context, kept)
        return elements.dataset_like(base, kept)

    def level(self, level: Level, prefix: str, depth: int, *, by_allow_list: bool) -> dict[BaseTag, Element]:
        """What is kept of a data set or item; without the allow-list what has no rule stays."""
        if depth > DEEPEST:
            raise CannotDeidentify("Sequences are nested too deep.", code="deidentification.too-deep")
        context = Context(level, self.rules, self.numbers, self.now)
        kept: dict[BaseTag, Element] = {}
        source, rules = level.dataset, self.rules
        removes = frozenset(rules.removals if by_allow_list else rules.removals - {"unspecifiedelements"})
        for tag in source.keys():  # noqa: SIM118 - tags, not elements
            # Group lengths, command sets and misplaced file meta information do not belong into a data set.
            if tag < OWN_GROUPS or (not tag & 0xFFFF and rules.public.get(tag) is None):
                continue
            element = source.get_item(tag)
            rule = rules.rule_of(level, tag)
            if tag == CHARACTER_SET:
                new: Element | None = self._character_set(level, element)
            elif self._goes(level, tag, rule, removes):
                new, line = None, None if rule is None else rule.line
                self.note(prefix, tag, "X", line)
            elif rule is None:
                new = self._entered(level, element, prefix, depth, by_allow_list=False)
            else:
                context.tag = tag
                new = self._ruled(context, element, rule, prefix, depth)
            if new is not None:
                kept[tag] = new
        self._settle_private(level, kept, removes)
        return kept

    def note(self, prefix: str, tag: int, code: str, line: int | None) -> None:
        """Record what was done."""
        self.actions.append(_action(prefix, tag, code, line) if not prefix else _new_action(prefix, tag, code, line))

    def _goes(self, level: Level, tag: int, rule: Rule | None, removes: frozenset[str]) -> bool:
        group = tag >> 16
        family = group & 0xFF00
        if not tag & 0x10000:
            if family == 0x6000 and "overlays" in removes:
                return True
            if family == 0x5000 and "curves" in removes:
                return True
        if rule is not None:
            return False
        if tag & 0x10000:
            private = "privategroups" in removes or "unspecifiedelements" in removes
            return private and not self._is_kept(level, tag, group, removes)
        return "unspecifiedelements" in removes and not self._is_kept(level, tag, group, removes)

    def _is_kept(self, level: Level, tag: int, group: int, removes: frozenset[str]) -> bool:
        rules = self.rules
        if group in rules.kept_groups or tag in _UIDS or group in _GROUPS:
            return True
        if tag & 0x10000:
            if rules.keeps_safe_private and _is_safe(level, tag):
                return True
            if "privategroups" in removes:
                return False
        family = {0x6000: "overlays", 0x5000: "curves"}.get(group & 0xFF00)
        return family is not None and family not in removes

    def _ruled(self, context: Context, element: Element, rule: Rule, prefix: str, depth: int) -> Element | None:
        level, tag = context.level, element.tag
        if rule.is_codes:
            return self._with_codes(level, element, rule, prefix)
        result = rule.run(context)
        if result is Control.REMOVE:
            self.note(prefix, tag, "X", rule.line)
            return None
        if result is Control.KEEP or result is Control.PROCESS:
            if result is Control.KEEP:
                self.note(prefix, tag, "K", rule.line)
            new = self._entered(level, element, prefix, depth, by_allow_list=result is Control.PROCESS)
            if result is Control.PROCESS and new is element and level.items(element) is None:
                raise CannotDeidentify("The script processes as a sequence what is none.", code=_VALUE)
            return new
        vr = level.vr(tag, element)
        new = self._written(level, tag, result, element, vr)
        empty = result is Control.EMPTY or not result
        code = "Z" if empty else "U" if vr == "UI" else "C" if vr in _CHANGES else "D"
        self.note(prefix, tag, code, rule.line)
        return new

    def _written(self, level: Level, tag: int, result: Result, like: Element | None, vr: str) -> Element:
        if result is Control.EMPTY:
            # CTP writes one blank where a name was, so that readers of that time find a value.
            return level.write(tag, " " if vr == "PN" else "", like, vr)
        if not isinstance(result, str):
            raise CannotDeidentify("A rule of the script makes no sense here.", code=_VALUE)
        return level.write(tag, result, like, vr)

    def _entered(self, level: Level, element: Element, prefix: str, depth: int, *, by_allow_list: bool) -> Element:
        """The same element; a sequence with its items gone through."""
        if element.VR not in {"SQ", "UN", None}:
            return element
        items = level.items(element)
        if items is None:
            return element
        stem = prefix + table.name_of(element.tag)
        new = []
        for at, item in enumerate(items):
            inner = Level(item, level.encodings, level.root)
            kept = self.level(inner, f"{stem}[{at}].", depth + 1, by_allow_list=by_allow_list)
            new.append(elements.dataset_like(item, kept))
        return elements.sequence_of(element, new)

    def _character_set(self, level: Level, element: Element) -> Element | None:
        """Known terms only: no rule may change how the text of the object is written, nor hide text there."""
        terms = elements.character_sets(level.dataset)
        known = [term for term in terms if not term or term in python_encoding]
        if known == terms:
            return element
        return elements.with_texts(element, "CS", known, ()) if any(known) else None

    def _with_codes(self, level: Level, element: Element | None, rule: Rule, prefix: str) -> Element:
        items: list[Dataset] = [] if element is None else list(level.items(element) or [])
        for word in str(rule.pieces[0]).split("/"):
            if word.strip() == "reset":
                items = []
            elif word.strip():
                items.append(_code_item(word.strip()))
        self.note(prefix, METHOD_CODES, "D", rule.line)
        return DataElement(BaseTag(METHOD_CODES), "SQ", Items(items), validation_mode=elements.IGNORE)

    def _insert(self, level: Level, context: Context, kept: dict[BaseTag, Element]) -> None:
        """Rules that begin with @always() for elements that the object does not have."""
        for tag, rule in self.rules.public.items():
            if rule.is_codes and level.element(tag) is None:
                kept[BaseTag(tag)] = self._with_codes(level, None, rule, "")
            elif rule.is_always and tag >= 0x00080000 and level.element(tag) is None:
                self._insert_one(level, context, kept, tag, rule)
        for step, rule in self.rules.private.items():
            tag_now = tag_at(level, step)
            if rule.is_always and (tag_now is None or level.element(tag_now) is None):
                self._insert_one(level, context, kept, _block_for(kept, step, level), rule)

    def _insert_one(self, level: Level, context: Context, kept: dict[BaseTag, Element], tag: int, rule: Rule) -> None:
        context.tag = tag
        result = rule.run(context)
        if result is Control.REMOVE or result is Control.KEEP:
            return
        private = tag & 0x10000 and tag & 0xFF00
        vr = level.vr(tag, None)
        kept[BaseTag(tag)] = self._written(level, tag, result, None, "LO" if private and vr == "UN" else vr)
        self.note("", tag, "D", rule.line)

    def _settle_private(self, level: Level, kept: dict[BaseTag, Element], removes: frozenset[str]) -> None:
        """A private element stays together with the reservation of its block; one without its block goes."""
        owners = {BaseTag(tag & 0xFFFF0000 | (tag & 0xFF00) >> 8) for tag in kept if tag & 0x10000 and tag & 0xFF00}
        for owner in owners:
            if owner not in kept and owner in level.dataset:
                kept[owner] = level.dataset.get_item(owner)
        if "privategroups" in removes or "unspecifiedelements" in removes:
            for tag in [tag for tag in kept if tag & 0x10000 and 0x10 <= tag & 0xFFFF <= 0xFF and tag not in owners]:
                if self.rules.rule_of(level, tag) is None and tag >> 16 not in self.rules.kept_groups:
                    del kept[tag]


def _new_action(prefix: str, tag: int, code: str, line: int | None) -> Action:
    rule = "script removal" if line is None else f"script line {line}"
    return Action(prefix + table.name_of(tag), code, rule)


_action = lru_cache(maxsize=32768)(_new_action)
_VALUE = "deidentification.script-value"


def _is_safe(level: Level, tag: int) -> bool:
    if 0x10 <= tag & 0xFFFF <= 0xFF:
        return True
    if not tag & 0xFF00:
        return False
    known = disposition(tag >> 16, level.creator_of(tag), tag & 0xFF)
    return known is not None and known.code == "K"


def _block_for(kept: dict[BaseTag, Element], step: Private, level: Level) -> int:
    """The tag of a private element that is not there yet, with its block reserved."""
    group = step.group << 16
    block = level.blocks().get(step.group, {}).get(step.creator)
    if block is None:
        taken = {tag & 0xFF for tag in kept if tag >> 16 == step.group and 0x10 <= tag & 0xFFFF <= 0xFF}
        taken |= set(level.blocks().get(step.group, {}).values())
        block = next((number for number in range(0x10, 0x100) if number not in taken), None)
        if block is None:
            raise CannotDeidentify("No private block is free for the script.", code=_VALUE)
        level.blocks().setdefault(step.group, {})[step.creator] = block
    owner = BaseTag(group | block)
    if owner not in kept:
        kept[owner] = level.write(owner, step.creator, None, "LO")
    return int(owner) if step.low is None else group | block << 8 | step.low


def _code_item(code: str) -> Dataset:
    item = Dataset()
    values: Sequence[tuple[int, str]] = ((0x00080100, code), (0x00080102, "DCM"), (0x00080104, CODES[code]))
    for tag, text in values:
        item[BaseTag(tag)] = DataElement(BaseTag(tag), public_vr(tag), text, validation_mode=elements.IGNORE)
    return item
