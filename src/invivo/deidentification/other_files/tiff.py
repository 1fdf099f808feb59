"""TIFF: the pages are written anew with the tags that draw them; nothing else of the file is taken over."""

import struct
from dataclasses import dataclass

from invivo.deidentification.other_files import icc
from invivo.deidentification.other_files.jpeg import clean_jpeg
from invivo.deidentification.other_files.outcome import broken, refusal
from invivo.deidentification.other_files.wording import Wording
from invivo.deidentification.report import Action

MOST_PAGES = 2000
MOST_TAGS = 200
MOST_PIECES = 2_000_000
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _ROWS = 256, 257, 258, 259, 262, 277, 278
_PLANAR, _TILE_WIDTH = 284, 322
_PLACES = {273: 279, 324: 325}
_TABLES, _PROFILE = 347, 34675
_NUMBERS = {254: 4, 256: 4, 257: 4, 258: 64, 259: 4, 262: 4, 266: 2, 274: 2, 277: 2, 278: 4, 282: 8, 283: 8, 284: 2}
_NUMBERS |= {296: 2, 297: 4, 317: 2, 320: 3 << 17, 322: 4, 323: 4, 338: 32, 339: 64, 340: 256, 341: 256}
_NUMBERS |= {529: 24, 530: 4, 531: 2, 532: 48}
_KINDS = frozenset({3, 4, 5, 11, 12})
_KNOWN_COMPRESSIONS = frozenset({1, 5, 7, 8, 32773, 32946, 2, 3, 4})
_JPEG = 7


@dataclass(frozen=True, slots=True, repr=False)
class _Field:
    """A tag's value: its kind (type), how many, and its bytes."""

    kind: int
    count: int
    value: bytes


