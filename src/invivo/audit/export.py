"""The journal for other programs: CSV, JSON, and audit messages of DICOM.

References
----------
DICOM PS3.15 A.5 (audit trail message format profile), which follows RFC 3881; codes of PS3.16 D (DCM).
"""

import base64
import csv
import io
from collections.abc import Callable, Iterable, Iterator
from xml.sax.saxutils import quoteattr

import orjson

from invivo.audit.journal import Entry

FORMS = {"csv": "text/csv", "json": "application/json", "xml": "application/xml"}
# Verbs of ours, by their beginning, and what DICOM calls such an event: code, meaning, action (PS3.15 A.5.2).
_EVENTS = (
    ("download", "110106", "Export", "R"),
    ("account.sign", "110114", "User Authentication", "E"),
    ("session.", "110114", "User Authentication", "E"),
    ("account.", "110113", "Security Alert", "U"),
    ("token.", "110113", "Security Alert", "U"),
    ("collection.", "110113", "Security Alert", "U"),
    ("group.", "110113", "Security Alert", "U"),
    ("access.", "110113", "Security Alert", "U"),
    ("release.withdraw", "110105", "DICOM Study Deleted", "D"),
    ("release.", "110104", "DICOM Instances Transferred", "C"),
    ("submission.", "110107", "Import", "C"),
    ("review.", "110103", "DICOM Instances Accessed", "U"),
    ("quarantine.", "110103", "DICOM Instances Accessed", "U"),
    ("audit.", "110101", "Audit Log Used", "R"),
)
_ELSE = ("", "110100", "Application Activity", "E")


def write(form: str, entries: Iterable[Entry], source: str) -> Iterator[bytes]:
    """Write entries in one of `FORMS`, piece by piece.

    Parameters
    ----------
    source : str
        Who reports: the archive's name, for audit messages.
    """
    writers: dict[str, Callable[[Iterable[Entry], str], Iterator[bytes]]] = {"csv": _csv, "json": _json, "xml": _xml}
    return writers[form](entries, source)


def _csv(entries: Iterable[Entry], _source: str) -> Iterator[bytes]:
    rows = ([one.id, one.at.isoformat(), one.actor, one.verb, one.thing, _text(one)] for one in entries)
    yield _line(["id", "at", "actor", "verb", "thing", "detail"])
    for row in rows:
        yield _line(row)


def _line(cells: list[object]) -> bytes:
    """Write one line; what a spreadsheet would take for a formula gets an apostrophe before it."""
    out = io.StringIO()
    told = [
        f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell for cell in cells
    ]
    csv.writer(out, lineterminator="\r\n").writerow(told)
    return out.getvalue().encode()


def _text(entry: Entry) -> str:
    return orjson.dumps(dict(entry.detail)).decode()


def _json(entries: Iterable[Entry], _source: str) -> Iterator[bytes]:
    before = b"[\n"
    for one in entries:
        fields = {name: getattr(one, name) for name in ("id", "actor", "verb", "thing", "detail")}
        yield before + orjson.dumps({**fields, "at": one.at.isoformat()})
        before = b",\n"
    yield b"[]\n" if before == b"[\n" else b"\n]\n"


def _xml(entries: Iterable[Entry], source: str) -> Iterator[bytes]:
    yield b'<?xml version="1.0" encoding="UTF-8"?>\n<AuditMessages>\n'
    for one in entries:
        yield _message(one, source).encode()
    yield b"</AuditMessages>\n"


def _message(entry: Entry, source: str) -> str:
    """Write one AuditMessage after the schema of PS3.15 A.5.1."""
    _, code, meaning, action = next((one for one in _EVENTS if entry.verb.startswith(one[0])), _ELSE)
    detail = base64.b64encode(_text(entry).encode()).decode()
    is_person = entry.actor.startswith("person:")
    return (
        "<AuditMessage>"
        f'<EventIdentification EventActionCode="{action}" EventDateTime={_quoted(entry.at.isoformat())} EventOutcomeIndicator="0">'
        f'<EventID csd-code="{code}" originalText={_quoted(meaning)} codeSystemName="DCM"/>'
        f'<EventTypeCode csd-code={_quoted(entry.verb)} originalText={_quoted(entry.verb)} codeSystemName="99INVIVO"/>'
        "</EventIdentification>"
        f'<ActiveParticipant UserID={_quoted(entry.actor)} UserIsRequestor="{"true" if is_person else "false"}"/>'
        f"<AuditSourceIdentification AuditSourceID={_quoted(source)}>"
        '<AuditSourceTypeCode csd-code="4" originalText="Application Server" codeSystemName="RFC-3881"/>'
        "</AuditSourceIdentification>"
        f'<ParticipantObjectIdentification ParticipantObjectID={_quoted(entry.thing)} ParticipantObjectTypeCode="2"'
        ' ParticipantObjectTypeCodeRole="3">'
        '<ParticipantObjectIDTypeCode csd-code="12" originalText="URI" codeSystemName="RFC-3881"/>'
        f'<ParticipantObjectDetail type="detail" value="{detail}"/>'
        f'<ParticipantObjectDetail type="entry" value="{base64.b64encode(str(entry.id).encode()).decode()}"/>'
        "</ParticipantObjectIdentification></AuditMessage>\n"
    )


def _quoted(text: str) -> str:
    """Quote an attribute's value; characters that XML 1.0 has no place for become blanks."""
    return quoteattr("".join(c if c >= " " else " " for c in text))
