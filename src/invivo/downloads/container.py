"""ZIP and tar, such that the place of every byte is known from names and sizes alone.

References
----------
APPNOTE.TXT 6.3.10: 4.3.7 local header, 4.3.12 central directory, 4.3.14 ZIP64 end of central directory, 4.5.3 extended
information. Every entry uses ZIP64 fields, so the layout does not depend on sizes.
IEEE Std 1003.1-2017, pax: ustar and pax interchange formats.
"""

import struct
import tarfile
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple, Protocol

_DATE = 0x5821  # 1 January 2024, so that the same choice always gives the same bytes
_SECONDS = 1704067200
_UTF8 = 0x0800
_BIG = 0xFFFFFFFF
_LOCAL_EXTRA, _CENTRAL_EXTRA = 20, 28
_AT_ONCE = 4096


class Entry(NamedTuple):
    """A file in a package."""

    name: str
    crc32: int
    size_bytes: int


class Container(Protocol):
    """A form of package."""

    ending: str
    media_type: str

    def head_length(self, entry: Entry) -> int: ...

    def head(self, entry: Entry) -> bytes: ...

    def padding(self, entry: Entry) -> int: ...

    def tail_length(self, entries: Sequence[Entry], begin: int) -> int: ...

    def tail(self, entries: Sequence[Entry], starts: Sequence[int]) -> Iterator[bytes]: ...


class Zip:
    """A ZIP with stored entries."""

    ending = "zip"
    media_type = "application/zip"

    def head_length(self, entry: Entry) -> int:
        """Return the bytes before an entry's content."""
        return 30 + len(entry.name.encode()) + _LOCAL_EXTRA

    def head(self, entry: Entry) -> bytes:
        """Return what stands before an entry's content."""
        name, size = entry.name.encode(), entry.size_bytes
        fixed = struct.pack(
            "<4sHHHHHIIIHH", b"PK\x03\x04", 45, _UTF8, 0, 0, _DATE, entry.crc32, _BIG, _BIG, len(name), _LOCAL_EXTRA
        )
        return fixed + name + struct.pack("<HHQQ", 1, 16, size, size)

    def padding(self, _entry: Entry) -> int:
        """Return the bytes after an entry's content."""
        return 0

    def tail_length(self, entries: Sequence[Entry], _begin: int) -> int:
        """Return the bytes after the last entry."""
        return sum(46 + len(one.name.encode()) + _CENTRAL_EXTRA for one in entries) + 56 + 20 + 22

    def tail(self, entries: Sequence[Entry], starts: Sequence[int]) -> Iterator[bytes]:
        """Yield what stands after the last entry, in pieces."""
        pairs, length = iter(zip(entries, starts, strict=False)), 0
        while chunk := b"".join(_central(one, start) for one, start in islice(pairs, _AT_ONCE)):
            length += len(chunk)
            yield chunk
        count, begin = len(entries), starts[-1]
        end64 = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, length, begin)
        locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, begin + length, 1)
        few = min(count, 0xFFFF)
        yield end64 + locator + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, few, few, _BIG, _BIG, 0)


def _central(entry: Entry, offset: int) -> bytes:
    name, size = entry.name.encode(), entry.size_bytes
    fixed = struct.pack(
        "<4sHHHHHHIIIHHHHHII",
        *(b"PK\x01\x02", 0x031E, 45, _UTF8, 0, 0, _DATE, entry.crc32, _BIG, _BIG, len(name), _CENTRAL_EXTRA, 0, 0, 0),
        *(0o100644 << 16, _BIG),
    )
    return fixed + name + struct.pack("<HHQQQ", 1, 24, size, size, offset)


class Tar:
    """A tar; all of it lies in one folder, as a bag has to (RFC 8493, 4)."""

    ending = "tar"
    media_type = "application/x-tar"

    def head_length(self, entry: Entry) -> int:
        """Return the bytes before an entry's content; a long name or a great size takes a block or two more."""
        is_short = len(entry.name) <= tarfile.LENGTH_NAME and entry.size_bytes < 8**11 and entry.name.isascii()
        return tarfile.BLOCKSIZE if is_short else len(self.head(entry))

    def head(self, entry: Entry) -> bytes:
        """Return what stands before an entry's content."""
        told = tarfile.TarInfo(entry.name)
        told.size, told.mtime, told.mode = entry.size_bytes, _SECONDS, 0o644
        return told.tobuf(tarfile.PAX_FORMAT)

    def padding(self, entry: Entry) -> int:
        """Return the bytes after an entry's content."""
        return -entry.size_bytes % tarfile.BLOCKSIZE

    def tail_length(self, _entries: Sequence[Entry], begin: int) -> int:
        """Return the bytes after the last entry: two empty blocks, and up to a whole record."""
        return 2 * tarfile.BLOCKSIZE + -(begin + 2 * tarfile.BLOCKSIZE) % tarfile.RECORDSIZE

    def tail(self, entries: Sequence[Entry], starts: Sequence[int]) -> Iterator[bytes]:
        """Yield what stands after the last entry."""
        yield b"\0" * self.tail_length(entries, starts[-1])


CONTAINERS: dict[str, Container] = {"zip": Zip(), "tar": Tar()}
