"""JSON, such as the sidecars of BIDS: values cleaned by their keys and by their texts."""

import json
import re
from collections.abc import Iterator

from invivo.deidentification.identifier import Trace
from invivo.deidentification.other_files import field
from invivo.deidentification.other_files.encoding import Text
from invivo.deidentification.other_files.outcome import Written, broken, refusal
from invivo.deidentification.other_files.prose import free_text_doubt
from invivo.deidentification.other_files.wording import Wording
from invivo.deidentification.report import Action

DEEPEST_JSON = 100
MOST_JSON_VALUES = 5_000_000
_KEY = re.compile(r"[A-Za-z_$@][\w.$@-]{0,80}")
_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_INDENT = re.compile(r"[\[{]\r?\n([ \t]+)\S")
_ANY = object | None


def clean_json(found: Text, wording: Wording) -> Written:
    """Clean a JSON text; it is written in UTF-8 with the same indent.

    Raises
    ------
    CannotDeidentify
        Broken, too deep, or the DICOM JSON model, which is for the engine of DICOM.
    """
    try:
        tree = json.loads(found.text)
    except (ValueError, RecursionError):
        raise broken("it is no well-formed JSON") from None
    is_whole = wording.learn(_traces(tree, "", None, 0))
    cleaning = _Cleaning(wording)
    new = cleaning.value(tree, "", None, ())
    indent = _INDENT.search(found.text)
    output = json.dumps(new, ensure_ascii=False, indent=indent.group(1) if indent else None)
    output += "\n" if found.text.endswith("\n") else ""
    doubts = (*found.doubts(), free_text_doubt(wording, is_whole=is_whole))
    text = "\n".join(cleaning.texts)
    return Written(output.encode("utf-8"), "json", tuple(cleaning.actions), doubts, (), wording.own, text)


def _rule_of(key: str, parent: str, inherited: str | None) -> str | None:
    return field.rule_of(key, parent) or inherited


def _traces(value: _ANY, key: str, rule: str | None, depth: int) -> Iterator[Trace]:
    if depth > DEEPEST_JSON:
        raise refusal("The JSON is nested too deep.", "too-deep")
    if isinstance(value, dict):
        for name, inner in value.items():
            if _TAG.fullmatch(name) and isinstance(inner, dict) and "vr" in inner:
                raise refusal("The JSON is a DICOM object; send it as DICOM.", "is-dicom")
            yield from _traces(inner, name, _rule_of(name, key, rule), depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _traces(inner, key, rule, depth + 1)
    elif isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        yield from field.traces_of_field("json", rule, str(value))


class _Cleaning:
    """One pass over the tree; remembers what it did and what it wrote."""

    def __init__(self, wording: Wording) -> None:
        self.actions: list[Action] = []
        self.texts: list[str] = []
        self._wording = wording
        self._count = 0

    def value(self, value: _ANY, key: str, rule: str | None, path: tuple[str, ...]) -> _ANY:
        self._count += 1
        if self._count > MOST_JSON_VALUES:
            raise refusal("The JSON has too many values.", "too-large")
        if isinstance(value, dict):
            return self._object(value, key, rule, path)
        if isinstance(value, list):
            return [self.value(inner, key, rule, path) for inner in value]
        if value is None or isinstance(value, bool):
            return value
        new = self._text(value, key, rule) if isinstance(value, str) else self._number(value, key, rule)
        if new != value:
            self.actions.append(Action("/".join(path) or "value", "C" if new else "Z", f"json {rule or 'clean'}"))
        if isinstance(new, str):
            self.texts.append(new)
        return new

    def _object(self, value: dict[str, _ANY], key: str, rule: str | None, path: tuple[str, ...]) -> dict[str, _ANY]:
        new: dict[str, _ANY] = {}
        for number, (name, inner) in enumerate(value.items()):
            written = self._key(name)
            shown = name if written == name and _KEY.fullmatch(name) and field.rule_of(name) else f"[{number}]"
            if written != name:
                self.actions.append(Action("/".join((*path, shown)), "C", "json key"))
                while written in new or written in value:
                    written += "_"
            self.texts.append(written)
            new[written] = self.value(inner, name, _rule_of(name, key, rule), (*path, shown))
        return new

    def _key(self, name: str) -> str:
        if field.UID.fullmatch(name):
            return self._wording.uid(name)
        return self._wording.technical(name) if _KEY.fullmatch(name) else self._wording.clean(name)

    def _text(self, value: str, key: str, rule: str | None) -> str:
        wording = self._wording
        if rule is None and not field.UID.fullmatch(value.strip()):
            if field.is_number(value) and not field.is_long_number(value):
                return "" if wording.cleaner.finds(value) else value
            new = "\n".join(wording.line(line) for line in value.split("\n"))
            return wording.clean(new) if wording.cleaner.finds(new) else new
        return wording.ruled(rule or "clean", value, key, wording.shift_days)

    def _number(self, value: _ANY, key: str, rule: str | None) -> _ANY:
        """A number stays unless its key or its digits speak against it; what goes becomes null."""
        text = str(value)
        if rule in {"keep", "technical", "clean", None}:
            goes = self._wording.cleaner.finds(text) or (rule is None and field.is_long_number(text))
            return None if goes else value
        new = self._wording.ruled(rule, text, key, self._wording.shift_days)
        if new == text:
            return value
        if rule == "age":
            return int(new) if new.isdigit() else None
        return new or None
