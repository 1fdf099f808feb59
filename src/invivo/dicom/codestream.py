"""What a compressed frame says of itself, read before any decoder is trusted with it.

References
----------
ISO/IEC 10918-1 B.2 (JPEG), 14495-1 C.2 (JPEG-LS), 15444-1 A.5 (JPEG 2000).
"""

import struct
from dataclasses import dataclass

_FRAME_STARTS = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
_BARE = frozenset({0x01, *range(0xD0, 0xDA)})


@dataclass(frozen=True, slots=True)
class Codestream:
    """Size, samples and bits of a compressed frame. ``colour`` is ``rgb``, ``ycbcr`` or '' where it does not say."""

    rows: int
    columns: int
    samples: int
    bits: int
    colour: str = ""


def is_start(fragment: bytes) -> bool:
    """Tell whether a fragment begins a JPEG, JPEG-LS or JPEG 2000 codestream."""
    return fragment[:3] == b"\xff\xd8\xff" or fragment[:4] == b"\xff\x4f\xff\x51"


def codestream_of(frame: bytes) -> Codestream | None:
    """Read the size of a JPEG, JPEG-LS, JPEG 2000 or HTJ2K frame; None where it is none of them."""
    try:
        if frame[4:8] == b"jP  ":  # a JP2 file around the codestream, which PS3.5 8.2.4 forbids but which is met
            frame = frame[frame.index(b"jp2c", 0, 1 << 16) + 4 :]
        if frame[:4] == b"\xff\x4f\xff\x51":
            return _jpeg2000(frame)
        return _jpeg(frame) if frame[:2] == b"\xff\xd8" else None
    except (struct.error, IndexError, ValueError):
        return None


def _jpeg2000(frame: bytes) -> Codestream:
    right, bottom, left, top = struct.unpack_from(">4I", frame, 8)
    samples, depth = struct.unpack_from(">HB", frame, 40)
    return Codestream(bottom - top, right - left, samples, (depth & 0x7F) + 1)


def _jpeg(frame: bytes) -> Codestream | None:
    """Walk the marker segments up to the frame header. Adobe's and JFIF's segments tell the colour."""
    position, colour = 2, ""
    while position + 4 <= len(frame):
        if frame[position] != 0xFF:
            return None
        marker = frame[position + 1]
        if marker == 0xFF or marker in _BARE:
            position += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", frame, position + 2)
        body = frame[position + 4 : position + 2 + length]
        if marker in _FRAME_STARTS:
            bits, rows, columns, samples = struct.unpack_from(">BHHB", body)
            if samples == 3 and body[6::3][:3] == b"RGB":
                colour = "rgb"
            return Codestream(rows, columns, samples, bits, colour)
        if marker == 0xEE and body[:5] == b"Adobe" and len(body) > 11:
            colour = "ycbcr" if body[11] else "rgb"
        elif marker == 0xE0 and body[:4] == b"JFIF" and not colour:
            colour = "ycbcr"
        position += 2 + length
    return None
