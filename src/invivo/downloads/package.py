"""A bag as a ZIP or a tar, any byte range of which can be made without making the rest."""

import hashlib
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

from invivo.archive import Archive
from invivo.downloads.bag import PAYLOAD, added_files, tag_files
from invivo.downloads.container import CONTAINERS, Entry
from invivo.downloads.selection import Selection, need_files

CHUNK = 1 << 20


class Package:
    """A selection as a package.

    Parameters
    ----------
    archive : Archive
    selection : Selection
        Its files, in order, below ``data/``; texts about them (README, licences, digests) come first.
    form : {"zip", "tar"}
        In a tar all lies in a folder of the package's name; a ZIP is unpacked into a folder of its own.

    Attributes
    ----------
    length : int
        Bytes of the whole package.
    etag : str
        Strong entity tag, in quotes: it names these bytes and no others.
    name : str
        File name to offer.
    media_type : str
    """

    def __init__(self, archive: Archive, selection: Selection, form: str = "zip") -> None:
        need_files(selection)
        self._store = archive.objects
        self._container = CONTAINERS[form]
        self.name = f"{selection.name}.{self._container.ending}"
        self.media_type = self._container.media_type
        base = f"{selection.name}/" if form == "tar" else ""
        added = added_files(selection)
        texts = [*tag_files(archive, selection, added), *added]
        self._inline = {place: text for place, (_, text) in enumerate(texts)}
        self._entries = [Entry(base + path, zlib.crc32(text), len(text)) for path, text in texts]
        self._entries += [Entry(f"{base}{PAYLOAD}{file.path}", file.crc32, file.size_bytes) for file in selection.files]
        self._digests = [""] * len(texts) + [file.digest for file in selection.files]
        sizes = [
            self._container.head_length(one) + one.size_bytes + self._container.padding(one) for one in self._entries
        ]
        self._starts = [0, *accumulate(sizes)]
        self.length = self._starts[-1] + self._container.tail_length(self._entries, self._starts[-1])
        named = hashlib.sha256(form.encode())
        for one, digest in zip(self._entries, self._digests, strict=True):
            named.update(b"%s\0%d\0%d\0%s\n" % (one.name.encode(), one.crc32, one.size_bytes, digest.encode()))
        self.etag = f'"{named.hexdigest()[:40]}"'

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
            yield from self._tail(max(place, self._starts[-1]), end)

    def _entry(self, number: int, start: int, stop: int) -> Iterator[bytes]:
        entry, begin = self._entries[number], self._starts[number]
        head = self._container.head(entry)
        body = begin + len(head)
        after = body + entry.size_bytes
        if start < body:
            yield head[start - begin : min(stop, body) - begin]
        if max(start, body) < min(stop, after):
            yield from self._content(number, max(start, body) - body, min(stop, after) - body)
        if stop > after:
            yield b"\0" * (stop - max(start, after))

    def _content(self, number: int, first: int, last: int) -> Iterator[bytes]:
        if number in self._inline:
            yield from (self._inline[number][place : min(place + CHUNK, last)] for place in range(first, last, CHUNK))
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

    def _tail(self, start: int, stop: int) -> Iterator[bytes]:
        begin = self._starts[-1]
        for piece in self._container.tail(self._entries, self._starts):
            end = begin + len(piece)
            if max(start, begin) < min(stop, end):
                yield piece[max(start, begin) - begin : min(stop, end) - begin]
            begin = end
