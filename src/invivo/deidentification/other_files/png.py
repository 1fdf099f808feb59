"""PNG: only the chunks that draw the picture are written again."""

import struct
import zlib
from collections.abc import Iterator

from invivo.deidentification.other_files import icc
from invivo.deidentification.other_files.outcome import broken, refusal
from invivo.deidentification.other_files.wording import Wording
from invivo.deidentification.report import Action

SIGNATURE = b"\x89PNG\r\n\x1a\n"
LARGEST_PIXELS_BYTES = 1 << 30
_LONGEST = {
    **{b"IHDR": 13, b"PLTE": 768, b"IEND": 0, b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9, b"tRNS": 256},
    **{b"sBIT": 4, b"bKGD": 6, b"acTL": 8, b"fcTL": 26},
}
_CODED = frozenset({b"IDAT", b"fdAT"})
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_MOST_CHUNKS = 1_000_000


def clean_png(content: bytes, wording: Wording) -> tuple[bytes, list[Action]]:
    """The picture without its texts, times and whatever follows its end.

    Raises
    ------
    CannotDeidentify
        Damaged, or with more in its coded pixels than the picture needs.
    """
    actions: list[Action] = []
    pieces, coded, header = [SIGNATURE], [], b""
    for kind, value in _chunks(content):
        header = value if kind == b"IHDR" else header
        if kind in _CODED or len(value) <= _LONGEST.get(kind, -1):
            pieces.append(_chunk(kind, value))
            if kind == b"IDAT":
                coded.append(value)
        elif kind == b"iCCP" and (profile := _profile(value)) and icc.may_stay(profile, wording):
            pieces.append(_chunk(kind, b"icc\0\0" + zlib.compress(profile)))
        elif kind in _LONGEST or kind[0] < 97:
            raise broken("a chunk is not as long as it must be, or is not known")
        else:
            actions.append(Action(f"chunk {kind.decode('ascii')}", "X", "png"))
    _check_pixels(header, coded)
    return b"".join(pieces), actions


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = len(SIGNATURE)
    for number in range(_MOST_CHUNKS):
        size, kind = int.from_bytes(content[place : place + 4], "big"), content[place + 4 : place + 8]
        end = place + 12 + size
        if end > len(content) or not (len(kind) == 4 and kind.isalpha()) or (kind == b"IHDR") != (number == 0):
            raise broken("a chunk does not begin as it must")
        value = content[place + 8 : end - 4]
        if zlib.crc32(kind + value) != int.from_bytes(content[end - 4 : end], "big"):
            raise broken("a chunk has another checksum")
        yield kind, value
        if kind == b"IEND":
            return
        place = end
    raise broken("it has too many chunks")


def _chunk(kind: bytes, value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + kind + value + struct.pack(">I", zlib.crc32(kind + value))


def _profile(value: bytes) -> bytes:
    name, _, rest = value.partition(b"\0")
    stream = zlib.decompressobj()
    try:
        return stream.decompress(rest[1:], icc.LARGEST_PROFILE_BYTES) if len(name) < 80 else b""
    except zlib.error:
        return b""


def _check_pixels(header: bytes, coded: list[bytes]) -> None:
    """The coded pixels must be exactly as many as the picture has."""
    if len(header) != 13:
        raise broken("it has no header")
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", header)
    if colour not in _SAMPLES or depth not in {1, 2, 4, 8, 16} or not (width and height):
        raise broken("its header names no kind of pixels")
    bits = depth * _SAMPLES[colour]
    if interlace:
        parts = [
            (-(-(width - left) // across), -(-(height - top) // down))
            for left, top, across, down in _PASSES
            if width > left and height > top
        ]
    else:
        parts = [(width, height)]
    expected = sum(rows * (1 + (columns * bits + 7) // 8) for columns, rows in parts)
    if expected > LARGEST_PIXELS_BYTES:
        raise refusal("The picture is larger than what can be cleaned at once.", "too-large")
    stream, found = zlib.decompressobj(), 0
    try:
        for value in coded:
            waiting = value
            while waiting:
                found += len(stream.decompress(waiting, 1 << 20))
                if found > expected or stream.unused_data:
                    raise refusal("More is coded in the picture than it shows.", "hidden-content")
                if stream.eof:
                    break
                waiting = stream.unconsumed_tail
        found += len(stream.flush())
    except zlib.error:
        raise broken("its pixels cannot be decompressed") from None
    if found != expected or not stream.eof:
        raise broken("its pixels are fewer than it says")
