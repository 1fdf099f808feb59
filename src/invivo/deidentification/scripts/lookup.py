"""Tables that scripts look things up in, and running numbers. Both hold what identifies: they stay at the site."""

import csv
import io
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from invivo.deidentification.scripts.refusal import LARGEST_SCRIPT, Passage, ScriptRefused, failed, whole

_MOST_ENTRIES = 1_000_000
_LONGEST_CHAIN = 10
_WHITE = " \t\f"
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_ANY = ""


@dataclass(frozen=True, slots=True)
class Lookup:
    """Entries by ``keytype/key``; a CSV table, which has no keytypes, serves the only one that a script uses."""

    entries: Mapping[str, str] = field(repr=False, default_factory=dict)
    has_keytypes: bool = True

    def find(self, keytype: str, key: str) -> str | None:
        """The entry, with indirections followed; None without it.

        Raises
        ------
        CannotDeidentify
            An indirection leads nowhere, or through more than ten others.
        """
        name = f"{keytype}/{key}" if self.has_keytypes else key
        value = self.entries.get(name)
        for _ in range(_LONGEST_CHAIN):
            if value is None or not self.has_keytypes or not (value.startswith("@") and "/" in value):
                return value
            value = self.entries.get(value[1:])
            if value is None:
                break
        raise failed("lookup", "An indirection in the lookup table leads nowhere.")


def read_lookup(text: str | bytes, *, form: str = "properties") -> Lookup:
    """Read a lookup table.

    Parameters
    ----------
    text : str or bytes, UTF-8
    form : {'properties', 'csv', 'dicomedit'}
        ``keytype/key=value`` in Java's properties syntax, ``key,value`` lines, or ``keytype/key = value`` lines.

    Raises
    ------
    ScriptRefused
        A line that is no entry, a key with two different values, too large. The message holds no value.
    """
    plain = text_of(text, LARGEST_SCRIPT * 16)
    if form not in {"properties", "csv", "dicomedit"}:
        raise ScriptRefused("the form of a lookup table is properties, csv or dicomedit.")
    entries: dict[str, str] = {}
    lines = _csv_entries(plain) if form == "csv" else _line_entries(plain, form)
    for line, key, value in lines:
        if not key or (form != "csv" and "/" not in key):
            raise ScriptRefused("an entry of the lookup table has no keytype/key.", line=line)
        if entries.setdefault(key, value) != value:
            raise ScriptRefused("a key of the lookup table has two different values.", line=line)
        if len(entries) > _MOST_ENTRIES:
            raise ScriptRefused("the lookup table has too many entries.", line=line)
    return Lookup(entries, form != "csv")


def text_of(text: str | bytes, largest: int) -> str:
    """Text of a file, without its byte order mark.

    Raises
    ------
    ScriptRefused
        Too large, or no UTF-8.
    """
    if len(text) > largest:
        raise ScriptRefused(f"the file is larger than {largest} bytes.")
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            raise ScriptRefused("the file is not UTF-8.", line=line) from None
    if "\0" in text:
        raise ScriptRefused("the file holds a NUL character.", line=text[: text.index("\0")].count("\n") + 1)
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _csv_entries(text: str) -> Iterator[tuple[int, str, str]]:
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        for row in reader:
            if not row or not "".join(row).strip() or row[0].startswith("#"):
                continue
            if len(row) != 2:
                raise ScriptRefused("a line of the lookup table has not two columns.", line=reader.line_num)
            yield reader.line_num, row[0].strip(), row[1].strip()
    except csv.Error:
        raise ScriptRefused("a line of the lookup table is no CSV.", line=max(reader.line_num, 1)) from None


def _line_entries(text: str, form: str) -> Iterator[tuple[int, str, str]]:
    if form == "properties":
        for name, setting in properties(text):
            yield name.place(0)[0], name.text, setting.text.strip()
        return
    for number, line in enumerate(text.split("\n"), 1):
        content = line.split("//")[0].strip() if not line.strip().startswith("//") else ""
        if content:
            key, equals, value = content.partition("=")
            if not equals:
                raise ScriptRefused("an entry of the lookup table has no equals sign.", line=number)
            yield number, key.strip(), value.strip()


