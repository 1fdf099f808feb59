"""A ZIP with stored entries, any byte range of which can be made without making the rest.

References
----------
APPNOTE.TXT 6.3.10: 4.3.7 local header, 4.3.12 central directory, 4.3.14 ZIP64 end of central directory, 4.5.3 extended
information. Every entry uses ZIP64 fields, so the layout does not depend on sizes.
"""

import hashlib
import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

from invivo.archive import Archive
from invivo.downloads.citation import licence_table, licence_text, summary
from invivo.downloads.selection import Selection

CHUNK = 1 << 20
_DATE = 0x5821  # 1 January 2024, so that the same choice always gives the same bytes
_UTF8 = 0x0800
_BIG = 0xFFFFFFFF
_LOCAL_EXTRA, _CENTRAL_EXTRA = 20, 28


def _local(name: bytes, crc: int, size: int) -> bytes:
    fixed = struct.pack(
        "<4sHHHHHIIIHH", b"PK\x03\x04", 45, _UTF8, 0, 0, _DATE, crc, _BIG, _BIG, len(name), _LOCAL_EXTRA
    )
    return fixed + name + struct.pack("<HHQQ", 1, 16, size, size)


def _central(name: bytes, crc: int, size: int, offset: int) -> bytes:
    fixed = struct.pack(
        "<4sHHHHHHIIIHHHHHII",
        *(b"PK\x01\x02", 0x031E, 45, _UTF8, 0, 0, _DATE, crc, _BIG, _BIG, len(name), _CENTRAL_EXTRA, 0, 0, 0),
        *(0o100644 << 16, _BIG),
    )
    return fixed + name + struct.pack("<HHQQQ", 1, 24, size, size, offset)


class Package:
    """A selection as a ZIP.

    Parameters
    ----------
    archive : Archive
    selection : Selection
        Its files, in order; texts about them (README, licences, digests) come first.

    Attributes
    ----------
    length : int
        Bytes of the whole package.
    etag : str
        Strong entity tag, in quotes: it names these bytes and no others.
    name : str
        File name to offer.
    """

    def __init__(self, archive: Archive, selection: Selection) -> None:
        self._store = archive.objects
        self.name = f"{selection.name}.zip"
        texts = self._texts(archive, selection)
        self._inline = {place: text for place, (_, text) in enumerate(texts)}
        entries = [(path, zlib.crc32(text), len(text)) for path, text in texts]
        entries += [(file.path, file.crc32, file.size_bytes) for file in selection.files]
        self._digests = [""] * len(texts) + [file.digest for file in selection.files]
        self._entries = [(path.encode(), crc, size) for path, crc, size in entries]
        sizes = [30 + len(name) + _LOCAL_EXTRA + size for name, _, size in self._entries]
        self._starts = [0, *accumulate(sizes)]
        directory = sum(46 + len(name) + _CENTRAL_EXTRA for name, _, _ in self._entries)
        self.length = self._starts[-1] + directory + 56 + 20 + 22
        named = hashlib.sha256()
        for (name, crc, size), digest in zip(self._entries, self._digests, strict=True):
            named.update(b"%s\0%d\0%d\0%s\n" % (name, crc, size, digest.encode()))
        self.etag = f'"{named.hexdigest()[:40]}"'

    @staticmethod
    def _texts(archive: Archive, selection: Selection) -> list[tuple[str, bytes]]:
        digests = "".join(f"{file.digest}  {file.path}\n" for file in selection.files)
        name, url = archive.settings.site.name, archive.settings.public_url
        differ = [("licences.csv", licence_table(selection).encode())] if len(selection.licences) > 1 else []
        return [
            ("README.txt", summary(selection, name, url).encode()),
            ("LICENCE.txt", licence_text(selection).encode()),
            *differ,
            ("manifest-sha256.txt", digests.encode()),
        ]

    def chunks(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Yield the bytes [start, stop) of the package, at most 1 MiB at a time, with one file open at a time.

        Raises
        ------
        Missing
            A file is not in the storage: the download breaks off rather than go on with wrong bytes.
        """
        end = self.length if stop is None else min(stop, self.length)
        place = start
        if place < self._starts[-1]:
            first = bisect_right(self._starts, place) - 1
            for number in range(first, len(self._entries)):
                if self._starts[number] >= end:
                    return
                yield from self._entry(number, max(place, self._starts[number]), min(end, self._starts[number + 1]))
        if end > self._starts[-1]:
            tail = self._tail()
            yield from _sliced(tail, max(place - self._starts[-1], 0), end - self._starts[-1])

    def _entry(self, number: int, start: int, stop: int) -> Iterator[bytes]:
        name, crc, size = self._entries[number]
        begin = self._starts[number]
        header = _local(name, crc, size)
        body = begin + len(header)
        if start < body:
            yield header[start - begin : min(stop, body) - begin]
        first, last = max(start, body) - body, stop - body
        if last <= first:
            return
        if number in self._inline:
            yield self._inline[number][first:last]
            return
        place = self._store.place(self._digests[number])
        with place.path.open("rb") as stream:
            stream.seek(place.offset + first)
            while first < last:
                chunk = stream.read(min(CHUNK, last - first))
                if not chunk:
                    raise OSError("a stored object is shorter than the database says")
                first += len(chunk)
                yield chunk

    def _tail(self) -> bytes:
        directory = b"".join(
            _central(name, crc, size, start)
            for (name, crc, size), start in zip(self._entries, self._starts[:-1], strict=True)
        )
        count, begin = len(self._entries), self._starts[-1]
        end64 = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, len(directory), begin)
        locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, begin + len(directory), 1)
        few = min(count, 0xFFFF)
        end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, few, few, _BIG, _BIG, 0)
        return directory + end64 + locator + end


def _sliced(data: bytes, start: int, stop: int) -> Iterator[bytes]:
    for place in range(start, stop, CHUNK):
        yield data[place : min(place + CHUNK, stop)]
