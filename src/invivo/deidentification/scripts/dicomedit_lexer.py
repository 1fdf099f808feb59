"""Words of DicomEdit scripts: tag paths, strings, names, numbers, signs, ends of statements."""

import re
from dataclasses import dataclass

from invivo.deidentification.scripts.refusal import Passage

_DIGIT = r"[0-9A-Fa-fXx@#]"
ELEMENT = rf"\(\s*{_DIGIT}{{4}}\s*,\s*(?:{_DIGIT}{{4}}|\{{[A-Za-z][A-Za-z0-9 \-_.:]*\}}\s*{_DIGIT}{{2}})\s*\)"
_PART = rf"(?:{ELEMENT}[ \t]*(?:\[\s*(?:\d{{1,6}}|%)\s*\])?|[*+.])"
_TOKEN = re.compile(
    rf"(?P<path>(?:[*+.][ \t]*/[ \t]*)*{ELEMENT}(?:[ \t]*\[\s*(?:\d{{1,6}}|%)\s*\])?(?:[ \t]*/[ \t]*{_PART})*)"
    r'|(?P<string>"(?:[^"\n]|"")*")'
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<number>-?\d+(?:\.\d+)?(?![\w.]))"
    r"|(?P<sign>:=|\?=|!=|!~|[=~?:,\-(){}\[\]])"
    r"|(?P<end>\n)",
)
_BLANK = re.compile(r"(?:[ \t\f\v]++|//[^\n]*+)*+")
_LONGEST_STRING = 65_536


@dataclass(frozen=True, slots=True)
class Token:
    """One word: ``kind`` is ``path``, ``string``, ``name``, ``number``, ``sign``, ``end`` or ``stop``."""

    kind: str
    text: str
    offset: int


def tokens(passage: Passage) -> list[Token]:
    """Split a script into words.

    Raises
    ------
    ScriptRefused
        Something is no word.
    """
    text = passage.text
    found: list[Token] = []
    place = 0
    while True:
        blank = _BLANK.match(text, place)
        place = blank.end() if blank else place
        if place >= len(text):
            found.append(Token("stop", "", place))
            return found
        word = _TOKEN.match(text, place)
        if word is None or word.lastgroup is None:
            raise passage.refused(place, _reason(text[place]))
        content = word[0]
        if word.lastgroup == "string":
            content = _unquoted(passage, word[0], place)
        found.append(Token(word.lastgroup, content, place))
        place = word.end()


def _reason(letter: str) -> str:
    if letter == '"':
        return "a string does not end on its line."
    return "this is no part of the language." if letter.isprintable() else "a character that cannot be printed."


def _unquoted(passage: Passage, text: str, place: int) -> str:
    inner = text[1:-1]
    if len(inner) > _LONGEST_STRING:
        raise passage.refused(place, "a string is too long.")
    if "\\" in inner:
        odd = re.search(r"(?<!\\)(?:\\\\)*\\(?!\\)", inner)
        if odd:
            raise passage.refused(place + 1 + odd.end() - 1, "a backslash in a string has to be doubled.")
        inner = inner.replace("\\\\", "\\")
    return inner.replace('""', '"')
