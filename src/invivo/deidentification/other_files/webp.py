"""WebP: only the chunks that draw the picture, and a known colour profile."""

import struct
from collections.abc import Iterator

from invivo.deidentification.other_files import icc
from invivo.deidentification.other_files.outcome import broken
from invivo.deidentification.other_files.wording import Wording
from invivo.deidentification.report import Action

_DRAWN = frozenset({b"VP8 ", b"VP8L", b"ALPH"})
_FIXED = {b"VP8X": 10, b"ANIM": 6}
_PROFILE, _EXIF, _XMP = 0x20, 0x08, 0x04


def clean_webp(content: bytes, wording: Wording) -> tuple[bytes, list[Action]]:
    """The picture without EXIF, XMP, unknown chunks and what follows its end.

    Raises
    ------
    CannotDeidentify
        Damaged.
    """
    actions: list[Action] = []
    size = int.from_bytes(content[4:8], "little")
    if size + 8 > len(content) or size < 4:
        raise broken("it is shorter than it says")
    kept: list[tuple[bytes, bytes]] = []
    for kind, value in _chunks(content[12 : size + 8]):
        if kind in _DRAWN or len(value) == _FIXED.get(kind, -1) or (kind == b"ICCP" and icc.may_stay(value, wording)):
            kept.append((kind, value))
        elif kind == b"ANMF" and len(value) > 16:
            inner = [one for one in _chunks(value[16:]) if one[0] in _DRAWN]
            kept.append((kind, value[:16] + b"".join(_chunk(*one) for one in inner)))
        else:
            actions.append(Action("chunk", "X", "webp"))
    if kept and kept[0][0] == b"VP8X":
        has_profile = any(kind == b"ICCP" for kind, _ in kept)
        flags = kept[0][1][0] & ~(_EXIF | _XMP | (0 if has_profile else _PROFILE))
        kept[0] = (b"VP8X", bytes((flags, 0, 0, 0)) + kept[0][1][4:])
    body = b"WEBP" + b"".join(_chunk(kind, value) for kind, value in kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body, actions


def _chunks(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 0
    while place + 8 <= len(body):
        size = int.from_bytes(body[place + 4 : place + 8], "little")
        if place + 8 + size > len(body):
            raise broken("it ends inside a chunk")
        yield body[place : place + 4], body[place + 8 : place + 8 + size]
        place += 8 + size + size % 2


def _chunk(kind: bytes, value: bytes) -> bytes:
    return kind + struct.pack("<I", len(value)) + value + bytes(len(value) % 2)
