"""One released file, any part of it."""

from collections.abc import Iterator
from dataclasses import dataclass

from invivo.archive import Archive

CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A released file as it lies in the storage, with what a range of it needs.

    The caller has found it through a verb that checks who may have it.
    """

    archive: Archive
    digest: str
    name: str
    length: int

    @property
    def etag(self) -> str:
        return f'"{self.digest[:40]}"'

    def chunks(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Yield the bytes [start, stop), at most a piece at a time."""
        left = (self.length if stop is None else stop) - start
        with self.archive.objects.open(self.digest) as stream:
            stream.seek(start)
            while left > 0 and (chunk := stream.read(min(CHUNK, left))):
                left -= len(chunk)
                yield chunk
        if left > 0:
            raise OSError("a stored object is shorter than the database says")
