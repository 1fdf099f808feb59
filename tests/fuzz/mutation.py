"""Bytes changed as somebody would change them who knows how DICOM is written, and as noise would."""

import random
import struct
import zlib
from collections.abc import Callable

META_END = 132
SYNTAXES = (
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.2",
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.4.95",
    "1.2.3",
    "",
)
VRS = (
    b"AE AS AT CS DA DS DT FL FD IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV ZZ".split()
)
LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
LENGTHS = (0, 1, 2, 3, 4, 7, 8, 16, 0x7F, 0xFF, 0xFFFE, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
TAGS = (
    0x00080000, 0x00080005, 0x00080016, 0x00080018, 0x00080060, 0x00081140, 0x00090010, 0x00091001, 0x00100010,
    0x00100020, 0x0020000D, 0x0020000E, 0x00200013, 0x00280002, 0x00280004, 0x00280006, 0x00280008, 0x00280010,
    0x00280011, 0x00280100, 0x00280101, 0x00280103, 0x00283002, 0x00283006, 0x00283010, 0x0040A730, 0x52009230,
    0x54000100, 0x60003000, 0x7FE00001, 0x7FE00002, 0x7FE00008, 0x7FE00009, 0x7FE00010, 0xFFFCFFFC, 0xFFFEE000,
    0xFFFEE00D, 0xFFFEE0DD,
)  # fmt: skip
VALUES = (
    b"", b"1", b"1.2.3", b"ISO_IR 192", b"ISO 2022 IR 87", b"\\ISO 2022 IR 13\\ISO 2022 IR 87", b"\x1b$B%\x1b(B", b"\0",
    b"-1", b"1\\2\\3", b"1e999", b"nan", b"20240101-", b"A^B=C^D=E", b"\xff\xfe", b"=" * 9, b"\\" * 40, b"x" * 70,
    b"SIEMENS CSA HEADER", b"99999999999999999999", b"\x01\0", b"\0\0\0\0\0\0\xf8\x7f", bytes(64), b"1 ", b" 2.50\\ ",
)  # fmt: skip

Randomness = random.Random


def element(
    tag: int, vr: bytes, value: bytes, length: int | None = None, *, order: str = "<", implicit: bool = False
) -> bytes:
    """Write an element, with a length that may lie."""
    claimed = len(value) if length is None else length
    head = struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF)
    if implicit or tag >> 16 == 0xFFFE:
        return head + struct.pack(f"{order}I", claimed & 0xFFFFFFFF) + value
    if vr in LONG:
        return head + vr + b"\0\0" + struct.pack(f"{order}I", claimed & 0xFFFFFFFF) + value
    return head + vr + struct.pack(f"{order}H", claimed & 0xFFFF) + value


def item(value: bytes, length: int | None = None) -> bytes:
    return element(0xFFFEE000, b"", value, length)


END_OF_ITEM, END_OF_SEQUENCE = element(0xFFFEE00D, b"", b""), element(0xFFFEE0DD, b"", b"")


def meta(syntax: str, class_uid: str = "1.2.840.10008.5.1.4.1.1.2") -> bytes:
    """Write a preamble and a file meta group."""

    def uid(text: str) -> bytes:
        return text.encode() + b"\0" * (len(text) % 2)

    body = element(0x00020002, b"UI", uid(class_uid)) + element(0x00020003, b"UI", b"1.2.3\0")
    body += element(0x00020010, b"UI", uid(syntax))
    return bytes(128) + b"DICM" + element(0x00020000, b"UL", struct.pack("<I", len(body))) + body


