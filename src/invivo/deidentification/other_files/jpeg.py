"""JPEG: only what draws the picture, how it is turned, and a known colour profile are written again."""

import struct
from collections.abc import Iterator

from invivo.deidentification.other_files import icc
from invivo.deidentification.other_files.outcome import broken
from invivo.deidentification.other_files.wording import Wording
from invivo.deidentification.report import Action

_SOI, _EOI, _SOS, _DQT, _DHT, _DRI, _DNL, _DAC = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xDD, 0xDC, 0xCC
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
_FRAMES = frozenset(range(0xC0, 0xD0)) - {_DHT, 0xC8, _DAC}
_STAYS = _FRAMES | {_SOS, _DQT, _DHT, _DRI, _DNL, _DAC}
_PROFILE = b"ICC_PROFILE\0"
_MOST_SEGMENTS = 100_000


def clean_jpeg(content: bytes, wording: Wording) -> tuple[bytes, list[Action], int]:
    """The picture without its metadata, what was left out, and the orientation that it had (1 for upright).

    Raises
    ------
    CannotDeidentify
        Damaged, or with tables longer than they need to be.
    """
    actions: list[Action] = []
    front: list[bytes] = []
    body: list[bytes] = []
    profile: list[bytes] = []
    orientation = 1
    for marker, value, coded in _segments(content):
        if marker in _STAYS:
            _check(marker, value)
            body += [bytes((0xFF, marker)), struct.pack(">H", len(value) + 2), value, coded]
        elif marker == _APP0 and value[:5] == b"JFIF\0" and len(value) >= 14 and not front:
            front.append(b"\xff\xe0\0\x10" + value[:12] + b"\0\0")
        elif marker == _APP14 and value[:5] == b"Adobe" and len(value) >= 12:
            body.append(b"\xff\xee\0\x0e" + value[:12])
        elif marker == _APP2 and value[:12] == _PROFILE:
            profile.append(value)
        else:
            if marker == _APP1 and value[:6] == b"Exif\0\0":
                orientation = orientation_of(value[6:])
            actions.append(Action(f"segment {marker:02X}", "X", "jpeg"))
    if profile:
        if icc.may_stay(b"".join(part[14:] for part in sorted(profile, key=lambda part: part[12])), wording):
            front += [b"\xff\xe2" + struct.pack(">H", len(part) + 2) + part for part in profile]
        else:
            actions.append(Action("colour profile", "X", "jpeg"))
    if orientation != 1:
        front.append(_turned(orientation))
    return b"".join((b"\xff\xd8", *front, *body, b"\xff\xd9")), actions, orientation


def _segments(content: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Marker, value and coded numbers of each segment; what follows the end of the picture is left out."""
    place, count = 2, 0
    while True:
        count += 1
        start = place
        while content[place : place + 1] == b"\xff":
            place += 1
        marker = content[place] if place < len(content) else 0
        if place == start or marker in {0, 1, _SOI} or 0xD0 <= marker <= 0xD7 or count > _MOST_SEGMENTS:
            raise broken("a part of the picture does not begin as it must")
        if marker == _EOI:
            return
        size = int.from_bytes(content[place + 1 : place + 3], "big")
        end = place + 1 + size
        if size < 2 or end > len(content):
            raise broken("the picture ends inside a part")
        coded = _coded_end(content, end) if marker == _SOS else end
        yield marker, content[place + 3 : end], content[end:coded]
        place = coded


def _coded_end(content: bytes, place: int) -> int:
    """Where the coded numbers of a scan end: at a marker that is neither a restart nor a stuffed byte."""
    while True:
        place = content.find(b"\xff", place)
        if place < 0 or place + 1 >= len(content):
            raise broken("the picture ends inside its coded numbers")
        following = content[place + 1]
        if following == 0xFF:
            place += 1
        elif following == 0 or 0xD0 <= following <= 0xD7:
            place += 2
        else:
            return place


def _check(marker: int, value: bytes) -> None:
    """A table must be exactly as long as it says: what is behind could be anything."""
    place = 0
    if marker == _DQT:
        while place < len(value):
            place += 129 if value[place] >> 4 else 65
    elif marker == _DHT:
        while place < len(value):
            place += 17 + sum(value[place + 1 : place + 17])
    elif marker == _SOS:
        place = 4 + 2 * (value[0] if value else 0)
    elif marker in {_DRI, _DNL}:
        place = 2
    elif marker in _FRAMES:
        place = 6 + 3 * (value[5] if len(value) > 5 else 0)
    else:
        place = len(value) if len(value) <= 32 else -1
    if place != len(value):
        raise broken("a table of the picture is longer or shorter than it says")


def orientation_of(tiff: bytes) -> int:
    """How a picture is turned, by its EXIF; 1 (upright) where that is not plain to see."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 10:
        return 1
    (place,) = struct.unpack_from(order + "I", tiff, 4)
    if place + 2 > len(tiff):
        return 1
    (count,) = struct.unpack_from(order + "H", tiff, place)
    for number in range(count):
        entry = tiff[place + 2 + 12 * number : place + 14 + 12 * number]
        if len(entry) < 12:
            return 1
        tag, kind, _, value = struct.unpack(order + "HHIH", entry[:10])
        if tag == 0x0112 and kind == 3:
            return int(value) if 1 <= value <= 8 else 1
    return 1


def _turned(orientation: int) -> bytes:
    """An EXIF segment that tells the orientation and nothing else."""
    tiff = b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)
    return b"\xff\xe1" + struct.pack(">H", len(tiff) + 8) + b"Exif\0\0" + tiff