def properties(text: str) -> Iterator[tuple[Passage, Passage]]:
    """Keys and values of a file in Java's properties syntax, with their places.

    Raises
    ------
    ScriptRefused
        A broken ``\\u`` escape.
    """
    file = whole(text)
    place = 0
    while place < len(text):
        while place < len(text) and text[place] in _WHITE + "\n":
            place += 1
        if place < len(text) and text[place] in "#!":
            end = text.find("\n", place)
            place = len(text) if end < 0 else end
            continue
        if place >= len(text):
            return
        key, place = _unescaped(file, place, "=: \t\f")
        while place < len(text) and text[place] in _WHITE:
            place += 1
        if place < len(text) and text[place] in "=:":
            place += 1
        while place < len(text) and text[place] in _WHITE:
            place += 1
        value, place = _unescaped(file, place, "")
        yield key, value


def _unescaped(file: Passage, place: int, ends: str) -> tuple[Passage, int]:
    text = file.text
    found: list[str] = []
    marks = [(0, *file.place(place))]
    length = 0
    while place < len(text) and text[place] != "\n" and text[place] not in ends:
        if text[place] != "\\":
            found.append(text[place])
            place, length = place + 1, length + 1
            continue
        letter = text[place + 1 : place + 2]
        width = 2
        if letter == "u":
            digits = text[place + 2 : place + 6]
            if len(digits) < 4 or not all(digit in "0123456789abcdefABCDEF" for digit in digits):
                raise file.refused(place, "a \\u escape needs four hexadecimal digits.")
            letter, width = chr(int(digits, 16)), 6
        elif letter == "\n":
            letter = ""
            while text[place + width : place + width + 1] and text[place + width] in _WHITE:
                width += 1
        found.append(_ESCAPES.get(letter, letter))
        place, length = place + width, length + len(letter)
        marks.append((length, *file.place(place)))
    return Passage("".join(found), tuple(marks)), place


class Numbers(Protocol):
    """Running numbers and random UIDs that last: the same answer for the same question, for ever."""

    def number(self, keytype: str, text: str) -> int:
        """The running number of a text, from 1, among those of its keytype."""

    def uid(self, prefix: str, text: str) -> str:
        """The random UID under a prefix that stands for a text."""


class MemoryNumbers:
    """Numbers in memory. ``state`` gives them to whoever keeps them; the constructor takes them back."""

    def __init__(self, state: Mapping[str, Mapping[str, Mapping[str, object]]] | None = None) -> None:
        state = state or {}
        self._numbers = {
            keytype: {text: int(str(number)) for text, number in known.items()}
            for keytype, known in state.get("numbers", {}).items()
        }
        self._uids = {
            prefix: {text: str(uid) for text, uid in known.items()} for prefix, known in state.get("uids", {}).items()
        }

    def number(self, keytype: str, text: str) -> int:
        """The running number of a text, from 1, among those of its keytype."""
        known = self._numbers.setdefault(keytype, {})
        return known.setdefault(text, len(known) + 1)

    def uid(self, prefix: str, text: str) -> str:
        """The random UID under a prefix that stands for a text."""
        known = self._uids.setdefault(prefix, {})
        if text not in known:
            stem = prefix.rstrip(".") + "."
            known[text] = stem + str(secrets.randbelow(9 * 10 ** min(29, 63 - len(stem))) + 1)
        return known[text]

    def state(self) -> dict[str, dict[str, dict[str, object]]]:
        """Everything as a dictionary that can be written as JSON. It holds identifiers."""
        return {
            "numbers": {keytype: dict(known) for keytype, known in self._numbers.items()},
            "uids": {prefix: dict(known) for prefix, known in self._uids.items()},
        }
