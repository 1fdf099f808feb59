"""Command sets of DIMSE messages: implicit little endian, group 0000 only.

References
----------
DICOM PS3.7 6.3 (structure), 9.3 and 10.3 (fields of each message), Annex E (dictionary).
"""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from invivo.protocols.dimse.pdu import BadPdu

C_STORE_RQ, C_GET_RQ, C_FIND_RQ, C_MOVE_RQ, C_ECHO_RQ = 0x0001, 0x0010, 0x0020, 0x0021, 0x0030
N_EVENT_REPORT_RQ, N_ACTION_RQ, C_CANCEL_RQ, RESPONSE = 0x0100, 0x0130, 0x0FFF, 0x8000
NO_DATA_SET, DATA_SET = 0x0101, 0x0001

AFFECTED_CLASS, REQUESTED_CLASS, FIELD, MESSAGE_ID, RESPONDED_ID = 0x0002, 0x0003, 0x0100, 0x0110, 0x0120
DESTINATION, PRIORITY, DATA_SET_TYPE, STATUS, COMMENT = 0x0600, 0x0700, 0x0800, 0x0900, 0x0902
AFFECTED_INSTANCE, REQUESTED_INSTANCE, EVENT_TYPE, ACTION_TYPE = 0x1000, 0x1001, 0x1002, 0x1008
REMAINING, COMPLETED, FAILED, WARNING = 0x1020, 0x1021, 0x1022, 0x1023
MOVE_ORIGINATOR, MOVE_ORIGINATOR_ID = 0x1030, 0x1031

_TITLES = frozenset({DESTINATION, MOVE_ORIGINATOR, COMMENT})
_ELEMENT = struct.Struct("<HHL")
_SHORT = struct.Struct("<HHLH")
_GROUP_LENGTH = struct.Struct("<HHLL")
_number = struct.Struct("<H").unpack_from


@dataclass(slots=True)
class Command:
    """A command set: its values as bytes by element number."""

    values: Mapping[int, bytes]
    field: int
    has_content: bool

    def number(self, element: int, default: int = 0) -> int:
        """Return an unsigned short."""
        value = self.values.get(element)
        return int(_number(value)[0]) if value is not None and len(value) >= 2 else default

    def text(self, element: int) -> str:
        """Return a UID, title or comment without padding."""
        return self.values.get(element, b"").decode("ascii", "replace").strip("\0 ")

    @property
    def message_id(self) -> int:
        return self.number(MESSAGE_ID)

    @property
    def class_uid(self) -> str:
        return self.text(AFFECTED_CLASS) or self.text(REQUESTED_CLASS)

    @property
    def instance_uid(self) -> str:
        return self.text(AFFECTED_INSTANCE) or self.text(REQUESTED_INSTANCE)

    @property
    def is_response(self) -> bool:
        return bool(self.field & RESPONSE)


def decode(content: bytes | bytearray) -> Command:
    """Read a command set; raises BadPdu."""
    values: dict[int, bytes] = {}
    at, end = 0, len(content)
    while at < end:
        if end - at < 8:
            raise BadPdu("A command set is cut short.")
        group, element, length = _ELEMENT.unpack_from(content, at)
        at += 8
        if group or length > end - at:
            raise BadPdu("A command set holds what does not belong there.")
        values[element] = bytes(content[at : at + length])
        at += length
    code, kind = values.get(FIELD, b""), values.get(DATA_SET_TYPE, b"")
    if len(code) < 2 or len(kind) < 2:
        raise BadPdu("A command set does not say what it is.")
    return Command(values, _number(code)[0], _number(kind)[0] != NO_DATA_SET)


def encode(elements: Iterable[tuple[int, int | str | bytes]]) -> bytes:
    """Write a command set of elements in ascending order, with its group length; numbers are unsigned shorts."""
    parts = []
    for element, value in elements:
        if isinstance(value, int):
            parts.append(_SHORT.pack(0, element, 2, value))
            continue
        raw = value if isinstance(value, bytes) else value.encode("ascii", "replace")
        if len(raw) % 2:
            raw += b" " if element in _TITLES else b"\0"
        parts.append(_ELEMENT.pack(0, element, len(raw)) + raw)
    body = b"".join(parts)
    return _GROUP_LENGTH.pack(0, 0, 4, len(body)) + body


def response(
    asked: Command,
    status: int,
    comment: str = "",
    *,
    counts: tuple[int, int, int, int] | None = None,
    with_content: bool = False,
) -> bytes:
    """Write the response to a request.

    Parameters
    ----------
    comment : str
        Cut to the 64 characters of (0000,0902).
    counts : (remaining, completed, failed, warning), optional
        Sub-operations; remaining is left out of a final response.
    """
    elements: list[tuple[int, int | str | bytes]] = []
    if asked.class_uid:
        elements.append((AFFECTED_CLASS, asked.class_uid))
    elements += [
        (FIELD, asked.field | RESPONSE),
        (RESPONDED_ID, asked.message_id),
        (DATA_SET_TYPE, DATA_SET if with_content else NO_DATA_SET),
        (STATUS, status),
    ]
    if comment:
        elements.append((COMMENT, comment.encode("ascii", "replace")[:64]))
    if asked.instance_uid:
        elements.append((AFFECTED_INSTANCE, asked.instance_uid))
    if asked.field == N_ACTION_RQ:
        elements.append((ACTION_TYPE, asked.number(ACTION_TYPE)))
    elif asked.field == N_EVENT_REPORT_RQ:
        elements.append((EVENT_TYPE, asked.number(EVENT_TYPE)))
    if counts is not None:
        pending = status in (0xFF00, 0xFF01) or status == 0xFE00
        elements += list(zip((REMAINING, COMPLETED, FAILED, WARNING), counts, strict=True))[0 if pending else 1 :]
    return encode(elements)
