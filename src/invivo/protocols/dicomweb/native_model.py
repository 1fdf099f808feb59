"""The Native DICOM Model in XML, to and from the DICOM JSON model.

References
----------
DICOM PS3.19 A.1; PS3.18 8.7.3.2, Annex F.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from xml.etree.ElementTree import Element  # noqa: S405 - only the type; parsing is defusedxml's
from xml.sax.saxutils import escape, quoteattr

from defusedxml import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import ParseError, fromstring  # type: ignore[import-untyped]

from invivo import dicom, errors

Json = dict[str, Any]
NAMESPACE = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
XML = "application/dicom+xml"
DEEPEST = 32
MOST_MARKS = 1_000_000
_HEAD = f'<?xml version="1.0" encoding="UTF-8"?>\n<NativeDicomModel xmlns="{NAMESPACE}" xml:space="preserve">'
_TAIL = "</NativeDicomModel>\n"
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2
_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_REAL = re.compile(r"\s*[-+]?([0-9]{1,20}\.?[0-9]{0,20}|\.[0-9]{1,20})([eE][-+]?[0-9]{1,3})?\s*")
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_PARTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
_WHOLE = frozenset({"IS", "US", "SS", "UL", "SL", "UV", "SV"})


class BadXml(errors.Invalid):
    """The body is no Native DICOM Model."""

    code = "dicomweb.bad-xml"


# ---- writing -------------------------------------------------------------------------------------------------------


def xml_of(json: Json) -> bytes:
    """Write one data set of the DICOM JSON model as a document."""
    return "".join((_HEAD, *_attributes(json), _TAIL)).encode()


def _attributes(json: Json) -> Iterator[str]:
    for tag, entry in json.items():
        vr = entry.get("vr", "UN")
        yield f'<DicomAttribute tag="{tag}" vr="{vr}"{_named(tag, json)}>'
        if "BulkDataURI" in entry:
            yield f"<BulkData uri={quoteattr(entry['BulkDataURI'])}/>"
        elif "InlineBinary" in entry:
            yield f"<InlineBinary>{entry['InlineBinary']}</InlineBinary>"
        else:
            for number, value in enumerate(entry.get("Value") or (), 1):
                yield from _value(vr, number, value)
        yield "</DicomAttribute>"


def _value(vr: str, number: int, value: Any) -> Iterator[str]:
    if vr == "SQ":
        yield f'<Item number="{number}">'
        yield from _attributes(value or {})
        yield "</Item>"
    elif vr == "PN" and isinstance(value, dict):
        yield f'<PersonName number="{number}">'
        for group in _GROUPS:
            if value.get(group):
                yield f"<{group}>{_name(str(value[group]))}</{group}>"
        yield "</PersonName>"
    elif value is not None:
        yield f'<Value number="{number}">{_plain(str(value))}</Value>'


def _name(text: str) -> str:
    parts = zip(_PARTS, text.split("^"), strict=False)
    return "".join(f"<{part}>{_plain(value)}</{part}>" for part, value in parts if value)


def _plain(text: str) -> str:
    return escape(_FORBIDDEN.sub("", text), {"\r": "&#13;"})  # a parser makes a bare one a line feed


def _named(tag: str, json: Json) -> str:
    if int(tag[:4], 16) % 2:
        creator = json.get(f"{tag[:4]}00{tag[4:6]}", {}).get("Value") or [None]
        return f" privateCreator={quoteattr(_FORBIDDEN.sub('', str(creator[0])))}" if creator[0] else ""
    keyword = _keyword(tag)
    return f' keyword="{keyword}"' if keyword else ""


@lru_cache(maxsize=8192)
def _keyword(tag: str) -> str:
    try:
        return dicom.attribute(tag).keyword
    except dicom.UnknownAttribute:
        return ""


# ---- reading -------------------------------------------------------------------------------------------------------


def json_of_xml(content: bytes) -> Json:
    """Read one document as the DICOM JSON model.

    Raises
    ------
    BadXml
        It is no XML, declares entities, or is no Native DICOM Model.
    """
    if content.count(b"<") > MOST_MARKS:
        raise BadXml(f"A document has at most {MOST_MARKS} marks.")
    try:
        root = fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise BadXml("The part is no XML, or declares entities, which are not read.") from None
    if _local(root) != "NativeDicomModel":
        raise BadXml("The part is XML, but no NativeDicomModel (PS3.19 A.1).")
    return _data_set(root, 0)


def _local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _data_set(parent: Element, depth: int) -> Json:
    if depth > DEEPEST:
        raise BadXml("The sequences of the document are nested deeper than allowed.")
    found: Json = {}
    for element in parent:
        tag, vr = element.get("tag", ""), element.get("vr", "")
        if _local(element) != "DicomAttribute" or not _TAG.fullmatch(tag):
            raise BadXml("A data set holds something that is no DicomAttribute with a tag.")
        found[tag.upper()] = {**({"vr": vr} if vr else {}), **_content(element, vr, depth)}
    return found


def _content(element: Element, vr: str, depth: int) -> Json:
    values: list[tuple[int, Any]] = []
    for child in element:
        kind = _local(child)
        if kind == "BulkData":
            return {"BulkDataURI": child.get("uri") or child.get("uuid") or ""}
        if kind == "InlineBinary":
            return {"InlineBinary": "".join((child.text or "").split())}
        values.append((_number(child), _read(child, kind, vr, depth)))
    values.sort(key=lambda one: one[0])
    return {"Value": [value for _, value in values]} if values else {}


def _number(element: Element) -> int:
    text = element.get("number", "1")
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise BadXml("A value has a number that is none.")
    return int(text)


def _read(element: Element, kind: str, vr: str, depth: int) -> Any:
    if kind == "Item":
        return _data_set(element, depth + 1)
    if kind == "PersonName":
        return {_local(group): _name_of(group) for group in element if _local(group) in _GROUPS}
    if kind != "Value":
        raise BadXml("An attribute holds something that is no value.")
    text = element.text or ""
    if vr in _WHOLE and re.fullmatch(r"\s*[-+]?[0-9]{1,20}\s*", text):
        return int(text)
    if vr in ("FL", "FD") and _REAL.fullmatch(text):
        return float(text)
    return text or None


def _name_of(group: Element) -> str:
    parts = {_local(part): part.text or "" for part in group}
    return "^".join(parts.get(part, "") for part in _PARTS).rstrip("^")
