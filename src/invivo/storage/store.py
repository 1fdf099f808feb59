"""What every backend of the storage can do."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Protocol

from invivo.errors import Broken, TooLarge


class Missing(Broken):
    """An object that the database knows is not in the storage."""

    code = "storage.missing"


class TooManyBytes(TooLarge):
    """A stream is longer than ``limits.object_bytes``."""

    code = "storage.too-large"


@dataclass(frozen=True, slots=True)
class Spooled:
    """Bytes that have arrived but are not kept yet.

    Attributes
    ----------
    path : Path
        A temporary file of the store; it is not there where the bytes are in memory.
    sha256 : str
        64 hexadecimal digits.
    size : int
        Bytes.
    crc32 : int
        CRC-32 as ZIP has it (ISO 3309), unsigned.
    content : bytes or None
        The bytes themselves where they are few.
    """

    path: Path
    sha256: str
    size: int
    crc32: int
    content: bytes | None = None

    @property
    def source(self) -> Path | BytesIO:
        """What a reader of objects reads: the file, or the bytes in memory."""
        return self.path if self.content is None else BytesIO(self.content)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object's bytes lie: a file, the offset in it and the length, bytes."""

    path: Path
    offset: int
    length: int


class Store(Protocol):
    """A keeper of objects by digest."""

    def spool(self, chunks: Iterable[bytes], limit: int) -> Spooled: ...

    def spool_bytes(self, content: bytes, limit: int) -> Spooled: ...

    def keep(self, spooled: list[Spooled]) -> None: ...

    def adopt(self, digests: Sequence[str], other: "Store") -> None: ...

    def drop(self, spooled: Spooled) -> None: ...

    def place(self, digest: str) -> Place: ...

    def open(self, digest: str) -> BinaryIO: ...

    def holds(self, digest: str) -> bool: ...

    def remove(self, digest: str, age_s: float = 60.0) -> bool: ...
