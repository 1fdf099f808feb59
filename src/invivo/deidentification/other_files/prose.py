"""Plain text and Markdown: cleaned line by line, and looked at again by the paragraph."""

import re
from collections.abc import Iterator

from invivo.deidentification.identifier import Trace
from invivo.deidentification.other_files import field
from invivo.deidentification.other_files.encoding import Text
from invivo.deidentification.other_files.outcome import Written, refusal
from invivo.deidentification.other_files.wording import Wording
from invivo.deidentification.report import Action, Doubt

LONGEST_PROSE = 16 << 20
_NUMBERS = re.compile(r"[\d\s.,;eE+\-]*")
_LONG = re.compile(r"(?<![\d.])\d{7,}")
_LABELLED = re.compile(r"(\W{0,8}([^\W\d_][\w .'’-]{1,40}?)[ \t*]{0,4}[:=][ \t*]{0,4})(\S.{0,200})")
_PARAGRAPH = re.compile(r"(\n[ \t]*\n)")


def clean_prose(found: Text, wording: Wording) -> Written:
    """Clean a plain text; its lines stay where they can.

    Raises
    ------
    CannotDeidentify
        Longer than what is cleaned at once.
    """
    if len(found.text) > LONGEST_PROSE:
        raise refusal("The text is longer than what can be cleaned at once.", "too-large")
    text = found.text.replace("\r\n", "\n")
    if _NUMBERS.fullmatch(text) and not _LONG.search(text) and not wording.cleaner.finds(text):
        return Written(found.bytes_of(found.text), "text", (), found.doubts(), (), (), found.text)
    is_whole = wording.learn(_traces(text))
    pieces, actions, line = [], [], 1
    for piece in _PARAGRAPH.split(text):
        new = _paragraph(piece, wording)
        if new != piece:
            actions.append(Action(f"line {line}", "C", "text"))
        pieces.append(new)
        line += piece.count("\n")
    output = "".join(pieces)
    if "\r\n" in found.text:
        output = output.replace("\n", "\r\n")
    doubts = (*found.doubts(), free_text_doubt(wording, is_whole=is_whole, is_prose=True))
    return Written(found.bytes_of(output), "text", tuple(actions), doubts, (), wording.own, output)


def _traces(text: str) -> Iterator[Trace]:
    """What lines such as ``Name: ...`` tell of somebody."""
    for line in text.split("\n"):
        found = _labelled(line)
        if found is not None:
            yield from field.traces_of_field("line", found[1], found[2])


def _labelled(line: str) -> tuple[str, str, str] | None:
    """Of ``Date of birth: 1.2.1950`` what stands before the value, the rule and the value; None where there is none."""
    found = _LABELLED.fullmatch(line)
    rule = field.rule_of(found.group(2)) if found else None
    if found is None or rule in {None, "technical"}:
        return None
    value = found.group(3)
    tells = any(letter.isdigit() for letter in value) or field.strange_words(value)
    if rule in {"subject", "id"} and (not tells or value.count(" ") > 3):
        return None
    return found.group(1), str(rule), value


def free_text_doubt(wording: Wording, *, is_whole: bool = True, is_prose: bool = False) -> Doubt:
    """Names that nobody told of cannot be found in free text: a person must read prose, and what stands where nobody is known."""
    if not is_whole:
        text = "The file tells of more people than can be looked for in its texts; read it."
        return Doubt("text.too-many-people", "text", text, "hold")
    text = "Names that are not known to belong to the file are not found in free text."
    is_told = bool(wording.known or wording.own) and not is_prose
    return Doubt("text.free", "text", text, "warning" if is_told else "hold")


def _paragraph(text: str, wording: Wording) -> str:
    lines = [_line(line, wording) for line in text.split("\n")]
    new = "\n".join(lines)
    return wording.clean(new) if len(lines) > 1 and wording.cleaner.finds(new) else new


def _line(text: str, wording: Wording) -> str:
    if field.UID.fullmatch(text.strip()):
        return wording.uid(text.strip())
    found = _labelled(text)
    if found is not None:
        return found[0] + wording.ruled(found[1], found[2], found[0], wording.shift_days)
    return wording.line(text)
