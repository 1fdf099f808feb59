"""Blanks blocks of a sequential JPEG picture in its entropy-coded bits: all other blocks keep theirs.

Only the differences of the mean (DC) of blocks that follow a blanked one are written anew; they decode to the same
coefficients as before.

References
----------
ISO/IEC 10918-1 B.2, F.1.2 and F.2.2.
"""

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from invivo.deidentification.burned_in.picture import Rectangle

LONGEST_SEGMENT = 8 << 20
_RESTART = re.compile(rb"\xff+[\xd0-\xd7]")
_SEQUENTIAL = frozenset({0xC0, 0xC1})
_END_OF_BLOCK = 0x00
# Sixteen codes of five bits: every difference has a code.
_FLAT = (bytes([0, 0, 0, 0, 16, *[0] * 11]), bytes(range(16)))


class NotEditable(Exception):
    """The picture is no sequential Huffman JPEG of one scan, or damaged: it must be decoded and encoded anew."""


@dataclass(slots=True)
class _Component:
    number: int
    across: int
    down: int
    quantisation: int
    dc: int = 0
    ac: int = 0


@dataclass(slots=True)
class _Picture:
    bits: int = 0
    rows: int = 0
    columns: int = 0
    components: list[_Component] = field(default_factory=list)
    first_steps: dict[int, int] = field(default_factory=dict)
    tables: dict[tuple[int, int], tuple[bytes, bytes]] = field(default_factory=dict)
    interval: int = 0
    scan_header: int = 0
    scan: int = 0

    @property
    def unit(self) -> tuple[int, int]:
        """Width and height of a minimum coded unit in pixels."""
        if len(self.components) == 1:
            return 8, 8
        return 8 * max(part.across for part in self.components), 8 * max(part.down for part in self.components)

    def blocks(self) -> list[_Component]:
        """The component of each block of a unit."""
        if len(self.components) == 1:
            return self.components
        return [part for part in self.components for _ in range(part.across * part.down)]


