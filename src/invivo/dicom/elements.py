"""The byte-level walk over data elements in little endian. On any doubt it stops, and pydicom reads instead."""

import re
import struct
from collections.abc import Callable

from invivo.dicom.source import Buffer, OverLimit, TooDeep

UNDEFINED = 0xFFFFFFFF
ITEM = 0xFFFEE000
ITEM_END = 0xFFFEE00D
SEQUENCE_END = 0xFFFEE0DD
PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})

_CODES = re.compile(r"[A-Z]{2}")
# VRs with a length of two bytes and of four (PS3.5 7.1.2).
SHORT = {vr.encode(): vr for vr in _CODES.findall("AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US")}
_LONG = {vr.encode(): vr for vr in _CODES.findall("OB OD OF OL OV OW SQ SV UC UN UR UT UV")}
EXPLICIT = struct.Struct("<HH2sH").unpack_from
_IMPLICIT = struct.Struct("<HHI").unpack_from
_LENGTH = struct.Struct("<I").unpack_from

NO_HEAD = (0, 0, b"", 0)  # of what is not written with its VR

Head = tuple[int, str, int, int]
"""(tag, VR or '' where the bytes do not say, offset of the value, length of the value)"""


class Doubt(Exception):  # noqa: N818  not an error: the object goes to pydicom
    """The bytes are not what the fast walk is sure about."""


def explicit_head(buffer: Buffer, position: int) -> Head:
    """Read the start of an element written with its VR."""
    group, element, code, length = EXPLICIT(buffer, position)
    vr = SHORT.get(code)
    if vr is not None:
        return group << 16 | element, vr, position + 8, length
    vr = _LONG.get(code)
    if vr is not None:
        return group << 16 | element, vr, position + 12, _LENGTH(buffer, position + 8)[0]
    if group == 0xFFFE:
        return group << 16 | element, "", position + 8, _LENGTH(buffer, position + 4)[0]
    raise Doubt


def implicit_head(buffer: Buffer, position: int) -> Head:
    """Read the start of an element written without its VR."""
    group, element, length = _IMPLICIT(buffer, position)
    return group << 16 | element, "", position + 8, length


def head_of(explicit: bool) -> Callable[[Buffer, int], Head]:
    """The reader of element starts for one way of writing."""
    return explicit_head if explicit else implicit_head


class Count:
    """How many elements have been met, against the limit."""

    __slots__ = ("depth", "remaining")

    def __init__(self, elements: int, depth: int) -> None:
        self.remaining = elements
        self.depth = depth

    def take(self) -> None:
        """Count one element more."""
        self.remaining -= 1
        if self.remaining < 0:
            raise OverLimit("The object has more data elements than allowed.")

    def take_many(self, elements: int) -> None:
        """Count several elements."""
        self.remaining -= elements
        if self.remaining < 0:
            raise OverLimit("The object has more data elements than allowed.")

    def enter(self, depth: int) -> None:
        """Check the depth of a sequence about to be entered."""
        if depth > self.depth:
            raise TooDeep("The sequences of the object are nested deeper than allowed.")


def skip_sequence(buffer: Buffer, position: int, explicit: bool, count: Count, depth: int = 1) -> int:
    """Find the end of a sequence of undefined length whose first item starts at position."""
    count.enter(depth)
    while True:
        count.take()
        tag, _, offset, length = implicit_head(buffer, position)
        if tag == SEQUENCE_END:
            return offset
        if tag != ITEM:
            raise Doubt
        position = _skip_item(buffer, offset, explicit, count, depth) if length == UNDEFINED else offset + length


def _skip_item(buffer: Buffer, position: int, explicit: bool, count: Count, depth: int) -> int:
    head = head_of(explicit)
    while True:
        count.take()
        tag, vr, offset, length = head(buffer, position)
        if tag == ITEM_END:
            return offset
        if length != UNDEFINED:
            position = offset + length
        elif tag in PIXELS:
            position = skip_fragments(buffer, offset, count)
        elif vr in ("SQ", ""):
            position = skip_sequence(buffer, offset, explicit, count, depth + 1)
        else:
            raise Doubt


def skip_fragments(buffer: Buffer, position: int, count: Count) -> int:
    """Find the end of encapsulated pixel data whose first item starts at position."""
    while True:
        count.take()
        tag, _, offset, length = implicit_head(buffer, position)
        if tag == SEQUENCE_END:
            return offset
        if tag != ITEM or length == UNDEFINED:
            raise Doubt
        position = offset + length


def top_level(
    buffer: Buffer, size: int, position: int, *, explicit: bool, wanted: frozenset[int], count: Count
) -> dict[int, Head]:
    """Find wanted elements of the data set itself, not of its sequences, and the pixel data, where the walk ends.

    An object without Rows has no pixel data: its walk ends behind group 0028, so that the contours of a structure set
    or the tree of a report are not walked for nothing.

    Raises
    ------
    Doubt
        The tags do not rise, a length leaves the file, or a VR is unknown.
    """
    head = head_of(explicit)
    found: dict[int, Head] = {}
    last = 0
    while position < size:
        count.take()
        element = head(buffer, position)
        tag, vr, offset, length = element
        if (tag <= last or tag >= ITEM) and tag != 0xFFFCFFFC:
            raise Doubt
        last = tag
        if tag in PIXELS:
            found[tag] = element
            break
        if tag > 0x0028FFFF and 0x00280010 not in found:
            after = offset + length
            if after + 12 <= size and head(buffer, after)[0] <= tag:
                raise Doubt  # this one stands out of its order, and those that were looked for may follow
            break
        if length != UNDEFINED:
            position = offset + length
        elif vr in ("SQ", ""):
            position = skip_sequence(buffer, offset, explicit, count)
        else:
            raise Doubt
        if position > size:
            raise Doubt
        if tag in wanted:
            found[tag] = element
    return found
