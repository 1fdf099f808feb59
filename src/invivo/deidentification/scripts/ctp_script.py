"""A CTP anonymizer script from its text: parameters, rules, kept groups, removals, and what is dangerous about it."""

import re
from collections.abc import Mapping

from invivo.deidentification.scripts.ctp_call import Call, parse
from invivo.deidentification.scripts.ctp_compiler import Compiler
from invivo.deidentification.scripts.ctp_functions import FUNCTIONS
from invivo.deidentification.scripts.ctp_names import Private, parse_step
from invivo.deidentification.scripts.ctp_rule import Control, Result, Rule, Rules
from invivo.deidentification.scripts.ctp_syntax import Entry, entries
from invivo.deidentification.scripts.lookup import Lookup
from invivo.deidentification.scripts.refusal import Passage, ScriptRefused, Warned
from invivo.deidentification.scripts.value import public_vr

CHARACTER_SET, METHOD_CODES, PIXEL_DATA = 0x00080005, 0x00120064, 0x7FE00010
CODES = {
    "113100": "Basic Application Confidentiality Profile",
    "113101": "Clean Pixel Data Option",
    "113102": "Clean Recognizable Visual Features Option",
    "113103": "Clean Graphics Option",
    "113104": "Clean Structured Content Option",
    "113105": "Clean Descriptors Option",
    "113106": "Retain Longitudinal Temporal Information Full Dates Option",
    "113107": "Retain Longitudinal Temporal Information Modified Dates Option",
    "113108": "Retain Patient Characteristics Option",
    "113109": "Retain Device Identity Option",
    "113110": "Retain UIDs Option",
    "113111": "Retain Safe Private Option",
    "113112": "Retain Institution Identity Option",
}
_IDENTIFIERS = {0x00100010: "PatientName", 0x00100020: "PatientID", 0x00100030: "PatientBirthDate"}
_GROUP = re.compile(r"[0-9A-Fa-f]{1,4}")


def compile_script(text: str, parameters: Mapping[str, str], lookup: Lookup | None) -> Rules:
    """Compile a script.

    Parameters
    ----------
    text : str
        XML or properties form.
    parameters : mapping of str to str
        They win over those that the script sets itself.
    lookup : Lookup or None

    Raises
    ------
    ScriptRefused
        Anything in it is not understood.
    """
    found = entries(text)
    if not any(entry.kind in {"set", "remove"} for entry in found):
        raise ScriptRefused("the script has no active rule, so everything would pass unchanged.")
    own = {entry.name.text: entry.value.text for entry in found if entry.kind == "param"}
    labels = {
        entry.label: step
        for entry in found
        if entry.kind == "set" and entry.label and isinstance(step := _target(entry), Private)
    }
    compiler = Compiler({**own, **parameters}, labels, lookup, FUNCTIONS)
    public: dict[int, Rule] = {}
    private: dict[Private, Rule] = {}
    for entry in (entry for entry in found if entry.kind == "set"):
        target = _target(entry)
        if target in (private if isinstance(target, Private) else public):
            compiler.warnings.append(entry.name.warned(0, "This element has two rules; only the last one counts."))
        rule = _rule(entry, target, compiler)
        if isinstance(target, Private):
            private[target] = rule
        else:
            public[target] = rule
    _check_ruled(compiler, public, private)
    groups, keeps_safe = _kept(found)
    removals = frozenset(entry.name.text for entry in found if entry.kind == "remove")
    warnings = (*compiler.warnings, *_dangers(public, removals))
    return Rules(public, private, removals, groups, keeps_safe, lookup, tuple(warnings))


def _target(entry: Entry) -> int | Private:
    step = parse_step(entry.name.text.strip())
    if step is None:
        raise entry.name.refused(0, f"{entry.name.text.strip()} is no element; write ggggeeee or gggg[creator]ee.")
    return step


def _rule(entry: Entry, target: int | Private, compiler: Compiler) -> Rule:
    # The old form allows blanks after the value, the new one a text on lines of its own.
    raw = entry.value
    start = len(raw.text) - len(raw.text.lstrip())
    passage = raw.part(start, start + len(raw.text.strip()))
    if target == METHOD_CODES and not any(_is_decision(node) for node in parse(passage)):
        return _codes_rule(passage, compiler)
    rule = compiler.rule(passage)
    constant = rule.constant()
    vr = "UN" if isinstance(target, Private) else public_vr(target)
    if constant is Control.PROCESS and vr not in {"SQ", "UN"}:
        raise passage.refused(0, "@process() is only for sequences.")
    if vr == "SQ":
        if isinstance(constant, str) and constant:
            raise passage.refused(0, "a sequence cannot be given a text.")
        if rule.is_always and not rule.creates_sequence:
            raise passage.refused(0, "a sequence can only be created with @always()@require().")
    if target == CHARACTER_SET and constant is not Control.KEEP:
        compiler.warn(passage, 0, "The character set stays as it is, since the text is written in it.")
    if isinstance(target, int) and target < 0x00080000:
        compiler.warn(passage, 0, "File meta information is always written anew; this rule has no effect.")
    return rule


def _is_decision(node: str | Call) -> bool:
    return isinstance(node, Call) and node.name not in {"always", "param", "value"}


def _codes_rule(passage: Passage, compiler: Compiler) -> Rule:
    """The rule of the de-identification method codes: a list, known at load but for parameters."""
    rule = compiler.rule(passage)
    constant: Result | None = rule.constant()
    text = constant if isinstance(constant, str) else None
    if text is None:
        texts = [piece for piece in rule.pieces if isinstance(piece, str)]
        if len(texts) < len(rule.pieces):
            raise passage.refused(0, "the method codes have to be a list such as 113100/113101.")
        text = "".join(texts).strip()
    for word in filter(None, (part.strip() for part in text.split("/"))):
        if word not in CODES and word != "reset":
            raise passage.refused(0, f"{word} is no code of a de-identification method.")
    return Rule(rule.line, (text,), is_codes=True)


def _kept(found: list[Entry]) -> tuple[frozenset[int], bool]:
    groups: set[int] = set()
    keeps_safe = False
    for entry in (entry for entry in found if entry.kind == "keep"):
        name = entry.name.text.strip()
        if name.lower().startswith("safe"):
            keeps_safe = True
        elif _GROUP.fullmatch(name):
            groups.add(int(name, 16))
        else:
            raise entry.name.refused(0, f"{name} is no group to keep.")
    return frozenset(groups), keeps_safe


def _check_ruled(compiler: Compiler, public: Mapping[int, Rule], private: Mapping[Private, Rule]) -> None:
    """@hashuid with a second element needs that element's rule."""
    for name, refusal in compiler.ruled:
        step = name.steps[-1]
        if len(name.steps) != 1 or step not in (public if isinstance(step, int) else private):
            raise refusal


def _dangers(public: Mapping[int, Rule], removals: frozenset[str]) -> list[Warned]:
    dangers = []
    for tag, keyword in _IDENTIFIERS.items():
        rule = public.get(tag)
        if rule is None and "unspecifiedelements" not in removals:
            dangers.append(Warned(1, 1, f"The script has no rule for {keyword}: it stays as it is."))
        elif rule is not None and rule.constant() is Control.KEEP:
            dangers.append(Warned(rule.line, 1, f"The script keeps {keyword}."))
    if "unspecifiedelements" not in removals:
        dangers.append(Warned(1, 1, "Elements that the script does not name stay as they are."))
    if "privategroups" not in removals and "unspecifiedelements" not in removals:
        dangers.append(Warned(1, 1, "Private elements stay as they are."))
    return dangers