def blank(frame: bytes, rectangles: Sequence[Rectangle], levels: Sequence[int]) -> bytes:
    """Fill all units that a rectangle touches with one colour.

    Parameters
    ----------
    levels : sequence of int
        The sample value of each component.

    Raises
    ------
    NotEditable
    """
    try:
        picture = _read(frame)
        end = frame.rindex(b"\xff\xd9")
        width, height = picture.unit
        across, down = -(-picture.columns // width), -(-picture.rows // height)
        touched = np.zeros((down, across), bool)
        for x, y, columns, rows in rectangles:
            touched[y // height : -(-(y + rows) // height), x // width : -(-(x + columns) // width)] = True
        means = _means(picture, levels)
        segments = _RESTART.split(frame[picture.scan : end])
        flags = touched.ravel().tolist()
        try:
            scan, tables = _rewritten(picture, segments, flags, means, flat=False), b""
        except KeyError:
            scan, tables = _rewritten(picture, segments, flags, means, flat=True), _flat_tables(picture)
    except (struct.error, IndexError, ValueError, KeyError):
        raise NotEditable from None
    head = frame[: picture.scan_header] + tables + frame[picture.scan_header : picture.scan]
    return head + scan + b"\xff\xd9"


def units_of(frame: bytes) -> tuple[int, int]:
    """Width and height of the units of a frame in pixels.

    Raises
    ------
    NotEditable
    """
    try:
        return _read(frame).unit
    except (struct.error, IndexError, ValueError, KeyError):
        raise NotEditable from None


def _read(frame: bytes) -> _Picture:
    """Walk the marker segments up to the first scan."""
    found, position = _Picture(), 2
    while True:
        if frame[position] != 0xFF:
            raise NotEditable
        marker = frame[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        (length,) = struct.unpack_from(">H", frame, position + 2)
        body = frame[position + 4 : position + 2 + length]
        if marker in _SEQUENTIAL:
            _read_frame_header(found, body)
        elif marker in range(0xC2, 0xD0) and marker not in (0xC4, 0xC8, 0xCC):
            raise NotEditable
        elif marker == 0xDB:
            _read_quantisation(found, body)
        elif marker == 0xC4:
            _read_huffman(found, body)
        elif marker == 0xDD:
            (found.interval,) = struct.unpack(">H", body)
        elif marker == 0xDA:
            _read_scan_header(found, body)
            found.scan_header, found.scan = position, position + 2 + length
            return found
        position += 2 + length


def _read_frame_header(found: _Picture, body: bytes) -> None:
    found.bits, found.rows, found.columns, count = struct.unpack_from(">BHHB", body)
    if found.bits not in (8, 12) or not found.rows or not found.columns:
        raise NotEditable
    for index in range(count):
        number, sampling, table = body[6 + index * 3 : 9 + index * 3]
        found.components.append(_Component(number, sampling >> 4, sampling & 15, table))


def _read_quantisation(found: _Picture, body: bytes) -> None:
    while body:
        wide = body[0] >> 4
        found.first_steps[body[0] & 15] = int.from_bytes(body[1 : 2 + wide], "big")
        body = body[1 + 64 * (1 + wide) :]


def _read_huffman(found: _Picture, body: bytes) -> None:
    while body:
        counts = body[1:17]
        found.tables[body[0] >> 4, body[0] & 15] = (counts, body[17 : 17 + sum(counts)])
        body = body[17 + sum(counts) :]


def _read_scan_header(found: _Picture, body: bytes) -> None:
    if not found.components or body[0] != len(found.components):
        raise NotEditable
    for index, part in enumerate(found.components):
        number, tables = body[1 + index * 2 : 3 + index * 2]
        if number != part.number:
            raise NotEditable
        part.dc, part.ac = tables >> 4, tables & 15


def _means(picture: _Picture, levels: Sequence[int]) -> list[int]:
    """The quantised mean of a block of one colour, for each component."""
    middle = 1 << (picture.bits - 1)
    steps = [picture.first_steps[part.quantisation] for part in picture.components]
    return [round(8 * (level - middle) / step) for level, step in zip(levels, steps, strict=True)]


def _codes(table: tuple[bytes, bytes]) -> dict[int, tuple[int, int]]:
    """Code and length of each symbol."""
    counts, symbols = table
    found, code, place = {}, 0, 0
    for length in range(1, 17):
        for _ in range(counts[length - 1]):
            found[symbols[place]] = (code, length)
            code, place = code + 1, place + 1
        code <<= 1
    return found


def _lookup(table: tuple[bytes, bytes], *, ac: bool) -> list[int]:
    """For each 16 bits: of a mean, size << 6 | length of the code; of the others, step in the block << 6 | all bits."""
    found = [0] * 65536
    for symbol, (code, length) in _codes(table).items():
        if ac:
            run = 64 if symbol == _END_OF_BLOCK else (symbol >> 4) + 1
            value = run << 6 | (length + (symbol & 15))
        else:
            value = symbol << 6 | length
        first = code << (16 - length)
        found[first : first + (1 << (16 - length))] = [value] * (1 << (16 - length))
    return found


def _rewritten(picture: _Picture, segments: list[bytes], touched: list[bool], means: list[int], *, flat: bool) -> bytes:
    written, done = [], 0
    for number, segment in enumerate(segments):
        if len(segment) > LONGEST_SEGMENT:
            raise NotEditable
        count = min(picture.interval or len(touched), len(touched) - done)
        flags = touched[done : done + count]
        done += count
        if any(flags) or flat:
            written.append(_Segment(picture, segment, flat=flat).rewritten(flags, means))
        else:
            written.append(segment)
        if number < len(segments) - 1:
            written.append(bytes([0xFF, 0xD0 + number % 8]))
    if done != len(touched):
        raise NotEditable
    return b"".join(written)


class _Segment:
    """The blocks between two restarts."""

    def __init__(self, picture: _Picture, stored: bytes, *, flat: bool) -> None:
        raw = stored.replace(b"\xff\x00", b"\xff")
        padded = np.frombuffer(raw + b"\xff" * 8, np.uint8).astype(np.uint32)
        words = padded[:-3] << 24 | padded[1:-2] << 16 | padded[2:-1] << 8 | padded[3:]
        ahead = (words[:, None] >> (16 - np.arange(8, dtype=np.uint32))) & 0xFFFF
        self._ahead = memoryview(ahead.astype(np.uint16).tobytes()).cast("H")
        self._bits = np.unpackbits(np.frombuffer(raw, np.uint8))
        self._picture, self._flat = picture, flat
        self._pieces: list[NDArray[Any]] = []
        self._copied = (0, 0)

    def rewritten(self, touched: list[bool], means: list[int]) -> bytes:
        """The segment anew, with blanked units where ``touched`` says."""
        picture = self._picture
        parts = picture.components
        dc = [_lookup(picture.tables[0, part.dc], ac=False) for part in parts]
        ac = [_lookup(picture.tables[1, part.ac], ac=True) for part in parts]
        codes = [_codes(_FLAT if self._flat else picture.tables[0, part.dc]) for part in parts]
        ends = [_codes(picture.tables[1, part.ac])[_END_OF_BLOCK] for part in parts]
        order = [parts.index(part) for part in picture.blocks()]
        old, new = [0] * len(parts), [0] * len(parts)
        position = 0
        for is_touched in touched:
            for index in order:
                start = position
                difference, behind = self._difference(position, dc[index])
                position = self._block_end(behind, ac[index])
                old[index] += difference
                wanted = means[index] if is_touched else old[index]
                step, new[index] = wanted - new[index], wanted
                if not is_touched and step == difference and not self._flat:
                    self._copy(start, position)
                    continue
                self._write_difference(step, codes[index])
                if is_touched:
                    self._write(*ends[index])
                else:
                    self._copy(behind, position)
        return self._packed()

    def _difference(self, position: int, table: list[int]) -> tuple[int, int]:
        value = table[self._ahead[position]]
        size, position = value >> 6, position + (value & 63)
        if not value or size > 15:
            raise NotEditable
        if not size:
            return 0, position
        bits = self._ahead[position] >> (16 - size)
        return (bits if bits >> (size - 1) else bits - (1 << size) + 1), position + size

    def _block_end(self, position: int, table: list[int]) -> int:
        ahead, place = self._ahead, 1
        while place < 64:
            value = table[ahead[position]]
            if not value:
                raise NotEditable
            position += value & 63
            place += value >> 6
        if position > len(self._bits):
            raise NotEditable
        return position

    def _copy(self, start: int, end: int) -> None:
        if start == self._copied[1]:
            self._copied = (self._copied[0], end)
        else:
            self._flush()
            self._copied = (start, end)

    def _flush(self) -> None:
        start, end = self._copied
        if end > start:
            self._pieces.append(self._bits[start:end])
        self._copied = (0, 0)

    def _write(self, code: int, length: int) -> None:
        self._flush()
        self._pieces.append(np.array([code >> (length - 1 - bit) & 1 for bit in range(length)], np.uint8))

    def _write_difference(self, step: int, codes: dict[int, tuple[int, int]]) -> None:
        size = abs(step).bit_length()
        self._write(*codes[size])
        if size:
            self._write(step if step > 0 else step + (1 << size) - 1, size)

    def _packed(self) -> bytes:
        self._flush()
        bits = np.concatenate(self._pieces)
        whole = np.concatenate((bits, np.ones(-len(bits) % 8, np.uint8)))
        return np.packbits(whole).tobytes().replace(b"\xff", b"\xff\x00")


def _flat_tables(picture: _Picture) -> bytes:
    written = []
    for number in sorted({part.dc for part in picture.components}):
        body = bytes([number]) + _FLAT[0] + _FLAT[1]
        written.append(struct.pack(">BBH", 0xFF, 0xC4, len(body) + 2) + body)
    return b"".join(written)
