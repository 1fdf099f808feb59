"""Streams of gzip, read within limits and written without a name, a comment or a time."""

import zlib

from invivo.deidentification.other_files.outcome import broken, refusal

LARGEST_INFLATED_BYTES = 2 << 30
MOST_MEMBERS = 100_000
HIGHEST_RATIO = 400
RATIO_FREE_BYTES = 64 << 20
_CHUNK, _READ = 1 << 20, 1 << 16
_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"


def inflated(content: bytes) -> bytes:
    """Everything in the members of a gzip file, one after the other; what follows the last is left out.

    Raises
    ------
    CannotDeidentify
        Damaged, or swelling beyond the limits.
    """
    pieces: list[bytes] = []
    total = place = members = 0
    view = memoryview(content)
    highest = min(LARGEST_INFLATED_BYTES, max(RATIO_FREE_BYTES, HIGHEST_RATIO * len(content)))
    while bytes(view[place : place + 2]) == b"\x1f\x8b":
        members += 1
        if members > MOST_MEMBERS:
            raise refusal("The compressed file has too many parts.", "too-large")
        stream = zlib.decompressobj(31)
        while not stream.eof:
            waiting: bytes | memoryview = stream.unconsumed_tail
            if not waiting:
                waiting = view[place : place + _READ]
                place += len(waiting)
            piece = _piece(stream, waiting)
            total += len(piece)
            if total > highest:
                raise refusal("The compressed file swells beyond what is cleaned at once.", "too-large")
            pieces.append(piece)
        place -= len(stream.unused_data)
    return b"".join(pieces)


def _piece(stream: "zlib._Decompress", waiting: bytes | memoryview) -> bytes:
    try:
        piece = stream.decompress(waiting, _CHUNK)
    except zlib.error:
        raise broken("it cannot be decompressed") from None
    if not piece and not waiting and not stream.eof:
        raise broken("it ends inside a compressed part")
    return piece


def deflated(content: bytes) -> bytes:
    """One member of gzip; the same bytes every time."""
    stream = zlib.compressobj(4, zlib.DEFLATED, -15)
    body = stream.compress(content) + stream.flush()
    ends = zlib.crc32(content).to_bytes(4, "little") + (len(content) & 0xFFFFFFFF).to_bytes(4, "little")
    return _HEADER + body + ends
