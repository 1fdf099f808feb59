"""XML: elements and attributes cleaned by their names and their texts; comments and instructions are left out."""

import re
from io import BytesIO
from xml.sax import SAXException
from xml.sax.handler import ContentHandler
from xml.sax.saxutils import escape, quoteattr
from xml.sax.xmlreader import AttributesImpl

from defusedxml import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.expatreader import create_parser  # type: ignore[import-untyped]

from invivo.deidentification.identifier import Trace
from invivo.deidentification.other_files import field
from invivo.deidentification.other_files.outcome import Written, broken, refusal
from invivo.deidentification.other_files.prose import free_text_doubt
from invivo.deidentification.other_files.wording import Wording
from invivo.deidentification.report import Action

DEEPEST_XML = 200
MOST_XML_PARTS = 5_000_000
_CARRIERS = frozenset({"value", "root", "extension", "code", "id", "displayname", "text", "content"})
_NAMESPACE = re.compile(r"xmlns(?::.*)?|xsi:schemaLocation|xsi:type|xml:(?:space|lang)")


def clean_xml(content: bytes, wording: Wording) -> Written:
    """Clean an XML file; it is written in UTF-8.

    Raises
    ------
    CannotDeidentify
        Broken, too deep, with a document type or entities of its own, or with identifiers in the names of its elements.
    """
    gatherer = _Gatherer()
    _parse(content, gatherer)
    is_whole = wording.learn(gatherer.traces)
    writer = _Writer(wording)
    _parse(content, writer)
    output = '<?xml version="1.0" encoding="UTF-8"?>\n' + "".join(writer.pieces) + "\n"
    doubts = (free_text_doubt(wording, is_whole=is_whole),)
    return Written(
        output.encode("utf-8"), "xml", tuple(writer.actions), doubts, (), wording.own, "\n".join(writer.texts)
    )


def _parse(content: bytes, reader: ContentHandler) -> None:
    parser = create_parser(forbid_dtd=True)
    parser.setContentHandler(reader)
    try:
        parser.parse(BytesIO(content))
    except DefusedXmlException:
        raise refusal("The XML has a document type or entities of its own.", "xml-entities") from None
    except (SAXException, ValueError, LookupError):
        raise broken("it is no well-formed XML") from None


class _Walker(ContentHandler):
    """Follows the elements, and tells of each text and attribute which name speaks for it."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.text: list[str] = []
        self.parts = 0

    def enter(self, name: str) -> None:
        self.parts += 1
        if len(self.names) >= DEEPEST_XML or self.parts > MOST_XML_PARTS:
            raise refusal("The XML is nested too deep or has too many parts.", "too-deep")
        self.names.append(_local(name))

    def rule(self, attribute: str | None) -> tuple[str, str | None]:
        """The name that speaks for a text or an attribute, and its rule."""
        own, parent = self.names[-1], self.names[-2] if len(self.names) > 1 else ""
        if attribute is None or _local(attribute).casefold() in _CARRIERS:
            outer = field.rule_of(parent) if own.casefold() in _CARRIERS else None
            rule = field.rule_of(own, parent) if own.casefold() not in _CARRIERS else outer
            is_id = attribute is not None and _local(attribute).casefold() == "id"
            return own, rule if not is_id or rule != "remove" else "id"
        return attribute, field.rule_of(_local(attribute), own)

    def characters(self, content: str) -> None:
        self.text.append(content)


class _Gatherer(_Walker):
    """Finds what the file tells of somebody."""

    def __init__(self) -> None:
        super().__init__()
        self.traces: list[Trace] = []

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802 - the name that SAX calls
        if self.names:
            self._flush()
        self.enter(name)
        for attribute in attrs.getNames():
            self._take(self.rule(attribute), attrs.getValue(attribute))

    def endElement(self, name: str) -> None:  # noqa: ARG002, N802 - the name that SAX calls
        self._flush()
        self.names.pop()

    def _flush(self) -> None:
        text, self.text = "".join(self.text).strip(), []
        if text:
            self._take(self.rule(None), text)

    def _take(self, named: tuple[str, str | None], value: str) -> None:
        self.traces += field.traces_of_field(named[0], named[1], value)


class _Writer(_Walker):
    """Writes every element again with cleaned texts."""

    def __init__(self, wording: Wording) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self.actions: list[Action] = []
        self.texts: list[str] = []
        self._wording = wording

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802 - the name that SAX calls
        if self.names:
            self._flush()
        self.enter(name)
        self._check(name)
        written = [f"<{name}"]
        for attribute in attrs.getNames():
            self._check(attribute)
            value = attrs.getValue(attribute)
            if _NAMESPACE.fullmatch(attribute):
                self._check(value)
                new = value
            else:
                new = self._cleaned(self.rule(attribute), value, attribute)
            written.append(f" {attribute}={quoteattr(new)}")
        self.pieces.append("".join((*written, ">")))

    def endElement(self, name: str) -> None:  # noqa: N802 - the name that SAX calls
        self._flush()
        self.pieces.append(f"</{name}>")
        self.names.pop()

    def _flush(self) -> None:
        text, self.text = "".join(self.text), []
        if text.strip():
            text = self._cleaned(self.rule(None), text, "")
        self.pieces.append(escape(text))

    def _cleaned(self, named: tuple[str, str | None], value: str, attribute: str) -> str:
        wording = self._wording
        name, rule = named
        if rule is None and field.is_number(value) and not field.is_long_number(value):
            new = "" if wording.cleaner.finds(value) else value
        elif rule is None and not field.UID.fullmatch(value.strip()):
            new = "\n".join(wording.line(line) for line in value.split("\n"))
            new = wording.clean(new) if wording.cleaner.finds(new) else new
        else:
            new = wording.ruled(rule or "clean", value, name, wording.shift_days)
        if new != value:
            self.actions.append(
                Action("/".join(self._places(attribute)), "C" if new else "Z", f"xml {rule or 'clean'}")
            )
        if new.strip():
            self.texts.append(new)
        return new

    def _places(self, attribute: str) -> list[str]:
        return [*self.names[-4:], *([f"@{_local(attribute)}"] if attribute else [])]

    def _check(self, text: str) -> None:
        if self._wording.cleaner.finds(text):
            raise refusal("An identifier stands in the name of an element or an attribute.", "identifying-structure")


def _local(name: str) -> str:
    return name.rsplit(":", 1)[-1]
