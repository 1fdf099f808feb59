"""Which letters the bytes of a text are."""

import codecs
import re
from dataclasses import dataclass

from invivo.deidentification.other_files.outcome import broken, refusal
from invivo.deidentification.report import CannotDeidentify, Doubt, Severity

LARGEST_TEXT_BYTES = 64 << 20
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WESTERN_SIGNS = frozenset("°µ±²³§€–—“”„‘’…·×\xa0")
_CONTROLS = re.compile("[\0-\x08\x0b\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")


@dataclass(frozen=True, slots=True, repr=False)
class Text:
    """The text of a file, and how its letters were written."""

    text: str
    encoding: str
    mark: bytes
    is_guessed: bool = False

    def bytes_of(self, text: str) -> bytes:
        """Another text in the same letters, or in UTF-8 where they do not suffice."""
        try:
            return self.mark + text.encode(self.encoding)
        except UnicodeEncodeError:
            return text.encode("utf-8")

    def doubts(self) -> tuple[Doubt, ...]:
        """A text whose letters were guessed may hold names that nobody could read here."""
        if not self.is_guessed:
            return ()
        foreign = [letter for letter in self.text if letter > "\x7f"]
        is_western = all("À" <= letter <= "ÿ" or letter in _WESTERN_SIGNS for letter in foreign)
        severity: Severity = "warning" if is_western and len(foreign) * 10 <= len(self.text) else "hold"
        return (Doubt("text.encoding-guessed", "text", "The letters were guessed; it is not UTF-8.", severity),)


def read_text(content: bytes) -> Text:
    """The text of a file: by its mark, as UTF-8, or as Western letters.

    Raises
    ------
    CannotDeidentify
        Not a text, or larger than what is cleaned in memory.
    """
    if len(content) > LARGEST_TEXT_BYTES:
        raise refusal("The text is larger than what can be cleaned at once.", "too-large")
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            try:
                return _plain(Text(content[len(mark) :].decode(encoding), encoding, mark))
            except UnicodeDecodeError:
                raise broken("its letters are not what its mark says") from None
    try:
        return _plain(Text(content.decode("utf-8"), "utf-8", b""))
    except UnicodeDecodeError:
        pass  # because older programs write Western letters
    for encoding in ("cp1252", "latin-1"):
        try:
            return _plain(Text(content.decode(encoding), encoding, b"", is_guessed=True))
        except UnicodeDecodeError:
            continue
    raise unknown()


def unknown() -> CannotDeidentify:
    """The file is of no kind that is understood here."""
    return refusal("The file is of no kind that can be cleaned.", "unknown-kind")


def _plain(found: Text) -> Text:
    if _CONTROLS.search(found.text):
        raise unknown()
    return found