def clean_tiff(content: bytes, wording: Wording) -> tuple[bytes, list[Action]]:
    """The pages of a picture without descriptions, dates, programs, makers' tags and hidden pages.

    Raises
    ------
    CannotDeidentify
        Damaged, a BigTIFF, or compressed in a way that is not known.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(content[:4])
    if order is None:
        raise refusal("This kind of TIFF cannot be cleaned.", "unknown-kind")
    writer = _Writer(content, order, wording)
    (place,) = struct.unpack_from(order + "I", content, 4) if len(content) >= 8 else (0,)
    seen: set[int] = set()
    while place:
        if place in seen or len(seen) >= MOST_PAGES:
            raise broken("its pages run in a circle or are too many")
        seen.add(place)
        fields, place = _page(content, place, order)
        writer.add(fields, len(seen))
    if not seen:
        raise broken("it has no page")
    return bytes(writer.output), writer.actions


def _page(content: bytes, place: int, order: str) -> tuple[dict[int, _Field], int]:
    if place + 2 > len(content):
        raise broken("a page stands behind its end")
    (count,) = struct.unpack_from(order + "H", content, place)
    end = place + 2 + 12 * count
    if not 0 < count <= MOST_TAGS or end + 4 > len(content):
        raise broken("a page has too many tags")
    fields = {}
    for start in range(place + 2, end, 12):
        tag, kind, number = struct.unpack_from(order + "HHI", content, start)
        size = _SIZES.get(kind, 0) * number
        (where,) = (start + 8,) if size <= 4 else struct.unpack_from(order + "I", content, start + 8)
        if where + size <= len(content):
            fields[tag] = _Field(kind, number, content[where : where + size])
        elif tag in _NUMBERS or tag in _PLACES or tag in _PLACES.values():
            raise broken("a value stands behind its end")
    return fields, struct.unpack_from(order + "I", content, end)[0]


class _Writer:
    """Writes pages one after the other; ``_link`` is where the pointer to the next page stands."""

    def __init__(self, content: bytes, order: str, wording: Wording) -> None:
        self.output = bytearray(content[:4] + bytes(4))
        self.actions: list[Action] = []
        self._content, self._order, self._wording = content, order, wording
        self._link = 4

    def add(self, fields: dict[int, _Field], page: int) -> None:
        """Append a page with the tags that draw it."""
        kept: dict[int, _Field] = {}
        for tag, known in fields.items():
            if tag in _NUMBERS and known.kind in _KINDS and len(known.value) <= _NUMBERS[tag]:
                kept[tag] = known
            elif tag == _TABLES and len(known.value) <= 4096:
                tables = clean_jpeg(known.value, self._wording)[0]
                kept[tag] = _Field(7, len(tables), tables)
            elif tag == _PROFILE and icc.may_stay(known.value, self._wording):
                kept[tag] = known
            elif tag not in _PLACES and tag not in _PLACES.values():
                self.actions.append(Action(f"page {page} tag {tag}", "X", "tiff"))
        for places, sizes in _PLACES.items():
            if places in fields:
                self._add_pieces(fields, places, sizes, kept)
        if not kept.keys() & _PLACES.keys():
            raise broken("a page has no pixels")
        self._add_directory(kept)
        if len(self.output) > len(self._content) + (1 << 24):
            raise refusal("The pages of the picture overlap.", "hidden-content")

    def _add_pieces(self, fields: dict[int, _Field], places: int, sizes: int, kept: dict[int, _Field]) -> None:
        pieces = _pieces(self._content, fields, (places, sizes), self._order, self._wording)
        where = []
        for piece in pieces:
            where.append(len(self.output))
            self.output += piece
            if len(self.output) > 2 * len(self._content) + (1 << 24):
                raise refusal("The pages of the picture overlap.", "hidden-content")
        form = f"{self._order}{len(pieces)}I"
        kept[places] = _Field(4, len(pieces), struct.pack(form, *where))
        kept[sizes] = _Field(4, len(pieces), struct.pack(form, *map(len, pieces)))

    def _add_directory(self, kept: dict[int, _Field]) -> None:
        order, output, entries = self._order, self.output, []
        for tag in sorted(kept):
            one = kept[tag]
            value = one.value
            if len(value) > 4:
                output += bytes(len(output) % 2)
                place = len(output)
                output += value
                value = struct.pack(order + "I", place)
            entries.append(struct.pack(order + "HHI", tag, one.kind, one.count) + value.ljust(4, b"\0"))
        output += bytes(len(output) % 2)
        struct.pack_into(order + "I", output, self._link, len(output))
        output += struct.pack(order + "H", len(entries)) + b"".join(entries) + bytes(4)
        self._link = len(output) - 4


def _pieces(
    content: bytes, fields: dict[int, _Field], tags: tuple[int, int], order: str, wording: Wording
) -> list[bytes]:
    """The coded pixels of a page, each piece no longer than the picture needs where that can be told."""
    compression = _number(fields, _COMPRESSION, order, 1)
    if compression not in _KNOWN_COMPRESSIONS:
        raise refusal("The picture is compressed in a way that is not known.", "unknown-kind")
    starts, lengths = (_numbers(fields.get(tag), order) for tag in tags)
    if not starts or len(starts) != len(lengths) or len(starts) > MOST_PIECES:
        raise broken("its pixels are not where it says")
    longest = _longest(fields, order) if compression == 1 and tags[0] == 273 else None
    pieces = []
    for start, length in zip(starts, lengths, strict=True):
        if start + length > len(content):
            raise broken("it ends inside its pixels")
        piece = content[start : start + (length if longest is None else min(length, longest))]
        pieces.append(clean_jpeg(piece, wording)[0] if compression == _JPEG and piece else piece)
    return pieces


def _longest(fields: dict[int, _Field], order: str) -> int:
    """Bytes of a strip that is not compressed."""
    bits = sum(_numbers(fields.get(_BITS), order)) or 1
    samples = _number(fields, _SAMPLES, order, 1)
    if _number(fields, _PLANAR, order, 1) == 2:
        bits //= max(1, samples)
    rows = min(_number(fields, _ROWS, order, 1 << 31), _number(fields, _HEIGHT, order, 1))
    return rows * ((_number(fields, _WIDTH, order, 1) * bits + 7) // 8)


def _number(fields: dict[int, _Field], tag: int, order: str, default: int) -> int:
    found = _numbers(fields.get(tag), order)
    return found[0] if found else default


def _numbers(known: _Field | None, order: str) -> tuple[int, ...]:
    if known is None or known.kind not in {3, 4}:
        return ()
    return struct.unpack(f"{order}{known.count}{'H' if known.kind == 3 else 'I'}", known.value)
