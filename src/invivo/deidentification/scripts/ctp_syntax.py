"""CTP anonymizer scripts as files: the XML form and the old properties form, both read into entries with places."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import XMLParser  # type: ignore[import-untyped]

from invivo.deidentification.scripts.lookup import properties
from invivo.deidentification.scripts.refusal import MOST_RULES, Passage, ScriptRefused

REMOVALS = frozenset({"privategroups", "unspecifiedelements", "overlays", "curves"})
_ATTRIBUTES = {"p": {"t"}, "e": {"en", "t", "n"}, "k": {"en", "t", "n"}, "r": {"en", "t", "n"}}
_SET = re.compile(r"set\.\[(?P<tag>.*)\](?P<label>[^\[\]]*)")


@dataclass(frozen=True, slots=True)
class Entry:
    """One active entry: ``kind`` is ``param``, ``set``, ``keep`` or ``remove``; ``name`` what it speaks of."""

    kind: str
    name: Passage
    label: str
    value: Passage


def entries(text: str) -> list[Entry]:
    """The active entries of a script.

    Raises
    ------
    ScriptRefused
        The file is neither form, or an entry is none of those known.
    """
    found: list[Entry] = []
    for entry in _xml_entries(text) if text.lstrip().startswith("<") else _properties_entries(text):
        found.append(entry)
        if len(found) > MOST_RULES:
            raise entry.name.refused(0, f"the script has more than {MOST_RULES} entries.")
    return found


def _properties_entries(text: str) -> Iterator[Entry]:
    for key, value in properties(text):
        kind, _, rest = key.text.partition(".")
        name = Passage(rest, tuple((at - len(kind) - 1, line, column) for at, line, column in key.marks))
        setting = _SET.fullmatch(key.text)
        if kind == "param" and rest:
            yield Entry("param", name, "", value)
        elif setting:
            start = setting.start("tag")
            marks = tuple((at - start, line, column) for at, line, column in key.marks)
            yield Entry("set", Passage(setting["tag"], marks), setting["label"].strip(), value)
        elif kind == "keep" and rest:
            yield Entry("keep", Passage(rest.removeprefix("group"), name.marks), "", value)
        elif kind == "remove" and rest in REMOVALS:
            yield Entry("remove", name, "", value)
        else:
            raise key.refused(0, "this is no entry of a script: set., param., keep. or remove. is missing.")


class _Reader:
    """Receives the events of the XML parser; expat says where it stands."""

    def __init__(self) -> None:
        self.found: list[Entry] = []
        self.expat: Any = None
        self._open: list[tuple[str, dict[str, str], tuple[int, int]]] = []
        self._text: list[str] = []
        self._marks: list[tuple[int, int, int]] = []
        self._length = 0

    def _place(self) -> tuple[int, int]:
        return self.expat.CurrentLineNumber, self.expat.CurrentColumnNumber + 1

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        line, column = self._place()
        depth = len(self._open)
        if (depth == 0 and name != "script") or (depth == 1 and name not in _ATTRIBUTES) or depth > 1:
            raise ScriptRefused(f"unexpected element <{name}>.", line=line, column=column)
        if depth == 1:
            for attribute in set(attributes) - _ATTRIBUTES[name]:
                raise ScriptRefused(f"unknown attribute {attribute} of <{name}>.", line=line, column=column)
        self._open.append((name, attributes, (line, column)))
        self._text, self._marks, self._length = [], [(0, line, column)], 0

    def data(self, text: str) -> None:
        """Text of an element."""
        line, column = self._place()
        if len(self._open) < 2:
            if text.strip():
                raise ScriptRefused("text outside of the entries.", line=line, column=column)
            return
        self._marks.append((self._length, line, column))
        self._text.append(text)
        self._length += len(text)

    def end(self, _name: str) -> None:
        """An element ends."""
        name, attributes, (line, column) = self._open.pop()
        if not self._open:
            return
        marks = tuple(self._marks if len(self._marks) == 1 else self._marks[1:])
        entry = _xml_entry(name, attributes, (line, column), Passage("".join(self._text), marks))
        if entry is not None:
            self.found.append(entry)

    def close(self) -> list[Entry]:
        """The file ends."""
        return self.found


def _xml_entries(text: str) -> list[Entry]:
    reader = _Reader()
    parser = XMLParser(target=reader, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    reader.expat = parser.parser
    # Unbuffered, expat's place is that of each piece of text.
    reader.expat.buffer_text = False
    try:
        parser.feed(text)
        parser.close()
    except ParseError as error:
        line, column = error.position
        raise ScriptRefused("the file is no well-formed XML.", line=line, column=column + 1) from None
    except DefusedXmlException:
        line, column = reader.expat.CurrentLineNumber, reader.expat.CurrentColumnNumber + 1
        reason = "document types and entities are not allowed."
        raise ScriptRefused(reason, line=line, column=column) from None
    except (ValueError, LookupError, UnicodeError):
        raise ScriptRefused("the file is no XML in a known encoding.") from None
    return reader.found


def _xml_entry(name: str, attributes: dict[str, str], place: tuple[int, int], text: Passage) -> Entry | None:
    line, column = place
    target = attributes.get("t", "").strip()
    if not target:
        raise ScriptRefused(f"<{name}> does not say what it is about (t).", line=line, column=column)
    if name != "p" and attributes.get("en") not in {"T", "F"}:
        raise ScriptRefused(f'<{name}> is neither on nor off: write en="T" or en="F".', line=line, column=column)
    if name != "p" and attributes["en"] == "F":
        return None
    if name == "r" and target not in REMOVALS:
        raise ScriptRefused(f"unknown removal {target}.", line=line, column=column)
    kind = {"p": "param", "e": "set", "k": "keep", "r": "remove"}[name]
    return Entry(kind, Passage(target, ((0, line, column),)), attributes.get("n", "").strip(), text)