def _snippets(rnd: Randomness, implicit: bool) -> bytes:
    """Write something that is rarely met."""

    def one(tag: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
        return element(tag, vr, value, length, implicit=implicit)

    kind = rnd.randrange(9)
    if kind == 0:  # sequences within sequences, closed or not
        depth, inner = rnd.choice((1, 2, 5, 20, 40, 200)), one(0x00080060, b"CS", b"CT")
        for _ in range(depth):
            if rnd.random() < 0.5:
                inner = one(0x0040A730, b"SQ", item(inner + END_OF_ITEM, 0xFFFFFFFF) + END_OF_SEQUENCE, 0xFFFFFFFF)
            else:
                inner = one(0x0040A730, b"SQ", item(inner))
        return inner[: rnd.randrange(len(inner)) if rnd.random() < 0.3 else None]
    if kind == 1:  # encapsulated pixel data whose offset table may lie
        fragments = [item(bytes(rnd.choice((0, 2, 8, 30)))) for _ in range(rnd.randrange(5))]
        offsets = [sum(map(len, fragments[:at])) for at in range(len(fragments))]
        if offsets and rnd.random() < 0.6:
            offsets[rnd.randrange(len(offsets))] = rnd.choice(LENGTHS)
        table = item(struct.pack(f"<{len(offsets)}I", *offsets) if rnd.random() < 0.7 else b"")
        frames = one(0x00280008, b"IS", str(rnd.choice((0, 1, 2, 3, len(offsets), 10**9, -1))).encode().ljust(10))
        extended = b""
        if rnd.random() < 0.3:
            extended = one(0x7FE00001, b"OV", struct.pack(f"<{len(offsets)}Q", *offsets))
        end = END_OF_SEQUENCE if rnd.random() < 0.8 else b""
        return frames + extended + one(0x7FE00010, b"OB", table + b"".join(fragments) + end, 0xFFFFFFFF)
    if kind == 2:  # a private block
        creator = rnd.choice((b"SIEMENS CSA HEADER", b"GEMS_ACQU_01", b"X ", b"", b"\\"))
        return one(0x00290010, b"LO", creator) + one(0x00291008, rnd.choice(VRS), rnd.choice(VALUES))
    if kind == 3:  # unknown VR of undefined length holds implicit items
        inner = item(element(0x00080060, b"", b"MR", implicit=True) + END_OF_ITEM, 0xFFFFFFFF)
        return one(rnd.choice((0x00091001, 0x00081140, 0x7FE00010)), b"UN", inner + END_OF_SEQUENCE, 0xFFFFFFFF)
    if kind == 4:  # characters
        return one(0x00080005, b"CS", rnd.choice(VALUES)) + one(0x00100010, b"PN", rnd.choice(VALUES))
    if kind == 5:  # a picture
        shape = [(0x00280002, 1), (0x00280010, 4), (0x00280011, 4), (0x00280100, 8), (0x00280101, 8), (0x00280103, 1)]
        words = [(tag, rnd.choice((value, 0, 1, 65535, value))) for tag, value in shape]
        pixels = rnd.choice((b"", bytes(16), bytes(3), bytes(64)))
        return b"".join(one(tag, b"US", struct.pack("<H", value)) for tag, value in words) + one(
            0x7FE00010, b"OW", pixels
        )
    if kind == 6:
        return END_OF_ITEM if rnd.random() < 0.5 else END_OF_SEQUENCE
    if kind == 7:
        return item(rnd.choice(VALUES), rnd.choice((None, *LENGTHS)))
    return one(rnd.choice(TAGS), rnd.choice(VRS), rnd.choice(VALUES), rnd.choice((None, None, *LENGTHS)))


def _starts(content: bytes) -> list[tuple[int, int]]:
    """Where elements start, and where their values do, as far as a lenient walk into everything finds them."""
    found: list[tuple[int, int]] = []
    at = META_END if content[128:132] == b"DICM" else 0
    while at + 8 <= len(content) and len(found) < 2000:
        group, _, vr, short = struct.unpack_from("<HH2sH", content, at)
        long = int.from_bytes(content[at + 4 : at + 8], "little")
        if group == 0xFFFE:
            found.append((at, at + 8))
            at += 8
        elif vr in LONG and at + 12 <= len(content):
            length = int.from_bytes(content[at + 8 : at + 12], "little")
            found.append((at, at + 12))
            at += 12 if vr == b"SQ" or length == 0xFFFFFFFF else 12 + length
        elif vr in VRS:
            found.append((at, at + 8))
            at += 8 + short
        else:
            found.append((at, at + 8))
            at += 8 if long == 0xFFFFFFFF else 8 + long
    return found


def _any_place(content: bytes, rnd: Randomness) -> int:
    return rnd.randrange(min(len(content), 6000)) if content else 0


def flip(content: bytearray, rnd: Randomness) -> bytes:
    """Change some bytes."""
    for _ in range(rnd.choice((1, 1, 2, 6))):
        if content:
            content[_any_place(content, rnd)] = rnd.choice(
                (0, 1, 0x20, 0x5C, 0x7F, 0x80, 0xFE, 0xFF, rnd.randrange(256))
            )
    return bytes(content)


def cut(content: bytearray, rnd: Randomness) -> bytes:
    return bytes(content[: _any_place(content, rnd)])


def spread(content: bytearray, rnd: Randomness) -> bytes:
    """Put bytes in, twice or from elsewhere."""
    at, source = _any_place(content, rnd), _any_place(content, rnd)
    return bytes(content[:at] + content[source : source + rnd.choice((1, 2, 8, 40, 300))] + content[at:])


def drop(content: bytearray, rnd: Randomness) -> bytes:
    at = _any_place(content, rnd)
    return bytes(content[:at] + content[at + rnd.choice((1, 2, 8, 40, 300)) :])


def _element(content: bytearray, rnd: Randomness) -> bytes:  # noqa: C901, PLR0912
    starts = _starts(content)
    if not starts:
        return flip(content, rnd)
    index = rnd.randrange(len(starts))
    at, value = starts[index]
    after = starts[index + 1][0] if index + 1 < len(starts) else len(content)
    kind = rnd.randrange(8)
    code = bytes(content[at + 4 : at + 6])
    explicit, is_short = code in VRS, code in VRS and code not in LONG
    if kind == 0:
        content[at : at + 4] = struct.pack("<HH", *divmod(rnd.choice(TAGS), 1 << 16))
    elif kind == 1 and explicit:
        content[at + 4 : at + 6] = rnd.choice(VRS)
    elif kind == 2 and is_short:
        content[at + 6 : at + 8] = struct.pack("<H", rnd.choice(LENGTHS) & 0xFFFF)
    elif kind == 2:
        content[value - 4 : value] = struct.pack("<I", rnd.choice((*LENGTHS, after - value + 2, after - value)))
    elif kind == 3:
        return bytes(content[:at] + content[after:])
    elif kind == 4:
        return bytes(content[:after] + content[at:after] + content[after:])
    elif kind == 5:
        return bytes(content[:at] + _snippets(rnd, not explicit) + content[at:])
    elif kind == 6:
        put = rnd.choice(VALUES)
        if is_short:
            return bytes(content[: at + 6] + struct.pack("<H", len(put)) + put + content[after:])
        return bytes(content[: value - 4] + struct.pack("<I", len(put)) + put + content[after:])
    else:
        return bytes(content[:at] + _snippets(rnd, not explicit))
    return bytes(content)


def _syntax(content: bytearray, rnd: Randomness) -> bytes:
    """Say that it is written otherwise, or write it deflated."""
    starts = [at for at, _ in _starts(content) if content[at : at + 2] != b"\x02\0" and at >= META_END]
    begin = starts[0] if starts else len(content)
    body = bytes(content[begin:])
    if rnd.random() < 0.4:
        deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        packed = deflater.compress(body) + deflater.flush()
        return meta("1.2.840.10008.1.2.1.99") + (packed if rnd.random() < 0.8 else packed[: len(packed) // 2])
    return meta(rnd.choice(SYNTAXES), rnd.choice(("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.3.10"))) + body


def built(rnd: Randomness) -> bytes:
    """Write an object from nothing."""
    implicit = rnd.random() < 0.4
    head = [
        (0x00080016, b"1.2.840.10008.5.1.4.1.1.2\0"),
        (0x00080018, b"1.2.3\0"),
        (0x0020000D, b"1.2\0"),
        (0x0020000E, b"1.4\0"),
    ]
    parts = [(tag, element(tag, b"UI", value, implicit=implicit)) for tag, value in head]
    parts += [(rnd.choice(TAGS), _snippets(rnd, implicit)) for _ in range(rnd.randrange(8))]
    if rnd.random() < 0.7:
        parts.sort(key=lambda one: one[1][1::-1] + one[1][3:1:-1])
    return meta(SYNTAXES[0] if implicit else SYNTAXES[1]) + b"".join(part for _, part in parts)


STEPS: tuple[Callable[[bytearray, Randomness], bytes], ...] = (flip, cut, spread, drop, *(_element,) * 8, _syntax)


def mutated_object(content: bytes, rnd: Randomness, longest: int = 60_000) -> bytes:
    """Change an object in one to a few places."""
    if rnd.random() < 0.1:
        content = built(rnd)
    for _ in range(rnd.choice((1, 1, 1, 2, 3, 6))):
        content = rnd.choice(STEPS)(bytearray(content), rnd)[:longest]
    return content
